// Package pgtest gives tests a PostgreSQL server of their own; what they do with it is left to them.
//
// The server is that of the machine's package, in a temporary folder, on a Unix socket only. It starts with the first
// test that asks for it and ends with the test binary, also where that panics or is killed.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Require is the environment variable that, set to 1, makes tests fail that skip where there is no PostgreSQL.
const Require = "NOVA_MANAGE_REQUIRE_POSTGRES"

// superuser is the role that tests connect as. It needs no password.
const superuser = "nova"

// maxSocketPath is the longest path of a Unix socket that Linux takes (sun_path in unix(7), less the closing NUL).
const maxSocketPath = 107

// server is a running PostgreSQL.
type server struct {
	bin, dir string
	keeper   *exec.Cmd
	// leash is a pipe that the keeper reads. It closes when this process ends, however it ends.
	leash io.Closer
	as    *syscall.Credential

	mu        sync.Mutex
	databases int
	empty     []string // databases that no test has at the moment
}

var (
	once     sync.Once
	running  *server
	startErr error
)

// errMissing says why no server can run here.
type errMissing string

func (e errMissing) Error() string { return string(e) }

// URL returns a URL of an empty database, which is the test's own until it ends. It skips the test where there is no
// PostgreSQL, and fails it instead where the environment requires one.
func URL(t testing.TB) string {
	t.Helper()
	s := get(t)
	name := s.take(t)
	t.Cleanup(func() { s.giveBack(t, name) })
	return s.url(superuser, name)
}

// take returns an empty database: one that an earlier test is done with, for making one costs as much as a whole test.
func (s *server) take(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.empty); n > 0 {
		name := s.empty[n-1]
		s.empty = s.empty[:n-1]
		return name
	}
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.psql(t, "postgres", "CREATE DATABASE "+name)
	return name
}

// giveBack makes a database as it was when it was new.
func (s *server) giveBack(t testing.TB, name string) {
	t.Helper()
	s.psql(t, name, `SET client_min_messages = warning;
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
		ALTER DATABASE `+name+` RESET ALL;
		DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_' LOOP
				EXECUTE format('DROP SCHEMA %I CASCADE', name);
			END LOOP;
		END $$;
		CREATE SCHEMA public`)
	if !t.Failed() { // psql itself may be why; what it left is for nobody else
		s.mu.Lock()
		defer s.mu.Unlock()
		s.empty = append(s.empty, name)
	}
}

// WithPassword makes a role that must give a password, and returns base, a URL that URL returned, as that role uses it.
func WithPassword(t testing.TB, base, name, password string) string {
	t.Helper()
	s := get(t)
	database := Database(t, base)
	s.psql(t, database, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'; GRANT ALL ON SCHEMA public TO %[1]s",
		name, strings.ReplaceAll(password, "'", "''")))
	t.Cleanup(func() { s.psql(t, database, fmt.Sprintf("DROP OWNED BY %s; DROP ROLE %[1]s", name)) })
	locked, err := url.Parse(s.url(name, database))
	if err != nil {
		t.Fatal(err)
	}
	locked.User = url.UserPassword(name, password)
	return locked.String()
}

