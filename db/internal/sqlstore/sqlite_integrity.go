package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (e *sqlite) integrity(ctx context.Context, q querier) ([]string, error) {
	found, err := column[string](ctx, q, "PRAGMA integrity_check")
	if err != nil {
		return nil, err
	}
	if len(found) == 1 && found[0] == "ok" {
		found = nil
	}
	rows, err := q.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table, parent string
		var rowid sql.NullInt64
		var fk int
		if err := rows.Scan(&table, &rowid, &parent, &fk); err != nil {
			return nil, err
		}
		found = append(found, fmt.Sprintf("a row of %s names a row of %s that is not there", table, parent))
	}
	return found, rows.Err()
}

// schemaObject is a table, index or trigger of the schema.
type schemaObject struct{ kind, name, table, sql string }

// schema compares the schema with the one that the migrations make. SQLite believes what it reads there: a
// constraint or a trigger that is gone or says something else is simply not enforced. What somebody added is let be.
func (e *sqlite) schema(ctx context.Context, q querier) (found []string, err error) {
	fresh, err := (&sqlite{memory: true}).open(ctx, Options{})
	if err != nil {
		return nil, err
	}
	defer fresh.Close()
	fresh.SetMaxOpenConns(1) // each connection has a memory of its own
	for _, ddl := range e.migrations() {
		if _, err := fresh.ExecContext(ctx, ddl); err != nil {
			return nil, err
		}
	}
	conn, err := fresh.Conn(ctx)
	if err != nil {
		return nil, err
	}
	want, err := schemaObjects(ctx, conn)
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, err
	}
	have, err := schemaObjects(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		o := want[name]
		if is, ok := have[name]; !ok {
			found = append(found, fmt.Sprintf("the %s %s is missing", o.kind, name))
		} else if is != o {
			found = append(found, fmt.Sprintf("the %s %s is not what this version of the schema says", o.kind, name))
		}
	}
	return found, nil
}

func schemaObjects(ctx context.Context, q querier) (map[string]schemaObject, error) {
	all, err := collect(ctx, q, func(rows *sql.Rows) (o schemaObject, err error) {
		err = rows.Scan(&o.kind, &o.name, &o.table, &o.sql)
		return o, err
	}, "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema")
	objects := make(map[string]schemaObject, len(all))
	for _, o := range all {
		o.sql = withoutComments(o.sql)
		objects[o.name] = o
	}
	return objects, err
}

// withoutComments leaves of a statement what it does, so that a comment that reads better in a later version is no
// difference.
func withoutComments(statement string) string {
	var words []string
	for line := range strings.Lines(statement) {
		code, _, _ := strings.Cut(line, "--")
		words = append(words, strings.Fields(code)...)
	}
	return strings.Join(words, " ")
}
