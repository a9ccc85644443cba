package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// outputs are what a standard output can be that takes no answer, by what redirects to it, and the reason that is told.
var outputs = map[string]struct{ redirect, reason string }{
	"full":   {">/dev/full", "no space left on device"},
	"closed": {">&-", "bad file descriptor"},
}

// redirected runs a command with its standard output redirected as a shell does it.
func (l *ledger) redirected(t *testing.T, redirect string, args ...string) answer {
	t.Helper()
	shell := *l
	shell.program = slices.Concat([]string{"sh", "-c", `"$@" ` + redirect, "sh"}, l.program)
	return shell.run(t, args...)
}

// TestFaults_answer makes changes whose answers cannot be written: exit code 6 says that they were made all the same. A
// command that only reads fails with 1.
func TestFaults_answer(t *testing.T) {
	race.SkipProcesses(t)
	eachEngine(t, func(t *testing.T, l *ledger) {
		const lost = "nova-manage: error: the change was made, but its answer could not be written: "
		networks := 0
		for name, o := range outputs {
			for _, count := range []string{"3", "3000"} { // one that is flushed at the end, one that fails while it is printed
				networks += map[string]int{"3": 3, "3000": 3000}[count]
				create := []string{"network", "create", "--network_manager", "FlatManager", "--next_free", "10.0.0.0/8", count, "16"}
				if a := l.redirected(t, o.redirect, create...); a.code != 6 || a.stderr != lost+o.reason+"\n" {
					t.Errorf("%s: %s networks: exit %d\n%s", name, count, a.code, a.stderr)
				}
				if got := len(l.networks(t)); got != networks {
					t.Errorf("%s: %d networks, want %d", name, got, networks)
				}
			}
			for _, args := range [][]string{{"network", "list"}, {"instance", "list", "-f", "json"}, {"network", "create", "10.1.0.0/16", "1", "16", "--dry_run",
				"--network_manager", "FlatManager", "--next_free"}, {"emit", "sysctl"}, {"version"}, {"help"}} {
				says := "nova-manage: error: cannot write to standard output: " + o.reason + "\n"
				if slices.Contains(args, "json") {
					says = `{"error": "cannot write to standard output: ` + o.reason + `", "hint": null, "code": "io", "exit": 1}` + "\n"
				}
				if a := l.redirected(t, o.redirect, args...); a.code != 1 || a.stderr != says {
					t.Errorf("%s: %s: exit %d\n%s", name, args, a.code, a.stderr)
				}
			}
			// Where there is nothing to write, nothing is missing.
			for _, args := range [][]string{
				{"instance", "list", "-f", "value"}, {"network", "list", "-q"}, {"network", "modify", "1", "--label", name, "-q"},
				{"fixed", "reserve", "10.0.0.9"}, {"fixed", "unreserve", "10.0.0.9"},
			} {
				if a := l.redirected(t, o.redirect, args...); a.code != 0 || a.stderr != "" {
					t.Errorf("%s: %s: exit %d\n%s", name, args, a.code, a.stderr)
				}
			}
			to := filepath.Join(t.TempDir(), "copy.sqlite")
			if a := l.redirected(t, o.redirect, "db", "copy", "--to", to); a.code != 6 || a.stderr != lost+o.reason+"\n" {
				t.Errorf("%s: db copy: exit %d\n%s", name, a.code, a.stderr)
			}
			if got := len(ledgerAt(to).networks(t)); got != networks {
				t.Errorf("%s: %d networks in the copy, want %d", name, got, networks)
			}
		}
		l.clean(t)
	})
}

