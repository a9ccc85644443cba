package commands

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

func floatingCategory() *command {
	return &command{name: "floating", short: "public addresses that instances borrow", actions: []*command{
		floatingCreate(), floatingList(), floatingModify(), floatingAssociate(), floatingDisassociate(), floatingDelete(),
	}}
}

var floatingColumns = []cli.Column[db.FloatingAddress]{
	{Name: "address", Value: func(a db.FloatingAddress) any { return a.Span }},
	{Name: "pool", Value: func(a db.FloatingAddress) any { return a.Range.Pool }, Drop: 6},
	{Name: "interface", Value: func(a db.FloatingAddress) any { return cli.OrNull(a.Range.Interface) }, Drop: 9},
	{Name: "host", Value: func(a db.FloatingAddress) any { return a.Range.Host }, Drop: 8},
	{Name: "project_id", Value: func(a db.FloatingAddress) any { return cli.OrNull(a.ProjectID) }, Drop: 5},
	{Name: "instance", Value: func(a db.FloatingAddress) any { return cli.OrNull(a.Instance) }},
	{Name: "fixed_ip", Value: func(a db.FloatingAddress) any { return a.FixedIP }, Drop: 7},
	{Name: "state", Value: func(a db.FloatingAddress) any { return a.State }, Colour: func(a db.FloatingAddress) cli.Colour { return stateColour(a.State) }},
}

var floatingRangeColumns = []cli.Column[db.FloatingRange]{
	{Name: "cidr", Value: func(r db.FloatingRange) any { return r.CIDR }},
	{Name: "pool", Value: func(r db.FloatingRange) any { return r.Pool }},
	{Name: "interface", Value: func(r db.FloatingRange) any { return cli.OrNull(r.Interface) }, Drop: 8},
	{Name: "host", Value: func(r db.FloatingRange) any { return r.Host }, Drop: 7},
	{Name: "created_at", Value: func(r db.FloatingRange) any { return r.CreatedAt }, Drop: 9},
}

// parseBlock reads a range in any of Nova's spellings, or a bare address, which is a range of one.
func parseBlock(s string) (netip.Prefix, error) {
	if a, err := netcalc.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netcalcValue(netcalc.ParsePrefix)(s)
}

func floatingCreate() *command {
	r := &db.FloatingRange{Pool: "nova"}
	var from struct{ pool, host, inter cli.Origin }
	var again bool
	host := named(&r.Host, "host", newWord, "the network node that the addresses are routed to").As("HOST").Completes(aHost).
		ByDefault("this machine's name").NotInFlagfile().From(&from.host)
	block := cli.Typed(&r.CIDR, "ip_range", func(s string) (netip.Prefix, error) {
		p, err := parseBlock(s)
		if err != nil {
			return p, err
		}
		return p, reasonFor(s, netcalc.CheckServable(p))
	}, "the addresses, IPv4 or IPv6").As("RANGE").NotInFlagfile()
	return &command{
		name:  "create",
		short: "add a range of public addresses",
		long: "Of an IPv4 block shorter than /31 the network and broadcast addresses are not handed out, of an IPv6 block not its " +
			"first one, which is its routers'. A range may not overlap another one or a network.",
		examples: []string{
			"nova-manage floating create node1 192.0.2.0/28",
			"nova-manage floating create node1 2001:db8:f::/64 --pool public --interface eth1",
			"nova-manage floating create --ip_range 198.51.100.0/28",
			"nova-manage floating create --ip_range 198.51.100.7 --host node2",
		},
		args: []*cli.Arg{cli.Required(host), cli.Required(block)},
		// Without HOST, as later releases had it.
		other: &cli.Form{Args: []*cli.Arg{cli.Required(block)}, Meant: func(words []string, typed func(*cli.Flag) bool) bool {
			if len(words) == 0 {
				return typed(block)
			}
			_, err := parseBlock(words[0])
			return len(words) == 1 && err == nil && !typed(block)
		}},
		flags: []*cli.Flag{
			host, block,
			named(&r.Pool, "pool", newWord, "the pool that they belong to").As("POOL").Completes(aPool).Also("default_floating_pool").From(&from.pool),
			networkInterface(&r.Interface, "interface", "the interface that the host answers for them on").Also("public_interface").TakesEmpty().
				From(&from.inter),
			ifNotExists(&again),
		},
		columns: cli.Fields(floatingRangeColumns),
		ledger:  creates,
		check:   func(e *cli.Env) error { return thisHost(e, &r.Host) },
		run: func(ctx context.Context, s *session) (err error) {
			var made db.FloatingRange
			if again {
				asked := db.FloatingAsked{Pool: from.pool.IsSet(), Host: from.host.IsSet(), Interface: from.inter.IsSet()}
				made, err = s.store.EnsureFloatingRange(ctx, *r, asked)
			} else {
				made, err = s.store.CreateFloatingRange(ctx, *r)
			}
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, floatingRangeColumns, made)
		},
	}
}

