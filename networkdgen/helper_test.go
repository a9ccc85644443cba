package networkdgen_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"nova-manage/internal/links"
	"nova-manage/networkdgen"
)

// prefixes reads prefixes separated by spaces.
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

// goldenConfigs are the trees in testdata.
func goldenConfigs() map[string]links.Config {
	return map[string]links.Config{
		"vlan.txt": {
			Bridges: []links.Bridge{
				{Name: "br100", VLAN: 100, Parent: "eth1", MTU: 1450, Addresses: prefixes("10.0.1.1/27 fd00:1::1/64")},
				{Name: "br101", VLAN: 101, Parent: "eth1", Addresses: prefixes("10.0.1.33/27")},
				{Name: "br102", VLAN: 102, Parent: "eth1", Addresses: prefixes("fd00:1:0:2::1/64")},
			},
			Uplinks: []links.Uplink{{Name: "eth0", File: "10-eth0.network", DHCP: true}, {Name: "eth1", File: "20-guests.network"}},
			Floating: []links.Floating{
				floating("203.0.113.5", ""), floating("203.0.113.6", "eth0"), floating("2001:db8::5", "eth0"), floating("2001:db8::6", "eth0"),
			},
		},
		"flat.txt": {
			Bridges: []links.Bridge{
				{Name: "br.5", Parent: "eth1", Addresses: prefixes("10.0.0.1/24 10.0.1.1/24 fd00::1/64")},
				{Name: "a-b_c+d@e~f", Addresses: prefixes("10.0.2.1/24")},
				{Name: "bare"},
			},
			Uplinks: []links.Uplink{{Name: "eth1", File: "10-netplan-eth1.network"}},
		},
		"none.txt": {Uplinks: []links.Uplink{{Name: "eth0", File: "10-eth0.network"}}}, // the last network has gone
	}
}

// vlans is a node with n VLANs, the first on VLAN 1.
func vlans(n int) links.Config {
	c := links.Config{Uplinks: []links.Uplink{{Name: "eth0", File: "10-eth0.network"}}}
	for i := range n {
		c.Bridges = append(c.Bridges, links.Bridge{Name: fmt.Sprintf("br%d", i+1), VLAN: i + 1, Parent: "eth0", MTU: 1450, Addresses: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 24),
			netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 6: byte(i >> 8), 7: byte(i), 15: 1}), 64),
		}})
	}
	return c
}

// tree is what Files makes, by name.
func tree(t testing.TB, c links.Config) map[string][]byte {
	t.Helper()
	files, err := networkdgen.Files(c)
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string][]byte, len(files))
	for _, f := range files {
		if byName[f.Name] != nil {
			t.Fatalf("%s is there twice", f.Name)
		}
		byName[f.Name] = f.Text
	}
	return byName
}
