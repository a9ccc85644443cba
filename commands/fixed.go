package commands

import (
	"context"
	"strconv"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

func fixedCategory() *command {
	return &command{name: "fixed", short: "addresses inside networks", actions: []*command{
		fixedList(), fixedReserve(), fixedUnreserve(),
	}}
}

var fixedColumns = []cli.Column[db.FixedAddress]{
	{Name: "network_id", Value: func(a db.FixedAddress) any { return cli.OrNull(a.NetworkID) }, Drop: 9},
	{Name: "cidr", Value: func(a db.FixedAddress) any { return a.CIDR }, Drop: 7},
	{Name: "address", Value: func(a db.FixedAddress) any { return a.Span }},
	{Name: "mac_address", Value: func(a db.FixedAddress) any { return cli.OrNull(a.MAC) }, Read: readMAC, Drop: 5},
	{Name: "instance", Value: func(a db.FixedAddress) any { return cli.OrNull(a.Instance) }},
	{Name: "project_id", Value: func(a db.FixedAddress) any { return cli.OrNull(a.ProjectID) }, Drop: 6},
	{Name: "host", Value: func(a db.FixedAddress) any { return cli.OrNull(a.Host) }, Drop: 8},
	{Name: "state", Value: func(a db.FixedAddress) any { return a.State }, Colour: func(a db.FixedAddress) cli.Colour { return stateColour(a.State) }},
}

type fixedListOptions struct {
	filter db.FixedFilter
	Family string
}

func fixedList() *command {
	o := &fixedListOptions{}
	host := named(&o.filter.Host, "host", nil, "only those of this host: the instance's, else the network's").As("HOST").NotInFlagfile().Completes(aMachine)
	return &command{
		name:  "list",
		short: "list fixed addresses that are held or reserved, in address order",
		long: "A reserved range is one row. --all adds every other IPv4 address of the networks, one row for each, with its state: " +
			"network, gateway, vpn, broadcast, reserved, held, released or free. Of an IPv6 /64 there is always just what is held " +
			"or reserved. A reservation on a flat bridge's /64 that several networks share has no network_id.",
		examples: []string{
			"nova-manage fixed list",
			"nova-manage fixed list node1 --family 6",
			"nova-manage fixed list --network 10.0.1.0/27 --all -f csv",
		},
		args: cli.Optionals(host),
		flags: []*cli.Flag{
			host,
			onNetwork(&o.filter.Network, "only those in this network"),
			cli.Choice(&o.Family, "family", []string{"4", "6"}, "only those of IPv4 or IPv6"),
			cli.Boolean(&o.filter.All, "all", "also IPv4 addresses that nobody has"),
		},
		columns: cli.Fields(fixedColumns),
		list:    true,
		ledger:  reads,
		run: func(ctx context.Context, s *session) error {
			o.filter.Wanted = s.listing(db.FixedIndexed)
			o.filter.Family, _ = strconv.Atoi(o.Family) // one of the two, or none
			return cli.PrintList(s.Env, fixedColumns, s.store.FixedAddresses(ctx, o.filter))
		},
	}
}

// fixedRanges declares the flag that is RANGE..., or --address as later releases spelled it.
func fixedRanges(into *[]netcalc.Span) *cli.Flag {
	return cli.TypedList(into, "address", netcalcValue(netcalc.ParseSpan), "an address, FIRST-LAST or a CIDR, of either family").
		As("RANGE").OnlyTyped().Completes(aNetworkRange)
}

func fixedReserve() *command {
	var ranges []netcalc.Span
	var again bool // nothing depends on it
	which := fixedRanges(&ranges)
	return &command{
		name:  "reserve",
		short: "keep addresses from being given to instances",
		long: "All ranges are reserved or none. What is reserved already stays so, and what a network keeps for itself (its gateway, " +
			"say) is passed over. An address that an instance holds is refused, and so is a range that is not in networks as a whole.",
		examples: []string{
			"nova-manage fixed reserve 10.0.1.20",
			"nova-manage fixed reserve --address 10.0.1.20",
			"nova-manage fixed reserve 10.0.1.20-10.0.1.29 fd00:1::100/120",
		},
		args: []*cli.Arg{cli.OneOrMore(which).Called("RANGE")},
		flags: []*cli.Flag{which,
			cli.Boolean(&again, "if_not_exists", "as with other commands: accept what is reserved already, which it does anyway")},
		ledger: writes,
		run: func(ctx context.Context, s *session) error {
			return s.store.ReserveAddresses(ctx, ranges)
		},
	}
}

func fixedUnreserve() *command {
	var ranges []netcalc.Span
	var gone bool
	which := fixedRanges(&ranges)
	return &command{
		name:  "unreserve",
		short: "give reserved addresses back",
		long:  "All ranges are given back or none. Something in each must be reserved, not all of it.",
		examples: []string{
			"nova-manage fixed unreserve 10.0.1.20",
			"nova-manage fixed unreserve --address 10.0.1.20",
			"nova-manage fixed unreserve 10.0.1.0/27 fd00:1::/64",
		},
		args:   []*cli.Arg{cli.OneOrMore(which).Called("RANGE")},
		flags:  []*cli.Flag{which, ifExists(&gone)},
		ledger: writes,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).UnreserveAddresses(ctx, ranges)
		},
	}
}
