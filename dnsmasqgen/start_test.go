package dnsmasqgen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/configtest"
)

// served is a dnsmasq that runs in a node's namespace with the files of a configuration.
type served struct {
	*configtest.Daemon
	node configtest.Namespace
	dir  string
}

// serve writes the files of c and starts dnsmasq with them, as the unit does.
func serve(t *testing.T, node configtest.Namespace, c Config) *served {
	t.Helper()
	// Not t.TempDir, because the daemon reads as nobody, for whom the folders above are closed.
	dir, err := os.MkdirTemp("", "dnsmasqgen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &served{node: node, dir: dir}
	s.write(t, c)
	s.start(t)
	return s
}

func (s *served) start(t *testing.T) {
	t.Helper()
	conf := filepath.Join(s.dir, "conf")
	if out, err := s.node.Command("dnsmasq", "--test", "-C", conf).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// In the place of the unit's LimitNOFILE whatever this machine allows.
	s.Daemon = s.node.Start(t, "sh", "-c", "ulimit -n $(ulimit -H -n) && exec dnsmasq -k --log-facility=- -C "+conf)
	s.Await(t, "^dnsmasq.*: read .*/names - ", 1)
}

// write replaces the files as host apply does: beside the old ones, and renamed over them.
func (s *served) write(t *testing.T, c Config) {
	t.Helper()
	c.HostsFile, c.NamesFile, c.PIDFile = filepath.Join(s.dir, "hosts"), filepath.Join(s.dir, "names"), filepath.Join(s.dir, "pid")
	for name, text := range map[string]func([]byte) ([]byte, error){"conf": c.Append, "hosts": c.AppendHosts, "names": c.AppendNames} {
		b, err := text(nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path+".new", b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// up gives a bridge of the node the addresses that its networks need.
func up(t *testing.T, node configtest.Namespace, c Config) {
	t.Helper()
	var batch strings.Builder
	seen := map[string]bool{}
	for _, n := range c.Networks {
		if !seen[n.Bridge] {
			seen[n.Bridge] = true
			fmt.Fprintf(&batch, "link add name %s type bridge\nlink set %[1]s up\n", n.Bridge)
		}
		if n.CIDR.IsValid() {
			fmt.Fprintf(&batch, "address add %s/%d dev %s\n", n.Router, n.CIDR.Bits(), n.Bridge)
		}
		if n.CIDRv6.IsValid() && !seen[n.CIDRv6.String()] {
			seen[n.CIDRv6.String()] = true
			fmt.Fprintf(&batch, "address add %s/64 dev %s nodad\n", n.GatewayV6, n.Bridge)
		}
	}
	node.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
	node.Run(t, "ip", "-batch", configtest.WriteTemp(t, batch.String()))
}

// startMany starts dnsmasq on all VLANs that there are, each with DHCPv6 and DNS, and has a guest of the last one served. Where
// not even root may open as many files, it is as many bridges as that allows.
func startMany(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	bridges := min(4094, (int(files.Max)-ownFiles-spareFiles)/6)
	c := vlansOf(bridges, 10_000, true)
	node := configtest.NewNamespace(t)
	up(t, node, c)
	raiseOptmem(t, node, c)
	h := c.Hosts[bridges-1]
	guest := node.Guest(t, c.Networks[bridges-1].Bridge, h.MAC.String())
	d := serve(t, node, c)
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.PID()))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bridges: %d files are open, with optmem_max %d", bridges, len(fds), c.OptmemMax())
	if len(fds) > c.Sockets() || len(fds) < c.Sockets()-ownFiles {
		t.Errorf("Sockets says %d, and %d are open", c.Sockets(), len(fds))
	}
	if lease := guest.LeaseV4(t); lease["ip"] != h.IPv4.String() {
		t.Errorf("%s gets %v", h.IPv4, lease)
	}
	if lease := guest.LeaseV6(t); lease["new_ip6_address"] != h.IPv6.String() {
		t.Errorf("%s gets %v", h.IPv6, lease)
	}
}

// raiseOptmem sets the kernel's limit for the test. Up to 6.8 it is one for all namespaces, and not to be seen in them.
func raiseOptmem(t *testing.T, node configtest.Namespace, c Config) {
	t.Helper()
	if node.Command("sysctl", "-q", "-w", fmt.Sprintf("net.core.optmem_max=%d", c.OptmemMax())).Run() == nil {
		return
	}
	const path = "/proc/sys/net/core/optmem_max"
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(path, old, 0) })
	if err := os.WriteFile(path, fmt.Appendln(nil, c.OptmemMax()), 0); err != nil {
		t.Fatal(err)
	}
}
