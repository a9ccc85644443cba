package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// benchCase is one comparison. Its first side is nova-manage.
type benchCase struct {
	name, aim string
	sides     func(*world) ([]side, error)
}

// side is one way to do the work; run does it once and says how long the process took, from its start to its end.
type side struct {
	name string
	run  func() (time.Duration, error)
}

var cases = []benchCase{
	{
		"network create, all defaults: 1000 networks of 256, VlanManager", "at most 2× rows and indexes",
		creating("network", "create"),
	},
	{
		"network create, 4000 networks of /24, FlatManager", "at most 2× rows and indexes",
		creating("network", "create", "10.0.0.0/8", "4000", "256", "--network_manager", "FlatManager"),
	},
	{
		"network list, 3 networks: the start-up", "at most 10 ms where the shell takes 3, which is 3.3×",
		reading([]string{"network", "create", "10.0.1.0/24", "3", "32", "100", "1000", "fd00:1::/48"},
			[]string{"network", "list"},
			"SELECT id, cidr, cidr_v6, vlan, bridge, gateway, vpn_public_port, project_id, host FROM networks ORDER BY first"),
	},
	{
		"emit radvd, 4094 bridges", "at most 50 ms",
		reading([]string{"network", "create", "10.0.0.0/8", "4094", "256", "1", "1000", "fd00::/48"},
			[]string{"emit", "radvd"},
			"SELECT bridge, vlan, cidr_v6, mtu, dns1, dns2 FROM networks ORDER BY vlan"),
	},
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
func reading(made, command []string, query string) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		ledger, err := w.ledger(made...)
		if err != nil {
			return nil, err
		}
		return []side{
			{"nova-manage", func() (time.Duration, error) { return stopwatch(w.nova(ledger, command...)) }},
			{"sqlite3, the same columns", func() (time.Duration, error) { return stopwatch(w.sqlite(ledger, query)) }},
		}, nil
	}
}

// world is where the cases happen.
type world struct {
	dir           string
	binary, shell string
	count         int
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

// onNewFile is a side that starts each time where no ledger is.
func (w *world) onNewFile(command func(ledger string) (*exec.Cmd, error)) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		folder := w.path("")
		if err := os.Mkdir(folder, 0o700); err != nil {
			return 0, err
		}
		defer os.RemoveAll(folder)
		cmd, err := command(filepath.Join(folder, "ledger.sqlite"))
		if err != nil {
			return 0, err
		}
		return stopwatch(cmd)
	}
}

// stopwatch runs a process whose output nobody reads.
func stopwatch(cmd *exec.Cmd) (time.Duration, error) {
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if file, ok := cmd.Stdin.(*os.File); ok {
		file.Close()
	}
	return took, err
}

// ask runs a command for its output.
func (w *world) ask(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, exit.Stderr)
	}
	return string(out), err
}
