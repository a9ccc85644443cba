package nftgen

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"testing"

	"net/netip"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

func mac(s string) netcalc.MAC {
	m, err := netcalc.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func span(s string) netcalc.Span {
	span, err := netcalc.ParseSpan(s)
	if err != nil {
		panic(err)
	}
	return span
}

// example has something of everything: two projects on bridges of their own, and a flat bridge with two networks.
func example() Config {
	return Config{
		Uplinks:      []string{"eth1", "eth0"},
		TrustedPorts: []string{"tap-dhcp"},
		Networks: []Network{
			{ID: 2, Bridge: "br101", CIDR: prefix("10.0.1.32/27"), CIDRv6: prefix("fd00:1:0:1::/64"), Gateway: addr("10.0.1.33"), GatewayV6: addr("fd00:1:0:1::1")},
			{ID: 1, Bridge: "br100", CIDR: prefix("10.0.1.0/27"), CIDRv6: prefix("fd00:1::/64"), Gateway: addr("10.0.1.1"), GatewayV6: addr("fd00:1::1"), LinkLocal: addr("fe80::1"),
				Open: []netcalc.Span{span("10.0.1.29-10.0.1.30"), span("10.0.1.2")}},
			{ID: 3, Bridge: "br1", CIDR: prefix("10.9.0.0/24"), CIDRv6: prefix("fd00:9::/64"), Gateway: addr("10.9.0.1")},
			{ID: 4, Bridge: "br1", CIDR: prefix("10.9.1.0/24"), CIDRv6: prefix("fd00:9::/64")},
			{ID: 5, Bridge: "br102", CIDRv6: prefix("fd00:1:0:2::/64")},
		},
		Ports: []Port{
			{Network: 1, MAC: mac("02:16:3e:00:00:05"), IPv4: addr("10.0.1.5"), IPv6: addr("fd00:1::5"), Groups: []int64{2, 1}},
			{Network: 1, MAC: mac("02:16:3e:00:00:04"), IPv4: addr("10.0.1.4"), IPv6: addr("fd00:1::16:3eff:fe00:4"), Groups: []int64{1, 2, 1}},
			{Network: 2, MAC: mac("02:16:3e:00:00:24"), IPv4: addr("10.0.1.36"), Groups: []int64{3}},
			{Network: 5, MAC: mac("02:16:3e:00:00:44")},
		},
		Groups: []Group{
			{ID: 1, Rules: []Rule{
				{Protocol: "icmp", From: -1, To: -1, Source: 1},
				{Protocol: "tcp", From: 1, To: 65535, Source: 1},
				{Protocol: "udp", From: 1, To: 65535, Source: 1},
			}},
			{ID: 2, Rules: []Rule{
				{Protocol: "tcp", From: 80, To: 81, CIDR: prefix("0.0.0.0/0")},
				{Protocol: "tcp", From: 22, To: 22, CIDR: prefix("2001:db8::1/32")},
				{Protocol: "icmp", From: -1, To: -1, CIDR: prefix("::/0")},
				{Protocol: "icmp", From: 8, To: 0, CIDR: prefix("192.0.2.0/24")},
				{Protocol: "icmp", From: 128, To: -1, CIDR: prefix("2001:db8::/32")},
				{Protocol: "udp", From: 53, To: 53, Source: 3},
				{Protocol: "tcp", From: 80, To: 81, CIDR: prefix("0.0.0.0/0")},
			}},
			{ID: 3, Rules: []Rule{{Protocol: "icmp", From: 8, To: -1, Source: 7}}},
			{ID: 7},
		},
		Sources: map[int64][]netip.Addr{
			1: {addr("10.0.7.7"), addr("10.0.1.4")},
			3: {addr("10.0.7.8")},
		},
		Floating: []Floating{
			{Public: addr("203.0.113.5"), Fixed: addr("10.0.1.5")},
			{Public: addr("203.0.113.4"), Fixed: addr("10.0.1.4"), Interface: "eth2"},
			{Public: addr("2001:db8:f::5"), Fixed: addr("fd00:1::5")},
		},
		VPN: []VPN{
			{Public: netip.MustParseAddrPort("192.0.2.10:1001"), Private: addr("10.0.1.34")},
			{Public: netip.MustParseAddrPort("192.0.2.10:1000"), Private: addr("10.0.1.2")},
		},
		Metadata:      netip.MustParseAddrPort("192.0.2.10:8775"),
		DMZ:           []netip.Prefix{prefix("172.16.0.0/12"), prefix("172.16.5.0/24"), prefix("fd00:d::/48")},
		RoutingSource: addr("192.0.2.10"),
	}
}

// load loads a file into a namespace of its own. nft -c would pass jump loops and nat in a filter chain.
func load(t testing.TB, text []byte) {
	t.Helper()
	configtest.Tool(t, "nft")
	args := []string{configtest.Tool(t, "unshare"), "-n", "nft", "-f", "-"}
	if os.Geteuid() != 0 {
		args = slices.Insert(args, 1, "-r")
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}
