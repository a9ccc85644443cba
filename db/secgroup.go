package db

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
)

// SecurityGroup is a named set of rules of a project.
type SecurityGroup struct {
	ID          int64
	ProjectID   string
	Name        string
	Description string
	Instances   int64
	Rules       []Rule
	CreatedAt   time.Time
}

// Rule lets in what comes from a prefix or from the members of a group of the same project.
type Rule struct {
	Protocol    string // tcp, udp or icmp; icmp is ICMPv6 where the prefix is IPv6
	From, To    int    // ports; for icmp type and code, -1 for any
	CIDR        netip.Prefix
	SourceGroup string
}

func (r Rule) String() string {
	source := r.SourceGroup
	if r.CIDR.IsValid() {
		source = r.CIDR.String()
	}
	return fmt.Sprintf("%s %d %d %s", r.Protocol, r.From, r.To, source)
}

// Validate finds what can never be right; every error is an ErrInvalid.
func (r Rule) Validate() error {
	switch r.Protocol {
	case "tcp", "udp":
		if r.From < 0 || r.To > maxPort || r.From > r.To {
			return invalidf("%s ports %d to %d: ports are 0 to %d, the lower one first", r.Protocol, r.From, r.To, maxPort)
		}
	case "icmp":
		if r.From < -1 || r.From > 255 || r.To < -1 || r.To > 255 {
			return invalidf("icmp type %d code %d: both are 0 to 255, or -1 for any", r.From, r.To)
		}
		if r.From == -1 && r.To != -1 {
			return invalidf("icmp type -1 (any) has no code %d: give -1 for both", r.To)
		}
	default:
		return invalidf("protocol %s is not one of tcp, udp, icmp", quoteRef(r.Protocol))
	}
	return nil
}

// DefaultGroup is the security group that every project has, and that an instance is in unless told otherwise.
const DefaultGroup = "default"

// addDefaultGroup makes a project's default group, which lets its members reach each other.
func (t *tx) addDefaultGroup(ctx context.Context, project string) error {
	id, err := t.addGroup(ctx, SecurityGroup{ProjectID: project, Name: DefaultGroup, Description: "members reach each other"})
	if err != nil {
		return err
	}
	return t.addRules(ctx, id, []ruleRow{
		{Rule: Rule{Protocol: "icmp", From: -1, To: -1}, source: id},
		{Rule: Rule{Protocol: "tcp", From: 1, To: maxPort}, source: id},
		{Rule: Rule{Protocol: "udp", From: 1, To: maxPort}, source: id},
	})
}

func (t *tx) addGroup(ctx context.Context, g SecurityGroup) (id int64, err error) {
	if g.ID, err = t.nextNumbers(ctx, "security_group", 1); err != nil {
		return 0, err
	}
	g.CreatedAt = t.Now()
	return g.ID, groupTable.Insert(ctx, t.door, 1, func(int) *SecurityGroup { return &g })
}

// ruleRow is a rule as it is stored, with the ids of its group and its source group, 0 for none.
type ruleRow struct {
	Rule
	id, group, source int64
}

var ruleTable = &sqlstore.Table[ruleRow]{
	Name: "security_group_rules", Alias: "r",
	Columns: []sqlstore.Column[ruleRow]{
		sqlstore.Col("id", func(r *ruleRow) *int64 { return &r.id }, number),
		sqlstore.Col("group_id", func(r *ruleRow) *int64 { return &r.group }, number),
		sqlstore.Col("ip_protocol", func(r *ruleRow) *string { return &r.Protocol }, text),
		sqlstore.Col("from_port", func(r *ruleRow) *int { return &r.From }, whole),
		sqlstore.Col("to_port", func(r *ruleRow) *int { return &r.To }, whole),
		sqlstore.Col("cidr_ip", func(r *ruleRow) *netip.Prefix { return &r.CIDR }, optPrefix),
		sqlstore.Col("source_group_id", func(r *ruleRow) *int64 { return &r.source }, optNumber),
		sqlstore.Computed("(SELECT s.name FROM security_groups s WHERE s.id = r.source_group_id)",
			func(r *ruleRow) *string { return &r.SourceGroup }, optText),
	},
	Describe: func(r *ruleRow) string { return fmt.Sprintf("security group rule %d", r.id) },
}

