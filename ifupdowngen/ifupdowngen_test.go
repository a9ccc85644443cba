package ifupdowngen_test

import (
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nova-manage/ifupdowngen"
	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
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
		"vlan": {
			Bridges: []links.Bridge{
				{Name: "br100", VLAN: 100, Parent: "eth0", MTU: 1450, Addresses: prefixes("10.0.1.1/27 fd00:1::1/64")},
				{Name: "br101", VLAN: 101, Parent: "eth0", Addresses: prefixes("fd00:1:0:1::1/64")},
			},
			Uplinks:  []links.Uplink{{Name: "eth0"}, {Name: "eth1.5"}},
			Floating: []links.Floating{floating("203.0.113.5", ""), floating("2001:db8::5", "eth0"), floating("2001:db8::6", "eth1.5")},
		},
		"flat": {Bridges: []links.Bridge{
			{Name: "br.5", Parent: "eth1", Addresses: prefixes("10.0.0.1/24 10.0.1.1/24 fd00::1/64")},
			{Name: "a-b_c+d@e~f"},
		}},
	}
}

func TestAppend(t *testing.T) {
	for name, c := range goldenConfigs() {
		b, err := ifupdowngen.Append(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		configtest.Golden(t, name, b)
		if again, _ := ifupdowngen.Append([]byte("before\n"), c); string(again) != "before\n"+string(b) {
			t.Error("a second rendering differs, or what was in the buffer is gone")
		}
	}
}

func TestAppend_error(t *testing.T) {
	for parent, want := range map[string]string{
		"none": "bridge br1: parent none: must not be a word of bridge-utils", "regex": "bridge br1: parent regex: must not be a word of bridge-utils",
		"noregex": "bridge br1: parent noregex: must not be a word of bridge-utils", "none0": "", "e\n": `bridge br1: parent "e\n": must not contain '\n'`,
	} {
		b, err := ifupdowngen.Append([]byte("kept"), links.Config{Bridges: []links.Bridge{{Name: "br1", Parent: parent}}})
		configtest.WantBound(t, err, want)
		if err != nil && string(b) != "kept" {
			t.Errorf("a refused name leaves %q", b)
		}
	}
	// A VLAN's parent is no port.
	if err := ifupdowngen.Validate(links.Config{Bridges: []links.Bridge{{Name: "br1", VLAN: 1, Parent: "none"}}}); err != nil {
		t.Error(err)
	}
}

// TestIfup lets ifup read the files, where it is installed: it says what it would do.
func TestIfup(t *testing.T) {
	ifup, err := exec.LookPath("ifup")
	if err != nil {
		t.Skip("ifup is not in PATH") // which is not in use beside systemd-networkd
	}
	b, err := ifupdowngen.Append(nil, goldenConfigs()["vlan"])
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(ifup, "--no-act", "--verbose", "--all", "--no-loopback", "--state-dir", t.TempDir(), "--interfaces", configtest.WriteTemp(t, string(b))).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, command := range []string{"ip addr add 10.0.1.1/255.255.255.224", "ip -6 addr add fd00:1::1/64  dev br100  nodad", "ip link set dev br100 mtu 1450",
		`ip link set dev br100 address "$(cat /sys/class/net/br100/address)"`, "ip route replace local 203.0.113.5/32 dev nova-float"} {
		if !strings.Contains(string(out), "\n"+command) {
			t.Errorf("ifup would not run %s:\n%s", command, out)
		}
	}
}

// What a line may look like, by interfaces(5), bridge-utils-interfaces(5), vlan-interfaces(5) and ip(8). It is an allow-list
// that takes nothing from the code that it judges.
const (
	name  = `([!-~]{1,15})`
	text4 = `([0-9.]+)`
	text6 = `([0-9a-f]+:[0-9a-f:]*)`
)

var lines = []*regexp.Regexp{
	regexp.MustCompile(`\A()\z`),
	regexp.MustCompile(`\Aauto ` + name + `\z`),
	regexp.MustCompile(`\Aiface ` + name + ` (?:inet manual|inet static|inet6 static)\z`),
	regexp.MustCompile(`\A\tvlan-raw-device ` + name + `\z`),
	regexp.MustCompile(`\A\tbridge_ports ` + name + `\z`),
	regexp.MustCompile(`\A\t(?:bridge_stp off|bridge_fd 0|bridge_maxwait 0|accept_ra 0|dad-attempts 0)()\z`),
	regexp.MustCompile(`\A\tup ip link set dev ` + name + ` (?:mtu [1-9][0-9]{1,4}|type bridge mcast_snooping 0)\z`),
	regexp.MustCompile(`\A\tup ip link set dev ` + name + ` address "\$\(cat /sys/class/net/` + name + `/address\)"\z`),
	regexp.MustCompile(`\A\taddress (?:` + text4 + `/[0-9]{1,2}|` + text6 + `/[0-9]{1,3})\z`),
	regexp.MustCompile(`\A\tup ip route replace local ` + text4 + `/32 dev nova-float\z`),
	regexp.MustCompile(`\A\tup ip -6 neigh replace proxy ` + text6 + ` dev ` + name + `\z`),
	regexp.MustCompile(`\A\tup sysctl -q -w net/ipv6/conf/` + name + `/proxy_ndp=1\z`),
}

// judge reads a file and fails at whatever is not allowed in it.
func judge(t *testing.T, text []byte) {
	t.Helper()
	for i, line := range strings.Split(string(text), "\n") {
		if i == 0 {
			if !strings.HasPrefix(line, "# Written by nova-manage") {
				t.Errorf("%q is no header", line)
			}
			continue
		}
		ok := slices.ContainsFunc(lines, func(r *regexp.Regexp) bool {
			m := r.FindStringSubmatch(line)
			if m == nil {
				return false
			}
			for _, s := range m[1:] {
				a, err := netip.ParseAddr(s)
				if s != "" && !configtest.AllowedName(s) && (err != nil || a.String() != s) {
					return false
				}
			}
			return true
		})
		if !ok {
			t.Errorf("line %d: %q is not allowed in\n%s", i+1, line, text)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range append(configtest.NameSeeds(), "lo", "0", "none", "regex", "noregex", "br1 br2", "br1\n\tup reboot", "br1:0", "br1=x", "$(x)", "`x`", "nova-float", "vlan7", "eth0") {
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
				allowed = link && name != "vlan7" && name != "theuplink"
			case i == 1 && name == "":
				allowed = true
			case i == 1:
				allowed = link && name != "thebridge" && name != "none" && name != "regex" && name != "noregex"
			case i == 2:
				allowed = link && name != "thebridge" && name != "vlan7"
			}
			b, err := ifupdowngen.Append(nil, c)
			if (err == nil) != allowed {
				t.Fatalf("%+v: allowed is %t, but the generator says %v", c, allowed, err)
			}
			if err == nil {
				judge(t, b)
			}
		}
	})
}
