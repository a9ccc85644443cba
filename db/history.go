package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Change is what history keeps of a change: its number, when, by whom and with which command it was made, and how many rows it
// made, changed and took away.
type Change = sqlstore.Entry

// Past is a state of the ledger that was: the one after a change, or at a time. The zero value is the present.
type Past = sqlstore.Past

// ChangeFilter says which changes are asked for; the zero value is all of them.
type ChangeFilter struct {
	Since, Until time.Time // both included
	// Network and Instance are what the changes are about, as NETWORK and INSTANCE arguments name them, whether they are in the
	// ledger still or were in it once.
	Network, Instance string
	ProjectID         string
	Actor             string
	Wanted            Wanted // as ChangesIndexed takes it
}

// Changes yields the changes, the newest first. Error: ErrNotFound for a network, an instance or a project that neither the ledger
// nor history has.
func (s *Store) Changes(ctx context.Context, f ChangeFilter) iter.Seq2[Change, error] {
	return stream(ctx, s, func(ctx context.Context, t view) iter.Seq2[Change, error] {
		wanted := ChangesIndexed.selects(func() *sqlstore.Where { return new(sqlstore.Where) }, f.Wanted)[0] // a change has all it is sorted by
		e := sqlstore.EntryFilter{Where: wanted.where, By: wanted.by, Since: f.Since, Until: f.Until, Actor: f.Actor, Limit: f.Wanted.Limit}
		for _, about := range []struct {
			ref  string
			kind sqlstore.Subject
			find func(context.Context, string) ([]int64, error)
		}{
			{f.Network, sqlstore.Network, t.everNetworks}, {f.Instance, sqlstore.Instance, t.everInstances},
		} {
			if about.ref == "" {
				continue
			}
			ids, err := about.find(ctx, about.ref)
			if err != nil {
				return failed[Change](err)
			}
			e.About = append(e.About, sqlstore.Wanted{Kind: about.kind, IDs: ids})
		}
		if f.ProjectID != "" {
			about := sqlstore.Wanted{Kind: sqlstore.Project, Name: f.ProjectID}
			if err := t.everWas(ctx, about, "project", f.ProjectID, "FROM projects WHERE project_id = $1", f.ProjectID); err != nil {
				return failed[Change](err)
			}
			e.About = append(e.About, about)
		}
		return sqlstore.Entries(ctx, t.ReadTx, e)
	})
}

// aboutProject says of a change that it is about a project, where no row that it writes names one.
func (t *tx) aboutProject(id string) { t.door.About(sqlstore.About{Kind: sqlstore.Project, Name: id}) }

// aboutNetwork says likewise that it is about a network, and about the project that has it. The zero Network is none.
func (t *tx) aboutNetwork(id int64, project string) {
	if id != 0 {
		t.door.About(sqlstore.About{Kind: sqlstore.Network, First: id, Last: id})
	}
	if project != "" {
		t.aboutProject(project)
	}
}

// everNetworks are the ids of the networks that a NETWORK argument, or a bridge's name, names or ever named.
func (t view) everNetworks(ctx context.Context, ref string) ([]int64, error) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		// Of a number it is known at once that it was never given to another.
		ids := []int64{id}
		return ids, t.everWas(ctx, sqlstore.Wanted{Kind: sqlstore.Network, IDs: ids}, "network", ref, "FROM networks WHERE id = $1", id)
	}
	prefix := ref
	if p, err := netcalc.ParsePrefix(ref); err == nil {
		prefix = p.String()
	}
	return t.ever(ctx, "networks", ref, "network", func(value func(string) any) bool {
		return value("cidr") == prefix || value("cidr_v6") == prefix || value("label") == ref || value("bridge") == ref
	})
}