// thisHost fills in this machine's name where no host was named.
func thisHost(e *cli.Env, host *string) error {
	if *host != "" {
		return nil
	}
	name, err := e.Sys.Hostname()
	if err == nil && name == "" {
		err = errors.New("it has none")
	}
	if err == nil {
		err = newWord(name)
	}
	if err != nil {
		return cli.WithHint(cli.UsageErrorf("this machine's name %s cannot be the host: %w", cli.Quote(name), err), "name one with --host")
	}
	*host = name
	return nil
}

func floatingDelete() *command {
	var block netip.Prefix
	var from cli.Origin
	var gone bool
	ipRange := cli.Typed(&block, "ip_range", parseBlock, "the range as it was created, or a larger one around several").As("RANGE").Completes(aFloatingRange).
		From(&from).NotInFlagfile()
	return &command{
		name:     "delete",
		short:    "delete ranges of public addresses",
		long:     "All ranges within ip_range are deleted, or none: one with an address that an instance has is refused.",
		examples: []string{"nova-manage floating delete 192.0.2.0/28", "nova-manage floating delete --ip_range 198.51.100.0/24"},
		args:     []*cli.Arg{cli.Required(ipRange)},
		flags:    []*cli.Flag{ipRange, ifExists(&gone)},
		ledger:   writes,
		check: func(*cli.Env) error {
			if !from.OnCommandLine() { // a variable meant for create must not choose what is deleted
				return cli.UsageErrorf("floating delete needs ip_range on the command line")
			}
			return nil
		},
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DeleteFloatingRanges(ctx, block)
		},
	}
}

func floatingList() *command {
	f := &db.FloatingFilter{}
	host := named(&f.Host, "host", nil, "only those that are routed to this network node").As("HOST").NotInFlagfile().Completes(aHost)
	return &command{
		name:  "list",
		short: "list public addresses in order",
		long: "Each address that an instance has, and what is free between them as one line. With --all every IPv4 address has its " +
			"own line, and addresses that were released are told from those that nobody ever had.",
		examples: []string{
			"nova-manage floating list",
			"nova-manage floating list node1 --pool public -f json",
			"nova-manage floating list --all -f value -c address -c state",
		},
		args: []*cli.Arg{cli.Optional(host)},
		flags: []*cli.Flag{
			host,
			named(&f.Pool, "pool", nil, "only those of this pool").As("POOL").Completes(aPool),
			cli.Boolean(&f.All, "all", "give every IPv4 address a line of its own"),
		},
		columns: cli.Fields(floatingColumns),
		list:    true,
		ledger:  reads,
		run: func(ctx context.Context, s *session) error {
			f.Wanted = s.listing(db.FloatingIndexed)
			return cli.PrintList(s.Env, floatingColumns, s.store.FloatingAddresses(ctx, *f))
		},
	}
}

type floatingAssociateOptions struct {
	Instance string
	Address  netip.Addr
	Pool     string
	Family   string
	Again    bool
}

func floatingAssociate() *command {
	o := &floatingAssociateOptions{}
	return &command{
		name:  "associate",
		short: "give an instance a public address",
		long: "Without ADDRESS it is the next one: one that nobody ever had, in address order, else the one released longest ago. " +
			"IPv4 comes first where the instance lacks it and the pool has it, then IPv6; an instance has at most one of each.",
		examples: []string{
			"nova-manage floating associate web",
			"nova-manage floating associate apollo/web 192.0.2.7",
			"nova-manage floating associate i-00000001 --pool public -f value -c address",
		},
		args: []*cli.Arg{
			cli.Required(cli.Text(&o.Instance, "INSTANCE", "a name (PROJECT/NAME where it is not unique), an id, a MAC or an address").Completes(anInstance)),
			cli.Optional(cli.Typed(&o.Address, "ADDRESS", netcalcValue(netcalc.ParseAddr), "the public address")),
		},
		flags: []*cli.Flag{
			named(&o.Pool, "pool", nil, "the pool to take it from").As("POOL").Completes(aPool).ByDefault("any"),
			cli.Choice(&o.Family, "family", []string{"4", "6"}, "take one of IPv4 or of IPv6").ByDefault("IPv4 where it can be had"),
			cli.Boolean(&o.Again, "if_not_exists", "accept that the instance has ADDRESS, or without it any of the pool and family, and write nothing then"),
		},
		columns: cli.Fields(floatingColumns),
		ledger:  writes,
		run: func(ctx context.Context, s *session) error {
			associate := s.store.AssociateFloating
			if o.Again {
				associate = s.store.EnsureFloating
			}
			family, _ := strconv.Atoi(o.Family) // one of the two, or none
			got, err := associate(ctx, o.Instance, o.Address, db.FloatingFrom{Pool: o.Pool, Family: family})
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, floatingColumns, got)
		},
	}
}

func floatingDisassociate() *command {
	var address netip.Addr
	var gone bool
	return &command{
		name:     "disassociate",
		short:    "take a public address from its instance",
		examples: []string{"nova-manage floating disassociate 192.0.2.7"},
		args:     []*cli.Arg{cli.Required(cli.Typed(&address, "ADDRESS", netcalcValue(netcalc.ParseAddr), "the public address").Completes(aFloatingAddress))},
		flags:    []*cli.Flag{ifExists(&gone)},
		ledger:   writes,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DisassociateFloating(ctx, address)
		},
	}
}
