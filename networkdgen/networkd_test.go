package networkdgen_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
)

// node is a network namespace with systemd-networkd in it, and its files.
type node struct {
	*configtest.Networkd
	ns    configtest.Namespace
	dir   string
	files map[string]string // what is not ours
}

// newNode makes a node with uplinks eth0 and eth1, whose other ends are in the namespace outside, which has 192.0.2.100/24
// and 2001:db8::100/64 on eth0's.
func newNode(t *testing.T) (n *node, outside configtest.Namespace) {
	t.Helper()
	n, outside = &node{ns: configtest.NewNamespace(t), dir: t.TempDir()}, configtest.NewNamespace(t)
	for _, name := range []string{"eth0", "eth1"} {
		n.ns.Run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", string(outside))
		outside.Run(t, "ip", "link", "set", name, "up")
	}
	outside.Run(t, "ip", "addr", "add", "192.0.2.100/24", "dev", "eth0")
	outside.Run(t, "ip", "addr", "add", "2001:db8::100/64", "dev", "eth0", "nodad")
	n.files = map[string]string{
		// Without IPv6AcceptRA=no it would take 12 seconds until a link counts as configured.
		"10-eth0.network": "[Match]\nName=eth0\n[Network]\nIPv6AcceptRA=no\nAddress=192.0.2.1/24\nAddress=2001:db8::1/64\nGateway=192.0.2.254\n",
		"10-eth1.network": "[Match]\nName=eth1\n[Network]\nIPv6AcceptRA=no\n",
	}
	return n, outside
}

func (n *node) write(t *testing.T, c links.Config) {
	t.Helper()
	files := tree(t, c)
	for name, text := range n.files {
		files[name] = []byte(text)
	}
	configtest.WriteTree(t, n.dir, files)
}

// start starts networkd with the files, and waits until every link is configured.
func (n *node) start(t *testing.T, c links.Config) {
	t.Helper()
	n.write(t, c)
	n.Networkd = configtest.NewNetworkd(t, n.ns, n.dir)
	n.settle(t)
}

func (n *node) reload(t *testing.T, c links.Config) {
	t.Helper()
	n.write(t, c)
	if err := n.Reload(); err != nil {
		t.Fatal(err)
	}
	n.settle(t)
}

func (n *node) settle(t *testing.T) map[string]string {
	t.Helper()
	states, err := n.Settle(3 * time.Minute)
	if err != nil {
		t.Fatalf("%v\n%s", err, n.Log())
	}
	return states
}

// link is what the kernel has of a link.
type link struct {
	Ifname, Master string
	MTU            int
	Flags          []string
	Linkinfo       struct {
		InfoKind string `json:"info_kind"`
		InfoData struct {
			ForwardDelay  *int `json:"forward_delay"`
			STPState      *int `json:"stp_state"`
			McastSnooping *int `json:"mcast_snooping"`
			ID            int
		} `json:"info_data"`
	}
	AddrInfo []struct {
		Local, Scope                string
		Prefixlen                   int
		Tentative, Dadfailed, Nodad bool
	} `json:"addr_info"`
}

// links are the kernel's, by name.
func (n *node) links(t *testing.T) map[string]*link {
	t.Helper()
	all := map[string]*link{}
	for _, object := range []string{"link", "addr"} {
		// On standard error ip says that links came and went meanwhile.
		out, err := n.ns.Command("ip", "-d", "-j", object, "show").Output()
		if err != nil {
			t.Fatal(err)
		}
		var list []*link
		if err := json.Unmarshal(out, &list); err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			all[l.Ifname] = l // addr show tells all that link show tells
		}
	}
	return all
}

// hasAll tells whether the uplink has its addresses, and whether there are so many bridges with an IPv6 address that can be
// used and, with VLANs, with a port.
func (n *node) hasAll(t *testing.T, bridges int, vlans bool) bool {
	t.Helper()
	uplink, ready, ports := 0, 0, 0
	for _, l := range n.links(t) {
		switch global := l.addresses(); {
		case l.Ifname == "eth0":
			uplink = len(global)
		case l.Master != "":
			ports++
		case len(global) == 2:
			ready++
		}
	}
	return uplink == 2 && ready == bridges && (!vlans || ports == bridges)
}

