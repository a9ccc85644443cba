package pgtest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// A test binary that is killed leaves neither a server nor a file.
func TestURL_killed(t *testing.T) {
	if os.Getenv("PGTEST_VICTIM") != "" {
		URL(t)
		os.Stdout.WriteString("dir " + running.dir + "\n")
		select {}
	}
	URL(t) // skips where there is no PostgreSQL
	victim := exec.Command(os.Args[0], "-test.run=^TestURL_killed$")
	victim.Env = append(os.Environ(), "PGTEST_VICTIM=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	for lines := bufio.NewScanner(out); dir == "" && lines.Scan(); {
		dir, _ = strings.CutPrefix(lines.Text(), "dir ")
	}
	pid, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	process := filepath.Join("/proc", strings.Fields(string(pid))[0])
	for _, path := range []string{dir, process} {
		for {
			if _, err := os.Stat(path); os.IsNotExist(err) {
				break
			}
			time.Sleep(10 * time.Millisecond) // the test's own time limit ends it if it is never gone
		}
	}
}

func TestURL_separate(t *testing.T) {
	a, b := URL(t), URL(t)
	Exec(t, a, "CREATE TABLE here (id int)")
	Exec(t, b, "CREATE TABLE here (id int)")
}

// What a test has set for its database is gone when the next one gets it, and does not reach what empties it.
func TestURL_settings(t *testing.T) {
	var database string
	for _, setting := range []string{"statement_timeout = '1ms'", "lock_timeout = '1ms'", "default_transaction_read_only = on"} {
		t.Run(setting, func(t *testing.T) {
			base := URL(t)
			if database == "" {
				database = base
			}
			if base != database {
				t.Fatalf("the test got %s, not %s again", base, database)
			}
			Exec(t, base, `DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_db_role_setting), 'a setting is left'; END $$;
				CREATE TABLE here AS SELECT generate_series(1, 100000);
				ALTER DATABASE `+Database(t, base)+` SET `+setting)
			// This takes longer than a statement may, unless it is the test's.
			Exec(t, base, "SELECT pg_sleep(0.05); DROP TABLE here")
		})
	}
}
