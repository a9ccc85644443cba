package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var stopSignals = map[string]struct {
	signal syscall.Signal
	code   int
	says   string
}{
	"SIGINT":  {syscall.SIGINT, 130, "nova-manage: error: interrupted\n"},
	"SIGTERM": {syscall.SIGTERM, 143, "nova-manage: error: terminated\n"},
}

// TestFaults_signal stops commands by both signals: each ends soon with 128 and the signal's number, what it had begun is
// undone, and the next one works.
func TestFaults_signal(t *testing.T) {
	for name, s := range stopSignals {
		stop := func(t *testing.T, cmd *exec.Cmd, stderr *bytes.Buffer) {
			t.Helper()
			if err := cmd.Process.Signal(s.signal); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			if !timer.Stop() {
				t.Errorf("%s did not end it within %s", name, hung)
			}
			if a := answerOf(t, cmd, err, &bytes.Buffer{}, stderr); a.code != s.code || a.stderr != s.says {
				t.Errorf("exit %d, want %d\n%s", a.code, s.code, a.stderr)
			}
		}
		start := func(t *testing.T, cmd *exec.Cmd) *bytes.Buffer {
			t.Helper()
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return &stderr
		}
		many := []string{"network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "100000", "16", "-q"}

		t.Run(name+" while writing", func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				l.must(t, "db", "sync")
				cmd := l.command(many...)
				stderr := start(t, cmd)
				eventually(t, "the command opens the ledger", func() bool { return atWork(t, l, cmd.Process.Pid) })
				if l.path != "" {
					eventually(t, "the command has the write lock", func() bool { return writer(t, l.path) == cmd.Process.Pid })
				}
				time.Sleep(50 * time.Millisecond) // somewhere in it; any moment must do
				stop(t, cmd, stderr)
				if made := l.networks(t); len(made) > 0 {
					t.Errorf("%d networks were made", len(made))
				}
				l.must(t, "network", "create", "10.0.0.0/8", "1", "16")
				l.clean(t)
			})
		})
		t.Run(name+" in a batch", func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				l.must(t, "network", "create", "10.0.0.0/8", "1", "65536", "-q")
				// Each with an address of its own, so that they are run one by one.
				var lines bytes.Buffer
				for i := range 20000 {
					fmt.Fprintf(&lines, "instance create web-%d --project_id apollo --fixed_ip 10.0.%d.%d\n", i, 1+i/200, 1+i%200)
				}
				cmd := l.command("batch")
				cmd.Stdin = &lines
				stderr := start(t, cmd)
				eventually(t, "the command opens the ledger", func() bool { return atWork(t, l, cmd.Process.Pid) })
				if l.path != "" {
					eventually(t, "the command has the write lock", func() bool { return writer(t, l.path) == cmd.Process.Pid })
				}
				time.Sleep(200 * time.Millisecond)
				stop(t, cmd, stderr)
				if made := l.must(t, "instance", "list", "-f", "value"); made != "" {
					t.Errorf("instances were made:\n%.200s", made)
				}
				l.must(t, "instance", "create", "web-0", "--project_id", "apollo")
				l.clean(t)
			})
		})
		t.Run(name+" while waiting", func(t *testing.T) {
			l := newLedger(t, "sqlite")
			l.must(t, "db", "sync")
			holder := connect(t, l.path, "BEGIN IMMEDIATE")
			cmd := l.command(many...)
			stderr := start(t, cmd)
			eventually(t, "the command opens the ledger", func() bool { return atWork(t, l, cmd.Process.Pid) })
			time.Sleep(100 * time.Millisecond) // long enough to be waiting; before that it must do as well
			stop(t, cmd, stderr)
			if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			l.must(t, "network", "create", "10.0.0.0/8", "1", "16")
			l.clean(t)
		})
		t.Run(name+" while nobody reads the answer", func(t *testing.T) {
			l := newLedger(t, "sqlite")
			l.must(t, "network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "5000", "16", "-q")
			cmd := l.command("network", "list", "-f", "csv")
			answer, full, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Close() // only then, or the write would fail
			cmd.Stdout = full
			stderr := start(t, cmd)
			full.Close()
			if _, err := io.ReadFull(answer, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond) // until the pipe is full; before that it must do as well
			stop(t, cmd, stderr)
			l.must(t, "network", "create", "--next_free", "10.0.0.0/8", "1", "16")
			l.clean(t)
		})
	}
}

