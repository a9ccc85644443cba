package configtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// NetworkdProgram is where Debian and others have systemd-networkd. It is in nobody's PATH.
const NetworkdProgram = "/lib/systemd/systemd-networkd"

// Networkd is a systemd-networkd that has a network namespace to itself, and a bus by which networkctl reaches it. It runs
// without PID 1 and without udev.
type Networkd struct {
	room   *exec.Cmd // keeps the mounts, and has the bus
	daemon *exec.Cmd
	log    lockedBuffer
}

// lockedBuffer is read while a process still writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// /sys read-only is how networkd concludes that there is no udev; otherwise every link waits for it for ever. What the
// machine's own packages have in /lib/systemd/network is hidden.
const networkdRoom = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network: /run/systemd/netif
mount -t tmpfs tmpfs /lib/systemd/network
mkdir -p /etc/systemd/network
mount --bind "$1" /etc/systemd/network
mount -o remount,ro,bind /sys
cat >/run/dbus/bus.conf <<'BUS'
` + networkdBus + `
BUS
dbus-daemon --config-file=/run/dbus/bus.conf --nofork --nopidfile 2>/dev/null &
until [ -S /run/dbus/system_bus_socket ]; do kill -0 $!; sleep 0.01; done
echo ` + roomReady + `
exec sleep infinity`

// networkdBus is a bus that starts nothing by itself: asked for networkd before it is there, the machine's own configuration
// would have a helper look for it, and both wait. And it is patient with a networkd that makes thousands of links first.
const networkdBus = `<busconfig>
<type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth>
<policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
</policy>
<limit name="auth_timeout">600000</limit>
</busconfig>`

const (
	roomReady     = "the room is ready"
	networkdReady = "Enumeration completed"
)

// StartNetworkd starts systemd-networkd in the namespace, with dir in the place of /etc/systemd/network, and waits until it
// has read its files. It needs root, unshare, nsenter and dbus-daemon. The caller stops it.
func StartNetworkd(ns Namespace, dir string) (*Networkd, error) {
	n := &Networkd{room: ns.Command("unshare", "--mount", "sh", "-c", networkdRoom, "sh", dir)}
	n.room.Stdout, n.room.Stderr = &n.log, &n.log
	n.room.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the bus, which must end with it
	n.room.WaitDelay = time.Second
	if err := n.room.Start(); err != nil {
		return nil, err
	}
	err := n.until(time.Minute, func() bool { return strings.Contains(n.log.String(), roomReady) })
	if err == nil {
		err = n.start()
	}
	if err != nil {
		n.Stop()
		return nil, fmt.Errorf("systemd-networkd does not start: %w:\n%s", err, n.Log())
	}
	return n, nil
}

// start starts the daemon, which has the process ID of the command: nsenter becomes it.
func (n *Networkd) start() error {
	starts := strings.Count(n.log.String(), networkdReady)
	n.daemon = n.Enter("env", "SYSTEMD_LOG_TARGET=console", "SYSTEMD_LOG_LEVEL=info", NetworkdProgram)
	n.daemon.Stdout, n.daemon.Stderr = &n.log, &n.log
	if err := n.daemon.Start(); err != nil {
		n.daemon = nil
		return err
	}
	// It makes links before it says so; thousands take minutes on a busy machine.
	return n.until(5*time.Minute, func() bool { return strings.Count(n.log.String(), networkdReady) > starts })
}

func (n *Networkd) until(most time.Duration, done func() bool) error {
	for deadline := time.Now().Add(most); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s", most)
		}
	}
	return nil
}

// Restart ends the daemon and starts it again, as `systemctl restart` does: the signal is the RestartKillSignal of its unit.
func (n *Networkd) Restart() error {
	if err := n.daemon.Process.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	_ = n.daemon.Wait()
	return n.start()
}

// Stop ends it and its bus. The links that it has made stay.
func (n *Networkd) Stop() {
	if n.daemon != nil {
		_ = n.daemon.Process.Kill()
		_ = n.daemon.Wait()
	}
	_ = syscall.Kill(-n.room.Process.Pid, syscall.SIGKILL)
	_ = n.room.Wait()
}

// Enter is a program that is to run where networkd runs, with its files and its bus.
func (n *Networkd) Enter(args ...string) *exec.Cmd {
	room := strconv.Itoa(n.room.Process.Pid)
	return exec.Command("nsenter", append([]string{"--target", room, "--mount", "--net", "--"}, args...)...)
}

// Reload lets networkd read its files again. A bus that is busy may not know networkd yet, or no more.
func (n *Networkd) Reload() error {
	var failed error
	err := n.until(time.Minute, func() bool {
		var out []byte
		if out, failed = n.Enter("timeout", "20", "networkctl", "reload").CombinedOutput(); failed != nil {
			failed = fmt.Errorf("networkctl reload: %w: %s", failed, out)
		}
		return failed == nil
	})
	if err != nil {
		return failed
	}
	return nil
}

// Settle waits until networkd has done what it has to do with each link, which takes most at the most, and returns the
// state of each that it manages: "configured", or "failed".
func (n *Networkd) Settle(most time.Duration) (map[string]string, error) {
	var states map[string]string
	var failed error
	err := n.until(most, func() bool {
		states, failed = n.states()
		for _, state := range states {
			if state != "configured" && state != "failed" {
				failed = fmt.Errorf("links are %v", states)
			}
		}
		return failed == nil
	})
	if err != nil {
		return nil, fmt.Errorf("systemd-networkd does not settle: %w: %w", err, failed)
	}
	return states, nil
}

func (n *Networkd) states() (map[string]string, error) {
	out, err := n.Enter("timeout", "20", "networkctl", "--json=short", "list").Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("networkctl list: %w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Interfaces []struct{ Name, AdministrativeState string }
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	states := make(map[string]string)
	for _, i := range list.Interfaces {
		if i.AdministrativeState != "unmanaged" {
			states[i.Name] = i.AdministrativeState
		}
	}
	return states, nil
}

// Version is the number of systemd's release, such as 252.
func (n *Networkd) Version() (int, error) {
	out, err := n.Enter("networkctl", "--version").Output()
	if err != nil {
		return 0, err
	}
	var version int
	_, err = fmt.Sscanf(string(out), "systemd %d", &version)
	return version, err
}

// Log is all that networkd has said.
func (n *Networkd) Log() string { return n.log.String() }

// networkdComplaint is what the log says of something in a file, or of a link, that networkd goes on without. It refuses
// nothing; there is no other sign.
var networkdComplaint = regexp.MustCompile(`(?i)ignoring|\.(network|netdev|conf):\d+:|could not|failed|unknown|invalid`)

// Complaints are the lines of the log that tell of a mistake.
func (n *Networkd) Complaints() []string {
	var lines []string
	for line := range strings.Lines(n.Log()) {
		if networkdComplaint.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// NewNetworkd starts systemd-networkd for a test, in a namespace and with a folder of files, and stops it when the test
// ends. Where that is not possible it skips as Tool does.
func NewNetworkd(t *testing.T, ns Namespace, dir string) *Networkd {
	t.Helper()
	for _, name := range []string{"dbus-daemon", "networkctl", "nsenter", "unshare", NetworkdProgram} {
		Tool(t, name)
	}
	n, err := StartNetworkd(ns, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// WriteTree writes files, by their paths below dir, and removes what is there and not among them.
func WriteTree(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	old, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range old {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
