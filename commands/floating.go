package commands

import (
	"context"
	"net/netip"

	"nova-manage/db"
	"nova-manage/netcalc"
)

func floatingCategory() *command {
	return &command{name: "floating", short: "public addresses that instances borrow", actions: []*command{
		floatingCreate(), floatingList(), floatingAssociate(), floatingDisassociate(), floatingDelete(),
	}}
}

var floatingColumns = []column[db.FloatingAddress]{
	{Name: "address", Value: func(a db.FloatingAddress) any { return a.Span }},
	{Name: "pool", Value: func(a db.FloatingAddress) any { return a.Range.Pool }},
	{Name: "interface", Value: func(a db.FloatingAddress) any { return orNull(a.Range.Interface) }},
	{Name: "host", Value: func(a db.FloatingAddress) any { return a.Range.Host }},
	{Name: "project_id", Value: func(a db.FloatingAddress) any { return orNull(a.ProjectID) }},
	{Name: "instance", Value: func(a db.FloatingAddress) any { return orNull(a.Instance) }},
	{Name: "fixed_ip", Value: func(a db.FloatingAddress) any { return a.FixedIP }},
	{Name: "state", Value: func(a db.FloatingAddress) any { return a.State }},
}

var floatingRangeColumns = []column[db.FloatingRange]{
	{Name: "cidr", Value: func(r db.FloatingRange) any { return r.CIDR }},
	{Name: "pool", Value: func(r db.FloatingRange) any { return r.Pool }},
	{Name: "interface", Value: func(r db.FloatingRange) any { return orNull(r.Interface) }},
	{Name: "host", Value: func(r db.FloatingRange) any { return r.Host }},
	{Name: "created_at", Value: func(r db.FloatingRange) any { return r.CreatedAt }},
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
	host := named(&r.Host, "host", checkWord, "the network node that the addresses are routed to").as("HOST").notInFlagfile()
	block := typed(&r.CIDR, "ip_range", func(s string) (netip.Prefix, error) {
		p, err := parseBlock(s)
		if err != nil {
			return p, err
		}
		return p, reasonFor(s, netcalc.CheckServable(p))
	}, "the addresses, IPv4 or IPv6").as("RANGE").notInFlagfile()
	return &command{
		name:  "create",
		short: "add a range of public addresses",
		long: "Of an IPv4 block shorter than /31 the network and broadcast addresses are not handed out, of an IPv6 block not its " +
			"first one, which is its routers'. A range may not overlap another one or a network.",
		examples: []string{
			"nova-manage floating create node1 192.0.2.0/28",
			"nova-manage floating create node1 2001:db8:f::/64 --pool public --interface eth1",
			"nova-manage floating create --ip_range 198.51.100.7 --host node2",
		},
		args: []*arg{required(host), required(block)},
		flags: []*flag{
			host, block,
			named(&r.Pool, "pool", checkWord, "the pool that they belong to").as("POOL").also("default_floating_pool"),
			networkInterface(&r.Interface, "interface", "the interface that the host answers for them on").also("public_interface"),
		},
		columns: fieldsOf(floatingRangeColumns),
		run: func(ctx context.Context, e *env) error {
			if r.Pool == "" {
				return usageErrorf("--pool is empty, and a range belongs to a pool")
			}
			store, err := e.openStore(ctx, db.Create)
			if err != nil {
				return err
			}
			made, err := store.CreateFloatingRange(ctx, *r)
			if err != nil {
				return err
			}
			return printOne(e, floatingRangeColumns, made)
		},
	}
}

func floatingDelete() *command {
	var block netip.Prefix
	var from origin
	ipRange := typed(&block, "ip_range", parseBlock, "the range as it was created, or a larger one around several").as("RANGE").
		from(&from).notInFlagfile()
	return &command{
		name:     "delete",
		short:    "delete ranges of public addresses",
		long:     "All ranges within RANGE are deleted, or none: one with an address that an instance has is refused.",
		examples: []string{"nova-manage floating delete 192.0.2.0/28", "nova-manage floating delete --ip_range 198.51.100.0/24"},
		args:     []*arg{required(ipRange)},
		flags:    []*flag{ipRange},
		run: func(ctx context.Context, e *env) error {
			if !from.onCommandLine() { // a variable meant for create must not choose what is deleted
				return usageErrorf("floating delete needs ip_range on the command line")
			}
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DeleteFloatingRanges(ctx, block)
		},
	}
}

func floatingList() *command {
	f := &db.FloatingFilter{}
	host := named(&f.Host, "host", nil, "only those that are routed to this network node").as("HOST").notInFlagfile()
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
		args: []*arg{optional(host)},
		flags: []*flag{
			host,
			named(&f.Pool, "pool", nil, "only those of this pool").as("POOL"),
			boolean(&f.All, "all", "give every IPv4 address a line of its own"),
		},
		columns: fieldsOf(floatingColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			return printList(e, floatingColumns, store.FloatingAddresses(ctx, *f))
		},
	}
}

type floatingAssociateOptions struct {
	Instance string
	Address  netip.Addr
	Pool     string
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
		args: []*arg{
			required(text(&o.Instance, "INSTANCE", "a name (PROJECT/NAME where it is not unique), an id, a MAC or an address")),
			optional(typed(&o.Address, "ADDRESS", netcalcValue(netcalc.ParseAddr), "the public address")),
		},
		flags:   []*flag{named(&o.Pool, "pool", nil, "the pool to take it from").as("POOL").byDefault("any")},
		columns: fieldsOf(floatingColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			got, err := store.AssociateFloating(ctx, o.Instance, o.Address, o.Pool)
			if err != nil {
				return err
			}
			return printOne(e, floatingColumns, got)
		},
	}
}

func floatingDisassociate() *command {
	var address netip.Addr
	return &command{
		name:     "disassociate",
		short:    "take a public address from its instance",
		examples: []string{"nova-manage floating disassociate 192.0.2.7"},
		args:     []*arg{required(typed(&address, "ADDRESS", netcalcValue(netcalc.ParseAddr), "the public address"))},
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DisassociateFloating(ctx, address)
		},
	}
}
