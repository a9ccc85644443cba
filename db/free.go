package db

import (
	"context"
	"database/sql"
	"net/netip"

	"nova-manage/netcalc"
)

// This file keeps what is free, as the largest possible ranges: of the whole space, the complement of claims, and of each
// prefix that guests take addresses from, what nobody ever took. Taking, giving back and finding the first free slot are
// a handful of index look-ups each, however much is taken.

// freeSpace is one table of free ranges.
type freeSpace struct {
	table string
	sized bool // it records the largest aligned block of each range
}

var (
	unclaimed = freeSpace{"free_ranges", true}     // what no claim covers
	unused    = freeSpace{"free_addresses", false} // what a guest may have and none ever had
)

// freeAround returns the free range that holds a.
func (t *tx) freeAround(ctx context.Context, f freeSpace, a netip.Addr) (netcalc.Span, bool, error) {
	s, ok, err := one(ctx, t, scanSpan, "SELECT first, last FROM "+f.table+" WHERE first <= $1 ORDER BY first DESC LIMIT 1", key(a))
	return s, ok && err == nil && s.Contains(a), err
}

// takeFree takes s out of the free space; false, and nothing changed, if not all of it is free.
func (t *tx) takeFree(ctx context.Context, f freeSpace, s netcalc.Span) (bool, error) {
	around, ok, err := t.freeAround(ctx, f, s.First)
	if err != nil || !ok || !around.Covers(s) {
		return false, err
	}
	if err := t.deleteFree(ctx, f, around); err != nil {
		return false, err
	}
	return true, t.insertFree(ctx, f, around.Minus(s)...)
}

// giveFree returns s to the free space and joins it with what is free beside it within the span that s belongs to.
func (t *tx) giveFree(ctx context.Context, f freeSpace, s, within netcalc.Span) error {
	for _, beside := range []netip.Addr{s.First.Prev(), s.Last.Next()} {
		if !within.Contains(beside) {
			continue
		}
		free, ok, err := t.freeAround(ctx, f, beside)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if free.Overlaps(s) {
			return corruptf("%s is free already", s)
		}
		if err := t.deleteFree(ctx, f, free); err != nil {
			return err
		}
		if free.First.Less(s.First) {
			s.First = free.First
		} else {
			s.Last = free.Last
		}
	}
	return t.insertFree(ctx, f, s)
}

func (t *tx) deleteFree(ctx context.Context, f freeSpace, s netcalc.Span) error {
	_, err := t.ExecContext(ctx, "DELETE FROM "+f.table+" WHERE first = $1", key(s.First))
	return err
}

func (t *tx) insertFree(ctx context.Context, f freeSpace, spans ...netcalc.Span) error {
	for _, s := range spans {
		insert, values := "(first, last) VALUES ($1, $2)", []any{key(s.First), key(s.Last)}
		if f.sized {
			insert, values = "(first, last, largest) VALUES ($1, $2, $3)", append(values, s.LargestBlock())
		}
		if _, err := t.ExecContext(ctx, "INSERT INTO "+f.table+" "+insert, values...); err != nil {
			return err
		}
	}
	return nil
}

// firstFree returns the part of within that is unclaimed from the first free slot of prefix length bits on, up to the next
// claim; false if no such slot is left.
func (t *tx) firstFree(ctx context.Context, within netcalc.Span, bits int) (netcalc.Span, bool, error) {
	// The range that within begins in is cut by it, so its `largest` says too much.
	around, ok, err := t.freeAround(ctx, unclaimed, within.First)
	if err != nil {
		return netcalc.Span{}, false, err
	}
	if ok {
		if s, ok := freeFrom(around, within, bits); ok {
			return s, true, nil
		}
	}
	// Of every later one, `largest` tells whether a slot fits. For each value that occurs the index gives the lowest
	// range; the lowest of these is the answer. Only the range that within ends in may be cut again, and that is the
	// last one of all, so that nothing lower is missed where it fails.
	s, ok, err := one(ctx, t, scanSpan, `
		WITH RECURSIVE sizes (largest) AS (
			SELECT (SELECT largest FROM free_ranges ORDER BY largest LIMIT 1)
			UNION ALL
			SELECT (SELECT f.largest FROM free_ranges f WHERE f.largest > sizes.largest ORDER BY f.largest LIMIT 1)
			FROM sizes WHERE sizes.largest IS NOT NULL
		), lowest (first) AS (
			SELECT (SELECT f.first FROM free_ranges f
				WHERE f.largest = sizes.largest AND f.first > $1 AND f.first <= $2 ORDER BY f.first LIMIT 1)
			FROM sizes WHERE sizes.largest <= $3
		)
		SELECT f.first, f.last FROM free_ranges f JOIN lowest ON f.first = lowest.first ORDER BY f.first LIMIT 1`,
		key(within.First), key(within.Last), bits)
	if err != nil || !ok {
		return netcalc.Span{}, false, err
	}
	s, ok = freeFrom(s, within, bits)
	return s, ok, nil
}

