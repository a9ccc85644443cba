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
