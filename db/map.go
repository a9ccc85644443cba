package db

import (
	"context"
	"fmt"
	"iter"
	"net/netip"

	"nova-manage/netcalc"
)

// MapPart is a part of a range that is not free: a network, a floating range, or addresses in them that are held or reserved.
type MapPart struct {
	netcalc.Span
	State    string // in_use, held or reserved
	Floating bool   // of a floating range
	Name     string // of what is in use
}

// MapParts yields what a picture of a range shows: what is claimed in it, then which addresses are held or reserved, both in order and
// with a page of rows in memory at most.
func (s *Store) MapParts(ctx context.Context, p netip.Prefix) iter.Seq2[MapPart, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(MapPart) error) error {
		r := ownKeys(netcalc.SpanOf(p))
		claims, err := t.claimedOver(ctx, r)
		if err != nil {
			return err
		}
		for c, err := range claims.all(ctx) {
			if err != nil {
				return err
			}
			if err := t.completeClaim(ctx, &c); err != nil {
				return err
			}
			if err := emit(MapPart{Span: c.Span, State: stateInUse, Floating: c.kind == claimFloating, Name: c.title()}); err != nil {
				return err
			}
		}
		around, ok, err := t.addressAt(ctx, r.First)
		if err != nil {
			return err
		}
		if ok {
			r.First = around.First
		}
		for a, err := range addressTable.Rows(ctx, t.ReadTx, " WHERE first >= $1 AND first <= $2 AND state <> 'released' ORDER BY first",
			key(r.First), key(r.Last)) {
			if err != nil {
				return err
			}
			if err := emit(MapPart{Span: a.Span, State: a.state}); err != nil {
				return err
			}
		}
		return nil
	})
}

// title names a claim for a picture: what people call it, where it has such a name.
func (c *claimed) title() string {
	switch {
	case c.kind == claimFloating:
		return fmt.Sprintf("%s %s", c.prefix, c.pool)
	case c.owner.Label != "":
		return fmt.Sprintf("%s %s", c.prefix, c.owner.Label)
	case c.owner.ProjectID != "":
		return fmt.Sprintf("%s %s", c.prefix, c.owner.ProjectID)
	}
	return c.prefix
}
