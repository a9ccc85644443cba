package db

import (
	"context"
	"fmt"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
)

// A project's VPN is a network of it with a VPN: VlanManager gives one to each network that has IPv4. What a VPN consists
// of are the network's VPNPublicAddress, VPNPublicPort and VPNPrivateAddress.

// VPNs returns the networks with a VPN that a project has, or any project where project is "", in address order. Error:
// ErrNotFound for a project that is not there.
func (s *Store) VPNs(ctx context.Context, project string) (networks []Network, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		networks, err = t.vpns(ctx, project)
		return err
	})
	return networks, err
}

func (t view) vpns(ctx context.Context, project string) ([]Network, error) {
	where := sqlstore.That("vpn_public_port IS NOT NULL AND project_id IS NOT NULL").If("project_id", project)
	if project != "" {
		if _, err := t.project(ctx, project); err != nil {
			return nil, err
		}
	}
	return networkTable.All(ctx, t.ReadTx, where.String()+" ORDER BY first", where.Args()...)
}

// ChangeVPN moves a project's VPN to another public address and port and returns its network. network, as FindNetworks
// takes it, says which one is meant; it may be "" where the project has one only.
//
// Errors: ErrInvalid for a port that is none; ErrNotFound for a project or network that is not there, and a project
// without VPN; ErrConflict for a port that another network has, a network that is not the project's or has no VPN, and
// where it is not clear which one is meant.
func (s *Store) ChangeVPN(ctx context.Context, project, network string, a netip.Addr, port int) (n Network, err error) {
	if port < 1 || port > maxPort {
		return n, invalidf("VPN port %d: ports are 1 to %d", port, maxPort)
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if n, err = t.vpnOf(ctx, project, network); err != nil {
			return err
		}
		n, err = t.changeVPN(ctx, n, a, port)
		return err
	})
	return n, err
}

// vpnOf returns the network with a VPN that a project and a NETWORK mean.
func (t view) vpnOf(ctx context.Context, project, network string) (Network, error) {
	all, err := t.vpns(ctx, project)
	switch {
	case err != nil:
		return Network{}, err
	case len(all) == 0:
		return Network{}, notFoundf("project %s has no network with a VPN", quoteRef(project)).
			Try(WayGiveNetwork, project)
	case network != "":
		n, err := t.findNetwork(ctx, network)
		if err == nil && (n.ProjectID != project || n.VPNPublicPort == 0) {
			err = conflictf(ErrUnfit, "%s is no network of project %s with a VPN", n.Name(), quoteRef(project))
		}
		return n, err
	case len(all) > 1:
		return Network{}, conflictf(ErrAmbiguous, "project %s has %d networks with a VPN: %s", quoteRef(project), len(all), aFew(all, Network.Name)).
			Try(WaySayWhichNetwork)
	}
	return all[0], nil
}

func (t *tx) changeVPN(ctx context.Context, n Network, a netip.Addr, port int) (Network, error) {
	if a == n.VPNPublicAddress && port == n.VPNPublicPort {
		return n, nil // as in updateNetwork: no change, and no updated_at either
	}
	other, taken, err := networkTable.One(ctx, t.ReadTx, " WHERE vpn_public_port = $1 AND id <> $2", port, n.ID)
	if err != nil {
		return n, err
	}
	if taken {
		owner := other.Name()
		if other.ProjectID != "" {
			owner += fmt.Sprintf(" of project %s", quoteRef(other.ProjectID))
		}
		return n, conflictf(ErrInUse, "VPN port %d is used by %s", port, owner).Try(WayAnotherPort)
	}
	moved := n
	moved.VPNPublicAddress, moved.VPNPublicPort = a, port
	return t.storeNetwork(ctx, n, moved)
}
