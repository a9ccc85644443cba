package commands

import (
	"nova-manage/db"
	"nova-manage/internal/cli"
)

// listing is what the database does by itself of what is wanted of a list. The order is its own business then; conditions and the
// limit hold all the same when the list is printed.
func (s *session) listing(by *db.Indexed) db.Wanted {
	w := s.Wanted()
	asked := db.Wanted{Limit: w.Limit}
	for _, f := range w.Filters {
		asked.Where = append(asked.Where, db.Condition{Column: f.Column, Op: f.Op, Value: f.Value})
	}
	for _, o := range w.Order {
		asked.Order = append(asked.Order, db.Order(o))
	}
	taken := by.Take(asked)
	if len(taken.Order) > 0 {
		w.Order = nil
	}
	return taken
}

// checkOne refuses what is said of a list where the answer is one thing, which what names.
func checkOne(e *cli.Env, what string) error {
	if e.Wanted().Any() {
		return cli.UsageErrorf("--sort, --limit and --filter are of lists, and %s prints one row", what)
	}
	return nil
}

// checkFormat refuses a format for one row where a change may have several, before it is made.
func (c *command) checkFormat(e *cli.Env) error {
	if e.OneRow() && c.rows != nil && c.rows() != 1 {
		return cli.WithHint(cli.UsageErrorf("-f shell prints one row, and this may print several"), "the other formats print any number")
	}
	return nil
}

// severalRows is of a command whose answer is always a list.
func severalRows() int { return 0 }