// addresses are those of a link that are not link-local.
func (l *link) addresses() []string {
	var list []string
	for _, a := range l.AddrInfo {
		if a.Scope != "link" {
			list = append(list, fmt.Sprintf("%s/%d", a.Local, a.Prefixlen))
		}
	}
	slices.Sort(list)
	return list
}

// check compares the kernel with what was asked for.
func (n *node) check(t *testing.T, c links.Config, vlans bool) {
	t.Helper()
	kernel := n.links(t)
	for _, b := range c.Bridges {
		l := kernel[b.Name]
		if l == nil {
			t.Errorf("there is no %s", b.Name)
			continue
		}
		if d := l.Linkinfo.InfoData; l.Linkinfo.InfoKind != "bridge" || d.ForwardDelay == nil || *d.ForwardDelay != 0 || *d.STPState != 0 || *d.McastSnooping != 0 {
			t.Errorf("%s is %+v", b.Name, l.Linkinfo)
		}
		if b.MTU != 0 && l.MTU != b.MTU {
			t.Errorf("%s has MTU %d, want %d", b.Name, l.MTU, b.MTU)
		}
		if !slices.Contains(l.Flags, "UP") {
			t.Errorf("%s is not up: %v", b.Name, l.Flags)
		}
		var want []string
		for _, p := range b.Addresses {
			want = append(want, p.String())
		}
		slices.Sort(want)
		if got := l.addresses(); !slices.Equal(got, want) {
			t.Errorf("%s has addresses %v, want %v", b.Name, got, want)
		}
		// Trap 14: without carrier it would be tentative for ever.
		for _, a := range l.AddrInfo {
			// A link-local address may wait a second after the carrier has come (rtr_solicit_delay).
			if a.Tentative && a.Scope == "global" || a.Dadfailed || strings.Contains(a.Local, ":") && a.Scope == "global" && !a.Nodad {
				t.Errorf("%s: %s cannot be used: %+v", b.Name, a.Local, a)
			}
		}
		port := b.Port()
		if port == "" || b.VLAN != 0 && !vlans {
			continue
		}
		if p := kernel[port]; p == nil || p.Master != b.Name || b.VLAN != p.Linkinfo.InfoData.ID || len(p.AddrInfo) != 0 {
			t.Errorf("the port of %s is %+v", b.Name, p)
		}
	}
}

// hasVLANs tells whether this kernel can make a VLAN.
func hasVLANs(t *testing.T, ns configtest.Namespace) bool {
	t.Helper()
	err := ns.Command("ip", "link", "add", "link", "eth1", "name", "probe", "type", "vlan", "id", "4094").Run()
	if err != nil {
		return false
	}
	ns.Run(t, "ip", "link", "delete", "probe")
	return true
}

// complaints are what networkd has said of a mistake. That the kernel has no VLANs is none of ours, nor that it has not
// answered in time for one of thousands of links: whether the link is there is looked for in the kernel.
func (n *node) complaints(vlans bool) []string {
	return slices.DeleteFunc(n.Complaints(), func(line string) bool {
		return !vlans && noVLAN.MatchString(line) || strings.HasSuffix(line, ": Connection timed out")
	})
}

var noVLAN = regexp.MustCompile(`\A(vlan\d+: netdev could not be created|eth0: (vlan\d+: )?Could not create stacked netdev|vlan\d+: Could not create stacked netdev|eth0: Failed)`)

// TestNetworkd_flat starts networkd on the files of a flat node and looks at the kernel.
func TestNetworkd_flat(t *testing.T) {
	n, _ := newNode(t)
	c := goldenConfigs()["flat.txt"]
	c.Uplinks[0].File = "10-eth1.network"
	c.Bridges[1].MTU, c.Bridges[2].MTU = 9000, 1280
	n.start(t, c)
	if lines := n.Complaints(); lines != nil {
		t.Errorf("networkd complains:\n%s", strings.Join(lines, "\n"))
	}
	n.check(t, c, true)
}

