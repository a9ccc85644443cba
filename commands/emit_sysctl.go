package commands

import (
	"context"
	"fmt"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/configfile"
	"nova-manage/sysctlgen"
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
		flags: []*flag{
			servedBy(&o.Host),
			typedList(&o.Uplinks, "uplink", boundOf(func(s string) error { return configfile.CheckInterfaceName("uplink", s) }),
				"an interface over which the node learns its own default route by router advertisement; repeatable").as("IFACE"),
			outputFlag(&o.Output),
		},
		run: func(ctx context.Context, e *env) error { return runEmitSysctl(ctx, e, o) },
	}
}

func runEmitSysctl(ctx context.Context, e *env, o *emitSysctlOptions) error {
	store, err := e.openStore(ctx, db.Read)
	if err != nil {
		return err
	}
	c := sysctlgen.Config{Uplinks: unique(o.Uplinks)}
	if c.Bridges, err = store.Bridges(ctx, o.Host); err != nil {
		return err
	}
	if len(c.Bridges) == 0 {
		return o.nothing()
	}
	slices.SortFunc(c.Bridges, configfile.CompareNames)
	text, err := c.Append(nil)
	if err != nil {
		return refusedLedger(err)
	}
	return e.output(ctx, o.Output, text)
}

// nothing is the error where no bridge is chosen.
func (o *emitSysctlOptions) nothing() error {
	message := "nothing to configure: no network is in the ledger"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to configure: no network is served by %s", quote(o.Host))
	}
	return &db.Error{Message: message, Kind: db.ErrNotFound}
}
