package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nova-manage/internal/novatest"
	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
)

// TestREADME runs the commands in README.md and in each page of the manual from the first to the last, and compares what
// they print with what stands there. A page has a machine and a ledger of its own.
//
// A block that is fenced as `console` is a terminal: `$ ` begins a command, `> ` continues it, the rest is its output, both
// streams. Where no output stands, any will do; three dots stand for any text. A command must succeed unless the next one
// is `echo $?`. A block fenced as `console node` is run as root on a machine of namespaces (see playNode), or not at all where
// that cannot be. Blocks fenced as `console postgres`, up to the next one of another kind, are a subtest, which skips where there is no
// PostgreSQL; sharedLedger stands for the URL of its database. A command in a block fenced as `console serve` goes on until the page ends, and
// apiAddress stands for where it listens (see serve). Those fenced by a name of apiClients are not run where that client is not installed.
// Any other block of commands must say why no test runs it.
func TestREADME(t *testing.T) {
	race.SkipProcesses(t)
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			steps, err := parseTranscript(string(readPage(t, page)))
			if err != nil {
				t.Fatalf("%s: %v", page, err)
			}
			newReader(t, page, steps).read(t, steps)
		})
	}
}

// pages are README.md and the manual.
func pages(t *testing.T) []string {
	t.Helper()
	manual, err := filepath.Glob("docs/*.md")
	if err != nil || len(manual) == 0 {
		t.Fatalf("no manual in docs: %v", err)
	}
	return append([]string{"README.md"}, manual...)
}

func readPage(t *testing.T, page string) []byte {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// read follows a page, with a database of a server where its steps ask for one.
func (r *reader) read(t *testing.T, steps []step) {
	for len(steps) > 0 {
		n := 1
		for n < len(steps) && (steps[n].kind == "postgres") == (steps[0].kind == "postgres") {
			n++
		}
		if steps[0].kind != "postgres" {
			r.follow(t, steps[:n])
		} else if !t.Run(fmt.Sprintf("line %d", steps[0].line), func(t *testing.T) {
			r.postgres = pgtest.URL(t)
			r.follow(t, steps[:n])
		}) {
			t.FailNow() // what comes after it may need what it did
		}
		steps = steps[n:]
	}
}

// sharedLedger is the URL by which the manual names a ledger that is shared.
const sharedLedger = "postgresql://nova@db.example.org/nova"

// follow types commands one after the other, and compares what they do with what the page says.
func (r *reader) follow(t *testing.T, steps []step) {
	t.Helper()
	status, ran := 0, true
	for i, s := range steps {
		followed := i+1 < len(steps) && steps[i+1].command == "echo $?"
		if s.command == "echo $?" {
			if got, want := fmt.Sprintln(status), s.output; ran && got != want {
				t.Errorf("%s:%d: exit code is %s, not %s", r.page, s.line, strings.TrimSpace(got), strings.TrimSpace(want))
			}
			continue
		}
		var out []byte
		if out, status, ran = r.run(t, s); !ran {
			continue
		}
		if status != 0 && !followed {
			t.Fatalf("%s:%d: %s\nexits with %d:\n%s", r.page, s.line, s.command, status, out)
		}
		if s.output != "" && !s.matches(string(out)) {
			t.Errorf("%s:%d: %s\nprints\n%s\nnot\n%s", r.page, s.line, s.command, out, s.output)
		}
	}
}

// step is one command of a page and what it prints.
type step struct {
	line            int
	kind            string // of its block: "", "node", "postgres", "serve" or one of apiClients
	command, output string
}

// matches compares without spaces at the end of lines.
func (s step) matches(out string) bool {
	trailing := regexp.MustCompile(`[ \t]+\n`)
	out = trailing.ReplaceAllString(out, "\n")
	pattern := regexp.QuoteMeta(s.output)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	return regexp.MustCompile(`(?s)\A` + pattern + `\z`).MatchString(out)
}

// fenced is a block of a Markdown text, with the comment above it that says why no test runs it.
var fenced = regexp.MustCompile("(?ms)^(<!-- Not run by a test: [^>]*>\n)?```([^\n]*)\n(.*?)^```$")

// parseTranscript finds the commands in a Markdown text.
func parseTranscript(text string) (steps []step, err error) {
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		fence, body := text[at[4]:at[5]], text[at[6]:at[7]]
		first := 1 + strings.Count(text[:at[6]], "\n")
		name, kind, _ := strings.Cut(fence, " ")
		if name != "console" || apiClients[kind] == nil && !slices.Contains([]string{"", "node", "postgres", "serve"}, kind) {
			if at[2] < 0 {
				return nil, fmt.Errorf("line %d: a block %q that no test runs, and no comment above it says why", first-1, fence)
			}
			continue
		}
		var here []step
		for i, line := range strings.SplitAfter(body, "\n") {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				here = append(here, step{line: first + i, kind: kind, command: strings.TrimSpace(command)})
				continue
			}
			if len(here) == 0 {
				return nil, fmt.Errorf("line %d: a block of commands that does not begin with one", first+i)
			}
			last := &here[len(here)-1]
			if more, ok := strings.CutPrefix(line, "> "); ok && last.output == "" {
				last.command += "\n" + strings.TrimSuffix(more, "\n")
			} else {
				last.output += line
			}
		}
		steps = append(steps, here...)
	}
	return steps, nil
}

