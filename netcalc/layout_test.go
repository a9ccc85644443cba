package netcalc

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
)

// The table of what Nova 2011.1 placed where, for its example's first network and default size.
func TestLayout_nova(t *testing.T) {
	for _, c := range []struct {
		layout                                              string
		netmask, gateway, broadcast, vpn, dhcpStart, guests string
		make                                                func() (Layout, error)
	}{
		{"VlanManager of 32", "255.255.255.224", "10.0.1.1", "10.0.1.31", "10.0.1.2", "10.0.1.3", "10.0.1.3-10.0.1.30",
			func() (Layout, error) { return VlanLayout(prefix("10.0.1.0/27"), netip.Addr{}, 0) }},
		{"VlanManager, next of 32, 5 VPN clients", "255.255.255.224", "10.0.1.33", "10.0.1.63", "10.0.1.34", "10.0.1.35", "10.0.1.35-10.0.1.57",
			func() (Layout, error) { return VlanLayout(prefix("10.0.1.32/27"), netip.Addr{}, 5) }},
		{"FlatManager of 256", "255.255.255.0", "10.0.0.1", "10.0.0.255", "invalid IP", "10.0.0.2", "10.0.0.2-10.0.0.254",
			func() (Layout, error) { return FlatLayout(prefix("10.0.0.0/24"), netip.Addr{}) }},
		{"a gateway at the end", "255.255.255.0", "10.0.0.254", "10.0.0.255", "10.0.0.2", "10.0.0.3", "10.0.0.3-10.0.0.254",
			func() (Layout, error) { return VlanLayout(prefix("10.0.0.0/24"), addr("10.0.0.254"), 0) }},
		{"a gateway at the first guest", "255.255.255.0", "10.0.0.3", "10.0.0.255", "10.0.0.2", "10.0.0.4", "10.0.0.4-10.0.0.254",
			func() (Layout, error) { return VlanLayout(prefix("10.0.0.0/24"), addr("10.0.0.3"), 0) }},
		{"all of IPv4", "0.0.0.0", "0.0.0.1", "255.255.255.255", "0.0.0.2", "0.0.0.3", "0.0.0.3-255.255.255.254",
			func() (Layout, error) { return VlanLayout(prefix("0.0.0.0/0"), netip.Addr{}, 0) }},
	} {
		l, err := c.make()
		want(t, c.layout, errText(err), "<nil>")
		want(t, c.layout+": netmask", l.Netmask.String(), c.netmask)
		want(t, c.layout+": gateway", l.Gateway.String(), c.gateway)
		want(t, c.layout+": broadcast", l.Broadcast.String(), c.broadcast)
		want(t, c.layout+": vpn", l.VPN.String(), c.vpn)
		want(t, c.layout+": dhcp_start", l.DHCPStart.String(), c.dhcpStart)
		want(t, c.layout+": guests", l.Guests.String(), c.guests)
	}
}

