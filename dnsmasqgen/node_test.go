package dnsmasqgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
	"nova-manage/radvdgen"
)

// TestNode_vlans serves the three networks of vlans, each on its bridge.
func TestNode_vlans(t *testing.T) {
	t.Parallel() // it waits most of the time
	node := configtest.NewNamespace(t)
	c := vlans()
	c.Upstream = addrs("127.0.0.2") // nobody
	up(t, node, c)
	web := node.Guest(t, "br100", "02:16:3e:00:00:11")
	other := node.Guest(t, "br101", "02:16:3e:00:00:13")
	unknown := node.Guest(t, "br100", "02:16:3e:00:00:99")
	stray := node.Guest(t, "br101", "02:16:3e:00:00:11") // a known MAC on another bridge
	d := serve(t, node, c)

	wantLease(t, web, map[string]string{"ip": "10.0.1.5", "mask": "27", "subnet": "255.255.255.224", "broadcast": "10.0.1.31", "router": "10.0.1.1",
		"dns": "10.0.1.1", "mtu": "1450", "domain": "apollo.novalocal", "hostname": "web", "lease": "120"})
	wantLease(t, other, map[string]string{"ip": "10.0.1.37", "mask": "27", "router": "10.0.1.33", "dns": "198.51.100.53 198.51.100.54", "mtu": "",
		"domain": "gemini.novalocal", "hostname": "web"})
	for name, guest := range map[string]configtest.Namespace{"unknown": unknown, "stray": stray} {
		if lease := guest.LeaseV4(t); lease != nil {
			t.Errorf("%s gets %v", name, lease)
		}
	}

	// Exactly the recorded address, as a /128 without lifetime of its own, from a server whose identity is ours.
	got := web.LeaseV6(t)
	for key, want := range map[string]string{"new_ip6_address": "fd00:1::abcd", "new_ip6_prefixlen": "128", "new_dhcp6_name_servers": "fd00:1::1",
		"new_dhcp6_domain_search": "apollo.novalocal.", "new_max_life": "120", "new_dhcp6_server_id": "0:2:0:0:0:0:1:2:3:4:5:6:7:ff"} {
		if got[key] != want {
			t.Errorf("DHCPv6: %s is %q, want %q", key, got[key], want)
		}
	}
	if lease := unknown.LeaseV6(t); lease != nil {
		t.Errorf("an unknown MAC gets %s by DHCPv6", lease["new_ip6_address"])
	}
	d.Alive(t)
	if strings.Contains(d.Log(), "Ignoring domain") || strings.Contains(d.Log(), "router advertisement") {
		t.Errorf("the log complains, or the daemon is a router:\n%s", d.Log())
	}

	// The guests are configured as they were told, and ask.
	web.Run(t, "ip", "address", "add", "10.0.1.5/27", "dev", "eth0")
	web.Run(t, "ip", "address", "add", "fd00:1::abcd/64", "dev", "eth0", "nodad")
	for _, server := range []string{"10.0.1.1", "fd00:1::1"} {
		q := query{t, web, server}
		q.want("web.apollo.novalocal", "10.0.1.5", "fd00:1::abcd")
		q.want("web.gemini.novalocal", "10.0.1.37")
		q.want("i-00000001.novalocal", "10.0.1.5", "fd00:1::abcd")
		q.want("db.novalocal", "10.0.1.6", "fd00:1::16:3eff:fe00:12")
		// Neither a bare name, nor one of another project's in the zone, nor what a lease might have brought.
		for _, name := range []string{"web", "web.novalocal", "apollo", "db.gemini.novalocal", "nobody.apollo.novalocal", "novalocal"} {
			q.want(name)
		}
		q.wantName("10.0.1.5", "web.apollo.novalocal.")
		q.wantName("fd00:1::abcd", "web.apollo.novalocal.")
		q.wantName("10.0.1.6", "db.apollo.novalocal.")
	}

	// Trap 1: with guests served a SIGHUP must not end the daemon. A new guest is served after it, and the same process still
	// serves the others.
	pid := d.PID()
	c.Hosts = append(slices.Clone(c.Hosts), Host{Network: 1, MAC: mac("02:16:3e:00:00:99"), Label: "new", IPv4: addr("10.0.1.9"), IPv6: addr("fd00:1::9")})
	c.Records = append(slices.Clone(c.Records), Record{addr("10.0.1.9"), []string{"new.apollo.novalocal", "i-00000009.novalocal"}})
	for range 3 {
		reads := strings.Count(d.Log(), "/hosts\n")
		d.write(t, c)
		d.Signal(t, syscall.SIGHUP)
		d.Await(t, "/hosts$", reads+1)
		wantLease(t, web, map[string]string{"ip": "10.0.1.5", "hostname": "web"})
	}
	wantLease(t, unknown, map[string]string{"ip": "10.0.1.9", "hostname": "new"})
	if lease := unknown.LeaseV6(t); lease["new_ip6_address"] != "fd00:1::9" {
		t.Errorf("the new guest gets %v by DHCPv6", lease)
	}
	query{t, web, "10.0.1.1"}.want("new.apollo.novalocal", "10.0.1.9")
	d.Alive(t)
	if d.PID() != pid {
		t.Error("the daemon was restarted")
	}

	// What a removed guest had is gone. The name of its lease is answered until that ends, which is why leases are short.
	reads := strings.Count(d.Log(), "/hosts\n")
	c.Hosts, c.Records = c.Hosts[:3], c.Records[:5]
	d.write(t, c)
	d.Signal(t, syscall.SIGHUP)
	d.Await(t, "/hosts$", reads+1)
	if lease := unknown.LeaseV4(t); lease != nil {
		t.Errorf("a removed guest gets %v", lease)
	}
	query{t, web, "10.0.1.1"}.want("i-00000009.novalocal")
}

