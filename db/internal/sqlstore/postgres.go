package sqlstore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"

	"nova-manage/internal/redact"
)

// postgres keeps the ledger in a database of a PostgreSQL server, where several hosts share it.
type postgres struct {
	config *pgx.ConnConfig
	shown  string // the URL without secrets
	// warning is what is to be said of how it is reached; "" for nothing.
	warning string
	// timeout is how long a writer waits for another one.
	timeout time.Duration
	// waiting is told whom it waits for; nil is nobody any more.
	waiting func(holder string)
	// db is where another connection is had from.
	db *sql.DB
	// home is the schema that the ledger is in, or that it would be made in; "" where there is none to make it in.
	home string
	// reading says that the running transaction only reads.
	reading bool
	// noTableLock says that the server has no LOCK TABLE, or not for this user.
	noTableLock bool
}

// The schema as it was at version 1, and what each later one made of it. What has been released is not edited.
var (
	//go:embed schema_postgres.sql
	postgresSchema string
	//go:embed schema_postgres_2.sql
	postgresDomains string
	//go:embed schema_postgres_3.sql
	postgresHosts string
	//go:embed schema_postgres_4.sql
	postgresHistory string
)

func (e *postgres) name() string { return "postgresql" }

func (e *postgres) place() string { return "ledger " + e.shown }

func (e *postgres) migrations() []string {
	return []string{postgresSchema, postgresDomains, postgresHosts, postgresHistory}
}

func (e *postgres) open(ctx context.Context, opts Options) (*sql.DB, error) {
	e.timeout, e.waiting = opts.LockTimeout, opts.Waiting
	if e.warning != "" {
		opts.Warn(e.warning)
	}
	config := *e.config
	// A statement that is interrupted is cancelled at the server; to hang up only would leave it there waiting for its
	// lock.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	db := stdlib.OpenDB(config)
	deadline := time.Now().Add(opts.LockTimeout)
	for i := 1; ; i++ {
		err := db.PingContext(ctx)
		if err == nil {
			e.db = db
			return db, nil
		}
		// With all connections taken, or while the server starts, another moment is as good.
		if !isState(err, tooManyConnections, cannotConnectNow) || !time.Now().Before(deadline) {
			return nil, errors.Join(e.translate(ctx, err), db.Close())
		}
		if err := pause(ctx, i); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
}

// found is not needed: there is a database, or the server says that there is none.
func (e *postgres) found(context.Context, Options) (*sql.DB, func(), error) {
	return nil, nil, noLedger(e)
}

func (e *postgres) unmoved() error { return nil }

func (e *postgres) settle(context.Context, *sql.Conn) {}

// rehearse is not needed either: a dry run makes the schema, in a transaction that is rolled back.
func (e *postgres) rehearse() error { return nil }

func (e *postgres) begin(ctx context.Context, conn *sql.Conn, what *Change, opts Options) error {
	if e.reading = what == nil; e.reading {
		// One snapshot, which no writer holds up and which no writer can make fail; a standby has it, too.
		mode := "READ ONLY"
		if !opts.AsOf.present() {
			mode = "READ WRITE" // what is temporary is made in it
		}
		_, err := conn.ExecContext(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ "+mode+"; "+e.within())
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	}
	err := e.sayingWhom(ctx, func() error {
		err := e.beginWrite(ctx, conn, *what, opts.LockTimeout)
		if isState(err, undefinedTable) {
			err = e.beginEmpty(ctx, conn, *what, opts.LockTimeout)
		}
		return err
	})
	if isState(err, lockNotAvailable) {
		return &LockedError{Ledger: e.shown, Waited: opts.LockTimeout, Holder: e.holder(ctx, conn)}
	}
	return err
}

// sayingWhom does what may wait for others and says whom it waits for, should that take long. The server keeps the connection
// that waits busy, so that another one asks.
func (e *postgres) sayingWhom(ctx context.Context, begin func() error) error {
	if e.waiting == nil {
		return begin()
	}
	ctx, begun := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-ctx.Done():
			return
		case <-time.After(longWait):
		}
		holder := ""
		if conn, err := e.db.Conn(ctx); err == nil {
			holder = e.holder(ctx, conn)
			_ = conn.Close() // it was only asked
		}
		if ctx.Err() == nil {
			e.waiting(holder)
			e.waiting = nil
		}
	}()
	err := begin()
	begun()
	<-done
	return err
}

