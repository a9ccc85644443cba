package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
)

// later is an engine of a nova-manage to come, whose schema has more versions.
type later struct {
	engine
	more []string
}

func (e later) migrations() []string { return append(e.engine.migrations(), e.more...) }

// openLater opens a ledger as Open does, with an engine to come.
func openLater(ctx context.Context, url string, mode Mode, more ...string) (*DB, error) {
	s, err := Open(ctx, Options{URL: url, Mode: Read, Clock: func() time.Time { return testTime }})
	if err != nil {
		return nil, err
	}
	s.opts.Mode, s.engine = mode, later{s.engine, more}
	if _, err := s.conn.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil && s.engine.name() == "sqlite" {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// oldLedger is a ledger of the present schema with something in it.
func oldLedger(t *testing.T, url string) {
	t.Helper()
	s := openTest(t, url, Create)
	setNumber(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantOld wants a ledger that no migration has touched.
func wantOld(t *testing.T, url string) {
	t.Helper()
	s := openTest(t, url, Read)
	wantNumber(t, s, 3)
	wantSound(t, s)
	if _, err := s.db.ExecContext(t.Context(), "SELECT half FROM half"); err == nil {
		t.Error("what the failed migration made is there")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A migration that fails in its middle, or in a later version, leaves the schema that was there, and `db sync` runs again.
func TestMigrate_fails(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			oldLedger(t, url)
			const half, rest = "CREATE TABLE half (half INTEGER); INSERT INTO half VALUES (1)", "ALTER TABLE half ADD COLUMN whole INTEGER"
			for _, broken := range [][]string{
				{half + "; INSERT INTO nowhere VALUES (1)"},
				{half, rest + "; INSERT INTO half VALUES (1, 2, 3)"},
			} {
				if s, err := openLater(t.Context(), url, Sync, broken...); err == nil {
					s.Close()
					t.Errorf("the migration %q went through", broken)
				}
				wantOld(t, url)
			}
			s, err := openLater(t.Context(), url, Sync, half, rest)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if v, err := versionOf(t, s); err != nil || v.Schema != len(s.engine.migrations()) {
				t.Errorf("version %v (%v), want %d", v, err, len(s.engine.migrations()))
			}
			wantNumber(t, s, 3)
		})
	}
}

// An older schema is left to `db sync`: every other command says so and changes nothing. A newer one is refused.
func TestMigrate_otherVersion(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			oldLedger(t, url)
			const more = "CREATE TABLE half (half INTEGER)"
			s := openTest(t, url, Read)
			now := len(s.engine.migrations())
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			needs := fmt.Sprintf("has schema version %d, and this nova-manage needs %d", now, now+1)
			knows := fmt.Sprintf("has schema version %d, and this nova-manage knows only up to %d; it was left as it is", now+1, now)
			for _, mode := range []Mode{Read, Write, Create, DryRun} {
				_, err := openLater(t.Context(), url, mode, more)
				var ours *Error
				if !errors.As(err, &ours) || !strings.HasSuffix(ours.Message, needs) ||
					ours.Way != WayMigrate || ours.Kind != ErrSchema {
					t.Errorf("mode %d: %#v", mode, err)
				}
			}
			wantOld(t, url)
			s, err := openLater(t.Context(), url, Sync, more)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, mode := range []Mode{Read, Write, Create, Sync, DryRun} {
				_, err := Open(t.Context(), Options{URL: url, Mode: mode})
				if err == nil || !strings.HasSuffix(err.Error(), knows) {
					t.Errorf("mode %d: %v", mode, err)
				}
			}
		})
	}
}

// slowly is a migration that takes long on each engine.
var slowly = map[string]string{
	"sqlite": `CREATE TABLE half (half INTEGER);
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) INSERT INTO half SELECT i FROM n`,
	"postgresql": "CREATE TABLE half (half INTEGER); SELECT pg_sleep(600)",
}

// migrateChild names the ledger that a child process of TestMigrate_killed migrates.
const migrateChild = "NOVA_MANAGE_TEST_MIGRATE"

// A process that is killed in the middle of a migration leaves the old schema.
func TestMigrate_killed(t *testing.T) {
	if url := os.Getenv(migrateChild); url != "" {
		engine, _, _ := strings.Cut(url, "://")
		_, err := openLater(t.Context(), url, Sync, slowly[engine])
		t.Fatalf("the migration ended: %v", err)
	}
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			oldLedger(t, url)
			cmd := exec.Command(os.Args[0], "-test.run=^TestMigrate_killed$")
			cmd.Env = append(os.Environ(), migrateChild+"="+url)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			held := func() bool { return lockHolder(filepath.Clean(strings.TrimPrefix(url, "sqlite:///"))) != "" }
			if name == "postgresql" {
				s := openTest(t, url, Read)
				held = func() bool {
					n, err := column[int](t.Context(), s.conn, "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()")
					return err == nil && len(n) > 0
				}
			}
			for deadline := time.Now().Add(time.Minute); !held(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the migration has not begun within a minute")
				}
			}
			time.Sleep(50 * time.Millisecond) // somewhere in it; any moment must do
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			if name == "postgresql" {
				// The server notices when the sleep ends, or here.
				pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()")
			}
			wantOld(t, url)
			s, err := openLater(t.Context(), url, Sync, "CREATE TABLE half (half INTEGER)")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func versionOf(t *testing.T, s *DB) (v Version, err error) {
	err = s.View(t.Context(), func(ctx context.Context, r *ReadTx) error {
		v, err = s.Version(ctx, r)
		return err
	})
	return v, err
}
