package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file keeps what is free, as the largest possible ranges: of the whole space, the complement of claims, and of each
// prefix that guests take addresses from, what nobody ever took. Taking, giving back and finding the first free slot are
// a handful of index look-ups each, however much is taken.

// freeSpace is one table of free ranges.
type freeSpace = *sqlstore.Table[netcalc.Span]

var (
	// unclaimed is what no claim covers. `largest` is the prefix length of the largest aligned block in a range, by which
	// firstFree finds a slot without walking over what is taken.
	unclaimed = freeSpace(&sqlstore.Table[netcalc.Span]{Name: "free_ranges", Alias: "f", Columns: append(rangeColumns(),
		sqlstore.Derived("largest", func(s *netcalc.Span) any { return s.LargestBlock() }))})
	// unused is what a guest may have and none ever had.
	unused = freeSpace(&sqlstore.Table[netcalc.Span]{Name: "free_addresses", Alias: "f", Columns: rangeColumns()})
)

func rangeColumns() []sqlstore.Column[netcalc.Span] {
	return spanColumns(func(s *netcalc.Span) *netcalc.Span { return s })
}

// The space that claims and free ranges tile; the schema's first rows. IPv6 begins where its unicast space does that
// networks may use: below 2000::/3 the IETF has given nothing to hosts (IANA's IPv6 address space registry).
var (
	wholeIPv4 = netcalc.SpanOf(netip.MustParsePrefix("0.0.0.0/0"))
	wholeIPv6 = netcalc.Span{First: netip.MustParseAddr("2000::"), Last: netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}
)

// freeAround returns the free range that holds a. Ranges do not overlap, so that of all that begin at or before a only the
// nearest can hold it: one step in the index, where a condition on `last` would walk over every range before.
func (t view) freeAround(ctx context.Context, f freeSpace, a netip.Addr) (netcalc.Span, bool, error) {
	s, ok, err := f.One(ctx, t.ReadTx, " WHERE first <= $1 ORDER BY first DESC LIMIT 1", key(a))
	return s, ok && err == nil && s.Contains(a), err
}

// takeFree takes s out of the free space; false, and nothing changed, if not all of it is free.
func (t *tx) takeFree(ctx context.Context, f freeSpace, s netcalc.Span) (bool, error) {
	// Free neighbours are always joined: if all of s is free, it is so in one range.
	around, ok, err := t.freeAround(ctx, f, s.First)
	if err != nil || !ok || !around.Covers(s) {
		return false, err
	}
	// The range is replaced rather than shortened, as its key is where it begins.
	if err := f.Delete(ctx, t.door, &around); err != nil {
		return false, err
	}
	return true, t.insertFree(ctx, f, around.Minus(s)...)
}

// giveFree returns s to the free space and joins it with what is free beside it within the span that s belongs to. That
// bound matters: the last address of one network's block and the first of the next one's are neighbours and must stay two
// ranges, since each belongs to another network.
func (t *tx) giveFree(ctx context.Context, f freeSpace, s, within netcalc.Span) error {
	// Prev and Next of the lowest and the highest address there is are no addresses, which no span contains.
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
			// Handing the same address out twice begins here.
			return corruptf("%s is free already", s)
		}
		if err := f.Delete(ctx, t.door, &free); err != nil {
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

func (t *tx) insertFree(ctx context.Context, f freeSpace, spans ...netcalc.Span) error {
	return f.Insert(ctx, t.door, len(spans), func(i int) *netcalc.Span { return &spans[i] })
}

// firstFree returns the part of within that is unclaimed from the first free slot of prefix length bits on, up to the next
// claim; false if no such slot is left.
func (t view) firstFree(ctx context.Context, within netcalc.Span, bits int) (netcalc.Span, bool, error) {
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
	// Of every later one, `largest` tells whether a slot fits. For each value that occurs (129 at most, found by jumping
	// from one to the next in the index) the index gives the lowest range; the lowest of these is the answer. Only the
	// range that within ends in may be cut again, and that is the last one of all, so that nothing lower is missed where
	// it fails. To walk over the ranges in address order instead would take as long as there are ranges too small before
	// the first that fits, which in a full ledger is nearly all of them.
	s, ok, err := unclaimed.One(ctx, t.ReadTx, ` WHERE f.first = (
			WITH RECURSIVE sizes (largest) AS (
				SELECT (SELECT largest FROM free_ranges ORDER BY largest LIMIT 1)
				UNION ALL
				SELECT (SELECT r.largest FROM free_ranges r WHERE r.largest > sizes.largest ORDER BY r.largest LIMIT 1)
				FROM sizes WHERE sizes.largest IS NOT NULL
			), lowest (first) AS (
				SELECT (SELECT r.first FROM free_ranges r
					WHERE r.largest = sizes.largest AND r.first > $1 AND r.first <= $2 ORDER BY r.first LIMIT 1)
				FROM sizes WHERE sizes.largest <= $3
			)
			SELECT first FROM lowest WHERE first IS NOT NULL ORDER BY first LIMIT 1)`,
		key(within.First), key(within.Last), bits)
	if err != nil || !ok {
		return netcalc.Span{}, false, err
	}
	s, ok = freeFrom(s, within, bits)
	return s, ok, nil
}

// freeFrom returns what of free lies in within, from its first slot of prefix length bits on. A slot is aligned to its own
// size, or its prefix would have host bits: 10.0.0.32 to 10.0.0.159 is 128 addresses, and no /25.
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
