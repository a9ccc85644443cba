package radvdgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// Bounds that radvd 2.19 checks when it starts to advertise (check_iface), not when it parses. radvd -c accepts what
// lies outside them; the daemon then logs an error and stays silent on that interface.
const (
	minMinInterval = 3         // seconds, RFC 4861 section 6.2.1, as are the next four
	minMaxInterval = 4         // seconds
	maxMaxInterval = 1800      // seconds
	maxLifetime    = 9000      // seconds
	maxReachable   = 3_600_000 // milliseconds
	minDelay       = 3         // seconds, MIN_DELAY_BETWEEN_RAS in RFC 4861 section 10
	minMTU         = 1280      // bytes, RFC 8200 section 5
)

// Bounds that radvd leaves to whoever writes the file, and a ratio it uses.
const (
	maxMTU          = 65535 // bytes, the most that a Linux bridge can be given
	maxHopLimit     = 255   // an 8-bit field; radvd takes 256 and sends 0
	autonomousBits  = 64    // 128 less the 64-bit interface identifier (RFC 4862 section 5.5.3 d)
	rdnssBlock      = 3     // addresses in one RDNSS block of radvd 2.19
	defaultMinRatio = 0.33  // of MaxRtrAdvInterval is the default of MinRtrAdvInterval
)

var (
	multicast   = netip.MustParsePrefix("ff00::/8")
	linkLocal   = netip.MustParsePrefix("fe80::/10")
	firstGroup0 = netip.MustParsePrefix("::/16")
	defaultNet  = netip.MustParsePrefix("::/0")
)

// Validate reports the first value that radvd would refuse, or accept and not act on: [ErrNothing] or an
// [*OptionError]. A prefix must be on one link only, so no two prefixes of c overlap; validate the whole configuration
// before splitting it into one file per interface.
func (c Config) Validate() error {
	if len(c.Interfaces) == 0 {
		return ErrNothing
	}
	seen := make(map[string]bool, len(c.Interfaces))
	for n := range c.Interfaces {
		i := &c.Interfaces[n]
		if err := CheckRadvdName(i.Name); err != nil {
			return err
		}
		if seen[i.Name] {
			return &OptionError{Option: "interface", Value: i.Name, Bound: "must appear once"}
		}
		seen[i.Name] = true
		if err := i.validate(); err != nil {
			return err
		}
	}
	return c.validateOverlap()
}

// validateOverlap finds two prefixes with an address in common. A guest cannot tell the links of such prefixes apart,
// and the same prefix twice on one link goes out twice.
func (c Config) validateOverlap() error {
	type claim struct {
		prefix netip.Prefix
		owner  string
	}
	var claims []claim
	for _, i := range c.Interfaces {
		for _, p := range i.Prefixes {
			claims = append(claims, claim{p.Prefix.Masked(), i.Name})
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return a.prefix.Compare(b.prefix) })
	// CIDR blocks nest or are apart. In this order a block stands before all it contains, and whatever stands between
	// two nested ones is nested in the first too: an overlap, if there is any, shows between neighbours.
	for n := 1; n < len(claims); n++ {
		a, b := claims[n-1], claims[n]
		if a.prefix.Overlaps(b.prefix) {
			return &OptionError{b.owner, "", "prefix", b.prefix.String(),
				fmt.Sprintf("must not overlap prefix %s of interface %s", a.prefix, a.owner)}
		}
	}
	return nil
}

