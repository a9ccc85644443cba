package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/race"
)

// built is a ledger of an unprivileged user's, and the program as it is installed: static, since libc needs memory, too.
func built(t *testing.T) *ledger {
	t.Helper()
	l := unprivileged(t)
	build := exec.Command("go", "build", "-trimpath", "-o", l.program[0], ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return l
}

// limited runs commands under a limit, as prlimit(1) has it.
func (l *ledger) limited(limit string) *ledger {
	below := *l
	below.program = slices.Concat([]string{"prlimit", "--" + limit, "--"}, l.program)
	return &below
}

// TestFaults_limits gives commands less than the Go runtime can do with: what is too little from the start is said, and what
// turns out to be too little ends the process by a signal, silently. Neither looks like a usage error.
func TestFaults_limits(t *testing.T) {
	race.SkipProcesses(t)
	l := built(t)
	large := []string{"network", "create", "--network_manager", "FlatManager", "10.0.0.0/8", "1048576", "16", "-q"}
	small := []string{"network", "create", "10.0.1.0/24", "1", "32", "-q", "--dry_run"}
	for limit, c := range map[string]struct {
		args []string
		says string
	}{
		"nofile=8":      {small, `this process may open only \d more files \(ulimit -n\), and needs 8`},
		"nofile=12":     {small, `this process may open only \d more files \(ulimit -n\), and needs 8`},
		"nproc=8":       {small, `this process may have only 8 processes and threads \(ulimit -u\), and needs 12`},
		"data=90000000": {small, `this process may have only 87890 KiB of data \(ulimit -d\), and needs 98304 KiB`},
		"as=850000000":  {small, `this process may have only 830078 KiB of address space \(ulimit -v\), and needs 860160 KiB`},
		// Here it is the large answer that does not fit.
		"data=150000000": {large, ""},
		"data=400000000": {large, ""},
		"as=1000000000":  {large, ""},
	} {
		t.Run(limit, func(t *testing.T) {
			a := l.limited(limit).run(t, c.args...)
			if c.says == "" {
				if a.signal != syscall.SIGABRT || a.stderr != "" {
					t.Errorf("exit %d %v\n%s", a.code, a.signal, a.stderr)
				}
			} else if want := regexp.MustCompile(`\Anova-manage: error: ` + c.says + `\n\z`); a.code != 1 || !want.MatchString(a.stderr) {
				t.Errorf("exit %d %v\n%s", a.code, a.signal, a.stderr)
			}
			if a := l.run(t, "network", "list"); a.code != 3 {
				t.Errorf("afterwards: exit %d\n%s%s", a.code, a.stdout, a.stderr)
			}
		})
	}
	for _, limit := range []string{"nofile=32", "data=200000000", "fsize=1000000000", "as=900000000", "as=2000000000"} {
		if a := l.limited(limit).run(t, "network", "create", "--next_free", "10.0.0.0/8", "100", "16", "-q", "--network_manager", "FlatManager"); a.code != 0 {
			t.Errorf("%s: exit %d %v\n%s", limit, a.code, a.signal, a.stderr)
		}
	}
	l.clean(t)
}

// Messages go where they always went, and so does what is written there by one of its names.
func TestFaults_standardError(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	l.must(t, "network", "create", "10.0.1.0/24", "1", "32", "100", "1000", "fd00:1::/48")
	want := l.must(t, "emit", "radvd")
	for _, name := range []string{"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"} {
		cmd := l.command("emit", "radvd", "-o", name)
		if said, err := combinedError(cmd); err != nil || said != want {
			t.Errorf("-o %s: %v, %q", name, err, said)
		}
	}
	// A shell's own redirections among them.
	appended := filepath.Join(t.TempDir(), "appended")
	shell := *l
	shell.program = slices.Concat([]string{"sh", "-c", `echo first >"$0"; "$@" 2>>"$0"`, appended}, l.program)
	shell.must(t, "emit", "radvd", "-o", "/dev/stderr")
	if got := string(readFile(t, appended)); got != "first\n"+want {
		t.Errorf("appended:\n%s", got)
	}
	// Nothing else is there to write to.
	if a := l.run(t, "network", "show", "7"); a.code != 3 || strings.Count(a.stderr, "\n") > 2 || !strings.HasPrefix(a.stderr, "nova-manage: error: ") {
		t.Errorf("exit %d\n%s", a.code, a.stderr)
	}
}
