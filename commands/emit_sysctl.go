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
			"node an address and a default route. A warning says where this host has learnt its own default route by router " +
			"advertisement on an interface that no --uplink names. Where there is no network the exit code is 3 and no file is touched.",
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
	warnOfLearntRoutes(e, c)
	return e.output(ctx, o.Output, text)
}

// warnOfLearntRoutes tells who is at work on the node itself that applying the file would cut it off: a default route that
// was learnt by router advertisement over an interface that is not among the uplinks goes when the file turns on
// forwarding, and with it perhaps the connection by which somebody works there. Without a table there is nothing to tell.
func warnOfLearntRoutes(e *env, c sysctlgen.Config) {
	table, err := e.sys.IPv6Routes()
	if err != nil {
		return
	}
	defer table.Close()
	for _, name := range learntDefaults(table) {
		const lost = "this host has a default route that it learnt by router advertisement on %s, and would lose it where the file is applied; "
		switch {
		case slices.Contains(c.Uplinks, name):
		case slices.Contains(c.Bridges, name):
			e.warn(lost+"%[1]s is a bridge of the ledger, over which nothing may be learnt: give the host another default route first", name)
		default:
			e.warn(lost+"--uplink %[1]s keeps it", name)
		}
	}
}

// nothing is the error where no bridge is chosen.
func (o *emitSysctlOptions) nothing() error {
	message := "nothing to configure: no network is in the ledger"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to configure: no network is served by %s", quote(o.Host))
	}
	return &db.Error{Message: message, Kind: db.ErrNotFound}
}