// beginWrite starts a transaction behind the other writers. They queue at schema_version, which nothing else ever
// locks, not even autovacuum, for nobody changes it.
//
// LOCK TABLE takes no snapshot. What the transaction sees is therefore what it finds when its turn has come, so that
// those who queue have no reason to fail with a serialization error; only who writes past the queue can cause one.
func (e *postgres) beginWrite(ctx context.Context, conn *sql.Conn, what Change, timeout time.Duration) error {
	if !e.noTableLock {
		// EXCLUSIVE leaves readers alone (postgresql.org/docs/current/explicit-locking.html).
		err := e.start(ctx, conn, what, "SERIALIZABLE", timeout, "LOCK TABLE schema_version IN EXCLUSIVE MODE")
		if isState(err, featureNotSupported) && e.inRecovery(ctx, conn) {
			return e.readOnly(err)
		}
		if !isState(err, featureNotSupported, syntaxError, insufficientPrivilege) {
			return err
		}
		e.noTableLock = true
	}
	// Second best: all writers write one row first. Who has waited for another's commit there has an outdated snapshot
	// and fails, but before anything was done, so that it simply starts anew.
	deadline := time.Now().Add(timeout)
	for i := 1; ; i++ {
		err := e.start(ctx, conn, what, "SERIALIZABLE", timeout, "UPDATE schema_version SET applied_at = applied_at")
		if !e.retryable(err) || !time.Now().Before(deadline) {
			return err
		}
		if err := pause(ctx, min(i, 3)); err != nil {
			return err
		}
	}
}

// emptyKey is the advisory lock of those who make the schema: "nova" in ASCII. An advisory lock belongs to one database.
const emptyKey = 0x6e6f7661

