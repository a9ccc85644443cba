package commands

import (
	"slices"
	"strings"
	"testing"
)

// listed is the columns that help lists of each command that prints a list.
func listed(t *testing.T) map[string][]string {
	f := newFake(t)
	lists := map[string][]string{}
	for path, c := range runnable(newProgram(f.sys, catalogue()).Commands, "") {
		if !c.List {
			continue
		}
		f.do(append([]string{"help"}, strings.Fields(path)...)...)
		_, columns, _ := strings.Cut(f.stdout.String(), "\nColumns:\n")
		columns, _, _ = strings.Cut(columns, "\n\n")
		lists[path] = strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(columns))
	}
	return lists
}

// needed are the arguments without which a list is not printed.
var needed = map[string][]string{
	"project quota": {"apollo"}, "secgroup show": {"apollo/default"}, "whois": {"10.0.0.0/8"}, "calc carve": {"10.0.0.0/8", "3", "/24"},
	"calc subtract": {"10.0.0.0/8", "10.0.0.0/16"}, "host check": {"node"},
}

// Every list is sorted and filtered by each of its columns, and says so of one that it has not.
func TestLists_columns(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_STATE_PATH"] = t.TempDir()
	for _, line := range []string{
		"network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48", "network modify 2 --project_id apollo --label web",
		"instance create a --project_id apollo", "floating create 192.0.2.0/29 --pool public --host node1", "floating associate a",
		"project quota apollo instances 2", "api key create --project_id apollo",
	} {
		if code := f.do(append(strings.Fields(line), "-q")...); code != exitOK {
			t.Fatal(line, f.stderr.String())
		}
	}
	lists := listed(t)
	if len(lists) != 18 {
		t.Errorf("%d lists", len(lists))
	}
	for path, columns := range lists {
		if len(columns) == 0 {
			t.Errorf("%s has no columns", path)
		}
		args := append(strings.Fields(path), needed[path]...)
		if code := f.do(append(args, "--sort", "nothing")...); code != exitUsage || !strings.Contains(f.stderr.String(), `unknown column "nothing" of `+path) {
			t.Errorf("%s: exit %d, %s", path, code, f.stderr.String())
		}
		if path == "host check" { // it looks at the machine
			continue
		}
		whole := 0
		for _, c := range columns {
			// Each row is on one side or the other.
			n := 0
			for _, condition := range []string{"=", "!="} {
				if code := f.do(append(args, "-f", "csv", "-c", c, "--sort", c+":desc", "--filter", c+condition)...); code != exitOK {
					t.Errorf("%s by %s: exit %d, %s", path, c, code, f.stderr.String())
				}
				rows := strings.Count(f.stdout.String(), "\n") - 1
				n += rows
				if condition == "=" && strings.Count(f.stdout.String(), "\"\"\n") != rows {
					t.Errorf("%s: %s= is %s", path, c, f.stdout.String())
				}
			}
			if whole == 0 {
				whole = n
			}
			if n != whole || n == 0 && path != "db check" {
				t.Errorf("%s: %d rows by %s, %d in all", path, n, c, whole)
			}
			if f.do(append(args, "--limit", "1", "--sort", c, "-f", "csv")...); strings.Count(f.stdout.String(), "\n") != min(whole, 1)+1 {
				t.Errorf("%s by %s, one row: %s", path, c, f.stdout.String())
			}
			// What is compared with is of the column's type, and what that cannot read is refused whatever the rows are.
			for _, value := range []string{"<1", ">10.0.0.1", "=2026-01-01", "<=i-00000001", "=02:16:3e:00:00:01", "=x"} {
				if code := f.do(append(args, "--filter", c+value)...); code != exitOK && (code != exitUsage || !strings.Contains(f.stderr.String(), " is not a")) {
					t.Errorf("%s --filter %s%s: exit %d, %s", path, c, value, code, f.stderr.String())
				}
			}
		}
	}
}

// A change that may answer with several rows is not made where one is asked for.
func TestLists_shellBeforeChange(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_STATE_PATH"] = t.TempDir()
	run := func(line string) (int, string) { return f.do(strings.Fields(line)...), f.stdout.String() }
	if code, out := run("network create 10.0.1.0/24 1 32 --project_id apollo -f shell -c id,cidr"); code != exitOK || out != "id='1'\ncidr='10.0.1.0/27'\n" {
		t.Fatalf("exit %d, %s%s", code, out, f.stderr.String())
	}
	document := writeFile(t, t.TempDir(), "nova.json", "{}")
	for _, line := range []string{
		"network create 10.0.1.32/27 2 16", "network create 10.0.0.0/8", "network modify 1 1 --label x", "instance create a --project_id apollo --count 2",
		"secgroup authorize apollo/default tcp 80 80", "db copy --to /none", "db import " + document, "db import_nova /none", "host apply node --root /none",
	} {
		code, _ := run(line + " -f shell")
		if code != exitUsage || !strings.Contains(f.stderr.String(), "-f shell prints one row, and this may print several") {
			t.Errorf("%s: exit %d, %s", line, code, f.stderr.String())
		}
	}
	f.sys.Stdin = strings.NewReader("instance create a --project_id apollo --count 2 -f shell\n")
	if code, _ := run("batch"); code != exitUsage || !strings.Contains(f.stderr.String(), "line 1: -f shell prints one row") {
		t.Errorf("batch: exit %d, %s", code, f.stderr.String())
	}
	if code, out := run("history -f value -c number"); code != exitOK || out != "1\n" {
		t.Errorf("exit %d, history %s", code, out)
	}
	for _, c := range []struct{ line, want string }{
		{"network modify 1 --label it's -c label", "label='it'\\''s'\n"},
		{"instance create a --project_id apollo --count 1 -c name", "name='a-1'\n"},
		{"instance modify a-1 --host h -c host", "host='h'\n"},
		{"secgroup authorize apollo/default tcp 80 80 10/8 -c cidr_ip", "cidr_ip='10.0.0.0/8'\n"},
		{"project quota apollo instances 9 -c limit --prefix quota_", "quota_limit='9'\n"},
		{"project quota apollo instances -c limit", "limit='9'\n"},
		{"project quota apollo --filter quota=networks -c in_use", "in_use='1'\n"},
		{"usage networks --limit 1 --sort percent -c percent,name", "percent='3'\nname='10.0.1.0/27'\n"},
		{"network list --limit 1 --prefix n -c manager", "nmanager='VlanManager'\n"},
		{"network delete 1 --force --dry_run --if_exists -c table -c id", ""},
	} {
		code, out := run(c.line + " -f shell")
		if c.want != "" && (code != exitOK || out != c.want) || c.want == "" && code != exitUsage {
			t.Errorf("%s: exit %d, %s%s", c.line, code, out, f.stderr.String())
		}
	}
}

// Where a command changes something and its answer may be a list, it says how long that is.
func TestLists_changesSayHowLong(t *testing.T) {
	one := []string{ // of these the answer is one thing, or nothing
		"project create", "project modify", "project quota", "secgroup create", "secgroup modify", "floating create", "floating modify",
		"floating associate", "vpn change", "undo", "history prune", "db backup", "db restore",
	}
	for path, c := range runnable(newProgram(newFake(t).sys, catalogue()).Commands, "") {
		of, ours := c.Of.(*command)
		if !ours || of.silent || len(c.Columns) == 0 || of.ledger == reads && of.rows == nil || of.ledger == nothing {
			continue
		}
		if slices.Contains(one, path) == (of.rows != nil) {
			t.Errorf("%s: one row %v, says how many %v", path, slices.Contains(one, path), of.rows != nil)
		}
	}
}
