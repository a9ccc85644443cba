package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"
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
		{Rule{Protocol: "icmp", From: -1, To: -1}, id}, {Rule{Protocol: "tcp", From: 1, To: maxPort}, id}, {Rule{Protocol: "udp", From: 1, To: maxPort}, id},
	})
}

func (t *tx) addGroup(ctx context.Context, g SecurityGroup) (int64, error) {
	id, err := t.nextNumbers(ctx, "security_group", 1)
	if err != nil {
		return 0, err
	}
	_, err = t.ExecContext(ctx, "INSERT INTO security_groups (id, project_id, name, description, created_at) VALUES ($1, $2, $3, $4, $5)",
		id, g.ProjectID, g.Name, text(g.Description), t.stamp())
	return id, err
}

// ruleRow is a rule with the id of its source group, 0 for none.
type ruleRow struct {
	Rule
	source int64
}

func (t *tx) addRules(ctx context.Context, group int64, rules []ruleRow) error {
	id, err := t.nextNumbers(ctx, "rule", len(rules))
	if err != nil {
		return err
	}
	columns := []string{"id", "group_id", "ip_protocol", "from_port", "to_port", "cidr_ip", "source_group_id"}
	return t.insert(ctx, "security_group_rules", columns, len(rules), func(i int, v []any) {
		r := rules[i]
		v[0], v[1], v[2], v[3], v[4], v[5], v[6] = id+int64(i), group, r.Protocol, r.From, r.To, prefixText(r.CIDR), number64(r.source)
	})
}

// Counting the members takes as long as there are members, so that only who asks for a group itself has it done.
const (
	selectGroups = `SELECT g.id, g.project_id, g.name, g.description, g.created_at,
	(SELECT count(*) FROM instance_security_groups m WHERE m.group_id = g.id) FROM security_groups g`
	selectGroupsUncounted = "SELECT g.id, g.project_id, g.name, g.description, g.created_at, 0 FROM security_groups g"
)

func scanGroup(rows *sql.Rows) (g SecurityGroup, err error) {
	var description sql.NullString
	var created string
	if err := rows.Scan(&g.ID, &g.ProjectID, &g.Name, &description, &created, &g.Instances); err != nil {
		return g, err
	}
	g.Description = description.String
	g.CreatedAt, err = parseTime(created)
	return g, err
}

