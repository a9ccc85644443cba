package nftgen

import (
	"net/netip"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

func TestConfig_Validate(t *testing.T) {
	second := func(c *Config, p Port) { c.Ports = append(c.Ports, p) }
	rule := func(c *Config, r Rule) { c.Groups[0].Rules = append(c.Groups[0].Rules, r) }
	anywhere := prefix("0.0.0.0/0")
	for _, test := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { *c = Config{} }, ""},
		{func(c *Config) { c.Uplinks = []string{"eth0", "eth0"} }, `uplink eth0: must appear once`},
		{func(c *Config) { c.Uplinks = []string{"br100"} }, `uplink br100: must not be a bridge too`},
		{func(c *Config) { c.Uplinks = []string{"e\"; flush ruleset"} }, `uplink "e\"; flush ruleset": must have at most 15 bytes`},
		{func(c *Config) { c.TrustedPorts = []string{"br1", "br1"} }, `trusted port br1: must not be a bridge too`},
		{func(c *Config) { c.TrustedPorts = []string{"tap*"} }, `trusted port "tap*": must not contain '*'`},
		{func(c *Config) { c.TrustedPorts = []string{"eth0"} }, ""},
		{func(c *Config) { c.Networks[0].Bridge = "br}" }, `bridge "br}": must not contain '}'`},
		{func(c *Config) { c.Networks[0].ID = 0 }, `network 0: must be a positive number`},
		{func(c *Config) { c.Networks[0].ID = 1 }, `network 1: must appear once`},
		{func(c *Config) { c.Networks[0].CIDR, c.Networks[0].CIDRv6 = netip.Prefix{}, netip.Prefix{} }, `network 2: cidr: must be set, or cidr_v6`},
		{func(c *Config) { c.Networks[0].CIDR = prefix("10.0.1.33/27") }, `network 2: cidr 10.0.1.33/27: must be an IPv4 prefix without host bits`},
		{func(c *Config) { c.Networks[0].CIDR = prefix("fd00::/64") }, `network 2: cidr fd00::/64: must be an IPv4 prefix without host bits`},
		{func(c *Config) { c.Networks[0].CIDRv6 = prefix("fd00:7::/63") }, `network 2: cidr_v6 fd00:7::/63: must be an IPv6 /64 without host bits`},
		{func(c *Config) { c.Networks[0].CIDRv6 = prefix("fe80::/64") }, `network 2: cidr fe80::/64: must be a prefix of unicast addresses that are routed`},
		{func(c *Config) { c.Networks[0].Gateway = addr("10.0.1.1") }, `network 2: gateway 10.0.1.1: must be an address of the network`},
		{func(c *Config) { c.Networks[0].GatewayV6 = addr("fd00:1::1%x") }, `network 2: gateway_v6 "fd00:1::1%x": must have no zone`},
		{func(c *Config) { c.Networks[0].Open = []netcalc.Span{span("10.0.1.0-10.0.1.40")} }, `network 2: open addresses "10.0.1.0-10.0.1.40": must be in cidr and clear of the gateway`},
		{func(c *Config) { c.Networks[0].Open = []netcalc.Span{span("10.0.1.33")} }, `network 2: open addresses "10.0.1.33": must be in cidr and clear of the gateway`},
		{func(c *Config) { c.Networks[0].Open = []netcalc.Span{span("10.0.1.35-10.0.1.37")} },
			"guest 02:16:3e:00:00:24: fixed_ip 10.0.1.36: must not be an open address of network 2"},
		{func(c *Config) { c.Networks[0].LinkLocal = addr("fd00::1") }, `network 2: link-local address "fd00::1": must be an IPv6 link-local address without zone`},
		{func(c *Config) { c.Networks[0].LinkLocal = addr("fe80::1%}\nx") }, `network 2: link-local address "fe80::1%}\nx": must be an IPv6 link-local address without zone`},
		{func(c *Config) { c.Networks[0].CIDR = prefix("10.0.1.0/26") }, `network 1: prefix 10.0.1.0/27: must not overlap prefix 10.0.1.0/26 of network 2 on br101`},
		{func(c *Config) { c.Networks[0].CIDRv6 = prefix("fd00:9::/64"); c.Networks[0].GatewayV6 = netip.Addr{} }, `network 3: prefix fd00:9::/64: must not overlap prefix fd00:9::/64 of network 2 on br101`},

		{func(c *Config) { second(c, Port{Network: 1, MAC: mac("01:00:5e:00:00:01")}) }, `guest 01:00:5e:00:00:01: must have a unicast MAC address`},
		{func(c *Config) { second(c, Port{Network: 2, MAC: mac("02:16:3e:00:00:04")}) }, `guest 02:16:3e:00:00:04: MAC address 02:16:3e:00:00:04: must not be that of a guest of network 1 too`},
		{func(c *Config) { second(c, Port{Network: 9, MAC: mac("02:16:3e:00:01:04")}) }, `guest 02:16:3e:00:01:04: network 9: must be one of the networks`},
		{func(c *Config) { second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv4: addr("10.0.1.4")}) }, `guest 02:16:3e:00:01:04: address 10.0.1.4: must not be that of guest 02:16:3e:00:00:04 too`},
		{func(c *Config) { second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv4: addr("10.0.1.1")}) }, `guest 02:16:3e:00:01:04: address 10.0.1.1: must not be that of the gateway of network 1 too`},
		{func(c *Config) { second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv4: addr("10.0.1.40")}) }, `guest 02:16:3e:00:01:04: address 10.0.1.40: must be one of network 1`},
		{func(c *Config) {
			second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv4: addr("::ffff:10.0.1.6")})
		}, `guest 02:16:3e:00:01:04: fixed_ip ::ffff:10.0.1.6: must be written as IPv4 address`},
		{func(c *Config) { second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv6: addr("10.0.1.6")}) }, `guest 02:16:3e:00:01:04: fixed_ip_v6 10.0.1.6: must be an IPv6 address`},
		{func(c *Config) {
			second(c, Port{Network: 1, MAC: mac("02:16:3e:00:01:04"), IPv6: addr("fd00:1::16:3eff:fe00:5")})
		}, `guest 02:16:3e:00:01:04: address fd00:1::16:3eff:fe00:5: must not be that of guest 02:16:3e:00:00:05 too`},
		{func(c *Config) {
			c.Networks[0].CIDRv6 = netip.Prefix{}
			c.Networks[0].GatewayV6 = netip.Addr{}
			c.Ports[2].IPv4 = netip.Addr{}
		}, `guest 02:16:3e:00:00:24: address: must be set`},
		{func(c *Config) { c.Ports[0].Groups = []int64{8} }, `guest 02:16:3e:00:00:05: security group 8: must be one of the groups`},

		{func(c *Config) { c.Groups[0].ID = -1 }, `security group -1: must be a positive number`},
		{func(c *Config) { c.Groups[0].ID = 2 }, `security group 2: must appear once`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp", From: 81, To: 80, CIDR: anywhere}) }, `security group 1: tcp ports 81 to 80: must be 0 to 65535, the lower one first`},
		{func(c *Config) { rule(c, Rule{Protocol: "udp", From: 1, To: 65536, CIDR: anywhere}) }, `security group 1: udp ports 1 to 65536: must be 0 to 65535, the lower one first`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp", From: -1, To: -1, CIDR: anywhere}) }, `security group 1: tcp ports -1 to -1: must be 0 to 65535, the lower one first`},
		{func(c *Config) { rule(c, Rule{Protocol: "icmp", From: 256, To: 0, CIDR: anywhere}) }, `security group 1: icmp type 256 code 0: must be 0 to 255, or -1 for any`},
		{func(c *Config) { rule(c, Rule{Protocol: "icmp", From: -1, To: 0, CIDR: anywhere}) }, `security group 1: icmp type -1 code 0: must have code -1 where the type is any`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp\n}", From: 1, To: 1, CIDR: anywhere}) }, `security group 1: protocol "tcp\n}": must be tcp, udp or icmp`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp", Source: 8}) }, `security group 1: source group 8: must be one of the groups`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp"}) }, `security group 1: source group 0: must be one of the groups`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp", CIDR: anywhere, Source: 2}) }, `security group 1: rule 0.0.0.0/0: must have a cidr or a source group (2), not both`},
		{func(c *Config) { rule(c, Rule{Protocol: "tcp", CIDR: netip.PrefixFrom(addr("::ffff:10.0.0.0"), 104)}) }, `security group 1: rule ::ffff:10.0.0.0/104: must be written as IPv4 prefix`},
		{func(c *Config) { c.Sources[1] = []netip.Addr{addr("fe80::1%;")} }, `sources of security group 1: address "fe80::1%;": must have no zone`},

		{func(c *Config) { c.Floating[0].Public = addr("203.0.113.4") }, `floating address 203.0.113.4: must appear once`},
		{func(c *Config) { c.Floating[0].Public = addr("10.0.1.20") }, `floating address 10.0.1.20: must not be in a network of guests (1)`},
		{func(c *Config) { c.Floating[0].Fixed = addr("10.0.1.6") }, `floating address 203.0.113.5: fixed address 10.0.1.6: must be that of a guest`},
		{func(c *Config) { c.Floating[0].Fixed = addr("10.0.1.1") }, `floating address 203.0.113.5: fixed address 10.0.1.1: must be that of a guest`},
		{func(c *Config) { c.Floating[0].Fixed = addr("10.0.1.4") }, `floating address 203.0.113.4: fixed address 10.0.1.4: must not have floating address 203.0.113.5 too`},
		{func(c *Config) { c.Floating[0].Fixed = addr("fd00:1::5") }, `floating address 203.0.113.5: fixed address fd00:1::5: must be of the same family`},
		{func(c *Config) { c.Floating[0].Public = addr("224.0.0.1") }, `floating address 224.0.0.1: must be a unicast address that is routed`},
		{func(c *Config) { c.Floating[0].Interface = "br1" }, `floating address 203.0.113.5: interface br1: must not be a bridge of guests`},
		{func(c *Config) { c.Floating[0].Interface = "a b" }, `interface "a b": must not contain ' '`},

		{func(c *Config) { c.VPN[0].Public = c.VPN[1].Public }, `VPN 192.0.2.10:1000: must appear once`},
		{func(c *Config) { c.VPN[0].Public = netip.AddrPortFrom(addr("192.0.2.10"), 0) }, `VPN 192.0.2.10:0: vpn_public_port 0: must be 1 to 65535`},
		{func(c *Config) { c.VPN[0].Public = netip.AddrPortFrom(addr("2001:db8::1"), 1) }, `vpn_public_address 2001:db8::1: must be an IPv4 address`},
		{func(c *Config) { c.VPN[0].Public = netip.AddrPortFrom(addr("10.0.1.7"), 1) }, `VPN 10.0.1.7:1: vpn_public_address 10.0.1.7: must not be in a network of guests`},
		{func(c *Config) { c.VPN[0].Private = addr("10.3.0.1") }, `VPN 192.0.2.10:1001: vpn_private_address 10.3.0.1: must be in one of the networks`},

		{func(c *Config) { c.Metadata = netip.AddrPortFrom(addr("127.0.0.1"), 8775) }, `metadata host 127.0.0.1: must be a unicast address that is routed`},
		{func(c *Config) { c.Metadata = netip.AddrPortFrom(addr("2001:db8::1"), 8775) }, `metadata host 2001:db8::1: must be an IPv4 address`},
		{func(c *Config) { c.Metadata = netip.AddrPortFrom(addr("192.0.2.1"), 0) }, `metadata port 0: must be 1 to 65535`},
		{func(c *Config) { c.RoutingSource = addr("2001:db8::1") }, `routing source 2001:db8::1: must be an IPv4 address`},
		{func(c *Config) { c.DMZ = []netip.Prefix{prefix("10.1.2.3/8")} }, `dmz_cidr 10.1.2.3/8: must be a prefix without host bits`},
		{func(c *Config) { c.DMZ = []netip.Prefix{prefix("0.0.0.0/0"), prefix("10.0.0.0/8"), prefix("::/0")} }, ""},
	} {
		c := example()
		test.change(&c)
		err := c.Validate()
		configtest.WantBound(t, err, test.want)
		b, again := c.Append([]byte("kept"))
		if (again == nil) != (err == nil) || err != nil && string(b) != "kept" {
			t.Errorf("Validate says %v, Append %v and %q", err, again, b)
		}
		if err == nil {
			load(t, b[len("kept"):])
		}
	}
}

