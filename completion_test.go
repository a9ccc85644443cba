package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// shells are those that there is completion for, and how each is started without anything of its user's.
var shells = map[string][]string{"bash": {"--norc", "--noprofile"}, "zsh": {"-f"}, "fish": {"--no-config"}}

// needProgram skips where a program is missing, unless NOVA_MANAGE_REQUIRE_NODE=1 says that it must be there.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1":
		t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but %s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return path
}

// completing is a ledger of names that a shell could take for something else, and a home in which nova-manage is in the PATH:
// it completes, and whatever else it is told it prints.
type completing struct {
	*ledger
	home string
	env  []string
}

func newCompleting(t *testing.T) *completing {
	t.Helper()
	l := newLedger(t, "sqlite")
	for i, label := range []string{"$(touch hit)", `it's"a`, "we b", "`touch hit`", "zwölf;touch hit", "star*!x"} {
		l.must(t, "network", "create", fmt.Sprintf("10.0.%d.0/24", i), "1", "32", fmt.Sprint(100+i), fmt.Sprint(1000+i), fmt.Sprintf("fd00:%d::/48", i),
			"--label", label)
	}
	c := &completing{ledger: l, home: t.TempDir()}
	real, err := exec.LookPath("nova-manage")
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\ncase $1 in __complete | completion) exec " + real + " \"$@\" ;; esac\nprintf '<%s>' \"$@\"\necho !\n"
	for path, content := range map[string]string{"bin/nova-manage": script, "fi le.conf": ""} {
		path = filepath.Join(c.home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(c.home, "there"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := *l
	other.url = filepath.Join(c.home, "there", "nova.sqlite")
	other.must(t, "network", "create", "10.9.0.0/24", "1", "32", "--label", "elsewhere")
	c.env = []string{"PATH=" + filepath.Join(c.home, "bin") + ":" + os.Getenv("PATH"), "HOME=" + c.home, "NOVA_SQL_CONNECTION=" + l.url, "TERM=xterm", "LANG=C.UTF-8",
		"HISTFILE=/dev/null", raceOptions}
	return c
}

// typist is a shell on a terminal, and somebody who types there.
type typist struct {
	keys *os.File
	read chan []byte
}

func (c *completing) shell(t *testing.T, name string) *typist {
	t.Helper()
	path := needProgram(t, name)
	screen, tty := newTerminal(t, 80, 24)
	cmd := exec.Command(path, append(slices.Clone(shells[name]), "-i")...)
	cmd.Dir, cmd.Env = c.home, c.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	s := &typist{keys: screen, read: make(chan []byte, 1000)}
	done := make(chan bool)
	go func() {
		defer close(done)
		for {
			b := make([]byte, 4096)
			n, err := screen.Read(b)
			if err != nil {
				close(s.read)
				return
			}
			s.read <- b[:n]
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		<-done
	})
	return s
}

// control are the sequences by which a terminal is told where and in which colour to write.
var control = regexp.MustCompile("\x1b\\[[0-9;?<>=]*[a-zA-Z]|\x1b[()=>][0-9B]?|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|[\r\x07\x08]")

// until reads the screen until it has what is looked for, or nothing has come for a while where nothing is.
func (s *typist) until(t *testing.T, wanted string) string {
	t.Helper()
	var all bytes.Buffer
	patience := 20 * time.Second
	for {
		text := control.ReplaceAllString(all.String(), "")
		if wanted != "" && strings.Contains(text, wanted) {
			return text
		}
		if wanted == "" {
			patience = 300 * time.Millisecond
		}
		select {
		case b, ok := <-s.read:
			if !ok {
				t.Fatalf("the shell has ended:\n%s", text)
			}
			all.Write(b)
		case <-time.After(patience):
			if wanted != "" {
				t.Errorf("%q does not come:\n%s", wanted, text)
			}
			return text
		}
	}
}

func (s *typist) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// What is completed by the Tab key reaches the program as the very words, and nothing in them is run.
func TestCompletion_typed(t *testing.T) {
	race.SkipProcesses(t)
	c := newCompleting(t)
	for name, load := range map[string]string{
		"bash": "set -u; source <(nova-manage completion bash)",
		"zsh":  "setopt nounset; bindkey -e; autoload -Uz compinit && compinit -u -D; source <(nova-manage completion zsh)",
		"fish": "nova-manage completion fish | source",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.shell(t, name)
			s.press(t, load+"; echo loa''ded\r")
			s.until(t, "loaded")
			s.until(t, "")
			for _, tt := range []struct{ typed, want string }{
				{"nova-manage netw\t", "<network>"},
				{"nova-manage net sh fd00:2\t", "<net><sh><fd00:2::/64>"},
				{"nova-manage net sh 10.0.3\t", "<net><sh><10.0.3.0/27>"},
				{`nova-manage network show \$` + "\t", "<network><show><$(touch hit)>"},
				{"nova-manage network show '$\t", "<network><show><$(touch hit)>"},
				{`nova-manage network show "it` + "\t", `<network><show><it's"a>`},
				{"nova-manage network show w\t", "<network><show><we b>"},
				{"nova-manage network show 'we \t", "<network><show><we b>"},
				{`nova-manage network show we\ ` + "\t", "<network><show><we b>"},
				{"nova-manage network show \\`\t", "<network><show><`touch hit`>"},
				{"nova-manage network show z\t", "<network><show><zwölf;touch hit>"},
				{"nova-manage network show s\t", "<network><show><star*!x>"},
				{`nova-manage network show "s` + "\t", "<network><show><star*!x>"},
				{"nova-manage network list --format=j\t", "<network><list><--format=json>"},
				{"nova-manage network list -f y\t", "<network><list><-f><yaml>"},
				{"nova-manage network list --proj\t", "<network><list><--project_id>"},
				{"nova-manage network list --sort label:d\t", "<--sort><label:desc>"},
				{"nova-manage network list -c id,lab\t", "<-c><id,label>"},
				{"nova-manage network list --filter lab\tx\t", "<--filter><label=x>"}, // no space in between
				{"nova-manage emit radvd -o fi\t", "<emit><radvd><-o><fi le.conf>"},
				{"nova-manage emit radvd --output=fi\t", "<emit><radvd><--output=fi le.conf>"},
				{"nova-manage --state_path ~/there network show e\t", "<--state_path><" + c.home + "/there><network><show>"},
				{"nova-manage --sql_connection ~/there/nova.sqlite network show e\t", "<network><show><elsewhere>"},
				{"nova-manage --sql_connection /dev/null network show w\t", "<show><w>"},
				{"nova-manage network list --format json --form\t", "<--form>"}, // it is there already
			} {
				s.press(t, tt.typed)
				shown := s.until(t, "")
				s.press(t, "\r")
				if got := s.until(t, "!"); !strings.Contains(strings.ReplaceAll(got, "\n", ""), tt.want) && !strings.Contains(shown, tt.want) {
					t.Errorf("%q runs %q, not %s; the line is %q", tt.typed, got, tt.want, shown)
				}
				s.until(t, "")
			}
			if _, err := os.Stat(filepath.Join(c.home, "hit")); err == nil {
				t.Error("a name was run")
			}
		})
	}
}