// TestLayout_model tries every gateway and tail in every network of up to 64 addresses.
func TestLayout_model(t *testing.T) {
	const before = 8 // addresses of the row before the network
	all := row("10.0.0.56", 128)
	for size := 1; size <= 64; size *= 2 {
		bits, err := SizeBits(uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		p := netip.PrefixFrom(all[before], bits)
		for gateway := -2; gateway <= size; gateway++ { // -2: none is asked for; -1 and size: just outside
			var asked netip.Addr
			if gateway > -2 {
				asked = all[before+gateway]
			}
			for tail := 0; tail <= size+1; tail++ {
				got, err := VlanLayout(p, asked, uint64(tail))
				checkLayout(t, got, err, all[before:], size, gateway, tail, true)
			}
			got, err := FlatLayout(p, asked)
			checkLayout(t, got, err, all[before:], size, gateway, 0, false)
		}
	}
}

// checkLayout compares with guests found by asking of every offset what stands there.
func checkLayout(t *testing.T, got Layout, err error, all []netip.Addr, size, gateway, tail int, vpn bool) {
	t.Helper()
	what := fmt.Sprintf("layout of %d, gateway +%d, tail %d, vpn %t", size, gateway, tail, vpn)
	start, reason := 2, ""
	if vpn {
		start = 3
	}
	switch {
	case len(guestOffsets(size, start, tail)) == 0:
		reason = fmt.Sprintf("the smallest size that works is %d", smallest(start, tail))
	case gateway == -2:
		gateway = 1
	case gateway == -1 || gateway == size:
		reason = "is not in"
	case gateway == 0:
		reason = "is the network address"
	case gateway == size-1:
		reason = "is the broadcast address"
	case gateway == 2 && vpn:
		reason = "is the VPN address"
	case gateway == start:
		start++
		if len(guestOffsets(size, start, tail)) == 0 {
			reason = fmt.Sprintf("the smallest size that works is %d", smallest(start, tail))
		}
	}
	if reason != "" {
		if err == nil || !strings.HasSuffix(err.Error(), reason) && !strings.Contains(err.Error(), reason+" ") || got != (Layout{}) {
			t.Errorf("%s: %+v, %v, want the error %q", what, got, err, reason)
		}
		return
	}
	guests := guestOffsets(size, start, tail)
	model := Layout{
		Netmask:   got.Netmask, // TestLayout_netmask
		Gateway:   all[gateway],
		Broadcast: all[size-1],
		DHCPStart: all[guests[0]],
		Guests:    Span{all[guests[0]], all[guests[len(guests)-1]]},
	}
	if vpn {
		model.VPN = all[2]
	}
	if err != nil || got != model {
		t.Errorf("%s = %+v, %v, want %+v", what, got, err, model)
	}
	if model.Guests.First == model.Guests.Last && model.Gateway == model.Guests.First {
		t.Errorf("%s leaves the gateway as its only guest", what)
	}
}

func guestOffsets(size, start, tail int) []int {
	var free []int
	for i := range size {
		isBroadcast, isTail := i == size-1, i < size-1 && i >= size-1-tail
		if i >= start && !isBroadcast && !isTail {
			free = append(free, i)
		}
	}
	return free
}

func smallest(start, tail int) int {
	size := 1
	for len(guestOffsets(size, start, tail)) == 0 {
		size *= 2
	}
	return size
}

func TestLayout_netmask(t *testing.T) {
	for length := range 30 {
		p, _ := addr("10.0.0.0").Prefix(length)
		l, err := FlatLayout(p, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePrefix(p.Addr().String() + "/" + l.Netmask.String())
		if err != nil || back != p {
			t.Errorf("netmask %s of %s reads as %s, %v", l.Netmask, p, back, err)
		}
	}
}

func TestLayout_errors(t *testing.T) {
	vlan := func(p, gateway string, tail uint64) func() error {
		return func() error {
			var a netip.Addr
			if gateway != "" {
				a = addr(gateway)
			}
			_, err := VlanLayout(prefix(p), a, tail)
			return err
		}
	}
	for _, c := range []struct {
		err  func() error
		text string
	}{
		{vlan("10.0.0.0/30", "", 0), "10.0.0.0/30, a network of 4, leaves no address for a guest: the smallest size that works is 8"},
		{vlan("10.0.0.0/29", "", 4), "10.0.0.0/29, a network of 8, leaves no address for a guest: the smallest size that works is 16"},
		{vlan("10.0.0.0/29", "10.0.0.3", 3), "gateway 10.0.0.3: 10.0.0.0/29, a network of 8, leaves no address for a guest: the smallest size that works is 16"},
		{vlan("0.0.0.0/0", "", 1<<32-4), "0.0.0.0/0, a network of 4294967296, leaves no address for a guest: with 4294967292 addresses reserved no size does"},
		{vlan("10.0.0.0/24", "", 1<<32-5), "10.0.0.0/24, a network of 256, leaves no address for a guest: the smallest size that works is 4294967296"},
		{vlan("10.0.0.0/24", "", math.MaxUint64), "10.0.0.0/24, a network of 256, leaves no address for a guest: with 18446744073709551615 addresses reserved no size does"},
		{vlan("10.0.0.0/24", "10.0.1.1", 0), "gateway 10.0.1.1 is not in 10.0.0.0/24"},
		{vlan("10.0.0.0/24", "fd00::1", 0), "gateway fd00::1 is not in 10.0.0.0/24"},
		{vlan("10.0.0.0/24", "10.0.0.0", 0), "gateway 10.0.0.0 is the network address of 10.0.0.0/24"},
		{vlan("10.0.0.7/24", "10.0.0.0", 0), "gateway 10.0.0.0 is the network address of 10.0.0.7/24"},
		{vlan("10.0.0.0/24", "10.0.0.255", 0), "gateway 10.0.0.255 is the broadcast address of 10.0.0.0/24"},
		{vlan("10.0.0.0/24", "10.0.0.2", 0), "gateway 10.0.0.2 is the VPN address of 10.0.0.0/24"},
		{vlan("fd00::/64", "", 0), "fd00::/64 is not an IPv4 network"},
		{func() error { _, err := FlatLayout(prefix("10.0.0.0/31"), netip.Addr{}); return err },
			"10.0.0.0/31, a network of 2, leaves no address for a guest: the smallest size that works is 4"},
		{func() error { _, err := FlatLayout(netip.Prefix{}, netip.Addr{}); return err }, "invalid Prefix is not an IPv4 network"},
	} {
		want(t, "error", errText(c.err()), c.text)
	}
}
