package commands

import (
	"context"
	"slices"

	"nova-manage/internal/cli"
)

type emitAllOptions struct {
	nodeOptions
	advertOptions
	Dir string
}

func emitAll() *command {
	o := &emitAllOptions{nodeOptions: newNodeOptions(), advertOptions: newAdvertOptions()}
	return &command{
		name:  "all",
		short: "write all files of a network node below a folder, as they belong under /etc",
		long: "Writes DIR/etc/... for links, packet filter, kernel settings, radvd and dnsmasq with their units, and DIR/etc/nova/manifest, " +
			"which lists each file with its mode and what has to follow when it changes. They are the files that host apply writes, byte " +
			"for byte; files of earlier runs that nothing needs any more are removed. Where there is no network the exit code is 3 and no " +
			"file is touched.",
		examples: []string{
			"nova-manage emit all --host node1 --dir node1",
			"nova-manage emit all --host node1 --dir node1 --uplink eth0 --style ifupdown",
		},
		flags: slices.Concat([]*cli.Flag{servedBy(&o.Host),
			cli.Typed(&o.Dir, "dir", filePath, "where etc is, or is to be; it must exist").As("DIR").NotInFlagfile().Completes(cli.Folders)},
			o.nodeOptions.flags(), o.advertOptions.flags()),
		ledger: reads,
		files:  func() bool { return true },
		check: func(*cli.Env) error {
			if o.Dir == "" {
				return cli.WithHint(cli.UsageErrorf("emit all needs --dir"), "usage: nova-manage emit all --dir DIR [--host HOST]")
			}
			return o.advertOptions.validate()
		},
		run: func(ctx context.Context, s *session) error {
			view, err := s.store.Node(ctx, o.Host)
			if err != nil {
				return err
			}
			plan, err := planNode(&o.nodeOptions, &o.advertOptions, view, o.networkFile)
			if err != nil {
				return err
			}
			s.warnAll(plan.warnings)
			return s.outputTree(ctx, o.Dir, plan.tree)
		},
	}
}
