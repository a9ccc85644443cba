package nftgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// Validate reports the first value that must not reach the file. The error is a [*configfile.OptionError].
func (c Config) Validate() error {
	_, err := newPlan(&c)
	return err
}

func fail(place, option string, value any, bound string, args ...any) error {
	e := &configfile.OptionError{Option: option, Value: fmt.Sprint(value), Bound: fmt.Sprintf(bound, args...)}
	if place != "" {
		e.Place = []string{place}
	}
	return e
}

// failText is fail for what may be hostile text: a zone of an address is free text.
func failText(place, option, value, bound string, args ...any) error {
	return fail(place, option, strconv.Quote(value), bound, args...)
}

func (n *Network) place() string { return fmt.Sprintf("network %d", n.ID) }
func (p *Port) place() string    { return fmt.Sprintf("guest %s", p.MAC) }
func (g *Group) place() string   { return fmt.Sprintf("security group %d", g.ID) }

// checkAddr refuses what is no unicast address that packets of others can have. A zone is free text, and an IPv4 address in
// IPv6 form would be written into a set of the other family.
func checkAddr(place, option string, a netip.Addr) error {
	switch {
	case !a.IsValid():
		return fail(place, option, "", "must be an address")
	case a.Zone() != "":
		return failText(place, option, a.String(), "must have no zone")
	case a.Is4In6():
		return fail(place, option, a, "must be written as IPv4 address")
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fail(place, option, a, "must be a unicast address that is routed")
	}
	return nil
}

func checkAddr4(place, option string, a netip.Addr) error {
	if err := checkAddr(place, option, a); err != nil {
		return err
	}
	if !a.Is4() {
		return fail(place, option, a, "must be an IPv4 address")
	}
	return nil
}

func checkAddr6(place, option string, a netip.Addr) error {
	if err := checkAddr(place, option, a); err != nil {
		return err
	}
	if a.Is4() {
		return fail(place, option, a, "must be an IPv6 address")
	}
	return nil
}

// checkNames checks interfaces; role tells what each name is, and no name may be two things.
func checkNames(role map[string]string, as string, names []string) error {
	for _, name := range names {
		if err := configfile.CheckInterfaceName(as, name); err != nil {
			return err
		}
		switch role[name] {
		case "":
			role[name] = as
		case as:
			return fail("", as, name, "must appear once")
		default:
			return fail("", as, name, "must not be a %s too", role[name])
		}
	}
	return nil
}

// network checks what concerns one network alone.
func (n *Network) validate() error {
	if n.ID <= 0 {
		return fail("", "network", n.ID, "must be a positive number")
	}
	if err := configfile.CheckInterfaceName("bridge", n.Bridge); err != nil {
		return err
	}
	if !n.CIDR.IsValid() && !n.CIDRv6.IsValid() {
		return fail(n.place(), "cidr", "", "must be set, or cidr_v6")
	}
	if p := n.CIDR; p.IsValid() && (!p.Addr().Is4() || p != p.Masked() || p.Bits() == 0) {
		return fail(n.place(), "cidr", p, "must be an IPv4 prefix without host bits")
	}
	// A guest makes an address of its MAC in a /64 and in nothing else (RFC 4862 section 5.5.3 d); the guard against
	// forged neighbour advertisements compares the first half of their target.
	if p := n.CIDRv6; p.IsValid() && (!p.Addr().Is6() || p.Addr().Is4In6() || p != p.Masked() || p.Bits() != 64) {
		return fail(n.place(), "cidr_v6", p, "must be an IPv6 /64 without host bits")
	}
	for _, p := range []netip.Prefix{n.CIDR, n.CIDRv6} {
		if p.IsValid() {
			if a := p.Addr(); a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
				return fail(n.place(), "cidr", p, "must be a prefix of unicast addresses that are routed")
			}
		}
	}
	if n.Gateway.IsValid() {
		if err := n.owns("gateway", n.Gateway, n.CIDR); err != nil {
			return err
		}
	}
	if n.GatewayV6.IsValid() {
		if err := n.owns("gateway_v6", n.GatewayV6, n.CIDRv6); err != nil {
			return err
		}
	}
	for _, s := range n.Open {
		if !n.CIDR.IsValid() || !netcalc.SpanOf(n.CIDR).Covers(s) || n.Gateway.IsValid() && s.Contains(n.Gateway) {
			return failText(n.place(), "open addresses", s.String(), "must be in cidr and clear of the gateway")
		}
	}
	if a := n.LinkLocal; a.IsValid() && (!a.Is6() || a.Is4In6() || a.Zone() != "" || !a.IsLinkLocalUnicast()) {
		return failText(n.place(), "link-local address", a.String(), "must be an IPv6 link-local address without zone")
	}
	return nil
}

