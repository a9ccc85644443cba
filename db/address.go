package db

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file hands out the addresses of a pool, which is the IPv4 block of a network or a floating range. What nobody ever
// had is in free_addresses; what somebody has or had is in addresses. Both are looked up by index only: Nova wrote a row
// for every address when it made a network, 13 minutes of them by default, and asked for the first that was not allocated.
//
// An address that was released comes last, the one released longest ago first. Neighbours, name servers and logs know an
// address for a while by the machine that had it, and a guest that was shut down without telling anybody may come back.

// pool is what addresses are taken from.
type pool struct {
	claim  netcalc.Span   // all of the prefix
	usable []netcalc.Span // what may be handed out, in order
	name   string         // how messages name it
	// gateway is a network's. It may stand on an address that was released: the row of that is then nobody's to have, and
	// stays, so that the address is not taken for one that nobody ever had when the gateway moves away.
	gateway netip.Addr
}

// released is the condition on the rows of what was released and may be handed out again.
func (p pool) released() *sqlstore.Where {
	where := sqlstore.That("claim = ? AND state = 'released'", key(p.claim.First))
	if p.gateway.IsValid() {
		where.And("first <> ?", key(p.gateway))
	}
	return where
}

// What an address row is. Held: an instance has it. Reserved: nobody is to. Released: somebody had it, and it is to be had
// again, after those that nobody ever had.
const (
	stateHeld     = "held"
	stateReserved = "reserved"
	stateReleased = "released"
)

// stateFree is the state of an address that has no row.
const stateFree = "free"

// addressRow is a row of addresses. Only a reservation is longer than one address: a /64 is reserved as one row.
type addressRow struct {
	netcalc.Span
	claim    netip.Addr
	state    string
	instance int64 // 0 for none
	released int64 // number of the last release, 0 for none
}

var addressTable = &sqlstore.Table[addressRow]{
	Name: "addresses", Alias: "a",
	Columns: append(spanColumns(func(r *addressRow) *netcalc.Span { return &r.Span }),
		sqlstore.Derived("address", func(r *addressRow) any { return storedSpan(r.Span) }),
		sqlstore.Col("claim", func(r *addressRow) *netip.Addr { return &r.claim }, keyed),
		sqlstore.Col("state", func(r *addressRow) *string { return &r.state }, text),
		sqlstore.Col("instance_id", func(r *addressRow) *int64 { return &r.instance }, optNumber),
		sqlstore.Col("released", func(r *addressRow) *int64 { return &r.released }, optNumber),
	),
}

// storedSpan is how the text beside the bytes spells a span: the address where it is a single one, the CIDR where it is one,
// else FIRST-LAST. Ledgers hold it.
func storedSpan(s netcalc.Span) string {
	if p, ok := s.Prefix(); ok && !p.IsSingleIP() {
		return p.String()
	}
	return s.String()
}

// addressAt returns the row that holds a, if there is one. Rows do not overlap (the schema refuses that), so that of all that
// begin at or before a only the nearest can.
func (t view) addressAt(ctx context.Context, a netip.Addr) (addressRow, bool, error) {
	r, ok, err := addressTable.One(ctx, t.ReadTx, " WHERE first <= $1 ORDER BY first DESC LIMIT 1", key(a))
	return r, ok && err == nil && r.Contains(a), err
}

// addressesIn returns the rows that overlap s, in order. State "" is all of them.
func (t view) addressesIn(ctx context.Context, s netcalc.Span, state string) ([]addressRow, error) {
	// The first one may have begun before s; a condition on where rows end would walk over all of them.
	var rows []addressRow
	if r, ok, err := t.addressAt(ctx, s.First); err != nil {
		return nil, err
	} else if ok && (state == "" || r.state == state) {
		rows = append(rows, r)
	}
	where := sqlstore.That("first > ? AND first <= ?", key(s.First), key(s.Last)).If("state", state)
	more, err := addressTable.All(ctx, t.ReadTx, where.String()+" ORDER BY first", where.Args()...)
	return append(rows, more...), err
}

// openPool records the pool's addresses as free; the caller remembers that it did.
func (t *tx) openPool(ctx context.Context, p pool) error {
	return t.insertFree(ctx, unused, p.usable...)
}

