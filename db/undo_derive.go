package db

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
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
	return r.guests(ctx)
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
		r.inTheWay(networkTable.Name, n.ID)
		return
	}
	r.inWay[row] = true
}

// addressName is the rowID of an address.
func addressName(a netip.Addr) string {
	addresses := sqlstore.KeptTable(addressTable.Name)
	return rowName(addresses, addresses.Like("first", key(a)))
}

// guests finds what stands against a MAC or an IPv6 address that an instance has again: that a guest gives itself an address which is
// recorded for another, or that a router has, neither of which any row says.
func (r *reversal) guests(ctx context.Context) error {
	for _, op := range r.net {
		if op.Table.Name != instanceTable.Name || op.Before == nil {
			continue
		}
		same := func(column string) bool {
			return reflect.DeepEqual(op.Table.At(op.Before, column), op.Table.At(op.After, column))
		}
		if op.After != nil && same("mac_address") && same("fixed_ip_v6") {
			continue
		}
		i, ok, err := instanceTable.One(ctx, r.ReadTx, " WHERE i.id = $1", op.Table.At(op.Before, "id"))
		if err != nil {
			return err
		}
		if !ok { // what kept it from coming back is known by now
			continue
		}
		if err := r.guest(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (r *reversal) guest(ctx context.Context, i Instance) error {
	network, err := r.networkBy(ctx, "id", i.NetworkID)
	if err != nil {
		return err
	}
	link, err := r.bridge(ctx, network.Bridge)
	if err != nil || !link.cidrV6.IsValid() {
		return err
	}
	own, err := netcalc.EUI64(link.cidrV6, i.MAC)
	if err != nil {
		return err
	}
	if row, ok, err := r.addressAt(ctx, own); err != nil {
		return err
	} else if ok && row.state == stateHeld && row.instance != i.ID {
		r.inTheWay(instanceTable.Name, row.instance)
	}
	if mac, err := netcalc.MACFromEUI64(i.FixedIPv6); err == nil && mac != i.MAC {
		if other, ok, err := r.guestWith(ctx, mac, network.Bridge); err != nil {
			return err
		} else if ok {
			r.inTheWay(instanceTable.Name, other.ID)
		}
	}
	for _, a := range []netip.Addr{own, i.FixedIPv6} {
		if !a.IsValid() {
			continue
		}
		router, ok, err := networkTable.One(ctx, r.ReadTx, " WHERE bridge = $1 AND gateway_v6 = $2", network.Bridge, a.String())
		if err != nil {
			return err
		}
		if ok {
			r.inTheWay(networkTable.Name, router.ID)
		}
	}
	return nil
}

// inTheWay notes the row of a table that has an id.
func (r *reversal) inTheWay(table string, id int64) {
	k := sqlstore.KeptTable(table)
	r.inWay[rowName(k, k.Like("id", id))] = true
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
