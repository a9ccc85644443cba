//go:build linux

package commands

import (
	"errors"
	"math"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/configfile"
	"nova-manage/radvdgen"
)

// advertOptions are what all bridges of a node advertise alike.
type advertOptions struct {
	MinInterval, MaxInterval radvdgen.Seconds
	Lifetime                 *radvdgen.Seconds // nil is three times MaxInterval
	Valid, Preferred         radvdgen.Seconds
	Preference               string
	Managed, OtherConfig     bool
	HopLimit                 *uint32 // nil leaves it to radvd
	DNSSearch                []string
}

func newAdvertOptions() advertOptions {
	return advertOptions{MinInterval: 30, MaxInterval: 100, Valid: 86400, Preferred: 14400}
}

func (o *advertOptions) flags() []*cli.Flag {
	return []*cli.Flag{
		seconds(&o.MinInterval, "ra_min_interval", "the shortest time between advertisements, from 3"),
		seconds(&o.MaxInterval, "ra_max_interval", "the longest time between advertisements, 4 to 1800"),
		cli.Typed(&o.Lifetime, "ra_lifetime", func(s string) (*radvdgen.Seconds, error) {
			n, err := parseSeconds(s)
			return &n, err
		}, "how long the node stays a default router: ra_max_interval to 9000, or 0 for none").As("SECONDS").ByDefault("3 * ra_max_interval"),
		seconds(&o.Valid, "valid_lifetime", "how long a guest's address is valid, or infinity"),
		seconds(&o.Preferred, "preferred_lifetime", "how long a guest's address is preferred, at most valid_lifetime"),
		cli.Choice(&o.Preference, "ra_preference", []string{string(radvdgen.Low), string(radvdgen.Medium), string(radvdgen.High)},
			"which of several routers guests prefer").ByDefault("medium"),
		cli.Boolean(&o.Managed, "managed", "tell guests to get addresses by DHCPv6 too"),
		cli.Boolean(&o.OtherConfig, "other_config", "tell guests to get other settings by DHCPv6"),
		cli.Typed(&o.HopLimit, "hop_limit", func(s string) (*uint32, error) {
			n, err := cli.ParseNumber(s, 0, 255)
			limit := uint32(n)
			return &limit, err
		}, "the hop limit guests should use, 0 to say nothing").As("N").ByDefault("64"),
		cli.TypedList(&o.DNSSearch, "dns_search", boundOf(radvdgen.CheckDomain), "a domain that guests search; repeatable").As("DOMAIN"),
	}
}

// parseSeconds reads a time in seconds. Which times make sense is package radvdgen's to say.
func parseSeconds(s string) (radvdgen.Seconds, error) {
	if s == radvdgen.Infinity.String() {
		return radvdgen.Infinity, nil
	}
	n, err := cli.ParseNumber(s, 0, math.MaxUint32)
	return radvdgen.Seconds(n), err
}

// seconds declares a flag for a time in seconds.
func seconds(into *radvdgen.Seconds, name, usage string) *cli.Flag {
	return cli.Typed(into, name, parseSeconds, usage).As("SECONDS")
}

// advertise is the interface block of a link.
func (o *advertOptions) advertise(l db.Link) radvdgen.Interface {
	lifetime := 3 * o.MaxInterval
	if o.Lifetime != nil {
		lifetime = *o.Lifetime
	}
	i := radvdgen.Interface{
		Name:              l.Bridge,
		MinRtrAdvInterval: &o.MinInterval,
		MaxRtrAdvInterval: &o.MaxInterval,
		DefaultLifetime:   &lifetime,
		DefaultPreference: radvdgen.Preference(o.Preference),
		Managed:           onIf(o.Managed || l.DHCPv6),
		OtherConfig:       onIf(o.OtherConfig),
		CurHopLimit:       o.HopLimit,
		LinkMTU:           uint32(l.MTU),
	}
	if l.CIDRv6.IsValid() {
		i.Prefixes = []radvdgen.Prefix{{Prefix: l.CIDRv6, ValidLifetime: &o.Valid, PreferredLifetime: &o.Preferred}}
	}
	for _, a := range l.DNS {
		if a.Is6() {
			if i.RDNSS == nil {
				i.RDNSS = make([]radvdgen.RDNSS, 1)
			}
			i.RDNSS[0].Servers = append(i.RDNSS[0].Servers, a)
		}
	}
	if len(o.DNSSearch) > 0 {
		i.DNSSL = []radvdgen.DNSSL{{Domains: o.DNSSearch}}
	}
	return i
}

// onIf leaves an option that is off to radvd's default, which is off.
func onIf(yes bool) radvdgen.Switch {
	if yes {
		return radvdgen.On
	}
	return radvdgen.Default
}

// sampleLink is a link like any other.
var sampleLink = db.Link{Bridge: "br100", CIDRv6: netip.MustParsePrefix("2001:db8::/64")}

// advertFlagOf is the flag that a radvd option comes from.
var advertFlagOf = map[string]string{
	"MinRtrAdvInterval":    "ra_min_interval",
	"MaxRtrAdvInterval":    "ra_max_interval",
	"AdvDefaultLifetime":   "ra_lifetime",
	"AdvDefaultPreference": "ra_preference",
	"AdvPreferredLifetime": "preferred_lifetime",
	"DNSSL":                "dns_search",
	"router advertisement": "dns_search",
}

// validate finds what is wrong with the flags whatever the ledger holds: package radvdgen judges the block of a link like any
// other.
func (o *advertOptions) validate() error {
	sample := o.advertise(sampleLink)
	err := radvdgen.Config{Interfaces: []radvdgen.Interface{sample}}.Validate()
	if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
		said := *option
		said.Place = nil
		return cli.UsageErrorf("--%s: %w", advertFlagOf[option.Option], &said)
	}
	return err
}
