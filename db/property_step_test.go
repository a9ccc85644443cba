package db

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"nova-manage/netcalc"
)

// generator makes random steps in a universe that is small enough for everything to collide with everything: 64 IPv4
// addresses, four /64s, three projects, a handful of names.
type generator struct {
	*rand.Rand
	steps    int
	favour   []int
	recent   map[bool][]netip.Addr // asked for not long ago, by whether it is IPv6
	asked    []NewNetworks         // to be asked for again
	reserved []netcalc.Span
	ports    []string // instances asked for not long ago
	moved    []string // networks whose gateways were to move
}

func pick[T any](g *generator, all ...T) T { return all[g.IntN(len(all))] }

// chance is true in so many of 100 cases.
func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// often returns v in so many of 100 cases, else the zero value.
func often[T any](g *generator, percent int, v T) (r T) {
	if g.chance(percent) {
		return v
	}
	return r
}

func (g *generator) project() string { return pick(g, "apollo", "apollo", "apollo", "gemini") }

// ipv4 is mostly one of those that are handed out first in a network of 16.
func (g *generator) ipv4() netip.Addr {
	n := 16*min(g.IntN(4), g.IntN(4)) + min(2+g.IntN(14), 2+g.IntN(14), 2+g.IntN(14))
	if g.chance(20) {
		n = g.IntN(64)
	}
	return g.again(ip4(addr("10.9.0.0"), n))
}

// early is one of the first guests' addresses of a network, which are those that come to be released.
func (g *generator) early() netip.Addr {
	return ip4(addr("10.9.0.0"), 16*min(g.IntN(4), g.IntN(4))+2+g.IntN(4))
}

// again returns a or, as often, an address that was asked for not long ago.
func (g *generator) again(a netip.Addr) netip.Addr {
	if g.recent == nil {
		g.recent = map[bool][]netip.Addr{}
	}
	recent := g.recent[a.Is6()]
	if len(recent) > 0 && g.chance(50) {
		return pick(g, recent...)
	}
	g.recent[a.Is6()] = append(recent[max(0, len(recent)-5):], a)
	return a
}

func (g *generator) v6() netip.Prefix {
	return slash64(prefix("fd00:9::/62"), pick(g, 0, 0, 0, 0, 1, 1, 2, 3))
}

func (g *generator) mac() netcalc.MAC {
	return pick(g, mac("02:16:3e:00:00:01"), mac("02:16:3e:00:00:02"), mac("02:16:3e:00:00:03"))
}

// ipv6 is the router's, an EUI-64 one, or one of a few others.
func (g *generator) ipv6() netip.Addr {
	p := g.v6()
	if g.chance(40) {
		return g.again(predicted(p, g.mac()))
	}
	a := p.Addr().As16()
	a[15] = pick[byte](g, 0, 1, 1, 2, 3, 0xfe)
	return g.again(netip.AddrFrom16(a))
}

var floatingRanges = []string{"192.0.2.0/29", "192.0.2.0/30", "192.0.2.4/31", "192.0.2.6/32", "192.0.2.8/30", "10.9.0.48/28",
	"2001:db8::/126", "2001:db8::8/127", "2001:db8::10/128", "fd00:9:0:3::/125"}

func (g *generator) floatingRange() netip.Prefix {
	return prefix(pick(g, pick(g, floatingRanges...), "192.0.2.0/30", "192.0.2.4/31", "2001:db8::/126"))
}

// floating is mostly one of those that are handed out first.
func (g *generator) floating() netip.Addr {
	all := each(netcalc.SpanOf(g.floatingRange()))
	return all[min(g.IntN(len(all)), pick(g, 1, 1, 2, 7))]
}

func (g *generator) network() string {
	id := fmt.Sprint(1 + min(g.IntN(9), g.IntN(9)))
	return pick(g, id, id, id, netip.PrefixFrom(g.ipv4(), pick(g, 28, 29)).Masked().String(), g.v6().String(), "red")
}

func (g *generator) instance() string {
	if len(g.ports) > 0 && g.chance(70) {
		return pick(g, g.ports...)
	}
	return pick(g, g.name(), fmt.Sprintf("i-%08x", 1+g.IntN(20)), g.mac().String(), g.ipv4().String(), g.ipv6().String(), g.floating().String())
}

func (g *generator) name() string { return pick(g, "web", "web", "db", "mail", "dns", "ntp") }

