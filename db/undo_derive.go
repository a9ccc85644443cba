package db

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file works out what follows from rows that an undo has changed, and finds what only the program sees to and not the schema.

// derive brings what follows from the rows up to date: of each prefix whose addresses, or whose gateway, are others now, which ones
// are free. It finds what only the program and not the schema sees to: a gateway that a guest has by now, an MTU that does
// not go with that of another network of the bridge.
func (r *reversal) derive(ctx context.Context) error {
	prefixes := map[netip.Addr]bool{}
	var order []netip.Addr
	add := func(from any) {
		if a, err := addrOf(from); err == nil && !prefixes[a] {
			prefixes[a] = true
			order = append(order, a)
		}
	}
	for _, op := range r.net {
		switch op.Table.Name {
		case addressTable.Name:
			add(op.Table.At(either(op), "claim"))
		case networkTable.Name, floatingTable.Name:
			add(op.Table.At(either(op), "first"))
		}
	}
	for _, first := range order {
		if err := r.derivePrefix(ctx, first); err != nil {
			return err
		}
	}
	return nil
}

func (r *reversal) derivePrefix(ctx context.Context, first netip.Addr) error {
	n, ok, err := networkTable.One(ctx, r.ReadTx, " WHERE first = $1", key(first))
	if err != nil {
		return err
	}
	if ok {
		if err := r.validate(ctx, n); err != nil {
			return err
		}
		if !n.CIDR.IsValid() || len(r.inWay) > 0 {
			return nil
		}
		p, err := n.pool()
		if err != nil {
			return err
		}
		rows, err := r.addressesIn(ctx, p.claim, "")
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.state != stateReleased && !slices.ContainsFunc(p.usable, func(u netcalc.Span) bool { return u.Covers(row.Span) }) {
				r.misplaced(n, addressName(row.First))
			}
		}
		taken, err := r.taken(ctx, n)
		if err != nil {
			return err
		}
		// What the change was the first to take from, others may have taken from since.
		if taken == takenNone {
			if len(rows) > 0 {
				taken = takenSome
			} else {
				p.usable = nil
			}
		}
		if err := r.refill(ctx, p); err != nil || taken == takenNone {
			return err
		}
		return r.noteTaken(ctx, n)
	}
	f, ok, err := floatingTable.One(ctx, r.ReadTx, " WHERE first = $1", key(first))
	if err != nil || !ok {
		return err // it is gone, and everything in it
	}
	return r.refill(ctx, f.addressPool())
}

// validate finds what a network may not be.
func (r *reversal) validate(ctx context.Context, n Network) error {
	if err := r.tenants(ctx, n); err != nil {
		return err
	}
	if n.GatewayV6.IsValid() {
		row, ok, err := r.addressAt(ctx, n.GatewayV6)
		if err != nil {
			return err
		}
		if ok && row.state == stateHeld {
			r.misplaced(n, addressName(row.First))
		}
	}
	err := r.checkMTU(ctx, n.Bridge)
	var conflict *Error
	if errors.As(err, &conflict) && isConflict(err) {
		return conflictf(conflict.Kind, "change %d cannot be undone: %s", r.change.Number, conflict.Message).Try(WayShowChange, r.change.Number)
	}
	return err
}

// tenants notes the instances that are on a VLAN of another project, or of nobody: a VLAN is one tenant's.
func (r *reversal) tenants(ctx context.Context, n Network) error {
	if n.VLAN == 0 {
		return nil
	}
	instances := sqlstore.KeptTable(instanceTable.Name)
	where := sqlstore.That("network_id = ? AND project_id <> ?", n.ID, n.ProjectID)
	for row, err := range sqlstore.RecordsWhere(ctx, r.ReadTx, instances, where) {
		if err != nil {
			return err
		}
		r.misplaced(n, rowName(instances, row))
	}
	return nil
}

// misplaced notes a row that its network has no place for: the row is in the way of what comes back of the network, and the network in
// the way of a row that does.
func (r *reversal) misplaced(n Network, row string) {
	if r.back[row] || r.target[row] != nil {
		networks := sqlstore.KeptTable(networkTable.Name)
		row = rowName(networks, networks.Like("id", n.ID))
	}
	r.inWay[row] = true
}

// addressName is the rowID of an address.
func addressName(a netip.Addr) string {
	addresses := sqlstore.KeptTable(addressTable.Name)
	return rowName(addresses, addresses.Like("first", key(a)))
}

// refill makes the free addresses of a prefix those that are usable and that no row has.
func (r *reversal) refill(ctx context.Context, p pool) error {
	rows, err := r.addressesIn(ctx, p.claim, "")
	if err != nil {
		return err
	}
	var want []netcalc.Span
	for _, u := range p.usable {
		want = append(want, gapsBetween(u, rows)...)
	}
	have, err := unused.All(ctx, r.ReadTx, " WHERE first BETWEEN $1 AND $2 ORDER BY first", key(p.claim.First), key(p.claim.Last))
	if err != nil {
		return err
	}
	for _, s := range have {
		if !slices.Contains(want, s) {
			if err := unused.Delete(ctx, r.door, &s); err != nil {
				return err
			}
		}
	}
	var missing []netcalc.Span
	for _, s := range want {
		if !slices.Contains(have, s) {
			missing = append(missing, s)
		}
	}
	return r.insertFree(ctx, unused, missing...)
}
