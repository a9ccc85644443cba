package radvdgen

import (
	"fmt"
	"net/netip"
	"strconv"
)

const (
	// autonomousBits is 128 less the 64-bit interface identifier. A guest ignores an autonomous prefix of any other length
	// (RFC 4862 section 5.5.3 d); radvd sends it.
	autonomousBits = 64
	// rdnssBlock is how many addresses one RDNSS block of radvd 2.19 takes; for a fourth it refuses the file. From 2.20 on
	// it takes 127.
	rdnssBlock = 3
)

var (
	multicast = netip.MustParsePrefix("ff00::/8")
	linkLocal = netip.MustParsePrefix("fe80::/10")
	// firstGroup0 is reserved (RFC 4291 section 2.4, and section 2.5.5 for what looks like IPv4). radvd's scanner does not
	// know the text forms "::1" and "::ffff:10.0.0.1", for which it refuses the file.
	firstGroup0 = netip.MustParsePrefix("::/16")
	defaultNet  = netip.MustParsePrefix("::/0")
)

func (i *Interface) validatePrefixes() error {
	for _, p := range i.Prefixes {
		bound := ""
		switch {
		case !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() || p.Prefix.Addr().Is4In6():
			bound = "must be an IPv6 prefix"
		case firstGroup0.Overlaps(p.Prefix):
			// Besides: ::/64 is radvd's way to say "whatever prefix the interface has", so that what goes out would not be
			// what the ledger holds.
			bound = "must not be in ::/16"
		case multicast.Overlaps(p.Prefix), linkLocal.Overlaps(p.Prefix):
			// Guests ignore the link-local prefix (RFC 4861 section 6.3.4, RFC 4862 section 5.5.3 b), and nobody can have a
			// multicast address. radvd sends either.
			bound = "must be unicast and not link-local"
		case p.RouterAddr != On && p.Prefix != p.Prefix.Masked():
			// radvd sends them as they are, though they must be zero (RFC 4861 section 4.6.2).
			bound = fmt.Sprintf("must have no host bits: %s", p.Prefix.Masked())
		case p.Autonomous != Off && p.Prefix.Bits() != autonomousBits:
			bound = fmt.Sprintf("must be a /%d where AdvAutonomous is on (RFC 4862 section 5.5.3)", autonomousBits)
		}
		if bound != "" {
			return i.fail("prefix", p.Prefix, "%s", bound)
		}
		// With the defaults filled in, because radvd compares a lone valid lifetime with the preferred default, and refuses
		// the file. A guest ignores a prefix that is preferred for longer than it is valid (RFC 4862 section 5.5.3 c).
		valid, preferred := or(p.ValidLifetime, defaultValid), or(p.PreferredLifetime, defaultPreferred)
		block := "prefix " + p.Prefix.String()
		if preferred > valid {
			return i.failIn(block, "AdvPreferredLifetime", preferred, "must be at most %s (AdvValidLifetime)", valid)
		}
		if preferred == 0 && p.DecrementLifetimes == On {
			// radvd takes it for one that has run out, and leaves the prefix out.
			return i.failIn(block, "AdvPreferredLifetime", preferred, "must be above 0 where DecrementLifetimes is on")
		}
	}
	return nil
}

func (i *Interface) validateRoutes() error {
	seen := make(map[netip.Prefix]bool, len(i.Routes))
	for _, r := range i.Routes {
		bound := ""
		switch {
		case !r.Prefix.IsValid() || !r.Prefix.Addr().Is6() || r.Prefix.Addr().Is4In6():
			bound = "must be an IPv6 prefix"
		case r.Prefix != r.Prefix.Masked():
			bound = fmt.Sprintf("must have no host bits: %s", r.Prefix.Masked())
		case firstGroup0.Overlaps(r.Prefix) && r.Prefix.Bits() >= firstGroup0.Bits():
			// Unlike a prefix a route may contain ::/16: ::/0 is the default route, ::/1 and 8000::/1 are its halves.
			bound = "must not be in ::/16"
		case multicast.Contains(r.Prefix.Addr()), linkLocal.Contains(r.Prefix.Addr()):
			// No router forwards a link-local destination (RFC 4291 section 2.5.6), and multicast does not follow routes
			// that a guest has for unicast.
			bound = "must be unicast and not link-local"
		case seen[r.Prefix]:
			// Both would go out, and the guest would keep the lifetime of either.
			bound = "must appear once"
		}
		if bound != "" {
			return i.fail("route", r.Prefix, "%s", bound)
		}
		seen[r.Prefix] = true
		block := "route " + r.Prefix.String()
		if !isPreference(r.Preference) {
			return i.failIn(block, "AdvRoutePreference", strconv.Quote(string(r.Preference)), preferenceBound)
		}
		lifetime := or(r.Lifetime, 3*i.maxInterval())
		if r.Prefix == defaultNet && (lifetime != 0) != i.isDefaultRouter() {
			// A guest takes ::/0 for the default route itself (RFC 4191 section 3.1): it would flap.
			want := "must be above 0 where AdvDefaultLifetime is"
			if lifetime != 0 {
				want = "must be 0 where AdvDefaultLifetime is"
			}
			return i.failIn(block, "AdvRouteLifetime", lifetime, "%s", want)
		}
	}
	return nil
}

func (i *Interface) validateRDNSS() error {
	seen := make(map[netip.Addr]bool)
	for _, r := range i.RDNSS {
		if len(r.Servers) == 0 {
			// radvd's grammar wants one, and the option's length cannot tell of none (RFC 8106 section 5.1).
			return i.fail("RDNSS", "", "must name a server")
		}
		for _, a := range r.Servers {
			bound := ""
			switch {
			case !a.IsValid() || !a.Is6() || a.Is4In6():
				bound = "must be an IPv6 address"
			case a.Zone() != "":
				bound = "must have no zone: a guest takes the interface it hears it on"
			case firstGroup0.Contains(a):
				bound = "must not be in ::/16" // ::1 would be the guest itself
			case a.IsMulticast():
				bound = "must be unicast"
			case seen[a]:
				// A guest keeps as few as three servers (RFC 8106 section 5.3.1): the second would push another one out.
				bound = "must appear once"
			}
			if bound != "" {
				return i.fail("RDNSS", a, "%s", bound)
			}
			seen[a] = true
		}
		if err := i.checkDNSLifetime("RDNSS", "AdvRDNSSLifetime", r.Lifetime); err != nil {
			return err
		}
	}
	return nil
}

// checkDNSLifetime holds the lifetime of a DNS option at zero (stop using it) or long enough to reach the next
// advertisement (RFC 8106 section 5.1). 2.19 only warns about a shorter one, and the guests lose their servers between
// advertisements.
func (i *Interface) checkDNSLifetime(block, option string, l *Seconds) error {
	if longest := i.maxInterval(); l != nil && *l != 0 && *l < longest {
		return i.failIn(block, option, *l, "must be 0 or at least %s (MaxRtrAdvInterval)", longest)
	}
	return nil
}
