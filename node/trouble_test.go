//go:build linux

package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program puts a shell script into a folder that PATH then begins with, and returns the file that it may write to as $LOG.
func program(t *testing.T, name, script string) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nLOG="+log+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return log
}

// At a first start with thousands of bridges `networkctl reload` fails for a while: it is tried again, and then networkd restarted.
func TestApply_reloadLinks(t *testing.T) {
	for fails, want := range map[int]string{
		0: "networkctl reload\n",
		1: "networkctl reload\nnetworkctl reload\n",
		9: "networkctl reload\nnetworkctl reload\nsystemctl restart systemd-networkd.service\n",
	} {
		log := program(t, "networkctl", "echo networkctl $* >>$LOG\n[ $(wc -l <$LOG) -gt "+strconv.Itoa(fails)+" ]\n")
		program(t, "systemctl", "echo systemctl $* >>"+log+"\n")
		a := &apply{Machine: &Machine{Root: "/", Networkd: true}}
		if err := a.reloadLinks(t.Context()); err != nil {
			t.Errorf("failing %d times: %v", fails, err)
		}
		if got := textOf(log); got != want {
			t.Errorf("failing %d times: called were\n%swant\n%s", fails, got, want)
		}
	}
	program(t, "networkctl", "exit 1\n")
	program(t, "systemctl", "echo no such unit >&2; exit 5\n")
	a := &apply{Machine: &Machine{Root: "/", Networkd: true}}
	if err := a.reloadLinks(t.Context()); err == nil || err.Error() != "systemctl: no such unit" {
		t.Errorf("error is %v", err)
	}
	// Under another network manager nobody is told.
	a.Networkd = false
	if err := a.reloadLinks(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestApply_cutFlows(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"exit 0", ""},
		{"echo 'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted.' >&2; exit 0", ""},
		{"echo 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.' >&2; exit 1", ""},
		{"echo 'conntrack v1.4.7 (conntrack-tools): 10 flow entries have been deleted.' >&2; exit 1",
			"established flows of what was revoked cannot be ended: conntrack: conntrack v1.4.7 (conntrack-tools): 10 flow entries have been deleted."},
		{"echo 'Operation failed: such conntrack does not exist' >&2; exit 1",
			"established flows of what was revoked cannot be ended: conntrack: Operation failed: such conntrack does not exist"},
	} {
		log := program(t, "conntrack", "echo $* >>$LOG\n"+tt.script+"\n")
		a := &apply{Machine: &Machine{}, pending: Pending{Flows: [][]string{{"-D", "-s", "10.0.0.1"}, {"-U", "-f", "ipv6", "-r", "fd00::1"}}}}
		err := a.cutFlows(t.Context())
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: error is %v, want %s", tt.script, err, tt.want)
		}
		if got := textOf(log); tt.want == "" && got != "-D -s 10.0.0.1\n-U -f ipv6 -r fd00::1\n" {
			t.Errorf("%s: called with\n%s", tt.script, got)
		}
	}
}