func (i *Interface) validate() error {
	checks := []func() error{i.validateIntervals, i.validateHeader, i.validatePrefixes, i.validateRoutes,
		i.validateRDNSS, i.validateDNSSL, i.validateSize}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// fail is an error about an option of the interface itself.
func (i *Interface) fail(option string, value any, bound string, args ...any) error {
	return &OptionError{i.Name, "", option, fmt.Sprint(value), fmt.Sprintf(bound, args...)}
}

func (i *Interface) validateIntervals() error {
	longest := i.maxInterval()
	if longest < minMaxInterval || longest > maxMaxInterval {
		return i.fail("MaxRtrAdvInterval", longest, "must be %d to %d", minMaxInterval, maxMaxInterval)
	}
	switch shortest := i.MinRtrAdvInterval; {
	case shortest == nil:
		// radvd's default breaks radvd's own bound where the longest interval is below 10.
		if defaultMinRatio*float64(longest) < minMinInterval {
			return i.fail("MinRtrAdvInterval", "unset", "must be set, its default %s * MaxRtrAdvInterval %s being below %d",
				decimal(defaultMinRatio), longest, minMinInterval)
		}
	case *shortest < minMinInterval:
		return i.fail("MinRtrAdvInterval", *shortest, "must be at least %d", minMinInterval)
	case 4*uint64(*shortest) > 3*uint64(longest):
		return i.fail("MinRtrAdvInterval", *shortest, "must be at most %s (0.75 * MaxRtrAdvInterval %s)",
			decimal(0.75*float64(longest)), longest)
	}
	if d := i.MinDelayBetweenRAs; d != nil && *d < minDelay {
		return i.fail("MinDelayBetweenRAs", *d, "must be at least %d", minDelay)
	}
	if l := i.DefaultLifetime; l != nil && *l != 0 && (*l < longest || *l > maxLifetime) {
		return i.fail("AdvDefaultLifetime", *l, "must be 0 or %s (MaxRtrAdvInterval) to %d", longest, maxLifetime)
	}
	return nil
}

func (i *Interface) validateHeader() error {
	if err := i.checkPreference("AdvDefaultPreference", "", i.DefaultPreference); err != nil {
		return err
	}
	if !i.isDefaultRouter() && (i.DefaultPreference == Low || i.DefaultPreference == High) {
		return i.fail("AdvDefaultPreference", i.DefaultPreference,
			"must be medium where AdvDefaultLifetime is 0 (RFC 4191 section 2.2)")
	}
	if i.LinkMTU != 0 && (i.LinkMTU < minMTU || i.LinkMTU > maxMTU) {
		return i.fail("AdvLinkMTU", i.LinkMTU, "must be 0 or %d to %d", minMTU, maxMTU)
	}
	if i.ReachableTime > maxReachable {
		return i.fail("AdvReachableTime", i.ReachableTime, "must be at most %d", maxReachable)
	}
	if i.CurHopLimit != nil && *i.CurHopLimit > maxHopLimit {
		return i.fail("AdvCurHopLimit", *i.CurHopLimit, "must be at most %d", maxHopLimit)
	}
	return nil
}

func (i *Interface) isDefaultRouter() bool {
	return i.DefaultLifetime == nil || *i.DefaultLifetime != 0
}

func (i *Interface) checkPreference(option, block string, p Preference) error {
	switch p {
	case "", Low, Medium, High:
		return nil
	}
	return &OptionError{i.Name, block, option, strconv.Quote(string(p)), "must be low, medium or high"}
}

func (i *Interface) validatePrefixes() error {
	for _, p := range i.Prefixes {
		bound := ""
		switch {
		case !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() || p.Prefix.Addr().Is4In6():
			bound = "must be an IPv6 prefix"
		case firstGroup0.Overlaps(p.Prefix):
			// ::/64 asks radvd to take the prefix from the interface. The rest is reserved (RFC 4291 section 2.4), and
			// radvd's scanner does not know the text form ::1.
			bound = "must not be in ::/16"
		case multicast.Overlaps(p.Prefix), linkLocal.Overlaps(p.Prefix):
			// RFC 4861 section 6.3.4 has guests ignore the link-local prefix.
			bound = "must be unicast and not link-local"
		case p.RouterAddr != On && p.Prefix != p.Prefix.Masked():
			// radvd sends them as they are.
			bound = fmt.Sprintf("must have no host bits: %s", p.Prefix.Masked())
		case p.Autonomous != Off && p.Prefix.Bits() != autonomousBits:
			bound = fmt.Sprintf("must be a /%d where AdvAutonomous is on (RFC 4862 section 5.5.3)", autonomousBits)
		}
		if bound != "" {
			return i.fail("prefix", p.Prefix, "%s", bound)
		}
		valid, preferred := or(p.ValidLifetime, defaultValid), or(p.PreferredLifetime, defaultPreferred)
		if preferred > valid {
			return &OptionError{i.Name, "prefix " + p.Prefix.String(), "AdvPreferredLifetime", preferred.String(),
				fmt.Sprintf("must be at most %s (AdvValidLifetime)", valid)}
		}
		if preferred == 0 && p.DecrementLifetimes == On {
			// radvd takes it for one that has run out, and leaves the prefix out.
			return &OptionError{i.Name, "prefix " + p.Prefix.String(), "AdvPreferredLifetime", preferred.String(),
				"must be above 0 where DecrementLifetimes is on"}
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
			bound = "must not be in ::/16"
		case multicast.Contains(r.Prefix.Addr()), linkLocal.Contains(r.Prefix.Addr()):
			bound = "must be unicast and not link-local"
		case seen[r.Prefix]:
			bound = "must appear once"
		}
		if bound != "" {
			return i.fail("route", r.Prefix, "%s", bound)
		}
		seen[r.Prefix] = true
		block := "route " + r.Prefix.String()
		if err := i.checkPreference("AdvRoutePreference", block, r.Preference); err != nil {
			return err
		}
		lifetime := or(r.Lifetime, 3*i.maxInterval())
		if r.Prefix == defaultNet && (lifetime != 0) != i.isDefaultRouter() {
			// A guest takes ::/0 for the default route itself (RFC 4191 section 3.1): it would flap.
			want := "must be above 0 where AdvDefaultLifetime is"
			if lifetime != 0 {
				want = "must be 0 where AdvDefaultLifetime is"
			}
			return &OptionError{i.Name, block, "AdvRouteLifetime", lifetime.String(), want}
		}
	}
	return nil
}

func (i *Interface) validateRDNSS() error {
	seen := make(map[netip.Addr]bool)
	for _, r := range i.RDNSS {
		if len(r.Servers) == 0 {
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
				bound = "must not be in ::/16" // radvd's scanner does not know ::1, and a guest cannot use it
			case a.IsMulticast():
				bound = "must be unicast"
			case seen[a]:
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
// advertisement. 2.19 only warns about a shorter one, and the guests lose their servers between advertisements.
func (i *Interface) checkDNSLifetime(block, option string, l *Seconds) error {
	if longest := i.maxInterval(); l != nil && *l != 0 && *l < longest {
		return &OptionError{i.Name, block, option, l.String(),
			fmt.Sprintf("must be 0 or at least %s (MaxRtrAdvInterval)", longest)}
	}
	return nil
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
