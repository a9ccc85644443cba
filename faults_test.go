package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/pgtest"
)

// The tests in faults_*_test.go do to real processes what machines do to them, write down outside the ledger what was
// acknowledged, and compare the ledger with that.

// ledger is a place for a ledger of its own, and what commands that work on it need.
type ledger struct {
	url     string
	path    string              // of the file; "" where there is none
	program []string            // and what runs it
	as      *syscall.Credential // nil for whoever runs the tests
}

// newLedger is a place on an engine: sqlite or postgresql.
func newLedger(t *testing.T, engine string) *ledger {
	t.Helper()
	if engine == "postgresql" {
		return &ledger{url: pgtest.URL(t), program: []string{"nova-manage"}}
	}
	return ledgerAt(filepath.Join(t.TempDir(), "nova.sqlite"))
}

func ledgerAt(path string) *ledger {
	return &ledger{url: path, path: path, program: []string{"nova-manage"}}
}

// eachEngine runs a test on an empty ledger of each engine.
func eachEngine(t *testing.T, test func(t *testing.T, l *ledger)) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) { test(t, newLedger(t, engine)) })
	}
}

// answer is what a command left.
type answer struct {
	code           int
	signal         syscall.Signal // that ended it; 0 if it exited
	stdout, stderr string
}

// command is a nova-manage process that is not started yet. Nothing of this machine's configuration reaches it.
func (l *ledger) command(args ...string) *exec.Cmd {
	cmd := exec.Command(l.program[0], slices.Concat(l.program[1:], args)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "NOVA_SQL_CONNECTION=" + l.url, "NOVA_CREATE_PROJECT=1", raceOptions}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: l.as}
	return cmd
}

// hung is how long a command may take that has nothing to wait for.
const hung = time.Minute

func (l *ledger) run(t testing.TB, args ...string) answer {
	t.Helper()
	cmd := l.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Errorf("nova-manage %s did not end within %s", strings.Join(args, " "), hung)
	}
	return answerOf(t, cmd, err, &stdout, &stderr)
}

// answerOf takes over how a process ended, and refuses what no command may ever say.
func answerOf(t testing.TB, cmd *exec.Cmd, err error, stdout, stderr *bytes.Buffer) answer {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%s: %v", cmd, err)
	}
	a := answer{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		a.signal = status.Signal()
	}
	if unspeakable.MatchString(a.stderr) || a.code > 6 && a.code < 128 {
		t.Errorf("%s: exit %d\n%s", strings.Join(cmd.Args, " "), a.code, a.stderr)
	}
	return a
}

var unspeakable = regexp.MustCompile(`(?m)goroutine \d|panic:|internal error|fatal error|runtime error|database is locked|^(?:[^n{]|n[^o]|{[^"])`)

// must runs a command that has no reason to fail.
func (l *ledger) must(t testing.TB, args ...string) string {
	t.Helper()
	a := l.run(t, args...)
	if a.code != 0 || a.signal != 0 {
		t.Fatalf("nova-manage %s: exit %d %v\n%s", strings.Join(args, " "), a.code, a.signal, a.stderr)
	}
	return a.stdout
}

// fails runs a command that must end with this code and one line of error, after "nova-manage: error: ", which matches.
func (l *ledger) fails(t testing.TB, code int, message string, args ...string) {
	t.Helper()
	l.run(t, args...).wantError(t, code, message, "nova-manage "+strings.Join(args, " "))
}

func (a answer) wantError(t testing.TB, code int, message, command string) {
	t.Helper()
	if a.code != code || !regexp.MustCompile(`\Anova-manage: error: `+message+`\n(nova-manage: hint: .*\n)?\z`).MatchString(a.stderr) {
		t.Errorf("%s: exit %d, want %d and %q\n%s", command, a.code, code, message, a.stderr)
	}
}

// clean wants a ledger in which db check finds nothing, and which takes the next command as if nothing had happened.
func (l *ledger) clean(t testing.TB) {
	t.Helper()
	if a := l.run(t, "db", "check"); a.code != 0 {
		t.Errorf("db check: exit %d\n%s%s", a.code, a.stdout, a.stderr)
	}
}

// network is what the tests look at in a network.
type network struct {
	ID     int    `json:"id"`
	Label  string `json:"label"`
	CIDR   string `json:"cidr"`
	CIDRv6 string `json:"cidr_v6"`
	VLAN   int    `json:"vlan"`
	Port   int    `json:"vpn_public_port"`
}

func (l *ledger) networks(t testing.TB) []network {
	t.Helper()
	var all []network
	parseJSON(t, l.must(t, "network", "list", "-f", "json"), &all)
	return all
}

func parseJSON(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

// connect opens a ledger's file behind the back of nova-manage and runs statements on it. The connection lasts until
// the test ends, or is closed.
func connect(t testing.TB, path string, statements ...string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A process that opens or closes a ledger may hold it for a moment.
	for _, statement := range append([]string{"PRAGMA busy_timeout = 10000"}, statements...) {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return conn
}

// eventually waits until something happens that must happen soon.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	for !happened() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, hung)
		case <-time.After(time.Millisecond):
		}
	}
}
