package sqlstore

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// described is what a schema says of a table, as the catalogue does.
type described struct {
	columns, key []string
	unique       [][]string
	alike        [][]string // of those that compare expressions too, what are plain columns: the catalogue's begin with them
	references   []Reference
	defaults     map[string]string
	types        []string
}

// The catalogue's queries name the schema's own tables, so that both engines answer alike: table, kind, constraint, column, and
// what the column refers to or is by default, its type. The columns of a constraint are in its order.
var describing = map[string]string{
	"sqlite": `* FROM (
		SELECT m.name, 'column', '', c.name, coalesce(c.dflt_value, ''), c.type, c.cid FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
		UNION ALL
		SELECT m.name, 'key', '', c.name, '', '', c.pk FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk > 0
		UNION ALL
		SELECT m.name, CASE WHEN EXISTS (SELECT 1 FROM pragma_index_info(i.name) e WHERE e.name IS NULL) THEN 'alike' ELSE 'unique' END,
			i.name, c.name, '', '', c.seqno FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
			WHERE m.type = 'table' AND i."unique" AND i.origin <> 'pk' AND c.name IS NOT NULL
		UNION ALL
		SELECT m.name, 'reference', '', f."from", f."table", f."to", f.id FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
	) ORDER BY 1, 2, 3, 7`,
	"postgresql": `t, kind, name, col, a, b, n FROM (
		SELECT c.relname::text AS t, 'column' AS kind, '' AS name, a.attname::text AS col, coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS a, a.atttypid::regtype::text AS b, a.attnum::int AS n
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
			WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT c.relname, CASE WHEN i.indisprimary THEN 'key' WHEN i.indexprs IS NOT NULL THEN 'alike' ELSE 'unique' END, i.indexrelid::regclass::text, a.attname, '', '', k.n::int
			FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid, unnest(i.indkey) WITH ORDINALITY k (attnum, n), pg_attribute a
			WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND i.indisunique AND a.attrelid = c.oid AND a.attnum = k.attnum
		UNION ALL
		SELECT c.relname, 'reference', f.conname, a.attname, p.relname, pa.attname, 0
			FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1] JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = f.confkey[1]
			WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace
	) x ORDER BY t, kind, name, n`,
}

func describe(t *testing.T, s *DB, engine string) map[string]*described {
	t.Helper()
	type line struct{ table, kind, name, column, a, b string }
	var lines []line
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) (err error) {
		lines, err = Collect(ctx, r, func(row Row) (l line, err error) {
			var n int64
			return l, row.Scan(&l.table, &l.kind, &l.name, &l.column, &l.a, &l.b, &n)
		}, describing[engine])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tables, last := map[string]*described{}, line{}
	for _, l := range lines {
		d := tables[l.table]
		if d == nil {
			d = &described{defaults: map[string]string{}}
			tables[l.table] = d
		}
		switch l.kind {
		case "column":
			d.columns, d.types = append(d.columns, l.column), append(d.types, l.b)
			if l.a != "" {
				d.defaults[l.column] = strings.Trim(strings.Split(l.a, "::")[0], "'()")
			}
		case "key":
			d.key = append(d.key, l.column)
		case "unique":
			if last.table != l.table || last.kind != l.kind || last.name != l.name {
				d.unique = append(d.unique, nil)
			}
			d.unique[len(d.unique)-1] = append(d.unique[len(d.unique)-1], l.column)
		case "alike":
			if last.table != l.table || last.kind != l.kind || last.name != l.name {
				d.alike = append(d.alike, nil)
			}
			d.alike[len(d.alike)-1] = append(d.alike[len(d.alike)-1], l.column)
		case "reference":
			d.references = append(d.references, Reference{l.column, l.a, l.b})
		}
		last = l
	}
	return tables
}

// What the catalogue says of tables is what the schema says of them: undo and --as_of are written from the catalogue.
func TestKeptTables(t *testing.T) {
	notKept := []string{"change_rows", "change_subjects", "changes", "free_addresses", "free_ranges", "schema_version", "sequences"}
	byColumn := func(a, b Reference) int { return cmp.Compare(a.Column, b.Column) }
	for _, engine := range slices.Sorted(maps.Keys(engines)) {
		t.Run(engine, func(t *testing.T) {
			tables := describe(t, openTest(t, engines[engine](t), Create), engine)
			before := map[string]bool{}
			for _, k := range KeptTables() {
				d := tables[k.Name]
				if d == nil {
					t.Errorf("there is no table %s", k.Name)
					continue
				}
				delete(tables, k.Name)
				before[k.Name] = true
				kinds := make([]byte, len(d.types))
				for i, name := range d.types {
					kinds[i] = map[string]byte{"INTEGER": valueNumber, "integer": valueNumber, "bigint": valueNumber, "TEXT": valueText,
						"text": valueText, "BLOB": valueBytes, "bytea": valueBytes}[name]
				}
				defaults := map[string]string{}
				for column, value := range k.defaults {
					if value != int64(0) {
						t.Errorf("%s.%s is by default %v, which this test cannot compare", k.Name, column, value)
					}
					defaults[column] = "0"
				}
				for _, c := range []struct {
					what      string
					got, want any
				}{
					{"columns", k.Columns, d.columns},
					{"kinds of value", k.valueAt, kinds},
					{"key", k.Key, d.key},
					{"unique sets", slices.SortedFunc(slices.Values(k.Unique), slices.Compare[[]string]), slices.SortedFunc(slices.Values(d.unique), slices.Compare[[]string])},
					{"references", slices.SortedFunc(slices.Values(k.References), byColumn), slices.SortedFunc(slices.Values(d.references), byColumn)},
					{"defaults", defaults, d.defaults},
				} {
					if !reflect.DeepEqual(c.got, c.want) {
						t.Errorf("%s of %s: the catalogue has %v, the schema %v", c.what, k.Name, c.got, c.want)
					}
				}
				if !slices.EqualFunc(k.Alike, d.alike, func(a, plain []string) bool { return len(a) > len(plain) && slices.Equal(a[:len(plain)], plain) }) {
					t.Errorf("sets with null of %s: the catalogue has %v, the schema ones that begin with %v", k.Name, k.Alike, d.alike)
				}
				for _, ref := range k.References {
					if !before[ref.Table] {
						t.Errorf("%s refers to %s, which comes after it", k.Name, ref.Table)
					}
					if parent := KeptTable(ref.Table); !slices.Equal(parent.Key, []string{ref.Of}) {
						t.Errorf("%s.%s refers to what is no key of %s", k.Name, ref.Column, ref.Table)
					}
				}
				if k.Spans && (!slices.Contains(k.Columns, "first") || !slices.Contains(k.Columns, "last")) {
					t.Errorf("%s has spans but not their columns", k.Name)
				}
				for _, column := range k.Derived {
					if !slices.Contains(k.Columns, column) {
						t.Errorf("%s has no column %s that could be derived", k.Name, column)
					}
				}
			}
			if left := slices.Sorted(maps.Keys(tables)); !slices.Equal(left, notKept) {
				t.Errorf("tables that history does not keep: %v; want %v", left, notKept)
			}
		})
	}
}
