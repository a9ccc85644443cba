package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nova-manage/netcalc"
)

// nodeCommands are what scripts need to play a network node and its guests.
var nodeCommands = map[string]func(*testscript.TestScript, bool, []string){
	"netns": netns,
	"until": until,
	"eui64": eui64,
	"keep":  keep,
}

var namespaces atomic.Int64

// netns is the script command `netns VARIABLE...`: each variable gets the name of a new network namespace, which is
// gone with all that runs in it when the script ends, however it ends.
func netns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: netns VARIABLE...")
	}
	for _, variable := range args {
		name, err := addNamespace()
		if name != "" {
			ts.Defer(func() { removeNamespace(ts, name) })
		}
		ts.Check(err)
		ts.Setenv(variable, name)
	}
}

// addNamespace makes a network namespace and returns its name, "" where there is none.
func addNamespace() (name string, err error) {
	name = fmt.Sprintf("nova-manage-%d-%d", os.Getpid(), namespaces.Add(1))
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		return "", fmt.Errorf("adding namespace %s: %w: %s", name, err, out)
	}
	// An interface's settings are inherited, so that what this machine has set must not reach the guests.
	for _, path := range []string{"accept_ra=1", "autoconf=1", "forwarding=0", "addr_gen_mode=0", "use_tempaddr=0"} {
		if err := exec.Command("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv6.conf.default."+path).Run(); err != nil {
			return name, fmt.Errorf("setting %s in namespace %s: %w", path, name, err)
		}
	}
	return name, nil
}

// removeNamespace removes a network namespace and all that runs in it.
func removeNamespace(ts interface{ Logf(string, ...any) }, name string) {
	pids, err := exec.Command("ip", "netns", "pids", name).Output()
	if err != nil {
		ts.Logf("processes of namespace %s: %v", name, err)
	}
	for _, text := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(text); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if out, err := exec.Command("ip", "netns", "delete", name).CombinedOutput(); err != nil {
		ts.Logf("deleting namespace %s: %v: %s", name, err, out)
	}
}

// until is the script command `until PATTERN COMMAND [ARGUMENT...]`: it repeats the command until its standard output
// matches the pattern, which must happen in good time. The output can be matched as that of exec.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND [ARGUMENT...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	// Seconds are usual: a guest makes sure that nobody has its address, and solicits a router up to a second later.
	const most, pause = time.Minute, 50 * time.Millisecond
	for deadline := time.Now().Add(most); ; time.Sleep(pause) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not print %s within %s (%v)", strings.Join(args[1:], " "), args[0], most, err)
		}
	}
}

// eui64 is the script command `eui64 VARIABLE PREFIX MAC`: the variable gets the address that a guest with that MAC
// takes in the prefix.
func eui64(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: eui64 VARIABLE PREFIX MAC")
	}
	prefix, err := netip.ParsePrefix(args[1])
	ts.Check(err)
	mac, err := netcalc.ParseMAC(args[2])
	ts.Check(err)
	address, err := netcalc.EUI64(prefix, mac)
	ts.Check(err)
	ts.Setenv(args[0], address.String())
}

// keep is the script command `keep VARIABLE`: the variable gets the line that the command before printed.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	line, rest, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	if neg || len(args) != 1 || line == "" || rest != "" {
		ts.Fatalf("usage: keep VARIABLE, after a command that prints one line")
	}
	ts.Setenv(args[0], line)
}
