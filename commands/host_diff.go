//go:build linux

package commands

import (
	"context"
	"fmt"

	"nova-manage/internal/cli"
	"nova-manage/node"
)

var changeColumns = []cli.Column[*node.Change]{
	{Name: "path", Value: func(c *node.Change) any { return c.Path }},
	{Name: "state", Value: func(c *node.Change) any { return string(c.State) }, Colour: func(c *node.Change) cli.Colour {
		if c.State.Conflict() {
			return cli.Red
		}
		return cli.Yellow
	}},
	{Name: "reloads", Value: func(c *node.Change) any { return c.Does.String() }},
	{Name: "diff", Value: func(c *node.Change) any { return string(c.Diff()) }, Long: true},
}

func hostDiff() *command {
	o := newHostOptions()
	return &command{
		name:  "diff",
		short: "show what host apply would change under /etc",
		long: "On a terminal, and with -f table, it is a unified diff; otherwise it is JSON, a list with path, state, reloads (what has to " +
			"follow when the file changes, or -) and diff. It changes nothing, and does not look at what is live: see host check. " +
			"state is missing, differs, stale (nothing needs the file any more), edited (by hand since nova-manage wrote it), foreign " +
			"(somebody else's) or unmarked (written by `emit`, without a checksum); host apply replaces the last three only with --force. " +
			"The exit code is 5 where something differs.",
		examples: []string{"nova-manage host diff", "nova-manage host diff node1 -f table", "nova-manage host diff node1 --root /mnt -f json"},
		args:     []*cli.Arg{o.hostArg()},
		flags:    append(o.flags(), o.rootFlag()),
		columns:  cli.Fields(changeColumns),
		ledger:   reads,
		present:  true,
		check:    o.check,
		run: func(ctx context.Context, s *session) error {
			plan, err := o.plan(ctx, s)
			if err != nil {
				return err
			}
			changes, err := plan.tree.Compare(o.Root)
			if err != nil {
				return err
			}
			if len(changes) == 0 {
				s.Notef("%s: nothing differs", o.Host)
			}
			err = cli.PrintReading(s.Env, changeColumns, changes, func(colour bool) []byte { return patch(changes, colour) })
			if err != nil || len(changes) == 0 {
				return err
			}
			return checkError(len(changes), "file differs", "files differ")
		},
	}
}

// patch is all changes as one text. What is no part of a diff, such as a changed mode, stands before it as patch(1) skips it.
func patch(changes []*node.Change, colour bool) []byte {
	var b []byte
	for _, c := range changes {
		diff := c.Diff()
		if c.State.Conflict() || len(diff) == 0 {
			b = fmt.Appendf(b, "# %s: %s\n", c.Path, c.Why())
		}
		b = append(b, diff...)
	}
	if !colour {
		return b
	}
	return coloured(b)
}
