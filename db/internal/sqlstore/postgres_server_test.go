package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
)

// notInterrupted wants an error that is no interruption: nobody has pressed Ctrl-C.
func notInterrupted(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, context.Canceled) {
		t.Errorf("error %q says that the command was interrupted", err)
	}
}

// sleep is a change, or a look, that takes long.
func sleep(s *DB, write bool) error {
	look := func(ctx context.Context, r *ReadTx) error {
		_, _, err := Value[string](ctx, r, "pg_sleep(60)::text")
		return err
	}
	if !write {
		return s.View(context.Background(), look)
	}
	return s.Change(context.Background(), Change{}, func(ctx context.Context, w *WriteTx) error {
		if err := w.Update(ctx, "sequences", Named{"name", "network"}, Named{"value", 7}); err != nil {
			return err
		}
		return look(ctx, w.ReadTx)
	})
}

// A statement that the server ends because the role or the database has a limit is not taken for Ctrl-C.
func TestPostgres_statementTimeout(t *testing.T) {
	base := pgtest.URL(t)
	openTest(t, base, Create)
	pgtest.Exec(t, base, "ALTER DATABASE "+pgtest.Database(t, base)+" SET statement_timeout = '50ms'")
	for _, write := range []bool{false, true} {
		s := openTest(t, base, Write)
		err := sleep(s, write)
		wantSentence(t, err, nil, s.engine.place()+": the server stopped the command: canceling statement due to statement timeout; nothing was changed",
			string(WayTimeouts))
		notInterrupted(t, err)
	}
	wantNumber(t, openTest(t, base, Read), 0)
}

// A reader that waits for a lock has no patience of ours; the server's own is told as what it is.
func TestPostgres_lockTimeoutOfServer(t *testing.T) {
	base := pgtest.URL(t)
	holder := openTest(t, base, Create)
	pgtest.Exec(t, base, "ALTER DATABASE "+pgtest.Database(t, base)+" SET lock_timeout = '50ms'")
	s := openTest(t, base, Read)
	for _, statement := range []string{"BEGIN", "LOCK TABLE sequences IN ACCESS EXCLUSIVE MODE"} {
		if _, err := holder.conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		_, _, err := Value[int](ctx, r, "value FROM sequences")
		return err
	})
	wantSentence(t, err, nil, "the server stopped waiting for a lock: canceling statement due to lock timeout", string(WayTimeouts))
	notInterrupted(t, err)
}

// A backend that is ended, or a statement that somebody cancels at the server, is told as what it is.
func TestPostgres_ended(t *testing.T) {
	base := pgtest.URL(t)
	observer := openTest(t, base, Create)
	for function, want := range map[string]string{
		"pg_terminate_backend": "the server closed the connection: terminating connection due to administrator command; nothing was changed",
		"pg_cancel_backend":    "the server stopped the command: canceling statement due to user request; nothing was changed",
	} {
		for _, write := range []bool{false, true} {
			s := openTest(t, base, Write)
			ended := make(chan error)
			go func() { ended <- sleep(s, write) }()
			for done := false; !done; {
				pids, err := column[bool](t.Context(), observer.conn,
					"SELECT "+function+"(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()")
				if err != nil {
					t.Fatal(err)
				}
				done = len(pids) > 0
			}
			err := <-ended
			wantSentence(t, err, nil, s.engine.place()+": "+want)
			notInterrupted(t, err)
		}
	}
	wantNumber(t, openTest(t, base, Read), 0)
}

