package radvdgen

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

// Seconds is a time in whole seconds, the unit of every option that radvd.conf gives in seconds. radvd also reads
// fractions in its intervals; they serve Mobile IPv6 only and cannot be expressed.
type Seconds uint32

// Infinity as a lifetime means for ever: all one bits (RFC 4861 section 4.6.2). An interval cannot be infinite, and neither
// can AdvDefaultLifetime, which has 16 bits only; their bounds refuse it.
const Infinity Seconds = math.MaxUint32

// String is the time as radvd reads it. It takes 4294967295 for infinity, too; the word is for who reads the file.
func (s Seconds) String() string {
	if s == Infinity {
		return "infinity"
	}
	return strconv.FormatUint(uint64(s), 10)
}

// Switch is the value of an on/off option. Its zero value leaves the choice to the default named beside the field, since
// that is not "off" for all of them.
type Switch uint8

const (
	Default Switch = iota
	On
	Off
)

// Preference is a router or route preference (RFC 4191 section 2.1). The empty one is radvd's default, medium. The words
// are what radvd reads; as they are, they are also words of its grammar, which no name may be.
type Preference string

const (
	Low    Preference = "low"
	Medium Preference = "medium"
	High   Preference = "high"
)

// Config is a radvd.conf for radvd 2.19 and later. Interfaces are written in their order; see [SortInterfaces].
type Config struct {
	Interfaces []Interface
}

// Interface is one interface block. A nil or zero option is not written, which leaves it at radvd's default, unless
// its comment says otherwise. Where zero is a value of its own, as in AdvDefaultLifetime 0 ("no default router"), the
// option is a pointer.
type Interface struct {
	Name            string // see CheckRadvdName
	SendAdvert      Switch // AdvSendAdvert; default on and always written, because radvd's own default advertises nothing
	IgnoreIfMissing Switch // radvd's default: on

	MinRtrAdvInterval  *Seconds // 3 to 0.75 * MaxRtrAdvInterval; radvd's default: 0.33 * MaxRtrAdvInterval
	MaxRtrAdvInterval  *Seconds // 4 to 1800; radvd's default: 600
	MinDelayBetweenRAs *Seconds // 3, radvd's default, to MaxRtrAdvInterval

	DefaultLifetime   *Seconds   // AdvDefaultLifetime: 0 (not a default router) or MaxRtrAdvInterval to 9000; default 3 * MaxRtrAdvInterval
	DefaultPreference Preference // AdvDefaultPreference

	Managed            Switch  // AdvManagedFlag: addresses by DHCPv6; radvd's default: off
	OtherConfig        Switch  // AdvOtherConfigFlag: other settings by DHCPv6; radvd's default: off
	LinkMTU            uint32  // AdvLinkMTU in bytes: 0 (not advertised) or 1280 up to the link's own MTU, which only the node knows
	ReachableTime      uint32  // AdvReachableTime in milliseconds, at most 3,600,000; 0 is unspecified
	RetransTimer       uint32  // AdvRetransTimer in milliseconds; 0 is unspecified
	CurHopLimit        *uint32 // AdvCurHopLimit: 0 (unspecified) to 255; radvd's default: 64
	SourceLLAddress    Switch  // AdvSourceLLAddress; radvd's default: on
	RASolicitedUnicast Switch  // AdvRASolicitedUnicast; radvd's default: on
	UnicastOnly        Switch  // radvd's default: off
	IntervalOpt        Switch  // AdvIntervalOpt; radvd's default: off

	Prefixes []Prefix
	Routes   []Route
	RDNSS    []RDNSS
	DNSSL    []DNSSL
}

// Prefix is a prefix block. Both lifetimes are always written: 2.19 compares a lone valid lifetime with the default of the
// preferred one while it parses. OnLink and Autonomous are, too, because they decide whether a guest gets an address at
// all, and whoever looks for that looks here.
type Prefix struct {
	Prefix             netip.Prefix // host bits zero, except where RouterAddr is on
	OnLink             Switch       // AdvOnLink; default on
	Autonomous         Switch       // AdvAutonomous; default on, possible on a /64 only
	RouterAddr         Switch       // AdvRouterAddr: Prefix holds the router's own address (RFC 6275 section 7.2); radvd's default: off
	ValidLifetime      *Seconds     // AdvValidLifetime; default 86400
	PreferredLifetime  *Seconds     // AdvPreferredLifetime, at most the valid lifetime; default 14400
	DeprecatePrefix    Switch       // radvd's default: off
	DecrementLifetimes Switch       // radvd's default: off
}

