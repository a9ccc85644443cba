package netcalc

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
)

// Layout is where Nova puts things inside an IPv4 network. An address that a manager does not place is the zero Addr.
// It is for IPv4 alone: in an IPv6 network guests choose their addresses (RFC 4862) and there is no broadcast.
type Layout struct {
	Netmask   netip.Addr
	Gateway   netip.Addr
	Broadcast netip.Addr // all host bits set (RFC 919 §7)
	VPN       netip.Addr // the project's VPN instance (cloudpipe); VlanManager only
	DHCPStart netip.Addr // the first address that dnsmasq gives out
	// Guests runs from DHCPStart to the last address a guest may have. A gateway that was asked for may lie inside it;
	// callers leave that one out. Without it there is still one address at least.
	Guests Span
}

// VlanLayout returns the layout of VlanManager: the gateway at offset 1, the VPN instance at 2, guests from 3 on.
// reservedTail addresses just below the broadcast address are kept from guests (Nova's cnt_vpn_clients). Nova counted one
// too few from the end and let a guest have the broadcast address; here it is outside the tail.
//
// A valid gateway takes the place of the one at offset 1. It must be in p and not be the network, broadcast or VPN
// address; where it is the first guest's address, guests start one higher. It is an error when no guest address is left.
// Every error is a *ValueError or wraps one.
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
		return Layout{}, refuse(p, "is not an IPv4 network")
	}
	network := SpanOf(p)
	start := uint64(2) // the first guest's offset
	if vpn {
		start = 3
	}
	// Before anything is placed: the offsets below exist in a network that has room, and a gateway in one that has none
	// is not what is wrong with it.
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
		// Offset 1 stays free of guests wherever the gateway is: dhcp_start is where Nova's scripts expect it.
		l.Gateway = gateway
		if gateway == at(start) {
			// DHCPStart is a guest's address by its meaning, so it moves past the gateway, which may take the last one.
			start++
			if err := checkRoom(p, start, reservedTail); err != nil {
				return Layout{}, fmt.Errorf("gateway %s: %w", gateway, err)
			}
		}
	}
	l.DHCPStart = at(start)
	l.Guests = Span{l.DHCPStart, at(network.Count() - 2 - reservedTail)} // the last but the broadcast address and the tail
	return l, nil
}

// checkRoom refuses a network in which every address from offset start on is in the reserved tail or the broadcast address.
// So /31 and /32 are always too small: RFC 3021 makes both addresses of a /31 usable, but between two routers, and a bridge
// with one guest still needs the router, the guest and (because DHCP broadcasts) the broadcast address.
func checkRoom(p netip.Prefix, start, reservedTail uint64) error {
	size := SpanOf(p).Count()
	need := start + 2 // the addresses below start, one guest, the broadcast address
	// The first comparison keeps the sum of the second from wrapping: reservedTail may be any number.
	if reservedTail <= size && need+reservedTail <= size {
		return nil
	}
	const space = 1 << 32
	reason := "leaves no address for a guest: "
	if reservedTail > space-need { // not even 0.0.0.0/0 has room, and the next power of two would be no IPv4 size
		reason += fmt.Sprintf("with %d addresses reserved no size does", reservedTail)
	} else {
		// The least power of two that is not below need+reservedTail; without the 1 less, a sum that is one itself
		// would be doubled.
		reason += fmt.Sprintf("the smallest size that works is %d", uint64(1)<<bits.Len64(need+reservedTail-1))
	}
	return &ValueError{Value: p.String(), Reason: reason, sentence: fmt.Sprintf("%s, a network of %d, %s", p, size, reason)}
}

// checkGateway refuses a gateway that is not a host's address in p, or is one that l has placed already. The gateway in l
// is none of these: the one that is asked for takes its place.
func checkGateway(p netip.Prefix, gateway netip.Addr, l Layout) error {
	reason := ""
	switch {
	case !p.Contains(gateway): // nor is one of IPv6: guests look for their gateway on the link (RFC 1122 §3.3.1.1)
		reason = "is not in"
	case gateway == p.Masked().Addr():
		reason = "is the network address of" // an old form of the broadcast address, so no host has it (RFC 1122 §3.3.6)
	case gateway == l.Broadcast:
		reason = "is the broadcast address of"
	case gateway == l.VPN: // never under the flat managers, where it is the zero Addr and gateway is valid
		reason = "is the VPN address of"
	default:
		return nil
	}
	return refuseAs("gateway", gateway.String(), "%s %s", reason, p)
}

// netmask is a prefix length in the form that dnsmasq, ifconfig and Nova's column have it.
func netmask(length int) netip.Addr {
	a, _ := uint128{lo: math.MaxUint32}.andNot(lowBits(32 - length)).addr(32)
	return a
}
