package db

import (
	"context"
	"fmt"
	"slices"

	"nova-manage/db/internal/sqlstore"
)

// question is a query, without the word SELECT, for what should not be there; each row it returns fills in problem.
type question struct{ check, problem, query string }

// ask reports what a question finds.
func (c *checker) ask(ctx context.Context, q question, args ...any) error {
	for values, err := range sqlstore.Tuples(ctx, c.ReadTx, q.query, args...) {
		if err != nil {
			return err
		}
		text := make([]any, len(values))
		for i, v := range values {
			text[i] = fmt.Sprint(v)
		}
		c.say(q.check, q.problem, text...)
	}
	return nil
}

// checkProjects finds projects without what each has, and what crosses from one project to another.
func (c *checker) checkProjects(ctx context.Context) error {
	for _, q := range []question{
		{"projects", "project %s has no security group default", `
			project_id FROM projects p
			WHERE NOT EXISTS (SELECT 1 FROM security_groups g WHERE g.project_id = p.project_id AND g.name = 'default')`},
		{"security_groups", "instance %s of project %s is in security group %s of project %s", `
			i.name, i.project_id, g.name, g.project_id FROM instance_security_groups m
			JOIN instances i ON i.id = m.instance_id JOIN security_groups g ON g.id = m.group_id WHERE i.project_id <> g.project_id`},
		{"networks", "network %s is a VLAN of project %s, and instance %s of project %s is on it", `
			n.id, coalesce(n.project_id, 'none'), i.name, i.project_id FROM instances i JOIN networks n ON n.id = i.network_id
			WHERE n.vlan IS NOT NULL AND (n.project_id IS NULL OR n.project_id <> i.project_id)`},
		{"security_groups", "a rule of security group %s of project %s lets in security group %s of project %s", `
			g.name, g.project_id, s.name, s.project_id FROM security_group_rules r
			JOIN security_groups g ON g.id = r.group_id JOIN security_groups s ON s.id = r.source_group_id
			WHERE g.project_id <> s.project_id`},
	} {
		if err := c.ask(ctx, q); err != nil {
			return err
		}
	}
	return c.checkRules(ctx)
}

// checkRules finds rules that could not have been made.
func (c *checker) checkRules(ctx context.Context) error {
	type grouped struct {
		Rule
		project, group string
		cidr           *string
	}
	scan := func(row sqlstore.Row) (r grouped, err error) {
		err = row.Scan(&r.project, &r.group, &r.Protocol, &r.From, &r.To, written.Into(&r.cidr))
		return r, err
	}
	for r, err := range sqlstore.Rows(ctx, c.ReadTx, scan, `g.project_id, g.name, r.ip_protocol, r.from_port, r.to_port, r.cidr_ip
		FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id ORDER BY r.id`) {
		if err != nil {
			return err
		}
		if r.CIDR, err = readWritten(r.cidr, optPrefix); err == nil {
			err = r.Validate()
		}
		switch {
		case err != nil:
			c.say("security_groups", "rule of security group %s of project %s: %v", r.group, r.project, err)
		case r.cidr != nil && r.CIDR.Masked().String() != *r.cidr:
			c.say("security_groups", "rule of security group %s of project %s: %s is written %s", r.group, r.project, r.CIDR.Masked(), *r.cidr)
		}
	}
	return nil
}

// checkSequences finds ids beyond what their sequence has counted, which would be handed out again.
func (c *checker) checkSequences(ctx context.Context) error {
	there, err := sqlstore.Values[string](ctx, c.ReadTx, "name FROM sequences")
	if err != nil {
		return err
	}
	for _, name := range []string{"network", "instance", "release", "security_group", "rule"} {
		if !slices.Contains(there, name) {
			c.say("sequences", "the numbers of %s are not there", name)
		}
	}
	for _, s := range []struct{ table, sequence string }{
		{"networks", "network"}, {"instances", "instance"}, {"security_groups", "security_group"}, {"security_group_rules", "rule"},
	} {
		if err := c.ask(ctx, question{s.table, "id %s has not been handed out yet",
			"id FROM " + s.table + " WHERE id > (SELECT value FROM sequences WHERE name = $1) OR id < 1"}, s.sequence); err != nil {
			return err
		}
	}
	return nil
}