// A standard output that is thrown away is no closed one, whoever does it and however.
func TestFaults_answerDiscarded(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	l.must(t, "db", "sync")
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, out := range map[string]*os.File{"by a program": null, "by Go": nil} {
		cmd := l.command("network", "list")
		if out != nil {
			cmd.Stdout = out
		}
		if said, err := combinedError(cmd); err != nil {
			t.Errorf("%s: %v: %s", name, err, said)
		}
	}
	for _, redirect := range []string{">/dev/null", ">/dev/null 2>&1 </dev/null", "1<>/dev/null 2>&1"} {
		if a := l.redirected(t, redirect, "network", "list"); a.code != 0 {
			t.Errorf("%s: exit %d\n%s", redirect, a.code, a.stderr)
		}
	}
	// A shell that was itself started so.
	if a := l.redirected(t, "", "network", "list"); a.code != 0 {
		t.Errorf("exit %d\n%s", a.code, a.stderr)
	}
	script := l.command("network", "list")
	script.Args = slices.Concat([]string{"sh", "-c", `"$@" </dev/null; exit $?`, "sh"}, l.program, []string{"network", "list"})
	script.Path = "/bin/sh"
	script.Stdin, script.Stdout = null, null
	if said, err := combinedError(script); err != nil {
		t.Errorf("below a shell: %v: %s", err, said)
	}
}

func combinedError(cmd *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	return stderr.String(), err
}

// A reader that leaves has seen enough: what was asked for is done, and a list is incomplete.
func TestFaults_answerLeft(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	create := []string{"network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "5000", "16"}
	for _, c := range []struct {
		args []string
		code int
	}{{create, 0}, {[]string{"network", "list"}, 1}} {
		cmd := l.command(c.args...)
		answer, stdout, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		answer.Close()
		cmd.Stdout = stdout
		said, err := combinedError(cmd)
		stdout.Close()
		if got := cmd.ProcessState.ExitCode(); got != c.code || said != "" {
			t.Errorf("%s: exit %d, want %d: %v\n%s", strings.Join(c.args, " "), got, c.code, err, said)
		}
	}
	if made := len(l.networks(t)); made != 5000 {
		t.Errorf("%d networks, want 5000", made)
	}
}

// A signal that comes once a change is made does not make it look as if nothing was changed, however often it is sent, and
// ends the answer.
func TestFaults_answerInterrupted(t *testing.T) {
	for name, s := range stopSignals {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				cmd := l.command("network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "5000", "16")
				answer, stdout, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Close()
				var stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = stdout, &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				stdout.Close()
				// Once there is something to read, the change is made; the rest of it does not fit into a pipe.
				if _, err := io.ReadFull(answer, make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				stopped := time.Now()
				for range 3 {
					if err := cmd.Process.Signal(s.signal); err != nil {
						break // it has ended
					}
					time.Sleep(20 * time.Millisecond)
				}
				timer := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
				err = cmd.Wait()
				if !timer.Stop() {
					t.Errorf("%s did not end it within %s", name, hung)
				}
				took := time.Since(stopped)
				says := "nova-manage: error: the change was made, but its answer could not be written: " + strings.TrimPrefix(s.says, "nova-manage: error: ")
				if a := answerOf(t, cmd, err, &bytes.Buffer{}, &stderr); a.code != 6 || a.signal != 0 || a.stderr != says {
					t.Errorf("exit %d, %v\n%s", a.code, a.signal, a.stderr)
				}
				if took > 10*time.Second && !race.Enabled {
					t.Errorf("it went on for %s", took)
				}
				if made := len(l.networks(t)); made != 5000 {
					t.Errorf("%d networks, want 5000", made)
				}
			})
		})
	}
}

// SIGQUIT ends a command at once, without a word.
func TestFaults_quit(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "db", "sync")
	holder := connect(t, l.path, "BEGIN IMMEDIATE")
	cmd := l.command("network", "create", "10.0.0.0/8", "1", "16")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command opens the ledger", func() bool { return atWork(t, l, cmd.Process.Pid) })
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if a := answerOf(t, cmd, err, &bytes.Buffer{}, &stderr); a.code != 131 || a.stderr != "" {
		t.Errorf("exit %d\n%s", a.code, a.stderr)
	}
	if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	l.clean(t)
}
