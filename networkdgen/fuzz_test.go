package networkdgen_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
	"nova-manage/networkdgen"
)

// nameSeeds are names at the edges of the rule, and what networkd's files and folders would make of some.
func nameSeeds() []string {
	return append(configtest.NameSeeds(), "eth0", "br100", "br1\n[Route]", "br1]", "[br1", "br1 br2", "!br1", "br*", "br?", "br[12]", "br1=", "=br1", "br;1",
		"br\\1", "%i", "007", "0", "1", "lo", "nova-float", "vlan1", "vlan2", "60-nova-br1", "br1.network", "br.netdev.", "x.d")
}

// allowedFile is the oracle for the base name of an uplink's file.
var allowedFile = regexp.MustCompile(`\A[A-Za-z0-9_+@~:,=-][A-Za-z0-9_.+@~:,=-]{0,244}\.network\z`)

// FuzzNames gives the same text to a bridge, to a parent and its uplink, to an uplink's file and to the interface of
// floating addresses.
func FuzzNames(f *testing.F) {
	for _, name := range nameSeeds() {
		f.Add(name)
		f.Add(name + ".network")
	}
	long := strings.Repeat("a", 245) + ".network"
	for _, name := range []string{"10-eth0.network", ".network", "..network", "a/b.network", "../a.network", "a.network/", "a.network\n", "a\n.network", long, "a" + long,
		"60-nova-br1.network", "60-nova-.network", "60-nova.network", "a.netdev", "a.network.d"} {
		f.Add(name)
	}
	two := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}
	f.Fuzz(func(t *testing.T, name string) {
		judge := func(c links.Config, allowed bool) {
			files, err := networkdgen.Files(c)
			if (err == nil) != allowed {
				t.Fatalf("%+v: allowed is %t, but the generator says %v", c, allowed, err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%q: the message has more than one line: %q", name, err)
			}
			byName := make(map[string][]byte)
			for _, f := range files {
				byName[f.Name] = f.Text
			}
			read, err := readTree(byName)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if allowed {
				compare(t, c, read)
			}
		}
		link := linkName(name) && name != "nova-float" && name != "vlan7"
		judge(links.Config{
			Bridges: []links.Bridge{{Name: name, VLAN: 7, Parent: "theuplink", Addresses: two}},
			Uplinks: []links.Uplink{{Name: "theuplink", File: "10-eth0.network"}},
		}, link && name != "theuplink")
		judge(links.Config{
			Bridges:  []links.Bridge{{Name: "thebridge", VLAN: 7, Parent: name, Addresses: two}},
			Uplinks:  []links.Uplink{{Name: name, File: "10-eth0.network"}},
			Floating: []links.Floating{floating("203.0.113.1", ""), floating("2001:db8::1", name)},
		}, link && name != "thebridge")
		judge(links.Config{
			Bridges: []links.Bridge{{Name: "thebridge", Parent: "eth0"}},
			Uplinks: []links.Uplink{{Name: "eth0", File: name, DHCP: true}},
		}, allowedFile.MatchString(name) && !strings.HasPrefix(name, "60-nova-"))
		if link, ok := networkdgen.LinkOf("60-nova-" + name + ".network"); ok != linkName(name) || ok && link != name {
			t.Errorf("60-nova-%q.network is of %q, %t", name, link, ok)
		}
		file, ok := networkdgen.IsDropIn(name + ".d/60-nova.conf")
		if want := allowedFile.MatchString(name) && !strings.HasPrefix(name, "60-nova-"); ok != want || ok && file != name {
			t.Errorf("%q.d/60-nova.conf is to %q, %t", name, file, ok)
		}
	})
}

// numbers hands out what a fuzz target was given as the values of options.
type numbers struct{ data []byte }

func (v *numbers) next() int {
	if len(v.data) == 0 {
		return 0
	}
	b := v.data[0]
	v.data = v.data[1:]
	return int(b)
}

func (v *numbers) pick(list ...int) int { return list[v.next()%len(list)] }

func (v *numbers) address() netip.Addr {
	bases := []string{"10.0.0.0", "fd00::", "203.0.113.0", "2001:db8::", "224.0.0.0", "127.0.0.0", "0.0.0.0", "::", "fe80::", "ff02::", "::ffff:10.0.0.0", "169.254.0.0",
		"255.255.255.0"}
	a := netip.MustParseAddr(bases[v.next()%len(bases)]).AsSlice()
	a[len(a)-1] = byte(v.next())
	a[len(a)-2] = byte(v.next() % 4)
	address, _ := netip.AddrFromSlice(a)
	return address
}