// Route is a route block (RFC 4191 section 2.3). For ::/0 the lifetime must be zero exactly where DefaultLifetime is.
type Route struct {
	Prefix      netip.Prefix
	Lifetime    *Seconds   // AdvRouteLifetime; default 3 * MaxRtrAdvInterval, always written
	Preference  Preference // AdvRoutePreference
	RemoveRoute Switch     // radvd's default: on
}

// RDNSS is a list of recursive DNS servers with one lifetime (RFC 8106 section 5.1). 2.19 takes three addresses to a
// block, so a longer list becomes several blocks, which mean the same.
type RDNSS struct {
	Servers  []netip.Addr
	Lifetime *Seconds // AdvRDNSSLifetime: 0 or at least MaxRtrAdvInterval; default 3 * MaxRtrAdvInterval, always written
	Flush    Switch   // FlushRDNSS; radvd's default: on
}

// DNSSL is a DNS search list (RFC 8106 section 5.2). A name may end in a dot, which is not written.
type DNSSL struct {
	Domains  []string
	Lifetime *Seconds // AdvDNSSLLifetime: 0 or at least MaxRtrAdvInterval; default 3 * MaxRtrAdvInterval, always written
	Flush    Switch   // FlushDNSSL; radvd's default: on
}

// radvd's defaults where a rule depends on them (defaults.h of 2.19). The lifetimes of a prefix are shorter than those of
// RFC 4861 section 6.2.1, 30 and 7 days.
const (
	defaultMax       Seconds = 600
	defaultValid     Seconds = 86400
	defaultPreferred Seconds = 14400
)

// SortInterfaces puts interfaces in the order of their names; see [configfile.CompareNames].
func SortInterfaces(interfaces []Interface) {
	slices.SortStableFunc(interfaces, func(a, b Interface) int { return configfile.CompareNames(a.Name, b.Name) })
}

// Append validates c and appends its radvd.conf to b. On an error, [Config.Validate]'s, it returns b as it was.
//
// Nothing is escaped, because radvd.conf knows no escapes: what Validate lets through needs none.
func (c Config) Append(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	for i := range c.Interfaces {
		b = append(b, '\n')
		b = c.Interfaces[i].append(b)
	}
	return b, nil
}

// append writes the block without a check. Inside a block radvd takes the options in any order; this one is fixed so that
// the same values give the same bytes.
func (i *Interface) append(b []byte) []byte {
	b = append(b, "interface "...)
	b = append(b, i.Name...)
	b = append(b, " {\n"...)
	// radvd's default is off: it would read the block, listen on the interface and say nothing.
	b = appendSwitch(b, 1, "AdvSendAdvert", orOn(i.SendAdvert))
	b = appendSwitch(b, 1, "IgnoreIfMissing", i.IgnoreIfMissing)
	// The intervals come before everything whose default radvd computes from them while it reads the file: the lifetimes
	// of routes, RDNSS and DNSSL are taken where their block begins. Written after them, an interval would not count.
	b = appendSeconds(b, 1, "MinRtrAdvInterval", i.MinRtrAdvInterval)
	b = appendSeconds(b, 1, "MaxRtrAdvInterval", i.MaxRtrAdvInterval)
	b = appendSeconds(b, 1, "MinDelayBetweenRAs", i.MinDelayBetweenRAs)
	b = appendSeconds(b, 1, "AdvDefaultLifetime", i.DefaultLifetime)
	b = appendPreference(b, 1, "AdvDefaultPreference", i.DefaultPreference)
	b = appendSwitch(b, 1, "AdvManagedFlag", i.Managed)
	b = appendSwitch(b, 1, "AdvOtherConfigFlag", i.OtherConfig)
	b = appendNonZero(b, "AdvLinkMTU", i.LinkMTU)
	b = appendNonZero(b, "AdvReachableTime", i.ReachableTime)
	b = appendNonZero(b, "AdvRetransTimer", i.RetransTimer)
	if i.CurHopLimit != nil { // 0 says nothing to the guests; left out, radvd says 64
		b = appendOption(b, 1, "AdvCurHopLimit", strconv.FormatUint(uint64(*i.CurHopLimit), 10))
	}
	b = appendSwitch(b, 1, "AdvSourceLLAddress", i.SourceLLAddress)
	b = appendSwitch(b, 1, "AdvRASolicitedUnicast", i.RASolicitedUnicast)
	b = appendSwitch(b, 1, "UnicastOnly", i.UnicastOnly)
	b = appendSwitch(b, 1, "AdvIntervalOpt", i.IntervalOpt)

	// What RFC 8106 section 5.1 recommends for DNS servers and RFC 4861 section 6.2.1 for the default route, so that two
	// lost advertisements in a row do no harm. 2.19's own default is one interval for DNS, whatever its man page says.
	lifetime := 3 * i.maxInterval()
	for n := range i.Prefixes {
		b = i.Prefixes[n].append(b)
	}
	for _, r := range i.Routes {
		b = openBlock(b, "route", r.Prefix.String())
		b = appendOption(b, 2, "AdvRouteLifetime", or(r.Lifetime, lifetime).String())
		b = appendPreference(b, 2, "AdvRoutePreference", r.Preference)
		b = appendSwitch(b, 2, "RemoveRoute", r.RemoveRoute)
		b = append(b, "\t};\n"...)
	}
	for _, r := range i.RDNSS {
		// A guest adds up the servers of all RDNSS options, in their order (RFC 8106 section 5.1).
		for servers := range slices.Chunk(r.Servers, rdnssBlock) {
			b = openBlock(b, "RDNSS", joinAddrs(servers))
			b = appendOption(b, 2, "AdvRDNSSLifetime", or(r.Lifetime, lifetime).String())
			b = appendSwitch(b, 2, "FlushRDNSS", r.Flush)
			b = append(b, "\t};\n"...)
		}
	}
	for _, d := range i.DNSSL {
		b = openBlock(b, "DNSSL", joinDomains(d.Domains))
		b = appendOption(b, 2, "AdvDNSSLLifetime", or(d.Lifetime, lifetime).String())
		b = appendSwitch(b, 2, "FlushDNSSL", d.Flush)
		b = append(b, "\t};\n"...)
	}
	return append(b, "};\n"...)
}