func (t *tx) addRules(ctx context.Context, group int64, rules []ruleRow) error {
	id, err := t.nextNumbers(ctx, "rule", len(rules))
	if err != nil {
		return err
	}
	return ruleTable.Insert(ctx, t.door, len(rules), func(i int) *ruleRow {
		r := rules[i]
		r.id, r.group = id+int64(i), group
		return &r
	})
}

// Counting the members takes as long as there are members, so that only who asks for a group itself has it done.
var (
	countedGroups = groupsWith("(SELECT count(*) FROM instance_security_groups m WHERE m.group_id = g.id)")
	groupTable    = groupsWith("0")
)

// groupsWith is the table of groups where members is the number of their instances.
func groupsWith(members string) *sqlstore.Table[SecurityGroup] {
	return &sqlstore.Table[SecurityGroup]{
		Name: "security_groups", Alias: "g",
		Columns: []sqlstore.Column[SecurityGroup]{
			sqlstore.Col("id", func(g *SecurityGroup) *int64 { return &g.ID }, number),
			sqlstore.Col("project_id", func(g *SecurityGroup) *string { return &g.ProjectID }, text),
			sqlstore.Col("name", func(g *SecurityGroup) *string { return &g.Name }, text),
			sqlstore.Col("description", func(g *SecurityGroup) *string { return &g.Description }, optText),
			sqlstore.Col("created_at", func(g *SecurityGroup) *time.Time { return &g.CreatedAt }, moment),
			sqlstore.Computed(members, func(g *SecurityGroup) *int64 { return &g.Instances }, number),
		},
		Describe: func(g *SecurityGroup) string {
			return fmt.Sprintf("security group %s of project %s", g.Name, g.ProjectID)
		},
	}
}

// member is an instance in a security group.
type member struct{ instance, group int64 }

var memberTable = &sqlstore.Table[member]{
	Name: "instance_security_groups", Alias: "m",
	Columns: []sqlstore.Column[member]{
		sqlstore.Col("instance_id", func(m *member) *int64 { return &m.instance }, number),
		sqlstore.Col("group_id", func(m *member) *int64 { return &m.group }, number),
	},
}

