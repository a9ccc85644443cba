package dnsmasqgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

const (
	// minMTU is what RFC 2132 section 5.1 lets option 26 say; minMTUv6 is what a link with IPv6 has at least (RFC 8200 section
	// 5), and maxMTU the most that a Linux bridge can be given. dnsmasq takes 70000, and sends another number.
	minMTU, minMTUv6, maxMTU = 68, 1280, 65535
	// v6Bits is the only length of a network's prefix: SLAAC needs it, and dnsmasq takes nothing longer for a range.
	v6Bits = 64
)

func (n *Network) tag() string { return "n" + strconv.FormatInt(n.ID, 10) }

func (n *Network) place() []string { return []string{"network " + strconv.FormatInt(n.ID, 10)} }

func (n *Network) fail(option, value, bound string) error {
	return fail(n.place(), option, value, bound)
}

func (c Config) validateNetworks() error {
	seen := make(map[int64]bool, len(c.Networks))
	for i := range c.Networks {
		n := &c.Networks[i]
		if n.ID <= 0 {
			return fail(nil, "network", strconv.FormatInt(n.ID, 10), "must be a positive number")
		}
		// Two ranges with one tag would have each other's options.
		if seen[n.ID] {
			return fail(nil, "network", strconv.FormatInt(n.ID, 10), "must appear once")
		}
		seen[n.ID] = true
		if err := n.validate(c.Domain); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) validate(zone string) error {
	// What is allowed in the name of an interface has no meaning in interface=, where '*' at the end is a pattern and a comma
	// separates names.
	if err := configfile.CheckInterfaceName("bridge", n.Bridge); err != nil {
		return err
	}
	if n.Domain != "" {
		bound := nameBound(n.Domain)
		if bound == "" && n.Domain != zone && !within(n.Domain, zone) {
			// Its names would be asked of other servers: local= is for the zone.
			bound = "must be in " + zone
		}
		if bound != "" {
			return n.fail("domain", strconv.Quote(n.Domain), bound)
		}
	}
	if !n.CIDR.IsValid() && !n.CIDRv6.IsValid() {
		return n.fail("cidr", "", "must be given, or cidr_v6")
	}
	if err := n.validateIPv4(); err != nil {
		return err
	}
	if err := n.validateIPv6(); err != nil {
		return err
	}
	return n.validateDNS()
}

func (n *Network) validateIPv4() error {
	p := n.CIDR
	if !p.IsValid() {
		for _, of4 := range [...]struct {
			option string
			given  bool
		}{{"gateway", n.Router.IsValid()}, {"dhcp_start", n.First.IsValid()}} {
			if of4.given {
				return n.fail(of4.option, "", "must not be given without cidr")
			}
		}
		return n.validateMTU()
	}
	switch {
	case !p.Addr().Is4():
		return n.fail("cidr", p.String(), "must be an IPv4 prefix")
	case p != p.Masked():
		return n.fail("cidr", p.String(), "must have no host bits: "+p.Masked().String())
	case p.Bits() > 30:
		// The node, a guest, and since DHCP broadcasts a broadcast address.
		return n.fail("cidr", p.String(), "must have room for the node, a guest and the broadcast address")
	case netcalc.CheckServable(p) != nil:
		return n.fail("cidr", p.String(), "must be a range that guests can have")
	}
	for _, a := range [...]struct {
		option string
		addr   netip.Addr
	}{{"gateway", n.Router}, {"dhcp_start", n.First}} {
		if bound := n.hostBound(a.addr); bound != "" {
			return n.fail(a.option, addrText(a.addr), bound)
		}
	}
	return n.validateMTU()
}

// hostBound says what an address has to be to be a host's in the IPv4 network.
func (n *Network) hostBound(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "must be given"
	case !n.CIDR.Contains(a):
		return "must be in " + n.CIDR.String()
	case a == n.CIDR.Addr():
		return "must not be the network address"
	case a == lastOf(n.CIDR):
		return "must not be the broadcast address"
	}
	return ""
}

