package commands

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Whether a command may be a line of a batch is decided for each: these may not, all others may.
var notInBatch = []string{"api key create", "api key delete", "api serve", "batch", "config check", "config show", "db backup", "db copy", "db export", "db import", "db import_nova", "db restore", "db sync", "help", "history prune", "host apply", "undo"}

func TestCatalogue_Batch(t *testing.T) {
	p := newProgram(newFake(t).sys, catalogue())
	var alone []string
	for path, c := range runnable(p.Commands, "") {
		if of, ok := c.Of.(*command); !ok || of.alone != "" {
			alone = append(alone, path)
		}
	}
	if slices.Sort(alone); !slices.Equal(alone, notInBatch) {
		t.Errorf("not in a batch are %q, want %q", alone, notInBatch)
	}
	// What writes files has a flag that says where.
	_, own := metadata(t, p)
	for path, flags := range own {
		for _, f := range flags {
			if name := f.Names()[0]; (name == "output" || name == "dir" || name == "per_bridge") && runnable(p.Commands, "")[path].Of.(*command).files == nil {
				t.Errorf("%s has --%s, and does not say when it writes files", path, name)
			}
		}
	}
}

// The lines of a batch are declared one by one: what one is given, the next one does not have, whatever the command.
func TestBatch_linesApart(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_STATE_PATH"] = t.TempDir()
	f.sys.Stdin = strings.NewReader("network create 10.0.1.0/24 2 32 --label one --dns1 192.0.2.1\nnetwork create --fixed_range 10.0.2.0/24 --num_networks 1 --network_size 32\n" +
		"network list -c label -c dns1 -f csv\nnetwork list -f value\n")
	if code := f.do("batch", "-q"); code != exitOK {
		t.Fatal(code, f.stderr.String())
	}
	if code := f.do("network", "list", "-f", "value", "-c", "label", "-c", "dns1"); code != exitOK || f.stdout.String() != "one\t192.0.2.1\none\t192.0.2.1\n-\t-\n" {
		t.Errorf("%d %q", code, f.stdout.String())
	}
}

// All examples that may be lines are understood as lines, to the last option.
func TestBatch_examples(t *testing.T) {
	all := runnable(newProgram(newFake(t).sys, catalogue()).Commands, "")
	for _, path := range slices.Sorted(maps.Keys(all)) {
		for _, example := range all[path].Examples {
			f := newFake(t)
			f.environment["NOVA_STATE_PATH"] = t.TempDir()
			// The last line is refused before the first one runs, and so tells that all before it were understood.
			f.sys.Stdin = strings.NewReader(strings.TrimPrefix(example, "nova-manage ") + "\nnetwork nothing\n")
			code, said := f.do("batch"), f.stderr.String()
			understood := strings.Contains(said, "line 2: unknown network action")
			c, ok := all[path].Of.(*command)
			may := ok && c.alone == "" && !strings.Contains(said, "writes no files") && !strings.Contains(said, "--sql_connection is given") &&
				!strings.Contains(said, "--dry_run is given")
			if code != exitUsage || understood != may {
				t.Errorf("%s: exit %d, %s", example, code, said)
			}
		}
	}
}
