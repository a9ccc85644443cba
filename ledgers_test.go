package main

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// ledgersFolder keeps ledgers as earlier versions made them; README.txt there says what they are.
var ledgersFolder = filepath.Join("db", "testdata", "ledgers")

// TestLedgers opens a ledger of every schema version that has landed: it is read as it was then, or refused with the way
// out where its schema is older, and after `db sync` it is a ledger like any other.
func TestLedgers(t *testing.T) {
	race.SkipProcesses(t)
	fresh := newLedger(t, "sqlite")
	fresh.must(t, "db", "sync")
	latest := fresh.schemaVersion(t)
	for version := 1; version <= latest; version++ {
		answers, err := os.ReadFile(filepath.Join(ledgersFolder, fmt.Sprintf("v%d.answers", version)))
		if os.IsNotExist(err) && version == latest && version > 1 {
			continue // it has not landed yet
		}
		if err != nil {
			t.Errorf("no ledger of schema version %d is kept: %v", version, err)
			continue
		}
		for _, engine := range []string{"sqlite", "postgresql"} {
			t.Run(fmt.Sprintf("v%d/%s", version, engine), func(t *testing.T) {
				testOldLedger(t, oldLedger(t, engine, version), engine, version, latest, parseAnswers(t, string(answers)))
			})
		}
	}
}

func testOldLedger(t *testing.T, l *ledger, engine string, version, latest int, then []question) {
	if version == latest {
		checkAnswers(t, l, then)
	} else {
		checkRefused(t, l, version, latest, then)
	}
	for range 2 { // the second time there is nothing left to do
		l.must(t, "db", "sync")
	}
	if got := l.schemaVersion(t); got != latest {
		t.Fatalf("after db sync the schema version is %d, want %d", got, latest)
	}
	checkAnswers(t, l, then)
	l.clean(t)
	if version < 4 { // which is the first that has a history
		testNoUndo(t, l) // the copy answers as before, and so does what comes back
	}

	// Its rows fit a ledger that was never older: nothing of the old schema is left that the new one would not take.
	copied := newLedger(t, engine)
	l.must(t, "db", "copy", "--to", copied.url)
	checkAnswers(t, copied, then)

	if version >= 4 {
		testOldUndo(t, engine, l)
	}

	writeOldLedger(t, l, version)
	l.clean(t)
	writeOldLedger(t, copied, version)
	copied.clean(t)
}

// testOldUndo takes back, in a copy, what the earlier program has done, the latest first, until nothing is left. The past stays.
func testOldUndo(t *testing.T, engine string, from *ledger) {
	t.Helper()
	l := newLedger(t, engine)
	from.must(t, "db", "copy", "--to", l.url)
	var changes []struct {
		Number int
		Undoes *int
	}
	parseJSON(t, l.must(t, "history", "-f", "json"), &changes)
	taken := map[int]bool{} // by an undo of that program
	for _, c := range changes {
		if c.Undoes != nil {
			taken[*c.Undoes] = true
		} else if !taken[c.Number] {
			l.must(t, "undo", strconv.Itoa(c.Number), "-q")
		}
	}
	l.clean(t)
	for _, noun := range []string{"project", "network", "instance", "floating", "fixed"} {
		if rows := l.must(t, noun, "list", "-f", "value"); rows != "" {
			t.Errorf("%s list:\n%s", noun, rows)
		}
		asOf := strconv.Itoa(changes[0].Number)
		if was, want := l.must(t, noun, "list", "-f", "json", "--as_of", asOf), from.must(t, noun, "list", "-f", "json"); was != want {
			t.Errorf("as of change %s %s list is\n%s\nnot\n%s", asOf, noun, was, want)
		}
	}
}