// URLOf is URL for a database of another kind, made with these options of CREATE DATABASE.
func URLOf(t testing.TB, options string) string {
	t.Helper()
	s := get(t)
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	s.psql(t, "postgres", "CREATE DATABASE "+name+" "+options)
	t.Cleanup(func() { s.psql(t, "postgres", "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.url(superuser, name)
}

// Standby starts a hot standby of the server, which follows it until the test ends, and returns base, a URL that URL
// returned, as it is reached there. It cancels without delay what keeps it from following.
func Standby(t testing.TB, base string) string {
	t.Helper()
	s := get(t)
	standby := &server{bin: s.bin, as: s.as}
	if err := standby.makeFolder(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.stop)
	data := filepath.Join(standby.dir, "data")
	if out, err := s.command(filepath.Join(s.bin, "pg_basebackup"), "-D", data, "-h", s.dir, "-U", superuser, "-R", "-X", "stream", "-c", "fast",
		"--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v: %s", err, out)
	}
	if err := standby.run(data, "-c", "max_standby_streaming_delay=0", "-c", "hot_standby_feedback=off"); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(base, url.QueryEscape(s.dir), url.QueryEscape(standby.dir), 1)
}

// Database is the name of the database of a URL that URL returned.
func Database(t testing.TB, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// Exec runs SQL on the database of a URL that URL returned, as a superuser.
func Exec(t testing.TB, base, sql string) {
	t.Helper()
	get(t).psql(t, Database(t, base), sql)
}

// Stop ends the server, if one runs, and removes its files. A TestMain calls it after its tests, so that nothing is
// left when it exits; without it the same happens a moment later.
func Stop() {
	if running != nil {
		running.stop()
		running = nil
	}
}

func (s *server) stop() {
	if s.keeper == nil {
		_ = os.RemoveAll(s.dir)
		return
	}
	_ = s.leash.Close()
	_ = s.keeper.Wait()
}

func get(t testing.TB) *server {
	t.Helper()
	once.Do(func() { running, startErr = start() })
	var missing errMissing
	switch {
	case startErr == nil:
	case errors.As(startErr, &missing) && os.Getenv(Require) != "1":
		t.Skip(missing)
	default:
		t.Fatalf("no PostgreSQL for the test: %v", startErr)
	}
	return running
}

func (s *server) url(role, database string) string {
	u := url.URL{Scheme: "postgresql", User: url.User(role), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

func (s *server) psql(t testing.TB, database, sql string) {
	t.Helper()
	// The server's own user runs it: a role's name need not be that of a user.
	cmd := exec.Command(filepath.Join(s.bin, "psql"), "-X", "-q", "-o", os.DevNull, "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-U", superuser, "-d", database)
	cmd.Stdin = strings.NewReader(sql)
	// What a test made the database's own settings is for the program under test, not for this.
	cmd.Env = append(environment(), "PGOPTIONS=-c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("psql: %s: %v: %s", sql, err, out)
	}
}

// environment has none of the variables that PostgreSQL's programs listen to.
func environment() []string {
	return slices.DeleteFunc(append(os.Environ(), "LC_ALL=C"), func(v string) bool { return strings.HasPrefix(v, "PG") })
}

// keep runs the server until its input ends, which is when the process that started it is gone; then it leaves nothing.
const keep = `
dir=$1; shift
"$@" & server=$!
cat >/dev/null
kill -INT $server 2>/dev/null
wait $server
cd / && rm -rf "$dir"
`

func start() (s *server, err error) {
	s = &server{}
	if s.bin, err = binaries(); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		// initdb and postgres refuse to be root.
		if s.as, err = ordinaryUser(); err != nil {
			return nil, err
		}
	}
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	defer func() {
		if s.keeper == nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	data := filepath.Join(s.dir, "data")
	if err := s.initialize(data); err != nil {
		return nil, err
	}
	return s, s.run(data)
}

// run starts the server on a cluster, and returns when it answers.
func (s *server) run(data string, options ...string) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// Nothing here outlives a power cut anyway, so nothing is synced.
	keeper := s.command("/bin/sh", slices.Concat([]string{"-c", keep, "sh", s.dir, filepath.Join(s.bin, "postgres"), "-D", data, "-k", s.dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=100"}, options)...)
	keeper.Stdout, keeper.Stderr = log, log
	if s.leash, err = keeper.StdinPipe(); err != nil {
		return err
	}
	// A session of its own: Ctrl-C in the terminal is for the tests, and the keeper must outlive them to clean up.
	keeper.SysProcAttr.Setsid = true
	if err := keeper.Start(); err != nil {
		return err
	}
	s.keeper = keeper
	if err := s.wait(); err != nil {
		said, _ := os.ReadFile(log.Name())
		s.stop()
		return fmt.Errorf("%w\n%s", err, said)
	}
	return nil
}

// binaries returns the folder of the newest PostgreSQL server programs.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has them
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	found = slices.DeleteFunc(found, func(initdb string) bool {
		for _, program := range []string{"postgres", "psql"} {
			if _, err := os.Stat(filepath.Join(filepath.Dir(initdb), program)); err != nil {
				return true
			}
		}
		return false
	})
	if len(found) == 0 {
		return "", errMissing("PostgreSQL is not installed (no initdb, postgres and psql in /usr/lib/postgresql/*/bin or the PATH)")
	}
	version := func(initdb string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func ordinaryUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errMissing("tests run as root, and there is no user postgres or nobody to run PostgreSQL as")
}

// makeFolder makes the temporary folder, which belongs to whom the server runs as.
func (s *server) makeFolder() error {
	parent := os.TempDir()
	if s.as != nil || len(parent)+len("/pgtest1234567890/.s.PGSQL.5432") > maxSocketPath {
		parent = "/tmp" // where another user gets at it, and its path fits a socket address
	}
	dir, err := os.MkdirTemp(parent, "pgtest")
	if err != nil {
		return err
	}
	s.dir = dir
	if s.as != nil {
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
	}
	return nil
}

// initialize makes the cluster, with an order of text that is not that of bytes where this PostgreSQL can (15 and later,
// with ICU): a test that passes by a C locale's grace proves nothing about other servers.
func (s *server) initialize(data string) error {
	plain := []string{"-D", data, "-U", superuser, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions", "--locale=C"}
	var out []byte
	var err error
	for _, more := range [][]string{{"--locale-provider=icu", "--icu-locale=en-US"}, nil} {
		if out, err = s.command(filepath.Join(s.bin, "initdb"), append(plain, more...)...).CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	// The superuser is let in; every other role must know its password.
	return s.command("/bin/sh", "-c", `printf 'local all,replication `+superuser+` trust\nlocal all all scram-sha-256\n' >"$1"`, "sh",
		filepath.Join(data, "pg_hba.conf")).Run()
}

// command is a command that runs as the server's user, in its folder.
func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = s.dir, environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

// wait waits until the server answers.
func (s *server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-X", "-h", s.dir, "-U", superuser, "-d", "postgres", "-c", "SELECT 1")
		cmd.Env = environment()
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %s", bytes.TrimSpace(out))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
