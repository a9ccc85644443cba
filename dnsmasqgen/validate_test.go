package dnsmasqgen

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

func TestConfig_Validate(t *testing.T) {
	label := strings.Repeat("a", 63)
	// Each changes a good configuration.
	for _, test := range []struct {
		want   string
		change func(*Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { *c = flat() }},
		{"", func(c *Config) { c.Hosts, c.Records, c.Upstream, c.HostsFile, c.NamesFile = nil, nil, nil, "", "" }},

		{`domain "": must have no empty label`, func(c *Config) { c.Domain = "" }},
		{`domain "Novalocal": must not contain 'N'`, func(c *Config) { c.Domain = "Novalocal" }},
		{`domain "novalocal.": must have no empty label`, func(c *Config) { c.Domain = "novalocal." }},
		{`domain "example.123": must not end in a number`, func(c *Config) { c.Domain = "example.123" }},
		{"lease time 119: must be 120 to 86400", func(c *Config) { c.LeaseTime = 119 }},
		{"lease time 86401: must be 120 to 86400", func(c *Config) { c.LeaseTime = 86401 }},
		{`pid-file "": must not be empty`, func(c *Config) { c.PIDFile = "" }},
		{`dhcp-hostsfile "hosts": must be absolute`, func(c *Config) { c.HostsFile = "hosts" }},
		{`addn-hosts "/a#b": must not contain '#'`, func(c *Config) { c.NamesFile = "/a#b" }},
		{"addn-hosts /etc/nova/dnsmasq.hosts: must not be the file of dhcp-hostsfile too", func(c *Config) { c.NamesFile = c.HostsFile }},

		{"", func(c *Config) { c.Upstream = addrs("127.0.0.53", "::1", "10.9.9.9") }},
		{"server: must be an address", func(c *Config) { c.Upstream = make([]netip.Addr, 1) }},
		{"server 0.0.0.0: must be an address that the node can ask", func(c *Config) { c.Upstream = addrs("0.0.0.0") }},
		{"server fe80::1%eth0: must be an address that the node can ask", func(c *Config) { c.Upstream = addrs("fe80::1%eth0") }},
		{"server 10.0.1.1: must not be the node's own address on a bridge: it would ask itself", func(c *Config) { c.Upstream = addrs("10.0.1.1") }},
		{"server 10.9.9.9: must appear once", func(c *Config) { c.Upstream = addrs("10.9.9.9", "10.9.9.9") }},
		{"server: must be at most 8", func(c *Config) { c.Upstream = make([]netip.Addr, 9) }},

		{"network 0: must be a positive number", func(c *Config) { c.Networks[0].ID = 0 }},
		{"network 1: must appear once", func(c *Config) { c.Networks[1].ID = 1 }},
		{`bridge "br1,br2": must not contain ','`, func(c *Config) { c.Networks[0].Bridge = "br1,br2" }},
		{`network 1: domain "apollo.example": must be in novalocal`, func(c *Config) { c.Networks[0].Domain = "apollo.example" }},
		{`network 1: domain "anovalocal": must be in novalocal`, func(c *Config) { c.Networks[0].Domain = "anovalocal" }},
		{"network 3: cidr: must be given, or cidr_v6", func(c *Config) { c.Networks[2].CIDRv6 = netip.Prefix{} }},
		{"network 1: cidr fd00:9::/64: must be an IPv4 prefix", func(c *Config) { c.Networks[0].CIDR = prefix("fd00:9::/64") }},
		{"network 1: cidr 10.0.1.1/27: must have no host bits: 10.0.1.0/27", func(c *Config) { c.Networks[0].CIDR = prefix("10.0.1.1/27") }},
		{"network 1: cidr 10.0.1.0/31: must have room for the node, a guest and the broadcast address", func(c *Config) { c.Networks[0].CIDR = prefix("10.0.1.0/31") }},
		{"network 1: cidr 127.0.0.0/27: must be a range that guests can have", func(c *Config) { c.Networks[0].CIDR = prefix("127.0.0.0/27") }},
		{"network 1: gateway: must be given", func(c *Config) { c.Networks[0].Router = netip.Addr{} }},
		{"network 1: gateway 10.0.1.33: must be in 10.0.1.0/27", func(c *Config) { c.Networks[0].Router = addr("10.0.1.33") }},
		{"network 1: gateway 10.0.1.31: must not be the broadcast address", func(c *Config) { c.Networks[0].Router = addr("10.0.1.31") }},
		{"network 1: dhcp_start 10.0.1.0: must not be the network address", func(c *Config) { c.Networks[0].First = addr("10.0.1.0") }},
		{"network 1: dhcp_start 10.0.1.99: must be in 10.0.1.0/27", func(c *Config) { c.Networks[0].First = addr("10.0.1.99") }},
		{"network 3: gateway: must not be given without cidr", func(c *Config) { c.Networks[2].Router = addr("10.0.1.1") }},
		{"network 3: dhcp_start: must not be given without cidr", func(c *Config) { c.Networks[2].First = addr("10.0.1.1") }},
		{"network 1: mtu 1279: must be 0 or 1280 to 65535", func(c *Config) { c.Networks[0].MTU = 1279 }},
		{"network 2: mtu 67: must be 0 or 68 to 65535", func(c *Config) { c.Networks[1].MTU = 67 }},
		{"network 2: mtu 70000: must be 0 or 68 to 65535", func(c *Config) { c.Networks[1].MTU = 70000 }},
		{"network 1: cidr_v6 10.0.0.0/24: must be an IPv6 prefix", func(c *Config) { c.Networks[0].CIDRv6 = prefix("10.0.0.0/24") }},
		{"network 1: cidr_v6 fd00:1::/65: must be a /64", func(c *Config) { c.Networks[0].CIDRv6 = prefix("fd00:1::/65") }},
		{"network 1: cidr_v6 fd00:1::/63: must be a /64", func(c *Config) { c.Networks[0].CIDRv6 = prefix("fd00:1::/63") }},
		{"network 1: cidr_v6 fd00:1::1/64: must have no host bits: fd00:1::/64", func(c *Config) { c.Networks[0].CIDRv6 = prefix("fd00:1::1/64") }},
		{"network 1: cidr_v6 fe80::/64: must be a range that guests can have", func(c *Config) { c.Networks[0].CIDRv6 = prefix("fe80::/64") }},
		{"network 1: gateway_v6: must be given", func(c *Config) { c.Networks[0].GatewayV6 = netip.Addr{} }},
		{"network 1: gateway_v6 fd00:1::: must not be the subnet-router anycast address", func(c *Config) { c.Networks[0].GatewayV6 = addr("fd00:1::") }},
		{"network 1: gateway_v6 fe80::1: must be in fd00:1::/64", func(c *Config) { c.Networks[0].GatewayV6 = addr("fe80::1") }},
		{"network 2: gateway_v6 fd00:1::1: must not be given without cidr_v6", func(c *Config) { c.Networks[1].GatewayV6 = addr("fd00:1::1") }},
		{"network 2: DHCPv6: must be off without cidr_v6", func(c *Config) { c.Networks[1].DHCPv6 = true }},
		{"network 1: dns 0.0.0.0: must be an address that guests can reach", func(c *Config) { c.Networks[0].DNS = addrs("0.0.0.0") }},
		{"network 1: dns ::ffff:10.0.0.1: must be an address that guests can reach", func(c *Config) { c.Networks[0].DNS = addrs("::ffff:10.0.0.1") }},
		{"network 1: dns 2001:db8::53%eth0: must be an address that guests can reach", func(c *Config) { c.Networks[0].DNS = addrs("2001:db8::53%eth0") }},
		{"network 1: dns 8.8.8.8: must appear once", func(c *Config) { c.Networks[0].DNS = addrs("8.8.8.8", "8.8.8.8") }},
		{"network 1: dns: must be at most 8", func(c *Config) { c.Networks[0].DNS = make([]netip.Addr, 9) }},
		{"network 2: cidr 10.0.1.16/28: must not overlap 10.0.1.0/27 of network 1", func(c *Config) {
			c.Networks[1].CIDR, c.Networks[1].Router, c.Networks[1].First = prefix("10.0.1.16/28"), addr("10.0.1.17"), addr("10.0.1.18")
		}},
		{"network 3: cidr_v6 fd00:1::/64: must not be that of network 1, which is on another bridge, br100", func(c *Config) {
			c.Networks[2].CIDRv6, c.Networks[2].GatewayV6 = prefix("fd00:1::/64"), addr("fd00:1::1")
		}},
		{"bridge br100: dns of 9 servers: must be at most 8 on one link", func(c *Config) {
			*c = flat()
			for i := range 8 {
				c.Networks[i%2].DNS = append(c.Networks[i%2].DNS, addr(fmt.Sprintf("2001:db8::%d", i+1)))
			}
		}},

		{"dhcp-duid: must be given where DHCPv6 is served", func(c *Config) { c.DUID = [8]byte{} }},

		{"host 02:16:3e:00:00:11: must be in a network that is served, not in 9", func(c *Config) { c.Hosts[0].Network = 9 }},
		{"network 1: host 03:00:00:00:00:01: MAC address 03:00:00:00:00:01: must be a unicast address", func(c *Config) { c.Hosts[0].MAC = netcalc.MAC{3, 5: 1} }},
		{"network 1: host 00:00:00:00:00:00: MAC address 00:00:00:00:00:00: must be a unicast address", func(c *Config) { c.Hosts[0].MAC = netcalc.MAC{} }},
		{`network 1: host 02:16:3e:00:00:11: name "": must have no empty label`, func(c *Config) { c.Hosts[0].Label = "" }},
		{`network 1: host 02:16:3e:00:00:11: name "a.b": must not contain '.'`, func(c *Config) { c.Hosts[0].Label = "a.b" }},
		{`network 1: host 02:16:3e:00:00:11: name "` + label + `a": must have labels of at most 63 bytes`, func(c *Config) { c.Hosts[0].Label = label + "a" }},
		{`network 1: host 02:16:3e:00:00:11: name "wpad": must not be a name that guests of others look for`, func(c *Config) { c.Hosts[0].Label = "wpad" }},
		{`network 1: host 02:16:3e:00:00:11: name "localhost": must not be the name of every host for itself (RFC 6761 section 6.3)`, func(c *Config) { c.Hosts[0].Label = "localhost" }},
		{"network 1: host 02:16:3e:00:00:11: address: must be given: nothing is handed out", func(c *Config) { c.Hosts[0].IPv4, c.Hosts[0].IPv6 = netip.Addr{}, netip.Addr{} }},
		{"network 1: host 02:16:3e:00:00:11: address 10.0.1.37: must be in 10.0.1.0/27", func(c *Config) { c.Hosts[0].IPv4 = addr("10.0.1.37") }},
		{"network 1: host 02:16:3e:00:00:11: address fd00:1::5: must be in 10.0.1.0/27", func(c *Config) { c.Hosts[0].IPv4 = addr("fd00:1::5") }},
		{"network 1: host 02:16:3e:00:00:11: address 10.0.1.0: must not be the network address", func(c *Config) { c.Hosts[0].IPv4 = addr("10.0.1.0") }},
		{"network 1: host 02:16:3e:00:00:11: address 10.0.1.31: must not be the broadcast address", func(c *Config) { c.Hosts[0].IPv4 = addr("10.0.1.31") }},
		{"network 1: host 02:16:3e:00:00:11: address 10.0.1.1: must not be the node's in network 1", func(c *Config) { c.Hosts[0].IPv4 = addr("10.0.1.1") }},
		{"network 1: host 02:16:3e:00:00:12: address 10.0.1.5: must not be that of host 02:16:3e:00:00:11 in network 1 too", func(c *Config) { c.Hosts[1].IPv4 = addr("10.0.1.5") }},
		{"network 3: host 02:16:3e:00:00:11: address 10.0.1.5: must be in a network with IPv4", func(c *Config) { c.Hosts[0].Network = 3 }},
		{"network 2: host 02:16:3e:00:00:13: address fd00:1::9: must be in a network with DHCPv6", func(c *Config) { c.Hosts[2].IPv6 = addr("fd00:1::9") }},
		{"network 1: host 02:16:3e:00:00:11: address fd00:2::9: must be in fd00:1::/64", func(c *Config) { c.Hosts[0].IPv6 = addr("fd00:2::9") }},
		{"network 1: host 02:16:3e:00:00:11: address fd00:1::9%x: must be in fd00:1::/64", func(c *Config) { c.Hosts[0].IPv6 = addr("fd00:1::9%x") }},
		{"network 1: host 02:16:3e:00:00:11: address fd00:1::1: must not be the node's in network 1", func(c *Config) { c.Hosts[0].IPv6 = addr("fd00:1::1") }},
		{"network 1: host 02:16:3e:00:00:12: address fd00:1::abcd: must not be that of host 02:16:3e:00:00:11 in network 1 too", func(c *Config) { c.Hosts[1].IPv6 = addr("fd00:1::abcd") }},
		{"network 1: host 02:16:3e:00:00:11: MAC address 02:16:3e:00:00:11: must not be that of host web in network 1 too", func(c *Config) { c.Hosts[1].MAC = c.Hosts[0].MAC }},
		{"", func(c *Config) { c.Hosts[2].MAC = c.Hosts[0].MAC }}, // on two bridges they are two ports
		{"network 8: host 02:16:3e:00:00:11: MAC address 02:16:3e:00:00:11: must not be that of host web in network 7 too", func(c *Config) { *c = flat(); c.Hosts[1].MAC = c.Hosts[0].MAC }},
		{"network 1: host 02:16:3e:00:00:12: name web.apollo.novalocal: must not be that of host 02:16:3e:00:00:11 in network 1 too", func(c *Config) { c.Hosts[1].Label = "web" }},
		{`network 1: host 02:16:3e:00:00:11: name "` + label + "." + strings.Repeat(strings.Repeat("b", 60)+".", 3) + `novalocal": must have at most 253 bytes`,
			func(c *Config) {
				c.Hosts[0].Label, c.Networks[0].Domain = label, strings.Repeat(strings.Repeat("b", 60)+".", 3)+"novalocal"
			}},

		{"record: must be an address that a guest can have", func(c *Config) { c.Records[0].Addr = netip.Addr{} }},
		{"record ::1: must be an address that a guest can have", func(c *Config) { c.Records[0].Addr = addr("::1") }},
		{"record fd00:1::9%eth0: must be an address that a guest can have", func(c *Config) { c.Records[0].Addr = addr("fd00:1::9%eth0") }},
		{"record 10.0.1.6: must appear once", func(c *Config) { c.Records[4] = Record{addr("10.0.1.6"), []string{"x.novalocal"}} }},
		{"record 10.0.1.5: name: must be one at least", func(c *Config) { c.Records[0].Names = nil }},
		{`record 10.0.1.5: name "web": must be in novalocal`, func(c *Config) { c.Records[0].Names = []string{"web"} }},
		{`record 10.0.1.5: name "novalocal": must be in novalocal`, func(c *Config) { c.Records[0].Names = []string{"novalocal"} }},
		{`record 10.0.1.5: name "www.example.org": must be in novalocal`, func(c *Config) { c.Records[0].Names = []string{"www.example.org"} }},
		{`record 10.0.1.37: name "i-00000001.novalocal": must not be the name of 10.0.1.5 too`, func(c *Config) { c.Records[4].Names[1] = "i-00000001.novalocal" }},
		{`record 10.0.1.37: name "web.apollo.novalocal": must be at 10.0.1.5, which is handed out with it`, func(c *Config) {
			c.Records[0].Names, c.Records[4].Names = []string{"x.novalocal"}, []string{"web.apollo.novalocal"}
		}},
		{"record 10.0.1.5: name of 5: must fit into a line of 1023 bytes", func(c *Config) {
			c.Records[0].Names = nil
			for i := range 5 {
				c.Records[0].Names = append(c.Records[0].Names, fmt.Sprintf("%d.%s.%s.%s.novalocal", i, label, label, label))
			}
		}},
	} {
		c := vlans()
		test.change(&c)
		err := c.Validate()
		configtest.WantBound(t, err, test.want)
		for name, text := range map[string]func([]byte) ([]byte, error){"Append": c.Append, "AppendHosts": c.AppendHosts, "AppendNames": c.AppendNames} {
			if b, got := text([]byte("kept")); err != nil && (got == nil || got.Error() != err.Error() || string(b) != "kept") {
				t.Errorf("%s gives %q and %v where Validate says %v", name, b, got, err)
			}
		}
	}
	if err := (Config{}).Validate(); !errors.Is(err, ErrNothing) {
		t.Errorf("without networks: %v", err)
	}
}

