package db

import (
	"context"
	"math/big"

	"nova-manage/db/internal/sqlstore"
)

// Status is the ledger at a glance.
type Status struct {
	Version
	Size int64 // bytes that the engine keeps it in
	// Managers are how many networks each has.
	Managers                      map[Manager]int64
	Projects, Instances, Floating int64 // the last are floating ranges
	// Held, Reserved and Released are how many addresses are so, fixed and floating ones.
	Held, Released int64
	Reserved       *big.Int
	// Fullest are the fullest networks' blocks and floating pools of which anything is taken, the fullest first.
	Fullest []Usage
	Last    Change // the latest change; its number is 0 where there is none
}

// mostFullest is how many of the fullest Status has.
const mostFullest = 5

// Status reads it all in one state of the ledger, with a page of rows in memory at most.
func (s *Store) Status(ctx context.Context) (status Status, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		status = Status{Managers: map[Manager]int64{}, Reserved: new(big.Int)}
		if status.Version, err = s.db.Version(ctx, t.ReadTx); err != nil {
			return err
		}
		if status.Size, err = s.db.Size(ctx, t.ReadTx); err != nil {
			return err
		}
		return t.status(ctx, &status)
	})
	return status, err
}

func (t view) status(ctx context.Context, status *Status) (err error) {
	for _, c := range []struct {
		into *int64
		of   string
	}{
		{&status.Projects, "projects"}, {&status.Instances, "instances"}, {&status.Floating, "floating_ranges"},
		{&status.Held, "addresses WHERE state = 'held'"}, {&status.Released, "addresses WHERE state = 'released'"},
	} {
		if *c.into, _, err = sqlstore.Value[int64](ctx, t.ReadTx, "count(*) FROM "+c.of); err != nil {
			return err
		}
	}
	for m, err := range sqlstore.Rows(ctx, t.ReadTx, scanManager, "manager, count(*) FROM networks GROUP BY manager") {
		if err != nil {
			return err
		}
		status.Managers[m.manager] = m.n
	}
	for r, err := range addressTable.Rows(ctx, t.ReadTx, " WHERE state = 'reserved'") {
		if err != nil {
			return err
		}
		status.Reserved.Add(status.Reserved, r.Size())
	}
	last, _, err := sqlstore.LastEntry(ctx, t.ReadTx, new(sqlstore.Where))
	if err != nil {
		return err
	}
	status.Last = last
	for _, kind := range []string{"networks", "floating"} {
		u := usageLister{view: t, emit: func(u Usage) error {
			u.Kind = kind
			status.fill(u)
			return nil
		}}
		if err := u.list(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// fill keeps u if it is among the fullest; of two that are as full, the one that came first.
func (s *Status) fill(u Usage) {
	if u.taken().Sign() == 0 {
		return
	}
	at := len(s.Fullest)
	for at > 0 && s.Fullest[at-1].emptier(u) {
		at--
	}
	s.Fullest = append(s.Fullest[:at], append([]Usage{u}, s.Fullest[at:]...)...)
	s.Fullest = s.Fullest[:min(len(s.Fullest), mostFullest)]
}

func (f Fill) emptier(u Usage) bool {
	return new(big.Int).Mul(f.taken(), u.Total).Cmp(new(big.Int).Mul(u.taken(), f.Total)) < 0
}

type managerCount struct {
	manager Manager
	n       int64
}

func scanManager(row sqlstore.Row) (c managerCount, err error) {
	err = row.Scan(textAs[Manager]().Into(&c.manager), number.Into(&c.n))
	return c, err
}
