package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// survive runs commands of every kind on a damaged ledger. Each must end with a line that says why it cannot, or with its
// answer; what no command may say is looked for in answerOf. It returns what db check found, "" if nothing.
func survive(t *testing.T, l *ledger) string {
	t.Helper()
	check := l.run(t, "db", "check")
	if check.code != 0 && check.code != 5 || check.code == 5 && check.stdout == "" {
		t.Errorf("db check: exit %d\n%s%s", check.code, check.stdout, check.stderr)
	}
	for _, args := range [][]string{
		{"network", "list", "-f", "json"}, {"network", "show", "1"}, {"instance", "list"}, {"emit", "radvd"}, {"db", "version"},
		{"network", "create", "--next_free", "10.0.0.0/8", "1", "16"}, {"network", "delete", "1"}, {"db", "sync"},
	} {
		if a := l.run(t, args...); a.code != 0 && a.stderr == "" || check.code == 0 && a.code == 1 {
			t.Errorf("db check: exit %d; %s: exit %d\n%s", check.code, strings.Join(args, " "), a.code, a.stderr)
		}
	}
	if check.code == 0 {
		return ""
	}
	return check.stdout
}

// damagedLedger writes a file, and what is beside it by suffix.
func damagedLedger(t *testing.T, data []byte, beside map[string][]byte) *ledger {
	t.Helper()
	l := newLedger(t, "sqlite")
	files := map[string][]byte{"": data}
	for suffix, data := range beside {
		files[suffix] = data
	}
	for suffix, data := range files {
		if err := os.WriteFile(l.path+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFaults_damage damages ledgers as disks, copying and people do. Package db looks at every page; here it is the
// process that must not fall over.
func TestFaults_damage(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	served(t, l, filepath.Dir(l.path))
	l.must(t, "instance", "create", "web", "--project_id", "apollo", "--count", "9")
	healthy := readFile(t, l.path)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	rounds := 10

	t.Run("no database", func(t *testing.T) {
		for _, data := range []string{"hello\n", strings.Repeat("hello\n", 1000), strings.Repeat("\x00", 8192), "SQLite format 3"} {
			l := damagedLedger(t, []byte(data), nil)
			if survive(t, l) == "" {
				t.Errorf("db check finds nothing in %.20q...", data)
			}
			l.fails(t, 1, ".*"+l.path+" is not an SQLite database, so it is no ledger; it was left as it is", "network", "list")
			if !bytes.Equal(readFile(t, l.path), []byte(data)) {
				t.Errorf("%.20q... was changed", data)
			}
		}
	})
	t.Run("torn", func(t *testing.T) {
		for range rounds {
			end := 512 + random.IntN(len(healthy)-512)
			if survive(t, damagedLedger(t, healthy[:end], nil)) == "" {
				t.Errorf("db check finds nothing in %d of %d bytes", end, len(healthy))
			}
		}
	})
	t.Run("flipped", func(t *testing.T) {
		for range rounds {
			data := bytes.Clone(healthy)
			data[random.IntN(len(data))] ^= 1 << random.IntN(8)
			survive(t, damagedLedger(t, data, nil))
		}
	})
	t.Run("random bytes in a page", func(t *testing.T) {
		for range rounds {
			data := bytes.Clone(healthy)
			at := random.IntN(len(data) - 100)
			for i := range 100 {
				data[at+i] = byte(random.Uint32())
			}
			survive(t, damagedLedger(t, data, nil))
		}
	})
}

// TestFaults_log takes a ledger's log away, or gives it one that is not its own.
func TestFaults_log(t *testing.T) {
	race.SkipProcesses(t)
	// Two ledgers in use: 300 networks in the file, and two more that are only in the log so far.
	inUse := func(fixedRange string) (file, log []byte, before string) {
		l := newLedger(t, "sqlite")
		l.must(t, "network", "create", fixedRange, "300", "16", "-q")
		before = l.must(t, "network", "list", "--long")
		connect(t, l.path, "SELECT count(*) FROM networks") // keeps the log from being written back
		l.must(t, "network", "create", "--next_free", fixedRange, "2", "16", "1000", "5000")
		return readFile(t, l.path), readFile(t, l.path+"-wal"), before
	}
	file, log, before := inUse("10.0.0.0/8")
	_, otherLog, _ := inUse("11.0.0.0/8")

	t.Run("its own", func(t *testing.T) {
		l := damagedLedger(t, file, map[string][]byte{"-wal": log})
		l.clean(t)
		if n := len(l.networks(t)); n != 302 {
			t.Errorf("%d networks, want 302", n)
		}
	})
	t.Run("none", func(t *testing.T) {
		// An older state, but a whole one: nothing tells that there was more.
		l := damagedLedger(t, file, nil)
		l.clean(t)
		if now := l.must(t, "network", "list", "--long"); now != before {
			t.Errorf("listed\n%s\nand before the log\n%s", now, before)
		}
	})
	t.Run("torn", func(t *testing.T) {
		// A commit that is not whole in the log was not acknowledged.
		for _, end := range []int{10, 32, 1000, len(log) / 2, len(log) - 1} {
			l := damagedLedger(t, file, map[string][]byte{"-wal": log[:end]})
			l.clean(t)
			if now := l.must(t, "network", "list", "--long"); now != before {
				t.Errorf("%d of %d bytes of the log: listed\n%s\nand before the log\n%s", end, len(log), now, before)
			}
		}
	})
	t.Run("another ledger's", func(t *testing.T) {
		// SQLite takes it for this one's, so that pages of two ledgers are mixed.
		if l := damagedLedger(t, file, map[string][]byte{"-wal": otherLog}); survive(t, l) == "" {
			t.Error("db check finds nothing")
		}
	})
	t.Run("garbage", func(t *testing.T) {
		l := damagedLedger(t, file, map[string][]byte{"-wal": bytes.Repeat([]byte("hello\n"), 5000)})
		l.clean(t)
	})
}
