package db

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/netcalc"
)

// ReserveAddresses keeps ranges of fixed addresses from guests, all of them or none; each range is one row, however long
// it is. What is reserved already stays so, and what a network keeps for itself (its gateway, say) is passed over. A
// reservation in the IPv6 prefix of a flat bridge holds for all networks that share it.
//
// Errors: ErrNotFound for a range that does not lie in networks as a whole; ErrConflict for an address that an instance
// holds, and for a range of nothing but what its network keeps for itself.
func (s *Store) ReserveAddresses(ctx context.Context, ranges []netcalc.Span) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		for _, r := range ranges {
			if err := t.reserveRange(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// UnreserveAddresses gives reserved ranges back to guests, all of them or none. A range may hold other addresses too, as
// long as something in it is reserved. Error: ErrNotFound where nothing is, or the range does not lie in networks as a
// whole.
func (s *Store) UnreserveAddresses(ctx context.Context, ranges []netcalc.Span) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		for _, r := range ranges {
			if err := t.absent(t.unreserveRange(ctx, r)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fixedPart is the part of a range that lies in one prefix: the IPv4 block of a network or the IPv6 prefix of a bridge.
type fixedPart struct {
	netcalc.Span
	claim   netcalc.Span
	usable  []netcalc.Span // what of the claim guests may have
	network Network        // of an IPv4 block
	owner   string         // how messages name whose claim it is
}

// forGuests tells whether guests may have something of it.
func (p fixedPart) forGuests() bool {
	return slices.ContainsFunc(p.usable, p.Overlaps)
}

// fixedParts divides a range at the borders of networks. All of it must lie in networks.
func (t view) fixedParts(ctx context.Context, r netcalc.Span) ([]fixedPart, error) {
	claims, err := t.claimsOver(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(claims) == 0 {
		return nil, notFoundf("%s is in no network", r)
	}
	next := r.First // what has no part yet begins here
	var parts []fixedPart
	for _, c := range claims {
		if c.kind == claimFloating {
			return nil, notFoundf("%s is in floating range %s, and only fixed addresses are reserved", r, c.prefix)
		}
		if next.Less(c.First) {
			return nil, outsideNetworks(r, netcalc.Span{First: next, Last: c.First.Prev()})
		}
		p, err := t.fixedPart(ctx, c)
		if err != nil {
			return nil, err
		}
		p.Span, _ = c.Span.Intersect(r)
		parts = append(parts, p)
		next = c.Last.Next()
	}
	if last := parts[len(parts)-1]; last.Last.Less(r.Last) {
		return nil, outsideNetworks(r, netcalc.Span{First: next, Last: r.Last})
	}
	return parts, nil
}

func outsideNetworks(r, part netcalc.Span) error {
	return notFoundf("%s does not lie in networks as a whole: %s is in none", r, part)
}

// fixedPart is all of a claim as something to reserve from.
func (t view) fixedPart(ctx context.Context, c claim) (p fixedPart, err error) {
	p.Span, p.claim = c.Span, c.Span
	if c.kind == claimNetwork {
		if p.network, err = t.networkBy(ctx, "first", key(c.First)); err != nil {
			return p, err
		}
		pool, err := p.network.pool()
		p.usable, p.owner = pool.usable, pool.name
		return p, err
	}
	if p.owner, err = t.owner(ctx, c); err != nil {
		return p, err
	}
	b, ok, err := t.bridgeAt(ctx, c.First)
	if err != nil || !ok {
		return p, err
	}
	routers, err := t.routersOn(ctx, b.name)
	p.usable = usableOf(c.Span, append(routers, c.First)...)
	return p, err
}

// refuse is the error for a range that begins with p and of which guests may have nothing.
func (p fixedPart) refuse(r netcalc.Span) error {
	return conflictf(ErrReserved, "%s is not for guests: %s keeps it (%s)", r, p.owner, strings.Join(p.roles(), ", "))
}

// roles says what a part of which guests may have nothing is kept for.
func (p fixedPart) roles() (roles []string) {
	if !p.network.CIDR.IsValid() {
		if p.Contains(p.claim.First) {
			roles = append(roles, "network")
		}
		if p.claim.First.Less(p.Last) {
			roles = append(roles, "gateway")
		}
		return roles
	}
	n, named := p.network, uint64(0)
	for _, own := range []struct {
		address netip.Addr
		role    string
	}{{n.CIDR.Addr(), "network"}, {n.Gateway, "gateway"}, {n.VPNPrivateAddress, "vpn"}, {n.Broadcast, "broadcast"}} {
		if p.Contains(own.address) {
			roles = append(roles, own.role)
			named++
		}
	}
	if named < p.Count() {
		roles = append(roles, "reserved")
	}
	return roles
}

func (t *tx) reserveRange(ctx context.Context, r netcalc.Span) error {
	parts, err := t.fixedParts(ctx, r)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(parts, fixedPart.forGuests) {
		return parts[0].refuse(r)
	}
	for _, p := range parts {
		if err := t.reservePart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) reservePart(ctx context.Context, p fixedPart) error {
	ipv4 := p.network.CIDR.IsValid()
	if ipv4 {
		if _, err := t.openNetwork(ctx, p.network); err != nil {
			return err
		}
	}
	changed, err := t.reserve(ctx, p.claim, p.usable, p.Span, ipv4)
	if err != nil || changed == 0 {
		return err
	}
	return t.changedPart(ctx, p)
}

// changedPart follows what was reserved or is so no more in a part.
func (t *tx) changedPart(ctx context.Context, p fixedPart) error {
	n := p.network
	if block, ok := p.claim.Prefix(); ok && n.ID == 0 {
		var err error
		if n, err = t.onlyNetworkWith(ctx, block); err != nil {
			return err
		}
	}
	t.aboutNetwork(n.ID, n.ProjectID)
	return t.noteTaken(ctx, p.network)
}

func (t *tx) unreserveRange(ctx context.Context, r netcalc.Span) error {
	parts, err := t.fixedParts(ctx, r)
	if err != nil {
		return err
	}
	total := 0
	for _, p := range parts {
		changed, err := t.unreserve(ctx, p.claim, p.Span, p.network.CIDR.IsValid())
		if err != nil {
			return err
		}
		if changed > 0 {
			if err := t.changedPart(ctx, p); err != nil {
				return err
			}
		}
		total += changed
	}
	if total == 0 {
		return notFoundf("nothing of %s is reserved", r)
	}
	return nil
}