// freeFrom returns what of free lies in within, from its first slot of prefix length bits on.
func freeFrom(free, within netcalc.Span, bits int) (netcalc.Span, bool) {
	if free.First.Less(within.First) {
		free.First = within.First
	}
	if within.Last.Less(free.Last) {
		free.Last = within.Last
	}
	slot, ok := free.FirstFit(bits)
	free.First = slot.Addr()
	return free, ok
}

// claim is a prefix in use.
type claim struct {
	netcalc.Span
	prefix string
	kind   string
}

// What a claim is for.
const (
	claimNetwork  = "network"  // the IPv4 block of a network
	claimBridge   = "bridge"   // the IPv6 prefix of a bridge
	claimFloating = "floating" // a range of public addresses
)

func scanClaim(rows *sql.Rows) (c claim, err error) {
	var first, last []byte
	if err := rows.Scan(&first, &last, &c.prefix, &c.kind); err != nil {
		return c, err
	}
	c.Span, err = span(first, last)
	return c, err
}

const selectClaims = "SELECT first, last, prefix, kind FROM claims"

// claimAround returns the claim that holds a.
func (t *tx) claimAround(ctx context.Context, a netip.Addr) (claim, bool, error) {
	c, ok, err := one(ctx, t, scanClaim, selectClaims+" WHERE first <= $1 ORDER BY first DESC LIMIT 1", key(a))
	return c, ok && err == nil && c.Contains(a), err
}

// claimOver returns the lowest claim that overlaps s.
func (t *tx) claimOver(ctx context.Context, s netcalc.Span) (claim, bool, error) {
	c, ok, err := t.claimAround(ctx, s.First)
	if ok || err != nil {
		return c, ok, err
	}
	return one(ctx, t, scanClaim, selectClaims+" WHERE first > $1 AND first <= $2 ORDER BY first LIMIT 1", key(s.First), key(s.Last))
}

// claimPrefixes takes prefixes, which are in address order, out of the free space and records them. All of them must be
// free: that was looked at before, and a false from takeFree means that the two tables disagree.
func (t *tx) claimPrefixes(ctx context.Context, kind string, prefixes []netip.Prefix) error {
	for _, run := range runs(prefixes) {
		ok, err := t.takeFree(ctx, unclaimed, run)
		if err != nil {
			return err
		}
		if !ok {
			return corruptf("%s is neither free nor in use", run)
		}
	}
	return t.insert(ctx, "claims", []string{"first", "last", "prefix", "kind"}, len(prefixes), func(i int, v []any) {
		s := netcalc.SpanOf(prefixes[i])
		v[0], v[1], v[2], v[3] = key(s.First), key(s.Last), prefixes[i].String(), kind
	})
}

// runs joins adjacent prefixes of a list in address order.
func runs(prefixes []netip.Prefix) (joined []netcalc.Span) {
	for _, p := range prefixes {
		s := netcalc.SpanOf(p)
		if n := len(joined); n > 0 && joined[n-1].Last.Next() == s.First {
			joined[n-1].Last = s.Last
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// releaseClaim gives a claim's prefix back, and forgets what was recorded of the addresses in it.
func (t *tx) releaseClaim(ctx context.Context, p netip.Prefix) error {
	s := netcalc.SpanOf(p)
	for _, statement := range []string{
		"DELETE FROM addresses WHERE first BETWEEN $1 AND $2",
		"DELETE FROM free_addresses WHERE first BETWEEN $1 AND $2",
		"DELETE FROM claims WHERE first BETWEEN $1 AND $2",
	} {
		if _, err := t.ExecContext(ctx, statement, key(s.First), key(s.Last)); err != nil {
			return err
		}
	}
	whole := wholeIPv6
	if s.First.Is4() {
		whole = wholeIPv4
	}
	return t.giveFree(ctx, unclaimed, s, whole)
}
