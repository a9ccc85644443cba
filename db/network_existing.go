package db

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"nova-manage/db/internal/sqlstore"
)

// findExisting finds, under IfNotExists, the networks that are there.
func (c *carving) findExisting(ctx context.Context) error {
	if !c.IfNotExists {
		return nil
	}
	existing, err := networkTable.All(ctx, c.ReadTx, " WHERE first BETWEEN $1 AND $2",
		key(c.networks[0].first()), key(c.networks[len(c.networks)-1].first()))
	if err != nil {
		return err
	}
	at := make(map[netip.Addr]Network, len(existing))
	for _, e := range existing {
		at[e.first()] = e
	}
	for i, want := range c.networks {
		if is, ok := at[want.first()]; ok && is.CIDR == want.CIDR { // another prefix length is an overlap, which checkPrefixes names
			c.existing[i], c.there[i] = is, true
		}
	}
	return nil
}

// matchExisting wants the networks that are there to be exactly as asked, and takes them for done.
func (c *carving) matchExisting(context.Context) error {
	for i, want := range c.networks {
		if !c.there[i] {
			continue
		}
		is := c.existing[i]
		if c.hasVPN() {
			want.VPNPublicPort = c.VPNStart + i
		}
		if difference, way := c.difference(is, want); difference != "" {
			return conflictf(ErrDiffers, "%s exists with %s", is.Name(), difference).Try(way.name, way.values...)
		}
		c.networks[i] = is
	}
	return nil
}

// difference names the first thing in which an existing network is not as asked, and what there is to do about it; "" if
// there is none. What nobody asked for may be anything: a script that runs every day does not undo
// what `network modify` did since, and does not mind that a flat bridge has got an IPv6 prefix.
func (c *carving) difference(is, want Network) (difference string, way wayOut) {
	for _, group := range c.compared(is, want) {
		if difference := firstDifference(group.values); difference != "" {
			return difference, group.way
		}
	}
	return "", wayOut{}
}

// firstDifference names the first value that is not as asked; "" if there is none.
func firstDifference(values []comparedValue) string {
	for _, v := range values {
		if v.asked && v.is != v.want {
			return fmt.Sprintf("%s %s, not %s", v.name, orNone(v.is), orNone(v.want))
		}
	}
	return ""
}

// asIs is the error of something that is there otherwise than asked for, named before "exists"; nil if all is as asked. way is how it
// would become what is asked for.
func asIs(name string, way wayOut, values ...comparedValue) error {
	difference := firstDifference(values)
	if difference == "" {
		return nil
	}
	return conflictf(ErrDiffers, "%s exists with %s", name, difference).Try(way.name, way.values...)
}

// createMissingNetworks makes as many networks, wherever there is room, as there are fewer than n.Count of their kind.
func (t *tx) createMissingNetworks(ctx context.Context, n NewNetworks) ([]Network, error) {
	there, err := t.networksLike(ctx, n)
	if err != nil {
		return nil, err
	}
	c := &carving{tx: t, NewNetworks: n}
	for _, is := range there {
		for _, group := range []compared{{c.comparedKind(is), wayOut{name: WayAskAsIs}}, c.comparedGiven(is, n.Given)} {
			if difference := firstDifference(group.values); difference != "" {
				return nil, conflictf(ErrDiffers, "%s exists with %s", is.Name(), difference).Try(group.way.name, group.way.values...)
			}
		}
	}
	missing := n
	missing.IfNotExists = false
	if missing.Count -= len(there); missing.Count == 0 {
		return there, nil
	}
	made, err := t.createNetworks(ctx, missing)
	return append(there, made...), err
}