// TestNode_restart has a guest renew its lease with a daemon that has forgotten it (trap 2), and compares the server's
// identity before and after (trap 9).
func TestNode_restart(t *testing.T) {
	t.Parallel() // it waits most of the time
	node := configtest.NewNamespace(t)
	c := vlans()
	up(t, node, c)
	web := node.Guest(t, "br100", "02:16:3e:00:00:11")
	d := serve(t, node, c)
	script := t.TempDir() + "/script"
	text := "#!/bin/sh\nip address replace $ip/$mask dev eth0 2>/dev/null\necho event $1 $ip\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	client := web.Start(t, configtest.Tool(t, "udhcpc"), "-f", "-i", "eth0", "-s", script)
	client.Await(t, "^event bound 10.0.1.5$", 1)
	identity := web.LeaseV6(t)["new_dhcp6_server_id"]

	d.Stop()
	node.Run(t, "ip", "link", "set", "br101", "address", "02:00:00:00:00:01")
	d.start(t)
	client.Signal(t, syscall.SIGUSR1)
	client.Await(t, "^event renew 10.0.1.5$", 1)
	if strings.Contains(d.Log(), "DHCPNAK") || strings.Contains(client.Log(), "event nak") {
		t.Errorf("a renewal is refused:\n%s\n%s", client.Log(), d.Log())
	}
	if got := web.LeaseV6(t)["new_dhcp6_server_id"]; got != identity || got == "" {
		t.Errorf("the server is %q, and was %q", got, identity)
	}
}

