package db

import "context"

// SecurityGroupChange says what UpdateSecurityGroup changes. A nil field stays as it is.
type SecurityGroupChange struct {
	Name        *string
	Description *string // "" for none
}

// UpdateSecurityGroup changes a group of a project and returns it with its rules. Rules that have it as their source, and the
// instances in it, are those of the group and not of its name. Errors: ErrNotFound; ErrConflict for a name that another group of the
// project has, and for the name of the default group, by which every project's is found.
func (s *Store) UpdateSecurityGroup(ctx context.Context, project, name string, change SecurityGroupChange) (g SecurityGroup, err error) {
	if change.Name != nil && *change.Name == "" {
		return g, invalidf("a security group has a name")
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		before, err := t.group(ctx, project, name)
		if err != nil {
			return err
		}
		after := before
		set(&after.Name, change.Name)
		set(&after.Description, change.Description)
		if after.Name != before.Name {
			if err := t.checkRename(ctx, before, after.Name); err != nil {
				return err
			}
		}
		if _, err := groupTable.Update(ctx, t.door, &before, &after); err != nil {
			return err
		}
		if g, err = t.group(ctx, project, after.Name); err != nil {
			return err
		}
		g.Rules, err = t.rules(ctx, g.ID)
		return err
	})
	return g, err
}

func (t view) checkRename(ctx context.Context, g SecurityGroup, name string) error {
	if g.Name == DefaultGroup {
		return conflictf(ErrInUse, "every project has the security group %s", DefaultGroup)
	}
	_, err := t.groupFrom(ctx, groupTable, g.ProjectID, name)
	switch {
	case err == nil:
		return conflictf(ErrExists, "project %s has a security group %s", quoteRef(g.ProjectID), quoteRef(name))
	case isNotFound(err):
		return nil
	}
	return err
}
