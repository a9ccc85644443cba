package dnsmasqgen

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

// dnsmasqTest runs dnsmasq's own parser on a main file and returns its complaint, or nil.
func dnsmasqTest(t testing.TB, text []byte) error {
	t.Helper()
	out, err := exec.Command(configtest.Tool(t, "dnsmasq"), "--test", "-C", configtest.WriteTemp(t, string(text))).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrs(texts ...string) []netip.Addr {
	var as []netip.Addr
	for _, text := range texts {
		as = append(as, addr(text))
	}
	return as
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func mac(s string) netcalc.MAC {
	m, err := netcalc.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

// vlans has a network with both families and DHCPv6, one with IPv4 alone, and one with IPv6 alone, each on a bridge.
func vlans() Config {
	return Config{
		Domain: "novalocal", LeaseTime: 120, Upstream: addrs("198.51.100.1", "2001:db8::1"), DUID: [8]byte{1, 2, 3, 4, 5, 6, 7, 0xff},
		HostsFile: "/etc/nova/dnsmasq.hosts", NamesFile: "/etc/nova/dnsmasq.names", PIDFile: "/run/nova-dnsmasq.pid",
		Networks: []Network{
			{ID: 1, Bridge: "br100", Domain: "apollo.novalocal", CIDR: prefix("10.0.1.0/27"), Router: addr("10.0.1.1"), First: addr("10.0.1.3"),
				MTU: 1450, CIDRv6: prefix("fd00:1::/64"), GatewayV6: addr("fd00:1::1"), DHCPv6: true},
			{ID: 2, Bridge: "br101", Domain: "gemini.novalocal", CIDR: prefix("10.0.1.32/27"), Router: addr("10.0.1.33"), First: addr("10.0.1.35"),
				DNS: addrs("198.51.100.53", "2001:db8::53", "198.51.100.54")},
			{ID: 3, Bridge: "br102", CIDRv6: prefix("fd00:1:0:2::/64"), GatewayV6: addr("fd00:1:0:2::1")},
		},
		Hosts: []Host{
			{Network: 1, MAC: mac("02:16:3e:00:00:11"), Label: "web", IPv4: addr("10.0.1.5"), IPv6: addr("fd00:1::abcd")},
			{Network: 1, MAC: mac("02:16:3e:00:00:12"), Label: "db", IPv4: addr("10.0.1.6")},
			{Network: 2, MAC: mac("02:16:3e:00:00:13"), Label: "web", IPv4: addr("10.0.1.37")},
		},
		Records: []Record{
			{Addr: addr("10.0.1.5"), Names: []string{"web.apollo.novalocal", "i-00000001.novalocal"}},
			{Addr: addr("fd00:1::abcd"), Names: []string{"web.apollo.novalocal", "i-00000001.novalocal"}},
			{Addr: addr("10.0.1.6"), Names: []string{"db.apollo.novalocal", "i-00000002.novalocal", "db.novalocal"}},
			{Addr: addr("fd00:1::16:3eff:fe00:12"), Names: []string{"db.apollo.novalocal", "i-00000002.novalocal", "db.novalocal"}},
			{Addr: addr("10.0.1.37"), Names: []string{"web.gemini.novalocal", "i-00000003.novalocal"}},
		},
	}
}

// flat has three networks of two projects on one bridge, which share a /64, and no files but the main one.
func flat() Config {
	return Config{
		Domain: "novalocal", LeaseTime: 600, DUID: [8]byte{7: 1}, PIDFile: "/run/nova-dnsmasq.pid",
		Networks: []Network{
			{ID: 7, Bridge: "br100", Domain: "apollo.novalocal", CIDR: prefix("10.0.1.0/24"), Router: addr("10.0.1.1"), First: addr("10.0.1.2"),
				CIDRv6: prefix("fd00:1::/64"), GatewayV6: addr("fd00:1::1")},
			{ID: 8, Bridge: "br100", Domain: "gemini.novalocal", CIDR: prefix("10.0.2.0/24"), Router: addr("10.0.2.254"), First: addr("10.0.2.2"),
				CIDRv6: prefix("fd00:1::/64"), GatewayV6: addr("fd00:1::1"), DHCPv6: true, DNS: addrs("2001:db8::53")},
			{ID: 9, Bridge: "br100", CIDR: prefix("10.0.3.0/24"), Router: addr("10.0.3.1"), First: addr("10.0.3.2"),
				CIDRv6: prefix("fd00:1::/64"), GatewayV6: addr("fd00:1::1")},
		},
		Hosts: []Host{
			{Network: 7, MAC: mac("02:16:3e:00:00:11"), Label: "web", IPv4: addr("10.0.1.5")},
			{Network: 8, MAC: mac("02:16:3e:00:00:12"), Label: "web", IPv4: addr("10.0.2.5"), IPv6: addr("fd00:1::2:5")},
			{Network: 9, MAC: mac("02:16:3e:00:00:13"), Label: "i-00000003", IPv4: addr("10.0.3.5")},
		},
		Records: []Record{
			{Addr: addr("10.0.1.5"), Names: []string{"web.apollo.novalocal"}},
			{Addr: addr("10.0.2.5"), Names: []string{"web.gemini.novalocal"}},
			{Addr: addr("fd00:1::2:5"), Names: []string{"web.gemini.novalocal"}},
		},
	}
}
