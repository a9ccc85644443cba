package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// benchCase is one comparison. Its first side is nova-manage.
type benchCase struct {
	name, aim string
	sides     func(*world) ([]side, error)
	// rounds, if it is set, is how many there are at most, for what takes seconds.
	rounds int
	// requests, if it is set, is how many a round sends: how many are answered in a second is reported, too.
	requests int
}

// side is one way to do the work; run does it once and says what the process took.
type side struct {
	name string
	run  func() (cost, error)
}

// cost is what one process took: the time from its start to its end, and the most memory that it had.
type cost struct {
	time   time.Duration
	memory int64 // bytes resident, as seen every few milliseconds; 0 if it was over too soon
}

// selectListed is what `network list` prints, for the shell.
const selectListed = "SELECT id, cidr, cidr_v6, vlan, bridge, gateway, vpn_public_port, project_id, host FROM networks ORDER BY first"

var cases = []benchCase{
	{
		name: "network create, all defaults: 1000 networks of 256, VlanManager", aim: "at most 2× rows and indexes",
		sides: creating("network", "create"),
	},
	{
		name: "network create, 4000 networks of /24, FlatManager", aim: "at most 2× rows and indexes",
		sides: creating(flat(4000, 256)...),
	},
	{
		name: "network list, 3 networks: the start-up", aim: "at most 10 ms where the shell takes 3, which is 3.3×",
		sides: reading([]string{"network", "create", "10.0.1.0/24", "3", "32", "100", "1000", "fd00:1::/48"},
			[]string{"network", "list"}, selectListed),
	},
	{
		name: "emit radvd, 4094 bridges", aim: "at most 50 ms",
		sides: reading([]string{"network", "create", "10.0.0.0/8", "4094", "256", "1", "1000", "fd00::/48"},
			[]string{"emit", "radvd"},
			"SELECT bridge, vlan, cidr_v6, mtu, dns1, dns2 FROM networks ORDER BY vlan"),
	},
	{
		name: "instance create --count 10000", aim: "at most 3× rows and indexes",
		sides: adding([]string{"network", "create", "10.0.0.0/16", "1", "65536", "100", "1000", "fd00:1::/48"},
			"instance", "create", "web", "--project_id", "apollo", "--create_project", "--count", "10000"),
	},
	{
		name: "batch of 10,000 lines of instance create", aim: "at most 3× one instance create --count 10000",
		sides: batching(10_000),
	},
	{
		name: "scale: network create, 1,000 networks of 16, FlatManager", aim: "at most 2× rows and indexes",
		sides: creating(flat(1_000, 16)...),
	},
	{
		name: "scale: network create, 10,000 networks of 16, FlatManager", aim: "at most 2× rows and indexes",
		sides: creating(flat(10_000, 16)...), rounds: 7,
	},
	{
		name: "scale: network create, 100,000 networks of 16, FlatManager", aim: "at most 2× rows and indexes",
		sides: creating(flat(100_000, 16)...), rounds: 3,
	},
	{
		name: "scale: network create --next_free of 1 network, by networks in the ledger", aim: "at most 2× any smaller ledger",
		sides: growing(1_000_000, 10_000, 10),
	},
	{
		name: "scale: network list -f json of 1,000,000 networks", aim: "at most 64 MiB; time as what it prints",
		sides:  reading(flat(1_000_000, 16), []string{"network", "list", "-f", "json"}, "-json", "SELECT * FROM networks ORDER BY first"),
		rounds: 3,
	},
	{
		name: "scale: fixed list --all -f value of a /8, 16,777,216 rows", aim: "at most 64 MiB, tens of seconds",
		sides:  printing(flat(1, 1<<24), "fixed", "list", "--all", "-f", "value"),
		rounds: 1,
	},
}

// flat is a command that makes so many networks of a size, one after the other.
func flat(networks, size int) []string {
	return []string{"network", "create", "10.0.0.0/8", fmt.Sprint(networks), fmt.Sprint(size), "--network_manager", "FlatManager"}
}