// groupsByName returns the groups of a project, without their members and rules; no names are the default one.
func (t view) groupsByName(ctx context.Context, project string, names []string) (groups []SecurityGroup, err error) {
	if len(names) == 0 {
		names = []string{DefaultGroup}
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		g, err := t.groupFrom(ctx, groupTable, project, name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (t view) group(ctx context.Context, project, name string) (SecurityGroup, error) {
	return t.groupFrom(ctx, countedGroups, project, name)
}

func (t view) groupFrom(ctx context.Context, table *sqlstore.Table[SecurityGroup], project, name string) (SecurityGroup, error) {
	g, ok, err := table.One(ctx, t.ReadTx, " WHERE g.project_id = $1 AND g.name = $2", project, name)
	if err == nil && !ok {
		err = notFoundf("project %s has no security group %s", quoteRef(project), quoteRef(name)).
			Try(WayCreateGroup, name, project)
	}
	return g, err
}

func (t view) rules(ctx context.Context, group int64) ([]Rule, error) {
	rows, err := ruleTable.All(ctx, t.ReadTx, " WHERE r.group_id = $1 ORDER BY r.id", group)
	var rules []Rule
	for _, r := range rows {
		rules = append(rules, r.Rule)
	}
	return rules, err
}

// CreateSecurityGroup adds a group to a project, which is made at its first use. Error: ErrConflict if it exists or the
// quota is used up.
func (s *Store) CreateSecurityGroup(ctx context.Context, project, name, description string) (g SecurityGroup, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		g, err = t.createGroup(ctx, project, name, description)
		return err
	})
	return g, err
}

func (t *tx) createGroup(ctx context.Context, project, name, description string) (g SecurityGroup, err error) {
	if err := t.useProject(ctx, project); err != nil {
		return g, err
	}
	if _, err := t.group(ctx, project, name); !isNotFound(err) {
		if err == nil {
			err = conflictf(ErrExists, "project %s has a security group %s", quoteRef(project), quoteRef(name))
		}
		return g, err
	}
	if err := t.checkQuota(ctx, project, "security_groups", 1); err != nil {
		return g, err
	}
	if _, err := t.addGroup(ctx, SecurityGroup{ProjectID: project, Name: name, Description: description}); err != nil {
		return g, err
	}
	return t.group(ctx, project, name)
}

// SecurityGroups returns the groups of a project, or of all, by project and name, with their rules. Error:
// ErrNotFound for a project that is not there.
func (s *Store) SecurityGroups(ctx context.Context, project string) (groups []SecurityGroup, err error) {
	return s.WantedGroups(ctx, project, Wanted{})
}

// WantedGroups is SecurityGroups of those that are wanted, as GroupsIndexed takes it.
func (s *Store) WantedGroups(ctx context.Context, project string, w Wanted) (groups []SecurityGroup, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		if err := (known{project: project}).check(ctx, t); err != nil {
			return err
		}
		o := GroupsIndexed.selects(func() *sqlstore.Where { return new(sqlstore.Where).If("g.project_id", project) }, w)[0] // in its own order
		groups, err = countedGroups.All(ctx, t.ReadTx, o.text(w.Limit), o.where.Args()...)
		if err != nil {
			return err
		}
		for i := range groups {
			if groups[i].Rules, err = t.rules(ctx, groups[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	return groups, err
}

// GroupsOf returns the groups of a project by name, with their rules if they are asked for, in a time that does not grow with the instances in them,
// which it does not count. Error: ErrNotFound for a project that is not there.
func (s *Store) GroupsOf(ctx context.Context, project string, rules bool) (groups []SecurityGroup, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		if err := (known{project: project}).check(ctx, t); err != nil {
			return err
		}
		if groups, err = groupTable.All(ctx, t.ReadTx, " WHERE g.project_id = $1 ORDER BY g.name", project); err != nil || !rules {
			return err
		}
		rows, err := ruleTable.All(ctx, t.ReadTx, " WHERE r.group_id IN (SELECT g.id FROM security_groups g WHERE g.project_id = $1) ORDER BY r.id", project)
		of := map[int64][]Rule{}
		for _, r := range rows {
			of[r.group] = append(of[r.group], r.Rule)
		}
		for i, g := range groups {
			groups[i].Rules = of[g.ID]
		}
		return err
	})
	return groups, err
}

// SecurityGroup returns one group with its rules. Error: ErrNotFound.
func (s *Store) SecurityGroup(ctx context.Context, project, name string) (g SecurityGroup, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		if g, err = t.group(ctx, project, name); err != nil {
			return err
		}
		g.Rules, err = t.rules(ctx, g.ID)
		return err
	})
	return g, err
}

// DeleteSecurityGroup deletes a group and its rules. Errors: ErrNotFound; ErrConflict for the default group, for one
// that instances are in, and for one that another group's rules name.
func (s *Store) DeleteSecurityGroup(ctx context.Context, project, name string) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		g, err := t.group(ctx, project, name)
		if err != nil {
			return t.absent(err)
		}
		if name == DefaultGroup {
			return conflictf(ErrInUse, "every project has the security group %s", DefaultGroup).
				Try(WayRevokeItsRules)
		}
		if g.Instances > 0 {
			return conflictf(ErrInUse, "security group %s is in use by %d of the instances of project %s", quoteRef(name), g.Instances, quoteRef(project))
		}
		users, err := sqlstore.Values[string](ctx, t.ReadTx, `DISTINCT g.name FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id
			WHERE r.source_group_id = $1 AND r.group_id <> $1 ORDER BY g.name`, g.ID)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return conflictf(ErrInUse, "rules of security group %s name %s as their source", strings.Join(users, ", "), quoteRef(name)).
				Try(WayRevokeFirst)
		}
		if _, err := t.door.DeleteWhere(ctx, ruleTable.Name, sqlstore.That("group_id = ?", g.ID)); err != nil {
			return err
		}
		return groupTable.Delete(ctx, t.door, &g)
	})
}

