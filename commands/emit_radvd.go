package commands

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/configfile"
	"nova-manage/radvdgen"
)

type emitRadvdOptions struct {
	db.LinkFilter
	Output    string
	PerBridge string
	Prune     bool

	MinInterval, MaxInterval radvdgen.Seconds
	Lifetime                 *radvdgen.Seconds // nil is three times MaxInterval
	Valid, Preferred         radvdgen.Seconds
	Preference               string
	Managed, OtherConfig     bool
	HopLimit                 *uint32 // nil leaves it to radvd
	DNSSearch                []string
}

func emitRadvd() *command {
	o := &emitRadvdOptions{MinInterval: 30, MaxInterval: 100, Valid: 86400, Preferred: 14400}
	return &command{
		name:  "radvd",
		short: "print radvd.conf: what the node's bridges advertise to their guests",
		long: "There is one interface block for every bridge with IPv6. --host and --network choose bridges; a block then tells all " +
			"there is about its link, whichever network chose it. Networks on one bridge have their IPv6 DNS servers announced " +
			"together, in the order in which the networks were made, and must agree on their MTU, which must not exceed the bridge's " +
			"own. An IPv4 DNS server cannot be announced. Where there is nothing to advertise the exit code is 3 and no file is touched.",
		examples: []string{
			"nova-manage emit radvd -o /etc/radvd.conf",
			"nova-manage emit radvd --host node1 --per_bridge /var/lib/nova/networks --prune",
			"nova-manage emit radvd --network 10.0.1.0/27 --dns_search example.org --other_config",
		},
		flags: append(o.placeFlags(), o.advertFlags()...),
		run:   func(ctx context.Context, e *env) error { return runEmitRadvd(ctx, e, o) },
	}
}

// perBridgePrefix and perBridgeSuffix are around a bridge's name in the name of its file, as Nova had it.
const perBridgePrefix, perBridgeSuffix = "nova-ra-", ".conf"

func (o *emitRadvdOptions) placeFlags() []*flag {
	return []*flag{
		servedBy(&o.Host),
		typedList(&o.Networks, "network", notEmpty, "only for the bridge of this network: "+networkUsage+"; repeatable").as("NETWORK").notInFlagfile(),
		outputFlag(&o.Output),
		typed(&o.PerBridge, "per_bridge", notEmpty, "write DIR/"+perBridgePrefix+"BRIDGE"+perBridgeSuffix+
			" for each bridge, where it differs").as("DIR").notInFlagfile(),
		boolean(&o.Prune, "prune", "with --per_bridge: remove the files written so for bridges that are gone").notInFlagfile(),
	}
}

func (o *emitRadvdOptions) advertFlags() []*flag {
	return []*flag{
		seconds(&o.MinInterval, "ra_min_interval", "the shortest time between advertisements, from 3"),
		seconds(&o.MaxInterval, "ra_max_interval", "the longest time between advertisements, 4 to 1800"),
		typed(&o.Lifetime, "ra_lifetime", func(s string) (*radvdgen.Seconds, error) {
			n, err := parseSeconds(s)
			return &n, err
		}, "how long the node stays a default router: ra_max_interval to 9000, or 0 for none").as("SECONDS").byDefault("3 * ra_max_interval"),
		seconds(&o.Valid, "valid_lifetime", "how long a guest's address is valid, or infinity"),
		seconds(&o.Preferred, "preferred_lifetime", "how long a guest's address is preferred, at most valid_lifetime"),
		choice(&o.Preference, "ra_preference", []string{string(radvdgen.Low), string(radvdgen.Medium), string(radvdgen.High)},
			"which of several routers guests prefer").byDefault("medium"),
		boolean(&o.Managed, "managed", "tell guests to get addresses by DHCPv6 too"),
		boolean(&o.OtherConfig, "other_config", "tell guests to get other settings by DHCPv6"),
		typed(&o.HopLimit, "hop_limit", func(s string) (*uint32, error) {
			n, err := parseNumber(s, 0, 255)
			limit := uint32(n)
			return &limit, err
		}, "the hop limit guests should use, 0 to say nothing").as("N").byDefault("64"),
		typedList(&o.DNSSearch, "dns_search", boundOf(radvdgen.CheckDomain), "a domain that guests search; repeatable").as("DOMAIN"),
	}
}

func runEmitRadvd(ctx context.Context, e *env, o *emitRadvdOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	store, err := e.openStore(ctx, db.Read)
	if err != nil {
		return err
	}
	links, err := store.Links(ctx, o.LinkFilter)
	if err != nil {
		return err
	}
	config := radvdgen.Config{Interfaces: make([]radvdgen.Interface, len(links))}
	for i, l := range links {
		config.Interfaces[i] = o.advertise(l)
	}
	radvdgen.SortInterfaces(config.Interfaces)
	text, err := config.Append(nil)
	switch {
	case errors.Is(err, radvdgen.ErrNothing):
		return o.nothing()
	case err != nil:
		return refusedLedger(err)
	case o.PerBridge == "":
		return e.output(ctx, o.Output, text)
	}
	f := &folder{path: o.PerBridge, prefix: perBridgePrefix, suffix: perBridgeSuffix, complete: o.Networks == nil, prune: o.Prune}
	for _, i := range config.Interfaces {
		one := radvdgen.Config{Interfaces: []radvdgen.Interface{i}}
		if text, err = one.Append(nil); err != nil {
			return refusedLedger(err)
		}
		f.files = append(f.files, bridgeFile{i.Name, text})
	}
	return e.outputFolder(ctx, f)
}

// advertise is the interface block of a link.
func (o *emitRadvdOptions) advertise(l db.Link) radvdgen.Interface {
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
		Managed:           onIf(o.Managed),
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

// validate finds what is wrong with the flags whatever the ledger holds: package radvdgen judges the block of a
// link like any other.
func (o *emitRadvdOptions) validate() error {
	switch {
	case o.Output != "" && o.PerBridge != "":
		return usageErrorf("--output and --per_bridge exclude each other")
	case o.Prune && o.PerBridge == "":
		return usageErrorf("--prune is for --per_bridge")
	case o.Prune && o.Networks != nil:
		return usageErrorf("--prune with --network would remove the files of all other bridges")
	}
	sample := o.advertise(sampleLink)
	err := radvdgen.Config{Interfaces: []radvdgen.Interface{sample}}.Validate()
	if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
		said := *option
		said.Place = nil
		return usageErrorf("--%s: %w", advertFlagOf[option.Option], &said)
	}
	return err
}

// nothing is the error where no bridge is chosen.
func (o *emitRadvdOptions) nothing() error {
	message := "nothing to advertise: no network in the ledger has IPv6"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to advertise: no network with IPv6 is served by %s", quote(o.Host))
	}
	return &db.Error{Message: message, Kind: db.ErrNotFound}
}
