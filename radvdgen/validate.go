package radvdgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
)

// Bounds that radvd 2.19 checks when it starts to advertise (check_iface), not when it parses. radvd -c accepts what
// lies outside them; the daemon then logs an error and stays silent on that interface.
//
// With AdvIntervalOpt or AdvRouterAddr radvd goes down to the shorter times that RFC 6275 section 7.5 has for Mobile IPv6.
// They are fractions of a second and serve guests that roam, which guests on a bridge do not.
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
	maxHopLimit     = 255   // an 8-bit field (RFC 4861 section 4.2); radvd takes 256 and sends 0
	defaultMinRatio = 0.33  // of MaxRtrAdvInterval is the default of MinRtrAdvInterval (RFC 4861 section 6.2.1)
)

// Validate reports the first value that radvd would refuse, or accept and not act on: [ErrNothing] or a
// [*configfile.OptionError]. A prefix must be on one link only, so no two prefixes of c overlap; validate the whole
// configuration before splitting it into one file per interface.
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
		// radvd refuses the whole file for a second block of one name.
		if seen[i.Name] {
			return &configfile.OptionError{Option: "interface", Value: i.Name, Bound: "must appear once"}
		}
		seen[i.Name] = true
		if err := i.validate(); err != nil {
			return err
		}
	}
	return c.validateOverlap()
}

// validateOverlap finds two prefixes with an address in common. radvd passes them all. A guest cannot tell the links of
// such prefixes apart: it takes whatever is in a prefix with AdvOnLink for a neighbour (RFC 4861 section 5.2) and does not
// ask the router for those on the other link. The same prefix twice on one link goes out twice.
func (c Config) validateOverlap() error {
	type claim struct {
		prefix netip.Prefix
		owner  string
	}
	var claims []claim
	for _, i := range c.Interfaces {
		for _, p := range i.Prefixes {
			claims = append(claims, claim{p.Prefix.Masked(), i.Name}) // AdvRouterAddr has host bits in it
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return a.prefix.Compare(b.prefix) })
	// CIDR blocks nest or are apart. In this order a block stands before all it contains, and whatever stands between
	// two nested ones is nested in the first too: an overlap, if there is any, shows between neighbours.
	for n := 1; n < len(claims); n++ {
		a, b := claims[n-1], claims[n]
		if a.prefix.Overlaps(b.prefix) {
			return &configfile.OptionError{Place: onInterface(b.owner), Option: "prefix", Value: b.prefix.String(),
				Bound: fmt.Sprintf("must not overlap prefix %s of interface %s", a.prefix, a.owner)}
		}
	}
	return nil
}

// validate checks what concerns one interface alone. The intervals come first, because the other bounds depend on them;
// the size comes last, because what is wrong in itself is the better thing to say of a list that is also too long.
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

// onInterface is the place of an option of an interface.
func onInterface(name string) []string { return []string{"interface " + name} }

// fail is an error about an option of the interface itself.
func (i *Interface) fail(option string, value any, bound string, args ...any) error {
	return &configfile.OptionError{Place: onInterface(i.Name), Option: option, Value: fmt.Sprint(value), Bound: fmt.Sprintf(bound, args...)}
}

// failIn is an error about an option in a block of the interface.
func (i *Interface) failIn(block, option string, value any, bound string, args ...any) error {
	return &configfile.OptionError{Place: append(onInterface(i.Name), block), Option: option, Value: fmt.Sprint(value),
		Bound: fmt.Sprintf(bound, args...)}
}

func (i *Interface) validateIntervals() error {
	longest := i.maxInterval()
	if longest < minMaxInterval || longest > maxMaxInterval {
		return i.fail("MaxRtrAdvInterval", longest, "must be %d to %d", minMaxInterval, maxMaxInterval)
	}
	switch shortest := i.MinRtrAdvInterval; {
	case shortest == nil:
		// radvd's default breaks radvd's own bound where the longest interval is below 10. RFC 4861 section 6.2.1 has the
		// default be MaxRtrAdvInterval itself there, which its own upper bound of 0.75 rules out.
		if defaultMinRatio*float64(longest) < minMinInterval {
			return i.fail("MinRtrAdvInterval", "unset", "must be set, its default %s * MaxRtrAdvInterval %s being below %d",
				decimal(defaultMinRatio), longest, minMinInterval)
		}
	case *shortest < minMinInterval:
		return i.fail("MinRtrAdvInterval", *shortest, "must be at least %d", minMinInterval)
	case 4*uint64(*shortest) > 3*uint64(longest): // in whole numbers, so that 0.75 of 10 lets 7 pass and 8 not
		return i.fail("MinRtrAdvInterval", *shortest, "must be at most %s (0.75 * MaxRtrAdvInterval %s)",
			decimal(0.75*float64(longest)), longest)
	}
	// radvd knows no infinity here and refuses the file. Above the longest interval it would be the delay that says when an
	// advertisement goes out, and the lifetimes, which follow from the interval, would be too short.
	if d := i.MinDelayBetweenRAs; d != nil && (*d < minDelay || *d > longest) {
		return i.fail("MinDelayBetweenRAs", *d, "must be %d to %s (MaxRtrAdvInterval)", minDelay, longest)
	}
	// A lifetime below the longest interval would let the guests' default route run out between two advertisements.
	if l := i.DefaultLifetime; l != nil && *l != 0 && (*l < longest || *l > maxLifetime) {
		return i.fail("AdvDefaultLifetime", *l, "must be 0 or %s (MaxRtrAdvInterval) to %d", longest, maxLifetime)
	}
	return nil
}

// validateHeader checks the fields of the advertisement itself (RFC 4861 section 4.2) and its MTU option.
func (i *Interface) validateHeader() error {
	if !isPreference(i.DefaultPreference) {
		return i.fail("AdvDefaultPreference", strconv.Quote(string(i.DefaultPreference)), preferenceBound)
	}
	// The guest ignores any other preference then; radvd sends it all the same.
	if !i.isDefaultRouter() && (i.DefaultPreference == Low || i.DefaultPreference == High) {
		return i.fail("AdvDefaultPreference", i.DefaultPreference,
			"must be medium where AdvDefaultLifetime is 0 (RFC 4191 section 2.2)")
	}
	// Above the link's own MTU radvd is silent as well, but that is not known here.
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

const preferenceBound = "must be low, medium or high"

// isPreference holds the one option that is text to its three words: RFC 4191 section 2.1 has two bits for it, and
// reserves the fourth value.
func isPreference(p Preference) bool {
	switch p {
	case "", Low, Medium, High:
		return true
	}
	return false
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