// Fish itself says what it would offer.
func TestCompletion_fish(t *testing.T) {
	fish := needProgram(t, "fish")
	c := newCompleting(t)
	for typed, want := range map[string]string{
		"nova-manage network sh":                           "show\tshow one network\n",
		"nova-manage network show fd":                      "fd00::/64\tnetwork 1, $(touch hit)\nfd00:1::/64\tnetwork 2, it's\"a\nfd00:2::/64\tnetwork 3, we b\nfd00:3::/64\tnetwork 4, `touch hit`\nfd00:4::/64\tnetwork 5, zwölf;touch hit\nfd00:5::/64\tnetwork 6, star*!x\n",
		"nova-manage network show 'we ":                    "we b\t10.0.2.0/27\n",
		"nova-manage emit all --dir th":                    "there/\tDirectory\n",
		"nova-manage completion f":                         "fish\n",
		"NOVA_SQL_CONNECTION=/x nova-manage network show ": "",
	} {
		cmd := exec.Command(fish, "--no-config", "-c", "nova-manage completion fish | source; complete -C $argv[1]", typed)
		cmd.Dir, cmd.Env = c.home, c.env
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", typed, err, out, want)
		}
	}
}

// Zsh finds the script in a folder of its fpath, as packages install it.
func TestCompletion_zshFolder(t *testing.T) {
	needProgram(t, "zsh")
	c := newCompleting(t)
	script := ledgerAt("/nonexistent").must(t, "completion", "zsh")
	if err := os.WriteFile(filepath.Join(c.home, "_nova-manage"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	s := c.shell(t, "zsh")
	s.press(t, "fpath=($HOME $fpath); autoload -Uz compinit && compinit -u -D; echo loa''ded\r")
	s.until(t, "loaded")
	s.until(t, "")
	for range 2 { // the first time it is loaded
		s.press(t, "nova-manage network sh\t")
		s.until(t, "")
		s.press(t, "\r")
		s.until(t, "<network><show>!")
		s.until(t, "")
	}
}

// The scripts are clean to whoever checks them.
func TestCompletion_lint(t *testing.T) {
	for name, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}, "shellcheck": {"shellcheck"}} {
		t.Run(name, func(t *testing.T) {
			needProgram(t, check[0])
			shell := name
			if name == "shellcheck" {
				shell = "bash"
			}
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte(ledgerAt("/nonexistent").must(t, "completion", shell)), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(check[0], append(check[1:], path)...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// offered is what a shell is answered, without what each word is about, and how long that took.
func (l *ledger) offered(t *testing.T, words ...string) (offered []string, took time.Duration) {
	t.Helper()
	began := time.Now()
	a := l.run(t, append([]string{"__complete", "zsh", "nova-manage"}, words...)...)
	took = time.Since(began)
	kind, rest, _ := strings.Cut(a.stdout, "\n")
	if a.code != 0 || a.stderr != "" || kind != "words" {
		t.Errorf("%s, %q: exit %d, %q, %q", l.url, words, a.code, kind, a.stderr)
	}
	for line := range strings.Lines(rest) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		offered = append(offered, word)
	}
	return offered, took
}

// Where there is nothing to be had nothing is offered, made, said or waited for.
func TestCompletion_silent(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "network", "create", "10.0.0.0/24", "1", "32", "--label", "web")
	whole, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	changed := func(path, statement string) string {
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.Exec(statement)
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return listener
	}
	mute, closed := listen(), listen()
	defer mute.Close()
	closed.Close()
	damaged := slices.Clone(whole)
	for i := 4096; i < len(damaged); i++ {
		damaged[i] = 0xa5
	}
	for name, url := range map[string]string{
		"none":          filepath.Join(dir, "none", "nova.sqlite"),
		"empty":         write("empty", nil),
		"text":          write("text", []byte(strings.Repeat("no database\n", 1000))),
		"cut":           write("cut", whole[:5000]),
		"damaged":       write("damaged", damaged),
		"newer":         changed(write("newer", whole), "UPDATE schema_version SET version = 99 WHERE version = 4"),
		"older":         changed(write("older", whole), "DELETE FROM schema_version WHERE version > 2"),
		"another":       changed(write("another", nil), "CREATE TABLE theirs (a)"),
		"a folder":      dir,
		"a device":      "/dev/zero",
		"no URL":        "mysql://h/nova",
		"no server":     "postgresql://nova@" + closed.Addr().String() + "/nova",
		"a mute server": "postgresql://nova@" + mute.Addr().String() + "/nova?sslmode=disable",
	} {
		other := ledgerAt(url)
		if words, took := other.offered(t, "network", "show", ""); len(words) > 0 || took > 5*time.Second {
			t.Errorf("%s: %q after %v", name, words, took)
		}
		if words, _ := other.offered(t, "network", "sh"); !slices.Equal(words, []string{"show"}) {
			t.Errorf("%s: without the ledger %q", name, words)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 7 {
		t.Errorf("what is there now is %v", left)
	}

	// Somebody who writes keeps nobody from reading, and somebody who has the ledger to himself is not waited for.
	for begin, want := range map[string]int{"BEGIN IMMEDIATE": 1, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE": 0} {
		db, err := sql.Open("sqlite", l.path)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := db.Conn(t.Context())
		if err == nil {
			_, err = conn.ExecContext(t.Context(), begin)
		}
		if err != nil {
			t.Fatal(err)
		}
		if words, took := l.offered(t, "map", ""); len(words) != want || took > 5*time.Second {
			t.Errorf("%s: %q after %v", begin, words, took)
		}
		conn.Close()
		db.Close()
	}
}