// Where established flows cannot be cut off, what was revoked stays revoked, and the next apply tries again.
func TestApply_cannotCut(t *testing.T) {
	if !inMachine(t) {
		return
	}
	mustApply(t, "A")
	if err := os.WriteFile("/run/no-conntrack", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := applyVersion(testMachine(nil), "B")
	if err == nil || !strings.HasPrefix(err.Error(), "established flows of what was revoked cannot be ended: conntrack: ") || !r.Done {
		t.Fatalf("error is %v", err)
	}
	wantWhole(t, 0, "B")
	if p := readPending("/"); p == nil || len(p.Flows) != 1 {
		t.Errorf("left to do is %+v", p)
	}
	if err := errors.Join(os.Remove("/run/no-conntrack"), os.Remove(calls)); err != nil {
		t.Fatal(err)
	}
	mustApply(t, "B")
	wantServed(t, "B")
	if said := textOf(calls); !strings.Contains(said, "conntrack -D -s 10.0.0.9\n") {
		t.Errorf("called were\n%s", said)
	}
}

// A signal before anything is changed keeps it so; one that comes later waits until all is done.
func TestApply_interrupted(t *testing.T) {
	if !inMachine(t) {
		return
	}
	cause := errors.New("terminated")
	apply := func(ctx context.Context, step func(string)) error {
		tree, w := version("B")
		_, err := testMachine(step).Apply(ctx, tree, w, Options{Protected: func(string) error { return nil }})
		return err
	}
	mustApply(t, "A")
	was := state(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := apply(ctx, nil); !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Errorf("error is %v", err)
	}
	wantState(t, was)
	for n := 0; ; n++ {
		mustApply(t, "A")
		ctx, cancel := context.WithCancelCause(t.Context())
		steps := 0
		err := apply(ctx, func(string) {
			if steps == n {
				cancel(cause)
			}
			steps++
		})
		if err != nil {
			t.Fatalf("interrupted at step %d: %v", n, err)
		}
		wantServed(t, "B")
		if t.Failed() || n >= steps {
			break
		}
		n += 2 // two of three are enough
	}
}

// What somebody has done to a node that runs is found, and mended where it is ours.
func TestCheck(t *testing.T) {
	if !inMachine(t) {
		return
	}
	mustApply(t, "A")
	wantServed(t, "A")
	check := func() []Difference {
		t.Helper()
		tree, w := version("A")
		found, err := Check(t.Context(), tree, w)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, tt := range []struct {
		edit string
		want string // of the first difference: what it is about, what is, what should be
	}{
		{"nft flush ruleset", "nftables table inet nova|missing|loaded"}, // as a restart of Debian's nftables.service does
		{"nft add rule inet nova forward accept", "nftables inet nova chain forward|accept|not there"},
		{"nft flush chain inet nova forward", "nftables inet nova chain forward|missing|meta mark 0x00000041 drop"},
		{"ip link set dev br1 down", "link br1|down|up"},
		{"ip link set dev br1 type bridge stp_state 1", "link br1|stp_state 1|stp_state 0"},
		{"ip link delete dev br1", "link br1|missing|bridge 10.65.0.1/24"},
		{"ip address delete 10.65.0.1/24 dev br1", "address on br1|missing|10.65.0.1/24"},
		{"ip address add 10.99.0.1/24 dev br1", "address on br1|10.99.0.1/24|none but those of the ledger"},
		{"sysctl -q -w net.ipv4.ip_default_ttl=99", "sysctl net/ipv4/ip_default_ttl|99|65"},
		{"services stop radvd.service", "radvd|not running|running with /etc/radvd.conf"},
		{"services stop nova-dnsmasq.service", "dnsmasq|not running|running with /etc/nova/dnsmasq.conf"},
		{"rm /etc/radvd.conf", "file /etc/radvd.conf|it is not there|as the ledger has it"},
		{"touch -d +1hour /etc/nova/dnsmasq.conf", "dnsmasq|running with an older /etc/nova/dnsmasq.conf|started since that was written"},
	} {
		args := strings.Fields(tt.edit)
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", tt.edit, err, out)
		}
		found := check()
		if len(found) == 0 || found[0].Subject+"|"+found[0].Is+"|"+found[0].Should != tt.want {
			t.Errorf("%s: found is %v, want %s", tt.edit, found, tt.want)
		}
		if strings.HasPrefix(tt.edit, "touch") {
			continue // nothing started now is younger
		}
		mustApply(t, "A")
		if found := check(); found != nil {
			t.Errorf("%s: after an apply there is %v", tt.edit, found)
		}
	}
	if err := exec.Command("touch", "/etc/nova/dnsmasq.conf").Run(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, "A")

	// A second daemon answers, too, and is not ours to end.
	second := exec.Command(filepath.Join(standIns, "dnsmasq"), "-C", "/etc/nova/dnsmasq.conf")
	pid := textOf("/run/nova-dnsmasq.pid")
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	for textOf("/run/nova-dnsmasq.pid") == pid {
	}
	if err := os.WriteFile("/run/nova-dnsmasq.pid", []byte(pid), 0o644); err != nil {
		t.Fatal(err)
	}
	if found := check(); len(found) != 1 || found[0].Is != "running 2 times" || found[0].Should != "running once" || found[0].Mendable() {
		t.Errorf("with a second dnsmasq: %+v", found)
	}
	if err := errors.Join(second.Process.Kill(), os.WriteFile("/run/nova-dnsmasq.pid", []byte("1"), 0o644)); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait()
	if found := check(); len(found) != 1 || !strings.HasSuffix(found[0].Is, "which is not the one of /run/nova-dnsmasq.pid") {
		t.Errorf("with another pid: %+v", found)
	}
}

func TestProcess_names(t *testing.T) {
	dnsmasq := &Daemon{Name: "dnsmasq", Config: "/etc/nova/dnsmasq.conf"}
	radvd := &Daemon{Name: "radvd", Config: "/etc/radvd.conf", Default: true}
	for _, tt := range []struct {
		line string
		d    *Daemon
		want bool
	}{
		{"/usr/sbin/dnsmasq -k -C /etc/nova/dnsmasq.conf", dnsmasq, true},
		{"dnsmasq --conf-file=/etc/nova/dnsmasq.conf -k", dnsmasq, true},
		{"dnsmasq -C/etc/nova/dnsmasq.conf", dnsmasq, true},
		{"dnsmasq --conf-file /etc/nova/dnsmasq.conf", dnsmasq, true},
		{"dnsmasq", dnsmasq, false},
		{"dnsmasq -C /etc/dnsmasq.conf", dnsmasq, false},
		{"dnsmasq -C", dnsmasq, false},
		{"dnsmasq /etc/nova/dnsmasq.conf", dnsmasq, false},
		{"dnsmasq-x -C /etc/nova/dnsmasq.conf", dnsmasq, false},
		{"/usr/sbin/radvd --logmethod stderr_clean", radvd, true},
		{"radvd -C /etc/radvd.conf -p /run/radvd.pid", radvd, true},
		{"radvd --config=/etc/radvd.conf", radvd, true},
		{"radvd -C /etc/other.conf", radvd, false},
		{"", radvd, false},
	} {
		p := &process{args: strings.Fields(tt.line)}
		if got := p.names(tt.d); got != tt.want {
			t.Errorf("%q is %s: %t", tt.line, tt.d.Name, got)
		}
	}
}

func TestProcessOf(t *testing.T) {
	p := processOf(os.Getpid())
	if p == nil || !slices.Equal(p.args, os.Args) {
		t.Fatalf("this process is %+v", p)
	}
	// A name with spaces and brackets is counted past.
	dir := t.TempDir()
	path := filepath.Join(dir, "a ) b (")
	sleep, err := exec.LookPath("sleep")
	if err = errors.Join(err, os.Symlink(sleep, path)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	q := processOf(cmd.Process.Pid)
	for deadline := time.Now().Add(10 * time.Second); q == nil && time.Now().Before(deadline); q = processOf(cmd.Process.Pid) {
	} // its command line is there a moment after it has begun
	if q == nil || len(q.args) != 2 || q.started.Before(p.started) {
		t.Errorf("%+v, and this process %+v", q, p)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if q := processOf(cmd.Process.Pid); q != nil {
		t.Errorf("one that has ended is %+v", q)
	}
}

// What networkd leaves at 0 because it reads advertisements itself is as good as what the file says.
func TestCheckSettings(t *testing.T) {
	const path = "kernel/ostype"
	for _, tt := range []struct {
		s    Setting
		want string
	}{
		{Setting{Path: path, Value: "Linux"}, ""},
		{Setting{Path: path, Value: "2", Also: "Linux"}, ""},
		{Setting{Path: path, Value: "2"}, "Linux"},
		{Setting{Path: "net/ipv6/conf/none0/accept_ra", Value: "2"}, "missing"},
		{Setting{Path: "net/ipv6/conf/none0/accept_ra", Value: "2", Optional: true}, ""},
	} {
		found := checkSettings(&Want{Settings: []Setting{tt.s}})
		if tt.want == "" && found != nil || tt.want != "" && (len(found) != 1 || found[0].Is != tt.want || found[0].Should != tt.s.Value) {
			t.Errorf("%+v: %+v", tt.s, found)
		}
	}
}

// The kernel's answer as `ip -json -details address show` gives it.
func TestLink_compare(t *testing.T) {
	const answer = `[
{"ifname":"br1","mtu":1500,"flags":["BROADCAST","UP"],"linkinfo":{"info_kind":"bridge","info_data":{"stp_state":0,"forward_delay":0,"mcast_snooping":0}},
 "addr_info":[{"local":"10.0.0.1","prefixlen":24,"scope":"global"},{"local":"fd00::1","prefixlen":64,"scope":"global"},{"local":"fe80::1","prefixlen":64,"scope":"link"}]},
{"ifname":"br2","mtu":1500,"flags":["BROADCAST"],"linkinfo":{"info_kind":"bridge","info_data":{"stp_state":1,"forward_delay":1500,"mcast_snooping":1}},
 "addr_info":[{"local":"10.0.0.1","prefixlen":25,"scope":"global"},{"local":"fd00::1","prefixlen":64,"scope":"global","tentative":true}]},
{"ifname":"vlan7","link":"eth0","mtu":1500,"flags":["UP"],"master":"br1","linkinfo":{"info_kind":"vlan","info_data":{"id":7,"protocol":"802.1Q"}},"addr_info":[]},
{"ifname":"eth0","mtu":1500,"flags":["UP"],"addr_info":[{"local":"192.0.2.1","prefixlen":24,"scope":"global"}]}]`
	var all []*liveLink
	if err := json.Unmarshal([]byte(answer), &all); err != nil {
		t.Fatal(err)
	}
	live := map[string]*liveLink{}
	for _, l := range all {
		live[l.Name] = l
	}
	addresses := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}
	for _, tt := range []struct {
		link Link
		want []string // what is, what should be, and the commands
	}{
		{Link{Name: "br1", Kind: Bridge, Addresses: addresses}, nil},
		{Link{Name: "br1", Kind: Bridge, MTU: 1400, Addresses: addresses}, []string{"MTU 1500|MTU 1400|link set dev br1 mtu 1400"}},
		{Link{Name: "br2", Kind: Bridge, Addresses: addresses}, []string{
			"stp_state 1|stp_state 0|link set dev br2 type bridge stp_state 0", "forward_delay 1500|forward_delay 0|link set dev br2 type bridge forward_delay 0",
			"mcast_snooping 1|mcast_snooping 0|link set dev br2 type bridge mcast_snooping 0", "down|up|link set dev br2 up",
			"missing|10.0.0.1/24|address replace 10.0.0.1/24 dev br2 broadcast +",
			"fd00::1/64 tentative|fd00::1/64|address delete fd00::1/64 dev br2; address replace fd00::1/64 dev br2 nodad",
			"10.0.0.1/25|none but those of the ledger|address delete 10.0.0.1/25 dev br2"}},
		{Link{Name: "br3", Kind: Bridge, MTU: 1400}, []string{"missing|bridge|link add name br3 type bridge stp_state 0 forward_delay 0 mcast_snooping 0; " +
			"link set dev br3 mtu 1400; link set dev br3 up"}},
		{Link{Name: "vlan7", Kind: VLAN, VLAN: 7, Parent: "eth0", Master: "br1"}, nil},
		{Link{Name: "vlan7", Kind: VLAN, VLAN: 8, Parent: "eth0", Master: "br1"}, []string{"VLAN 7 on eth0|VLAN 8 on eth0|link delete dev vlan7; " +
			"link add link eth0 name vlan7 type vlan id 8; link set dev vlan7 master br1; link set dev vlan7 up"}},
		{Link{Name: "vlan7", Kind: VLAN, VLAN: 7, Parent: "eth0", Master: "br2"}, []string{"a port of br1|a port of br2|link set dev vlan7 master br2"}},
		{Link{Name: "vlan9", Kind: VLAN, VLAN: 9, Parent: "eth9"}, []string{"missing, and so is eth9|VLAN 9 on eth9|"}},
		{Link{Name: "eth0", Kind: Given}, nil},
		{Link{Name: "eth0", Kind: Given, Master: "br1"}, []string{"a port of no bridge|a port of br1|link set dev eth0 master br1"}},
		{Link{Name: "eth9", Kind: Given}, []string{"missing|there|"}},
		{Link{Name: "eth0", Kind: Bridge}, []string{"another kind|bridge|"}},
	} {
		var got []string
		for _, d := range tt.link.compare(live[tt.link.Name], live) {
			got = append(got, d.Is+"|"+d.Should+"|"+strings.Join(d.ip, "; "))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.link.Name, got, tt.want)
		}
	}
}
