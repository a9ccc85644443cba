package db

import (
	"context"
)

// checkTimes finds times that commands could not read, in the tables of which the other checks read no time.
func (c *checker) checkTimes(ctx context.Context) error {
	for _, table := range []struct{ name, row string }{
		{"projects", "project_id"}, {"instances", "project_id || '/' || name"},
		{"security_groups", "project_id || '/' || name"}, {"floating_ranges", "cidr"},
	} {
		if err := c.checkTimesOf(ctx, table.name, table.row); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) checkTimesOf(ctx context.Context, table, row string) error {
	rows, err := c.QueryContext(ctx, "SELECT "+row+", created_at FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := int64(1); rows.Next(); n++ {
		c.report("checking times", n)
		var name, created string
		if err := rows.Scan(&name, &created); err != nil {
			return err
		}
		if _, err := parseTime(created); err != nil {
			c.say(table, "%s: created_at: %v", name, err)
		}
	}
	return rows.Err()
}
