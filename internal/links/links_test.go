package links_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
)

// prefixes reads prefixes separated by spaces.
func prefixes(texts string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range strings.Fields(texts) {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func vlan(id int, parent, addresses string) links.Bridge {
	return links.Bridge{Name: fmt.Sprintf("br%d", id), VLAN: id, Parent: parent, Addresses: prefixes(addresses)}
}

func flat(name, parent, addresses string) links.Bridge {
	return links.Bridge{Name: name, Parent: parent, Addresses: prefixes(addresses)}
}

func floating(address, uplink string) links.Floating {
	return links.Floating{Address: netip.MustParseAddr(address), Interface: uplink}
}

func TestConfig_Validate_names(t *testing.T) {
	bridges := func(list ...links.Bridge) links.Config { return links.Config{Bridges: list} }
	for _, test := range []struct {
		c    links.Config
		want string
	}{
		{links.Config{}, ""},
		{bridges(vlan(100, "eth0", "10.0.1.1/27 fd00:1::1/64"), vlan(101, "eth0", ""), vlan(102, "eth1", ""), flat("br0", "eth2", ""), flat("br1", "", "")), ""},
		{bridges(flat("", "", "")), `bridge "": must not be empty`},
		{bridges(flat("br\n1", "", "")), `bridge "br\n1": must not contain '\n'`},
		{bridges(flat("100", "", "")), `bridge "100": must not be a number`},
		{bridges(flat("lo", "", "")), `bridge "lo": must not be the loopback interface`},
		{bridges(flat("br1", "lo", "")), `bridge br1: parent "lo": must not be the loopback interface`},
		{bridges(flat("br1", "e/h", "")), `bridge br1: parent "e/h": must not contain '/'`},
		{bridges(flat("br1", "", ""), flat("br1", "", "")), "bridge br1: must appear once"},
		{bridges(flat("nova-float", "", "")), "bridge nova-float: must not be the link of floating addresses too"},
		{bridges(vlan(100, "eth0", ""), flat("vlan100", "", "")), "bridge vlan100: must not be the VLAN link of bridge br100 too"},
		{bridges(flat("vlan100", "", ""), vlan(100, "eth0", "")), "bridge br100: vlan 100: must leave the name vlan100 to bridge vlan100"},
		{bridges(vlan(100, "eth0", ""), links.Bridge{Name: "other", VLAN: 100, Parent: "eth0"}),
			"bridge other: vlan 100: must leave the name vlan100 to the VLAN link of bridge br100"},
		{bridges(vlan(100, "eth0", ""), links.Bridge{Name: "other", VLAN: 100, Parent: "eth1"}),
			"bridge other: vlan 100: must leave the name vlan100 to the VLAN link of bridge br100"},
		{bridges(links.Bridge{Name: "br1", VLAN: -1, Parent: "eth0"}), "bridge br1: vlan -1: must be 1 to 4094"},
		{bridges(vlan(4094, "eth0", ""), vlan(1, "eth0", "")), ""},
		{bridges(vlan(4095, "eth0", "")), "bridge br4095: vlan 4095: must be 1 to 4094"},
		{bridges(vlan(100, "", "")), "bridge br100: parent: must be named for VLAN 100"},
		{bridges(flat("br0", "eth0", ""), flat("br1", "eth0", "")), "bridge br1: parent eth0: must not be the port of bridge br0 too"},
		{bridges(flat("br0", "eth0", ""), vlan(1, "eth0", "")), "bridge br1: parent eth0: must not be the port of bridge br0 too"},
		{bridges(vlan(1, "eth0", ""), flat("br0", "eth0", "")), "bridge br0: parent eth0: must not carry VLAN 1 of bridge br1 too"},
		{bridges(flat("br0", "br1", ""), flat("br1", "", "")), "bridge br0: parent br1: must not be a link of ours, bridge br1"},
		{bridges(flat("br0", "br0", "")), "bridge br0: parent br0: must not be a link of ours, bridge br0"},
		{bridges(flat("br0", "nova-float", "")), "bridge br0: parent nova-float: must not be a link of ours, the link of floating addresses"},
		{bridges(flat("br0", "vlan5", ""), vlan(5, "eth0", "")), "bridge br0: parent vlan5: must not be a link of ours, the VLAN link of bridge br5"},
		{links.Config{Uplinks: []links.Uplink{{Name: ""}}}, `uplink "": must not be empty`},
		{links.Config{Uplinks: []links.Uplink{{Name: "eth0"}, {Name: "eth0"}}}, "uplink eth0: must appear once"},
		{links.Config{Uplinks: []links.Uplink{{Name: "br1"}}, Bridges: []links.Bridge{flat("br1", "", "")}}, "uplink br1: must not be bridge br1 too"},
		{links.Config{Uplinks: []links.Uplink{{Name: "vlan1"}}, Bridges: []links.Bridge{vlan(1, "eth0", "")}},
			"uplink vlan1: must not be the VLAN link of bridge br1 too"},
	} {
		configtest.WantBound(t, test.c.Validate(), test.want)
	}
}

func TestConfig_Validate_mtu(t *testing.T) {
	for mtu, want := range map[int]string{
		0: "", 1280: "", 1450: "", 65535: "",
		-1: "bridge br1: mtu -1: must be 68 to 65535", 67: "bridge br1: mtu 67: must be 68 to 65535", 65536: "bridge br1: mtu 65536: must be 68 to 65535",
		68: "bridge br1: mtu 68: must be at least 1280 with IPv6", 1279: "bridge br1: mtu 1279: must be at least 1280 with IPv6",
	} {
		b := flat("br1", "", "10.0.0.1/24 fd00::1/64")
		b.MTU = mtu
		configtest.WantBound(t, (&links.Config{Bridges: []links.Bridge{b}}).Validate(), want)
	}
	b := flat("br1", "", "10.0.0.1/24")
	b.MTU = 68
	configtest.WantBound(t, (&links.Config{Bridges: []links.Bridge{b}}).Validate(), "")
}

func TestConfig_Validate_address(t *testing.T) {
	one := netip.MustParseAddr("10.0.0.1")
	for _, test := range []struct {
		address netip.Prefix
		bound   string
	}{
		{netip.MustParsePrefix("10.0.0.1/8"), ""},
		{netip.MustParsePrefix("10.0.0.30/27"), ""},
		{netip.MustParsePrefix("10.0.0.0/31"), ""},
		{netip.MustParsePrefix("10.0.0.1/31"), ""},
		{netip.MustParsePrefix("10.0.0.0/32"), ""},
		{netip.MustParsePrefix("2001:db8::1/64"), ""},
		{netip.MustParsePrefix("fd00::/127"), ""},
		{netip.MustParsePrefix("fd00::ffff:ffff:ffff:ffff/64"), ""},
		{netip.MustParsePrefix("10.0.0.0/24"), "must not be the network address"},
		{netip.MustParsePrefix("10.0.0.255/24"), "must not be the broadcast address"},
		{netip.MustParsePrefix("10.0.0.31/27"), "must not be the broadcast address"},
		{netip.MustParsePrefix("10.255.255.255/8"), "must not be the broadcast address"},
		{netip.MustParsePrefix("fd00::/64"), "must not be the subnet-router anycast address (RFC 4291 section 2.6.1)"},
		{netip.Prefix{}, "must be an address with its prefix length"},
		{netip.PrefixFrom(one, 33), "must be an address with its prefix length"},
		{netip.PrefixFrom(one, -1), "must be an address with its prefix length"},
		{netip.MustParsePrefix("::ffff:10.0.0.1/120"), "must not be an IPv4 address in IPv6 form"},
		{netip.MustParsePrefix("224.0.0.1/24"), "must be clear of 224.0.0.0/4, multicast (RFC 5771)"},
		{netip.MustParsePrefix("255.255.255.255/32"), "must be clear of 240.0.0.0/4, reserved (RFC 1112 section 4)"},
		{netip.MustParsePrefix("127.0.0.1/8"), "must be clear of 127.0.0.0/8, loopback (RFC 1122 section 3.2.1.3)"},
		{netip.MustParsePrefix("100.0.0.1/1"), "must be clear of 0.0.0.0/8, \"this network\" (RFC 1122 section 3.2.1.3)"},
		{netip.MustParsePrefix("169.254.169.254/32"), "must be clear of 169.254.0.0/16, link-local (RFC 3927)"},
		{netip.MustParsePrefix("fe80::1/64"), "must be clear of fe80::/10, link-local (RFC 4291 section 2.5.6)"},
		{netip.MustParsePrefix("ff02::1/64"), "must be clear of ff00::/8, multicast (RFC 4291 section 2.7)"},
		{netip.MustParsePrefix("::1/128"), "must be clear of ::/8, reserved (RFC 4291 section 2.5)"},
		{netip.MustParsePrefix("fd00::1/0"), "must be clear of ::/8, reserved (RFC 4291 section 2.5)"},
	} {
		want := ""
		if test.bound != "" {
			want = fmt.Sprintf("bridge br1: address %s: %s", test.address, test.bound)
		}
		c := links.Config{Bridges: []links.Bridge{{Name: "br1", Addresses: []netip.Prefix{test.address}}}}
		configtest.WantBound(t, c.Validate(), want)
	}
}

func TestConfig_Validate_overlap(t *testing.T) {
	for _, test := range []struct {
		a, b, want string
	}{
		{"10.0.0.1/24", "10.0.1.1/24", ""},
		{"10.0.0.1/24 fd00::1/64", "fd00:0:0:1::1/64", ""},
		{"10.0.0.1/24 10.0.0.2/24 fd00::1/64 fd00::2/64", "", ""}, // networks of one bridge
		{"10.0.0.1/8 10.1.0.1/16 10.1.1.1/24", "11.0.0.1/8", ""},
		{"10.0.0.1/24 10.0.0.1/24", "", "bridge a: address 10.0.0.1/24: must appear once"},
		{"10.0.0.1/24 10.0.0.1/25", "", "bridge a: address 10.0.0.1/25: must appear once"},
		{"10.0.0.1/24", "10.0.0.1/24", "bridge b: address 10.0.0.1/24: must not be an address of bridge a too"},
		{"10.0.0.1/24", "10.0.0.2/24", "bridge b: address 10.0.0.0/24: must not overlap 10.0.0.0/24 of bridge a"},
		{"10.0.0.1/24", "10.0.0.200/25", "bridge b: address 10.0.0.128/25: must not overlap 10.0.0.0/24 of bridge a"},
		{"10.0.0.200/25", "10.0.0.1/8", "bridge a: address 10.0.0.128/25: must not overlap 10.0.0.0/8 of bridge b"},
		{"10.0.0.1/8 10.1.1.1/24", "10.200.0.1/24", "bridge b: address 10.200.0.0/24: must not overlap 10.0.0.0/8 of bridge a"},
		{"fd00::1/64", "fd00::2/64", "bridge b: address fd00::/64: must not overlap fd00::/64 of bridge a"},
	} {
		c := links.Config{Bridges: []links.Bridge{flat("a", "", test.a), flat("b", "", test.b)}}
		configtest.WantBound(t, c.Validate(), test.want)
	}
}

func TestConfig_Validate_floating(t *testing.T) {
	for _, test := range []struct {
		floating []links.Floating
		want     string
	}{
		{[]links.Floating{floating("203.0.113.1", ""), floating("203.0.113.2", "eth0"), floating("203.0.113.3", "eth9"), floating("2001:db8::1", "eth0")}, ""},
		{[]links.Floating{floating("11.0.0.1", ""), floating("9.255.255.255", "")}, ""},
		{[]links.Floating{floating("2001:db8::1", "")}, "floating address 2001:db8::1: interface: must be named for IPv6"},
		{[]links.Floating{floating("2001:db8::1", "eth9")}, "floating address 2001:db8::1: interface eth9: must be an uplink"},
		{[]links.Floating{floating("2001:db8::1", "br1")}, "floating address 2001:db8::1: interface br1: must be an uplink"},
		{[]links.Floating{floating("203.0.113.1", "a b")}, `floating address 203.0.113.1: interface "a b": must not contain ' '`},
		{[]links.Floating{floating("203.0.113.1", ""), floating("203.0.113.1", "eth0")}, "floating address 203.0.113.1: must appear once"},
		{[]links.Floating{{}}, "floating address: must be an address"},
		{[]links.Floating{floating("fe80::1%e\n0", "eth0")}, `floating address "fe80::1%e\n0": must not have a zone`},
		{[]links.Floating{floating("::ffff:1.2.3.4", "eth0")}, "floating address ::ffff:1.2.3.4: must not be an IPv4 address in IPv6 form"},
		{[]links.Floating{floating("224.0.0.1", "")}, "floating address 224.0.0.1: must be clear of 224.0.0.0/4, multicast (RFC 5771)"},
		{[]links.Floating{floating("10.0.0.77", "")}, "floating address 10.0.0.77: must not be in 10.0.0.0/8 of bridge br1"},
		{[]links.Floating{floating("10.1.255.255", "")}, "floating address 10.1.255.255: must not be in 10.0.0.0/8 of bridge br1"},
		{[]links.Floating{floating("10.255.255.255", "")}, "floating address 10.255.255.255: must not be in 10.0.0.0/8 of bridge br1"},
		{[]links.Floating{floating("fd00::77", "eth0")}, "floating address fd00::77: must not be in fd00::/64 of bridge br1"},
	} {
		c := links.Config{
			Bridges:  []links.Bridge{flat("br1", "", "fd00::1/64 10.0.0.1/8 10.1.0.1/16 10.1.1.1/24"), flat("br2", "", "12.0.0.1/8")},
			Uplinks:  []links.Uplink{{Name: "eth0"}},
			Floating: test.floating,
		}
		configtest.WantBound(t, c.Validate(), test.want)
	}
}

// The node's own link-local address is one that a host may have, and only where there is IPv6.
func TestConfig_Validate_linkLocal(t *testing.T) {
	for address, want := range map[string]string{
		"fe80::1":                "",
		"fe80::221e:17d9:1a7a:1": "",
		"fe80::":                 "bridge br1: link-local address fe80::: must be in fe80::/64 (RFC 4291 section 2.5.6)",
		"fe80::1%br1":            "bridge br1: link-local address fe80::1%br1: must be in fe80::/64 (RFC 4291 section 2.5.6)",
		"fe80:0:0:1::1":          "bridge br1: link-local address fe80:0:0:1::1: must be in fe80::/64 (RFC 4291 section 2.5.6)",
		"169.254.0.1":            "bridge br1: link-local address 169.254.0.1: must be in fe80::/64 (RFC 4291 section 2.5.6)",
		"fd00:1::2":              "bridge br1: link-local address fd00:1::2: must be in fe80::/64 (RFC 4291 section 2.5.6)",
	} {
		b := flat("br1", "", "10.0.1.1/24 fd00:1::1/64")
		b.LinkLocal = netip.MustParseAddr(address)
		c := links.Config{Bridges: []links.Bridge{b}}
		configtest.WantBound(t, c.Validate(), want)
		if want != "" {
			continue
		}
		if got := fmt.Sprint(b.AllAddresses()); got != "[10.0.1.1/24 fd00:1::1/64 "+address+"/64]" {
			t.Errorf("all addresses are %s", got)
		}
		c.Bridges[0].Addresses = prefixes("10.0.1.1/24")
		configtest.WantBound(t, c.Validate(), "bridge br1: link-local address "+address+": must go with an IPv6 network")
	}
}

func TestConfig_Sort(t *testing.T) {
	c := links.Config{
		Bridges:  []links.Bridge{vlan(10, "eth0", "fd00::1/64 10.0.0.2/24 10.0.0.1/24"), vlan(9, "eth0", "")},
		Uplinks:  []links.Uplink{{Name: "eth10"}, {Name: "eth9"}},
		Floating: []links.Floating{floating("2001:db8::1", "eth9"), floating("203.0.113.10", ""), floating("203.0.113.9", "")},
	}
	c.Sort()
	if got, want := fmt.Sprint(c), "{[{br9 9 eth0 [] 0 invalid IP} {br10 10 eth0 [10.0.0.1/24 10.0.0.2/24 fd00::1/64] 0 invalid IP}] [{eth9  false} {eth10  false}] "+
		"[{203.0.113.9 } {203.0.113.10 } {2001:db8::1 eth9}]}"; got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
	if got := c.FloatingIPv4(); len(got) != 2 {
		t.Errorf("IPv4 addresses are %v", got)
	}
	if a, b := c.FloatingIPv6("eth9"), c.FloatingIPv6("eth10"); !slices.Equal(a, []netip.Addr{netip.MustParseAddr("2001:db8::1")}) || b != nil {
		t.Errorf("IPv6 addresses are %v and %v", a, b)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, name := range append(configtest.NameSeeds(), "lo", "lo0", "1", "0", "007", "1.5", "1a", "123456789012345") {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		allowed := configtest.AllowedName(name) && name != "lo" && strings.ContainsFunc(name, func(r rune) bool { return r < '0' || r > '9' })
		for field, c := range map[string]links.Config{
			"bridge":    {Bridges: []links.Bridge{{Name: name}}},
			"parent":    {Bridges: []links.Bridge{{Name: "thebridge", Parent: name}}},
			"uplink":    {Uplinks: []links.Uplink{{Name: name}}},
			"interface": {Uplinks: []links.Uplink{{Name: "theuplink"}}, Floating: []links.Floating{floating("203.0.113.1", name)}},
		} {
			allowed := allowed && name != "thebridge" && (field == "interface" || name != links.FloatingLink) || field == "interface" && name == ""
			if field == "parent" && name == "" {
				allowed = true
			}
			if err := c.Validate(); (err == nil) != allowed {
				t.Errorf("%s %q: allowed is %t, but the check says %v", field, name, allowed, err)
			} else if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%s %q: the message has more than one line: %q", field, name, err)
			}
		}
	})
}