func TestParseTranscript(t *testing.T) {
	got, err := parseTranscript("Text.\n```console\n$ a |\n> b\nout\n$ c\n```\n<!-- Not run by a test: it is\na picture. -->\n" +
		"```text\n$ x\n```\n```console node\n$ d\n```\n```console postgres\n$ e\n```\n```console serve\n$ f\n```\n```console aws\n$ g\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []step{{3, "", "a |\nb", "out\n"}, {6, "", "c", ""}, {14, "node", "d", ""}, {17, "postgres", "e", ""}, {20, "serve", "f", ""}, {23, "aws", "g", ""}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, text := range []string{
		"```sh\nreboot\n```\n",
		"<!-- Not run by a test: why -->\nText.\n```sh\nreboot\n```\n",
		"```console\noutput\n$ command\n```\n",
		"```console vax\n$ command\n```\n",
		"```aws\n$ command\n```\n",
	} {
		if _, err := parseTranscript(text); err == nil {
			t.Errorf("accepted: %q", text)
		}
	}
}

// reader is somebody who types what a page says, on a machine with an empty home.
type reader struct {
	page     string
	home     string
	env      []string
	node     *aMachine       // nil where none can be
	postgres string          // the URL of an empty database, while there is one
	api      string          // where the server listens that the page has started, if it has
	clients  map[string]bool // those of apiClients that were looked for, and whether they are there
}

func newReader(t *testing.T, page string, steps []step) *reader {
	home := t.TempDir()
	r := &reader{page: page, home: home, clients: map[string]bool{}}
	r.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc([]string{"NOVA_", "PG", "AWS_", "BOTO_"}, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	}),
		"HOME="+home, "TEST_CLOCK=2011-02-03T04:05:06Z",
		// `go run` has the real program, which as root would write where the machine's own ledger is, and read its flagfile.
		"NOVA_STATE_PATH="+filepath.Join(home, "state"), "NOVA_FLAGFILE="+os.DevNull,
		// The Go tool finds what it built for this test, but installs into the empty home.
		"GOBIN="+filepath.Join(home, "go", "bin"),
	)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		r.env = append(r.env, name+"="+strings.TrimSpace(string(value)))
	}
	r.playNova(t)
	if !slices.ContainsFunc(steps, func(s step) bool { return s.kind == "node" }) {
		return r
	}
	if reason := nodeMissing(); reason == "" {
		r.playNode(t)
	} else if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but %s", reason)
	} else {
		t.Logf("the commands for a network node are not run: %s", reason)
	}
	return r
}

// playNova makes the dump that is imported: of a cloud with a VLAN and a guest's address that cannot be right.
func (r *reader) playNova(t *testing.T) {
	d := novatest.Sample("2011.3")
	d.Find("networks", 2)["vlan"], d.Find("networks", 2)["bridge"] = 4095, "br4095"
	d.Fixed("10.0.0.5")["address"] = "10.99.0.5"
	d.WriteDump(t, filepath.Join(r.home, "nova.sql"), novatest.Style{})
}