// TestConfig_longestLine shows that what is allowed fits into a line as dnsmasq reads it.
func TestConfig_longestLine(t *testing.T) {
	c := flat()
	long := strings.Repeat(strings.Repeat("a", 61)+".", 3)
	c.Records = []Record{{addr("fd00:1:1111:2222:3333:4444:5555:6666"), nil}}
	for i := range 5 {
		c.Records[0].Names = append(c.Records[0].Names, fmt.Sprint(i)+long+"novalocal")
	}
	for c.Validate() != nil {
		last := c.Records[0].Names[4]
		c.Records[0].Names[4] = last[:1] + last[2:]
	}
	c.Networks = c.Networks[1:2]
	c.Hosts = c.Hosts[1:2]
	c.Networks[0].DNS = nil
	for i := range maxServers {
		c.Networks[0].DNS = append(c.Networks[0].DNS, addr(fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:666%d", i)))
	}
	c.PIDFile = "/" + strings.Repeat("p", maxPath-1)
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	longest := ""
	for _, line := range strings.Split(string(b), "\n") {
		if len(line) > len(longest) {
			longest = line
		}
	}
	if len(longest) != maxLine {
		t.Errorf("the longest line has %d bytes:\n%s", len(longest), longest)
	}
	if err := dnsmasqTest(t, b); err != nil {
		t.Error(err)
	}
	// One byte more, and dnsmasq reads the rest as a line of its own.
	if err := dnsmasqTest(t, []byte(strings.Replace(string(b), longest, longest+"6", 1)+"\n")); err == nil {
		t.Log("dnsmasq reads a longer line, too")
	}
}

func TestConfig_limits(t *testing.T) {
	for _, test := range []struct {
		bridges int
		raised  bool
		want    string
		optmem  int
	}{
		{400, false, "", 0},
		{401, false, "", 1 << 20},
		{2900, false, "", 1 << 20},
		{2901, false, "DHCPv6 on 2901 bridges: must be at most 2900 while net.core.optmem_max is not raised", 1 << 20},
		{4094, true, "", 1 << 20},
		{4095, true, "DHCPv6 on 4095 bridges: must be at most 4094", 1 << 20},
	} {
		c := vlansOf(test.bridges, 0, true)
		c.OptmemRaised = test.raised
		configtest.WantBound(t, c.Validate(), test.want)
		if got := c.OptmemMax(); got != test.optmem {
			t.Errorf("%d bridges: optmem_max %d, want %d", test.bridges, got, test.optmem)
		}
		if got := c.DHCPv6Bridges(); len(got) != test.bridges || !got["br1"] {
			t.Errorf("%d bridges: %d have DHCPv6", test.bridges, len(got))
		}
	}
	c := vlansOf(4094, MaxHosts, false)
	configtest.WantBound(t, c.Validate(), "")
	c.Hosts = append(c.Hosts, c.Hosts[0])
	configtest.WantBound(t, c.Validate(), "hosts 100001: must be at most 100000: reading them would take 18 seconds")
	for hosts, want := range map[int]float64{1000: 0.00175, 10_000: 0.175, SlowHosts: 1.575, MaxHosts: 17.5} {
		if got := ReloadSeconds(hosts); got < want*0.999 || got > want*1.001 {
			t.Errorf("%d hosts: %f s, want %f", hosts, got, want)
		}
	}
	if got, want := flat().Sockets(), 2*(3+1+1)+ownFiles; got != want {
		t.Errorf("three networks on a bridge need %d sockets, want %d", got, want)
	}
}

func TestCheckLabel(t *testing.T) {
	for label, want := range map[string]string{
		"web": "", "i-0000000a": "", "5m": "", "100": "", "xn--bcher-kva": "", strings.Repeat("a", 63): "",
		"": `name "": must have no empty label`, "a-": `name "a-": must have no label that begins or ends with '-'`,
		"isatap": `name "isatap": must not be a name that guests of others look for`,
	} {
		configtest.WantBound(t, CheckLabel(label), want)
	}
}