// beginEmpty starts the transaction that makes the schema: there is no table to queue at yet. Who waited here for another one
// that made it has a snapshot from before that, and starts anew; to_regclass looks past the snapshot.
func (e *postgres) beginEmpty(ctx context.Context, conn *sql.Conn, what Change, timeout time.Duration) error {
	err := e.start(ctx, conn, what, "SERIALIZABLE", timeout, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", emptyKey))
	if err != nil {
		return err
	}
	made := false
	err = conn.QueryRowContext(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&made)
	if err == nil && made {
		err = errMade
	}
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// start begins a transaction with a statement that may wait for others; where that fails there is no transaction. All
// of it is one message: statements without arguments use the simple protocol.
func (e *postgres) start(ctx context.Context, conn *sql.Conn, what Change, isolation string, timeout time.Duration, statement string) error {
	// 0 would mean to wait without end.
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN ISOLATION LEVEL %s; SET LOCAL lock_timeout = %d; %s%s%s",
		isolation, max(1, timeout.Milliseconds()), e.within(), e.introduce(what), statement))
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// introduce tells the server who is at work, for whoever asks it (pg_stat_activity) or waits and is told by LockedError. A
// name that the URL gives stands.
func (e *postgres) introduce(what Change) string {
	if what.Actor == "" || e.config.RuntimeParams["application_name"] != applicationName {
		return ""
	}
	// Where the server is set to read backslashes, doubling quotes is not enough; what is no plain name is left out.
	plain := strings.Map(func(r rune) rune {
		if r < '!' || r > '~' || r == '\'' || r == '\\' {
			return '_'
		}
		return r
	}, what.Actor)
	return "SET LOCAL application_name = '" + applicationName + " by " + plain + "'; "
}

// holder names who holds the writers' lock; "" if nobody does any more or the server does not tell.
func (e *postgres) holder(ctx context.Context, conn *sql.Conn) string {
	type process struct{ pid, application, from string }
	holders, err := collect(ctx, conn, func(rows *sql.Rows) (p process, err error) {
		err = rows.Scan(&p.pid, &p.application, &p.from)
		return p, err
	}, `
		SELECT a.pid::text, coalesce(a.application_name, ''), concat_ws(', ', 'user ' || a.usename,
			'from ' || coalesce(a.client_hostname, host(a.client_addr), 'the server''s own host'))
		FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND (l.relation = to_regclass($2) AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
				OR l.locktype = 'advisory' AND l.classid = 0 AND l.objid = $1 AND l.objsubid = 1)
		ORDER BY a.xact_start LIMIT 1`, emptyKey, pgx.Identifier{e.home, "schema_version"}.Sanitize())
	if err != nil || len(holders) == 0 {
		return ""
	}
	h := holders[0]
	if h.application != "" {
		// What a program calls itself may be its command line.
		h.from = redact.Value(h.application) + ", " + h.from
	}
	return fmt.Sprintf("server process %s (%s)", h.pid, h.from)
}

// lastWord is how long a commit may go on after a signal before it is left to the server.
const lastWord = 5 * time.Second

func (e *postgres) commit(ctx context.Context, conn *sql.Conn) error {
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWord, giveUp) })
	defer stop()
	return conn.Raw(func(driver any) error {
		tag, err := driver.(*stdlib.Conn).Conn().Exec(patient, "COMMIT")
		var refused *pgconn.PgError
		switch {
		case err != nil && !errors.As(err, &refused), isState(err, adminShutdown, crashShutdown):
			return &Error{Message: e.place() + ": the connection was lost during the commit; whether the change was made is not known",
				Kind: ErrUnknown, Way: WayLookFirst, Cause: err}
		case err != nil:
			return err
		case tag.String() == "ROLLBACK":
			// COMMIT of a failed transaction is no error to the server.
			return &Error{Message: e.place() + ": a statement had failed before the commit; nothing was changed"}
		}
		return nil
	})
}