func TestConfig_combinations(t *testing.T) {
	c := Config{Networks: []Network{{ID: 1, Bridge: "br100", CIDR: prefix("10.0.0.0/8")}}}
	for id := range int64(150) {
		c.Groups = append(c.Groups, Group{ID: 1_000_000_000 + id})
	}
	a := addr("10.0.0.4")
	add := func(groups ...int64) {
		n := len(c.Ports)
		c.Ports = append(c.Ports, Port{Network: 1, MAC: [6]byte{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, IPv4: a, Groups: groups})
		a = a.Next()
	}
	var many []int64
	for _, g := range c.Groups {
		many = append(many, g.ID)
	}
	add(many...)
	add(many[1:]...)
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	load(t, b) // names of 150 numbers are too long for the kernel
	for i := range many {
		for j := range i {
			add(many[i], many[j])
		}
	}
	if len(c.Ports) < MaxCombinations {
		t.Fatalf("%d combinations", len(c.Ports))
	}
	configtest.WantBound(t, c.Validate(), "combinations of security groups 11177: must be at most 10000")
}

// TestConfig_SourceSets has sets only where a set is needed.
func TestConfig_SourceSets(t *testing.T) {
	if got := example().SourceSets(); got != 3 {
		t.Errorf("the example has %d source sets, want 3", got)
	}
}
