package novadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// readSQLite reads a SQLite file. It is opened as immutable: SQLite then takes no lock, makes no file beside it and
// recovers none, so that a file on a read-only disk, or one that is kept as evidence, can be read. Changes that are only in a
// journal beside it would be missing then, which is why a file that has one is refused.
func readSQLite(ctx context.Context, path string, progress func(string, int64, int64)) (*database, error) {
	for _, journal := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(path + journal); err == nil && info.Size() > 0 {
			return nil, refused(WayClose, "%s has changes in %s that are not in it yet", path, filepath.Base(path+journal))
		}
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// A path may hold ? and #, which are to be escaped.
	name := url.URL{Scheme: "file", Path: absolute, RawQuery: "mode=ro&immutable=1"}
	conn, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s := &sqliteReader{conn, newDatabase("")}
	if err = s.readAll(ctx, progress); err == nil {
		return s.database, nil
	}
	if damage := (*sqlite.Error)(nil); errors.As(err, &damage) {
		return nil, refused(WayNone, "%s is damaged: %v", path, err)
	}
	var source *SourceError
	if errors.As(err, &source) {
		source.Reason = path + " " + source.Reason
	}
	return nil, err
}

type sqliteReader struct {
	*sql.DB
	*database
}

func (s *sqliteReader) readAll(ctx context.Context, progress func(string, int64, int64)) error {
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if s.columns[strings.ToLower(table)], err = s.columnsOf(ctx, table); err != nil {
			return err
		}
	}
	if !s.nova() {
		return refused(WayNone, "%s", s.other())
	}
	for _, table := range tables {
		if err := s.read(ctx, table, progress); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteReader) tables(ctx context.Context) ([]string, error) {
	return s.names(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
}

func (s *sqliteReader) columnsOf(ctx context.Context, table string) ([]string, error) {
	return s.names(ctx, "SELECT lower(name) FROM pragma_table_info(?) ORDER BY cid", table)
}

func (s *sqliteReader) names(ctx context.Context, query string, args ...any) (names []string, err error) {
	rows, err := s.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// read reads the rows of a table, or counts those of one that is not taken over.
func (s *sqliteReader) read(ctx context.Context, table string, progress func(string, int64, int64)) error {
	name := strings.ToLower(table)
	want := wanted(name)
	if want == nil {
		want = []string{"deleted"}
		if !s.has(name, "deleted") {
			var n int64
			if err := s.QueryRowContext(ctx, "SELECT count(*) FROM "+quoteName(table)).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				s.others[name] = n
			}
			return nil
		}
	}
	selected := make([]string, len(want))
	for i, column := range want {
		if selected[i] = "NULL"; s.has(name, column) {
			// An expression has no declared type, and the driver makes no time or boolean of what it returns.
			selected[i] = "+" + quoteName(column)
		}
	}
	rows, err := s.QueryContext(ctx, "SELECT "+strings.Join(selected, ", ")+" FROM "+quoteName(table))
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]value, len(want))
	into := make([]any, len(want))
	for i := range values {
		into[i] = &values[i]
	}
	doing := "reading " + strings.ReplaceAll(name, "_", " ")
	for n := int64(1); rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		s.add(name, values)
		if n%10000 == 0 {
			progress(doing, n, -1)
		}
	}
	return rows.Err()
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Scan implements sql.Scanner.
func (v *value) Scan(from any) error {
	switch from := from.(type) {
	case nil:
		*v = value{}
	case int64:
		*v = numberValue(from)
	case string:
		*v = textValue(from)
	case []byte: // the driver's own, which it writes over
		*v = textValue(string(from))
	default:
		*v = textValue(fmt.Sprint(from))
	}
	return nil
}