// owns checks an address that must be in a prefix of the network.
func (n *Network) owns(option string, a netip.Addr, in netip.Prefix) error {
	if err := checkAddr(n.place(), option, a); err != nil {
		return err
	}
	if !in.IsValid() || !in.Contains(a) {
		return fail(n.place(), option, a, "must be an address of the network")
	}
	return nil
}

// validateOverlap finds two networks with an address in common: a set of prefixes takes each address once, and which
// network a guest is in would be left to chance. Networks of one bridge may share an IPv6 prefix.
func (p *plan) validateOverlap() error {
	type claim struct {
		prefix netip.Prefix
		of     *Network
	}
	var claims []claim
	for i := range p.Networks {
		n := &p.Networks[i]
		for _, prefix := range []netip.Prefix{n.CIDR, n.CIDRv6} {
			if prefix.IsValid() {
				claims = append(claims, claim{prefix, n})
			}
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return a.prefix.Compare(b.prefix) })
	// CIDR blocks nest or are apart, and in this order an overlap shows between neighbours.
	for i := 1; i < len(claims); i++ {
		a, b := claims[i-1], claims[i]
		shared := a.prefix == b.prefix && b.prefix.Addr().Is6() && a.of.Bridge == b.of.Bridge
		if a.prefix.Overlaps(b.prefix) && !shared {
			return fail(b.of.place(), "prefix", b.prefix, "must not overlap prefix %s of network %d on %s", a.prefix, a.of.ID, a.of.Bridge)
		}
	}
	return nil
}

// validate checks a group; known are the ids of all groups.
func (g *Group) validate(known map[int64]*Group) error {
	for _, r := range g.Rules {
		if err := g.validateRule(r, known); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) validateRule(r Rule, known map[int64]*Group) error {
	switch r.Protocol {
	case "tcp", "udp":
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return fail(g.place(), r.Protocol+" ports", fmt.Sprintf("%d to %d", r.From, r.To), "must be 0 to 65535, the lower one first")
		}
	case "icmp":
		if r.From < -1 || r.From > 255 || r.To < -1 || r.To > 255 {
			return fail(g.place(), "icmp", fmt.Sprintf("type %d code %d", r.From, r.To), "must be 0 to 255, or -1 for any")
		}
		if r.From == -1 && r.To != -1 {
			return fail(g.place(), "icmp", fmt.Sprintf("type -1 code %d", r.To), "must have code -1 where the type is any")
		}
	default:
		return failText(g.place(), "protocol", r.Protocol, "must be tcp, udp or icmp")
	}
	switch {
	case r.CIDR.IsValid() && r.Source != 0:
		return fail(g.place(), "rule", r.CIDR, "must have a cidr or a source group (%d), not both", r.Source)
	case r.CIDR.IsValid() && r.CIDR.Addr().Is4In6():
		return fail(g.place(), "rule", r.CIDR, "must be written as IPv4 prefix")
	case !r.CIDR.IsValid() && known[r.Source] == nil:
		return fail(g.place(), "source group", r.Source, "must be one of the groups")
	}
	return nil
}

// addPort checks a guest and takes its addresses.
func (p *plan) addPort(port *Port) error {
	if err := port.MAC.CheckUnicast(); err != nil {
		return fail("", "guest", port.MAC, "must have a unicast MAC address")
	}
	if other := p.macs[port.MAC]; other != nil {
		return fail(port.place(), "MAC address", port.MAC, "must not be that of a guest of network %d too", other.Network)
	}
	p.macs[port.MAC] = port
	n := p.networks[port.Network]
	if n == nil {
		return fail(port.place(), "network", port.Network, "must be one of the networks")
	}
	g := guest{Port: port, network: n}
	if port.IPv4.IsValid() {
		if err := checkAddr4(port.place(), "fixed_ip", port.IPv4); err != nil {
			return err
		}
		if slices.ContainsFunc(n.Open, func(s netcalc.Span) bool { return s.Contains(port.IPv4) }) {
			return fail(port.place(), "fixed_ip", port.IPv4, "must not be an open address of %s", n.place())
		}
		g.addrs = append(g.addrs, port.IPv4)
	}
	if port.IPv6.IsValid() {
		if err := checkAddr6(port.place(), "fixed_ip_v6", port.IPv6); err != nil {
			return err
		}
		g.addrs = append(g.addrs, port.IPv6)
	}
	if n.CIDRv6.IsValid() {
		a, err := netcalc.EUI64(n.CIDRv6, port.MAC)
		if err != nil {
			return fail(port.place(), "cidr_v6", n.CIDRv6, "must be an IPv6 /64")
		}
		if a != port.IPv6 {
			g.addrs = append(g.addrs, a)
		}
	}
	if len(g.addrs) == 0 {
		return fail(port.place(), "address", "", "must be set")
	}
	for _, a := range g.addrs {
		if err := p.claim(port, n, a); err != nil {
			return err
		}
	}
	for _, id := range port.Groups {
		if p.groups[id] == nil {
			return fail(port.place(), "security group", id, "must be one of the groups")
		}
	}
	p.guests = append(p.guests, g)
	return nil
}