func (v *numbers) addresses() []netip.Prefix {
	var list []netip.Prefix
	for range v.next() % 3 {
		list = append(list, netip.PrefixFrom(v.address(), v.pick(24, 64, 27, 8, 31, 32, 0, 1, 128, 127, 33, 129, -1)))
	}
	return list
}

func (v *numbers) bridge(n int) links.Bridge {
	return links.Bridge{
		Name:      fmt.Sprintf("br%d", n),
		VLAN:      v.pick(0, 7, 1, 4094, 4095, -1),
		Parent:    []string{"eth0", "", "eth1", "eth9", "br1"}[v.next()%5],
		Addresses: v.addresses(),
		MTU:       v.pick(0, 1450, 1280, 1279, 68, 67, 65535, 65536, -1),
	}
}

// FuzzConfig gives links all numbers and addresses at once. What is let through must be in the grammar, and say what was
// asked for.
func FuzzConfig(f *testing.F) {
	const length = 40
	f.Add([]byte{})
	for i := range length {
		for b := range 16 {
			data := make([]byte, length)
			data[2], data[i], data[(i+1)%length] = 2, byte(b), byte(b>>2)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := &numbers{data}
		c := links.Config{
			Bridges: []links.Bridge{v.bridge(0), v.bridge(1)},
			Uplinks: []links.Uplink{{Name: "eth0", File: "10-eth0.network", DHCP: v.next()%2 == 1}, {Name: "eth1", File: "10-eth1.network"}},
		}
		for range v.next() % 3 {
			c.Floating = append(c.Floating, links.Floating{Address: v.address(), Interface: []string{"eth0", "eth1", "", "eth9"}[v.next()%4]})
		}
		files, err := networkdgen.Files(c)
		if err != nil {
			return
		}
		byName := make(map[string][]byte)
		for _, f := range files {
			byName[f.Name] = f.Text
		}
		read, err := readTree(byName)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		compare(t, c, read)
	})
}

// compare checks that the files say of each link what was asked for.
func compare(t *testing.T, c links.Config, read map[string][]setting) {
	t.Helper()
	want := 0
	expect := func(name, key string, wanted ...string) {
		t.Helper()
		if got := values(read[name], key); !slices.Equal(got, wanted) {
			t.Errorf("%s has %s=%q, want %q, for %+v", name, key, got, wanted, c)
		}
	}
	attached := map[string][]string{}
	for _, b := range c.Bridges {
		network := "60-nova-" + b.Name + ".network"
		want += 2
		expect("60-nova-"+b.Name+".netdev", "Kind", "bridge")
		var addresses, dad []string
		local := "no"
		for _, p := range b.Addresses {
			addresses = append(addresses, p.String())
			if strings.Contains(p.String(), ":") {
				dad, local = append(dad, "none"), "ipv6"
			}
		}
		expect(network, "Address", addresses...)
		expect(network, "DuplicateAddressDetection", dad...)
		expect(network, "LinkLocalAddressing", local)
		var mtu []string
		if b.MTU != 0 {
			mtu = []string{fmt.Sprint(b.MTU)}
			if b.MTU < 1280 && local != "no" {
				t.Errorf("MTU %d with IPv6", b.MTU)
			}
		}
		expect(network, "MTUBytes", mtu...)
		switch {
		case b.VLAN != 0:
			want += 2
			link := fmt.Sprintf("60-nova-vlan%d", b.VLAN)
			expect(link+".netdev", "Kind", "vlan")
			expect(link+".netdev", "Id", fmt.Sprint(b.VLAN))
			expect(link+".network", "Bridge", b.Name)
			attached[b.Parent] = append(attached[b.Parent], fmt.Sprintf("vlan%d", b.VLAN))
		case b.Parent != "":
			attached[b.Parent] = append(attached[b.Parent], b.Name)
		}
	}
	var routes []string
	proxied := map[string][]string{}
	for _, f := range c.Floating {
		if s := f.Address.String(); strings.Contains(s, ":") {
			proxied[f.Interface] = append(proxied[f.Interface], s)
		} else {
			routes = append(routes, s+"/32")
		}
	}
	if routes != nil {
		want += 2
	}
	expect("60-nova-nova-float.network", "Destination", routes...)
	for _, u := range c.Uplinks {
		want++
		name := u.File + ".d/60-nova.conf"
		expect(name, "KeepConfiguration", map[bool]string{true: "dhcp", false: "static"}[u.DHCP])
		expect(name, "IPv6ProxyNDPAddress", proxied[u.Name]...)
		if got := append(values(read[name], "VLAN"), values(read[name], "Bridge")...); !slices.Equal(got, attached[u.Name]) {
			t.Errorf("%s has %q attached, want %q", u.Name, got, attached[u.Name])
		}
	}
	if len(read) != want {
		t.Errorf("%d files, want %d", len(read), want)
	}
}