// usableOf is what of s may be handed out: all but the addresses without, which are few.
func usableOf(s netcalc.Span, without ...netip.Addr) []netcalc.Span {
	usable := []netcalc.Span{s}
	for _, a := range without {
		var rest []netcalc.Span
		for _, u := range usable {
			if u.Contains(a) {
				rest = append(rest, u.Minus(netcalc.Span{First: a, Last: a})...)
			} else {
				rest = append(rest, u)
			}
		}
		usable = rest
	}
	return usable
}

// takeNext takes n addresses from a pool that is open: first those that nobody ever had, in order, then the one released
// longest ago. It returns fewer if there are no more. The rows are new, and hold no instance yet; reused says which
// of them are in addresses already.
func (t *tx) takeNext(ctx context.Context, p pool, n int) (taken []netip.Addr, reused int, err error) {
	for len(taken) < n {
		free, ok, err := unused.One(ctx, t.ReadTx, " WHERE first BETWEEN $1 AND $2 ORDER BY first LIMIT 1",
			key(p.claim.First), key(p.claim.Last))
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			break
		}
		// A run is taken at once: ten thousand instances are one range and not ten thousand look-ups. Of a floating IPv6
		// range Count is as large as it can be said, which is more than anybody wants.
		if want := uint64(n - len(taken)); free.Count() > want {
			free.Last, _ = netcalc.Add(free.First, want-1)
		}
		if ok, err := t.takeFree(ctx, unused, free); err != nil {
			return nil, 0, err
		} else if !ok {
			return nil, 0, corruptf("%s is neither free nor in use", free)
		}
		// The end is told by equality: after 255.255.255.255 comes no address that a comparison could stop at.
		for a := free.First; ; a = a.Next() {
			taken = append(taken, a)
			if a == free.Last {
				break
			}
		}
	}
	if len(taken) == n {
		return taken, 0, nil
	}
	where := p.released()
	args := append(where.Args(), n-len(taken))
	released, err := addressTable.All(ctx, t.ReadTx, fmt.Sprintf("%s ORDER BY released LIMIT $%d", where, len(args)), args...)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range released {
		taken = append(taken, r.First)
	}
	return taken, len(released), nil
}

// hasFree tells whether anything is left in a pool that is open. It asks for one row and does not count: what is left of a
// /8 has no bearing on how long it takes.
func (t view) hasFree(ctx context.Context, p pool) (bool, error) {
	yes, err := sqlstore.Exists(ctx, t.ReadTx, "FROM free_addresses WHERE first BETWEEN $1 AND $2", key(p.claim.First), key(p.claim.Last))
	if err != nil || yes {
		return yes, err
	}
	where := p.released()
	return sqlstore.Exists(ctx, t.ReadTx, "FROM addresses"+where.String(), where.Args()...)
}

// takeThis takes one address, as takeNext does. A conflict says who has it; what is not for guests is the caller's to say.
func (t *tx) takeThis(ctx context.Context, p pool, a netip.Addr) (reused bool, err error) {
	r, ok, err := t.addressAt(ctx, a)
	switch {
	case err != nil:
		return false, err
	case ok && r.state == stateReleased:
		return true, nil // who asks for an address by name does not queue for it
	case ok:
		return false, t.inUse(ctx, a, r)
	}
	free, err := t.takeFree(ctx, unused, netcalc.Span{First: a, Last: a})
	if err == nil && !free {
		err = conflictf(ErrReserved, "%s is not for guests of %s", a, p.name)
	}
	return false, err
}

// inUse is the conflict for an address that a row has.
func (t view) inUse(ctx context.Context, a netip.Addr, r addressRow) error {
	if r.state == stateReserved {
		return conflictf(ErrReserved, "%s is reserved", a).Try(WayUnreserve, a)
	}
	i, err := t.instanceByID(ctx, r.instance)
	if err != nil {
		return err
	}
	return conflictf(ErrInUse, "%s is held by instance %s", a, i.Name)
}

// hold records that an instance has an address. reused tells that the address has a row from an earlier time.
func (t *tx) hold(ctx context.Context, a, claim netip.Addr, instance int64, reused bool) error {
	if reused {
		return t.setState(ctx, a, stateHeld, sqlstore.Named{Column: "instance_id", Value: instance})
	}
	row := addressRow{Span: netcalc.Span{First: a, Last: a}, claim: claim, state: stateHeld, instance: instance}
	return addressTable.Insert(ctx, t.door, 1, func(int) *addressRow { return &row })
}