func (g *generator) newNetworks() NewNetworks {
	if len(g.asked) > 0 && g.chance(20) {
		n := pick(g, g.asked...)
		n.IfNotExists, n.NextFree = g.chance(80), false
		n.Count += often(g, 20, 1)
		if n.Range.IsValid() && g.chance(30) {
			n.Reserve, n.ReserveOffsets = g.reservations(n.Range)
		}
		return n
	}
	outer := 26 + g.IntN(3)
	n := NewNetworks{Manager: pick(g, VlanManager, VlanManager, VlanManager, FlatDHCPManager, FlatDHCPManager, FlatManager),
		Count: pick(g, 1, 1, 1, 2, 4), Range: netip.PrefixFrom(g.ipv4(), outer).Masked(), Bits: max(28, outer) + pick(g, 0, 0, 0, 1),
		VLANStart: pick(g, 100, 100, 100, 101, 103, 4093), VPNStart: pick(g, 1000, 1000, 1000, 1001, 1003, 65534), VPNAddress: addr("192.0.2.200"),
		VPNStartAsked: g.chance(50),
		VPNClients:    pick(g, 0, 0, 0, 0, 1, 3), NoIPv6: g.chance(10), NextFree: g.chance(50), IfNotExists: g.chance(8),
		Default: Network{BridgeInterface: "eth0", DNS1: addr("8.8.4.4")},
		Given:   Network{Label: often(g, 20, pick(g, "red", "blue")), ProjectID: often(g, 15, g.project()), Host: often(g, 30, pick(g, "node1", "node2"))}}
	if n.Manager != VlanManager {
		n.Bridge, n.VPNClients = pick(g, "br100", "br0", "br0"), 0
	}
	if !n.NoIPv6 && g.chance(60) {
		n.RangeV6, n.RangeV6Asked = pick(g, prefix("fd00:9::/62"), prefix("fd00:9::/62"), prefix("fd00:9:0:2::/63"), g.v6()), g.chance(70)
		if g.chance(15) {
			n.Range, n.Bits = netip.Prefix{}, 0
		}
	}
	if n.Range.IsValid() && g.chance(80) {
		n.Count = min(n.Count, 1<<(n.Bits-n.Range.Bits()))
	}
	if n.Range.IsValid() && n.Count == 1 && g.chance(15) {
		n.Given.Gateway = ip4(n.Range.Addr(), g.IntN(8))
	}
	if n.Range.IsValid() && g.chance(15) {
		n.Reserve, n.ReserveOffsets = g.reservations(n.Range)
	}
	if n.RangeV6.IsValid() && g.chance(10) {
		n.Given.GatewayV6 = g.ipv6()
	}
	g.asked = append(g.asked, n)
	return n
}

// reservations are of a range, or of each network in it.
func (g *generator) reservations(r netip.Prefix) ([]netcalc.Span, []netcalc.RelativeSpan) {
	if g.chance(50) {
		from := uint64(g.IntN(8))
		return nil, []netcalc.RelativeSpan{{First: from, Last: from + g.Uint64N(9)}}
	}
	a := ip4(r.Addr(), g.IntN(20))
	s := netcalc.Span{First: a, Last: ip4(a, g.IntN(6))}
	g.reserved = append(g.reserved, s)
	return []netcalc.Span{s}, nil
}

func (g *generator) newInstances() NewInstances {
	n := NewInstances{ProjectID: g.project(), Names: []string{g.name()}, Network: often(g, 10, g.network()), Host: often(g, 20, "node3"),
		SecurityGroups: often(g, 15, []string{pick(g, "default", "www"), pick(g, "default", "default", "www", "none")})}
	g.ports = append(g.ports[max(0, len(g.ports)-7):], n.ProjectID+"/"+n.Names[0])
	if g.chance(20) {
		for i := range 1 + g.IntN(5) {
			n.Names = append(n.Names, fmt.Sprintf("%s-%d", n.Names[0], i))
		}
		return n
	}
	n.MAC, n.FixedIP, n.FixedIPv6 = often(g, 30, g.mac()), often(g, 15, g.ipv4()), often(g, 15, g.ipv6())
	if g.chance(1) {
		n.MAC = mac("03:16:3e:00:00:01")
	}
	return n
}

func (g *generator) spans() (spans []netcalc.Span) {
	for range pick(g, 1, 1, 1, 2) {
		first := g.ipv4()
		s := netcalc.Span{First: first, Last: ip4(first, pick(g, 0, 0, 1, 3, 9, 15))}
		if g.chance(20) {
			s.First = g.ipv6()
			s.Last = s.First
			if b := s.Last.As16(); g.chance(50) {
				b[15] |= 7
				s.Last = netip.AddrFrom16(b)
			}
		}
		spans = append(spans, s)
	}
	return spans
}

func (g *generator) rules() (rules []Rule) {
	for range pick(g, 1, 1, 2) {
		r := Rule{Protocol: "tcp", From: pick(g, 1, 1, 1, 80), To: 65535}
		if g.chance(5) {
			r.From, r.To = r.To, r.From
		}
		if g.chance(40) {
			r.CIDR = pick(g, prefix("0.0.0.0/0"), prefix("::/0"))
		} else {
			r.SourceGroup = pick(g, "default", "default", "www", "none")
		}
		rules = append(rules, r)
	}
	return rules
}

func (g *generator) change() (c NetworkChange) {
	for range pick(g, 1, 1, 2) {
		switch g.IntN(7) {
		case 0:
			c.Label = ptr(pick(g, "red", "blue", ""))
		case 1:
			c.ProjectID = ptr(pick(g, g.project(), ""))
		case 2:
			c.Host = ptr(pick(g, "node1", ""))
		case 3, 4, 5:
			c.Gateway = ptr(pick(g, g.ipv4(), g.early(), g.early(), netip.Addr{}))
		case 6:
			c.GatewayV6 = ptr(pick(g, g.ipv6(), g.ipv6(), g.ipv6(), netip.Addr{}))
		}
	}
	return c
}