// tables lists those of the ledger's schema; other schemas of the database are none of our business.
func (e *postgres) tables(ctx context.Context, q querier) ([]string, error) {
	names, err := column[string](ctx, q, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
	slices.Sort(names)
	return names, err
}

// integrity looks for what makes the server not enforce what the schema says, and for rows that got in meanwhile. The
// pages of its files are checked by the server's own amcheck, where that extension is installed.
func (e *postgres) integrity(ctx context.Context, q querier) ([]string, error) {
	found, err := column[string](ctx, q, `
		WITH ours AS (
			SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND c.relkind = 'r'
		)
		SELECT 'index ' || c.relname || ' of ' || ours.relname || ' is not valid' FROM pg_index i
			JOIN ours ON ours.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT (i.indisvalid AND i.indisready)
		UNION ALL
		SELECT 'constraint ' || conname || ' of ' || ours.relname || ' is not validated' FROM pg_constraint
			JOIN ours ON ours.oid = conrelid WHERE NOT convalidated
		UNION ALL
		SELECT 'trigger ' || tgname || ' of ' || ours.relname || ' is switched off' FROM pg_trigger
			JOIN ours ON ours.oid = tgrelid WHERE tgenabled IN ('D', 'R')
		ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	orphans, err := e.orphans(ctx, q)
	if err != nil {
		return nil, err
	}
	damage, err := e.amcheck(ctx, q)
	return slices.Concat(found, orphans, damage), err
}

// schema finds nothing: the server lets nobody change a table's definition but by statements, and integrity sees what of
// it is switched off.
func (e *postgres) schema(context.Context, querier) ([]string, error) { return nil, nil }

// orphans finds rows whose foreign keys lead nowhere. They get in while triggers are switched off.
func (e *postgres) orphans(ctx context.Context, q querier) (found []string, err error) {
	type reference struct{ child, parent, match, given string }
	references, err := collect(ctx, q, func(rows *sql.Rows) (r reference, err error) {
		err = rows.Scan(&r.child, &r.parent, &r.match, &r.given)
		return r, err
	}, `SELECT k.conrelid::regclass::text, k.confrelid::regclass::text,
			string_agg(format('p.%I = c.%I', p.attname, c.attname), ' AND '), string_agg(format('c.%I IS NOT NULL', c.attname), ' AND ')
		FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
			CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (child, parent)
			JOIN pg_attribute c ON c.attrelid = k.conrelid AND c.attnum = pair.child
			JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = pair.parent
		WHERE k.contype = 'f' AND n.nspname = current_schema()
		GROUP BY k.oid, k.conrelid, k.confrelid ORDER BY 1, 2, 3`)
	if err != nil {
		return nil, err
	}
	for _, r := range references {
		var rows int64
		err := q.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT 1 FROM %s p WHERE %s)",
			r.child, r.given, r.parent, r.match)).Scan(&rows)
		if err != nil {
			return nil, err
		}
		for range rows {
			found = append(found, fmt.Sprintf("a row of %s names a row of %s that is not there", r.child, r.parent))
		}
	}
	return found, nil
}

// amcheck has the server compare each B-tree index with its table, where the extension is there and this user may use
// it (postgresql.org/docs/current/amcheck.html).
func (e *postgres) amcheck(ctx context.Context, q querier) (found []string, err error) {
	// Wherever the extension is installed: in the ledger's own schema it need not be.
	check, err := column[string](ctx, q, `
		SELECT format('%I.%I', n.nspname, p.proname) FROM pg_extension e
			JOIN pg_proc p ON p.pronamespace = e.extnamespace JOIN pg_namespace n ON n.oid = e.extnamespace
		WHERE e.extname = 'amcheck' AND p.proname = 'bt_index_check' AND pg_get_function_identity_arguments(p.oid) LIKE '%regclass%boolean%'
			AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')
		ORDER BY p.pronargs LIMIT 1`)
	if err != nil || len(check) == 0 {
		return nil, err
	}
	indexes, err := column[string](ctx, q, `
		SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam
		WHERE n.nspname = current_schema() AND a.amname = 'btree' AND i.indisvalid
		ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	for _, index := range indexes {
		if _, err := q.ExecContext(ctx, "SAVEPOINT amcheck"); err != nil {
			return nil, err
		}
		_, err := q.ExecContext(ctx, "SELECT "+check[0]+"($1::text::regclass, true)", index)
		if isState(err, dataCorrupted, indexCorrupted) {
			found = append(found, fmt.Sprintf("index %s: %s", index, serverError(err).Message))
			_, err = q.ExecContext(ctx, "ROLLBACK TO SAVEPOINT amcheck")
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// isState tells whether err is an error of the server with one of these SQLSTATEs.
func isState(err error, states ...string) bool {
	server := serverError(err)
	return server != nil && slices.Contains(states, server.Code)
}

// serverError returns what the server said; nil if err is not its.
func serverError(err error) *pgconn.PgError {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return nil
	}
	return server
}

// oneLineOf joins the lines that a server's message or a driver's error may have.
func oneLineOf(s string) string { return strings.Join(strings.Fields(s), " ") }

// prepares is pgx's business: it keeps the statements of a connection by itself.
func (e *postgres) prepares() bool { return false }

func (e *postgres) lasting(table string) string {
	if e.home == "" {
		return table
	}
	return pgx.Identifier{e.home, table}.Sanitize()
}

func (e *postgres) parameter(n int) string { return "$" + strconv.Itoa(n) }

func (e *postgres) size() string {
	return `coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind = 'r'`
}
