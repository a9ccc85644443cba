package db

import "context"

// EnsureSecurityGroup is CreateSecurityGroup for a group that may be there already, with that description; nil is any.
func (s *Store) EnsureSecurityGroup(ctx context.Context, project, name string, description *string) (g SecurityGroup, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if g, err = t.group(ctx, project, name); isNotFound(err) {
			about := ""
			set(&about, description)
			g, err = t.createGroup(ctx, project, name, about)
			return err
		}
		if err != nil {
			return err
		}
		if description != nil {
			if err := asIs("security group "+quoteRef(name)+" of project "+quoteRef(project), wayOut{WayModifyGroup, []any{project, name}},
				comparedValue{"description", true, g.Description, *description}); err != nil {
				return err
			}
		}
		g.Rules, err = t.rules(ctx, g.ID)
		return err
	})
	return g, err
}

// EnsureRules is AddRules for rules that may be there already; it adds those that are not, and returns all that were asked for.
func (s *Store) EnsureRules(ctx context.Context, project, name string, rules []Rule) (there []Rule, err error) {
	err = s.changeRules(ctx, project, name, rules, func(ctx context.Context, t *tx, group int64, rows []ruleRow) error {
		var missing []ruleRow
		there = nil
		for _, r := range rows {
			id, err := t.ruleID(ctx, group, r)
			if err != nil {
				return err
			}
			if id == 0 {
				missing = append(missing, r)
			}
			there = append(there, r.Rule)
		}
		if len(missing) == 0 {
			return nil
		}
		if err := t.checkQuota(ctx, project, "security_group_rules", int64(len(missing))); err != nil {
			return err
		}
		t.aboutProject(project)
		return t.addRules(ctx, group, missing)
	})
	return there, err
}