// AddRules adds rules to a group, all or none, and returns them as they are then. Errors: ErrInvalid; ErrNotFound for a group that is not there; ErrConflict
// for a rule that is there, or over quota.
func (s *Store) AddRules(ctx context.Context, project, name string, rules []Rule) (added []Rule, err error) {
	err = s.changeRules(ctx, project, name, rules, func(ctx context.Context, t *tx, group int64, rows []ruleRow) error {
		if err := t.checkQuota(ctx, project, "security_group_rules", int64(len(rows))); err != nil {
			return err
		}
		for _, r := range rows {
			id, err := t.ruleID(ctx, group, r)
			if err != nil {
				return err
			}
			if id != 0 {
				return conflictf(ErrExists, "security group %s has the rule %s", quoteRef(name), r)
			}
		}
		if err := t.addRules(ctx, group, rows); err != nil {
			return err
		}
		t.aboutProject(project)
		all, err := t.rules(ctx, group)
		added = all[len(all)-min(len(rows), len(all)):]
		return err
	})
	return added, err
}

// DeleteRules takes rules away from a group, all or none. Errors: ErrInvalid; ErrNotFound for a group or a rule that is
// not there.
func (s *Store) DeleteRules(ctx context.Context, project, name string, rules []Rule) error {
	return s.changeRules(ctx, project, name, rules, func(ctx context.Context, t *tx, group int64, rows []ruleRow) error {
		for _, r := range rows {
			id, err := t.ruleID(ctx, group, r)
			if err != nil {
				return err
			}
			if id == 0 {
				if err := t.absent(notFoundf("security group %s has no rule %s", quoteRef(name), r)); err != nil {
					return err
				}
				continue
			}
			if err := ruleTable.Delete(ctx, t.door, &ruleRow{id: id}); err != nil {
				return err
			}
			t.aboutProject(project)
		}
		return nil
	})
}

func (s *Store) changeRules(ctx context.Context, project, name string, rules []Rule,
	change func(context.Context, *tx, int64, []ruleRow) error) error {
	for _, r := range rules {
		if err := r.Validate(); err != nil {
			return err
		}
	}
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		g, err := t.group(ctx, project, name)
		if err != nil {
			return t.absent(err)
		}
		rows := make([]ruleRow, 0, len(rules))
		for _, r := range rules {
			row := ruleRow{Rule: r}
			if r.SourceGroup != "" {
				source, err := t.group(ctx, project, r.SourceGroup)
				if err := t.absent(err); err != nil {
					return err
				}
				if err != nil {
					continue // what has no source is no rule
				}
				row.source = source.ID
			}
			rows = append(rows, row)
		}
		return change(ctx, t, g.ID, rows)
	})
}

// ruleID is the id of a rule of a group, 0 if it is not there.
func (t view) ruleID(ctx context.Context, group int64, r ruleRow) (int64, error) {
	cidr := ""
	if r.CIDR.IsValid() {
		cidr = r.CIDR.String()
	}
	id, _, err := sqlstore.Value[int64](ctx, t.ReadTx, `id FROM security_group_rules WHERE group_id = $1 AND ip_protocol = $2 AND from_port = $3
		AND to_port = $4 AND coalesce(cidr_ip, '') = $5 AND coalesce(source_group_id, 0) = $6`,
		group, r.Protocol, r.From, r.To, cidr, r.source)
	return id, err
}