// playNode makes the node: a machine called node3 with an eth0 that a real systemd-networkd configures. There is no init system
// in it; a script does what systemctl and networkctl would.
func (r *reader) playNode(t *testing.T) {
	namespace, err := addNamespace()
	if namespace != "" {
		t.Cleanup(func() { removeNamespace(t, namespace) })
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.node, err = startMachine(namespace, "node3"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.node.stop)
	must(t, "ip", "-n", namespace, "link", "set", "lo", "up")
	must(t, "ip", "-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", "upstream0")
	must(t, "ip", "-n", namespace, "link", "set", "upstream0", "up")
	bin := filepath.Join(r.home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"systemctl": `exec "$SERVICES" "$@"`,
		"networkctl": `case $1 in
reload) exec "$SERVICES" reload systemd-networkd.service ;;
esac
exit 1`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const uplink = "[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.2/24\nGateway=192.0.2.1\n"
	start := r.onNode("cat >/etc/systemd/network/10-lan.network && systemctl start systemd-networkd.service")
	start.Stdin = strings.NewReader(uplink)
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("the node's uplink does not come up: %v: %s", err, out)
	}
}

// onNode is a command that is typed on the node, in the same folder as the others.
func (r *reader) onNode(command string) *exec.Cmd {
	line := enter(strconv.Itoa(r.node.pid()), "sh", "-c", `cd "$HOME" && unset NOVA_FLAGFILE && exec sh -c "$1"`, "sh", command)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(slices.Clone(r.env), "SERVICES="+services, "TEST_FLAGFILE=/etc/nova/nova.conf",
		"PATH="+filepath.Join(r.home, "bin")+":"+os.Getenv("PATH"))
	return cmd
}

func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// run types one command and returns what it printed and its exit code, and whether it was run.
func (r *reader) run(t *testing.T, s step) ([]byte, int, bool) {
	if s.kind == "postgres" {
		s.command = strings.ReplaceAll(s.command, sharedLedger, r.postgres)
	}
	if r.api != "" {
		s.command = strings.ReplaceAll(s.command, apiAddress, r.api)
	}
	cmd := exec.Command("sh", "-c", s.command)
	cmd.Dir = r.home
	switch {
	case s.command == "go test ./...":
		return nil, 0, false // this test is part of it
	case strings.HasPrefix(s.command, "go "):
		cmd.Dir = "" // where README.md is
	case s.kind == "node" && r.node == nil:
		return nil, 0, false
	case s.kind == "node":
		cmd = r.onNode(s.command)
	case s.kind == "serve":
		r.serve(t, s)
		return nil, 0, false
	case apiClients[s.kind] != nil:
		if !r.hasClient(t, s.kind) {
			return nil, 0, false
		}
		cmd.Env = r.clientEnv()
	}
	if cmd.Env == nil {
		cmd.Env = r.env
	}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s:%d: %s: %v", r.page, s.line, s.command, err)
	}
	if r.api != "" {
		out = bytes.ReplaceAll(out, []byte(r.api), []byte(apiAddress))
	}
	return out, cmd.ProcessState.ExitCode(), true
}

// Every link within the manual leads to a file, and to a heading of it.
func TestManual_links(t *testing.T) {
	for _, page := range append(pages(t), "CONTRIBUTING.md") {
		for _, found := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(readPage(t, page)), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(found[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if !slices.Contains(anchors(string(readPage(t, target))), anchor) {
				t.Errorf("%s: a link to %s, which is not there", page, found[1])
			}
		}
	}
}

// anchors are the places in a Markdown text that a link can name, "" being the text itself.
func anchors(text string) []string {
	all := []string{""}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// Every page of the manual can be found from README.md.
func TestManual_reachable(t *testing.T) {
	readme := string(readPage(t, "README.md"))
	for _, page := range pages(t)[1:] {
		if !strings.Contains(readme, "]("+page+")") {
			t.Errorf("README.md has no link to %s", page)
		}
	}
}
