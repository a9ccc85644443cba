package db

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Import is a site from elsewhere, to be added to the ledger as a whole. Ids are those that it had there; what refers to
// another thing does so by them.
type Import struct {
	Projects  []Project // their ids and descriptions
	Networks  []ImportNetwork
	Instances []ImportInstance
	Ranges    []ImportRange
	Groups    []ImportGroup
	Quotas    []ImportQuota
}

// ImportNetwork is a network with what is reserved in it. What follows from its prefix, its manager and its gateway need not be
// filled in.
type ImportNetwork struct {
	Network
	Reserved []netcalc.Span // of either family, in address order, without what the network keeps for itself
}

// ImportInstance is an instance. Its ID is 0 where it is to have a new one, its NetworkID the network's there, its floating
// addresses of the ranges. Row is the row that it comes from.
type ImportInstance struct {
	Instance
	Row    int64
	Groups []int64
}

// ImportRange is a floating range, and a row that it comes from.
type ImportRange struct {
	FloatingRange
	Row int64
}

// ImportGroup is a security group with its rules.
type ImportGroup struct {
	SecurityGroup
	Rules []ImportRule
}

// ImportRule is a rule; SourceID is its source group's id there, 0 for none.
type ImportRule struct {
	Rule
	SourceID int64
}

// ImportQuota is a quota of a project, and the row that it comes from.
type ImportQuota struct {
	ProjectID, Resource string
	Limit, Row          int64
}

// Clash is a thing that cannot be imported because of what the ledger holds. Table and Row are where it comes from.
type Clash struct {
	Table  string
	Row    string
	Reason string
}

// Imported is what became of an import.
type Imported struct {
	// Networks and Instances are the new ids of those that could not keep theirs, by their old ones; an instance without one
	// is not in it.
	Networks, Instances map[int64]int64
	// Addresses is how many fixed addresses are held and how many reservations there are.
	Addresses, Reservations int
	// Clashes are all the reasons for an ErrConflict.
	Clashes []Clash
}

// ImportSite adds a site to the ledger, all of it or nothing. Everything keeps the id it had, if the ledger has not handed out
// that number itself, and its numbers go on behind the highest. A project that the ledger has gets what the site has of it.
//
// Errors: ErrConflict where something collides with the ledger, with all the clashes in the answer; ErrInvalid where the site
// contradicts itself, which is for the caller to have looked for.
func (s *Store) ImportSite(ctx context.Context, site Import) (done Imported, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		// The ids in it are replaced, and where another writer was in the way it is done again.
		site := site
		site.Networks, site.Instances, site.Ranges = slices.Clone(site.Networks), slices.Clone(site.Instances), slices.Clone(site.Ranges)
		i := &importing{tx: t, site: site, networks: make(map[int64]*ImportNetwork, len(site.Networks)), groups: map[int64]int64{}}
		i.done = Imported{Networks: map[int64]int64{}, Instances: map[int64]int64{}}
		for _, step := range []func(context.Context) error{
			i.place, i.findClashes, i.number, i.writeProjects, i.writeNetworks, i.writeRanges, i.writeGroups, i.writeInstances, i.writeAddresses,
		} {
			if err := step(ctx); err != nil {
				done = i.done
				return err
			}
		}
		done = i.done
		return nil
	})
	return done, err
}

// importing is one run of ImportSite. As a carving, it looks at all that is in the way before it writes.
type importing struct {
	*tx
	site     Import
	networks map[int64]*ImportNetwork // by their ids there
	groups   map[int64]int64          // the ids here of groups, by those there
	same     map[int64]bool           // groups that the ledger has, rule for rule
	done     Imported
}