// creating times a command that makes a ledger, from no file to the end of the process, beside the shell making the same
// ledger from SQL text, in one transaction with the same pragmas: once only the rows with their indexes, once also with
// what the ledger's schema checks while they are inserted.
func creating(command ...string) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		model, err := w.ledger(command...)
		if err != nil {
			return nil, err
		}
		rows, err := w.script(model, false)
		if err != nil {
			return nil, err
		}
		checked, err := w.script(model, true)
		if err != nil {
			return nil, err
		}
		for _, script := range []string{rows, checked} {
			if err := w.sameRows(model, script); err != nil {
				return nil, err
			}
		}
		return []side{
			{"nova-manage", w.onNewFile(func(ledger string) (*exec.Cmd, error) { return w.nova(ledger, command...), nil })},
			{"sqlite3, rows and indexes", w.onNewFile(w.insert(rows))},
			{"sqlite3, also triggers and foreign keys", w.onNewFile(w.insert(checked))},
		}, nil
	}
}

// reading times a command that reads the ledger which another one made, beside the shell reading the same columns.
func reading(made, command []string, shell ...string) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		ledger, err := w.shared(made...)
		if err != nil {
			return nil, err
		}
		return []side{
			{"nova-manage", func() (cost, error) { return stopwatch(w.nova(ledger, command...)) }},
			{"sqlite3, the same columns", func() (cost, error) { return stopwatch(w.sqlite(append([]string{ledger}, shell...)...)) }},
		}, nil
	}
}

// printing times a command that reads the ledger which another one made, beside nothing.
func printing(made []string, command ...string) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		ledger, err := w.shared(made...)
		if err != nil {
			return nil, err
		}
		return []side{{"nova-manage", func() (cost, error) { return stopwatch(w.nova(ledger, command...)) }}}, nil
	}
}

// adding times a command that adds to the ledger which another one made, beside the shell inserting the same rows into the
// same ledger, with and without what the schema checks. What the command changes besides is its own affair.
func adding(made []string, command ...string) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		base, err := w.shared(made...)
		if err != nil {
			return nil, err
		}
		model := w.path(".sqlite")
		if err := copyFile(base, model); err != nil {
			return nil, err
		}
		if _, err := w.ask(w.nova(model, command...)); err != nil {
			return nil, err
		}
		rows, err := w.addition(base, model, false)
		if err != nil {
			return nil, err
		}
		checked, err := w.addition(base, model, true)
		if err != nil {
			return nil, err
		}
		return []side{
			{"nova-manage", w.onCopy(base, func(ledger string) (*exec.Cmd, error) { return w.nova(ledger, command...), nil })},
			{"sqlite3, rows and indexes", w.onCopy(base, w.insert(rows))},
			{"sqlite3, also triggers and foreign keys", w.onCopy(base, w.insert(checked))},
		}, nil
	}
}

// batching times a batch that makes so many instances, a line for each, beside the one command that makes them.
func batching(n int) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		base, err := w.shared("network", "create", "10.0.0.0/16", "1", "65536", "100", "1000", "fd00:1::/48")
		if err != nil {
			return nil, err
		}
		var lines strings.Builder
		for i := range n {
			fmt.Fprintf(&lines, "instance create web-%d --project_id apollo --create_project\n", i+1)
		}
		file := w.path(".txt")
		if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
			return nil, err
		}
		making := func(name string, args ...string) side {
			return side{name, w.onCopy(base, func(ledger string) (*exec.Cmd, error) { return w.nova(ledger, args...), nil })}
		}
		return []side{
			making("nova-manage batch", "batch", file),
			making("nova-manage, one command", "instance", "create", "web", "--project_id", "apollo", "--create_project", "--count", fmt.Sprint(n)),
		}, nil
	}
}

