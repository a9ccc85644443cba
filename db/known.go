package db

import (
	"context"

	"nova-manage/db/internal/sqlstore"
)

// This file tells what names in a filter mean something. A list of nothing says that there is nothing of that kind, which a
// slip of the finger must not be taken for.

// known refuses a filter that names what nothing in the ledger has, each kind of name "" where it has none. Error:
// ErrNotFound.
type known struct{ project, host, pool, bridge string }

func (k known) check(ctx context.Context, t view) error {
	for _, name := range []struct {
		kind, value string
		there       []string // queries for it, any of which may have a row
	}{
		{"project", k.project, []string{"FROM projects WHERE project_id = $1"}},
		{"bridge", k.bridge, []string{"FROM bridges WHERE bridge = $1"}},
		{"floating pool", k.pool, []string{"FROM floating_ranges WHERE pool = $1"}},
		{"host", k.host, []string{"FROM networks WHERE host = $1", "FROM instances WHERE host = $1", "FROM floating_ranges WHERE host = $1"}},
	} {
		if name.value == "" {
			continue
		}
		there := false
		for _, from := range name.there {
			var err error
			if there, err = sqlstore.Exists(ctx, t.ReadTx, from, name.value); err != nil {
				return err
			}
			if there {
				break
			}
		}
		if !there {
			return notFoundf("there is no %s %s", name.kind, quoteRef(name.value))
		}
	}
	return nil
}