// TestNode_flat serves two subnets and a shared /64 on one bridge, which is made after the daemon has started.
func TestNode_flat(t *testing.T) {
	t.Parallel() // it waits most of the time
	node := configtest.NewNamespace(t)
	c := flat()
	c.Networks[0].MTU = 1400
	d := serve(t, node, c)
	up(t, node, c)
	d.Await(t, "DHCP", 1)
	apollo := node.Guest(t, "br100", "02:16:3e:00:00:11")
	gemini := node.Guest(t, "br100", "02:16:3e:00:00:12")
	wantLease(t, apollo, map[string]string{"ip": "10.0.1.5", "mask": "24", "router": "10.0.1.1", "dns": "10.0.1.1", "mtu": "1400", "domain": "apollo.novalocal"})
	wantLease(t, gemini, map[string]string{"ip": "10.0.2.5", "mask": "24", "router": "10.0.2.254", "dns": "10.0.2.254", "mtu": "", "domain": "gemini.novalocal"})
	lease := gemini.LeaseV6(t)
	if lease["new_ip6_address"] != "fd00:1::2:5" || lease["new_dhcp6_name_servers"] != "2001:db8::53" || lease["new_dhcp6_domain_search"] != "novalocal." {
		t.Errorf("DHCPv6 on a shared /64: %v", lease)
	}
	if lease := apollo.LeaseV6(t); lease != nil {
		t.Errorf("a guest without a recorded address gets %v", lease)
	}
	// With both leases there is still no name without its project.
	apollo.Run(t, "ip", "address", "add", "10.0.1.5/24", "dev", "eth0")
	q := query{t, apollo, "10.0.1.1"}
	q.want("web.apollo.novalocal", "10.0.1.5")
	q.want("web.gemini.novalocal", "10.0.2.5", "fd00:1::2:5")
	q.want("web.novalocal")
	q.want("web")
}

// TestNode_managed has a guest take an address by DHCPv6 and another by SLAAC on one link, with radvd's managed flag on
// and its autonomous flag, too: the first is the recorded one, the second any guest's.
func TestNode_managed(t *testing.T) {
	t.Parallel() // it waits most of the time
	configtest.Tool(t, "radvd")
	node := configtest.NewNamespace(t)
	c := vlans()
	up(t, node, c)
	node.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
	serve(t, node, c)
	ra, err := radvdgen.Config{Interfaces: []radvdgen.Interface{{Name: "br100", Managed: radvdgen.On, MinRtrAdvInterval: new(radvdgen.Seconds(3)),
		MaxRtrAdvInterval: new(radvdgen.Seconds(4)), Prefixes: []radvdgen.Prefix{{Prefix: prefix("fd00:1::/64")}}}}}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	radvd := node.Start(t, "radvd", "-n", "-m", "stderr", "-C", configtest.WriteTemp(t, string(ra)), "-p", t.TempDir()+"/pid")
	web := node.Guest(t, "br100", "02:16:3e:00:00:11")
	db := node.Guest(t, "br100", "02:16:3e:00:00:12")
	for guest, m := range map[configtest.Namespace]string{web: "02:16:3e:00:00:11", db: "02:16:3e:00:00:12"} {
		slaac, err := netcalc.EUI64(prefix("fd00:1::/64"), mac(m))
		if err != nil {
			t.Fatal(err)
		}
		inTime(t, func() error {
			radvd.Alive(t)
			if out := guest.Run(t, "ip", "-6", "-o", "address", "show", "dev", "eth0"); !strings.Contains(out, " "+slaac.String()+"/64 scope global dynamic") {
				return fmt.Errorf("no %s in %s", slaac, out)
			}
			return nil
		})
	}
	if lease := web.LeaseV6(t); lease["new_ip6_address"] != "fd00:1::abcd" || lease["new_dhcp6_name_servers"] != "fd00:1::1" {
		t.Errorf("web gets %v", lease)
	}
	// Without a recorded address a guest keeps SLAAC's and nothing else.
	if lease := db.LeaseV6(t); lease != nil {
		t.Errorf("db gets %v", lease)
	}
	// As the client would do; the /64 and the router are the advertisement's.
	web.Run(t, "ip", "address", "add", "fd00:1::abcd/128", "dev", "eth0", "nodad")
	web.Run(t, configtest.Tool(t, "ping"), "-6", "-c", "1", "-W", "5", "-I", "fd00:1::abcd", "fd00:1::1")
	web.Run(t, "ping", "-6", "-c", "1", "-W", "5", "-I", "fd00:1::abcd", "fd00:1::16:3eff:fe00:12")
	if out := web.Run(t, "ip", "-6", "route", "show", "default"); !strings.Contains(out, "proto ra") {
		t.Errorf("the default route is %q", out)
	}
}

