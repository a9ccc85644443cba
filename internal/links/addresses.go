package links

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
)

// unusable is what a link of ours cannot have for an address, and no network that it serves may touch: the kernel refuses
// it, drops its packets as martians, or has one of its own on every link.
var unusable = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), `"this network" (RFC 1122 section 3.2.1.3)`},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback (RFC 1122 section 3.2.1.3)"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local (RFC 3927)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast (RFC 5771)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112 section 4)"},
	{netip.MustParsePrefix("::/8"), "reserved (RFC 4291 section 2.5)"}, // with ::, ::1 and what is IPv4 in disguise
	{netip.MustParsePrefix("fe80::/10"), "link-local (RFC 4291 section 2.5.6)"},
	{netip.MustParsePrefix("ff00::/8"), "multicast (RFC 4291 section 2.7)"},
}

// addressBound says what the address of a link has to be that p is not, or "".
func addressBound(p netip.Prefix) string {
	a := p.Addr()
	switch {
	case !p.IsValid(): // a prefix from netip has no zone
		return "must be an address with its prefix length"
	case a.Is4In6():
		// It is printed as ::ffff:10.0.0.1, which each daemon reads in its own way.
		return "must not be an IPv4 address in IPv6 form"
	}
	for _, u := range unusable {
		if u.prefix.Overlaps(p) {
			return fmt.Sprintf("must be clear of %s, %s", u.prefix, u.what)
		}
	}
	network := p.Masked().Addr()
	switch {
	// Two addresses have no room for a network's own, and one has none for others (RFC 3021, RFC 6164).
	case p.Bits() >= a.BitLen()-1:
	case a == network && a.Is4():
		return "must not be the network address"
	case a == network:
		return "must not be the subnet-router anycast address (RFC 4291 section 2.6.1)"
	case a.Is4() && a == lastOf(p):
		return "must not be the broadcast address"
	}
	return ""
}

// lastOf is the last address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// subnet is what an address of a bridge makes on-link.
type subnet struct {
	prefix netip.Prefix
	owner  *Bridge
}

// checkSubnets checks the bridges' addresses, and returns their subnets in order, without those inside others. Of two
// bridges with an address in common one alone would get the packets for it; on the same bridge networks may share a prefix.
func (c *Config) checkSubnets() ([]subnet, error) {
	var all []subnet
	holders := make(map[netip.Addr]*Bridge)
	for i := range c.Bridges {
		b := &c.Bridges[i]
		for _, p := range b.Addresses {
			if bound := addressBound(p); bound != "" {
				return nil, b.fail("address", p, "%s", bound)
			}
			switch holder := holders[p.Addr()]; {
			case holder == b:
				return nil, b.fail("address", p, "must appear once")
			case holder != nil:
				return nil, b.fail("address", p, "must not be an address of bridge %s too", holder.Name)
			}
			holders[p.Addr()] = b
			all = append(all, subnet{p.Masked(), b})
		}
	}
	slices.SortStableFunc(all, func(a, b subnet) int { return a.prefix.Compare(b.prefix) })
	// CIDR blocks nest or are apart, and in this order a block stands before all that is in it.
	outermost := all[:0]
	for _, s := range all {
		if n := len(outermost); n == 0 || !outermost[n-1].prefix.Overlaps(s.prefix) {
			outermost = append(outermost, s)
		} else if a := outermost[n-1]; a.owner != s.owner {
			return nil, s.owner.fail("address", s.prefix, "must not overlap %s of bridge %s", a.prefix, a.owner.Name)
		}
	}
	return outermost, nil
}

// checkFloating checks the floating addresses. One that is in a bridge's network would be the node's own instead of a
// guest's, for the guests of that network too.
func (c *Config) checkFloating(uplinks map[string]bool, subnets []subnet) error {
	seen := make(map[netip.Addr]bool, len(c.Floating))
	for _, f := range c.Floating {
		value, bound := f.Address.String(), ""
		switch a := f.Address; {
		case !a.IsValid():
			value, bound = "", "must be an address"
		case a.Zone() != "":
			value, bound = strconv.Quote(value), "must not have a zone" // which can be any text
		case seen[a]:
			bound = "must appear once"
		default:
			bound = addressBound(netip.PrefixFrom(a, a.BitLen()))
		}
		if bound == "" {
			if s, found := around(subnets, f.Address); found {
				bound = fmt.Sprintf("must not be in %s of bridge %s", s.prefix, s.owner.Name)
			}
		}
		if bound != "" {
			return &configfile.OptionError{Option: "floating address", Value: value, Bound: bound}
		}
		seen[f.Address] = true
		place := "floating address " + f.Address.String()
		switch {
		case f.Interface == "" && f.Address.Is4():
		case f.Interface == "":
			// Neighbours ask by multicast to the address's solicited-node group, which a local route does not join.
			return in(place, &configfile.OptionError{Option: "interface", Bound: "must be named for IPv6"})
		default:
			if err := CheckName("interface", f.Interface); err != nil {
				return in(place, err)
			}
			if f.Address.Is6() && !uplinks[f.Interface] {
				return in(place, &configfile.OptionError{Option: "interface", Value: f.Interface, Bound: "must be an uplink"})
			}
		}
	}
	return nil
}

// around returns the subnet that an address is in, of some that are in order and apart.
func around(subnets []subnet, a netip.Addr) (subnet, bool) {
	after, _ := slices.BinarySearchFunc(subnets, a, func(s subnet, a netip.Addr) int {
		if s.prefix.Addr().Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	if after > 0 && subnets[after-1].prefix.Contains(a) {
		return subnets[after-1], true
	}
	return subnet{}, false
}