// groupsByName returns the groups of a project, without their members and rules; no names are the default one.
func (t *tx) groupsByName(ctx context.Context, project string, names []string) (groups []SecurityGroup, err error) {
	if len(names) == 0 {
		names = []string{DefaultGroup}
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		g, err := t.groupFrom(ctx, selectGroupsUncounted, project, name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (t *tx) group(ctx context.Context, project, name string) (SecurityGroup, error) {
	return t.groupFrom(ctx, selectGroups, project, name)
}

func (t *tx) groupFrom(ctx context.Context, query, project, name string) (SecurityGroup, error) {
	g, ok, err := one(ctx, t, scanGroup, query+" WHERE g.project_id = $1 AND g.name = $2", project, name)
	if err == nil && !ok {
		err = notFoundf("project %s has no security group %s", quoteRef(project), quoteRef(name)).
			hint("`nova-manage secgroup create %s --project_id %s` makes it", name, project)
	}
	return g, err
}

func (t *tx) rules(ctx context.Context, group int64) ([]Rule, error) {
	return collect(ctx, t, func(rows *sql.Rows) (r Rule, err error) {
		var cidr, source sql.NullString
		if err := rows.Scan(&r.Protocol, &r.From, &r.To, &cidr, &source); err != nil {
			return r, err
		}
		r.SourceGroup = source.String
		var p parser
		p.prefix(&r.CIDR, cidr)
		return r, p.err
	}, `SELECT r.ip_protocol, r.from_port, r.to_port, r.cidr_ip, s.name FROM security_group_rules r
		LEFT JOIN security_groups s ON s.id = r.source_group_id WHERE r.group_id = $1 ORDER BY r.id`, group)
}

// CreateSecurityGroup adds a group to a project, which is made at its first use. Error: ErrConflict if it exists or the
// quota is used up.
func (s *Store) CreateSecurityGroup(ctx context.Context, project, name, description string) (g SecurityGroup, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if err := t.ensureProject(ctx, project); err != nil {
			return err
		}
		if _, err := t.group(ctx, project, name); !isNotFound(err) {
			if err == nil {
				err = conflictf("project %s has a security group %s", quoteRef(project), quoteRef(name))
			}
			return err
		}
		if err := t.checkQuota(ctx, project, "security_groups", 1); err != nil {
			return err
		}
		if _, err := t.addGroup(ctx, SecurityGroup{ProjectID: project, Name: name, Description: description}); err != nil {
			return err
		}
		g, err = t.group(ctx, project, name)
		return err
	})
	return g, err
}

// SecurityGroups returns the groups of a project, or of all, by project and name, with their rules.
func (s *Store) SecurityGroups(ctx context.Context, project string) (groups []SecurityGroup, err error) {
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		where, args := "", []any(nil)
		if project != "" {
			where, args = " WHERE g.project_id = $1", []any{project}
		}
		if groups, err = collect(ctx, t, scanGroup, selectGroups+where+" ORDER BY g.project_id, g.name", args...); err != nil {
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

// SecurityGroup returns one group with its rules. Error: ErrNotFound.
func (s *Store) SecurityGroup(ctx context.Context, project, name string) (g SecurityGroup, err error) {
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
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
			return err
		}
		if name == DefaultGroup {
			return conflictf("every project has the security group %s", DefaultGroup).
				hint("`nova-manage secgroup revoke` takes its rules away")
		}
		if g.Instances > 0 {
			return conflictf("security group %s is in use by %d of the instances of project %s", quoteRef(name), g.Instances, quoteRef(project))
		}
		users, err := column[string](ctx, t, `SELECT DISTINCT g.name FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id
			WHERE r.source_group_id = $1 AND r.group_id <> $1 ORDER BY g.name`, g.ID)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return conflictf("rules of security group %s name %s as their source", strings.Join(users, ", "), quoteRef(name)).
				hint("revoke them first")
		}
		if _, err := t.ExecContext(ctx, "DELETE FROM security_group_rules WHERE group_id = $1", g.ID); err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, "DELETE FROM security_groups WHERE id = $1", g.ID)
		return err
	})
}

// AddRules adds rules to a group, all or none. Errors: ErrInvalid; ErrNotFound for a group that is not there; ErrConflict
// for a rule that is there, or over quota.
func (s *Store) AddRules(ctx context.Context, project, name string, rules []Rule) error {
	return s.changeRules(ctx, project, name, rules, func(ctx context.Context, t *tx, group int64, rows []ruleRow) error {
		if err := t.checkQuota(ctx, project, "security_group_rules", int64(len(rows))); err != nil {
			return err
		}
		for _, r := range rows {
			id, err := t.ruleID(ctx, group, r)
			if err != nil {
				return err
			}
			if id != 0 {
				return conflictf("security group %s has the rule %s", quoteRef(name), r)
			}
		}
		return t.addRules(ctx, group, rows)
	})
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
				return notFoundf("security group %s has no rule %s", quoteRef(name), r)
			}
			if _, err := t.ExecContext(ctx, "DELETE FROM security_group_rules WHERE id = $1", id); err != nil {
				return err
			}
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
			return err
		}
		rows := make([]ruleRow, len(rules))
		for i, r := range rules {
			rows[i].Rule = r
			if r.SourceGroup != "" {
				source, err := t.group(ctx, project, r.SourceGroup)
				if err != nil {
					return err
				}
				rows[i].source = source.ID
			}
		}
		return change(ctx, t, g.ID, rows)
	})
}

// ruleID is the id of a rule of a group, 0 if it is not there.
func (t *tx) ruleID(ctx context.Context, group int64, r ruleRow) (int64, error) {
	cidr := ""
	if r.CIDR.IsValid() {
		cidr = r.CIDR.String()
	}
	ids, err := column[int64](ctx, t, `SELECT id FROM security_group_rules WHERE group_id = $1 AND ip_protocol = $2 AND from_port = $3
		AND to_port = $4 AND coalesce(cidr_ip, '') = $5 AND coalesce(source_group_id, 0) = $6`,
		group, r.Protocol, r.From, r.To, cidr, r.source)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}