// TestNode_restricted starts the daemon as the unit restricts it: it still changes its user, and gives an address.
func TestNode_restricted(t *testing.T) {
	t.Parallel() // it waits most of the time
	node := configtest.NewNamespace(t)
	c := vlans()
	up(t, node, c)
	d := serve(t, node, c)
	d.Stop()
	// ProtectSystem=full makes these read-only.
	d.Daemon = node.Start(t, "unshare", "-m", "sh", "-c", `for d in /usr /etc; do mount --bind $d $d && mount -o remount,bind,ro $d || exit; done
exec `+configtest.Tool(t, "setpriv")+` --no-new-privs dnsmasq -k --log-facility=- -C `+d.dir+`/conf`)
	d.Await(t, "^dnsmasq.*: read .*/names - ", 1)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "NoNewPrivs:\t1\n") || strings.Contains(string(status), "\nUid:\t0\t") {
		t.Errorf("the daemon's status is\n%s", status)
	}
	wantLease(t, node.Guest(t, "br100", "02:16:3e:00:00:11"), map[string]string{"ip": "10.0.1.5"})
	d.Signal(t, syscall.SIGHUP)
	d.Await(t, "/hosts$", 2)
}

// TestNode_unit has systemd read the unit.
func TestNode_unit(t *testing.T) {
	b, err := Unit{ConfigFile: "/etc/nova/dnsmasq.conf"}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/nova-dnsmasq.service"
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(configtest.Tool(t, "systemd-analyze"), "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "nova-dnsmasq") {
		t.Errorf("%v: %s", err, out)
	}
}

func wantLease(t *testing.T, guest configtest.Namespace, want map[string]string) {
	t.Helper()
	got := guest.LeaseV4(t)
	if got == nil {
		t.Fatalf("no lease where there should be %v", want)
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %q, want %q", key, got[key], value)
		}
	}
}

// inTime tries until there is no error, for half a minute.
func inTime(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// query asks a server from within a guest.
type query struct {
	t      *testing.T
	guest  configtest.Namespace
	server string
}

func (q query) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		// A thread that has entered a namespace ends with its goroutine.
		type result struct {
			conn net.Conn
			err  error
		}
		done := make(chan result)
		go func() {
			runtime.LockOSThread()
			ns, err := os.Open("/run/netns/" + string(q.guest))
			if err == nil {
				err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
				ns.Close()
			}
			if err != nil {
				done <- result{nil, err}
				return
			}
			conn, err := net.Dial(network, net.JoinHostPort(q.server, "53"))
			done <- result{conn, err}
		}()
		r := <-done
		return r.conn, r.err
	}}
}

// want checks that a name has these addresses and no others.
func (q query) want(name string, want ...string) {
	q.t.Helper()
	var got []string
	for _, family := range []string{"ip4", "ip6"} {
		found, err := q.resolver().LookupNetIP(context.Background(), family, name+".")
		if dns := (*net.DNSError)(nil); err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
			q.t.Errorf("asking %s for %s: %v", q.server, name, err)
		}
		for _, a := range found {
			got = append(got, netip.Addr.Unmap(a).String())
		}
	}
	if !slices.Equal(got, want) {
		q.t.Errorf("%s says that %s is %v, want %v", q.server, name, got, want)
	}
}

func (q query) wantName(address, want string) {
	q.t.Helper()
	got, err := q.resolver().LookupAddr(context.Background(), address)
	if err != nil || len(got) != 1 || got[0] != want {
		q.t.Errorf("%s says that %s is %v, want %s (%v)", q.server, address, got, want, err)
	}
}
