package netcalc

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
)

// Layout is where Nova puts things inside an IPv4 network. An address that a manager does not place is the zero Addr.
type Layout struct {
	Netmask   netip.Addr
	Gateway   netip.Addr
	Broadcast netip.Addr
	VPN       netip.Addr
	DHCPStart netip.Addr
	// Guests runs from DHCPStart to the last address a guest may have. A gateway that was asked for may lie inside it;
	// callers leave that one out. Without it there is still one address at least.
	Guests Span
}

// VlanLayout returns the layout of VlanManager: the gateway at offset 1, the VPN instance at 2, guests from 3 on.
// reservedTail addresses just below the broadcast address are kept from guests (Nova's cnt_vpn_clients).
//
// A valid gateway takes the place of the one at offset 1. It must be in p and not be the network, broadcast or VPN
// address; where it is the first guest's address, guests start one higher. It is an error when no guest address is left.
func VlanLayout(p netip.Prefix, gateway netip.Addr, reservedTail uint64) (Layout, error) {
	return layout(p, gateway, true, reservedTail)
}

// FlatLayout returns the layout of FlatManager and FlatDHCPManager: the gateway at offset 1, guests from 2 on. gateway
// is as for VlanLayout.
func FlatLayout(p netip.Prefix, gateway netip.Addr) (Layout, error) {
	return layout(p, gateway, false, 0)
}

func layout(p netip.Prefix, gateway netip.Addr, vpn bool, reservedTail uint64) (Layout, error) {
	if !p.IsValid() || !p.Addr().Is4() {
		return Layout{}, fmt.Errorf("%s is not an IPv4 network", p)
	}
	network := SpanOf(p)
	start := uint64(2) // the first guest's offset
	if vpn {
		start = 3
	}
	if err := checkRoom(p, start, reservedTail); err != nil {
		return Layout{}, err
	}
	at := func(offset uint64) netip.Addr {
		a, _ := Add(network.First, offset)
		return a
	}
	l := Layout{Netmask: netmask(p.Bits()), Gateway: at(1), Broadcast: network.Last}
	if vpn {
		l.VPN = at(2)
	}
	if gateway.IsValid() {
		if err := checkGateway(p, gateway, l); err != nil {
			return Layout{}, err
		}
		l.Gateway = gateway
		if gateway == at(start) {
			start++
			if err := checkRoom(p, start, reservedTail); err != nil {
				return Layout{}, fmt.Errorf("gateway %s: %w", gateway, err)
			}
		}
	}
	l.DHCPStart = at(start)
	l.Guests = Span{l.DHCPStart, at(network.Count() - 2 - reservedTail)}
	return l, nil
}

// checkRoom refuses a network in which every address from offset start on is in the reserved tail or the broadcast address.
func checkRoom(p netip.Prefix, start, reservedTail uint64) error {
	size := SpanOf(p).Count()
	need := start + 2 // the addresses below start, one guest, the broadcast address
	if reservedTail <= size && need+reservedTail <= size {
		return nil
	}
	const space = 1 << 32
	if reservedTail > space-need {
		return fmt.Errorf("%s, a network of %d, leaves no address for a guest: with %d addresses reserved no size does",
			p, size, reservedTail)
	}
	smallest := uint64(1) << bits.Len64(need+reservedTail-1)
	return fmt.Errorf("%s, a network of %d, leaves no address for a guest: the smallest size that works is %d",
		p, size, smallest)
}

func checkGateway(p netip.Prefix, gateway netip.Addr, l Layout) error {
	switch {
	case !p.Contains(gateway):
		return fmt.Errorf("gateway %s is not in %s", gateway, p)
	case gateway == p.Masked().Addr():
		return fmt.Errorf("gateway %s is the network address of %s", gateway, p)
	case gateway == l.Broadcast:
		return fmt.Errorf("gateway %s is the broadcast address of %s", gateway, p)
	case gateway == l.VPN:
		return fmt.Errorf("gateway %s is the VPN address of %s", gateway, p)
	}
	return nil
}

func netmask(length int) netip.Addr {
	a, _ := uint128{lo: math.MaxUint32}.andNot(lowBits(32 - length)).addr(32)
	return a
}
