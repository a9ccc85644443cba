package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// How much of a network's IPv4 block is taken, the column `taken`. It is what finds a network with an address left in one
// look-up where a million are full (the index networks_open), and it spares a network that nobody ever took from its range
// in free_addresses: a thousand networks of the default command are a thousand rows fewer to write.
const (
	takenNone = 0 // free_addresses says nothing of it yet
	takenSome = 1
	takenAll  = 2
)

// pool is the IPv4 block of a network as something to take addresses from. IPv6 has none: a guest takes the address that its
// MAC gives it (RFC 4862 §5.5.3), and nobody hands out the next one of 2^64.
func (n Network) pool() (pool, error) {
	l, err := n.layout(n.Gateway)
	return pool{claim: netcalc.SpanOf(n.CIDR), usable: usableOf(l.Guests, n.Gateway), name: n.Name(), gateway: n.Gateway}, err
}

// Role says what a network itself uses an address for: network, gateway, vpn, broadcast or, for what it keeps from guests
// otherwise, reserved. It is "" for an address that guests may have.
func (n Network) Role(a netip.Addr) string {
	r, err := n.roles()
	if err != nil {
		return "reserved"
	}
	return r.of(a)
}

// roles is what Role needs, for asking about many addresses.
type roles struct {
	Network
	guests netcalc.Span // of the IPv4 block
}

func (n Network) roles() (r roles, err error) {
	r.Network = n
	if n.CIDR.IsValid() {
		var l netcalc.Layout
		l, err = n.layout(n.Gateway)
		r.guests = l.Guests
	}
	return r, err
}

func (r roles) of(a netip.Addr) string {
	// The address of an IPv6 prefix itself is every router's on the link (the subnet-router anycast address, RFC 4291
	// §2.6.1), so that it is "network" in both families, for different reasons. IPv6 has no broadcast (RFC 4291 §2).
	switch a {
	case r.CIDR.Addr(), r.CIDRv6.Addr():
		return "network"
	case r.Gateway, r.GatewayV6:
		return "gateway"
	case r.VPNPrivateAddress:
		return "vpn"
	case r.Broadcast:
		return "broadcast"
	}
	if !r.guests.Contains(a) && r.CIDR.Contains(a) {
		return "reserved"
	}
	return ""
}

// openNetwork returns the network's pool with its free addresses recorded, which they are from the first time on that somebody
// takes one.
func (t *tx) openNetwork(ctx context.Context, n Network) (pool, error) {
	p, err := n.pool()
	if err != nil {
		return p, err
	}
	taken, err := t.taken(ctx, n)
	if err != nil || taken != takenNone {
		return p, err
	}
	if err := t.openPool(ctx, p); err != nil {
		return p, err
	}
	return p, t.setTaken(ctx, n, takenSome)
}

func (t view) taken(ctx context.Context, n Network) (int, error) {
	taken, _, err := sqlstore.Value[int](ctx, t.ReadTx, "taken FROM networks WHERE id = $1", n.ID)
	return taken, err
}

// setTaken records how much is taken, if it is not recorded so already: what changes nothing is not to be written, nor
// recorded as a change.
func (t *tx) setTaken(ctx context.Context, n Network, taken int) error {
	is, err := t.taken(ctx, n)
	if err != nil || is == taken {
		return err
	}
	return t.door.Update(ctx, networkTable.Name, sqlstore.Named{Column: "id", Value: n.ID}, sqlstore.Named{Column: "taken", Value: taken})
}

// noteTaken records whether an open network has anything left, after addresses were taken or came back.
func (t *tx) noteTaken(ctx context.Context, n Network) error {
	if !n.CIDR.IsValid() {
		return nil
	}
	p, err := n.pool()
	if err != nil {
		return err
	}
	left, err := t.hasFree(ctx, p)
	if err != nil {
		return err
	}
	if left {
		return t.setTaken(ctx, n, takenSome)
	}
	return t.setTaken(ctx, n, takenAll)
}

// movePool adjusts what guests may have when a gateway moves.
func (t *tx) movePool(ctx context.Context, before, after Network) error {
	if g := after.GatewayV6; g != before.GatewayV6 && g.IsValid() {
		if err := t.checkRouter(ctx, after.Bridge, g); err != nil {
			return err
		}
	}
	if after.Gateway == before.Gateway {
		return nil
	}
	// Of a network that nobody took from nothing is recorded that could be out of place.
	taken, err := t.taken(ctx, after)
	if err != nil || taken == takenNone {
		return err
	}
	old, err := before.pool()
	if err != nil {
		return err
	}
	now, err := after.pool()
	if err != nil {
		return err
	}
	// The gateway, and the first guest's address where it stood or stands there: one or two addresses each way. One that
	// was released has a row, and keeps it.
	for _, a := range outside(old.usable, now.usable) {
		if _, err := t.takeThis(ctx, old, a); err != nil {
			return err
		}
	}
	for _, a := range outside(now.usable, old.usable) {
		if _, released, err := t.addressAt(ctx, a); err != nil {
			return err
		} else if released {
			continue
		}
		if err := t.giveFree(ctx, unused, netcalc.Span{First: a, Last: a}, now.claim); err != nil {
			return err
		}
	}
	return t.noteTaken(ctx, after)
}

// outside lists the addresses that are in spans and not in others, which are few.
func outside(spans, others []netcalc.Span) (addrs []netip.Addr) {
	for _, s := range spans {
		rest := []netcalc.Span{s}
		for _, o := range others {
			var less []netcalc.Span
			for _, r := range rest {
				less = append(less, r.Minus(o)...)
			}
			rest = less
		}
		for _, r := range rest {
			for a := r.First; r.Contains(a); a = a.Next() {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs
}
