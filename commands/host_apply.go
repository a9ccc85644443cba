package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/node"
)

type hostApplyOptions struct {
	*hostOptions
	Force, DryRun, NoReload bool
	ReloadCommand           string
}

func hostApply() *command {
	o := &hostApplyOptions{hostOptions: newHostOptions()}
	return &command{
		name:  "apply",
		short: "make this machine the network node that the ledger says",
		long: "Writes the files under /etc that differ, each checked by its daemon's own parser before the first is replaced, then loads " +
			"the packet filter, makes the links, sets the kernel's settings, has radvd and dnsmasq read their files again, and cuts off " +
			"established flows of what is not allowed any more. Only what changed is reloaded. What somebody has changed in the kernel, or " +
			"stopped, is mended, too. Where a parser refuses nothing is touched; where a daemon does not come up the old files are brought back " +
			"and loaded again; the exit code is 1. A file that nova-manage did not write, or that was edited since, is a conflict (exit " +
			"code 4) before anything is touched, which --force overrides. In the end it checks itself: what still differs is printed as " +
			"left, and the exit code is 5. The column done says written, removed, mended or left, with --dry_run what is to be done. One " +
			"that was killed is finished by the next, and one that finds another at work waits. The host is this machine unless HOST names " +
			"another; its own flags belong into the flagfile. Without systemd, --reload_command names a program that is called in the place of systemctl, with its arguments, such as " +
			"`reload-or-restart radvd.service`. With --no_reload, and with any other --root than /, only files are written.",
		examples: []string{
			"nova-manage host apply",
			"nova-manage host apply node1 --dry_run",
			"nova-manage host apply node1 --root /mnt",
			"nova-manage host apply --reload_command /usr/local/sbin/service-control",
		},
		args: []*cli.Arg{o.hostArg()},
		flags: append(o.flags(), o.rootFlag(),
			cli.Boolean(&o.DryRun, "dry_run", "print what would be changed and change nothing").NotInFlagfile(),
			cli.Boolean(&o.Force, "force", "replace also files that somebody else wrote or edited").OnlyTyped(),
			cli.Boolean(&o.NoReload, "no_reload", "only write files; the next apply without it does the rest"),
			cli.Text(&o.ReloadCommand, "reload_command", "the program that is called in the place of systemctl").As("PROGRAM").Completes(cli.Files),
		),
		columns: cli.Fields(outcomeColumns),
		rows:    severalRows,
		ledger:  reads,
		alone:   "what it changes no transaction takes back",
		present: true,
		check:   o.check,
		run:     o.run,
	}
}

func (o *hostApplyOptions) run(ctx context.Context, s *session) error {
	live := o.Root == "/" && !o.NoReload
	if live && !o.DryRun {
		if err := s.needsRoot("host apply changes /etc and the kernel"); err != nil {
			return err
		}
	}
	plan, err := o.plan(ctx, s)
	if err != nil {
		return err
	}
	if live && plan.want.Filter != nil {
		if err := o.warnOfForeignPorts(ctx, s, plan); err != nil {
			return err
		}
	}
	m := o.machine(s)
	if o.ReloadCommand != "" {
		m.Reload = strings.Fields(o.ReloadCommand)
	}
	result, err := m.Apply(ctx, plan.tree, plan.want, node.Options{
		Force: o.Force, DryRun: o.DryRun, NoReload: !live,
		Protected: func(path string) error { return refuseProtected(path, s.opened) },
		Revoked:   revokedFlows,
	})
	s.wrote = result != nil && result.Done
	var conflict *node.ConflictError
	switch {
	case errors.As(err, &conflict):
		return cli.WithHint(&db.Error{Message: err.Error(), Kind: db.ErrDiffers},
			"`nova-manage host diff` shows what it has and what it should have; --force replaces it")
	case err != nil:
		return err
	}
	return o.report(s, result)
}

// warnOfForeignPorts tells of what the filter would take away from bridges that are not its own: which bridge a frame is on cannot be
// asked on every kernel.
func (o *hostApplyOptions) warnOfForeignPorts(ctx context.Context, s *session, plan *nodePlan) error {
	ports, err := node.ForeignPorts(ctx, plan.tree.Links)
	if err != nil {
		return err
	}
	for _, p := range ports {
		if !slices.Contains(o.TrustedPorts, p.Name) {
			s.Warnf("%s is a port of %s, which is not a bridge of the ledger: router advertisements and DHCP answers that come in over it are "+
				"dropped; --trusted_port %s lets them pass", p.Name, p.Bridge, p.Name)
		}
	}
	return nil
}

// outcome is what became of one thing that was not as it should be.
type outcome struct {
	node.Difference
	done string
}

var outcomeColumns = []cli.Column[outcome]{
	{Name: "subject", Value: func(o outcome) any { return o.Subject }},
	{Name: "done", Value: func(o outcome) any { return o.done }, Colour: func(o outcome) cli.Colour {
		if o.done == "left" {
			return cli.Red
		}
		return cli.NoColour
	}},
	{Name: "was", Value: func(o outcome) any { return o.Is }, Colour: always[outcome](cli.Red)},
	{Name: "should_be", Value: func(o outcome) any { return o.Should }, Colour: always[outcome](cli.Green)},
	{Name: "because", Value: func(o outcome) any { return o.Because }, Long: true},
}

// report tells what was done, and what still differs.
func (o *hostApplyOptions) report(s *session, r *node.Result) error {
	to := ""
	if o.DryRun {
		to = "to be "
	}
	var all []outcome
	for _, c := range r.Changes {
		done := to + "written"
		if c.State == node.Stale {
			done = to + "removed"
		}
		all = append(all, outcome{c.Difference(), done})
	}
	for _, d := range r.Mended {
		all = append(all, outcome{d, "mended"})
	}
	left := 0
	for _, d := range r.Left {
		switch {
		case o.DryRun && d.Mendable():
			all = append(all, outcome{d, "to be mended"})
		default:
			all = append(all, outcome{d, "left"})
			left++
		}
	}
	if len(all) == 0 {
		s.Notef("%s is as the ledger has it", o.Host)
	} else if !o.DryRun && left == 0 {
		s.Changed()
	}
	if err := cli.PrintSlice(s.Env, outcomeColumns, all); err != nil || left == 0 || o.DryRun {
		return err
	}
	return fmt.Errorf("%w after host apply", checkError(left, "difference is left", "differences are left"))
}

// mostNotes is how many things of a kind are told of one by one.
const mostNotes = 20
