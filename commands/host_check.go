package commands

import (
	"context"
	"fmt"

	"nova-manage/internal/cli"
	"nova-manage/node"
)

var differenceColumns = []cli.Column[node.Difference]{
	{Name: "subject", Value: func(d node.Difference) any { return d.Subject }},
	{Name: "is", Value: func(d node.Difference) any { return d.Is }, Colour: always[node.Difference](cli.Red)},
	{Name: "should_be", Value: func(d node.Difference) any { return d.Should }, Colour: always[node.Difference](cli.Green)},
	{Name: "because", Value: func(d node.Difference) any { return d.Because }},
}

func hostCheck() *command {
	o := newHostOptions()
	return &command{
		name:  "check",
		short: "compare the live node with the ledger",
		long: "Compares files, links, addresses, VLANs, MTU, forwarding and other kernel settings, the packet filter and its sets, the " +
			"daemons, and the neighbours on the bridges with what the ledger says; one line for each difference tells what is, what " +
			"should be, and what makes it so. It reads only and takes no lock, but needs root, since nobody else is shown the packet " +
			"filter. The exit code is 5 where something differs, and the list is empty where nothing does; host apply mends it, except what is not nova-manage's to mend, such as " +
			"a neighbour that the ledger does not know.",
		examples: []string{"nova-manage host check", "nova-manage host check node1 -f json"},
		args:     []*cli.Arg{o.hostArg()},
		flags:    o.flags(),
		columns:  cli.Fields(differenceColumns),
		list:     true,
		ledger:   reads,
		present:  true,
		check:    o.check,
		run: func(ctx context.Context, s *session) error {
			if err := s.needsRoot("host check reads the packet filter"); err != nil {
				return err
			}
			plan, err := o.plan(ctx, s)
			if err != nil {
				return err
			}
			found, err := node.Check(ctx, plan.tree, plan.want)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				s.Notef("%s is as the ledger has it", o.Host)
			}
			if err := cli.PrintSlice(s.Env, differenceColumns, found); err != nil || len(found) == 0 {
				return err
			}
			return checkError(len(found), "difference", "differences")
		},
	}
}

// needsRoot refuses what only root can do, before anything of it is begun.
func (s *session) needsRoot(what string) error {
	if s.Sys.Getuid() == 0 {
		return nil
	}
	return fmt.Errorf("%s, which needs root", what)
}
