package commands

import (
	"context"
	"net/netip"
	"strings"

	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

var infoColumns = []cli.Column[netip.Prefix]{
	{Name: "cidr", Value: func(p netip.Prefix) any { return p }},
	{Name: "netmask", Value: func(p netip.Prefix) any { return netcalc.Mask(p) }},
	{Name: "wildcard", Value: func(p netip.Prefix) any { return netcalc.Wildcard(p) }},
	{Name: "first", Value: func(p netip.Prefix) any { return netcalc.SpanOf(p).First }},
	{Name: "last", Value: func(p netip.Prefix) any { return netcalc.SpanOf(p).Last }},
	{Name: "count", Value: func(p netip.Prefix) any { return netcalc.SpanOf(p).Size() }},
	{Name: "reverse_zone", Value: func(p netip.Prefix) any { return netcalc.ReverseZones(p) }},
	{Name: "kind", Value: func(p netip.Prefix) any {
		k, _ := netcalc.KindOf(p)
		return k.Name
	}},
	{Name: "kind_block", Value: func(p netip.Prefix) any {
		k, _ := netcalc.KindOf(p)
		return k.Block
	}},
	{Name: "rfc", Value: func(p netip.Prefix) any {
		k, _ := netcalc.KindOf(p)
		return k.Source
	}},
	{Name: "special_within", Value: func(p netip.Prefix) any {
		_, within := netcalc.KindOf(p)
		texts := make([]string, len(within))
		for i, k := range within {
			texts[i] = k.Block.String()
		}
		return texts
	}},
}

func calcInfo() *command {
	var asked netip.Prefix
	return &command{
		name:  "info",
		short: "say all that follows from a prefix",
		long: "kind is what the addresses are for by IANA's registries of special-purpose addresses, in the narrowest block that all of the prefix " +
			"is in, and rfc the document that says so; special_within are the special blocks inside of the prefix. reverse_zone are the zones of " +
			"the DNS for it, those of the next longer length where the prefix does not end at a dot, and RFC 2317's name for an IPv4 prefix " +
			"longer than /24. " + bigNumbers,
		examples: []string{"nova-manage calc info 10.0.1.0/27", "nova-manage calc info 2001:db8::/48 -f value -c reverse_zone"},
		args:     []*cli.Arg{cli.Required(cli.Typed(&asked, "PREFIX", parsePrefixOrAddress, "a CIDR of either family, or one address"))},
		columns:  cli.Fields(infoColumns),
		run: func(_ context.Context, s *session) error {
			return cli.PrintOne(s.Env, infoColumns, asked)
		},
	}
}

// bigNumbers is what help says of counts of IPv6 addresses.
const bigNumbers = "In JSON and YAML a number above 2^53-1, which many readers would round, is a string of its digits (RFC 7493)."

// parsePrefixOrAddress takes an address for the prefix that it alone makes up.
func parsePrefixOrAddress(s string) (netip.Prefix, error) {
	if !strings.ContainsAny(s, "/-") {
		a, err := netcalcValue(netcalc.ParseAddr)(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netcalcValue(netcalc.ParsePrefix)(s)
}

func calcSubtract() *command {
	var from netcalc.Span
	var without []netcalc.Span
	return &command{
		name:  "subtract",
		short: "print what is left of a range without others, as CIDRs",
		long:  "It prints the fewest CIDRs that there can be, in order, and none where nothing is left.",
		examples: []string{
			"nova-manage calc subtract 10.0.0.0/8 10.0.0.0/16 10.200.0.0/16 -f value",
			"nova-manage calc subtract 2001:db8::/46 2001:db8:1::/48",
		},
		args: []*cli.Arg{
			cli.Required(cli.Typed(&from, "RANGE", netcalcValue(netcalc.ParseSpan), "a CIDR, FIRST-LAST or an address, of either family")),
			cli.OneOrMore(cli.TypedList(&without, "WITHOUT", netcalcValue(netcalc.ParseSpan), "what is taken away, likewise")),
		},
		columns: cli.Fields(cidrColumns),
		list:    true,
		check: func(*cli.Env) error {
			for _, w := range without {
				if w.First.BitLen() != from.First.BitLen() {
					return cli.UsageErrorf("WITHOUT %s is not of the family of RANGE %s", spelled(w), spelled(from))
				}
			}
			return nil
		},
		run: func(_ context.Context, s *session) error {
			return cli.PrintList(s.Env, cidrColumns, func(yield func(netip.Prefix, error) bool) {
				for _, left := range from.Subtract(without) {
					for p := range left.Prefixes() {
						if !yield(p, nil) {
							return
						}
					}
				}
			})
		},
	}
}

// spelled is a range as a CIDR where it is one.
func spelled(s netcalc.Span) string {
	if p, ok := s.Prefix(); ok && !p.IsSingleIP() {
		return p.String()
	}
	return s.String()
}