// everInstances are the ids of the instances that an INSTANCE argument names or ever named.
func (t view) everInstances(ctx context.Context, ref string) ([]int64, error) {
	if id, ok := InstanceID(ref); ok {
		ids := []int64{id}
		return ids, t.everWas(ctx, sqlstore.Wanted{Kind: sqlstore.Instance, IDs: ids}, "instance", ref, "FROM instances WHERE id = $1", id)
	}
	return t.ever(ctx, "instances", ref, "instance", func(value func(string) any) bool {
		return value("name") == ref || fmt.Sprint(value("project_id"), "/", value("name")) == ref
	})
}

// ever returns the ids of the rows that history knows and that is says yes to.
func (t view) ever(ctx context.Context, table, ref, noun string, is func(value func(column string) any) bool) ([]int64, error) {
	k := sqlstore.KeptTable(table)
	ids := map[int64]bool{}
	look := func(r sqlstore.Record) {
		if id, ok := k.At(r, "id").(int64); ok && is(func(column string) any { return k.At(r, column) }) {
			ids[id] = true
		}
	}
	for r, err := range sqlstore.Records(ctx, t.ReadTx, k) {
		if err != nil {
			return nil, err
		}
		look(r)
	}
	for op, err := range sqlstore.Ops(ctx, t.ReadTx, 1, lastNumber) {
		if err != nil {
			return nil, err
		}
		if op.Table == k && op.Before != nil {
			look(op.Before)
		}
	}
	if len(ids) == 0 {
		return nil, neverWas(noun, ref)
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

// everWas returns an error where neither the ledger has what is asked about, a row of from, nor history a change of it: what is
// mistyped must not look like what was never changed.
func (t view) everWas(ctx context.Context, about sqlstore.Wanted, noun, ref, from string, arg any) error {
	if there, err := sqlstore.Exists(ctx, t.ReadTx, from, arg); err != nil || there {
		return err
	}
	for _, err := range sqlstore.Entries(ctx, t.ReadTx, sqlstore.EntryFilter{About: []sqlstore.Wanted{about}, Limit: 1}) {
		return err
	}
	return neverWas(noun, ref)
}

func neverWas(noun, ref string) error {
	return notFoundf("there is no %s %s, and history knows of none", noun, quoteRef(ref))
}

// lastNumber is above the number of every change.
const lastNumber = 1 << 62

// ChangedRow is what a change did to a row: Before is empty of one that it made, After of one that it took away.
type ChangedRow struct {
	Table         string
	ID            string
	Before, After []Field
}

// Field is a column of a row and its value: nil, an int64 or a string.
type Field struct {
	Name  string
	Value any
}

// ShowChange returns a change, and what it did to rows in the end: what it made and took away again is not there. The rows are in
// the order in which tables depend on each other. Error: ErrNotFound.
func (s *Store) ShowChange(ctx context.Context, number int64) (c Change, rows []ChangedRow, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		if c, err = t.change(ctx, number); err != nil {
			return err
		}
		net, err := t.net(ctx, c)
		rows = shown(net)
		return err
	})
	return c, rows, err
}

func (t view) change(ctx context.Context, number int64) (Change, error) {
	c, ok, err := sqlstore.EntryOf(ctx, t.ReadTx, number)
	if err != nil || ok {
		return c, err
	}
	last, ok, err := sqlstore.LastEntry(ctx, t.ReadTx, new(sqlstore.Where))
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, notFoundf("there is no change %d: nothing was ever changed", number).Try(WayHistory)
	case number > last.Number:
		return c, notFoundf("there is no change %d, the latest is %d", number, last.Number).Try(WayHistory)
	}
	return c, notFoundf("history does not go back to change %d", number).Try(WayHistory)
}

