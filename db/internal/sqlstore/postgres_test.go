package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
)

// openPostgres opens a ledger with a short patience.
func openPostgres(t testing.TB, url string, mode Mode, patience time.Duration) *DB {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Mode: mode, LockTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// wantSentence wants an error of this class only, of one line, that says these parts in its sentence or its hint.
func wantSentence(t testing.TB, err, kind error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	said := err.Error()
	if e := (*Error)(nil); errors.As(err, &e) {
		said += fmt.Sprintln("", e.Way, e.Values)
	}
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("error %q, want one with %q", said, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has several lines", err)
	}
	for _, class := range []error{ErrInvalid, ErrNotFound, ErrNoLedger, ErrConflict, ErrCorrupt, ErrCheck} {
		if kind != nil && errors.Is(kind, class) {
			continue
		}
		if errors.Is(err, class) {
			t.Errorf("error %q is a %q", err, class)
		}
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q is no %q", err, kind)
	}
}

// Writers queue: each finds the ledger as the one before it left it, with LOCK TABLE and on servers without.
func TestPostgres_manyWriters(t *testing.T) {
	const writers, writes = 12, 8
	for name, noTableLock := range map[string]bool{"LOCK TABLE": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					s, err := Open(t.Context(), Options{URL: url, Mode: Create})
					if err != nil {
						t.Error(err)
						return
					}
					defer s.Close()
					s.engine.(*postgres).noTableLock = noTableLock
					for range writes {
						if err := count(t.Context(), s); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			s := openTest(t, url, Read)
			wantNumber(t, s, writers*writes)
		})
	}
}

func TestPostgres_manySyncs(t *testing.T) {
	url := pgtest.URL(t)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			s, err := Open(t.Context(), Options{URL: url, Mode: []Mode{Sync, Create}[i%2]})
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	all.Wait()
	wantSound(t, openTest(t, url, Read))
}

// hold takes the writers' lock and returns when it has it; the lock is released at the end of the test or by the
// function that it returns.
func hold(t *testing.T, s *DB) (release func()) {
	t.Helper()
	held, free, done := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		err := s.Change(context.Background(), Change{Actor: "holder@node1"}, func(context.Context, *WriteTx) error {
			close(held)
			<-free
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-held
	release = sync.OnceFunc(func() { close(free); <-done })
	t.Cleanup(release)
	return release
}

func TestPostgres_lockTimeout(t *testing.T) {
	for name, noTableLock := range map[string]bool{"LOCK TABLE": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			holder, waiter := openTest(t, url, Create), openPostgres(t, url, Write, 50*time.Millisecond)
			holder.engine.(*postgres).noTableLock, waiter.engine.(*postgres).noTableLock = noTableLock, noTableLock
			var pid int
			if err := holder.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			release := hold(t, holder)
			err := count(t.Context(), waiter)
			var locked *LockedError
			if !errors.As(err, &locked) {
				t.Fatalf("error %v, want a LockedError", err)
			}
			want := fmt.Sprintf("server process %d (nova-manage by holder@node1, user nova, from the server's own host) has held %s for 50ms; nothing was changed",
				pid, waiter.engine.place())
			if err.Error() != want {
				t.Errorf("error\n got %s\nwant %s", err, want)
			}
			wantNumber(t, openTest(t, url, Read), 0) // a reader does not wait
			release()
			if err := count(t.Context(), waiter); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who waits for a lock can be interrupted, and leaves nothing at the server that still waits.
func TestPostgres_interruptedWait(t *testing.T) {
	url := pgtest.URL(t)
	holder, waiter, observer := openTest(t, url, Create), openTest(t, url, Write), openTest(t, url, Read)
	hold(t, holder)
	ctx, cancel := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	defer watcher.Wait()
	watcher.Go(func() {
		waiting := func() (n int) {
			query := "SELECT count(*) FROM pg_locks WHERE relation = 'schema_version'::regclass AND NOT granted"
			if err := observer.conn.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
				t.Error(err)
				return 1
			}
			return n
		}
		for waiting() == 0 {
		}
		cancel()
		for waiting() > 0 {
		}
	})
	err := count(ctx, waiter)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was interrupted", err)
	}
}

func TestPostgres_open(t *testing.T) {
	url := pgtest.URL(t)
	_, err := Open(t.Context(), Options{URL: url, Mode: Read})
	wantSentence(t, err, ErrNoLedger, "there is no ledger postgresql://nova@/test", string(WayMakeLedger))
	_, err = Open(t.Context(), Options{URL: url, Mode: Write})
	wantSentence(t, err, ErrNoLedger, "there is no ledger")
	dry := openTest(t, url, DryRun)
	setNumber(t, dry, 3)
	if _, err = Open(t.Context(), Options{URL: url, Mode: Read}); !errors.Is(err, ErrNoLedger) {
		t.Errorf("a dry run made a ledger: %v", err)
	}

	pgtest.Exec(t, url, "CREATE TABLE fixed_ips (id int)")
	_, err = Open(t.Context(), Options{URL: url, Mode: Create})
	wantSentence(t, err, nil, "is the database of OpenStack Nova itself")
	pgtest.Exec(t, url, "ALTER TABLE fixed_ips RENAME TO birds")
	_, err = Open(t.Context(), Options{URL: url, Mode: Sync})
	wantSentence(t, err, nil, `is some other program's database (it has a table "birds")`)

	url = pgtest.URL(t)
	openTest(t, url, Create)
	pgtest.Exec(t, url, "INSERT INTO schema_version VALUES (99, '')")
	_, err = Open(t.Context(), Options{URL: url, Mode: Sync})
	wantSentence(t, err, nil, "has schema version 99")
}

func TestPostgres_unreachable(t *testing.T) {
	url := pgtest.URL(t)
	setNumber(t, openTest(t, url, Create), 3)
	base, options, _ := strings.Cut(url, "?")
	i := strings.LastIndex(base, "/")
	_, err := Open(t.Context(), Options{URL: base[:i] + "/nowhere?" + options, Mode: Create})
	wantSentence(t, err, nil, `the server has no database "nowhere"`, string(WayCreateDatabase))
	_, err = Open(t.Context(), Options{URL: base + "?host=" + t.TempDir(), Mode: Create})
	wantSentence(t, err, nil, "it cannot be reached: dial unix", "no such file or directory", string(WayCheckHost))
	_, err = Open(t.Context(), Options{URL: url + "&nonsense=1", Mode: Read})
	wantSentence(t, err, nil, `unrecognized configuration parameter "nonsense"`)

	// A standby refuses writers in these words, too.
	readOnly := openTest(t, url, Write)
	if _, err := readOnly.conn.ExecContext(t.Context(), "ALTER DATABASE "+base[i+1:]+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	readOnly = openTest(t, url, Write)
	wantSentence(t, count(t.Context(), readOnly), nil, "it cannot be written")
	wantNumber(t, readOnly, 3)
}

// A connection that is lost is said in one line; the change of a lost transaction is not there.
func TestPostgres_lostConnection(t *testing.T) {
	url := pgtest.URL(t)
	s := openTest(t, url, Create)
	err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
		if err := w.Update(ctx, "sequences", Named{"name", "network"}, Named{"value", 7}); err != nil {
			return err
		}
		_, _, err := Value[bool](ctx, w.ReadTx, "pg_terminate_backend(pg_backend_pid())")
		return err
	})
	wantSentence(t, err, nil, s.engine.place())
	wantNumber(t, openTest(t, url, Write), 0) // a lost transaction is not committed
}

// PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK and no error.
func TestPostgres_failedCommit(t *testing.T) {
	s := openTest(t, pgtest.URL(t), Create)
	err := s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
		_, _, _ = Value[int](ctx, w.ReadTx, "1/0")
		return nil
	})
	wantSentence(t, err, nil, "a statement had failed before the commit; nothing was changed")
}

