package commands

import (
	"context"
	"errors"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

var whoisColumns = []cli.Column[db.Identity]{
	{Name: "address", Value: func(id db.Identity) any { return id.Address }},
	{Name: "kind", Value: func(id db.Identity) any { return id.Kind }},
	{Name: "state", Value: func(id db.Identity) any { return id.State }},
	{Name: "network_id", Value: func(id db.Identity) any { return cli.OrNull(id.NetworkID) }},
	{Name: "cidr", Value: func(id db.Identity) any { return id.CIDR }},
	{Name: "vlan", Value: func(id db.Identity) any { return cli.OrNull(id.VLAN) }},
	{Name: "bridge", Value: func(id db.Identity) any { return cli.OrNull(id.Bridge) }},
	{Name: "pool", Value: func(id db.Identity) any { return cli.OrNull(id.Pool) }},
	{Name: "project_id", Value: func(id db.Identity) any { return cli.OrNull(id.ProjectID) }},
	{Name: "host", Value: func(id db.Identity) any { return cli.OrNull(id.Host) }},
	{Name: "mac_address", Value: func(id db.Identity) any { return cli.OrNull(id.MAC) }},
	{Name: "instance_id", Value: func(id db.Identity) any {
		if id.Instance.ID == 0 {
			return nil
		}
		return id.Instance.EC2ID()
	}},
	{Name: "instance", Value: func(id db.Identity) any { return cli.OrNull(id.Instance.Name) }},
	{Name: "fixed_ip", Value: func(id db.Identity) any { return id.Instance.FixedIP }},
	{Name: "fixed_ip_v6", Value: func(id db.Identity) any { return id.Instance.FixedIPv6 }},
	{Name: "floating_ip", Value: func(id db.Identity) any { return id.Instance.FloatingIP }},
	{Name: "floating_ip_v6", Value: func(id db.Identity) any { return id.Instance.FloatingIPv6 }},
}

// whoisSubject is an address or a MAC.
type whoisSubject struct {
	address netip.Addr
	mac     netcalc.MAC
}

func parseWhoisSubject(s string) (subject whoisSubject, err error) {
	if subject.mac, err = netcalc.ParseMAC(s); err == nil {
		return subject, nil
	}
	if subject.address, err = netcalc.ParseAddr(s); err != nil {
		return subject, errors.New("is neither an address nor a MAC")
	}
	return subject, nil
}

func whoisCommand() *command {
	var asked whoisSubject
	return &command{
		name:  "whois",
		short: "say what the ledger knows of an address or a MAC",
		long: "It prints the network or floating range that the address is in, its state, and the instance that has it with all its " +
			"addresses. An IPv6 address with a MAC in it (EUI-64) is traced to the instance with that MAC on the same bridge, even " +
			"where another address is recorded for it: then the state is still free. What is not in the ledger exits with 3.",
		examples: []string{
			"nova-manage whois 10.0.1.3",
			"nova-manage whois fd00:1::16:3eff:fe33:4455 -f value -c instance",
			"nova-manage whois 02:16:3e:33:44:55 -f json",
		},
		args:    []*cli.Arg{cli.Required(cli.Typed(&asked, "ADDRESS|MAC", parseWhoisSubject, "an IPv4 or IPv6 address, or a MAC"))},
		columns: cli.Fields(whoisColumns),
		ledger:  reads,
		run: func(ctx context.Context, s *session) error {
			var id db.Identity
			var err error
			if asked.address.IsValid() {
				id, err = s.store.Whois(ctx, asked.address)
			} else {
				id, err = s.store.WhoisMAC(ctx, asked.mac)
			}
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, whoisColumns, id)
		},
	}
}