// atWork tells whether a process has its ledger open, or a socket. By then it listens to signals.
func atWork(t testing.TB, l *ledger, pid int) bool {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	open, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(open, func(fd os.DirEntry) bool {
		target, err := os.Readlink(filepath.Join(folder, fd.Name()))
		return err == nil && (target == l.path || strings.HasPrefix(target, "socket:"))
	})
}

// walWriteLock is the byte of the shared memory that a writer locks (sqlite.org/walformat.html#locks).
const walWriteLock = 120

// writer is the process that has the write lock of a ledger; 0 if nobody has.
func writer(t testing.TB, path string) int {
	t.Helper()
	shm, err := os.Open(path + "-shm")
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer shm.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: walWriteLock, Len: 1}
	if err := syscall.FcntlFlock(shm.Fd(), syscall.F_GETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if lock.Type == syscall.F_UNLCK {
		return 0
	}
	return int(lock.Pid)
}

// TestFaults_signalAnywhere stops commands where they wait for somebody who never comes: for who writes to a pipe that is
// named as a file, for a server that says nothing, and for who reads what they have to say.
func TestFaults_signalAnywhere(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	server := "postgresql://nova@" + silent.Addr().String() + "/nova"
	for name, c := range map[string]struct {
		env   []string
		args  []string
		shell string // runs the command as "$@"
	}{
		"a flagfile":                    {nil, []string{"network", "list", "--flagfile", fifo}, ""},
		"a flagfile of the environment": {[]string{"NOVA_FLAGFILE=" + fifo}, []string{"network", "list"}, ""},
		"a pipe that is silent":         {nil, []string{"network", "list", "--flagfile", "/dev/fd/3"}, `exec 3<>"` + fifo + `"; exec "$@"`},
		"a file of commands":            {nil, []string{"batch", fifo}, ""},
		"commands that nobody types":    {nil, []string{"batch"}, `exec 0<>"` + fifo + `"; exec "$@"`},
		"a file of passwords":           {[]string{"PGPASSFILE=" + fifo}, []string{"network", "list", "--sql_connection", server}, ""},
		"a file of services":            {[]string{"PGSERVICEFILE=" + fifo}, []string{"network", "list", "--sql_connection", server + "?service=nova"}, ""},
		"a certificate":                 {nil, []string{"db", "sync", "--sql_connection", server + "?sslmode=verify-full&sslrootcert=" + fifo}, ""},
		"a server":                      {nil, []string{"network", "list", "--sql_connection", server}, ""},
	} {
		for signal, s := range stopSignals {
			t.Run(name+" "+signal, func(t *testing.T) {
				l := newLedger(t, "sqlite")
				if c.shell != "" {
					l.program = slices.Concat([]string{"sh", "-c", c.shell, "sh"}, l.program)
				}
				a := stopWaiting(t, func() *exec.Cmd {
					cmd := l.command(c.args...)
					cmd.Env = append(cmd.Env, c.env...)
					return cmd
				}, s.signal)
				if a.code != s.code || a.stderr != s.says {
					t.Errorf("exit %d, want %d\n%s", a.code, s.code, a.stderr)
				}
			})
		}
	}
	t.Run("a full standard error", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for page := make([]byte, 4096); err == nil; {
			_, err = w.Write(page)
		}
		// A copy that waits, as what a shell opens does.
		full, err := syscall.Dup(int(w.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		l := newLedger(t, "sqlite")
		l.program = slices.Concat([]string{"sh", "-c", `exec "$@" 2>&3`, "sh"}, l.program)
		a := stopWaiting(t, func() *exec.Cmd {
			cmd := l.command("network", "list") // there is no ledger, which it would tell
			cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(full), "full")}
			return cmd
		}, syscall.SIGINT)
		if a.code != 3 {
			t.Errorf("exit %d, want 3", a.code)
		}
	})
}

// stopWaiting starts a command and sends it a signal once it waits for something. A signal that comes before it listens to
// any kills it, which is as good an end, but proves nothing here.
func stopWaiting(t *testing.T, command func() *exec.Cmd, signal syscall.Signal) answer {
	t.Helper()
	for delay := 100 * time.Millisecond; ; delay *= 2 {
		cmd := command()
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err) // it has ended by itself
		}
		timer := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		if !timer.Stop() {
			t.Errorf("%s did not end it within %s", signal, hung)
		}
		if a := answerOf(t, cmd, err, &stdout, &stderr); a.signal != signal || delay > hung {
			return a
		}
	}
}
