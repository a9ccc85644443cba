package db

import (
	"context"
	"net/netip"
)

// NetworkChange says what UpdateNetworks changes. A nil field stays as it is; a pointer to the zero value clears it.
type NetworkChange struct {
	Label, ProjectID, Host, BridgeInterface *string
	DNS1, DNS2                              *netip.Addr
	// Gateway and GatewayV6 go back to the usual address where they are cleared.
	Gateway, GatewayV6 *netip.Addr
	MTU                *int
}

// UpdateNetworks changes the networks that refs name, all or none, and returns them as they are now. Errors: ErrNotFound;
// ErrInvalid for a gateway outside its network; ErrConflict for an IPv6 value of a network without IPv6 and the like.
func (s *Store) UpdateNetworks(ctx context.Context, refs []string, change NetworkChange) (networks []Network, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if networks, err = t.findNetworks(ctx, refs); err != nil {
			return err
		}
		for i := range networks {
			if err := t.updateNetwork(ctx, &networks[i], change); err != nil {
				return err
			}
		}
		if change.MTU == nil {
			return nil
		}
		for _, n := range networks { // once all of them have it
			if err := t.checkMTU(ctx, n.Bridge); err != nil {
				return err
			}
		}
		return nil
	})
	return networks, err
}

func (t *tx) updateNetwork(ctx context.Context, n *Network, change NetworkChange) error {
	before := *n
	set(&n.Label, change.Label)
	set(&n.ProjectID, change.ProjectID)
	set(&n.Host, change.Host)
	set(&n.BridgeInterface, change.BridgeInterface)
	set(&n.DNS1, change.DNS1)
	set(&n.DNS2, change.DNS2)
	set(&n.MTU, change.MTU)
	if change.Gateway != nil {
		if !n.CIDR.IsValid() {
			return conflictf("%s has no IPv4, so it has no gateway", n.Name()).hint("its router is gateway_v6")
		}
		if err := n.place(*change.Gateway); err != nil {
			return invalid(err)
		}
	}
	if g := change.GatewayV6; g != nil {
		if !n.CIDRv6.IsValid() {
			return conflictf("%s has no IPv6, so it has no gateway_v6", n.Name())
		}
		n.GatewayV6 = *g
		if !g.IsValid() {
			n.GatewayV6 = n.CIDRv6.Addr().Next()
		}
		if err := checkGatewayV6(n.CIDRv6, n.GatewayV6); err != nil {
			return err
		}
	}
	if *n == before {
		return nil // asked for what is there: no change, and no updated_at either
	}
	if n.ProjectID != before.ProjectID && n.Manager == VlanManager {
		if err := t.checkTenants(ctx, before, n.ProjectID); err != nil {
			return err
		}
	}
	if n.ProjectID != before.ProjectID && n.ProjectID != "" {
		if err := t.ensureProject(ctx, n.ProjectID); err != nil {
			return err
		}
		if err := t.checkQuota(ctx, n.ProjectID, "networks", 1); err != nil {
			return err
		}
	}
	if err := t.movePool(ctx, before, *n); err != nil {
		return err
	}
	n.UpdatedAt = t.now
	_, err := t.ExecContext(ctx, `UPDATE networks SET label = $1, project_id = $2, host = $3, bridge_interface = $4, dns1 = $5, dns2 = $6,
		mtu = $7, gateway = $8, dhcp_start = $9, gateway_v6 = $10, updated_at = $11 WHERE id = $12`,
		text(n.Label), text(n.ProjectID), text(n.Host), text(n.BridgeInterface), addrText(n.DNS1), addrText(n.DNS2),
		number(n.MTU), addrText(n.Gateway), addrText(n.DHCPStart), addrText(n.GatewayV6), t.stamp(), n.ID)
	return err
}

// checkTenants refuses to give a VLAN to a project, or to nobody, while another's instances are on it: a VLAN is one
// tenant's.
func (t *tx) checkTenants(ctx context.Context, n Network, project string) error {
	others, err := column[string](ctx, t,
		"SELECT name FROM instances WHERE network_id = $1 AND project_id <> $2 ORDER BY id LIMIT 1", n.ID, project)
	if err != nil || len(others) == 0 {
		return err
	}
	return conflictf("%s carries instances of project %s, %s among them", n.Name(), quoteRef(n.ProjectID), others[0]).
		hint("`nova-manage instance list --network %d` names them; delete them first", n.ID)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// DeleteNetworks deletes the networks that refs name, all or none, and frees their prefixes, VLANs and ports. Errors:
// ErrNotFound; ErrConflict for a network that a project has or instances are on, unless force is set, which deletes the
// instances too.
func (s *Store) DeleteNetworks(ctx context.Context, refs []string, force bool) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		networks, err := t.findNetworks(ctx, refs)
		if err != nil {
			return err
		}
		for _, n := range networks {
			if force {
				break
			}
			if err := t.checkUnused(ctx, n); err != nil {
				return err
			}
		}
		for _, n := range networks {
			if err := t.deleteNetwork(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkUnused refuses a network that somebody would miss.
func (t *tx) checkUnused(ctx context.Context, n Network) error {
	var instances int64
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM instances WHERE network_id = $1", n.ID).Scan(&instances); err != nil {
		return err
	}
	switch {
	case instances > 0:
		return conflictf("%s is in use by instances (%d)", n.Name(), instances).
			hint("`nova-manage instance list --network %d` names them; --force deletes them with it", n.ID)
	case n.ProjectID != "":
		return conflictf("%s is associated with project %s", n.Name(), quoteRef(n.ProjectID)).
			hint("`nova-manage network modify %d --disassociate_project` first, or --force", n.ID)
	}
	return nil
}

func (t *tx) deleteNetwork(ctx context.Context, n Network) error {
	instances, err := collect(ctx, t, scanInstance, selectInstances+" WHERE i.network_id = $1 ORDER BY i.first", n.ID)
	if err != nil {
		return err
	}
	if err := t.deleteInstances(ctx, instances); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, "DELETE FROM networks WHERE id = $1", n.ID); err != nil {
		return err
	}
	if n.CIDR.IsValid() {
		if err := t.releaseClaim(ctx, n.CIDR); err != nil {
			return err
		}
	}
	return t.releaseBridge(ctx, n.Bridge)
}
