//go:build linux

package commands

import (
	"context"
	"fmt"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/cli"
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
		flags: []*cli.Flag{
			servedBy(&o.Host),
			cli.TypedList(&o.Uplinks, "uplink", boundOf(func(s string) error { return configfile.CheckInterfaceName("uplink", s) }),
				"an interface over which the node learns its own default route by router advertisement; repeatable").As("IFACE"),
			outputFlag(&o.Output),
		},
		ledger: reads,
		files:  func() bool { return isFile(o.Output) },
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
	slices.SortFunc(bridges, configfile.CompareNames)
	config := sysctlgen.Config{Uplinks: unique(o.Uplinks), Bridges: bridges}
	text, err := config.Append(nil)
	if err != nil {
		return refusedLedger(err)
	}
	s.warnOfLearntRoutes(config)
	return s.output(ctx, o.Output, text)
}

// warnOfLearntRoutes tells who is at work on the node itself that applying the file would cut it off: a default route that
// was learnt by router advertisement over an interface that is not among the uplinks goes when the file turns on
// forwarding, and with it perhaps the connection by which somebody works there. Without a table there is nothing to tell.
func (s *session) warnOfLearntRoutes(c sysctlgen.Config) {
	table, err := s.Sys.IPv6Routes()
	if err != nil {
		return
	}
	defer table.Close()
	for _, name := range learntDefaults(table) {
		const lost = "this host has a default route that it learnt by router advertisement on %s, and would lose it where the file is applied; "
		switch {
		case slices.Contains(c.Uplinks, name):
		case slices.Contains(c.Bridges, name):
			s.Warnf(lost+"%[1]s is a bridge of the ledger, over which nothing may be learnt: give the host another default route first", name)
		default:
			s.Warnf(lost+"--uplink %[1]s keeps it", name)
		}
	}
}

// nothing is the error where no bridge is chosen.
func (o *emitSysctlOptions) nothing() error {
	message := "nothing to configure: no network is in the ledger"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to configure: no network is served by %s", cli.Quote(o.Host))
	}
	return &db.Error{Message: message, Kind: db.ErrNotFound}
}
