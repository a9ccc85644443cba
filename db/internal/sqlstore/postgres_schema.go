package sqlstore

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// locate finds the schema that the ledger is in. search_path may have several, and a table is looked up in all of them while
// a new one goes to the first: without one place for both, a command would find the ledger and miss its tables, or make a
// second one before the first. A ledger that is damaged is still one: two of three tables are enough.
func (e *postgres) locate(ctx context.Context, conn *sql.Conn) error {
	var schema sql.NullString
	err := conn.QueryRowContext(ctx, `
		SELECT coalesce((
			SELECT p.name FROM unnest(current_schemas(false)) WITH ORDINALITY AS p (name, place)
			WHERE (SELECT count(*) FROM pg_tables t
				WHERE t.schemaname = p.name AND t.tablename IN ('schema_version', 'claims', 'free_ranges')) >= 2
			ORDER BY p.place LIMIT 1
		), current_schema())`).Scan(&schema)
	e.home = schema.String
	return err
}

// within keeps a transaction in the ledger's schema. It is said in each transaction and not once for the session, which a
// connection pool on the way may hand to somebody else.
func (e *postgres) within() string {
	if e.home == "" {
		return ""
	}
	return "SET LOCAL search_path = " + pgx.Identifier{e.home}.Sanitize() + "; "
}

// inRecovery tells whether the server is a standby: there a serializable transaction is not refused for what it does, but is
// a feature that is missing.
func (e *postgres) inRecovery(ctx context.Context, conn *sql.Conn) bool {
	var standby bool
	err := conn.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&standby)
	return err == nil && standby
}
