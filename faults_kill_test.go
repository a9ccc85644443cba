package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// writeLoop is a command that writes, over and over, several rows each time.
type writeLoop struct {
	// prepare makes what the loop needs.
	prepare [][]string
	// command is the n-th command. It makes rows objects that carry name, and prints their ids.
	command func(name string) []string
	rows    int
	// made are the ids in the ledger by name.
	made func(t *testing.T, l *ledger) map[string][]string
}

var writeLoops = map[string]writeLoop{
	"networks": {
		command: func(name string) []string {
			return []string{"network", "create", "10.0.0.0/8", "3", "32", "--next_free", "--fixed_range_v6", "fd00::/40",
				"--label", name, "-f", "value", "-c", "id"}
		},
		rows: 3,
		made: func(t *testing.T, l *ledger) map[string][]string {
			byName := map[string][]string{}
			for _, n := range l.networks(t) {
				byName[n.Label] = append(byName[n.Label], fmt.Sprint(n.ID))
			}
			return byName
		},
	},
	"instances": {
		prepare: [][]string{{"network", "create", "10.0.0.0/8", "1", "4096", "100", "1000", "fd00::/48"}},
		command: func(name string) []string {
			return []string{"instance", "create", name, "--count", "3", "--project_id", "apollo", "-f", "value", "-c", "id"}
		},
		rows: 3,
		made: func(t *testing.T, l *ledger) map[string][]string {
			byName := map[string][]string{}
			for _, line := range strings.Split(strings.TrimSpace(l.must(t, "instance", "list", "-f", "value", "-c", "name", "-c", "id")), "\n") {
				name, id, _ := strings.Cut(line, "\t")
				name, _, _ = strings.Cut(name, "-") // NAME-1 to NAME-3
				byName[name] = append(byName[name], id)
			}
			for _, ids := range byName {
				slices.Sort(ids)
			}
			return byName
		},
	},
}

// batchLoop is a loop of batches, whose lines are files in a folder.
func batchLoop(dir string) writeLoop {
	loop := writeLoops["networks"]
	loop.command = func(name string) []string {
		path := filepath.Join(dir, name)
		line := "network create 10.0.0.0/8 1 32 --next_free --fixed_range_v6 fd00::/40 --label " + name + " -f value -c id\n"
		if err := os.WriteFile(path, []byte(strings.Repeat(line, loop.rows)), 0o600); err != nil {
			panic(err)
		}
		return []string{"batch", path}
	}
	return loop
}

// TestFaults_kill kills commands with SIGKILL at random moments while others are at work. What exited with 0 is there
// afterwards, nothing is there by half, and nothing needs a repair.
func TestFaults_kill(t *testing.T) {
	race.SkipProcesses(t)
	loops := maps.Clone(writeLoops)
	loops["batches"] = batchLoop(t.TempDir())
	for name, loop := range loops {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, l *ledger) {
				kills := 100
				if l.path == "" {
					kills = 25 // there it is the server that must not be killed
				}
				killLoop(t, l, loop, kills)
			})
		})
	}
}

func killLoop(t *testing.T, l *ledger, loop writeLoop, kills int) {
	l.must(t, "db", "sync")
	for _, args := range loop.prepare {
		l.must(t, args...)
	}
	started := time.Now()
	acknowledged := map[string][]string{"first": strings.Fields(l.must(t, loop.command("first")...))}
	// The latest moment to kill a command: it moves so that about as many live as die, however busy the machine is.
	var latest atomic.Int64
	latest.Store(int64(2 * time.Since(started)))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	const workers = 3
	var lock sync.Mutex // of acknowledged
	var killed atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for n := 0; killed.Load() < int64(kills) && !t.Failed(); n++ {
				name := fmt.Sprintf("w%dn%d", w, n)
				a, err := killAfter(t, l, time.Duration(random.Int64N(latest.Load())), loop.command(name)...)
				switch {
				case err != nil:
					t.Error(err)
				case a.signal == syscall.SIGKILL:
					killed.Add(1)
					latest.Store(latest.Load() * 11 / 10)
				case a.code != 0:
					t.Errorf("a command that was not killed: exit %d\n%s", a.code, a.stderr)
				default:
					latest.Store(max(int64(time.Millisecond), latest.Load()*10/11))
					lock.Lock()
					acknowledged[name] = strings.Fields(a.stdout)
					lock.Unlock()
				}
			}
		})
	}
	group.Wait()

	acknowledged["last"] = strings.Fields(l.must(t, loop.command("last")...))
	l.clean(t)
	made := loop.made(t, l)
	for name, ids := range acknowledged {
		if len(ids) != loop.rows || fmt.Sprint(made[name]) != fmt.Sprint(ids) {
			t.Errorf("%s was acknowledged with %v, and the ledger has %v", name, ids, made[name])
		}
	}
	for name, ids := range made {
		if len(ids) != loop.rows {
			t.Errorf("%s is there by half: %v", name, ids)
		}
	}
	t.Logf("%d killed, %d acknowledged, %d in the ledger", killed.Load(), len(acknowledged), len(made))
}

// settle waits until nobody is at work on a ledger: on a server the last statement of who was killed goes on without him. A dry
// run waits for it, as a writer.
func (l *ledger) settle(t *testing.T) {
	t.Helper()
	l.run(t, "network", "create", "192.168.0.0/28", "1", "16", "--network_manager", "FlatDHCPManager", "--dry_run")
}

// killAfter runs a command and kills it unless it has ended before.
func killAfter(t *testing.T, l *ledger, delay time.Duration, args ...string) (answer, error) {
	cmd := l.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return answer{}, err
	}
	timer := time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return answer{}, err
	}
	return answerOf(t, cmd, err, &stdout, &stderr), nil
}
