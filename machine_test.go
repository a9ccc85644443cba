package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// machineCommands are what scripts need for a whole network node with an /etc, a /run and daemons of its own.
var machineCommands = map[string]func(*testscript.TestScript, bool, []string){
	"machine": machine,
	"site":    site,
	"guest":   guest,
	"on":      on,
	"drift":   drift,
	"flows":   flows,
}

// mounts makes the machine's own /etc and /run, and gives it its name. /sys is read-only, by which systemd-networkd knows that
// there is no udev to wait for.
const mounts = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/.etc/upper /run/.etc/work /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/dbus
mount -t overlay -o lowerdir=/etc,upperdir=/run/.etc/upper,workdir=/run/.etc/work overlay /etc
rm -rf /etc/systemd/network /etc/radvd.conf /etc/nova
mkdir -p /etc/systemd/network
chown -R systemd-network: /run/systemd/netif
mount -o remount,ro,bind /sys
echo "$1" >/proc/sys/kernel/hostname
echo ready
exec sleep 3600`

// machine is the script command `machine VARIABLE`: the variable gets the name of a network namespace in which a machine without
// services and with an empty network configuration is up. `on $VARIABLE COMMAND` runs a command there. SERVICES is the program
// that starts and reloads its daemons, in the place of systemctl.
func machine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: machine VARIABLE")
	}
	netns(ts, false, args)
	m, err := startMachine(ts.Getenv(args[0]), "node")
	ts.Check(err)
	ts.Defer(m.stop)
	ts.Setenv(args[0]+"_pid", strconv.Itoa(m.pid()))
	ts.Setenv("SERVICES", services)
}

// services is the program that does on a machine what systemctl does elsewhere.
var services = filepath.Join(repository, "testscripts", "node", "services")

// aMachine is a process that holds a machine's namespaces open.
type aMachine struct{ holder *exec.Cmd }

// startMachine makes a machine of a network namespace: with an /etc and a /run of its own, and that host name.
func startMachine(namespace, hostname string) (*aMachine, error) {
	holder := exec.Command("ip", "netns", "exec", namespace, "unshare", "--mount", "--uts", "sh", "-c", mounts, "sh", hostname)
	// In a session of its own, or what is started there would be hung up with the terminal of whoever runs the tests.
	holder.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var stderr strings.Builder
	holder.Stderr = &stderr
	stdout, err := holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := holder.Start(); err != nil {
		return nil, err
	}
	m := &aMachine{holder}
	ready := make([]byte, len("ready\n"))
	if n, err := stdout.Read(ready); err != nil || string(ready[:n]) != "ready\n" {
		m.stop()
		return nil, fmt.Errorf("the machine does not come up: %w: %s", err, stderr.String())
	}
	return m, nil
}

func (m *aMachine) pid() int { return m.holder.Process.Pid }

func (m *aMachine) stop() {
	_ = m.holder.Process.Kill()
	_ = m.holder.Wait()
}

// enter is the command line by which a command runs on the machine whose holder has that pid, in its folder /.
func enter(pid string, command ...string) []string {
	// Not with --target alone: `ip netns exec` has made the mount namespace private already.
	return append([]string{"nsenter", "--mount", "--uts", "--net", "--target", pid, "--"}, command...)
}

// repository is where the tests were started.
var repository, _ = os.Getwd()

// on is the script command `on VARIABLE CODE COMMAND [ARGUMENT...]`: the command runs on the machine and must exit with that code.
func on(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: on VARIABLE CODE COMMAND [ARGUMENT...]")
	}
	exits(ts, false, append(args[1:2:2], enter(ts.Getenv(args[0]+"_pid"), args[2:]...)...))
}

// guest is the script command `guest VARIABLE MACHINE BRIDGE MAC [ADDRESS/LENGTH...]`: a guest with that MAC is plugged into a
// bridge of the machine. The variable gets the name of its namespace; its interface is eth0, its port on the bridge tapN, where
// the variable with _tap appended tells which. It uses each address given, without asking anybody for it, and the first address
// of the network as its router.
func guest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: guest VARIABLE MACHINE BRIDGE MAC [ADDRESS/LENGTH...]")
	}
	netns(ts, false, args[:1])
	name, node, port := ts.Getenv(args[0]), ts.Getenv(args[1]), fmt.Sprintf("tap%d", namespaces.Load())
	ts.Setenv(args[0]+"_tap", port)
	ipEach(ts, [][]string{
		{"-n", node, "link", "add", port, "master", args[2], "type", "veth", "peer", "name", "eth0", "address", args[3], "netns", name},
		{"-n", node, "link", "set", port, "up"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "link", "set", "eth0", "up"},
	})
	for _, address := range args[4:] {
		prefix, err := netip.ParsePrefix(address)
		ts.Check(err)
		line := []string{"-n", name, "address", "add", address, "dev", "eth0"}
		if prefix.Addr().Is6() {
			line = append(line, "nodad")
		}
		ipEach(ts, [][]string{line, {"-n", name, "route", "add", "default", "via", prefix.Masked().Addr().Next().String()}})
	}
}

// ipEach runs ip(8) with each of the lines.
func ipEach(ts *testscript.TestScript, lines [][]string) {
	for _, line := range lines {
		if out, err := exec.Command("ip", line...).CombinedOutput(); err != nil {
			ts.Fatalf("ip %s: %v: %s", strings.Join(line, " "), err, out)
		}
	}
}
