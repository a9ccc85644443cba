package db

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// matchExisting marks, under IfNotExists, the networks that are there exactly as asked.
func (c *carving) matchExisting(ctx context.Context) error {
	if !c.IfNotExists {
		return nil
	}
	existing, err := collect(ctx, c, scanNetwork, selectNetworks+" WHERE first BETWEEN $1 AND $2",
		key(c.networks[0].first()), key(c.networks[len(c.networks)-1].first()))
	if err != nil {
		return err
	}
	at := make(map[netip.Addr]Network, len(existing))
	for _, e := range existing {
		at[e.first()] = e
	}
	for i, want := range c.networks {
		is, ok := at[want.first()]
		if !ok || is.CIDR != want.CIDR {
			continue // not there; another prefix length is an overlap, which checkPrefixes names
		}
		if c.hasVPN() {
			want.VPNPublicPort = c.VPNStart + i
		}
		if difference, fixed := c.difference(is, want); fixed {
			return conflictf("%s exists with %s", is.Name(), difference).
				hint("ask for it as it is; that cannot be changed, only deleted and created again")
		} else if difference != "" {
			return conflictf("%s exists with %s", is.Name(), difference).
				hint("ask for it as it is, or change it with `nova-manage network modify %d`", is.ID)
		}
		c.networks[i], c.there[i] = is, true
	}
	return nil
}

// difference names the first thing in which an existing network is not as asked, and tells whether it is fixed for the
// network's life; "" if there is none. What nobody asked for may be anything: a script that runs every day does not undo
// what `network modify` did since, and does not mind that a flat bridge has got an IPv6 prefix.
func (c *carving) difference(is, want Network) (difference string, forLife bool) {
	type value struct {
		name     string
		asked    bool
		is, want any
	}
	ipv6Asked := c.Manager == VlanManager || c.RangeV6.IsValid() || c.NoIPv6
	fixed := []value{
		{"manager", true, is.Manager, want.Manager},
		{"vlan", true, is.VLAN, want.VLAN},
		{"bridge", true, is.Bridge, want.Bridge},
		{"cidr_v6", ipv6Asked, is.CIDRv6, want.CIDRv6},
		{"vpn_public_port", true, is.VPNPublicPort, want.VPNPublicPort},
		{"vpn_public_address", c.hasVPN() && c.VPNAddressAsked, is.VPNPublicAddress, c.VPNAddress},
		{"cnt_vpn_clients", true, is.VPNClients, want.VPNClients},
	}
	changeable := []value{
		{"gateway", c.Given.Gateway.IsValid(), is.Gateway, want.Gateway},
		{"gateway_v6", c.Given.GatewayV6.IsValid(), is.GatewayV6, want.GatewayV6},
		{"label", c.Given.Label != "", is.Label, want.Label},
		{"project_id", c.Given.ProjectID != "", is.ProjectID, want.ProjectID},
		{"host", c.Given.Host != "", is.Host, want.Host},
		{"dns1", c.Given.DNS1.IsValid(), is.DNS1, want.DNS1},
		{"dns2", c.Given.DNS2.IsValid(), is.DNS2, want.DNS2},
		{"mtu", c.Given.MTU != 0, is.MTU, want.MTU},
		{"bridge_interface", c.Given.BridgeInterface != "", is.BridgeInterface, want.BridgeInterface},
	}
	for i, v := range slices.Concat(fixed, changeable) {
		if v.asked && v.is != v.want {
			return fmt.Sprintf("%s %s, not %s", v.name, orNone(v.is), orNone(v.want)), i < len(fixed)
		}
	}
	return "", false
}

func orNone(v any) string {
	s := fmt.Sprint(v)
	if s == "" || s == "0" || strings.HasPrefix(s, "invalid ") {
		return "none"
	}
	return s
}
