package commands

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"nova-manage/db"
	"nova-manage/netcalc"
	"nova-manage/node"
)

// servedNetwork is a network of the view of a node: id n on bridge, with the n-th /24 and /64.
func servedNetwork(n int64, bridge, project string) db.Network {
	return db.Network{ID: n, Manager: db.FlatDHCPManager, Bridge: bridge, ProjectID: project, Host: "node1",
		CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", n)), Gateway: netip.MustParseAddr(fmt.Sprintf("10.0.%d.1", n)),
		DHCPStart: netip.MustParseAddr(fmt.Sprintf("10.0.%d.2", n)), Broadcast: netip.MustParseAddr(fmt.Sprintf("10.0.%d.255", n)),
		CIDRv6: netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", n)), GatewayV6: netip.MustParseAddr(fmt.Sprintf("fd00:%d::1", n))}
}

// servedInstance is an instance of such a view: id n in a network, with the n-th address there.
func servedInstance(n, network int64, project, name string) db.NodeInstance {
	mac := netcalc.MAC{2, 0x16, 0x3e, 0, 0, byte(n)}
	prefix := netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", network))
	v6, err := netcalc.EUI64(prefix, mac)
	if err != nil {
		panic(err)
	}
	return db.NodeInstance{ID: n, NetworkID: network, MAC: mac, Name: name, ProjectID: project,
		FixedIP: netip.MustParseAddr(fmt.Sprintf("10.0.%d.%d", network, 10+n)), FixedIPv6: v6}
}

func planOf(view db.NodeView, o *nodeOptions) (*nodePlan, error) {
	advert := newAdvertOptions()
	for _, n := range view.Networks {
		if !slices.ContainsFunc(view.Links, func(l db.Link) bool { return l.Bridge == n.Bridge }) {
			view.Links = append(view.Links, db.Link{Bridge: n.Bridge, CIDRv6: n.CIDRv6, DHCPv6: slices.ContainsFunc(view.Instances,
				func(i db.NodeInstance) bool { return i.RecordedIPv6 && i.NetworkID == n.ID })})
		}
	}
	return planNode(o, &advert, view, o.networkFile)
}

func fileOf(t *testing.T, plan *nodePlan, path string) string {
	t.Helper()
	i := slices.IndexFunc(plan.tree.Files, func(f node.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("there is no %s", path)
	}
	return string(plan.tree.Files[i].Text)
}

// An instance has the name that it has in its project, the plain one where no other of the node has that, and its id always.
func TestNodeOptions_names(t *testing.T) {
	o := newNodeOptions()
	view := db.NodeView{
		Networks: []db.Network{servedNetwork(1, "br1", "apollo"), servedNetwork(2, "br2", "gemini"), servedNetwork(3, "br3", ""), servedNetwork(4, "br4", "no label")},
		Instances: []db.NodeInstance{
			servedInstance(1, 1, "apollo", "web"), servedInstance(2, 2, "gemini", "web"), servedInstance(3, 1, "apollo", "Only"),
			servedInstance(4, 1, "apollo", "not a label"), servedInstance(5, 3, "apollo", "flat"), servedInstance(6, 3, "gemini", "twin"),
			servedInstance(7, 3, "apollo", "twin"), servedInstance(8, 4, "no label", "odd"), servedInstance(9, 3, "apollo", "100"),
			servedInstance(10, 1, "apollo", "case"), servedInstance(11, 1, "apollo", "CASE"),
		},
	}
	names := o.names(view)
	for id, want := range map[int64]string{
		1:  "web web.apollo.novalocal i-00000001.novalocal",
		2:  "web web.gemini.novalocal i-00000002.novalocal",
		3:  "only only.apollo.novalocal only.novalocal i-00000003.novalocal",
		4:  "i-00000004 i-00000004.apollo.novalocal i-00000004.novalocal",
		5:  "flat flat.novalocal flat.apollo.novalocal i-00000005.novalocal",
		6:  "i-00000006 i-00000006.novalocal twin.gemini.novalocal",
		7:  "i-00000007 i-00000007.novalocal twin.apollo.novalocal",
		8:  "odd odd.novalocal i-00000008.novalocal",
		9:  "100 100.novalocal 100.apollo.novalocal i-00000009.novalocal",
		10: "i-0000000a i-0000000a.apollo.novalocal i-0000000a.novalocal",
		11: "i-0000000b i-0000000b.apollo.novalocal i-0000000b.novalocal",
	} {
		if got := names[id].label + " " + strings.Join(names[id].full, " "); got != want {
			t.Errorf("instance %d:\n got %s\nwant %s", id, got, want)
		}
	}
	// No name stands for two instances.
	owner := map[string]int64{}
	for id, n := range names {
		for _, name := range n.full {
			if other, taken := owner[name]; taken {
				t.Errorf("%s is both instance %d and %d", name, other, id)
			}
			owner[name] = id
		}
	}
	if _, err := planOf(view, &o); err != nil {
		t.Errorf("no node can serve them: %v", err)
	}
}

// Two sides of one ledger that no node can serve at once are both named, and no file is made.
func TestPlanNode_contradictions(t *testing.T) {
	one, two := servedNetwork(1, "br1", ""), servedNetwork(2, "br1", "")
	two.CIDRv6, two.GatewayV6 = one.CIDRv6, one.GatewayV6
	const first, second = "network 1 (10.0.1.0/24, fd00:1::/64)", "network 2 (10.0.2.0/24, fd00:1::/64)"
	for _, tt := range []struct {
		name   string
		change func(one, two *db.Network)
		want   string
	}{
		{"two networks of a VLAN's bridge", func(one, two *db.Network) {
			one.Manager, one.VLAN, one.BridgeInterface = db.VlanManager, 100, "eth0"
			two.Manager, two.VLAN, two.BridgeInterface = db.VlanManager, 100, "eth0"
		}, first + " and " + second + " are both on bridge br1 of VLAN 100"},
		{"a flat network on a VLAN's bridge", func(one, two *db.Network) { two.VLAN, two.BridgeInterface = 100, "eth0" },
			first + " and " + second + " are both on bridge br1 of VLAN 100"},
		{"two parents", func(one, two *db.Network) { two.BridgeInterface = "eth1" }, first + ` puts bridge br1 on nothing, and ` + second + ` puts it on "eth1"`},
		{"two MTUs", func(one, two *db.Network) { one.MTU, two.MTU = 1400, 1500 }, first + " gives bridge br1 MTU 1400, and " + second + " gives it 1500"},
		{"a name of 16 bytes", func(one, two *db.Network) { one.Bridge = "abcdefghijklmnop" }, `bridge "abcdefghijklmnop": must have at most 15 bytes`},
		{"an address that is two networks'", func(one, two *db.Network) { two.CIDR, two.Gateway = one.CIDR, one.Gateway.Next() }, "10.0.1.0/24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := one, two
			tt.change(&a, &b)
			o := newNodeOptions()
			plan, err := planOf(db.NodeView{Host: "node1", Networks: []db.Network{a, b}}, &o)
			if plan != nil || err == nil || outcomeOf(t.Context(), err).Exit != exitConflict || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
	outside := servedInstance(1, 1, "apollo", "web")
	outside.FixedIP = netip.MustParseAddr("192.0.2.7")
	o := newNodeOptions()
	_, err := planOf(db.NodeView{Host: "node1", Networks: []db.Network{one}, Instances: []db.NodeInstance{outside}}, &o)
	if err == nil || outcomeOf(t.Context(), err).Exit != exitConflict || !strings.Contains(err.Error(), "192.0.2.7") || !strings.Contains(err.Error(), "10.0.1.0/24") {
		t.Errorf("an address outside of its network: %v", err)
	}
}

// What the outputs of a node say has to agree: a recorded IPv6 address is handed out by dnsmasq only where radvd tells guests to ask.
func TestPlanNode_managed(t *testing.T) {
	odd := servedInstance(1, 1, "apollo", "odd")
	odd.FixedIPv6, odd.RecordedIPv6 = netip.MustParseAddr("fd00:1::77"), true
	o := newNodeOptions()
	plan, err := planOf(db.NodeView{Host: "node1", Networks: []db.Network{servedNetwork(1, "br1", ""), servedNetwork(2, "br2", "")},
		Instances: []db.NodeInstance{odd, servedInstance(2, 2, "apollo", "usual")}}, &o)
	if err != nil {
		t.Fatal(err)
	}
	radvd := fileOf(t, plan, radvdConf)
	first, second, _ := strings.Cut(radvd, "interface br2")
	if !strings.Contains(first, "AdvManagedFlag on") || strings.Contains(second, "AdvManagedFlag") {
		t.Errorf("radvd.conf is\n%s", radvd)
	}
	for _, want := range []string{"RDNSS fd00:1::1 ", "RDNSS fd00:2::1 "} {
		if !strings.Contains(radvd, want) {
			t.Errorf("radvd.conf lacks %s", want)
		}
	}
	if hosts := fileOf(t, plan, dnsmasqHosts); strings.Count(hosts, "[fd00:1::77]") != 1 || strings.Contains(hosts, "fd00:2:") {
		t.Errorf("hosts are\n%s", hosts)
	}
	if conf := fileOf(t, plan, dnsmasqConf); !strings.Contains(conf, "set:n1,fd00:1::,static,64") || strings.Contains(conf, "fd00:2::,static") {
		t.Errorf("dnsmasq.conf is\n%s", conf)
	}
}

// Nova's FlatManager had no DHCP server; links and filter are the node's all the same.
func TestPlanNode_flatManager(t *testing.T) {
	n := servedNetwork(1, "br1", "")
	n.Manager = db.FlatManager
	o := newNodeOptions()
	plan, err := planOf(db.NodeView{Host: "node1", Networks: []db.Network{n}, Instances: []db.NodeInstance{servedInstance(1, 1, "apollo", "web")}}, &o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range plan.tree.Files {
		if strings.Contains(f.Path, "dnsmasq") {
			t.Errorf("%s is made", f.Path)
		}
	}
	if filter := fileOf(t, plan, filterFile); !strings.Contains(filter, "10.0.1.11 : goto") {
		t.Errorf("the filter is\n%s", filter)
	}
}

// A floating address whose instance is on another node's network is left out, and that is said.
func TestPlanNode_floatingElsewhere(t *testing.T) {
	o := newNodeOptions()
	o.Uplinks = []string{"eth0"}
	view := db.NodeView{Host: "node1", Networks: []db.Network{servedNetwork(1, "br1", "")}, Instances: []db.NodeInstance{servedInstance(1, 1, "apollo", "web")},
		Floating: []db.NodeFloating{
			{Address: netip.MustParseAddr("203.0.113.1"), FixedIP: netip.MustParseAddr("10.0.1.11"), InstanceID: 1, NetworkID: 1, Bridge: "br1"},
			{Address: netip.MustParseAddr("203.0.113.2"), FixedIP: netip.MustParseAddr("10.0.9.11"), InstanceID: 2, NetworkID: 9, Bridge: "br9"},
		}}
	plan, err := planOf(view, &o)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"203.0.113.2 is routed to this node, but the network of its instance is another node's: it is not translated"}; !slices.Equal(plan.warnings, want) {
		t.Errorf("warnings are %q", plan.warnings)
	}
	for _, f := range plan.tree.Files {
		if strings.Contains(string(f.Text), "203.0.113.2") {
			t.Errorf("%s has it", f.Path)
		}
	}
	if len(plan.want.Local) != 1 || plan.want.Local[0].Address.String() != "203.0.113.1" {
		t.Errorf("local routes are %v", plan.want.Local)
	}
}

// The same ledger gives the same bytes, in whatever order parts are rendered.
func TestPlanNode_same(t *testing.T) {
	o := newNodeOptions()
	view := db.NodeView{Host: "node1"}
	for n := range int64(9) {
		view.Networks = append(view.Networks, servedNetwork(n+1, fmt.Sprintf("br%d", n+1), ""))
		view.Instances = append(view.Instances, servedInstance(n+1, n+1, "apollo", fmt.Sprintf("web-%d", n)))
	}
	var first *nodePlan
	for range 5 {
		plan, err := planOf(view, &o)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = plan
		}
		for i, f := range plan.tree.Files {
			if f.Path != first.tree.Files[i].Path || string(f.Text) != string(first.tree.Files[i].Text) {
				t.Fatalf("%s differs", f.Path)
			}
		}
	}
}

// Uplinks have a drop-in whether there is anything on them or not, and the first one of an uplink with DHCP takes a restart.
func TestPlanNode_uplinks(t *testing.T) {
	vlan := servedNetwork(1, "br100", "")
	vlan.Manager, vlan.VLAN, vlan.BridgeInterface = db.VlanManager, 100, "eth1"
	o := newNodeOptions()
	o.Uplinks, o.UplinkDHCP = []string{"eth0", "eth2"}, true
	advert := newAdvertOptions()
	view := db.NodeView{Host: "node1", Networks: []db.Network{vlan}, Links: []db.Link{{Bridge: "br100", CIDRv6: vlan.CIDRv6}}}
	plan, err := planNode(&o, &advert, view, func(link string) (string, error) {
		if link == "eth2" {
			return "", node.ErrNoNetworkFile
		}
		return "10-" + link + ".network", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var dropIns []string
	for _, f := range plan.tree.Files {
		link, is := strings.CutSuffix(strings.TrimPrefix(f.Path, networkdFolder), ".network.d/60-nova.conf")
		if !is {
			continue
		}
		dropIns = append(dropIns, link)
		restarts := f.Also != nil && f.Also(nil) == node.RestartLinks
		if restarts != (link == "10-eth0") || f.Also != nil && f.Also([]byte("before")) != 0 {
			t.Errorf("%s: restart is %t", link, restarts)
		}
	}
	if want := []string{"10-eth0", "10-eth1"}; !slices.Equal(dropIns, want) {
		t.Errorf("drop-ins are of %v, want %v", dropIns, want)
	}
	// One that a bridge needs has to have a file.
	_, err = planNode(&o, &advert, view, func(string) (string, error) { return "", node.ErrNoNetworkFile })
	if err == nil {
		t.Error("a VLAN is put on an interface that networkd does not configure")
	}
}