// claim takes an address for a guest. Each is a key of the map that says where its packets go.
func (p *plan) claim(port *Port, n *Network, a netip.Addr) error {
	in := n.CIDR
	if a.Is6() {
		in = n.CIDRv6
	}
	if !in.IsValid() || !in.Contains(a) {
		return fail(port.place(), "address", a, "must be one of network %d", n.ID)
	}
	if owner, taken := p.owner[a]; taken {
		return fail(port.place(), "address", a, "must not be that of %s too", owner)
	}
	p.owner[a] = port.place()
	return nil
}

func (p *plan) validateFloating() error {
	public, fixed := map[netip.Addr]bool{}, map[netip.Addr]netip.Addr{}
	for i := range p.Floating {
		f := &p.Floating[i]
		if err := checkAddr("", "floating address", f.Public); err != nil {
			return err
		}
		place := "floating address " + f.Public.String()
		if err := checkAddr(place, "fixed address", f.Fixed); err != nil {
			return err
		}
		if f.Public.Is4() != f.Fixed.Is4() {
			return fail(place, "fixed address", f.Fixed, "must be of the same family")
		}
		if public[f.Public] {
			return fail("", "floating address", f.Public, "must appear once")
		}
		public[f.Public] = true
		if n := p.networkOf(f.Public); n != nil {
			return fail("", "floating address", f.Public, "must not be in a network of guests (%d)", n.ID)
		}
		if !p.guestHas(f.Fixed) {
			return fail(place, "fixed address", f.Fixed, "must be that of a guest")
		}
		if other, taken := fixed[f.Fixed]; taken {
			return fail(place, "fixed address", f.Fixed, "must not have floating address %s too", other)
		}
		fixed[f.Fixed] = f.Public
		if f.Interface != "" {
			if err := configfile.CheckInterfaceName("interface", f.Interface); err != nil {
				return err
			}
			if p.bridges[f.Interface] {
				return fail(place, "interface", f.Interface, "must not be a bridge of guests")
			}
		}
	}
	return nil
}

func (p *plan) validateVPN() error {
	seen := map[netip.AddrPort]bool{}
	for _, v := range p.VPN {
		if err := checkAddr4("", "vpn_public_address", v.Public.Addr()); err != nil {
			return err
		}
		place := "VPN " + v.Public.String()
		if v.Public.Port() == 0 {
			return fail(place, "vpn_public_port", 0, "must be 1 to 65535")
		}
		if seen[v.Public] {
			return fail("", "VPN", v.Public, "must appear once")
		}
		seen[v.Public] = true
		if err := checkAddr4(place, "vpn_private_address", v.Private); err != nil {
			return err
		}
		if p.networkOf(v.Public.Addr()) != nil {
			return fail(place, "vpn_public_address", v.Public.Addr(), "must not be in a network of guests")
		}
		if p.networkOf(v.Private) == nil {
			return fail(place, "vpn_private_address", v.Private, "must be in one of the networks")
		}
	}
	return nil
}

// validateRouting checks what concerns the node as a whole.
func (p *plan) validateRouting() error {
	if m := p.Metadata; m != (netip.AddrPort{}) {
		// The kernel takes nothing to a loopback address that comes from a link, unless route_localnet is on.
		if err := checkAddr4("", "metadata host", m.Addr()); err != nil {
			return err
		}
		if m.Port() == 0 {
			return fail("", "metadata port", 0, "must be 1 to 65535")
		}
	}
	if p.RoutingSource.IsValid() {
		if err := checkAddr4("", "routing source", p.RoutingSource); err != nil {
			return err
		}
	}
	for _, d := range p.DMZ {
		if !d.IsValid() || d.Addr().Is4In6() || d != d.Masked() {
			return fail("", "dmz_cidr", d, "must be a prefix without host bits")
		}
	}
	return nil
}
