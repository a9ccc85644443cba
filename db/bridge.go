package db

import (
	"context"
	"net/netip"
	"strconv"

	"nova-manage/db/internal/sqlstore"
)

// bridge is a link: the bridge of one VLAN, or a flat one.
type bridge struct {
	name   string
	vlan   int          // 0 for a flat bridge
	cidrV6 netip.Prefix // zero if it has no IPv6 prefix
}

var bridgeTable = &sqlstore.Table[bridge]{
	Name: "bridges", Alias: "b",
	Columns: []sqlstore.Column[bridge]{
		sqlstore.Col("bridge", func(b *bridge) *string { return &b.name }, text),
		sqlstore.Col("vlan", func(b *bridge) *int { return &b.vlan }, optWhole),
		sqlstore.Col("cidr_v6", func(b *bridge) *netip.Prefix { return &b.cidrV6 }, optPrefix),
		sqlstore.Derived("first_v6", func(b *bridge) any {
			if !b.cidrV6.IsValid() {
				return nil
			}
			return key(b.cidrV6.Addr())
		}),
	},
	Describe: func(b *bridge) string { return "bridge " + b.name },
}

// vlanBridge is the name of a VLAN's bridge, as VlanManager chose it.
func vlanBridge(vlan int) string { return "br" + strconv.Itoa(vlan) }

// bridge returns the bridge of that name, or the zero bridge.
func (t view) bridge(ctx context.Context, name string) (bridge, error) {
	b, _, err := bridgeTable.One(ctx, t.ReadTx, " WHERE bridge = $1", name)
	return b, err
}

// bridgeAt returns the bridge whose IPv6 prefix begins at first, and whether there is one.
func (t view) bridgeAt(ctx context.Context, first netip.Addr) (bridge, bool, error) {
	return bridgeTable.One(ctx, t.ReadTx, " WHERE first_v6 = $1", key(first))
}

// Bridges returns the names of the bridges that a node serves networks on, or of all bridges where host is empty, each
// once, in no particular order.
func (s *Store) Bridges(ctx context.Context, host string) (names []string, err error) {
	query, args := "bridge FROM bridges", []any(nil)
	if host != "" {
		query, args = "DISTINCT bridge FROM networks WHERE host = $1", []any{host}
	}
	err = s.view(ctx, func(ctx context.Context, t view) error {
		names, err = sqlstore.Values[string](ctx, t.ReadTx, query, args...)
		return err
	})
	return names, err
}

// releaseBridge drops what no network needs any more of a bridge: its IPv6 prefix, and itself.
func (t *tx) releaseBridge(ctx context.Context, name string) error {
	b, err := t.bridge(ctx, name)
	if err != nil || b.name == "" {
		return err
	}
	networks, err := sqlstore.Exists(ctx, t.ReadTx, "FROM networks WHERE bridge = $1", name)
	if err != nil || networks && !b.cidrV6.IsValid() {
		return err
	}
	if networks {
		withIPv6, err := sqlstore.Exists(ctx, t.ReadTx, "FROM networks WHERE bridge = $1 AND gateway_v6 IS NOT NULL", name)
		if err != nil || withIPv6 {
			return err
		}
		if _, err := bridgeTable.Update(ctx, t.door, &b, &bridge{name: b.name, vlan: b.vlan}); err != nil {
			return err
		}
	} else if err := bridgeTable.Delete(ctx, t.door, &b); err != nil {
		return err
	}
	if !b.cidrV6.IsValid() {
		return nil
	}
	return t.releaseClaim(ctx, b.cidrV6)
}