// A claim that overlaps one that its transaction cannot see is refused by the server: among serializable transactions,
// and there are no others.
func TestPostgres_overlap(t *testing.T) {
	const claim = `INSERT INTO claims (first, last, prefix, kind) SELECT first, last, 'x', 'network' FROM claims ORDER BY first LIMIT 1`
	s := openTest(t, pgtest.URL(t), Create)
	addNetwork(t, s)
	_, err := s.conn.ExecContext(t.Context(), claim)
	wantSentence(t, s.engine.translate(t.Context(), err), ErrConflict, "claims are inserted in SERIALIZABLE transactions only")
	err = s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
		_, err := w.q.ExecContext(ctx, claim)
		return err
	})
	wantSentence(t, err, ErrConflict, "it overlaps a prefix that is in use")

	// Two that go past the queue, each without the other's half in sight.
	ctx := t.Context()
	a, b := s.conn, openTest(t, s.opts.URL, Write).conn
	failed := false
	for _, step := range []struct {
		conn      querier
		statement string
	}{
		{a, "BEGIN ISOLATION LEVEL SERIALIZABLE"}, {b, "BEGIN ISOLATION LEVEL SERIALIZABLE"},
		{a, `INSERT INTO claims VALUES ('\x00000000000000000000ffff0b000000', '\x00000000000000000000ffff0b0000ff', '11.0.0.0/24', 'network')`},
		{b, `INSERT INTO claims VALUES ('\x00000000000000000000ffff0b000080', '\x00000000000000000000ffff0b0000ff', '11.0.0.128/25', 'network')`},
		{a, "COMMIT"}, {b, "COMMIT"},
	} {
		if _, err := step.conn.ExecContext(ctx, step.statement); err != nil {
			if !s.engine.retryable(err) {
				t.Errorf("%s: %v", step.statement, err)
			}
			failed = true
		}
	}
	if !failed {
		t.Error("two claims overlap, and both were committed")
	}
}

