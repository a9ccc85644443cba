package commands

import (
	"context"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func vpnCategory() *command {
	return &command{name: "vpn", short: "where the VPNs of projects are reached", actions: []*command{vpnList(), vpnChange()}}
}

// vpnColumns are what a network's VPN consists of.
var vpnColumns = []cli.Column[db.Network]{
	{Name: "project_id", Value: func(n db.Network) any { return cli.OrNull(n.ProjectID) }},
	{Name: "vpn_public_address", Value: func(n db.Network) any { return n.VPNPublicAddress }},
	{Name: "vpn_public_port", Value: func(n db.Network) any { return n.VPNPublicPort }},
	{Name: "vpn_private_address", Value: func(n db.Network) any { return n.VPNPrivateAddress }, Drop: 7},
	{Name: "network_id", Value: func(n db.Network) any { return n.ID }, Drop: 9},
	{Name: "cidr", Value: func(n db.Network) any { return n.CIDR }, Drop: 8},
}

func vpnList() *command {
	var project string
	return &command{
		name:     "list",
		short:    "list the VPNs of projects in the order of their networks",
		long:     "A VPN belongs to a VlanManager network that has IPv4; those that no project has are left out.",
		examples: []string{"nova-manage vpn list", "nova-manage vpn list apollo -f json"},
		args:     []*cli.Arg{cli.Optional(named(&project, "PROJECT", nil, "only those of this project").Completes(aProject))},
		columns:  cli.Fields(vpnColumns),
		list:     true,
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			found, err := s.store.VPNs(ctx, project)
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, vpnColumns, found)
		},
	}
}

type vpnChangeOptions struct {
	Project, Network string
	Address          netip.Addr
	Port             int
}

func vpnChange() *command {
	o := &vpnChangeOptions{}
	// What is changed, and to what, is typed: a variable with a project is a default for other commands.
	project := named(&o.Project, "project", nil, "whose VPN it is").As("PROJECT").Completes(aProject).Also("project_id").OnlyTyped()
	ip := ownAddress(&o.Address, "ip", "the new public address").As("IP").OnlyTyped()
	port := cli.Number(&o.Port, "port", 1, 65535, "the new public port").As("PORT").OnlyTyped()
	return &command{
		name:  "change",
		short: "move a project's VPN to another public address and port",
		examples: []string{
			"nova-manage vpn change apollo 198.51.100.7 1194",
			"nova-manage vpn change apollo 198.51.100.7 1195 --network 10.0.1.32/27",
			"nova-manage vpn change --project apollo --ip 198.51.100.7 --port 1194",
		},
		args: []*cli.Arg{
			cli.Required(project).Called("PROJECT"), cli.Required(ip).Called("IP"), cli.Required(port).Called("PORT"),
		},
		flags: []*cli.Flag{
			project, ip, port,
			cli.Text(&o.Network, "network", "which one is meant, if the project has several: "+networkUsage).As("NETWORK").Completes(aNetwork).NotInFlagfile(),
		},
		columns: cli.Fields(vpnColumns),
		ledger:  writes,
		run: func(ctx context.Context, s *session) error {
			changed, err := s.store.ChangeVPN(ctx, o.Project, o.Network, o.Address, o.Port)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, vpnColumns, changed)
		},
	}
}
