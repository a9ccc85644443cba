package db

import (
	"context"

	"nova-manage/db/internal/sqlstore"
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
	scan := func(r sqlstore.Row) (t [2]string, err error) {
		err = r.Scan(&t[0], &t[1])
		return t, err
	}
	n := int64(0)
	for r, err := range sqlstore.Rows(ctx, c.ReadTx, scan, row+", created_at FROM "+table) {
		if err != nil {
			return err
		}
		n++
		c.report("checking times", n)
		if _, err := parseTime(r[1]); err != nil {
			c.say(table, "%s: created_at: %v", r[0], err)
		}
	}
	return nil
}
