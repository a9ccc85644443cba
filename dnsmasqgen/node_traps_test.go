package dnsmasqgen

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/configtest"
)

// TestNode_moved gives an address that is leased to another MAC (trap 6). A reread is not enough, which is why leases are
// short; a restart is, since leasefile-ro forgets them.
func TestNode_moved(t *testing.T) {
	t.Parallel() // it waits most of the time
	node := configtest.NewNamespace(t)
	c := vlans()
	up(t, node, c)
	old, heir := node.Guest(t, "br100", "02:16:3e:00:00:11"), node.Guest(t, "br100", "02:16:3e:00:00:99")
	d := serve(t, node, c)
	wantLease(t, old, map[string]string{"ip": "10.0.1.5"})

	c.Hosts[0].MAC = mac("02:16:3e:00:00:99")
	d.write(t, c)
	d.Signal(t, syscall.SIGHUP)
	d.Await(t, "/hosts$", 2)
	if lease := heir.LeaseV4(t); lease != nil {
		t.Errorf("the address is given to its new MAC while the old lease lives: %v", lease)
	}
	d.Stop()
	d.start(t)
	wantLease(t, heir, map[string]string{"ip": "10.0.1.5"})
	if lease := old.LeaseV4(t); lease != nil {
		t.Errorf("the MAC that had it gets %v", lease)
	}
}

// TestNode_second starts a second daemon with the same files. With DNS off it would run beside the first one, unnoticed (trap 8).
func TestNode_second(t *testing.T) {
	t.Parallel()
	node := configtest.NewNamespace(t)
	c := vlans()
	up(t, node, c)
	d := serve(t, node, c)
	out, err := node.Command("timeout", "20", "dnsmasq", "-k", "--log-facility=-", "-C", filepath.Join(d.dir, "conf")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Address already in use") {
		t.Errorf("a second daemon ends with %v:\n%s", err, out)
	}
	d.Alive(t)
}