// testNoUndo wants a ledger that was older than history to have one change, which stands for all that was in it and is there to stay;
// what comes after it is undone as anywhere.
func testNoUndo(t *testing.T, l *ledger) {
	t.Helper()
	if n := l.lastChange(t); n != 1 {
		t.Fatalf("its history has %d changes", n)
	}
	const refused = "change 1 stands for all that was there when history began, and cannot be undone"
	before := l.must(t, "db", "export", "--history")
	for _, args := range [][]string{{"undo"}, {"undo", "1"}, {"undo", "--dry_run"}} {
		l.fails(t, 4, refused, args...)
	}
	if after := l.must(t, "db", "export", "--history"); after != before {
		t.Errorf("an undo that was refused has made of\n%s\nthis:\n%s", before, after)
	}
	networks := l.must(t, "network", "list", "--long")
	l.must(t, "network", "delete", "2", "--force")
	if was := l.must(t, "network", "list", "--long", "--as_of", "1"); was != networks {
		t.Errorf("as of change 1 the networks are\n%s\nand were\n%s", was, networks)
	}
	l.must(t, "undo")
	l.fails(t, 4, refused, "undo", "1")
}

// A ledger of version 1 may hold what version 2 refuses, from a hand that wrote past nova-manage. It is brought up to date all
// the same, with the row as it is; db check names it, emit does not use it, and a change of the value mends it.
func TestLedgers_outsideDomain(t *testing.T) {
	for engine, mtu := range map[string]string{"sqlite": "4294968696", "postgresql": "99999"} {
		t.Run(engine, func(t *testing.T) {
			l := oldLedger(t, engine, 1)
			past(t, l, "UPDATE networks SET mtu = "+mtu+" WHERE id = 3")
			l.must(t, "db", "sync")
			problem := "network 3 has mtu " + mtu + ", and mtu is 1280 to 65535"
			if a := l.run(t, "db", "check"); a.code != 5 || !strings.Contains(a.stdout, problem) || !strings.HasSuffix(a.stderr, ": 1 problem\n") {
				t.Errorf("db check: exit %d, want 5 and %q\n%s%s", a.code, problem, a.stdout, a.stderr)
			}
			l.fails(t, 4, "network 3 .* has MTU "+mtu+", and an MTU is 1280 to 65535", "emit", "radvd")
			l.must(t, "network", "show", "3")
			l.must(t, "network", "modify", "3", "--host", "node9") // what else is in the row stays within reach
			copied := newLedger(t, engine)
			copied.must(t, "db", "sync")
			l.fails(t, 4, ".* refused a row that its schema does not allow: .*mtu is 1280 to 65535.*", "db", "copy", "--to", copied.url)
			l.must(t, "network", "modify", "3", "--mtu", "1400")
			l.clean(t)
			l.must(t, "emit", "radvd")
			if err := tryPast(t, l, "UPDATE networks SET mtu = "+mtu+" WHERE id = 3"); err == nil {
				t.Error("the schema of version 2 takes it again")
			}
		})
	}
}

