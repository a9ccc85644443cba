package configtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var taps atomic.Int64

// Guest is a namespace whose eth0 has that MAC and is plugged into a bridge of ns. Its settings are the kernel's own, not
// what this machine has made of them, and its identifiers EUI-64.
func (ns Namespace) Guest(t *testing.T, bridge, mac string) Namespace {
	t.Helper()
	guest := NewNamespace(t)
	for _, setting := range []string{"accept_ra=1", "autoconf=1", "forwarding=0", "addr_gen_mode=0", "use_tempaddr=0"} {
		guest.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.default."+setting)
	}
	tap := fmt.Sprintf("tap%d", taps.Add(1))
	ns.Run(t, "ip", "link", "add", "name", tap, "master", bridge, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", string(guest))
	ns.Run(t, "ip", "link", "set", tap, "up")
	guest.Run(t, "ip", "link", "set", "lo", "up")
	guest.Run(t, "ip", "link", "set", "eth0", "up")
	return guest
}

// Daemon is a program that runs in a namespace until the test ends, or Stop.
type Daemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once it has

	mu  sync.Mutex
	log bytes.Buffer
}

// Start runs a program that stays in the foreground and logs to its standard output or error.
func (ns Namespace) Start(t *testing.T, args ...string) *Daemon {
	t.Helper()
	d := &Daemon{cmd: ns.Command(args...), done: make(chan struct{})} // `ip netns exec` becomes the program
	d.cmd.Stdout, d.cmd.Stderr = d, d
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.done)
	}()
	t.Cleanup(d.Stop)
	return d
}

// Write takes a part of the log.
func (d *Daemon) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(b)
}

// Log is what the daemon has said so far.
func (d *Daemon) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// PID is the daemon's process id.
func (d *Daemon) PID() int { return d.cmd.Process.Pid }

// Signal sends the daemon a signal.
func (d *Daemon) Signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %s: %v\n%s", s, err, d.Log())
	}
}

// Await waits until the log matches the pattern that often, in good time, with the daemon alive.
func (d *Daemon) Await(t *testing.T, pattern string, times int) {
	t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if len(re.FindAllString(d.Log(), -1)) >= times {
			return
		}
		d.Alive(t)
		if time.Now().After(deadline) {
			t.Fatalf("the log does not match %s %d times:\n%s", pattern, times, d.Log())
		}
	}
}

// Alive checks that the daemon has not ended.
func (d *Daemon) Alive(t *testing.T) {
	t.Helper()
	select {
	case <-d.done:
		t.Fatalf("%s has ended: %v\n%s", d.cmd.Args[len(d.cmd.Args)-1], d.err, d.Log())
	default:
	}
}

// Stop kills the daemon, if it still runs, and waits for its end.
func (d *Daemon) Stop() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// clientScript prints what a DHCP client was told, and changes nothing.
const clientScript = "#!/bin/sh\nenv\necho\n"

// LeaseV4 asks for an IPv4 address, and returns what the client was told as udhcpc calls it (ip, mask, router, dns, mtu,
// domain, hostname, lease), or nil where nobody answered. The guest is not configured by it.
func (ns Namespace) LeaseV4(t *testing.T, options ...string) map[string]string {
	t.Helper()
	args := []string{Tool(t, "udhcpc"), "-f", "-q", "-n", "-i", "eth0", "-t", "4", "-T", "1", "-A", "0", "-O", "mtu", "-s", script(t)}
	out, err := ns.Command(append(args, options...)...).Output()
	lease := told(string(out), "ip")
	if err == nil && lease == nil {
		t.Fatalf("udhcpc has a lease, and its script no address:\n%s", out)
	}
	return lease
}

// LeaseV6 asks for an address by DHCPv6, and returns what the client was told as dhclient calls it (new_ip6_address,
// new_dhcp6_name_servers, new_dhcp6_domain_search, new_dhcp6_server_id), or nil where it got none within some seconds.
func (ns Namespace) LeaseV6(t *testing.T) map[string]string {
	t.Helper()
	// It sends from its link-local address, which it does not wait for.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if out := ns.Run(t, "ip", "-6", "address", "show", "dev", "eth0", "scope", "link"); out != "" && !strings.Contains(out, "tentative") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the guest has no link-local address")
		}
	}
	dir := t.TempDir()
	cmd := ns.Command("timeout", "6", Tool(t, "dhclient"), "-6", "-1", "-d", "-lf", filepath.Join(dir, "leases"),
		"-pf", filepath.Join(dir, "pid"), "-sf", script(t), "eth0")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // to timeout, which passes it on
		_ = cmd.Wait()
	}()
	var all bytes.Buffer
	part := make([]byte, 4096)
	for {
		n, err := r.Read(part)
		all.Write(part[:n])
		if lease := told(all.String(), "new_ip6_address"); lease != nil {
			return lease
		}
		if err != nil {
			return nil
		}
	}
}

// told finds the last environment that was printed whole and has the variable.
func told(out, variable string) map[string]string {
	var lease map[string]string
	blocks := strings.Split(out, "\n\n")
	for _, block := range blocks[:len(blocks)-1] {
		values := make(map[string]string)
		for line := range strings.Lines(block) {
			if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
				values[key] = value
			}
		}
		if values[variable] != "" {
			lease = values
		}
	}
	return lease
}

func script(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "client")
	if err := os.WriteFile(path, []byte(clientScript), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
