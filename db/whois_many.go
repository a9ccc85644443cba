package db

import (
	"context"
	"iter"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// stateInUse is the state of what is claimed as a whole.
const stateInUse = "in_use"

// WhoisRange says what of a range is in use: the networks and floating ranges in it, and between them what is free. Where all of the
// range is in one of them, what of it is held, released, reserved or kept by the network follows. Nothing of it is held in
// memory but a page of rows. Error: ErrNotFound where nothing of the range is in use.
func (s *Store) WhoisRange(ctx context.Context, r netcalc.Span) iter.Seq2[Identity, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(Identity) error) error {
		if _, used, err := t.claimOver(ctx, r); err != nil || !used {
			if err == nil {
				err = notFoundf("nothing of %s is in a network or a floating range", storedSpan(r))
			}
			return err
		}
		claims, err := t.claimedOver(ctx, r)
		if err != nil {
			return err
		}
		unclaimed := func(first, last netip.Addr) error {
			return emit(Identity{Span: netcalc.Span{First: first, Last: last}, Kind: kindUnclaimed, State: stateFree})
		}
		next := r.First // what has not been told yet begins here
		for {
			c, ok, err := claims.next(ctx)
			if err != nil {
				return err
			}
			if !ok {
				return unclaimed(next, r.Last)
			}
			if err := t.completeClaim(ctx, &c); err != nil {
				return err
			}
			if next.Less(c.First) {
				if err := unclaimed(next, c.First.Prev()); err != nil {
					return err
				}
			}
			if err := emit(c.whole()); err != nil {
				return err
			}
			if c.Covers(r) {
				return t.whoisWithin(ctx, &c, r, emit)
			}
			if r.Last.Compare(c.Last) <= 0 {
				return nil
			}
			next = c.Last.Next()
		}
	})
}

// whole is a claim as one thing.
func (c *claimed) whole() Identity {
	id := c.identity(netcalc.Span{}, stateInUse)
	switch {
	case c.kind == claimFloating:
		id.Kind = kindFloatingRange
	case c.owner.ID == 0:
		id.Kind = kindBridge
	default:
		id.Kind = kindNetwork
	}
	return id
}

// whoisWithin says what of r, which lies in a claim, is not free.
func (t view) whoisWithin(ctx context.Context, c *claimed, r netcalc.Span, emit func(Identity) error) error {
	usable, err := t.usable(ctx, c)
	if err != nil {
		return err
	}
	kept := c.kept(usable)
	// keptBefore tells of what the network keeps below an address; all of it where there is no such address.
	keptBefore := func(a netip.Addr) error {
		for len(kept) > 0 && (!a.IsValid() || kept[0].Span.First.Less(a)) {
			id := kept[0]
			kept = kept[1:]
			if s, ok := id.Span.Intersect(r); ok {
				id.Span = s
				if err := emit(id); err != nil {
					return err
				}
			}
		}
		return nil
	}
	rows := &pager[addressRow]{view: t, page: addressTable.All, keys: r, after: func(a addressRow) netip.Addr { return a.Last.Next() },
		rest: " WHERE first >= $1 AND first <= $2 ORDER BY first LIMIT $3"}
	// The first one may have begun before r.
	row, ok, err := t.addressAt(ctx, r.First)
	if err == nil && (!ok || row.First == r.First) {
		row, ok, err = rows.next(ctx)
	}
	for ; ok && err == nil; row, ok, err = rows.next(ctx) {
		if err := keptBefore(row.First); err != nil {
			return err
		}
		if len(usableIn(usable, row.Span)) == 0 {
			continue // a gateway stands on an address that was released
		}
		id := c.identity(row.Span, row.state)
		id.Span, _ = row.Span.Intersect(r)
		if row.instance != 0 {
			i, err := t.instanceByID(ctx, row.instance)
			if err != nil {
				return err
			}
			n := c.owner
			if n.ID == 0 && c.kind == claimBridge {
				if n, err = t.networkBy(ctx, "id", i.NetworkID); err != nil {
					return err
				}
			}
			if id.of(n, i); c.kind == claimFloating {
				id.Host = c.host
			}
		}
		if err := emit(id); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return keptBefore(netip.Addr{})
}

// usableIn is what of s is usable.
func usableIn(usable []netcalc.Span, s netcalc.Span) (parts []netcalc.Span) {
	for _, u := range usable {
		if part, ok := u.Intersect(s); ok {
			parts = append(parts, part)
		}
	}
	return parts
}

// WhoisProject says what a project has: its networks, then its instances. Error: ErrNotFound for a project that is not there.
func (s *Store) WhoisProject(ctx context.Context, project string) iter.Seq2[Identity, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(Identity) error) error {
		if _, err := t.project(ctx, project); err != nil {
			return err
		}
		for n, err := range networkTable.Rows(ctx, t.ReadTx, " WHERE project_id = $1 ORDER BY first", project) {
			if err != nil {
				return err
			}
			id := Identity{Kind: kindNetwork, State: stateInUse, Bridge: n.Bridge, VLAN: n.VLAN}
			id.of(n, Instance{})
			for _, id.CIDR = range []netip.Prefix{n.CIDR, n.CIDRv6} {
				if !id.CIDR.IsValid() {
					continue
				}
				if err := emit(id); err != nil {
					return err
				}
			}
		}
		for row, err := range sqlstore.Rows(ctx, t.ReadTx, scanHeldBy(), selectHeldBy+" WHERE i.project_id = $1 ORDER BY i.first", project) {
			if err != nil {
				return err
			}
			if err := emit(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// selectHeldBy is instances, and what else of the network is told with each.
var selectHeldBy = instanceTable.List() + `, n.bridge, n.vlan, n.cidr, n.cidr_v6, n.host FROM instances i JOIN networks n ON n.id = i.network_id`

func scanHeldBy() func(sqlstore.Row) (Identity, error) {
	scan := instanceTable.Scanner()
	return func(row sqlstore.Row) (Identity, error) {
		var n Network
		id := Identity{Kind: kindInstance, State: stateHeld}
		err := scan(row, &id.Instance, text.Into(&n.Bridge), optWhole.Into(&n.VLAN), optPrefix.Into(&n.CIDR), optPrefix.Into(&n.CIDRv6),
			optText.Into(&n.Host))
		n.ID, id.Address = id.Instance.NetworkID, id.Instance.first()
		id.of(n, id.Instance)
		id.Bridge, id.VLAN = n.Bridge, n.VLAN
		if id.CIDR = n.CIDR; !id.CIDR.IsValid() {
			id.CIDR = n.CIDRv6
		}
		return id, err
	}
}
