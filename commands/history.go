package commands

import (
	"context"
	"fmt"
	"time"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func historyCategory() *command {
	c := historyList()
	c.actions = []*command{historyShow(), historyPrune()}
	return c
}

var historyColumns = []cli.Column[db.Change]{
	{Name: "number", Value: func(c db.Change) any { return c.Number }},
	{Name: "at", Value: func(c db.Change) any { return c.At }},
	{Name: "actor", Value: func(c db.Change) any { return c.Actor }, Drop: 3},
	{Name: "command", Value: func(c db.Change) any { return c.Command }},
	{Name: "created", Value: func(c db.Change) any { return c.Created }, Drop: 9},
	{Name: "changed", Value: func(c db.Change) any { return c.Changed }, Drop: 8},
	{Name: "deleted", Value: func(c db.Change) any { return c.Deleted }, Drop: 7},
	{Name: "comment", Value: func(c db.Change) any { return cli.OrNull(c.Comment) }, Long: true},
	{Name: "undoes", Value: func(c db.Change) any { return cli.OrNull(c.Undoes) }, Long: true},
}

// timesAre is what help says of times.
const timesAre = "A time is RFC 3339 (2026-03-02T10:00:00Z), a date, which is its first second in UTC, or how long ago: 90s, 30m, 2h, 3d, 1w."

type historyOptions struct {
	Since, Until                        when
	Network, Instance, ProjectID, Actor string
}

func historyList() *command {
	o := &historyOptions{}
	return &command{
		name:  "history",
		short: "what was changed, when, by whom and with which command",
		long: "The newest change comes first. created, changed and deleted count the rows of what can be listed: networks, instances, " +
			"addresses, projects, quotas, floating ranges, security groups, their rules and members. --network and --instance take also " +
			"what is not in the ledger any more, by its id or by whatever it was called; --network takes a bridge, too. The first entry of a ledger " +
			"that is older than its history stands for all that was in it.\n\n" + timesAre + " Until a date is until its last second.",
		examples: []string{
			"nova-manage history --limit 10",
			"nova-manage history --network br103 --since 2026-03-01 --until 2026-03-31",
			"nova-manage history --actor root@node1 --since 2h -f json",
		},
		flags: []*cli.Flag{
			cli.Typed(&o.Since, "since", parseWhen, "changes from then on").As("TIME").NotInFlagfile(),
			cli.Typed(&o.Until, "until", parseWhen, "changes up to then").As("TIME").NotInFlagfile(),
			cli.Text(&o.Network, "network", "changes of a network, its instances and its addresses").As("NETWORK").NotInFlagfile().Completes(aNetwork),
			cli.Text(&o.Instance, "instance", "changes of an instance and its addresses").As("INSTANCE").NotInFlagfile().Completes(anInstance),
			cli.Text(&o.ProjectID, "project_id", "changes of a project and of what it has").As("PROJECT").Also("project").NotInFlagfile().Completes(aProject),
			cli.Text(&o.Actor, "actor", "changes that this one made").As("USER@HOST").OnlyTyped(),
		},
		columns: cli.Fields(historyColumns),
		list:    true,
		ledger:  reads,
		present: true,
		run: func(ctx context.Context, s *session) error {
			since, err := o.Since.from("--since", s.Sys.Now())
			if err != nil {
				return err
			}
			until, err := o.Until.until("--until", s.Sys.Now())
			if err != nil {
				return err
			}
			return cli.PrintList(s.Env, historyColumns, s.store.Changes(ctx, db.ChangeFilter{Since: since, Until: until,
				Network: o.Network, Instance: o.Instance, ProjectID: o.ProjectID, Actor: o.Actor,
				Wanted: s.listing(db.ChangesIndexed)}))
		},
	}
}

var changedColumns = []cli.Column[db.ChangedRow]{
	{Name: "table", Value: func(r db.ChangedRow) any { return r.Table }},
	{Name: "id", Value: func(r db.ChangedRow) any { return r.ID }},
	{Name: "before", Value: func(r db.ChangedRow) any { return object(r.Before) }},
	{Name: "after", Value: func(r db.ChangedRow) any { return object(r.After) }},
}

func object(fields []db.Field) any {
	if fields == nil {
		return nil
	}
	var o cli.Object
	for _, f := range fields {
		o = append(o, cli.Member{Name: f.Name, Value: f.Value})
	}
	return o
}

func historyShow() *command {
	var number int64
	return &command{
		name:  "show",
		short: "what a change did to rows",
		long: "Each row that the change made, changed or took away, as it was before and after: on a terminal, and with -f table, as a diff, " +
			"else as JSON, where before is null of a row that was made and after of one that was taken away.",
		examples: []string{"nova-manage history show 12", "nova-manage history show 12 -f json"},
		args:     []*cli.Arg{cli.Required(changeNumber(&number))},
		columns:  cli.Fields(changedColumns),
		ledger:   reads,
		present:  true,
		run: func(ctx context.Context, s *session) error {
			c, rows, err := s.store.ShowChange(ctx, number)
			if err != nil {
				return err
			}
			return cli.PrintReading(s.Env, changedColumns, rows, func(colour bool) []byte { return changeText(c, rows, colour) })
		},
	}
}

func changeNumber(into *int64) *cli.Flag {
	return cli.Number(into, "NUMBER", 1, 1<<62, "the number of a change, as `nova-manage history` lists it").Completes(aChange)
}

// changeText is a change for readers.
func changeText(c db.Change, rows []db.ChangedRow, colour bool) []byte {
	b := fmt.Appendf(nil, "change %d, %s, %s\n  %s\n", c.Number, c.At.UTC().Format(time.RFC3339), cli.Printable(c.Actor), cli.Printable(c.Command))
	if c.Comment != "" {
		b = fmt.Appendf(b, "  # %s\n", cli.Printable(c.Comment))
	}
	return append(b, rowsText(rows, colour)...)
}

// rowsText is rows as a diff.
func rowsText(rows []db.ChangedRow, colour bool) []byte {
	var b []byte
	for _, r := range rows {
		b = fmt.Appendf(b, "@@ %s %s @@\n", r.Table, cli.Printable(r.ID))
		for i := range max(len(r.Before), len(r.After)) {
			switch {
			case r.After == nil:
				b = appendField(b, '-', r.Before[i])
			case r.Before == nil:
				b = appendField(b, '+', r.After[i])
			case r.Before[i] != r.After[i]:
				b = appendField(b, '-', r.Before[i])
				b = appendField(b, '+', r.After[i])
			}
		}
	}
	if !colour {
		return b
	}
	return coloured(b)
}

func appendField(b []byte, sign byte, f db.Field) []byte {
	value := "null"
	if f.Value != nil {
		value = cli.Printable(fmt.Sprint(f.Value))
	}
	return fmt.Appendf(b, "%c%s: %s\n", sign, f.Name, value)
}

var undoColumns = []cli.Column[db.Undone]{
	{Name: "number", Value: func(u db.Undone) any { return u.Number }},
	{Name: "undoes", Value: func(u db.Undone) any { return u.Change.Number }},
	{Name: "command", Value: func(u db.Undone) any { return u.Change.Command }},
	{Name: "rows", Value: func(u db.Undone) any { return len(u.Rows) }},
}

func undoCommand() *command {
	var number int64
	dry := false
	return &command{
		name:  "undo",
		short: "reverse a change, the latest one by default",
		long: "It makes everything that the change touched what it was before, ids and states of addresses included, as a new change, which can be " +
			"undone itself. What was changed since and has nothing to do with it stays. Where a later change depends on what would be " +
			"taken back nothing is done, and each such change is named (exit 4). Numbers that were handed out are not handed out " +
			"again. --dry_run shows what would become of which row. The answer names the change that was undone and that which undid it.",
		examples: []string{"nova-manage undo --dry_run -f table", "nova-manage undo", "nova-manage undo 12 --comment wrong-prefix"},
		args:     []*cli.Arg{cli.Optional(changeNumber(&number))},
		columns:  cli.Fields(undoColumns),
		ledger:   writes,
		alone:    "it is a change of its own",
		dryRun:   &dry,
		run: func(ctx context.Context, s *session) error {
			u, err := s.store.Undo(ctx, number)
			if err != nil {
				return err
			}
			if dry {
				return cli.PrintReading(s.Env, changedColumns, u.Rows, func(colour bool) []byte { return rowsText(u.Rows, colour) })
			}
			return cli.PrintOne(s.Env, undoColumns, u)
		},
	}
}

var prunedColumns = []cli.Column[db.Pruned]{
	{Name: "number", Value: func(p db.Pruned) any { return cli.OrNull(p.Last) }},
	{Name: "forgotten", Value: func(p db.Pruned) any { return p.Forgotten }},
}

func historyPrune() *command {
	var before when
	dry := false
	return &command{
		name:  "prune",
		short: "forget the changes before a time",
		long: "What they made stays. One entry with the number of the last of them stands for all of them from then on: it cannot be undone, and " +
			"--as_of does not go back behind it. The answer says which number that is, and how many changes were forgotten.\n\n" + timesAre,
		examples: []string{"nova-manage history prune --before 2026-01-01", "nova-manage history prune --before 52w --dry_run"},
		flags:    []*cli.Flag{cli.Typed(&before, "before", parseWhen, "forget the changes before it").As("TIME").NotInFlagfile()},
		columns:  cli.Fields(prunedColumns),
		ledger:   writes,
		alone:    "it is about the ledger as a whole",
		dryRun:   &dry,
		check: func(e *cli.Env) error {
			if !before.set {
				return cli.WithHint(cli.UsageErrorf("--before is missing"), "nova-manage history prune --before TIME")
			}
			_, err := before.from("--before", e.Sys.Now())
			return err
		},
		run: func(ctx context.Context, s *session) error {
			at, err := before.from("--before", s.Sys.Now())
			if err != nil {
				return err
			}
			p, err := s.store.PruneHistory(ctx, at)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, prunedColumns, p)
		},
	}
}
