package db

import (
	"context"
	"iter"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// FloatingAddress is an address of a floating range, or a run of them that nobody has.
type FloatingAddress struct {
	netcalc.Span
	Range FloatingRange
	// State is held, released, free, or what Role says. Where only what is held is told apart, what was released is
	// free too.
	State     string
	ProjectID string
	Instance  string
	FixedIP   netip.Addr // the instance's address of the same family, which the floating one stands for
}

// FloatingFilter chooses floating addresses; an empty field lets all pass, one that names nothing in the ledger is
// ErrNotFound.
type FloatingFilter struct {
	Host string
	Pool string
	// All yields every IPv4 address by itself, and tells released ones from those that nobody ever had; otherwise what
	// nobody has is one run between two held addresses. Of IPv6 the latter holds in any case.
	All    bool
	Wanted Wanted // as FloatingIndexed takes it
}

// FloatingAddresses yields the addresses of all floating ranges in address order, one in memory at a time.
func (s *Store) FloatingAddresses(ctx context.Context, f FloatingFilter) iter.Seq2[FloatingAddress, error] {
	where := new(sqlstore.Where).If("r.host", f.Host).If("r.pool", f.Pool)
	FloatingIndexed.and(where, f.Wanted)
	without := ""
	if !f.All {
		without = " AND a.state <> 'released'"
	}
	// One statement, since no other one can run while its rows are read; a range without addresses is one row of it.
	rows := stream(ctx, s, func(ctx context.Context, t view) iter.Seq2[FloatingAddress, error] {
		if err := (known{host: f.Host, pool: f.Pool}).check(ctx, t); err != nil {
			return failed[FloatingAddress](err)
		}
		return sqlstore.Rows(ctx, t.ReadTx, scanFloatingAddress(), selectFloatingAddresses+without+`
			LEFT JOIN instances i ON i.id = a.instance_id`+where.String()+` ORDER BY r.first, a.first`, where.Args()...)
	})
	return func(yield func(FloatingAddress, error) bool) {
		w := floatingWalk{all: f.All, yield: func(a FloatingAddress) bool { return yield(a, nil) }}
		for row, err := range rows {
			if err != nil {
				yield(FloatingAddress{}, err)
				return
			}
			if !w.step(row) {
				return
			}
		}
		w.finish()
	}
}

// selectFloatingAddresses is floating ranges with the addresses of each; a condition on these may follow, then the instances
// i that hold them.
var selectFloatingAddresses = floatingTable.List() + `, a.first, a.last, a.state, i.project_id, i.name, i.fixed_ip, i.fixed_ip_v6
	FROM floating_ranges r LEFT JOIN addresses a ON a.first >= r.first AND a.first <= r.last`

// scanFloatingAddress reads a range and an address of it; the span is zero for a range that has none.
func scanFloatingAddress() func(sqlstore.Row) (FloatingAddress, error) {
	scan, optKey := floatingTable.Scanner(), optional(keyed)
	return func(row sqlstore.Row) (a FloatingAddress, err error) {
		var fixed, fixed6 netip.Addr
		err = scan(row, &a.Range, optKey.Into(&a.First), optKey.Into(&a.Last), optText.Into(&a.State), optText.Into(&a.ProjectID),
			optText.Into(&a.Instance), optAddr.Into(&fixed), optAddr.Into(&fixed6))
		if a.FixedIP = fixed; a.First.Is6() {
			a.FixedIP = fixed6
		}
		return a, err
	}
}

// heldFloating returns a floating address that an instance holds, as it is listed.
func (t view) heldFloating(ctx context.Context, a netip.Addr) (FloatingAddress, error) {
	got, ok, err := sqlstore.One(ctx, t.ReadTx, scanFloatingAddress(),
		selectFloatingAddresses+" JOIN instances i ON i.id = a.instance_id WHERE a.first = $1", key(a))
	if err == nil && !ok {
		err = corruptf("%s is not associated with an instance, though it was just now", a)
	}
	return got, err
}

// floatingWalk fills the gaps between the addresses that have rows.
type floatingWalk struct {
	all   bool
	yield func(FloatingAddress) bool

	in FloatingRange
	// rest is what of the range is still to be told; the zero span if nothing is.
	rest netcalc.Span
}

// step tells what lies before row, and row itself; false ends the walk.
func (w *floatingWalk) step(row FloatingAddress) bool {
	if row.Range.CIDR != w.in.CIDR {
		if !w.finish() {
			return false
		}
		w.in, w.rest = row.Range, netcalc.SpanOf(row.Range.CIDR)
	}
	if !row.First.IsValid() {
		return true
	}
	if w.rest.First.Less(row.First) && !w.gap(netcalc.Span{First: w.rest.First, Last: row.First.Prev()}) {
		return false
	}
	if w.rest.First = row.Last.Next(); row.Last == w.rest.Last {
		w.rest = netcalc.Span{}
	}
	return w.yield(row)
}

// finish tells what is left of a range.
func (w *floatingWalk) finish() bool {
	return !w.rest.First.IsValid() || w.gap(w.rest)
}

// gap tells of addresses without rows.
func (w *floatingWalk) gap(s netcalc.Span) bool {
	if !w.all || s.First.Is6() {
		s, ok := s.Intersect(w.in.usable())
		return !ok || w.yield(FloatingAddress{Span: s, Range: w.in, State: stateFree})
	}
	for a := s.First; ; a = a.Next() {
		state := w.in.Role(a)
		if state == "" {
			state = stateFree
		}
		if !w.yield(FloatingAddress{Span: netcalc.Span{First: a, Last: a}, Range: w.in, State: state}) {
			return false
		}
		if a == s.Last {
			return true
		}
	}
}
