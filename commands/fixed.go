package commands

import (
	"context"
	"strconv"

	"nova-manage/db"
	"nova-manage/netcalc"
)

func fixedCategory() *command {
	return &command{name: "fixed", short: "addresses inside networks", actions: []*command{
		fixedList(), fixedReserve(), fixedUnreserve(),
	}}
}

var fixedColumns = []column[db.FixedAddress]{
	{Name: "network_id", Value: func(a db.FixedAddress) any { return orNull(a.NetworkID) }},
	{Name: "cidr", Value: func(a db.FixedAddress) any { return a.CIDR }},
	{Name: "address", Value: func(a db.FixedAddress) any { return a.Span }},
	{Name: "mac_address", Value: func(a db.FixedAddress) any { return orNull(a.MAC) }},
	{Name: "instance", Value: func(a db.FixedAddress) any { return orNull(a.Instance) }},
	{Name: "project_id", Value: func(a db.FixedAddress) any { return orNull(a.ProjectID) }},
	{Name: "host", Value: func(a db.FixedAddress) any { return orNull(a.Host) }},
	{Name: "state", Value: func(a db.FixedAddress) any { return a.State }},
}

type fixedListOptions struct {
	filter db.FixedFilter
	Family string
}

func fixedList() *command {
	o := &fixedListOptions{}
	host := named(&o.filter.Host, "host", nil, "only those of this host: the instance's, else the network's").as("HOST").notInFlagfile()
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
		args: optionals(host),
		flags: []*flag{
			host,
			onNetwork(&o.filter.Network, "only those in this network"),
			choice(&o.Family, "family", []string{"4", "6"}, "only those of IPv4 or IPv6"),
			boolean(&o.filter.All, "all", "also IPv4 addresses that nobody has"),
		},
		columns: fieldsOf(fixedColumns),
		run: func(ctx context.Context, e *env) error {
			o.filter.Family, _ = strconv.Atoi(o.Family) // one of the two, or none
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			return printList(e, fixedColumns, store.FixedAddresses(ctx, o.filter))
		},
	}
}

// fixedRanges declares RANGE... .
func fixedRanges(into *[]netcalc.Span) *arg {
	return oneOrMore(typedList(into, "RANGE", netcalcValue(netcalc.ParseSpan), "an address, FIRST-LAST or a CIDR, of either family"))
}

func fixedReserve() *command {
	var ranges []netcalc.Span
	return &command{
		name:  "reserve",
		short: "keep addresses from being given to instances",
		long: "All ranges are reserved or none. What is reserved already stays so, and what a network keeps for itself (its gateway, " +
			"say) is passed over. An address that an instance holds is refused, and so is a range that is not in networks as a whole.",
		examples: []string{
			"nova-manage fixed reserve 10.0.1.20",
			"nova-manage fixed reserve 10.0.1.20-10.0.1.29 fd00:1::100/120",
		},
		args: []*arg{fixedRanges(&ranges)},
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.ReserveAddresses(ctx, ranges)
		},
	}
}

func fixedUnreserve() *command {
	var ranges []netcalc.Span
	return &command{
		name:  "unreserve",
		short: "give reserved addresses back",
		long:  "All ranges are given back or none. Something in each must be reserved, not all of it.",
		examples: []string{
			"nova-manage fixed unreserve 10.0.1.20",
			"nova-manage fixed unreserve 10.0.1.0/27 fd00:1::/64",
		},
		args: []*arg{fixedRanges(&ranges)},
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.UnreserveAddresses(ctx, ranges)
		},
	}
}
