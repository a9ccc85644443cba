package netplangen_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
	"nova-manage/netplangen"
)

func prefixes(texts string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range strings.Fields(texts) {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func floating(address, uplink string) links.Floating {
	return links.Floating{Address: netip.MustParseAddr(address), Interface: uplink}
}

func goldenConfigs() map[string]links.Config {
	return map[string]links.Config{
		"vlan.yaml": {
			Bridges: []links.Bridge{
				{Name: "br100", VLAN: 100, Parent: "eth0", MTU: 1450, Addresses: prefixes("10.0.1.1/27 fd00:1::1/64")},
				{Name: "br101", VLAN: 101, Parent: "eth1", Addresses: prefixes("10.0.1.33/27")},
				{Name: "br102", VLAN: 102, Parent: "eth1"},
			},
			Uplinks:  []links.Uplink{{Name: "eth0"}},
			Floating: []links.Floating{floating("203.0.113.5", ""), floating("203.0.113.6", ""), floating("2001:db8::5", "eth0")},
		},
		"flat.yaml": {Bridges: []links.Bridge{
			{Name: "yes", Parent: "eth1", Addresses: prefixes("10.0.0.1/24 10.0.1.1/24 fd00::1/64")},
			{Name: "0x5"}, {Name: "1.5"}, {Name: "~"}, {Name: "a-b_c+d@e~f"},
		}},
		"none.yaml": {Uplinks: []links.Uplink{{Name: "eth0"}}},
	}
}

func TestAppend(t *testing.T) {
	for name, c := range goldenConfigs() {
		b, err := netplangen.Append(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		configtest.Golden(t, name, b)
		compare(t, c, b)
		if again, _ := netplangen.Append([]byte("before\n"), c); string(again) != "before\n"+string(b) {
			t.Error("a second rendering differs, or what was in the buffer is gone")
		}
	}
}

func TestAppend_error(t *testing.T) {
	for _, c := range []links.Config{{Bridges: []links.Bridge{{Name: "renderer"}}}, {Bridges: []links.Bridge{{Name: "br1", Parent: "renderer"}}}} {
		b, err := netplangen.Append([]byte("kept"), c)
		configtest.WantBound(t, err, "link renderer: must not be a key of netplan")
		if string(b) != "kept" {
			t.Errorf("a refused name leaves %q", b)
		}
	}
}

// generator is netplan's own parser, which needs no running system.
func generator(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/libexec/netplan/generate", "/lib/netplan/generate"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if path := os.Getenv("NOVA_MANAGE_NETPLAN_GENERATE"); path != "" {
		return path
	}
	t.Skip("netplan is not installed") // nobody has it beside networkd's own files
	return ""
}

// TestGenerate lets netplan make networkd's files of ours, beside an operator's file that defines the uplink.
func TestGenerate(t *testing.T) {
	generate := generator(t)
	for name, c := range goldenConfigs() {
		dir := t.TempDir()
		b, err := netplangen.Append(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		configtest.WriteTree(t, filepath.Join(dir, "etc/netplan"), map[string][]byte{
			"01-operator.yaml": []byte("network:\n  version: 2\n  ethernets:\n    eth0:\n      addresses: [192.0.2.1/24]\n"),
			"60-nova.yaml":     b,
		})
		if out, err := exec.Command(generate, "--root-dir", dir).CombinedOutput(); err != nil || bytes.Contains(out, []byte("rror")) {
			t.Errorf("netplan refuses %s: %v: %s", name, err, out)
		}
		read := func(name string) string {
			text, err := os.ReadFile(filepath.Join(dir, "run/systemd/network/10-netplan-"+name))
			if err != nil {
				t.Error(err)
			}
			return string(text)
		}
		for _, bridge := range c.Bridges {
			text := read(bridge.Name + ".network")
			for _, p := range bridge.Addresses {
				if !strings.Contains(text, "\nAddress="+p.String()+"\n") {
					t.Errorf("%s has no %s:\n%s", bridge.Name, p, text)
				}
			}
			for _, line := range []string{"ConfigureWithoutCarrier=yes", "IPv6AcceptRA=no", "RequiredForOnline=no"} {
				if !strings.Contains(text, line) {
					t.Errorf("%s has no %s:\n%s", bridge.Name, line, text)
				}
			}
			if text := read(bridge.Name + ".netdev"); !strings.Contains(text, "ForwardDelaySec=0\nSTP=false") {
				t.Errorf("%s forwards late:\n%s", bridge.Name, text)
			}
			if bridge.VLAN != 0 {
				if text := read(bridge.Parent + ".network"); !strings.Contains(text, "\nVLAN="+bridge.VLANName()+"\n") {
					t.Errorf("%s does not carry VLAN %d:\n%s", bridge.Parent, bridge.VLAN, text)
				}
			}
		}
		for _, a := range c.FloatingIPv4() {
			if text := read("nova-float.network"); !strings.Contains(text, "Destination="+a.String()+"/32\nScope=host\nType=local\n") {
				t.Errorf("no route for %s:\n%s", a, text)
			}
		}
	}
}

// compare reads the file back with another's YAML, and builds what must be in it by another way.
func compare(t *testing.T, c links.Config, text []byte) {
	t.Helper()
	var got map[string]any
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	type m = map[string]any
	texts := func(list ...string) []any {
		all := []any{}
		for _, s := range list {
			all = append(all, s)
		}
		return all
	}
	ethernets, vlans, bridges := m{}, m{}, m{}
	bridge := func() m {
		return m{"link-local": texts(), "accept-ra": false, "ignore-carrier": true, "optional": true, "parameters": m{"stp": false, "forward-delay": 0}}
	}
	defined := map[string]bool{"": true}
	for _, u := range c.Uplinks {
		defined[u.Name] = true
	}
	for _, b := range c.Bridges {
		if !defined[b.Parent] {
			ethernets[b.Parent] = m{}
		}
		one := bridge()
		port := b.Parent
		if b.VLAN != 0 {
			port = fmt.Sprintf("vlan%d", b.VLAN)
			vlans[port] = m{"id": b.VLAN, "link": b.Parent, "link-local": texts(), "accept-ra": false, "optional": true}
		}
		if port != "" {
			one["interfaces"] = texts(port)
		}
		for _, p := range b.Addresses {
			list, _ := one["addresses"].([]any)
			one["addresses"] = append(list, p.String())
			if p.Addr().Is6() {
				one["link-local"] = texts("ipv6")
			}
		}
		if b.MTU != 0 {
			one["mtu"] = b.MTU
		}
		bridges[b.Name] = one
	}
	var routes []any
	for _, f := range c.Floating {
		if f.Address.Is4() {
			routes = append(routes, m{"to": f.Address.String() + "/32", "type": "local"})
		}
	}
	if routes != nil {
		bridges["nova-float"] = bridge()
		bridges["nova-float"].(m)["routes"] = routes
	}
	network := m{"version": 2}
	for name, links := range map[string]m{"ethernets": ethernets, "vlans": vlans, "bridges": bridges} {
		if len(links) > 0 {
			network[name] = links
		}
	}
	if want := (m{"network": network}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v is read back as\n%v\nwant\n%v\nfrom\n%s", c, got, want, text)
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range append(configtest.NameSeeds(), "lo", "0", "1e3", "0x10", "yes", "NO", "null", "~", ".inf", "2001-01-01", "a: b", "- a", "&a", "*a", "!a", "'a'", `"a"`,
		`a\n`, "renderer", "nova-float", "vlan7", "eth0", "<<", "12:30") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		link := configtest.AllowedName(name) && name != "lo" && name != "nova-float" && strings.Trim(name, "0123456789") != ""
		for i, c := range []links.Config{
			{Bridges: []links.Bridge{{Name: name, VLAN: 7, Parent: "theuplink", MTU: 1400, Addresses: prefixes("10.0.0.1/8 fd00::1/64")}}},
			{Bridges: []links.Bridge{{Name: "thebridge", Parent: name}}},
			{Bridges: []links.Bridge{{Name: "thebridge", VLAN: 7, Parent: name}}},
			{Uplinks: []links.Uplink{{Name: name}}, Floating: []links.Floating{floating("203.0.113.1", ""), floating("2001:db8::1", name)}},
		} {
			allowed := link
			switch {
			case i == 0:
				allowed = link && name != "vlan7" && name != "theuplink" && name != "renderer"
			case i == 1 && name == "":
				allowed = true
			case i == 1:
				allowed = link && name != "thebridge" && name != "renderer"
			case i == 2:
				allowed = link && name != "thebridge" && name != "vlan7" && name != "renderer"
			}
			b, err := netplangen.Append(nil, c)
			if (err == nil) != allowed {
				t.Fatalf("%+v: allowed is %t, but the generator says %v", c, allowed, err)
			}
			if err == nil {
				compare(t, c, b)
			}
		}
	})
}
