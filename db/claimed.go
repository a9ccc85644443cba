package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// claimed is a claim with whose it is, which is read for many claims at once.
type claimed struct {
	claim
	bridge bridge  // of an IPv6 prefix
	owner  Network // as far as usable and what is listed need it; its ID is 0 where several networks share an IPv6 prefix
	pool   string  // of a floating range
	host   string  // likewise
}

// claimedTable reads claims by the network of an IPv4 block, or of a /64 that is all it has. Whose the other IPv6 prefixes are is
// looked up by completeClaim.
var claimedTable = &sqlstore.Table[claimed]{
	Name: "claims", Alias: "c",
	Columns: append(spanColumns(func(c *claimed) *netcalc.Span { return &c.Span }),
		sqlstore.Col("prefix", func(c *claimed) *string { return &c.prefix }, text),
		sqlstore.Col("kind", func(c *claimed) *string { return &c.kind }, text),
		sqlstore.Computed("n.id", func(c *claimed) *int64 { return &c.owner.ID }, optNumber),
		sqlstore.Computed("n.label", func(c *claimed) *string { return &c.owner.Label }, optText),
		sqlstore.Computed("n.manager", func(c *claimed) *Manager { return &c.owner.Manager }, optional(textAs[Manager]())),
		sqlstore.Computed("n.gateway", func(c *claimed) *netip.Addr { return &c.owner.Gateway }, optAddr),
		sqlstore.Computed("n.vpn_private_address", func(c *claimed) *netip.Addr { return &c.owner.VPNPrivateAddress }, optAddr),
		sqlstore.Computed("n.broadcast", func(c *claimed) *netip.Addr { return &c.owner.Broadcast }, optAddr),
		sqlstore.Computed("n.vpn_clients", func(c *claimed) *int { return &c.owner.VPNClients }, optWhole),
		sqlstore.Computed("n.bridge", func(c *claimed) *string { return &c.owner.Bridge }, optText),
		sqlstore.Computed("n.vlan", func(c *claimed) *int { return &c.owner.VLAN }, optWhole),
		sqlstore.Computed("n.project_id", func(c *claimed) *string { return &c.owner.ProjectID }, optText),
		sqlstore.Computed("n.host", func(c *claimed) *string { return &c.owner.Host }, optText),
		sqlstore.Computed("b.bridge", func(c *claimed) *string { return &c.bridge.name }, optText),
		sqlstore.Computed("b.vlan", func(c *claimed) *int { return &c.bridge.vlan }, optWhole),
		sqlstore.Computed("r.pool", func(c *claimed) *string { return &c.pool }, optText),
		sqlstore.Computed("r.host", func(c *claimed) *string { return &c.host }, optText),
	),
	Describe: func(c *claimed) string { return "prefix " + c.prefix },
}

// claimedIn are the claims that begin in s, in order.
func (t view) claimedIn(s netcalc.Span) *pager[claimed] {
	return &pager[claimed]{view: t, page: claimedTable.All, keys: s, after: func(c claimed) netip.Addr { return c.Last.Next() },
		rest: ` LEFT JOIN networks n ON n.first = c.first LEFT JOIN bridges b ON b.first_v6 = c.first
			LEFT JOIN floating_ranges r ON r.first = c.first WHERE c.first >= $1 AND c.first <= $2 ORDER BY c.first LIMIT $3`}
}

// claimedOver are the claims that overlap s, in order, of which only the first may begin before it.
func (t view) claimedOver(ctx context.Context, s netcalc.Span) (*pager[claimed], error) {
	s = ownKeys(s)
	around, ok, err := t.claimAround(ctx, s.First)
	if ok && err == nil {
		s.First = around.First
	}
	return t.claimedIn(s), err
}

// completeClaim fills in whose an IPv6 prefix is. A VLAN's bridge carries one network, and there are no more VLANs than 4094; of the
// flat bridges, that have an IPv6 prefix each, there are few.
func (t view) completeClaim(ctx context.Context, c *claimed) (err error) {
	p, err := netip.ParsePrefix(c.prefix)
	switch {
	case err != nil:
		return noValue(c.prefix, err)
	case c.kind == claimNetwork:
		c.owner.CIDR = p
	case c.kind == claimBridge && c.bridge.vlan != 0:
		if c.owner.ID == 0 {
			c.owner, err = t.networkBy(ctx, "vlan", c.bridge.vlan)
		}
		c.owner.CIDRv6 = p
	case c.kind == claimBridge:
		c.owner, err = t.onlyNetworkWith(ctx, p)
	}
	return err
}

// usable is what of a claim may be had by guests or, of a floating range, be handed out.
func (t view) usable(ctx context.Context, c *claimed) ([]netcalc.Span, error) {
	switch c.kind {
	case claimNetwork:
		p, err := c.owner.pool()
		return p.usable, err
	case claimFloating:
		p, _ := c.Prefix()
		return []netcalc.Span{FloatingRange{CIDR: p}.usable()}, nil
	}
	routers, err := t.routersOn(ctx, c.bridge.name)
	return usableOf(c.Span, append(routers, c.First)...), err
}

// kept is what of a claim the network keeps for itself, in order: each address that has a name by itself, and the rest in ranges.
func (c *claimed) kept(usable []netcalc.Span) []Identity {
	var named []netcalc.Span
	role := func(netcalc.Span) string { return "gateway" }
	for _, a := range []netip.Addr{c.First, c.owner.Gateway, c.owner.VPNPrivateAddress, c.owner.Broadcast} {
		if c.Contains(a) && !slices.Contains(named, netcalc.Span{First: a, Last: a}) {
			named = append(named, netcalc.Span{First: a, Last: a})
		}
	}
	switch c.kind {
	case claimNetwork:
		role = func(s netcalc.Span) string { return c.owner.Role(s.First) }
	case claimFloating:
		p, _ := c.Prefix()
		named = append(named, netcalc.Span{First: c.Last, Last: c.Last})
		role = func(s netcalc.Span) string { return FloatingRange{CIDR: p}.Role(s.First) }
	}
	var kept []Identity
	for _, part := range c.Subtract(usable) {
		rest := part.Subtract(named)
		for _, n := range named {
			if part.Contains(n.First) {
				rest = append(rest, n)
			}
		}
		for _, s := range rest {
			state := role(s)
			if s.First == c.First {
				state = "network"
			}
			kept = append(kept, c.identity(s, state))
		}
	}
	slices.SortFunc(kept, func(a, b Identity) int { return a.Span.First.Compare(b.Span.First) })
	return kept
}

// identity is a part of a claim that no instance has.
func (c *claimed) identity(s netcalc.Span, state string) Identity {
	id := Identity{Span: s, Kind: kindFixed, State: state}
	id.of(c.owner, Instance{})
	id.Bridge, id.VLAN = c.owner.Bridge, c.owner.VLAN
	id.CIDR, _ = netip.ParsePrefix(c.prefix)
	switch c.kind {
	case claimBridge:
		id.Bridge, id.VLAN = c.bridge.name, c.bridge.vlan
	case claimFloating:
		id.Kind, id.Pool, id.Host = kindFloating, c.pool, c.host
	}
	return id
}