// networksLike are the first n.Count networks of the kind that n asks for, the oldest first.
func (t view) networksLike(ctx context.Context, n NewNetworks) ([]Network, error) {
	where := sqlstore.That("manager = ?", string(n.Manager)).If("label", n.Given.Label).If("project_id", n.Given.ProjectID)
	if n.Manager != VlanManager {
		where.And("bridge = ?", n.Bridge)
	}
	if n.Range.IsValid() {
		// Of a mask, which stands in each row, the length is not.
		where.And("netmask = ?", net.IP(net.CIDRMask(n.Bits, 32)).String())
	} else {
		where.And("cidr IS NULL")
	}
	return networkTable.All(ctx, t.ReadTx, where.String()+" ORDER BY id LIMIT "+strconv.Itoa(n.Count), where.Args()...)
}

// comparedKind is what else tells the networks apart that count as asked for.
func (c *carving) comparedKind(is Network) []comparedValue {
	var cidrV6 any = is.CIDRv6
	if !is.CIDRv6.IsValid() && c.RangeV6.IsValid() {
		cidrV6 = fmt.Sprintf("one of %s", c.RangeV6)
	}
	return []comparedValue{
		{"cidr_v6", c.RangeV6Asked, is.CIDRv6, cidrV6},
		{"cnt_vpn_clients", true, is.VPNClients, c.VPNClients},
		{"vpn_public_address", c.hasVPN() && c.VPNAddressAsked, is.VPNPublicAddress, c.VPNAddress},
	}
}

// compared is what an existing network has beside what is asked for, together with what there is to do about a difference.
type compared struct {
	values []comparedValue
	way    wayOut
}

// wayOut is a way with what it speaks of.
type wayOut struct {
	name   Way
	values []any
}

type comparedValue struct {
	name     string
	asked    bool
	is, want any
}

func (c *carving) compared(is, want Network) []compared {
	ipv6Asked := c.Manager == VlanManager || c.RangeV6.IsValid() || c.NoIPv6
	var cidrV6 any = want.CIDRv6
	if c.Manager == VlanManager && c.RangeV6.IsValid() && c.findsIPv6() { // any will do
		if cidrV6 = any(is.CIDRv6); !is.CIDRv6.IsValid() {
			cidrV6 = fmt.Sprintf("one of %s", c.RangeV6)
		}
	}
	return []compared{
		{[]comparedValue{
			{"manager", true, is.Manager, want.Manager},
			{"vlan", c.VLANStartAsked || c.Manager != VlanManager, is.VLAN, want.VLAN},
			{"bridge", want.Bridge != "", is.Bridge, want.Bridge},
			{"cidr_v6", ipv6Asked, is.CIDRv6, cidrV6},
			{"cnt_vpn_clients", true, is.VPNClients, want.VPNClients},
		}, wayOut{name: WayAskAsIs}},
		{[]comparedValue{
			{"vpn_public_port", c.hasVPN() && c.VPNStartAsked, is.VPNPublicPort, want.VPNPublicPort},
			{"vpn_public_address", c.hasVPN() && c.VPNAddressAsked, is.VPNPublicAddress, c.VPNAddress},
		}, wayOut{name: WayChangeVPN}},
		c.comparedGiven(is, want),
	}
}

// comparedGiven is what a network gets as it is given.
func (c *carving) comparedGiven(is, want Network) compared {
	return compared{
		[]comparedValue{
			{"gateway", c.Given.Gateway.IsValid(), is.Gateway, want.Gateway},
			{"gateway_v6", c.Given.GatewayV6.IsValid(), is.GatewayV6, c.Given.GatewayV6},
			{"label", c.Given.Label != "", is.Label, want.Label},
			{"project_id", c.Given.ProjectID != "", is.ProjectID, want.ProjectID},
			{"host", c.Given.Host != "", is.Host, want.Host},
			{"dns1", c.Given.DNS1.IsValid(), is.DNS1, want.DNS1},
			{"dns2", c.Given.DNS2.IsValid(), is.DNS2, want.DNS2},
			{"mtu", c.Given.MTU != 0, is.MTU, want.MTU},
			{"bridge_interface", c.Given.BridgeInterface != "", is.BridgeInterface, want.BridgeInterface},
		}, wayOut{WayModifyNetwork, []any{is.ID}},
	}
}
