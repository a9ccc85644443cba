package commands

import (
	"context"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func hostCategory() *command {
	return &command{name: "host", short: "the network nodes: what they serve, what would change, what is live", actions: []*command{
		hostList(), hostDiff(), hostApply(), hostCheck(),
	}}
}

var hostColumns = []cli.Column[db.HostSummary]{
	{Name: "host", Value: func(h db.HostSummary) any { return cli.OrNull(h.Host) }},
	{Name: "networks", Value: func(h db.HostSummary) any { return h.Networks }},
	{Name: "instances", Value: func(h db.HostSummary) any { return h.Instances }},
	{Name: "addresses", Value: func(h db.HostSummary) any { return h.Addresses }, Drop: 8},
	{Name: "floating", Value: func(h db.HostSummary) any { return h.FloatingRanges }, Drop: 9},
}

func hostList() *command {
	return &command{
		name:  "list",
		short: "list the network nodes by name, and how much each serves",
		long: "A network node is a host that serves networks or that floating ranges are routed to; where instances run is of no account. " +
			"Instances are those in its networks, addresses what they hold there, fixed ones of both families, and the floating ones that " +
			"are held and routed to it; floating is the number of its ranges. Networks that no host serves are counted in a last line. Compute hosts, which Nova's own command listed, are the compute service's: " +
			"`openstack host list`.",
		examples: []string{"nova-manage host list", "nova-manage host list -f value -c host"},
		columns:  cli.Fields(hostColumns),
		list:     true,
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			found, err := s.store.Hosts(ctx)
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, hostColumns, found)
		},
	}
}