// setState gives the address that has a row another state, and what goes with it.
func (t *tx) setState(ctx context.Context, a netip.Addr, state string, more ...sqlstore.Named) error {
	return t.door.Update(ctx, addressTable.Name, firstIs(a), append(more, sqlstore.Named{Column: "state", Value: state})...)
}

// forget deletes the row of an address.
func (t *tx) forget(ctx context.Context, a netip.Addr) error {
	return t.door.Delete(ctx, addressTable.Name, firstIs(a))
}

func firstIs(a netip.Addr) sqlstore.Named { return sqlstore.Named{Column: "first", Value: key(a)} }

// release takes an address from its instance. An IPv4 or floating address remembers when; an IPv6 one of a network need
// not, since nobody is ever handed the next one.
func (t *tx) release(ctx context.Context, r addressRow, remember bool) error {
	if !remember {
		return t.forget(ctx, r.First)
	}
	n, err := t.nextNumbers(ctx, "release", 1)
	if err != nil {
		return err
	}
	return t.setState(ctx, r.First, stateReleased, sqlstore.Named{Column: "instance_id"}, sqlstore.Named{Column: "released", Value: n})
}

// reserve reserves what of s is usable and not reserved yet, s being within one claim. A held address is a conflict. It
// returns how many rows it wrote or changed. gaps says whether addresses come from free_addresses, as IPv4 ones do.
func (t *tx) reserve(ctx context.Context, claim netcalc.Span, usable []netcalc.Span, s netcalc.Span, gaps bool) (changed int, err error) {
	rows, err := t.addressesIn(ctx, s, "")
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(rows, func(r addressRow) bool { return r.state == stateHeld }); i >= 0 {
		return 0, t.inUse(ctx, rows[i].First, rows[i])
	}
	// What was released keeps its row and the number in it, by which it finds its place again when it is unreserved.
	for _, r := range rows {
		if r.state == stateReleased && slices.ContainsFunc(usable, r.Overlaps) {
			if err := t.setState(ctx, r.First, stateReserved); err != nil {
				return 0, err
			}
			changed++
		}
	}
	var free []netcalc.Span
	for _, u := range usable {
		if part, ok := u.Intersect(s); ok {
			free = append(free, gapsBetween(part, rows)...)
		}
	}
	for _, f := range free {
		if gaps {
			if ok, err := t.takeFree(ctx, unused, f); err != nil {
				return 0, err
			} else if !ok {
				return 0, corruptf("%s is neither free nor in use", f)
			}
		}
	}
	changed += len(free)
	return changed, t.insertReserved(ctx, claim.First, free)
}

// gapsBetween is what of s no row has; rows are in order.
func gapsBetween(s netcalc.Span, rows []addressRow) (gaps []netcalc.Span) {
	for _, r := range rows {
		switch {
		case r.Last.Less(s.First):
			continue
		case s.Last.Less(r.First):
			return append(gaps, s)
		case s.First.Less(r.First):
			gaps = append(gaps, netcalc.Span{First: s.First, Last: r.First.Prev()})
		}
		if s.Last.Compare(r.Last) <= 0 {
			return gaps
		}
		s.First = r.Last.Next()
	}
	return append(gaps, s)
}

// unreserve lifts the reservation of what of s is reserved, and returns how many rows it changed.
func (t *tx) unreserve(ctx context.Context, claim netcalc.Span, s netcalc.Span, gaps bool) (changed int, err error) {
	rows, err := t.addressesIn(ctx, s, stateReserved)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if r.released != 0 {
			// It was handed out before it was reserved, and takes its old place in the queue.
			if err := t.setState(ctx, r.First, stateReleased); err != nil {
				return 0, err
			}
			continue
		}
		if err := t.forget(ctx, r.First); err != nil {
			return 0, err
		}
		// Of a row that reaches beyond s on either side, what lies outside stays reserved.
		if err := t.insertReserved(ctx, r.claim, r.Minus(s)); err != nil {
			return 0, err
		}
		if freed, ok := r.Span.Intersect(s); ok && gaps {
			if err := t.giveFree(ctx, unused, freed, claim); err != nil {
				return 0, err
			}
		}
	}
	return len(rows), nil
}

func (t *tx) insertReserved(ctx context.Context, claim netip.Addr, spans []netcalc.Span) error {
	return addressTable.Insert(ctx, t.door, len(spans), func(i int) *addressRow {
		return &addressRow{Span: spans[i], claim: claim, state: stateReserved}
	})
}
