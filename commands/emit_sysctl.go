package commands

import (
	"context"
	"fmt"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/radvdgen"
)

type emitSysctlOptions struct {
	Host    string
	Uplinks []string
	Output  string
}

func emitSysctl() *command {
	o := &emitSysctlOptions{}
	return &command{
		name:  "sysctl",
		short: "print a sysctl.d file: what makes the node a router for its bridges",
		long: "It turns on forwarding and keeps the bridges from being configured by their guests, in an order that keeps the default " +
			"route which an uplink has learnt. IPv6 is part of it also while no network has any: a guest could otherwise give the " +
			"node an address and a default route. Where there is no network the exit code is 3 and no file is touched.",
		examples: []string{
			"nova-manage emit sysctl --uplink eth0 -o /etc/sysctl.d/60-nova.conf",
			"nova-manage emit sysctl --host node1",
		},
		flags: []*cli.Flag{
			servedBy(&o.Host),
			cli.TypedList(&o.Uplinks, "uplink", boundOf(radvdgen.CheckInterfaceName),
				"an interface over which the node learns its own default route by router advertisement; repeatable").As("IFACE"),
			outputFlag(&o.Output),
		},
		ledger: reads,
		run:    o.run,
	}
}

func (o *emitSysctlOptions) run(ctx context.Context, s *session) error {
	bridges, err := s.store.Bridges(ctx, o.Host)
	if err != nil {
		return err
	}
	if len(bridges) == 0 {
		return o.nothing()
	}
	slices.SortFunc(bridges, radvdgen.CompareNames)
	text, err := radvdgen.Sysctl{Uplinks: unique(o.Uplinks), Bridges: bridges}.Append(nil)
	if err != nil {
		return refusedLedger(err)
	}
	return s.output(ctx, o.Output, text)
}

// nothing is the error where no bridge is chosen.
func (o *emitSysctlOptions) nothing() error {
	message := "nothing to configure: no network is in the ledger"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to configure: no network is served by %s", cli.Quote(o.Host))
	}
	return &db.Error{Message: message, Kind: db.ErrNotFound}
}