// net is what a change did to each row from first to last, by table and in the order in which rows were first touched.
func (t view) net(ctx context.Context, c Change) ([]sqlstore.Op, error) {
	at := map[string]int{}
	var all []sqlstore.Op
	for op, err := range sqlstore.Ops(ctx, t.ReadTx, c.Number, c.Number) {
		if err != nil {
			return nil, err
		}
		id := rowID(op)
		i, again := at[id]
		if !again {
			at[id] = len(all)
			all = append(all, op)
			continue
		}
		all[i].After = op.After
	}
	if len(all) == 0 && !c.Base {
		return nil, corruptf("what change %d did to rows is not in history any more", c.Number)
	}
	all = slices.DeleteFunc(all, func(op sqlstore.Op) bool { return op.Before == nil && op.After == nil })
	order := map[*sqlstore.Kept]int{}
	for i, k := range sqlstore.KeptTables() {
		order[k] = i
	}
	slices.SortStableFunc(all, func(a, b sqlstore.Op) int { return cmp.Compare(order[a.Table], order[b.Table]) })
	return all, nil
}

// rowID is the table and the key of the row that an operation is about.
func rowID(op sqlstore.Op) string {
	return rowName(op.Table, either(op))
}

func rowName(k *sqlstore.Kept, r sqlstore.Record) string { return k.Name + " " + k.KeyOf(r) }

// either is a row of an operation, whose key is the same before and after.
func either(op sqlstore.Op) sqlstore.Record {
	if op.Before != nil {
		return op.Before
	}
	return op.After
}

// shown is what of operations is for readers.
func shown(net []sqlstore.Op) []ChangedRow {
	var rows []ChangedRow
	for _, op := range net {
		if op.Table.Hidden || op.Table.Same(op.Before, op.After) {
			continue
		}
		row := ChangedRow{Table: op.Table.Name, Before: fieldsOf(op.Table, op.Before), After: fieldsOf(op.Table, op.After)}
		row.ID = idOf(op.Table, either(op))
		rows = append(rows, row)
	}
	return rows
}

// idOf is what a row is called: its key, or for one whose key is an address in binary the text beside it.
func idOf(k *sqlstore.Kept, r sqlstore.Record) string {
	named := k.Key
	switch k.Name {
	case "addresses":
		named = []string{"address"}
	case "floating_ranges":
		named = []string{"cidr"}
	}
	words := make([]string, len(named))
	for i, column := range named {
		words[i] = fmt.Sprint(k.At(r, column))
	}
	return strings.Join(words, "/")
}

// fieldsOf is a row for readers: without what is binary, which text stands beside, and without what follows from other rows.
func fieldsOf(k *sqlstore.Kept, r sqlstore.Record) []Field {
	if r == nil {
		return nil
	}
	var fields []Field
	for i, column := range k.Columns {
		binary := slices.Contains([]string{"first", "last", "claim", "first_v6"}, column)
		if !binary && !slices.Contains(k.Derived, column) {
			fields = append(fields, Field{column, r[i]})
		}
	}
	return fields
}

// Pruned is what PruneHistory did.
type Pruned struct {
	// Last is the last change that was forgotten; 0 if there was none to forget.
	Last int64
	// Forgotten is how many changes there were.
	Forgotten int64
}

// PruneHistory forgets the changes that were made before a time; what they made stays. The entry of the last of them stands for
// all of them from then on.
func (s *Store) PruneHistory(ctx context.Context, before time.Time) (p Pruned, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		p = Pruned{}
		where := sqlstore.That("at < ?", sqlstore.FormatTime(before))
		last, ok, err := sqlstore.LastEntry(ctx, t.ReadTx, where)
		if err != nil || !ok || last.Base {
			return err
		}
		n, _, err := sqlstore.Value[int64](ctx, t.ReadTx, "count(*) FROM changes WHERE number <= $1", last.Number)
		if err != nil {
			return err
		}
		p = Pruned{last.Number, n}
		return sqlstore.Prune(ctx, t.door, last)
	})
	return p, err
}

// checkHistory follows history from its beginning to the rows that are there.
func (c *checker) checkHistory(ctx context.Context) error {
	err := sqlstore.Replay(ctx, c.ReadTx, func(problem string) { c.say("history", "%s", problem) })
	if errors.Is(err, ErrCorrupt) {
		c.say("history", "%v", err)
		return nil
	}
	return err
}
