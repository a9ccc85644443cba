package commands

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

var whoisColumns = []cli.Column[db.Identity]{
	{Name: "address", Value: func(id db.Identity) any {
		if s := id.Span; s.First.IsValid() {
			return s
		}
		return id.Address
	}},
	{Name: "kind", Value: func(id db.Identity) any { return id.Kind }},
	{Name: "state", Value: func(id db.Identity) any { return id.State }, Colour: func(id db.Identity) cli.Colour { return stateColour(id.State) }},
	{Name: "network_id", Value: func(id db.Identity) any { return cli.OrNull(id.NetworkID) }, Drop: 6},
	{Name: "cidr", Value: func(id db.Identity) any { return id.CIDR }},
	{Name: "vlan", Value: func(id db.Identity) any { return cli.OrNull(id.VLAN) }, Drop: 7},
	{Name: "bridge", Value: func(id db.Identity) any { return cli.OrNull(id.Bridge) }, Drop: 9},
	{Name: "pool", Value: func(id db.Identity) any { return cli.OrNull(id.Pool) }},
	{Name: "project_id", Value: func(id db.Identity) any { return cli.OrNull(id.ProjectID) }, Drop: 5},
	{Name: "host", Value: func(id db.Identity) any { return cli.OrNull(id.Host) }},
	{Name: "mac_address", Value: func(id db.Identity) any { return cli.OrNull(id.MAC) }, Read: readMAC},
	{Name: "instance_id", Value: func(id db.Identity) any {
		if id.Instance.ID == 0 {
			return nil
		}
		return id.Instance.EC2ID()
	}, By: func(id db.Identity) any { return cli.OrNull(id.Instance.ID) }, Read: readInstanceID},
	{Name: "instance", Value: func(id db.Identity) any { return cli.OrNull(id.Instance.Name) }},
	{Name: "fixed_ip", Value: func(id db.Identity) any { return id.Instance.FixedIP }},
	{Name: "fixed_ip_v6", Value: func(id db.Identity) any { return id.Instance.FixedIPv6 }},
	{Name: "floating_ip", Value: func(id db.Identity) any { return id.Instance.FloatingIP }, Drop: 8},
	{Name: "floating_ip_v6", Value: func(id db.Identity) any { return id.Instance.FloatingIPv6 }},
}

// whoisManyColumns are the same where there are many rows: in a table only what most of them have.
var whoisManyColumns = func() []cli.Column[db.Identity] {
	many := slices.Clone(whoisColumns)
	for i, c := range many {
		many[i].Long = slices.Contains([]string{"pool", "host", "mac_address", "instance_id", "fixed_ip", "fixed_ip_v6", "floating_ip_v6"}, c.Name)
	}
	return many
}()

// whoisSubject is an address, a MAC, a range or a project.
type whoisSubject struct {
	address netip.Addr
	mac     netcalc.MAC
	span    netcalc.Span
	project string
}

func parseWhoisSubject(s string) (subject whoisSubject, err error) {
	if subject.mac, err = netcalc.ParseMAC(s); err == nil {
		return subject, nil
	}
	if subject.address, err = netcalc.ParseAddr(s); err == nil {
		return subject, nil
	}
	// What has a slash is no name of a project that a ledger takes, and two addresses are hardly one.
	first, last, _ := strings.Cut(s, "-")
	_, noFirst := netcalc.ParseAddr(first)
	_, noLast := netcalc.ParseAddr(last)
	if subject.span, err = netcalcValue(netcalc.ParseSpan)(s); err == nil || strings.Contains(s, "/") || noFirst == nil && noLast == nil {
		return subject, err
	}
	subject.project = s
	return subject, checkName(s)
}

func whoisCommand() *command {
	var asked whoisSubject
	return &command{
		name:  "whois",
		short: "say what the ledger knows of an address, a MAC, a range or a project",
		long: "It prints the network or floating range that the address is in, its state, and the instance that has it with all its " +
			"addresses. An IPv6 address with a MAC in it (EUI-64) is traced to the instance with that MAC on the same bridge, even " +
			"where another address is recorded for it: then the state is still free. What is not in the ledger exits with 3.\n\n" +
			"Of a range it lists what is in use: the networks and floating ranges in it and, between them, what is unclaimed; of a range that " +
			"lies in one of them also the addresses that are not free. Of a project it lists the networks and the instances.",
		examples: []string{
			"nova-manage whois 10.0.1.3",
			"nova-manage whois fd00:1::16:3eff:fe33:4455 -f value -c instance",
			"nova-manage whois 02:16:3e:33:44:55 -f json",
			"nova-manage whois 10.0.0.0/16",
			"nova-manage whois apollo -f csv",
		},
		args: []*cli.Arg{cli.Required(cli.Typed(&asked, "ADDRESS|MAC|RANGE|PROJECT", parseWhoisSubject,
			"an IPv4 or IPv6 address, a MAC, a CIDR or FIRST-LAST, or a project").Completes(anything))},
		columns: cli.Fields(whoisColumns),
		list:    true,
		ledger:  reads,
		check: func(e *cli.Env) error {
			if asked.address.IsValid() || asked.mac != (netcalc.MAC{}) {
				return checkOne(e, "whois of an address or a MAC")
			}
			return nil
		},
		run: func(ctx context.Context, s *session) error {
			var id db.Identity
			var err error
			switch {
			case asked.span.First.IsValid():
				return cli.PrintList(s.Env, whoisManyColumns, s.store.WhoisRange(ctx, asked.span))
			case asked.project != "":
				return cli.PrintList(s.Env, whoisManyColumns, s.store.WhoisProject(ctx, asked.project))
			case asked.address.IsValid():
				id, err = s.store.Whois(ctx, asked.address)
			default:
				id, err = s.store.WhoisMAC(ctx, asked.mac)
			}
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, whoisColumns, id)
		},
	}
}