// place fills in what follows from the rest.
func (i *importing) place(context.Context) error {
	for k := range i.site.Networks {
		n := &i.site.Networks[k]
		n.CreatedAt = i.Now()
		if n.CIDR.IsValid() {
			if err := n.place(n.Gateway); err != nil {
				return invalid(err)
			}
		}
		if n.CIDRv6.IsValid() {
			if err := checkGatewayV6(n.CIDRv6, n.GatewayV6); err != nil {
				return err
			}
		}
		i.networks[n.ID] = n
	}
	for _, instance := range i.site.Instances {
		if i.networks[instance.NetworkID] == nil {
			return invalidf("instance %s is on network %d, which is not there", instance.Name, instance.NetworkID)
		}
	}
	for _, g := range i.site.Groups {
		for _, r := range g.Rules {
			if err := r.Validate(); err != nil {
				return err
			}
		}
	}
	for _, r := range i.site.Ranges {
		if err := r.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// number gives ids: the old ones, where the ledger has not handed them out, else new ones behind all others.
func (i *importing) number(ctx context.Context) error {
	networks := make([]*int64, len(i.site.Networks))
	for k := range i.site.Networks {
		networks[k] = &i.site.Networks[k].ID
	}
	instances := make([]*int64, len(i.site.Instances))
	for k := range i.site.Instances {
		instances[k] = &i.site.Instances[k].ID
	}
	if err := i.renumber(ctx, "network", networks, i.done.Networks); err != nil {
		return err
	}
	return i.renumber(ctx, "instance", instances, i.done.Instances)
}

func (i *importing) renumber(ctx context.Context, sequence string, ids []*int64, renamed map[int64]int64) error {
	if len(ids) == 0 {
		return nil
	}
	last, _, err := sqlstore.Value[int64](ctx, i.ReadTx, "value FROM sequences WHERE name = $1", sequence)
	if err != nil {
		return err
	}
	next := last
	for _, id := range ids {
		next = max(next, *id)
	}
	for _, id := range ids {
		if *id > last {
			continue
		}
		next++
		if *id != 0 {
			renamed[*id] = next
		}
		*id = next
	}
	return i.door.Update(ctx, "sequences", sqlstore.Named{Column: "name", Value: sequence}, sqlstore.Named{Column: "value", Value: next})
}

// networkOf is the network of an instance.
func (i *importing) networkOf(instance *ImportInstance) *ImportNetwork {
	return i.networks[instance.NetworkID]
}

func (i *importing) writeProjects(ctx context.Context) error {
	// Those that belong to something need no mention of their own.
	wanted := map[string]string{}
	for _, n := range i.site.Networks {
		wanted[n.ProjectID] = ""
	}
	for _, v := range i.site.Instances {
		wanted[v.ProjectID] = ""
	}
	for _, g := range i.site.Groups {
		wanted[g.ProjectID] = ""
	}
	for _, q := range i.site.Quotas {
		wanted[q.ProjectID] = ""
	}
	for _, p := range i.site.Projects {
		wanted[p.ID] = p.Description
	}
	delete(wanted, "")
	var made []Project
	there := make(map[string]bool)
	ids, err := sqlstore.Values[string](ctx, i.ReadTx, "project_id FROM projects")
	if err != nil {
		return err
	}
	for _, id := range ids {
		there[id] = true
	}
	for id, description := range wanted {
		if !there[id] {
			made = append(made, Project{ID: id, Description: description, CreatedAt: i.Now()})
		}
	}
	slices.SortFunc(made, func(a, b Project) int { return cmp.Compare(a.ID, b.ID) })
	if err := projectTable.Insert(ctx, i.door, len(made), func(k int) *Project { return &made[k] }); err != nil {
		return err
	}
	own := map[string]bool{}
	for _, g := range i.site.Groups {
		own[g.ProjectID] = own[g.ProjectID] || g.Name == DefaultGroup
	}
	for _, p := range made {
		if !own[p.ID] {
			if err := i.addDefaultGroup(ctx, p.ID); err != nil {
				return err
			}
		}
	}
	for _, q := range i.site.Quotas {
		if err := i.setQuota(ctx, q.ProjectID, q.Resource, q.Limit); err != nil {
			return err
		}
	}
	return nil
}

func (i *importing) writeNetworks(ctx context.Context) error {
	var ipv4, ipv6 []netip.Prefix
	at := map[string]int{}
	var links []bridge
	for k := range i.site.Networks {
		n := &i.site.Networks[k].Network
		if n.CIDR.IsValid() {
			ipv4 = append(ipv4, n.CIDR)
		}
		if _, ok := at[n.Bridge]; !ok {
			at[n.Bridge] = len(links)
			links = append(links, bridge{name: n.Bridge, vlan: n.VLAN})
		}
		if l := &links[at[n.Bridge]]; n.CIDRv6.IsValid() && !l.cidrV6.IsValid() {
			l.cidrV6 = n.CIDRv6
			ipv6 = append(ipv6, n.CIDRv6)
		}
	}
	for _, c := range []struct {
		kind     string
		prefixes []netip.Prefix
	}{{claimNetwork, ipv4}, {claimBridge, ipv6}} {
		slices.SortFunc(c.prefixes, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
		if err := i.claimPrefixes(ctx, c.kind, c.prefixes); err != nil {
			return err
		}
	}
	if err := bridgeTable.Insert(ctx, i.door, len(links), func(k int) *bridge { return &links[k] }); err != nil {
		return err
	}
	return networkTable.Insert(ctx, i.door, len(i.site.Networks), func(k int) *Network { return &i.site.Networks[k].Network })
}

func (i *importing) writeRanges(ctx context.Context) error {
	ranges := i.site.Ranges
	prefixes := make([]netip.Prefix, len(ranges))
	for k := range ranges {
		prefixes[k] = ranges[k].CIDR
		ranges[k].CreatedAt = i.Now()
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	if err := i.claimPrefixes(ctx, claimFloating, prefixes); err != nil {
		return err
	}
	return floatingTable.Insert(ctx, i.door, len(ranges), func(k int) *FloatingRange { return &ranges[k].FloatingRange })
}

func (i *importing) writeGroups(ctx context.Context) error {
	var made []*ImportGroup
	for k := range i.site.Groups {
		if g := &i.site.Groups[k]; !i.same[g.ID] {
			made = append(made, g)
		}
	}
	if len(made) == 0 {
		return nil
	}
	id, err := i.nextNumbers(ctx, "security_group", len(made))
	if err != nil {
		return err
	}
	if err := groupTable.Insert(ctx, i.door, len(made), func(k int) *SecurityGroup {
		g := &made[k].SecurityGroup
		i.groups[g.ID] = id + int64(k)
		stored := *g
		stored.ID, stored.CreatedAt = id+int64(k), i.Now()
		return &stored
	}); err != nil {
		return err
	}
	var rules []ruleRow
	for _, g := range made {
		for _, r := range g.Rules {
			row := ruleRow{Rule: r.Rule, group: i.groups[g.ID]}
			if r.SourceID != 0 {
				if row.source = i.groups[r.SourceID]; row.source == 0 {
					return invalidf("a rule of security group %s names group %d, which is not there", g.Name, r.SourceID)
				}
			}
			rules = append(rules, row)
		}
	}
	if len(rules) == 0 {
		return nil
	}
	if id, err = i.nextNumbers(ctx, "rule", len(rules)); err != nil {
		return err
	}
	return ruleTable.Insert(ctx, i.door, len(rules), func(k int) *ruleRow {
		rules[k].id = id + int64(k)
		return &rules[k]
	})
}

func (i *importing) writeInstances(ctx context.Context) error {
	rows := make([]Instance, len(i.site.Instances))
	var members []member
	for k := range i.site.Instances {
		v := &i.site.Instances[k]
		rows[k] = v.Instance
		rows[k].NetworkID, rows[k].CreatedAt = i.networkOf(v).ID, i.Now()
		for _, g := range v.Groups {
			if i.groups[g] == 0 {
				return invalidf("instance %s is in security group %d, which is not there", v.Name, g)
			}
			members = append(members, member{v.ID, i.groups[g]})
		}
	}
	if err := instanceTable.Insert(ctx, i.door, len(rows), func(k int) *Instance { return &rows[k] }); err != nil {
		return err
	}
	return memberTable.Insert(ctx, i.door, len(members), func(k int) *member { return &members[k] })
}
