package commands

import (
	"database/sql"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// hostile are names that would close something, begin a line, be a comment, a path or an option of a daemon, or are none to the
// kernel. `network create` and its neighbours refuse them; here they are in the ledger all the same.
var hostile = []string{
	"a\nb", "\n", "a\n", "\na", "a\r", "a\x00b", "a\tb", "a b", " a", "a ", "\x1b[2J", "\x7f", "\u0085", "\u2028", "\u00a0", "\xff", "a\xc3", "é", "bｒ",
	`"`, `a"b`, `"; };`, "'", "`id`", "$(id)", "$x", `\`, `a\`, `\n`, "}", "{", "};", "a;b", ";", "; flush ruleset", ",", "a,b", "#", "a#b", "//", "/* x", "a/b", "/", "../a", "..", ".",
	"=", "a=b", "[", "]", "]\n[Route]", "[Match]", "a:b", ":", "!a", "*", "br*", "br?", "%s", "%i", "&", "|", "<", ">", "(", ")", "^", "-", "-a", "--x",
	"set:x,10.0.0.9", "x\ndhcp-script=/bin/sh", "x\ninterface y {};",
	"x\n\tup rm -rf /", "x: {}\nethernets: {}", "add rule inet nova forward accept", "tcp dport 1 accept\n",
}

// hostileLinks are words that no interface may be called.
var hostileLinks = []string{"all", "default", "abcdefghijklmnop"}

// tamperedLedger is one with a name of each kind, and its path.
func tamperedLedger(t *testing.T) (path string, set func(place, name string)) {
	t.Helper()
	f := newFake(t)
	path = filepath.Join(t.TempDir(), "nova.sqlite")
	f.environment["NOVA_SQL_CONNECTION"] = path
	for _, line := range []string{
		"network create 10.0.1.0/24 1 32 100 1000 fd00:1::/48 --bridge_interface eth0 --host node1 --project_id apollo --label label1 --my_ip 192.0.2.7",
		"secgroup create group1 --project_id apollo",
		"secgroup authorize apollo/group1 tcp 80 80",
		"instance create name1 --project_id apollo",
		"floating create node1 2001:db8:f::/120 --interface eth1",
		"floating associate name1 2001:db8:f::9",
	} {
		if code := f.do(strings.Fields(line)...); code != exitOK {
			t.Fatalf("%s: exit %d, %s", line, code, f.stderr.String())
		}
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1)
	t.Cleanup(func() { raw.Close() })
	rows, err := raw.Query("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
	if err != nil {
		t.Fatal(err)
	}
	var triggers []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		triggers = append(triggers, name)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	for _, statement := range append([]string{"PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"}, triggers...) {
		if !strings.HasPrefix(statement, "PRAGMA") {
			statement = "DROP TRIGGER " + statement
		}
		if _, err := raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return path, func(place, name string) {
		t.Helper()
		for _, column := range strings.Fields(place) {
			table, column, _ := strings.Cut(column, ".")
			statement := "UPDATE " + table + " SET " + column + " = $1"
			if table == "security_groups" && column == "name" {
				statement += " WHERE id = (SELECT max(id) FROM security_groups)" // not the project's default one
			}
			if _, err := raw.Exec(statement, name); err != nil {
				t.Fatalf("%s to %q: %v", place, name, err)
			}
		}
	}
}

// emitted are the kinds of output, each with its options.
var emitted = []string{"radvd", "sysctl --uplink eth1", "networkd --uplink eth1", "networkd --style ifupdown", "networkd --style netplan", "dnsmasq", "nftables --uplink eth1"}

// Whatever is in a tampered ledger, a name that must not be in a file is in none: either the command refuses it in one line, and
// there is no output and no file, or the output is the same as with another name.
func TestEmit_hostile(t *testing.T) {
	race.SkipAlone(t)
	if len(hostile) < 72 {
		t.Fatalf("only %d names", len(hostile))
	}
	for _, tt := range []struct {
		place   string
		other   string // a name that is no label of DNS either, but one that is allowed in its place
		refused bool   // it cannot be left out
	}{
		{"bridges.bridge networks.bridge", "br7", true},
		{"networks.bridge_interface", "eth7", true},
		{"floating_ranges.interface", "eth7", true},
		{"networks.label", "another one", false},
		{"projects.project_id networks.project_id instances.project_id security_groups.project_id", "another_one", false},
		{"instances.name", "another_one", false},
		{"security_groups.name", "another_one", false},
	} {
		t.Run(tt.place, func(t *testing.T) {
			t.Parallel()
			path, set := tamperedLedger(t)
			f := newFake(t)
			f.environment["NOVA_SQL_CONNECTION"] = path
			// run runs a command whose output goes to a place below dir and returns all of it.
			run := func(args []string) (code int, out map[string]string) {
				dir := t.TempDir()
				line := slices.Clone(args)
				for i := range line {
					line[i] = strings.ReplaceAll(line[i], "DIR", dir)
				}
				code = f.do(line...)
				out = map[string]string{"": f.stdout.String()}
				if args[0] == "host" {
					out[""] = "" // its answer, not what it makes
				}
				err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
					if err == nil && d.Type().IsRegular() && d.Name() != "lock" && d.Name() != "pending" {
						text, err := os.ReadFile(path)
						out[strings.TrimPrefix(path, dir)] = strings.ReplaceAll(string(text), dir, "DIR")
						return err
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				return code, out
			}
			lines := [][]string{
				{"emit", "all", "--host", "node1", "--uplink", "eth1", "--dir", "DIR"},
				{"host", "diff", "node1", "--uplink", "eth1", "--network_file", "eth0=10-a.network", "--network_file", "eth1=10-b.network",
					"--network_file", "eth7=10-c.network", "--root", "DIR"},
			}
			if tt.refused {
				apply := slices.Clone(lines[1])
				apply[1] = "apply"
				lines = append(lines, apply)
			}
			both := len(lines)
			for _, kind := range emitted {
				line := append([]string{"emit"}, strings.Fields(kind)...)
				line = append(line, "--host", "node1")
				lines = append(lines, line)
				if !tt.refused {
					continue // the same text comes into whichever place
				}
				lines = append(lines, append(slices.Clone(line), "-o", "DIR/out"))
				if dirless := line[1] == "radvd" || line[1] == "sysctl"; !dirless {
					lines = append(lines, append(slices.Clone(line), "--dir", "DIR"))
				} else if line[1] == "radvd" {
					lines = append(lines, append(slices.Clone(line), "--per_bridge", "DIR"))
				}
			}
			set(tt.place, tt.other)
			want := make([]map[string]string, len(lines))
			for i, line := range lines {
				var code int
				if code, want[i] = run(line); code != exitOK && code != exitCheck {
					t.Fatalf("%v: exit %d, %s", line, code, f.stderr.String())
				}
			}
			names := hostile
			if tt.refused {
				names = slices.Concat(hostile, hostileLinks)
			}
			for _, name := range names {
				set(tt.place, name)
				for i, line := range lines {
					code, out := run(line)
					said := f.stderr.String()
					switch code {
					case exitConflict:
						last := said[strings.LastIndex(strings.TrimSuffix(said, "\n"), "\n")+1:]
						if len(out) > 1 || out[""] != "" || !strings.HasPrefix(last, "nova-manage: error: ") && !strings.HasPrefix(last, "nova-manage: hint: ") {
							t.Errorf("%q: %v: there is %v, said is %q", name, line, out, said)
						}
						for line := range strings.Lines(said) {
							if !strings.HasPrefix(line, "nova-manage: ") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f }) {
								t.Errorf("%q: a line of the message is %q", name, line)
							}
						}
					case exitOK, exitCheck:
						if i < both && tt.refused {
							t.Errorf("%q: %v accepts it", name, line)
						} else if !maps.Equal(out, want[i]) {
							t.Errorf("%q: %v gives\n%q\nand with %q\n%q", name, line, out, tt.other, want[i])
						}
					default:
						t.Errorf("%q: %v: exit %d, %s", name, line, code, said)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// A host is whoever is asked for; what its name is stands in no file.
func TestEmit_hostileHost(t *testing.T) {
	path, set := tamperedLedger(t)
	f := newFake(t)
	f.environment["NOVA_SQL_CONNECTION"] = path
	usual := ""
	for _, name := range append([]string{"node1"}, hostile...) {
		set("networks.host floating_ranges.host", name)
		dir := t.TempDir()
		for _, line := range [][]string{{"emit", "all", "--dir", dir, "--host=" + name}, {"host", "apply", "--root", dir, "--", name}} {
			code := f.do(line...)
			switch {
			case code == exitOK || code == exitUsage || code == exitNotFound || code == exitConflict:
			default:
				t.Errorf("%q: exit %d, %s", line, code, f.stderr.String())
			}
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				text, err := os.ReadFile(path)
				if name == "node1" {
					usual += string(text)
				}
				if strings.Contains(string(text), name) && !strings.Contains(usual, name) {
					t.Errorf("%q is in %s", name, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if code != exitOK {
				continue
			}
			if err := os.RemoveAll(dir); err != nil || os.Mkdir(dir, 0o755) != nil {
				t.Fatal(err)
			}
		}
	}
}

// What only root can do is refused to others before the ledger is read.
func TestHost_needsRoot(t *testing.T) {
	f := emitFake(t, flatOn("br1", 1))
	for line, want := range map[string]string{
		"host apply node1": "host apply changes /etc and the kernel, which needs root",
		"host check node1": "host check reads the packet filter, which needs root",
	} {
		if code := f.do(strings.Fields(line)...); code != exitFailed || f.stderr.String() != "nova-manage: error: "+want+"\n" {
			t.Errorf("%s: exit %d, %s", line, code, f.stderr.String())
		}
	}
}