// past changes a ledger behind the back of nova-manage.
func past(t *testing.T, l *ledger, statement string) {
	t.Helper()
	if err := tryPast(t, l, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func tryPast(t *testing.T, l *ledger, statement string) error {
	t.Helper()
	driver, place := "pgx", l.url
	if l.path != "" {
		driver, place = "sqlite", l.path
	}
	db, err := sql.Open(driver, place)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statement)
	return err
}

// question is a command that reads, and what it answered when the ledger was made.
type question struct {
	args []string
	then any
}

// parseAnswers reads lines of "$ nova-manage ARGUMENTS", each with the JSON that was printed below it.
func parseAnswers(t *testing.T, text string) (all []question) {
	t.Helper()
	const prompt = "$ nova-manage "
	for block := range strings.SplitSeq("\n"+text, "\n"+prompt) {
		command, answer, _ := strings.Cut(block, "\n")
		if command == "" {
			continue
		}
		q := question{args: strings.Fields(command)}
		parseJSON(t, answer, &q.then)
		all = append(all, q)
	}
	if len(all) == 0 {
		t.Fatal("no answers are kept")
	}
	return all
}

// oldLedger is a copy of a ledger that is kept.
func oldLedger(t *testing.T, engine string, version int) *ledger {
	t.Helper()
	l := newLedger(t, engine) // first, because it skips where there is no PostgreSQL
	kept := filepath.Join(ledgersFolder, fmt.Sprintf("v%d.sqlite.gz", version))
	if engine == "postgresql" {
		kept = filepath.Join(ledgersFolder, fmt.Sprintf("v%d.postgresql.sql.gz", version))
	}
	content := gunzip(t, kept)
	if engine == "postgresql" {
		pgtest.Exec(t, l.url, string(content))
	} else if err := os.WriteFile(l.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	content, err := io.ReadAll(packed)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return content
}

func (l *ledger) schemaVersion(t *testing.T) int {
	t.Helper()
	version, err := strconv.Atoi(strings.TrimSpace(l.must(t, "db", "version", "-f", "value", "-c", "schema_version")))
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// checkAnswers asks every question again.
func checkAnswers(t *testing.T, l *ledger, then []question) {
	t.Helper()
	for _, q := range then {
		var now any
		parseJSON(t, l.must(t, q.args...), &now)
		if difference := differs(q.then, now); difference != "" {
			t.Errorf("nova-manage %s: %s", strings.Join(q.args, " "), difference)
		}
	}
}

// differs says where an answer is not what it was, or "". Columns may have been added since, and a range of addresses may
// be spelled in another way; what is there keeps its name, its order and its meaning.
func differs(then, now any) string {
	switch then := then.(type) {
	case map[string]any:
		row, ok := now.(map[string]any)
		if !ok {
			return fmt.Sprintf("%v in place of a row", now)
		}
		for name, value := range then {
			got, ok := row[name]
			if !ok {
				return fmt.Sprintf("column %s is gone", name)
			}
			if difference := differs(value, got); difference != "" {
				return name + ": " + difference
			}
		}
		return ""
	case []any:
		rows, ok := now.([]any)
		if !ok || len(rows) != len(then) {
			return fmt.Sprintf("%v, want %d rows", now, len(then))
		}
		for i := range then {
			if difference := differs(then[i], rows[i]); difference != "" {
				return fmt.Sprintf("row %d: %s", i+1, difference)
			}
		}
		return ""
	case string:
		if text, ok := now.(string); ok {
			was, err1 := netcalc.ParseSpan(then)
			is, err2 := netcalc.ParseSpan(text)
			if err1 == nil && err2 == nil && was == is {
				return ""
			}
		}
	}
	if !reflect.DeepEqual(then, now) {
		return fmt.Sprintf("%v, and it was %v", now, then)
	}
	return ""
}

// checkRefused wants each command but `db sync` to say that the ledger is older and what helps, and to leave it alone.
func checkRefused(t *testing.T, l *ledger, version, latest int, then []question) {
	t.Helper()
	before := l.content(t)
	commands := [][]string{{"project", "create", "new"}, {"db", "version"}, {"db", "check"}}
	for _, q := range then {
		commands = append(commands, q.args)
	}
	needs := fmt.Sprintf(".* has schema version %d, and this nova-manage needs %d", version, latest)
	const hint = "`nova-manage db sync` brings it up to date"
	want := regexp.MustCompile("\\A(nova-manage: error: " + needs + "\nnova-manage: hint: " + hint + "|" +
		`{"error": "` + needs + `", "hint": "` + hint + `", "code": "schema", "exit": 1})\n\z`)
	for _, args := range commands {
		if a := l.run(t, args...); a.code != 1 || a.stdout != "" || !want.MatchString(a.stderr) {
			t.Errorf("nova-manage %s: exit %d, want 1\n%s%s", strings.Join(args, " "), a.code, a.stdout, a.stderr)
		}
	}
	if !bytes.Equal(l.content(t), before) {
		t.Error("a ledger that was refused has changed")
	}
}

// content is the ledger's file, or nil where there is none.
func (l *ledger) content(t *testing.T) []byte {
	t.Helper()
	if l.path == "" {
		return nil
	}
	content, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// writeOldLedger changes something in every table. What is counted goes on where it ended, and what is taken stays so.
func writeOldLedger(t *testing.T, l *ledger, version int) {
	t.Helper()
	made := func(args ...string) map[string]any {
		t.Helper()
		var rows []map[string]any
		text := l.must(t, append(args, "-f", "json")...)
		if !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
		parseJSON(t, text, &rows)
		if len(rows) != 1 {
			t.Fatalf("nova-manage %s: %d rows", strings.Join(args, " "), len(rows))
		}
		return rows[0]
	}
	expect := func(row map[string]any, columns ...any) {
		t.Helper()
		for i := 0; i < len(columns); i += 2 {
			if got := row[columns[i].(string)]; !reflect.DeepEqual(got, columns[i+1]) {
				t.Errorf("%v is %v, want %v", columns[i], got, columns[i+1])
			}
		}
	}
	l.fails(t, 4, ".*10\\.0\\.1\\.0/24.*overlaps.*", "network", "create", "10.0.1.0/24", "1", "256", "500", "5000")
	expect(made("network", "create", "--fixed_range", "10.0.0.0/8", "--num_networks", "1", "--network_size", "32", "--next_free",
		"--fixed_range_v6", "fd00:1::/48", "--vpn_ip", "198.51.100.1", "--project_id", "apollo"),
		"id", 12., "cidr", "10.0.0.0/27", "cidr_v6", "fd00:1:0:3::/64", "vlan", 103., "vpn_public_port", 1000.)
	// The addresses that nobody ever had come before those that were released.
	expect(made("instance", "create", "new", "--project_id", "apollo", "--network", "10.0.1.0/27", "--mac", "02:16:3e:33:44:77"),
		"id", "i-00000010", "fixed_ip", "10.0.1.10", "fixed_ip_v6", "fd00:1::16:3eff:fe33:4477")
	expect(made("floating", "associate", "apollo/new"), "address", "192.0.2.4")
	l.fails(t, 4, ".*10\\.0\\.1\\.20.*", "instance", "create", "late", "--project_id", "apollo", "--fixed_ip", "10.0.1.20")
	l.must(t, "instance", "delete", "apollo/flat-2", "six", "eui")
	l.must(t, "fixed", "reserve", "10.0.1.13", "fd00:1::200/120")
	l.must(t, "fixed", "unreserve", "10.0.1.8", "fd00:1::100-fd00:1::10f")
	l.must(t, "secgroup", "authorize", "apollo/web", "tcp", "8080", "8080", "fd00::/8")
	group := "apollo/a+b"
	if version == 1 {
		group = "apollo/a,b" // which later programs do not let in, and serve where it is
	}
	l.must(t, "secgroup", "delete", group)
	l.must(t, "vpn", "change", "apollo", "198.51.100.78", "1195", "--network", "10.0.1.32/27")
	l.must(t, "network", "modify", "3", "--label", "third", "--mtu", "1500")
	l.must(t, "network", "delete", "192.168.7.0/28", "--force")
	l.must(t, "project", "quota", "apollo", "instances", "51")
	l.must(t, "floating", "create", "node3", "203.0.113.16/28")
	l.must(t, "emit", "radvd")
}

// What counts as the same answer, and what does not.
func TestLedgers_differs(t *testing.T) {
	for _, c := range []struct {
		then, now string
		same      bool
	}{
		{`[{"id": 1, "mtu": null}]`, `[{"id": 1, "mtu": null, "new": 5}]`, true},
		{`[{"address": "fd00::100/120"}]`, `[{"address": "fd00::100-fd00::1ff"}]`, true},
		{`[{"address": "fd00::100/120"}]`, `[{"address": "fd00::100-fd00::1fe"}]`, false},
		{`[{"id": 1}]`, `[{"new": 1}]`, false},
		{`[{"mtu": null}]`, `[{"mtu": 0}]`, false},
		{`[{"id": 1}]`, `[{"id": 1}, {"id": 2}]`, false},
		{`[{"id": 1}, {"id": 2}]`, `[{"id": 2}, {"id": 1}]`, false},
		{`{"groups": ["a", "b"]}`, `{"groups": ["a"]}`, false},
		{`{"vlan": 100}`, `{"vlan": "100"}`, false},
		{`{"id": 1}`, `[{"id": 1}]`, false},
	} {
		var then, now any
		for text, into := range map[string]*any{c.then: &then, c.now: &now} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		if difference := differs(then, now); (difference == "") != c.same {
			t.Errorf("%s and %s: %q", c.then, c.now, difference)
		}
	}
}
