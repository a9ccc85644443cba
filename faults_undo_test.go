package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestFaults_killUndo kills undos of a change that made networks, instances and floating addresses, and undos of those undos, at
// random moments. Each did all or nothing, and its change is in history exactly if it did; the next undo works.
func TestFaults_killUndo(t *testing.T) {
	race.SkipProcesses(t)
	rounds, size := 8, 60
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	eachEngine(t, func(t *testing.T, l *ledger) {
		site := filepath.Join(t.TempDir(), "site")
		lines := fmt.Sprintf("network create 10.0.0.0/8 %d 16 --fixed_range_v6 fd00::/40\nfloating create node1 192.0.2.0/24\n"+
			"instance create vm --count %[1]d --project_id apollo\nfloating associate vm-1\n", size)
		if err := os.WriteFile(site, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		l.must(t, "project", "create", "gemini")
		l.must(t, "batch", site)
		states := []string{l.must(t, "db", "export"), ""} // as the changes of even and of odd numbers leave it
		number, random := 2, rand.New(rand.NewPCG(seed, 1))
		var whole time.Duration
		for range 2 {
			started := time.Now()
			l.must(t, "undo", "-q")
			whole = time.Since(started)
			number++
			now := l.must(t, "db", "export")
			if was := states[number%2]; was != "" && was != now {
				t.Fatalf("the undo of the undo left\n%s\nand not\n%s", now, was)
			}
			states[number%2] = now
		}
		killed, undone := 0, 0
		for range rounds {
			a, err := killAfter(t, l, time.Duration(random.Int64N(int64(whole)*5/4)), "undo", "-q")
			switch {
			case err != nil:
				t.Fatal(err)
			case a.signal == syscall.SIGKILL:
				killed++
			case a.code != 0:
				t.Fatalf("an undo that was not killed: exit %d\n%s", a.code, a.stderr)
			}
			l.settle(t)
			switch now := l.lastChange(t); {
			case now == number+1:
				number = now
				undone++
			case now != number || a.signal == 0:
				t.Fatalf("exit %d, signal %d: the latest change is %d, and it was %d", a.code, a.signal, now, number)
			}
			l.clean(t)
			for _, then := range []string{"kill", "next undo"} {
				if got := l.must(t, "db", "export"); got != states[number%2] {
					t.Fatalf("after the %s change %d left\n%s\nand not\n%s", then, number, got, states[number%2])
				}
				if then == "kill" {
					l.must(t, "undo", "-q")
					number++
				}
			}
		}
		t.Logf("%d of %d killed, %d undone", killed, rounds, undone)
	})
}

// lastChange is the number of the latest change.
func (l *ledger) lastChange(t *testing.T) (number int) {
	t.Helper()
	if _, err := fmt.Sscan(l.must(t, "history", "--limit", "1", "-f", "value", "-c", "number"), &number); err != nil {
		t.Fatal(err)
	}
	return number
}

// undoRival is a change that depends on another one, which is undone at the same time.
type undoRival struct {
	base [][]string
	// What is undone in round n, and what depends on it; nil is another undo of it.
	undone, depends func(n int) []string
	// What the latter ends with where the undo was first.
	code int
	says string
}

func createFlat(cidr string) []string {
	return []string{"network", "create", cidr, "1", "16", "--network_manager", "FlatDHCPManager"}
}

var undoRivals = map[string]undoRival{
	"an instance on a network": {
		undone: func(n int) []string { return createFlat(fmt.Sprintf("10.0.%d.0/28", n)) },
		depends: func(n int) []string {
			return []string{"instance", "create", fmt.Sprint("vm", n), "--project_id", "apollo", "--network", fmt.Sprintf("10.0.%d.0/28", n)}
		},
		code: 3, says: `.*10\.0\.\d+\.0/28.*`,
	},
	"the name of an instance": {
		base:   [][]string{createFlat("10.0.0.0/28"), {"instance", "create", "vm", "--count", "9", "--project_id", "apollo"}},
		undone: func(n int) []string { return []string{"instance", "delete", fmt.Sprint("vm-", n)} },
		depends: func(n int) []string {
			return []string{"instance", "create", fmt.Sprint("vm-", n), "--project_id", "apollo"}
		},
		code: 4, says: `.*vm-\d.*`,
	},
	"the prefix of a network": {
		base:    [][]string{{"network", "create", "10.0.0.0/16", "9", "256", "--network_manager", "FlatDHCPManager"}},
		undone:  func(n int) []string { return []string{"network", "delete", fmt.Sprintf("10.0.%d.0/24", n-1)} },
		depends: func(n int) []string { return createFlat(fmt.Sprintf("10.0.%d.128/28", n-1)) },
		code:    4, says: `.*10\.0\.\d+\.128/28.*overlaps.*`,
	},
	"another undo": {undone: func(n int) []string { return createFlat(fmt.Sprintf("10.0.%d.0/28", n)) }},
}

// TestFaults_undoRivals runs an undo and, at the same time, a change that depends on what it takes back: one of them is done, and
// the other one refused for it.
func TestFaults_undoRivals(t *testing.T) {
	race.SkipProcesses(t)
	rounds, rivals := 7, undoRivals
	for name, rival := range rivals {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				l.must(t, "project", "create", "apollo")
				for _, args := range rival.base {
					l.must(t, append(slices.Clone(args), "-q")...)
				}
				undoFirst := 0
				for n := 1; n <= rounds; n++ {
					l.must(t, append(rival.undone(n), "-q")...)
					number := l.lastChange(t)
					undo := func() answer { return l.run(t, "undo", fmt.Sprint(number), "-q") }
					other := undo
					if rival.depends != nil {
						other = func() answer { return l.run(t, append(rival.depends(n), "-q")...) }
					}
					undone, done := beside(n, undo, other)
					cannot := fmt.Sprintf("change %d cannot be undone: change %d depends on it", number, number+1)
					switch {
					case undone.code == 0 && rival.depends == nil:
						done.wantError(t, 4, cannot, "the undo that is second")
					case undone.code == 0:
						done.wantError(t, rival.code, rival.says, "what depends on what is undone")
					case done.code == 0:
						undone.wantError(t, 4, cannot, "the undo that is second")
					}
					if undone.code == 0 {
						undoFirst++
					}
					if (undone.code == 0) == (done.code == 0) || l.lastChange(t) != number+1 {
						t.Errorf("change %d is undone: exit %d\n%s\nbeside: exit %d\n%s", number, undone.code, undone.stderr, done.code, done.stderr)
					}
					l.clean(t)
				}
				t.Logf("the undo was first in %d of %d", undoFirst, rounds)
			})
		})
	}
}

// beside runs two commands: the one before the other in round 1, the other way round in round 2, and at the same time from then on.
func beside(round int, one, other func() answer) (ofOne, ofOther answer) {
	switch round {
	case 1:
		ofOne = one()
		return ofOne, other()
	case 2:
		ofOther = other()
		return one(), ofOther
	}
	var both sync.WaitGroup
	both.Go(func() { ofOne = one() })
	both.Go(func() { ofOther = other() })
	both.Wait()
	return ofOne, ofOther
}
