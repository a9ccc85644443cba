package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strconv"
)

// bridge is a link: the bridge of one VLAN, or a flat one.
type bridge struct {
	name   string
	vlan   int          // 0 for a flat bridge
	cidrV6 netip.Prefix // zero if it has no IPv6 prefix
}

// vlanBridge is the name of a VLAN's bridge, as VlanManager chose it.
func vlanBridge(vlan int) string { return "br" + strconv.Itoa(vlan) }

func scanBridge(rows *sql.Rows) (b bridge, err error) {
	var vlan sql.NullInt64
	var cidr sql.NullString
	if err := rows.Scan(&b.name, &vlan, &cidr); err != nil {
		return b, err
	}
	b.vlan = int(vlan.Int64)
	var p parser
	p.prefix(&b.cidrV6, cidr)
	return b, p.err
}

const selectBridges = "SELECT bridge, vlan, cidr_v6 FROM bridges"

// bridge returns the bridge of that name, or the zero bridge.
func (t *tx) bridge(ctx context.Context, name string) (bridge, error) {
	b, _, err := one(ctx, t, scanBridge, selectBridges+" WHERE bridge = $1", name)
	return b, err
}

// gatewayV6On returns the IPv6 gateway of the first network with IPv6 on a flat bridge: the one its router has.
func (t *tx) gatewayV6On(ctx context.Context, name string) (netip.Addr, error) {
	found, err := column[string](ctx, t,
		"SELECT gateway_v6 FROM networks WHERE bridge = $1 AND gateway_v6 IS NOT NULL ORDER BY id LIMIT 1", name)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(found[0])
}

// networkBy returns the network with a value in a unique column.
func (t *tx) networkBy(ctx context.Context, column string, value any) (Network, error) {
	n, ok, err := one(ctx, t, scanNetwork, selectNetworks+" WHERE "+column+" = $1", value)
	if err == nil && !ok {
		err = corruptf("no network has %s %v, though the ledger counts one", column, value)
	}
	return n, err
}

// owner names whose claim c is.
func (t *tx) owner(ctx context.Context, c claim) (string, error) {
	switch c.kind {
	case claimNetwork:
		n, err := t.networkBy(ctx, "first", key(c.First))
		return n.Name(), err
	case claimFloating:
		r, err := t.floatingRangeAt(ctx, c.First)
		return r.Name(), err
	}
	b, ok, err := one(ctx, t, scanBridge, selectBridges+" WHERE first_v6 = $1", key(c.First))
	if err != nil || !ok {
		return c.prefix, err
	}
	if b.vlan == 0 {
		return fmt.Sprintf("%s of bridge %s", c.prefix, b.name), nil
	}
	n, err := t.networkBy(ctx, "vlan", b.vlan)
	return n.Name(), err
}

// releaseBridge drops what no network needs any more of a bridge: its IPv6 prefix, and itself.
func (t *tx) releaseBridge(ctx context.Context, name string) error {
	b, err := t.bridge(ctx, name)
	if err != nil || b.name == "" {
		return err
	}
	exists := func(condition string) (yes bool, err error) {
		err = t.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM networks WHERE bridge = $1"+condition+")", name).Scan(&yes)
		return yes, err
	}
	networks, err := exists("")
	if err != nil || networks && !b.cidrV6.IsValid() {
		return err
	}
	if networks {
		if withIPv6, err := exists(" AND gateway_v6 IS NOT NULL"); err != nil || withIPv6 {
			return err
		}
		_, err = t.ExecContext(ctx, "UPDATE bridges SET cidr_v6 = NULL, first_v6 = NULL WHERE bridge = $1", name)
	} else {
		_, err = t.ExecContext(ctx, "DELETE FROM bridges WHERE bridge = $1", name)
	}
	if err != nil || !b.cidrV6.IsValid() {
		return err
	}
	return t.releaseClaim(ctx, b.cidrV6)
}