// growing times the creation of the next free network in ledgers of several sizes, the largest first.
func growing(sizes ...int) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		var sides []side
		for _, size := range sizes {
			ledger, err := w.shared(flat(size, 16)...)
			if err != nil {
				return nil, err
			}
			next := append(flat(1, 16), "--next_free")
			sides = append(sides, side{fmt.Sprintf("nova-manage, %d networks", size), func() (cost, error) {
				return stopwatch(w.nova(ledger, next...))
			}})
		}
		return sides, nil
	}
}

// world is where the cases happen.
type world struct {
	dir           string
	binary, shell string
	count         int
	made          map[string]string // the ledgers that cases share, by the command that made them
	running       []*exec.Cmd       // the servers of cases
}

// path is a new one in the scratch folder.
func (w *world) path(suffix string) string {
	w.count++
	return filepath.Join(w.dir, fmt.Sprintf("%d%s", w.count, suffix))
}

// nova is a command on a ledger, with nothing from the environment.
func (w *world) nova(ledger string, args ...string) *exec.Cmd {
	cmd := exec.Command(w.binary, append([]string{"--flagfile=", "--sql_connection", ledger}, args...)...)
	cmd.Env = []string{"HOME=" + w.dir}
	return cmd
}

// ledger is a new one, made by a command.
func (w *world) ledger(command ...string) (string, error) {
	path := w.path(".sqlite")
	_, err := w.ask(w.nova(path, command...))
	return path, err
}

// shared is a ledger made by a command, the same one for every case that asks for it. Cases read it, or add so little that
// no other notices.
func (w *world) shared(command ...string) (string, error) {
	made := strings.Join(command, " ")
	if path, ok := w.made[made]; ok {
		return path, nil
	}
	path, err := w.ledger(append(command, "-q")...)
	w.made[made] = path
	return path, err
}

// onNewFile is a side that starts each time where no ledger is.
func (w *world) onNewFile(command func(ledger string) (*exec.Cmd, error)) func() (cost, error) {
	return w.onFile(func(string) error { return nil }, command)
}

// onCopy is a side that starts each time with a copy of a ledger.
func (w *world) onCopy(base string, command func(ledger string) (*exec.Cmd, error)) func() (cost, error) {
	return w.onFile(func(ledger string) error { return copyFile(base, ledger) }, command)
}

// onFile is a side that starts each time with a ledger of its own, whose making does not count.
func (w *world) onFile(makeLedger func(ledger string) error, command func(ledger string) (*exec.Cmd, error)) func() (cost, error) {
	return func() (cost, error) {
		folder := w.path("")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return cost{}, err
		}
		defer os.RemoveAll(folder)
		ledger := filepath.Join(folder, "ledger.sqlite")
		if err := makeLedger(ledger); err != nil {
			return cost{}, err
		}
		cmd, err := command(ledger)
		if err != nil {
			return cost{}, err
		}
		return stopwatch(cmd)
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// stopwatch runs a process whose output nobody reads.
func stopwatch(cmd *exec.Cmd) (cost, error) {
	start := time.Now()
	err := cmd.Start()
	var c cost
	if err == nil {
		done, most := make(chan struct{}), make(chan int64)
		go func() { most <- watchMemory(cmd.Process.Pid, done) }()
		err = cmd.Wait()
		c.time = time.Since(start)
		close(done)
		c.memory = <-most
	}
	if file, ok := cmd.Stdin.(*os.File); ok {
		file.Close()
	}
	return c, err
}

// watchMemory returns the most memory that a process was seen to have. What the kernel says at its end (ru_maxrss) will not
// do: it counts the process that started it, this one, which has read whole ledgers.
func watchMemory(pid int, done <-chan struct{}) (most int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return most
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
				var kilobytes int64
				if _, err := fmt.Sscan(after, &kilobytes); err == nil {
					most = max(most, kilobytes<<10)
				}
			}
		}
	}
}

// ask runs a command for its output.
func (w *world) ask(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, exit.Stderr)
	}
	return string(out), err
}
