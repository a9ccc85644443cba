package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
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
		for i, n := range networks {
			if networks[i], err = t.updateNetwork(ctx, n, change); err != nil {
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

// updateNetwork changes a network and returns it as the ledger has it then.
func (t *tx) updateNetwork(ctx context.Context, before Network, change NetworkChange) (Network, error) {
	n, err := before.changed(change)
	if err != nil || networkTable.Same(&before, &n) {
		return before, err // asked for what is there: no change, and no updated_at either
	}
	if n.ProjectID != before.ProjectID {
		if err := t.changeProject(ctx, before, n.ProjectID); err != nil {
			return before, err
		}
	}
	if err := t.movePool(ctx, before, n); err != nil {
		return before, err
	}
	return t.storeNetwork(ctx, before, n)
}

// storeNetwork writes what of a network has changed, and reads it back: what is answered is what is stored.
func (t *tx) storeNetwork(ctx context.Context, before, n Network) (Network, error) {
	n.UpdatedAt = t.Now()
	if _, err := networkTable.Update(ctx, t.door, &before, &n); err != nil {
		return before, err
	}
	return t.networkBy(ctx, "id", n.ID)
}

// changed is the network with a change made to it.
func (n Network) changed(change NetworkChange) (Network, error) {
	set(&n.Label, change.Label)
	set(&n.ProjectID, change.ProjectID)
	set(&n.Host, change.Host)
	set(&n.BridgeInterface, change.BridgeInterface)
	set(&n.DNS1, change.DNS1)
	set(&n.DNS2, change.DNS2)
	set(&n.MTU, change.MTU)
	if change.Gateway != nil {
		if !n.CIDR.IsValid() {
			return n, conflictf(ErrUnfit, "%s has no IPv4, so it has no gateway", n.Name()).Try(WayItsRouterIsV6)
		}
		if err := n.place(*change.Gateway); err != nil {
			return n, invalid(err)
		}
	}
	if g := change.GatewayV6; g != nil {
		if !n.CIDRv6.IsValid() {
			return n, conflictf(ErrUnfit, "%s has no IPv6, so it has no gateway_v6", n.Name())
		}
		n.GatewayV6 = *g
		if !g.IsValid() {
			n.GatewayV6 = n.CIDRv6.Addr().Next()
		}
		if err := checkGatewayV6(n.CIDRv6, n.GatewayV6); err != nil {
			return n, err
		}
	}
	return n, nil
}

// changeProject sees to it that a network may go to a project, or to nobody, and makes the project at its first use.
func (t *tx) changeProject(ctx context.Context, n Network, project string) error {
	if n.Manager == VlanManager {
		if err := t.checkTenants(ctx, n, project); err != nil {
			return err
		}
	}
	if project == "" {
		return nil
	}
	if err := t.ensureProject(ctx, project); err != nil {
		return err
	}
	return t.checkQuota(ctx, project, "networks", 1)
}

// checkTenants refuses to give a VLAN to a project, or to nobody, while another's instances are on it: a VLAN is one
// tenant's.
func (t view) checkTenants(ctx context.Context, n Network, project string) error {
	other, there, err := sqlstore.Value[string](ctx, t.ReadTx,
		"name FROM instances WHERE network_id = $1 AND project_id <> $2 ORDER BY id LIMIT 1", n.ID, project)
	if err != nil || !there {
		return err
	}
	return conflictf(ErrInUse, "%s carries instances of project %s, %s among them", n.Name(), quoteRef(n.ProjectID), other).
		Try(WayDeleteItsInstances, n.ID)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
