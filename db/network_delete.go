package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// DeleteNetworks deletes the networks that refs name, all or none, and frees their prefixes, VLANs and ports. A ref is as for
// FindNetworks, or a range of either family around several networks, which are deleted with it. Errors: ErrNotFound; ErrConflict
// for a network that a project has or instances are on, unless force is set, which deletes the instances too.
func (s *Store) DeleteNetworks(ctx context.Context, refs []string, force bool) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		var all []Network
		seen := map[int64]bool{}
		for _, ref := range refs {
			found, err := t.networksAt(ctx, ref)
			if err := t.absent(err); err != nil {
				return err
			}
			for _, n := range found {
				if !seen[n.ID] {
					seen[n.ID] = true
					all = append(all, n)
				}
			}
		}
		return t.deleteNetworks(ctx, all, force, true)
	})
}

// DeleteNetworksOf deletes all networks of a project, as DeleteNetworks does; that the project has them keeps none. Error:
// ErrNotFound also where it has no network.
func (s *Store) DeleteNetworksOf(ctx context.Context, project string, force bool) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.project(ctx, project); err != nil {
			return t.absent(err)
		}
		all, err := networkTable.All(ctx, t.ReadTx, " WHERE project_id = $1 ORDER BY first", project)
		if err == nil && len(all) == 0 {
			err = t.absent(notFoundf("project %s has no network", quoteRef(project)))
		}
		if err != nil {
			return err
		}
		return t.deleteNetworks(ctx, all, force, false)
	})
}

// networksAt are the network that ref names, or those in the range that it is.
func (t view) networksAt(ctx context.Context, ref string) ([]Network, error) {
	n, err := t.findNetwork(ctx, ref)
	if err == nil {
		return []Network{n}, nil
	}
	p, parsed := netcalc.ParsePrefix(ref)
	if !isNotFound(err) || parsed != nil {
		return nil, err
	}
	within, wrong := t.networksWithin(ctx, p)
	if wrong != nil || len(within) > 0 {
		return within, wrong
	}
	switch c, ok, wrong := t.claimAround(ctx, p.Addr()); {
	case wrong != nil:
		return nil, wrong
	case ok && c.kind != claimFloating && c.prefix != p.String():
		owner, wrong := t.owner(ctx, c)
		if wrong != nil {
			return nil, wrong
		}
		return nil, conflictf(ErrUnfit, "%s is a part of %s", p, owner).Try(WayDeleteWholeNetwork)
	}
	return nil, err
}

// networksWithin are the networks whose prefix of p's family lies in p as a whole, in order.
func (t view) networksWithin(ctx context.Context, p netip.Prefix) ([]Network, error) {
	condition, of := "cidr IS NOT NULL AND first BETWEEN $1 AND $2", func(n Network) netip.Prefix { return n.CIDR }
	if p.Addr().Is6() {
		condition = "cidr_v6 IS NOT NULL AND bridge IN (SELECT bridge FROM bridges WHERE first_v6 BETWEEN $1 AND $2)"
		of = func(n Network) netip.Prefix { return n.CIDRv6 }
	}
	span := netcalc.SpanOf(p)
	all, err := networkTable.All(ctx, t.ReadTx, " WHERE "+condition+" ORDER BY first", key(span.First), key(span.Last))
	// The first of them may begin where p does, and be larger.
	return slices.DeleteFunc(all, func(n Network) bool { return of(n).Bits() < p.Bits() }), err
}

// deleteNetworks deletes networks; one that a project has is refused where that is asked for.
func (t *tx) deleteNetworks(ctx context.Context, all []Network, force, ofNobody bool) error {
	for _, n := range all {
		if force {
			break
		}
		if err := t.checkUnused(ctx, n, ofNobody); err != nil {
			return err
		}
	}
	for _, n := range all {
		if err := t.deleteNetwork(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// checkUnused refuses a network that somebody would miss: its instances, or where ofNobody is set also its project.
func (t view) checkUnused(ctx context.Context, n Network, ofNobody bool) error {
	instances, _, err := sqlstore.Value[int64](ctx, t.ReadTx, "count(*) FROM instances WHERE network_id = $1", n.ID)
	if err != nil {
		return err
	}
	switch {
	case instances > 0:
		return conflictf(ErrInUse, "%s is in use by instances (%d)", n.Name(), instances).
			Try(WayDeleteWithInstances, n.ID)
	case n.ProjectID != "" && ofNobody:
		return conflictf(ErrInUse, "%s is associated with project %s", n.Name(), quoteRef(n.ProjectID)).
			Try(WayDisassociateProject, n.ID)
	}
	return nil
}

func (t *tx) deleteNetwork(ctx context.Context, n Network) error {
	instances, err := instanceTable.All(ctx, t.ReadTx, " WHERE i.network_id = $1 ORDER BY i.first", n.ID)
	if err != nil {
		return err
	}
	if err := t.deleteInstances(ctx, instances); err != nil {
		return err
	}
	if err := networkTable.Delete(ctx, t.door, &n); err != nil {
		return err
	}
	if n.CIDR.IsValid() {
		if err := t.releaseClaim(ctx, n.CIDR); err != nil {
			return err
		}
	}
	return t.releaseBridge(ctx, n.Bridge)
}
