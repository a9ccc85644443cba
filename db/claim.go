package db

import (
	"context"
	"fmt"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// claim is a prefix in use. No two overlap, whatever they are for; what no claim covers is in free_ranges.
//
// Networks, bridges and floating ranges share this one table because the schema can refuse an overlap within a table only:
// a floating range inside a tenant's network would give one address to two machines, and no look at two tables, however
// careful, sees what another transaction is about to insert.
type claim struct {
	netcalc.Span
	prefix string
	kind   string
}

// String is the prefix that the claim covers, whatever it is called, or its ends where they are no prefix's.
func (c claim) String() string {
	if p, ok := c.Span.Prefix(); ok {
		return p.String()
	}
	return c.Span.String()
}

// What a claim is for. A network's IPv6 prefix is claimed for its bridge, since the networks of a flat bridge share one: a
// link has one set of on-link prefixes, whoever is on it (RFC 4861 §2.1).
const (
	claimNetwork  = "network"  // the IPv4 block of a network
	claimBridge   = "bridge"   // the IPv6 prefix of a bridge
	claimFloating = "floating" // a range of public addresses
)

var claimTable = &sqlstore.Table[claim]{
	Name: "claims", Alias: "c",
	Columns: append(spanColumns(func(c *claim) *netcalc.Span { return &c.Span }),
		sqlstore.Col("prefix", func(c *claim) *string { return &c.prefix }, text),
		sqlstore.Col("kind", func(c *claim) *string { return &c.kind }, text),
	),
}

// claimAround returns the claim that holds a. As claims do not overlap, only the nearest that begins at or before a can.
func (t view) claimAround(ctx context.Context, a netip.Addr) (claim, bool, error) {
	c, ok, err := claimTable.One(ctx, t.ReadTx, " WHERE first <= $1 ORDER BY first DESC LIMIT 1", key(a))
	return c, ok && err == nil && c.Contains(a), err
}

// claimOver returns the lowest claim that overlaps s: one that began before it, or else the first that begins in it. It is
// the lowest because a message is to name the same conflict each time.
func (t view) claimOver(ctx context.Context, s netcalc.Span) (claim, bool, error) {
	s = ownKeys(s)
	c, ok, err := t.claimAround(ctx, s.First)
	if ok || err != nil {
		return c, ok, err
	}
	return claimTable.One(ctx, t.ReadTx, " WHERE first > $1 AND first <= $2 ORDER BY first LIMIT 1", key(s.First), key(s.Last))
}

// claimsOver returns the claims that overlap r, in order.
func (t view) claimsOver(ctx context.Context, r netcalc.Span) ([]claim, error) {
	r = ownKeys(r)
	var claims []claim
	if c, ok, err := t.claimAround(ctx, r.First); err != nil {
		return nil, err
	} else if ok {
		claims = append(claims, c)
	}
	more, err := claimTable.All(ctx, t.ReadTx, " WHERE first > $1 AND first <= $2 ORDER BY first", key(r.First), key(r.Last))
	return append(claims, more...), err
}

// owner names whose claim c is.
func (t view) owner(ctx context.Context, c claim) (string, error) {
	switch c.kind {
	case claimNetwork:
		n, err := t.networkBy(ctx, "first", key(c.First))
		return n.Name(), err
	case claimFloating:
		r, err := t.floatingRangeAt(ctx, c.First)
		return r.Name(), err
	}
	b, ok, err := t.bridgeAt(ctx, c.First)
	if err != nil || !ok {
		return c.prefix, err // `db check` says that its bridge is missing; here the prefix is name enough
	}
	if b.vlan == 0 {
		return fmt.Sprintf("%s of bridge %s", c.prefix, b.name), nil
	}
	// A VLAN's bridge carries one network, which is what its operator knows it by.
	n, err := t.networkBy(ctx, "vlan", b.vlan)
	return n.Name(), err
}

// checkUnclaimed refuses a prefix that overlaps one in use, and names whose that is.
func (t view) checkUnclaimed(ctx context.Context, p netip.Prefix) error {
	taken, ok, err := t.claimOver(ctx, netcalc.SpanOf(p))
	if err != nil || !ok {
		return err
	}
	owner, err := t.owner(ctx, taken)
	if err != nil {
		return err
	}
	if taken.prefix == p.String() {
		return conflictf(ErrExists, "%s is in the ledger already: %s", p, owner)
	}
	return conflictf(ErrOverlaps, "%s overlaps %s", p, owner)
}

// claimPrefixes takes prefixes, which are in address order, out of the free space and records them. All of them must be
// free: that was looked at before, and a false from takeFree means that the two tables disagree.
func (t *tx) claimPrefixes(ctx context.Context, kind string, prefixes []netip.Prefix) error {
	// Carved networks are neighbours nearly always: a thousand of them are one run, and one range to take from.
	for _, run := range runs(prefixes) {
		ok, err := t.takeFree(ctx, unclaimed, run)
		if err != nil {
			return err
		}
		if !ok {
			return corruptf("%s is neither free nor in use", run)
		}
	}
	return claimTable.Insert(ctx, t.door, len(prefixes), func(i int) *claim {
		return &claim{netcalc.SpanOf(prefixes[i]), prefixes[i].String(), kind}
	})
}

// runs joins adjacent prefixes of a list in address order. Next of the highest address there is is no address, and equal
// to none.
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

// releaseClaim gives a claim's prefix back, and forgets what was recorded of the addresses in it: whoever is given the prefix
// next begins with nothing held, reserved or released. Rows that refer to the claim go first.
func (t *tx) releaseClaim(ctx context.Context, p netip.Prefix) error {
	s := netcalc.SpanOf(p)
	for _, table := range []string{"addresses", "free_addresses", "claims"} {
		where := sqlstore.That("first BETWEEN ? AND ?", key(s.First), key(s.Last))
		if _, err := t.door.DeleteWhere(ctx, table, where); err != nil {
			return err
		}
	}
	// The families have a free space each: 255.255.255.255 and 2000:: are no neighbours, though no claim lies between.
	whole := wholeIPv6
	if s.First.Is4() {
		whole = wholeIPv4
	}
	return t.giveFree(ctx, unclaimed, s, whole)
}