func TestPostgres_integrity(t *testing.T) {
	for _, tt := range []struct{ name, sql, want string }{
		{"sound", "CREATE EXTENSION amcheck", ""},
		{"index", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'networks_bridge'::regclass",
			"index networks_bridge of networks is not valid"},
		{"trigger", "ALTER TABLE claims DISABLE TRIGGER claims_insert", "trigger claims_insert of claims is switched off"},
		{"constraint", "ALTER TABLE claims ADD CONSTRAINT odd CHECK (prefix <> 'x') NOT VALID", "constraint odd of claims is not validated"},
		{"orphan", "SET session_replication_role = replica; DELETE FROM bridges WHERE bridge = 'br100'",
			"a row of networks names a row of bridges that is not there"},
		// An index that an insert went past, which is how corruption by a changed sort order looks, too.
		{"amcheck", `CREATE EXTENSION amcheck; UPDATE pg_index SET indisready = false WHERE indexrelid = 'free_ranges_largest'::regclass;
			INSERT INTO free_ranges VALUES ('\xffffffffffffffffffffffffffffffff', '\xffffffffffffffffffffffffffffffff', 128);
			UPDATE pg_index SET indisready = true WHERE indexrelid = 'free_ranges_largest'::regclass`, "index free_ranges_largest: heap tuple"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openTest(t, pgtest.URL(t), Create)
			addNetwork(t, s)
			pgtest.Exec(t, s.opts.URL, tt.sql)
			got, schema := findings(t, s)
			if tt.want == "" && got != nil || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) || schema != nil {
				t.Errorf("found %q and %q, want %q", got, schema, tt.want)
			}
		})
	}
}

// What is indexed is sorted by bytes, though the server's own order is that of a language.
func TestPostgres_sortsByBytes(t *testing.T) {
	s := openTest(t, pgtest.URL(t), Create)
	var language bool
	if err := s.conn.QueryRowContext(t.Context(), "SELECT 'a' < 'B'").Scan(&language); err != nil {
		t.Fatal(err)
	}
	if !language {
		t.Log("this server sorts by bytes anyway")
	}
	others, err := column[string](t.Context(), s.conn, `
		SELECT i.indexrelid::regclass || ' ' || a.attname FROM pg_index i
			JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
			CROSS JOIN LATERAL unnest(i.indkey::int[], i.indcollation::oid[]) AS k (attnum, sorted)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
			JOIN pg_collation o ON o.oid = k.sorted WHERE o.collname <> 'C'`)
	if err != nil {
		t.Fatal(err)
	}
	if others != nil {
		t.Errorf("these index columns are not COLLATE \"C\": %v", others)
	}
}

// The two schemas have the same tables, columns, nullability and indexes.
func TestSchemas_parallel(t *testing.T) {
	shape := map[string][]string{}
	for name, queries := range map[string][]string{
		"sqlite": {
			`SELECT 'column ' || m.name || '.' || p.name || CASE WHEN p."notnull" OR p.pk > 0 THEN ' not null' ELSE '' END
				FROM sqlite_schema m, pragma_table_info(m.name) p WHERE m.type = 'table'`,
			`SELECT type || ' ' || name || ' of ' || tbl_name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL`,
		},
		"postgresql": {
			`SELECT 'column ' || table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
				FROM information_schema.columns WHERE table_schema = current_schema()`,
			`SELECT 'index ' || indexname || ' of ' || tablename FROM pg_indexes
				WHERE schemaname = current_schema() AND indexname !~ '_(pkey|key|key[0-9]+)$'`,
			`SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal`,
		},
	} {
		s := openTest(t, engines[name](t), Create)
		for _, query := range queries {
			found, err := column[string](t.Context(), s.conn, query)
			if err != nil {
				t.Fatal(err)
			}
			shape[name] = append(shape[name], found...)
		}
		slices.Sort(shape[name])
	}
	for name, other := range map[string]string{"sqlite": "postgresql", "postgresql": "sqlite"} {
		for _, item := range shape[name] {
			if !slices.Contains(shape[other], item) {
				t.Errorf("only %s has %s", name, item)
			}
		}
	}
}

// Who waits for longer than a moment is told once whom for, by another connection, which is given back.
func TestPostgres_waiting(t *testing.T) {
	for name, noTableLock := range map[string]bool{"LOCK TABLE": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			holder := openTest(t, url, Create)
			var pid int
			if err := holder.conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			told := make(chan string, 10)
			waiter, err := Open(t.Context(), Options{URL: url, Mode: Write, Waiting: func(holder string) { told <- holder }})
			if err != nil {
				t.Fatal(err)
			}
			defer waiter.Close()
			holder.engine.(*postgres).noTableLock, waiter.engine.(*postgres).noTableLock = noTableLock, noTableLock
			if err := count(t.Context(), waiter); err != nil { // it waits for nobody
				t.Fatal(err)
			}
			for range 2 {
				release := hold(t, holder)
				time.AfterFunc(longWait+500*time.Millisecond, release)
				if err := count(t.Context(), waiter); err != nil {
					t.Fatal(err)
				}
				release() // the holder may not know yet that it is done
			}
			close(told)
			want := fmt.Sprintf("server process %d (nova-manage by holder@node1, user nova, from the server's own host)", pid)
			if got := <-told; got != want {
				t.Errorf("told %q, want %q", got, want)
			}
			if again, ok := <-told; ok {
				t.Errorf("told %q as well", again)
			}
			if n := waiter.db.Stats().InUse; n != 1 {
				t.Errorf("%d connections are in use", n)
			}
		})
	}
}