// TestNetworkd_vlans starts networkd on the files of many VLANs: all that there can be with NOVA_MANAGE_FULL=1, which takes
// minutes.
func TestNetworkd_vlans(t *testing.T) {
	count := 50
	if os.Getenv("NOVA_MANAGE_FULL") == "1" {
		count = 4094
	}
	n, _ := newNode(t)
	vlanLinks := hasVLANs(t, n.ns)
	c := vlans(count)
	begin := time.Now()
	n.write(t, c)
	n.Networkd = configtest.NewNetworkd(t, n.ns, n.dir)
	// The kernel is asked, because networkd answers nobody as long as it makes thousands of links, and by the end it may have
	// lost its bus (trap 16).
	restarts := 0
	for !n.hasAll(t, count, vlanLinks) {
		took := time.Since(begin)
		if took > 10*time.Minute {
			complaints := n.complaints(vlanLinks)
			t.Fatalf("not all of %d bridges after %s and %d restarts; %d complaints: %s", count, took, restarts, len(complaints),
				strings.Join(complaints[:min(len(complaints), 20)], "\n"))
		}
		// For one of thousands of links the kernel may not answer in time; networkd then leaves that one alone until it is started anew,
		// and `host apply` does itself what networkd has left undone.
		if took > time.Duration(restarts+1)*2*time.Minute {
			restarts++
			if err := n.Networkd.Restart(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("%d VLANs took %s and %d restarts", count, time.Since(begin).Round(time.Millisecond), restarts)
	// After a start anew it complains of whatever it was interrupted in; what there is in the end is looked at below.
	if lines := n.complaints(vlanLinks); restarts == 0 && len(lines) > 0 {
		t.Errorf("networkd complains:\n%s", strings.Join(lines[:min(len(lines), 20)], "\n"))
	}
	n.check(t, c, vlanLinks)
	// Trap 13: what the kernel cannot make takes the uplink with it, which keeps its addresses.
	want := map[bool]string{true: "configured", false: "failed"}[vlanLinks]
	if count > 50 {
		t.Log("what networkd thinks of the uplink is asked where there are fewer")
	} else if got := n.settle(t)["eth0"]; got != want {
		t.Errorf("the uplink is %s, want %s", got, want)
	}
	if got, want := n.links(t)["eth0"].addresses(), []string{"192.0.2.1/24", "2001:db8::1/64"}; !slices.Equal(got, want) {
		t.Errorf("the uplink has addresses %v, want %v", got, want)
	}
	if n := strings.Count(n.Log(), "Could not create stacked netdev"); !vlanLinks && n == 0 {
		t.Error("no word of the VLANs that the kernel cannot make")
	}
}

// TestNetworkd_complains proves that a mistake would be seen (trap 17).
func TestNetworkd_complains(t *testing.T) {
	n, _ := newNode(t)
	n.files["60-nova-bad.network"] = "[Match]\nName=bad\n[Network]\nAddress=10.0.0.1/33\nStrange=1\n[Bridges]\nSTP=no\n"
	n.files["60-nova-bad.netdev"] = "[NetDev]\nName=bad\nKind=bridge\nMTUBytes=x\n"
	n.files["60-nova-7.netdev"] = "[NetDev]\nName=7\nKind=bridge\n" // why a number is refused
	n.files["10-eth0.network.d/61.conf"] = "[Network]\nVLAN=vlan9\n"
	n.files["10-eth0.network"] = "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.1/24\n"
	n.write(t, links.Config{})
	n.Networkd = configtest.NewNetworkd(t, n.ns, n.dir)
	for deadline := time.Now().Add(time.Minute); n.links(t)["eth0"].addresses() == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(n.Log())
		}
	}
	// Trap 15: networkd reads router advertisements itself, and the kernel's setting says nothing of it.
	if got := n.ns.Run(t, "sysctl", "-n", "net.ipv6.conf.eth0.accept_ra"); got != "0" {
		t.Errorf("accept_ra of the uplink is %s", got)
	}
	all := strings.Join(n.Complaints(), "\n")
	for _, word := range []string{"10.0.0.1/33", "Strange", "Bridges", "MTU", "60-nova-7.netdev", "vlan9"} {
		if !strings.Contains(all, word) {
			t.Errorf("no complaint of %s in\n%s", word, n.Log())
		}
	}
}

// TestNetworkd_reload changes networks and floating addresses of a node that runs.
func TestNetworkd_reload(t *testing.T) {
	n, outside := newNode(t)
	br1 := links.Bridge{Name: "br1", Parent: "eth1", Addresses: prefixes("10.0.1.1/24 fd00:1::1/64")}
	br2 := links.Bridge{Name: "br2", MTU: 1450, Addresses: prefixes("10.0.2.1/24 fd00:2::1/64")}
	uplinks := []links.Uplink{{Name: "eth0", File: "10-eth0.network"}, {Name: "eth1", File: "10-eth1.network"}}
	first := links.Config{Bridges: []links.Bridge{br1}, Uplinks: uplinks, Floating: []links.Floating{
		floating("192.0.2.50", ""), floating("192.0.2.51", ""), floating("2001:db8::50", "eth0"),
	}}
	// Without anything of ours; our first files must not interrupt the uplink either.
	n.start(t, links.Config{})
	n.ns.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
	n.ns.Run(t, "ip", "addr", "add", "203.0.113.9/32", "dev", "eth0") // somebody else's
	deleted := n.watch(t, func() { n.reload(t, first) })
	if deleted != nil {
		t.Errorf("our first files took from the uplink:\n%s", strings.Join(deleted, "\n"))
	}
	n.check(t, first, true)

	answers := func(address string, want bool) {
		t.Helper()
		outside.Run(t, "ip", "neigh", "flush", "dev", "eth0")
		out, err := outside.Command("ping", "-c", "1", "-W", "1", address).CombinedOutput()
		if (err == nil) != want {
			t.Errorf("%s answers: %t, want %t\n%s", address, !want, want, out)
		}
	}
	// The link has no carrier and is not the one that is asked.
	if l := n.links(t)[links.FloatingLink]; l == nil || !slices.Contains(l.Flags, "NO-CARRIER") {
		t.Fatalf("the link of floating addresses is %+v", l)
	}
	answers("192.0.2.50", true)
	answers("192.0.2.51", true)
	answers("192.0.2.52", false)
	// Nothing answers a ping to a proxied address before it is translated, but the neighbour is found.
	neighbour := func(address string) string {
		t.Helper()
		outside.Run(t, "ip", "neigh", "flush", "dev", "eth0")
		_ = outside.Command("ping", "-c", "2", "-i", "0.5", "-W", "1", address).Run()
		return outside.Run(t, "ip", "neigh", "show", address)
	}
	if got := neighbour("2001:db8::50"); !strings.Contains(got, "lladdr") {
		t.Errorf("neighbours do not find 2001:db8::50: %q", got)
	}
	if got := neighbour("2001:db8::51"); strings.Contains(got, "lladdr") {
		t.Errorf("neighbours find 2001:db8::51: %q", got)
	}

	// A network and addresses more, and some less (traps 11 and 12).
	second := links.Config{Bridges: []links.Bridge{br1, br2}, Uplinks: uplinks, Floating: []links.Floating{
		floating("192.0.2.50", ""), floating("192.0.2.52", ""), floating("2001:db8::51", "eth0"),
	}}
	ping := outside.Command("ping", "-i", "0.01", "-W", "1", "192.0.2.50")
	var lines strings.Builder
	ping.Stdout = &lines
	if err := ping.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	deleted = n.watch(t, func() { n.reload(t, second) })
	time.Sleep(200 * time.Millisecond)
	_ = ping.Process.Signal(os.Interrupt)
	_ = ping.Wait()
	if deleted != nil {
		t.Errorf("a change took from the uplink:\n%s", strings.Join(deleted, "\n"))
	}
	if !strings.Contains(lines.String(), " 0% packet loss") {
		t.Errorf("packets were lost:\n%s", lines.String()[strings.LastIndex(lines.String(), "---"):])
	}
	n.check(t, second, true)
	answers("192.0.2.50", true)
	answers("192.0.2.51", false)
	answers("192.0.2.52", true)
	if got := n.links(t)["eth0"].addresses(); !slices.Contains(got, "203.0.113.9/32") {
		t.Errorf("the uplink lost somebody else's address: %v", got)
	}

	// The last network and the last floating address go.
	last := links.Config{Uplinks: uplinks}
	deleted = n.watch(t, func() { n.reload(t, last) })
	if deleted != nil {
		t.Errorf("the last change took from the uplink:\n%s", strings.Join(deleted, "\n"))
	}
	answers("192.0.2.50", false)
	if lines := n.Complaints(); lines != nil {
		t.Errorf("networkd complains:\n%s", strings.Join(lines, "\n"))
	}

	// The same without KeepConfiguration, to see that an interruption would be seen.
	if version, err := n.Version(); err != nil || version != 252 {
		t.Logf("systemd %d, %v: what a reload does there without KeepConfiguration is not known", version, err)
		return
	}
	n.files["10-eth0.network.d/61.conf"] = "[Network]\nKeepConfiguration=no\n"
	if deleted = n.watch(t, func() { n.reload(t, last) }); deleted == nil {
		t.Error("systemd 252 keeps the uplink's addresses by itself")
	}
}

// TestNetworkd_dhcp changes the drop-in of an uplink that has its address from a DHCP server (trap 11).
func TestNetworkd_dhcp(t *testing.T) {
	n, outside := newNode(t)
	server := outside.Command(configtest.Tool(t, "dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces",
		"--dhcp-range=192.0.2.10,192.0.2.20,1h", "--dhcp-option=option:router,192.0.2.100", "--dhcp-leasefile="+t.TempDir()+"/leases", "--pid-file=", "--user=root")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	n.files["10-eth0.network"] = "[Match]\nName=eth0\n[Network]\nIPv6AcceptRA=no\nDHCP=ipv4\n[DHCPv4]\nUseHostname=no\n"
	n.start(t, links.Config{})
	before := n.links(t)["eth0"].addresses()
	c := links.Config{
		Bridges: []links.Bridge{{Name: "br1", Addresses: prefixes("10.0.1.1/24")}},
		Uplinks: []links.Uplink{{Name: "eth0", File: "10-eth0.network", DHCP: true}},
	}
	// By a reload 252 would take the address away and ask for it again: what counts there is what the link was told before
	// this file came.
	deleted := n.watch(t, func() {
		n.write(t, c)
		if err := n.Restart(); err != nil {
			t.Fatal(err)
		}
		n.settle(t)
	})
	c.Floating = []links.Floating{floating("2001:db8::50", "eth0")}
	deleted = append(deleted, n.watch(t, func() { n.reload(t, c) })...)
	if got := n.ns.Run(t, "ip", "-6", "neigh", "show", "proxy"); !strings.Contains(got, "2001:db8::50 dev eth0") {
		t.Errorf("the change did not reach the uplink: %q", got)
	}
	// A restart writes the route to the address's own subnet again, before it deletes the old one.
	deleted = slices.DeleteFunc(deleted, func(line string) bool { return strings.HasPrefix(line, "Deleted 192.0.2.0/24 dev eth0 proto kernel") })
	if len(deleted) > 0 {
		t.Errorf("the changes took from the uplink:\n%s", strings.Join(deleted, "\n"))
	}
	if after := n.links(t)["eth0"].addresses(); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("the uplink has %v, and had %v", after, before)
	}
	lines := slices.DeleteFunc(n.Complaints(), func(line string) bool {
		return strings.HasSuffix(line, "DHCPv4 connection considered critical, ignoring request to reconfigure it.") // it keeps its lease
	})
	if len(lines) > 0 {
		t.Errorf("networkd complains:\n%s", strings.Join(lines, "\n"))
	}
}

// watch returns the addresses and routes of the uplink that the kernel deletes meanwhile.
func (n *node) watch(t *testing.T, do func()) []string {
	t.Helper()
	// Before the namespace it would be ip itself that is ended, and not what it has started.
	monitor := n.Enter("ip", "-o", "monitor", "address", "route")
	var out strings.Builder
	monitor.Stdout, monitor.Stderr = &out, &out
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	do()
	time.Sleep(200 * time.Millisecond)
	_ = monitor.Process.Kill()
	_ = monitor.Wait()
	var deleted []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "Deleted") && strings.Contains(line, "eth0") {
			deleted = append(deleted, strings.TrimSpace(line))
		}
	}
	return deleted
}