func (p *Prefix) append(b []byte) []byte {
	b = openBlock(b, "prefix", p.Prefix.String())
	b = appendSwitch(b, 2, "AdvOnLink", orOn(p.OnLink))
	b = appendSwitch(b, 2, "AdvAutonomous", orOn(p.Autonomous))
	b = appendSwitch(b, 2, "AdvRouterAddr", p.RouterAddr)
	b = appendOption(b, 2, "AdvValidLifetime", or(p.ValidLifetime, defaultValid).String())
	b = appendOption(b, 2, "AdvPreferredLifetime", or(p.PreferredLifetime, defaultPreferred).String())
	b = appendSwitch(b, 2, "DeprecatePrefix", p.DeprecatePrefix)
	b = appendSwitch(b, 2, "DecrementLifetimes", p.DecrementLifetimes)
	return append(b, "\t};\n"...)
}

// maxInterval is MaxRtrAdvInterval as radvd will use it.
func (i *Interface) maxInterval() Seconds { return or(i.MaxRtrAdvInterval, defaultMax) }

func or[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

func orOn(s Switch) Switch {
	if s == Default {
		return On
	}
	return s
}

// openBlock begins a block inside an interface. Each is ended by "};", with the semicolon, as is the interface itself.
func openBlock(b []byte, keyword, argument string) []byte {
	b = append(b, "\n\t"...)
	b = append(b, keyword...)
	b = append(b, ' ')
	b = append(b, argument...)
	return append(b, " {\n"...)
}

func appendOption(b []byte, depth int, name, value string) []byte {
	for range depth {
		b = append(b, '\t')
	}
	b = append(b, name...)
	b = append(b, ' ')
	b = append(b, value...)
	return append(b, ";\n"...)
}

func appendSwitch(b []byte, depth int, name string, s Switch) []byte {
	switch s {
	case On:
		return appendOption(b, depth, name, "on")
	case Off:
		return appendOption(b, depth, name, "off")
	}
	return b
}

func appendSeconds(b []byte, depth int, name string, s *Seconds) []byte {
	if s == nil {
		return b
	}
	return appendOption(b, depth, name, s.String())
}

func appendPreference(b []byte, depth int, name string, p Preference) []byte {
	if p == "" {
		return b
	}
	return appendOption(b, depth, name, string(p))
}

// appendNonZero writes an option whose 0 means "unspecified by this router" (RFC 4861 section 4.2), which is also
// radvd's default for it.
func appendNonZero(b []byte, name string, n uint32) []byte {
	if n == 0 {
		return b
	}
	return appendOption(b, 1, name, strconv.FormatUint(uint64(n), 10))
}

// joinAddrs writes addresses in the form of RFC 5952, which netip writes and which radvd's scanner reads for all that
// validateRDNSS lets through.
func joinAddrs(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}

// joinDomains leaves out the final dot. radvd encodes a name alike with it and without; the file is the same, too.
func joinDomains(domains []string) string {
	texts := make([]string, len(domains))
	for i, d := range domains {
		texts[i] = strings.TrimSuffix(d, ".")
	}
	return strings.Join(texts, " ")
}
