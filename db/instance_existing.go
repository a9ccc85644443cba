package db

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// createMissing makes those instances of n that are not there, and returns all of them in the order of their names. Those that
// are there must be as asked.
func (t *tx) createMissing(ctx context.Context, n NewInstances) ([]Instance, error) {
	there, err := t.instancesNamed(ctx, n.ProjectID, n.Names)
	if err != nil {
		return nil, err
	}
	if err := t.checkAsAsked(ctx, n, there); err != nil {
		return nil, err
	}
	missing := n
	missing.IfNotExists = false
	missing.Names = slices.DeleteFunc(slices.Clone(n.Names), func(name string) bool { _, ok := there[name]; return ok })
	if len(missing.Names) > 0 {
		made, err := t.createInstances(ctx, missing)
		if err != nil {
			return nil, err
		}
		for _, i := range made {
			there[i.Name] = i
		}
	}
	all := make([]Instance, len(n.Names))
	for i, name := range n.Names {
		all[i] = there[name]
	}
	return all, nil
}

func (t view) instancesNamed(ctx context.Context, project string, names []string) (map[string]Instance, error) {
	there := map[string]Instance{}
	for batch := range slices.Chunk(names, 500) {
		where := sqlstore.That("i.project_id = ?", project).In("i.name", batch)
		found, err := instanceTable.All(ctx, t.ReadTx, where.String(), where.Args()...)
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			there[i.Name] = i
		}
	}
	return there, nil
}

// checkAsAsked refuses an instance that is otherwise than asked for. What nobody asked for may be anything.
func (t view) checkAsAsked(ctx context.Context, n NewInstances, there map[string]Instance) error {
	network := Network{}
	if n.Network != "" && len(there) > 0 {
		var err error
		if network, err = t.findNetwork(ctx, n.Network); err != nil {
			return err
		}
	}
	groups := slices.Compact(slices.Sorted(slices.Values(n.SecurityGroups)))
	for _, name := range n.Names {
		i, ok := there[name]
		if !ok {
			continue
		}
		named := "instance " + i.qualifiedName()
		if err := asIs(named, wayOut{name: WayAskAsIs}, comparedValue{"network_id", n.Network != "", i.NetworkID, network.ID}); err != nil {
			return err
		}
		if err := asIs(named, wayOut{WayModifyInstance, []any{i.qualifiedName()}},
			comparedValue{"mac_address", n.MAC != netcalc.MAC{}, i.MAC, n.MAC},
			comparedValue{"fixed_ip", n.FixedIP != netip.Addr{}, i.FixedIP, n.FixedIP},
			comparedValue{"fixed_ip_v6", n.FixedIPv6 != netip.Addr{}, i.FixedIPv6, n.FixedIPv6},
			comparedValue{"host", n.Host != "", i.Host, n.Host},
			comparedValue{"security_groups", len(groups) > 0, strings.Join(i.SecurityGroups, ", "), strings.Join(groups, ", ")},
		); err != nil {
			return err
		}
	}
	return nil
}
