package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"nova-manage/db/internal/sqlstore"
)

// findClashes names everything that collides with what the ledger holds: whoever imports a site wants the whole list, not one
// line of it a run.
func (i *importing) findClashes(ctx context.Context) error {
	for _, find := range []func(context.Context) error{i.clashNetworks, i.clashRanges, i.clashInstances, i.clashGroups, i.clashQuotas} {
		if err := find(ctx); err != nil {
			return err
		}
	}
	switch n := len(i.done.Clashes); n {
	case 0:
		return nil
	case 1:
		return conflictf(ErrExists, "1 row collides with the ledger")
	default:
		return conflictf(ErrExists, "%d rows collide with the ledger", n)
	}
}

// reason is the message of a conflict, which here is a reason and no error.
func reason(err error) (string, error) {
	if isConflict(err) {
		return err.Error(), nil
	}
	return "", err
}

func (i *importing) clashNetworks(ctx context.Context) error {
	vlans, err := i.owned(ctx, "vlan")
	if err != nil {
		return err
	}
	ports, err := i.owned(ctx, "vpn_public_port")
	if err != nil {
		return err
	}
	names, err := sqlstore.Values[string](ctx, i.ReadTx, "bridge FROM bridges")
	if err != nil {
		return err
	}
	bridges := make(map[string]bool, len(names))
	for _, name := range names {
		bridges[name] = true
	}
	for k := range i.site.Networks {
		n := &i.site.Networks[k]
		var all []string
		for _, p := range []struct {
			valid bool
			check func() error
		}{
			{n.CIDR.IsValid(), func() error { return i.checkUnclaimed(ctx, n.CIDR) }},
			{n.CIDRv6.IsValid(), func() error { return i.checkUnclaimed(ctx, n.CIDRv6) }},
		} {
			if !p.valid {
				continue
			}
			why, err := reason(p.check())
			if err != nil {
				return err
			}
			if why != "" {
				all = append(all, why)
			}
		}
		if id, taken := vlans[n.VLAN]; taken && n.VLAN != 0 {
			all = append(all, fmt.Sprintf("VLAN %d is used by network %d", n.VLAN, id))
		} else if bridges[n.Bridge] {
			all = append(all, fmt.Sprintf("bridge %s is in the ledger already", n.Bridge))
		}
		if id, taken := ports[n.VPNPublicPort]; taken && n.VPNPublicPort != 0 {
			all = append(all, fmt.Sprintf("VPN port %d is used by network %d", n.VPNPublicPort, id))
		}
		if len(all) > 0 {
			i.clash(networkTable.Name, n.ID, "%s", strings.Join(all, "; "))
		}
	}
	return nil
}

// owned are the networks that have a number, by that number.
func (i *importing) owned(ctx context.Context, column string) (map[int]int64, error) {
	pairs, err := sqlstore.Collect(ctx, i.ReadTx, func(row sqlstore.Row) (p [2]int64, err error) {
		err = row.Scan(&p[0], &p[1])
		return p, err
	}, column+", id FROM networks WHERE "+column+" IS NOT NULL")
	owned := make(map[int]int64, len(pairs))
	for _, p := range pairs {
		owned[int(p[0])] = p[1]
	}
	return owned, err
}

func (i *importing) clashRanges(ctx context.Context) error {
	for _, r := range i.site.Ranges {
		why, err := reason(i.checkUnclaimed(ctx, r.CIDR))
		if err != nil {
			return err
		}
		if why != "" {
			i.clash("floating_ips", r.Row, "%s", why)
		}
	}
	return nil
}

func (i *importing) clashInstances(ctx context.Context) error {
	type port struct{ mac, name string }
	there, err := sqlstore.Collect(ctx, i.ReadTx, func(row sqlstore.Row) (p port, err error) {
		err = row.Scan(&p.mac, &p.name)
		return p, err
	}, "mac_address, project_id || '/' || name FROM instances")
	if err != nil {
		return err
	}
	macs, names := make(map[string]string, len(there)), make(map[string]bool, len(there))
	for _, p := range there {
		macs[p.mac], names[p.name] = p.name, true
	}
	for k := range i.site.Instances {
		v := &i.site.Instances[k]
		var all []string
		if other, taken := macs[v.MAC.String()]; taken {
			all = append(all, fmt.Sprintf("MAC %s is instance %s's", v.MAC, other))
		}
		if names[v.qualifiedName()] {
			all = append(all, fmt.Sprintf("project %s has an instance %s", quoteRef(v.ProjectID), quoteRef(v.Name)))
		}
		if len(all) > 0 {
			i.clash(instanceTable.Name, v.Row, "%s", strings.Join(all, "; "))
		}
	}
	return nil
}

// clashGroups finds security groups that the ledger has. One with the same rules is the same group: two sites that share their
// tenants have the default group of each.
func (i *importing) clashGroups(ctx context.Context) error {
	type groupKey struct{ project, name string }
	there, err := groupTable.All(ctx, i.ReadTx, "")
	if err != nil {
		return err
	}
	at := make(map[groupKey]int64, len(there))
	for _, g := range there {
		at[groupKey{g.ProjectID, g.Name}] = g.ID
	}
	names := make(map[int64]string, len(i.site.Groups))
	for _, g := range i.site.Groups {
		names[g.ID] = g.Name
	}
	i.same = map[int64]bool{}
	for _, g := range i.site.Groups {
		id, taken := at[groupKey{g.ProjectID, g.Name}]
		if !taken {
			continue
		}
		has, err := i.rules(ctx, id)
		if err != nil {
			return err
		}
		var is, wants []string
		for _, r := range has {
			is = append(is, r.String())
		}
		for _, r := range g.Rules {
			rule := r.Rule
			rule.SourceGroup = names[r.SourceID]
			wants = append(wants, rule.String())
		}
		slices.Sort(is)
		slices.Sort(wants)
		if !slices.Equal(is, wants) {
			i.clash(groupTable.Name, g.ID, "project %s has a security group %s, with other rules", quoteRef(g.ProjectID), quoteRef(g.Name))
			continue
		}
		i.same[g.ID], i.groups[g.ID] = true, id
	}
	return nil
}

func (i *importing) clashQuotas(ctx context.Context) error {
	for _, q := range i.site.Quotas {
		limit, err := i.limit(ctx, q.ProjectID, q.Resource)
		if err != nil {
			return err
		}
		if limit != Unlimited && limit != q.Limit {
			i.clash(quotaTable, q.Row, "project %s has a quota of %d %s, not %d", quoteRef(q.ProjectID), limit, q.Resource, q.Limit)
		}
	}
	return nil
}

// clash notes a collision.
func (i *importing) clash(table string, row any, format string, args ...any) {
	i.done.Clashes = append(i.done.Clashes, Clash{table, fmt.Sprint(row), fmt.Sprintf(format, args...)})
}
