package sqlstore

import (
	"context"
	"database/sql"
)

// What engines ask on their own behalf: catalogues, pragmas, locks.

// column returns the only column of a query.
func column[T any](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	return collect(ctx, q, func(rows *sql.Rows) (T, error) { return scanValue[T](row{rows}) }, query, args...)
}

// collect returns what scan makes of each row. It reads all rows before it returns, because PostgreSQL's driver cannot
// run another statement on the connection while rows are open.
func collect[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
