package db

import (
	"context"
	"fmt"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
)

// This file is about the IPv6 routers of a link, which are the gateway_v6 of the networks on its bridge, and about keeping
// them apart from its guests: two hosts with one address on a link is what duplicate address detection silences (RFC 4862
// §5.4), and if the guest was there first, the router is the one to fall silent.

// checkGatewayV6 refuses a gateway outside its prefix, and the subnet-router anycast address, which every router of
// the link has already (RFC 4291 §2.6.1).
func checkGatewayV6(p netip.Prefix, g netip.Addr) error {
	switch {
	case !p.Contains(g):
		return invalidf("gateway_v6 %s is not in %s", g, p)
	case g == p.Addr():
		return invalidf("gateway_v6 %s is the subnet-router anycast address of %s", g, p).Try(WayUsualRouter, g.Next())
	}
	return nil
}

// routersOn returns the IPv6 gateways of the networks on a bridge. They are few where the networks of a flat bridge are
// many, so each is one look-up.
func (t view) routersOn(ctx context.Context, bridge string) (routers []netip.Addr, err error) {
	for last := ""; ; {
		next, ok, err := sqlstore.Value[string](ctx, t.ReadTx,
			"gateway_v6 FROM networks WHERE bridge = $1 AND gateway_v6 > $2 ORDER BY gateway_v6 LIMIT 1", bridge, last)
		if err != nil || !ok {
			return routers, err
		}
		a, err := netip.ParseAddr(next)
		if err != nil {
			return nil, fmt.Errorf("gateway_v6 of a network on bridge %s: %w", bridge, err)
		}
		routers, last = append(routers, a), next
	}
}

// gatewayV6On returns the IPv6 gateway of the first network with IPv6 on a flat bridge: the one its router has.
func (t view) gatewayV6On(ctx context.Context, bridge string) (netip.Addr, error) {
	found, ok, err := sqlstore.Value[string](ctx, t.ReadTx,
		"gateway_v6 FROM networks WHERE bridge = $1 AND gateway_v6 IS NOT NULL ORDER BY id LIMIT 1", bridge)
	if err != nil || !ok {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(found)
}

// checkRouter refuses an IPv6 gateway that a guest of the bridge has or gives itself, or that is reserved.
func (t view) checkRouter(ctx context.Context, bridge string, gateway netip.Addr) error {
	r, ok, err := t.addressAt(ctx, gateway)
	if err != nil {
		return err
	}
	if ok {
		return t.inUse(ctx, gateway, r)
	}
	return t.refuseGuestsOwn(ctx, bridge, gateway, 0)
}