func (n *Network) validateMTU() error {
	least := minMTU
	if n.CIDRv6.IsValid() {
		least = minMTUv6
	}
	if n.MTU != 0 && (n.MTU < least || n.MTU > maxMTU) {
		return n.fail("mtu", strconv.Itoa(n.MTU), fmt.Sprintf("must be 0 or %d to %d", least, maxMTU))
	}
	return nil
}

func (n *Network) validateIPv6() error {
	p := n.CIDRv6
	if !p.IsValid() {
		switch {
		case n.GatewayV6.IsValid():
			return n.fail("gateway_v6", n.GatewayV6.String(), "must not be given without cidr_v6")
		case n.DHCPv6:
			return n.fail("DHCPv6", "", "must be off without cidr_v6")
		}
		return nil
	}
	switch {
	case !p.Addr().Is6() || p.Addr().Is4In6():
		return n.fail("cidr_v6", p.String(), "must be an IPv6 prefix")
	case p.Bits() != v6Bits:
		return n.fail("cidr_v6", p.String(), fmt.Sprintf("must be a /%d", v6Bits))
	case p != p.Masked():
		return n.fail("cidr_v6", p.String(), "must have no host bits: "+p.Masked().String())
	case netcalc.CheckServable(p) != nil:
		return n.fail("cidr_v6", p.String(), "must be a range that guests can have")
	}
	if bound := n.hostBoundV6(n.GatewayV6); bound != "" {
		return n.fail("gateway_v6", addrText(n.GatewayV6), bound)
	}
	return nil
}

// hostBoundV6 is hostBound for IPv6. The lowest address belongs to all routers of the link (RFC 4291 section 2.6.1).
func (n *Network) hostBoundV6(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "must be given"
	case !n.CIDRv6.Contains(a): // nor one with a zone
		return "must be in " + n.CIDRv6.String()
	case a == n.CIDRv6.Addr():
		return "must not be the subnet-router anycast address"
	}
	return ""
}

func (n *Network) validateDNS() error {
	if len(n.DNS) > maxServers {
		return n.fail("dns", "", fmt.Sprintf("must be at most %d", maxServers))
	}
	for i, a := range n.DNS {
		bound := ""
		switch {
		case !servable(a):
			// 0.0.0.0 and :: would be the node itself to dnsmasq, and 127.0.0.1 the guest itself.
			bound = "must be an address that guests can reach"
		case slices.Contains(n.DNS[:i], a):
			bound = "must appear once"
		}
		if bound != "" {
			return n.fail("dns", addrText(a), bound)
		}
	}
	return nil
}

// validateLinks checks networks against each other. `dnsmasq --test` passes ranges that overlap; a guest then gets the
// options of either.
func (c Config) validateLinks() error {
	order := make([]*Network, 0, len(c.Networks))
	bridgeOf := make(map[netip.Prefix]*Network, len(c.Networks))
	for i := range c.Networks {
		n := &c.Networks[i]
		if n.CIDR.IsValid() {
			order = append(order, n)
		}
		if !n.CIDRv6.IsValid() {
			continue
		}
		// They are all /64s: two are the same or apart.
		if other := bridgeOf[n.CIDRv6]; other == nil {
			bridgeOf[n.CIDRv6] = n
		} else if other.Bridge != n.Bridge {
			return n.fail("cidr_v6", n.CIDRv6.String(), fmt.Sprintf("must not be that of network %d, which is on another bridge, %s", other.ID, other.Bridge))
		}
	}
	// In this order an overlap, if there is any, shows between neighbours: CIDR blocks nest or are apart.
	slices.SortStableFunc(order, func(a, b *Network) int { return a.CIDR.Compare(b.CIDR) })
	for i := 1; i < len(order); i++ {
		if a, b := order[i-1], order[i]; a.CIDR.Overlaps(b.CIDR) {
			return b.fail("cidr", b.CIDR.String(), fmt.Sprintf("must not overlap %s of network %d", a.CIDR, a.ID))
		}
	}
	for _, l := range c.linksV6() {
		if servers := len(orNode(l.dns, l.nodes...)); l.served && servers > maxServers {
			return fail([]string{"bridge " + l.bridge}, "dns", fmt.Sprintf("of %d servers", servers),
				fmt.Sprintf("must be at most %d on one link", maxServers))
		}
	}
	return nil
}