// A backend that is ended while it commits may have committed.
func TestPostgres_endedInCommit(t *testing.T) {
	base := pgtest.URL(t)
	s := openTest(t, base, Create)
	pgtest.Exec(t, base, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON sequences DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
	wantSentence(t, count(t.Context(), s), nil, "the connection was lost during the commit; whether the change was made is not known", string(WayLookFirst))
}

// A text that the database's encoding has no characters for can never be stored there.
func TestPostgres_encoding(t *testing.T) {
	s := openTest(t, pgtest.URLOf(t, "ENCODING 'LATIN1' TEMPLATE template0"), Create)
	write := func(name string) error {
		return s.Change(t.Context(), Change{}, func(ctx context.Context, w *WriteTx) error {
			return w.Insert(ctx, NewRows{Table: "projects", Columns: []string{"project_id", "created_at"}, N: 1, Fill: func(_ int, v []any) {
				v[0], v[1] = name, FormatTime(testTime)
			}})
		})
	}
	if err := write("Küche"); err != nil {
		t.Error(err)
	}
	wantSentence(t, write("ключ"), ErrInvalid, "a text that the encoding of its database cannot hold: character with byte sequence 0xd0 0xba", "LATIN1", string(WayUTF8))
	wantSound(t, s)
}

// A standby is read like any ledger, and refuses writers in one sentence; what it has to cancel is not called another
// writer's fault.
func TestPostgres_standby(t *testing.T) {
	base := pgtest.URL(t)
	primary := openTest(t, base, Create)
	setNumber(t, primary, 3)
	standby := pgtest.Standby(t, base)
	for _, mode := range []Mode{Read, Write, Create, Sync} {
		s := openTest(t, standby, mode)
		wantNumber(t, s, 3)
		if mode != Read {
			wantSentence(t, count(t.Context(), s), nil, "it cannot be written: the server is a standby, or read-only for this user", string(WayPrimary))
		}
	}
	wantSound(t, openTest(t, standby, Read))

	// The primary cleans up what a reader of the standby still sees.
	s := openTest(t, standby, Read)
	err := s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		if _, _, err := Value[int](ctx, r, "value FROM sequences WHERE name = 'network'"); err != nil {
			return err
		}
		setNumber(t, primary, 1)
		pgtest.Exec(t, base, "VACUUM sequences")
		for range 600 {
			if _, _, err := Value[string](ctx, r, "value::text || pg_sleep(0.1) FROM sequences WHERE name = 'network'"); err != nil {
				return err
			}
		}
		return nil
	})
	wantSentence(t, err, nil, "the server, a standby, had to go on with what its primary has changed: ", "conflict with recovery", string(WayAgainOrPrimary))
}

// The ledger is where it was made, whatever search_path has before it since; a new one goes to the first schema.
func TestPostgres_searchPath(t *testing.T) {
	base := pgtest.URL(t)
	path := func(schemas string) string { return base + "&search_path=" + url.PathEscape(schemas) }
	wantPlace := func(s *DB, want string) {
		t.Helper()
		if v, err := versionOf(t, s); err != nil || v.Place != want || v.Engine != "postgresql" {
			t.Errorf("version %+v (%v), want schema %s", v, err, want)
		}
	}
	pgtest.Exec(t, base, `CREATE SCHEMA nova; CREATE SCHEMA "a b"; CREATE EXTENSION amcheck SCHEMA public`)
	s := openTest(t, path("nova, public"), Create)
	wantPlace(s, "nova")
	setNumber(t, s, 3)

	for _, schemas := range []string{"nova", "public, nova", `"a b", public, nova`, "missing, public, nova"} {
		for _, mode := range []Mode{Read, Write, Create, Sync} {
			s := openTest(t, path(schemas), mode)
			wantPlace(s, "nova")
			wantNumber(t, s, 3)
		}
	}
	behind := openTest(t, path("public, nova"), Write)
	addNetwork(t, behind)
	wantNumber(t, behind, 3)
	wantSound(t, behind)
	pgtest.Exec(t, base, "ALTER TABLE nova.claims DISABLE TRIGGER claims_insert")
	if got, _ := findings(t, behind); len(got) != 1 {
		t.Errorf("found %q", got)
	}
	pgtest.Exec(t, base, "ALTER TABLE nova.claims ENABLE TRIGGER claims_insert")
	release := hold(t, behind)
	waiter := openPostgres(t, path("public, nova"), Write, 50*time.Millisecond)
	if err := count(t.Context(), waiter); err == nil || !strings.Contains(err.Error(), "nova-manage by holder@node1") {
		t.Errorf("error %v, want the holder's name", err)
	}
	release()

	// Without the ledger's schema in it there is none; one that is made then is another.
	_, err := Open(t.Context(), Options{URL: path(`"a b"`), Mode: Read})
	wantSentence(t, err, ErrNoLedger, "there is no ledger")
	wantPlace(openTest(t, path(`"a b", public`), Create), "a b")
	wantPlace(openTest(t, path(`"a b", nova`), Read), "a b")
	wantPlace(openTest(t, path(`nova, "a b"`), Read), "nova")

	_, err = Open(t.Context(), Options{URL: path("missing"), Mode: Read})
	wantSentence(t, err, ErrNoLedger, "there is no ledger")
	_, err = Open(t.Context(), Options{URL: path("missing"), Mode: Sync})
	wantSentence(t, err, nil, "its search_path names no schema to make the ledger in", string(WaySearchPath))

	// A damaged ledger is one, also in a schema that is not the first.
	pgtest.Exec(t, base, "DROP TABLE nova.schema_version")
	_, err = Open(t.Context(), Options{URL: path("public, nova"), Mode: Create})
	wantSentence(t, err, ErrCorrupt, "is damaged: it has no table schema_version")
	if n, err := column[int](t.Context(), s.conn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); err != nil || fmt.Sprint(n) != "[0]" {
		t.Errorf("public has %v tables (%v)", n, err)
	}
}
