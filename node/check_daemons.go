//go:build linux

package node

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running program as /proc tells of it (proc(5)).
type process struct {
	pid     int
	args    []string
	started time.Time
}

// processOf looks a process up, and returns nil where there is none of that number.
func processOf(pid int) *process {
	dir := "/proc/" + strconv.Itoa(pid)
	line, err := os.ReadFile(dir + "/cmdline")
	if err != nil || len(line) == 0 {
		return nil
	}
	p := &process{pid: pid, args: strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")}
	// Field 22, counted from behind the name, which may hold anything (proc_pid_stat(5)).
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const startTime = 22 - 3
	if len(fields) <= startTime {
		return nil
	}
	ticks, err := strconv.ParseInt(fields[startTime], 10, 64)
	if err != nil {
		return nil
	}
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return nil
	}
	const ticksPerSecond = 100 // USER_HZ, on every architecture that Go knows
	p.started = time.Now().Add(time.Duration(ticks)*time.Second/ticksPerSecond - time.Duration(now.Nano()))
	return p
}

// names tells whether the process is the daemon d with its file.
func (p *process) names(d *Daemon) bool {
	if len(p.args) == 0 || filepath.Base(p.args[0]) != d.Name {
		return false
	}
	given := false
	for i, arg := range p.args[1:] {
		value := ""
		switch {
		case (arg == "-C" || arg == "--config" || arg == "--conf-file") && i+2 < len(p.args):
			value = p.args[i+2]
		case strings.HasPrefix(arg, "--config="), strings.HasPrefix(arg, "--conf-file="):
			_, value, _ = strings.Cut(arg, "=")
		case strings.HasPrefix(arg, "-C") && len(arg) > 2:
			value = arg[2:]
		default:
			continue
		}
		given = true
		if value == d.Config {
			return true
		}
	}
	return !given && d.Default
}

// running finds the processes of the daemon that are in this network namespace: others are another node's.
func running(d *Daemon) (found []*process) {
	here, _ := os.Readlink("/proc/self/ns/net")
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || readText("/proc/"+e.Name()+"/comm") != d.Name {
			continue
		}
		if there, err := os.Readlink("/proc/" + e.Name() + "/ns/net"); err != nil || there != here {
			continue
		}
		// A parent that only keeps privileges, as radvd has one, is the same daemon.
		if p := processOf(pid); p != nil && p.names(d) {
			found = append(found, p)
		}
	}
	return found
}

// main is the process of the daemon that its file of process ids names, nil where that does not run.
func (d *Daemon) main() *process {
	pid, err := strconv.Atoi(readText(d.PIDFile))
	if err != nil {
		return nil
	}
	if p := processOf(pid); p != nil && p.names(d) {
		return p
	}
	return nil
}

// checkDaemons finds out whether the daemons run, once each, and with what is in their files.
func checkDaemons(w *Want) (found []Difference) {
	for i := range w.Daemons {
		d := &w.Daemons[i]
		add := func(is, should string, does Action) {
			found = append(found, Difference{Subject: d.Name, Is: is, Should: should, Because: d.Config, does: does})
		}
		all := running(d)
		main := d.main()
		switch {
		case len(all) == 0:
			add("not running", "running with "+d.Config, d.Does)
			continue
		case main == nil:
			add(fmt.Sprintf("process %d, which is not the one of %s", all[0].pid, d.PIDFile), "started as "+d.Unit, 0)
			continue
		}
		if info, err := os.Stat(d.Config); d.Restart && err == nil && info.ModTime().After(main.started.Add(20*time.Millisecond)) {
			add("running with an older "+d.Config, "started since that was written", d.Does)
		}
		if d.Restart && slices.ContainsFunc(all, func(p *process) bool { return p.pid != main.pid }) {
			// DHCP's sockets are shared: a second one answers, too, from what it once read.
			add(fmt.Sprintf("running %d times", len(all)), "running once", 0)
		}
	}
	return found
}
