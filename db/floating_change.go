package db

import (
	"context"
	"net/netip"

	"nova-manage/netcalc"
)

// FloatingChange says what UpdateFloatingRange changes. A nil field stays as it is.
type FloatingChange struct {
	Pool, Host *string
	Interface  *string // "" leaves it to the node
}

// UpdateFloatingRange changes the range that is p and returns it. Instances keep the addresses that they have of it. Errors: ErrInvalid
// for a pool or a host that has no name; ErrNotFound; ErrConflict where p is a part of a range.
func (s *Store) UpdateFloatingRange(ctx context.Context, p netip.Prefix, change FloatingChange) (r FloatingRange, err error) {
	if change.Pool != nil && *change.Pool == "" || change.Host != nil && *change.Host == "" {
		return r, invalidf("a floating range has a pool and a host")
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		c, ok, err := t.claimAround(ctx, p.Addr())
		switch span := netcalc.SpanOf(p); {
		case err != nil:
			return err
		case ok && c.kind == claimFloating && c.Span == span:
		case ok && c.kind == claimFloating && c.Covers(span):
			return conflictf(ErrUnfit, "%s is a part of floating range %s", p, c.prefix).Try(WayNameWholeRange, c.prefix)
		default:
			return notFoundf("there is no floating range %s", p).Try(WayListFloating)
		}
		before, err := t.floatingRangeAt(ctx, c.First)
		if err != nil {
			return err
		}
		after := before
		set(&after.Pool, change.Pool)
		set(&after.Host, change.Host)
		set(&after.Interface, change.Interface)
		if _, err := floatingTable.Update(ctx, t.door, &before, &after); err != nil {
			return err
		}
		r, err = t.floatingRangeAt(ctx, c.First)
		return err
	})
	return r, err
}
