package db

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/netcalc"
)

// inGroups puts an instance on a network and into groups.
func inGroups(network string, groups ...string) func(*NewInstances) {
	return func(n *NewInstances) { n.Network, n.SecurityGroups = network, groups }
}

// twoNodes fills a ledger with two network nodes: node1 serves two VLANs, node2 a network of a flat bridge; another network of that
// bridge has no host. Floating ranges of both are held by instances of both. node3 has a floating range and nothing else.
func twoNodes(t *testing.T, s *Store) {
	t.Helper()
	create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given = Network{Host: "node1", MTU: 1450} }))
	create(t, s, flat("10.0.2.0/24", 24, 1).v6("fd00:9::/64").with(onBridge).with(func(n *NewNetworks) { n.Given.Host = "node2" }))
	create(t, s, flat("10.0.3.0/24", 24, 1).v6("fd00:9::/64").with(onBridge))
	for _, g := range []string{"web", "db", "lonely"} {
		addGroup(t, s, "apollo", g)
	}
	for _, g := range []struct {
		name  string
		rules []Rule
	}{
		{"web", []Rule{rule("tcp", 443, 443, "::/0"), rule("icmp", 8, -1, "0.0.0.0/0")}},
		{"db", []Rule{{Protocol: "tcp", From: 5432, To: 5432, SourceGroup: "web"}, {Protocol: "udp", From: 53, To: 53, SourceGroup: "lonely"}}},
	} {
		if err := addRules(t.Context(), s, "apollo", g.name, g.rules); err != nil {
			t.Fatal(err)
		}
	}
	at := func(m string, more func(*NewInstances)) func(*NewInstances) {
		return func(n *NewInstances) { n.MAC = mac(m); n.Host = "compute1"; more(n) }
	}
	boot(t, s, instance("one").with(at("02:16:3e:00:00:01", inGroups("1", "db", "web"))))
	boot(t, s, instance("two").with(at("02:16:3e:00:00:02", inGroups("2", "db"))).with(func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1:0:1::d6") }))
	boot(t, s, instance("three").with(at("02:16:3e:00:00:03", inGroups("3", "web"))))
	boot(t, s, instance("four").with(at("02:16:3e:00:00:04", inGroups("4"))))
	addRanges(t, s, floating("192.0.2.0/29").with(func(r *FloatingRange) { r.Interface = "eth1" }), floating("2001:db8::/126"),
		floating("198.51.100.0/30").with(func(r *FloatingRange) { r.Host = "node2"; r.Pool = "two" }),
		floating("203.0.113.0/30").with(func(r *FloatingRange) { r.Host = "node3"; r.Pool = "three" }))
	for a, instance := range map[string]string{"192.0.2.6": "one", "192.0.2.2": "three", "198.51.100.1": "two", "2001:db8::1": "two"} {
		if _, err := s.AssociateFloating(t.Context(), instance, addr(a), FloatingFrom{Pool: ""}); err != nil {
			t.Fatal(err)
		}
	}
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, s := range texts {
		all = append(all, addr(s))
	}
	return all
}

func nodeOf(t testing.TB, s *Store, host string) NodeView {
	t.Helper()
	v, err := s.Node(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStore_Node(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		twoNodes(t, s)
		same := func(what string, got, want any) {
			t.Helper()
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n got %+v\nwant %+v", what, got, want)
			}
		}
		one := NodeInstance{1, 1, mac("02:16:3e:00:00:01"), "one", "apollo", addr("10.0.1.3"), addr("fd00:1::16:3eff:fe00:1"), false, []int64{2, 3}}
		two := NodeInstance{2, 2, mac("02:16:3e:00:00:02"), "two", "apollo", addr("10.0.1.35"), addr("fd00:1:0:1::d6"), true, []int64{3}}
		three := NodeInstance{3, 3, mac("02:16:3e:00:00:03"), "three", "apollo", addr("10.0.2.2"), addr("fd00:9::16:3eff:fe00:3"), false, []int64{2}}
		four := NodeInstance{4, 4, mac("02:16:3e:00:00:04"), "four", "apollo", addr("10.0.3.2"), addr("fd00:9::16:3eff:fe00:4"), false, []int64{1}}
		toItself := []NodeRule{{"icmp", -1, -1, netip.Prefix{}, 1}, {"tcp", 1, 65535, netip.Prefix{}, 1}, {"udp", 1, 65535, netip.Prefix{}, 1}}
		byDefault := NodeGroup{1, "apollo", "default", toItself}
		web := NodeGroup{2, "apollo", "web", []NodeRule{{"tcp", 443, 443, prefix("::/0"), 0}, {"icmp", 8, -1, prefix("0.0.0.0/0"), 0}}}
		db := NodeGroup{3, "apollo", "db", []NodeRule{{"tcp", 5432, 5432, netip.Prefix{}, 2}, {"udp", 53, 53, netip.Prefix{}, 4}}}
		inWeb := addrs("10.0.1.3", "10.0.2.2", "fd00:1::16:3eff:fe00:1", "fd00:9::16:3eff:fe00:3")
		floatingOne := []NodeFloating{
			{addr("192.0.2.2"), "eth1", addr("10.0.2.2"), 3, 3, "br0"},
			{addr("192.0.2.6"), "eth1", addr("10.0.1.3"), 1, 1, "br100"},
			{addr("2001:db8::1"), "", addr("fd00:1:0:1::d6"), 2, 2, "br101"},
		}
		floatingTwo := NodeFloating{addr("198.51.100.1"), "", addr("10.0.1.35"), 2, 2, "br101"}
		v := nodeOf(t, s, "node1")
		wantCIDRs(t, v.Networks, "10.0.1.0/27", "10.0.1.32/27")
		same("networks", v.Networks, allNetworks(t, s)[:2])
		wantLinks(t, s, LinkFilter{Host: "node1"}, v.Links...)
		same("instances", v.Instances, []NodeInstance{one, two})
		same("groups", v.Groups, []NodeGroup{web, db})
		same("sources", v.Sources, map[int64][]netip.Addr{2: inWeb, 4: nil})
		same("floating", v.Floating, floatingOne)
		if len(v.Ranges) != 2 || v.Ranges[0].CIDR != prefix("192.0.2.0/29") || v.Ranges[1].CIDR != prefix("2001:db8::/126") || v.Host != "node1" {
			t.Errorf("host %s, ranges %+v", v.Host, v.Ranges)
		}

		v = nodeOf(t, s, "node2")
		wantCIDRs(t, v.Networks, "10.0.2.0/24")
		wantLinks(t, s, LinkFilter{Host: "node2"}, v.Links...)
		same("instances", v.Instances, []NodeInstance{three})
		same("groups", v.Groups, []NodeGroup{web})
		same("sources", v.Sources, map[int64][]netip.Addr{})
		same("floating", v.Floating, []NodeFloating{floatingTwo})

		v = nodeOf(t, s, "node3")
		same("a node of addresses", []int{len(v.Networks), len(v.Links), len(v.Instances), len(v.Groups), len(v.Sources), len(v.Ranges), len(v.Floating)},
			[]int{0, 0, 0, 0, 0, 1, 0})

		v = nodeOf(t, s, "")
		same("networks", v.Networks, allNetworks(t, s))
		wantLinks(t, s, LinkFilter{}, v.Links...)
		same("instances", v.Instances, []NodeInstance{one, two, three, four})
		same("groups", v.Groups, []NodeGroup{byDefault, web, db})
		same("sources", v.Sources, map[int64][]netip.Addr{1: addrs("10.0.3.2", "fd00:9::16:3eff:fe00:4"), 2: inWeb, 4: nil})
		same("floating", v.Floating, []NodeFloating{floatingOne[0], floatingOne[1], floatingTwo, floatingOne[2]})

		hosts, err := s.Hosts(t.Context())
		same("hosts", hosts, []HostSummary{{"node1", 2, 2, 7, 2}, {"node2", 1, 1, 3, 1}, {"node3", 0, 0, 0, 1}, {"", 1, 1, 2, 0}})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestStore_Node_notFound(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		refused := func(host, sentence string, way Way, values ...any) {
			t.Helper()
			_, err := s.Node(t.Context(), host)
			wantError(t, err, ErrNotFound, sentence)
			if got, with := err.(*Error).WayOut(); got != way || fmt.Sprintf("%v", with) != fmt.Sprintf("%v", values) {
				t.Errorf("%s: the way out is %s %v, want %s %v", host, got, with, way, values)
			}
		}
		refused("", "no network is in the ledger", WayMakeNetwork)
		refused("node1", "host node1 serves no network, and no floating range is routed to it", WayGiveHost, "node1")
		if hosts, err := s.Hosts(t.Context()); err != nil || hosts != nil {
			t.Errorf("hosts %+v, %v", hosts, err)
		}
		addRanges(t, s, floating("192.0.2.0/30").with(func(r *FloatingRange) { r.Host = "x" }))
		refused("", "no network is in the ledger", WayMakeNetwork) // addresses alone are nothing to serve
		for i, host := range []string{"d", "a", "b", "a"} {
			create(t, s, vlans(fmt.Sprintf("10.0.%d.0/24", i), 24, 1).with(func(n *NewNetworks) {
				n.Given.Host, n.VLANStart, n.VPNStart = host, 100+i, 1000+i
			}))
		}
		boot(t, s, instance("web").with(func(n *NewInstances) { n.Host = "compute1" }))
		refused("compute1", "host compute1 serves no network, and no floating range is routed to it", WayKnownHosts, "a, b, d, ...")
		refused("node 1", `host "node 1" serves no network, and no floating range is routed to it`, WayKnownHosts, "a, b, d, ...")
	})
}

// What contradicts itself is refused with both sides named, and what was written past the commands.
func TestStore_Node_refused(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		twoNodes(t, s)
		mtu := 1500
		create(t, s, flat("10.0.4.0/24", 24, 1).v6("fd00:9::/64").with(onBridge).with(func(n *NewNetworks) { n.Given.Host = "node4" }))
		for _, ref := range []string{"4", "5"} {
			if ref == "5" {
				breakBy(t, s, "UPDATE networks SET mtu = 1400 WHERE id = 5")
			} else if _, err := s.UpdateNetworks(t.Context(), []string{ref}, NetworkChange{MTU: &mtu}); err != nil {
				t.Fatal(err)
			}
		}
		for _, host := range []string{"", "node2", "node4"} {
			_, want := s.Links(t.Context(), LinkFilter{Host: host})
			_, err := s.Node(t.Context(), host)
			if want == nil || !strings.Contains(want.Error(), "has one MTU, but") {
				t.Fatalf("links of %q: %v", host, want)
			}
			wantError(t, err, ErrConflict, want.Error())
		}
		nodeOf(t, s, "node1")
		breakBy(t, s, "UPDATE networks SET mtu = NULL WHERE id = 5")

		breakBy(t, s, "UPDATE instances SET fixed_ip_v6 = NULL WHERE name = 'two'")
		_, err := s.Node(t.Context(), "node1")
		wantError(t, err, ErrCorrupt, "2001:db8::1 is held by instance i-00000002, which has no address that it could stand for")
		breakBy(t, s, "UPDATE instances SET fixed_ip_v6 = 'fd00:1:0:1::d6' WHERE name = 'two'")

		breakBy(t, s, "UPDATE instances SET mac_address = 'x' WHERE name = 'two'")
		_, err = s.Node(t.Context(), "node1")
		if !isCorrupt(err) || !strings.HasPrefix(err.Error(), `instance i-00000002: mac_address: "x" is no value of its column`) {
			t.Errorf("a MAC that is none: %v", err)
		}
		breakBy(t, s, "UPDATE instances SET mac_address = '02:16:3e:00:00:02' WHERE name = 'two'")

		breakBy(t, s, "UPDATE security_group_rules SET cidr_ip = 'x' WHERE cidr_ip = '::/0'")
		_, err = s.Node(t.Context(), "node1")
		if !isCorrupt(err) || !strings.HasPrefix(err.Error(), `security group rule 4: "x" is no value of its column`) {
			t.Errorf("a source that is none: %v", err)
		}
		breakBy(t, s, "UPDATE security_group_rules SET cidr_ip = '::/0' WHERE cidr_ip = 'x'")
		nodeOf(t, s, "")
	})
}

// What a node costs follows from what it has: every table is searched by an index, never walked over.
func TestStore_Node_indexes(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Create)
	for _, query := range []nodeQuery{queryInstances, queryMembers, queryGroups, querySources, queryFloating,
		func(string) (string, []any) { return "1 FROM networks n WHERE n.host = $1 ORDER BY n.first", nil },
		func(string) (string, []any) {
			return "1 FROM floating_ranges r WHERE r.host = $1 ORDER BY r.first", nil
		},
	} {
		text, _ := query("node1")
		for _, step := range explain(t, s, "SELECT "+text, []byte{}) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN s" { // s is what was found just before
				t.Errorf("%s\nis answered by %s", text, step)
			}
		}
	}
	text, _ := queryOf("1 FROM networks n")("node1")
	if plan := explain(t, s, "SELECT "+text+" ORDER BY n.first", []byte{}); !slices.Equal(plan, []string{"SEARCH n USING COVERING INDEX networks_host (host=?)"}) {
		t.Errorf("networks in order are answered by %q", plan)
	}
}

// nodesDiffer says where a view of a node, or the list of them, is not what the lists of all things say; "" where nowhere.
func nodesDiffer(t *testing.T, s *Store) string {
	t.Helper()
	l := listed{networks: map[int64]Network{}, groups: map[string]SecurityGroup{}}
	for n := range ok(t, s.Networks(t.Context(), NetworkFilter{})) {
		l.networks[n.ID], l.ordered = n, append(l.ordered, n)
	}
	l.instances = slices.Collect(ok(t, s.Instances(t.Context(), InstanceFilter{})))
	groups, err := s.SecurityGroups(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		l.groups[g.ProjectID+"/"+g.Name] = g
	}
	for a := range ok(t, s.FloatingAddresses(t.Context(), FloatingFilter{})) {
		l.floating = append(l.floating, a)
		if n := len(l.ranges); n == 0 || l.ranges[n-1].CIDR != a.Range.CIDR {
			l.ranges = append(l.ranges, a.Range)
		}
	}
	var hosts []HostSummary
	for _, host := range []string{"", "node1", "node2", "node3"} {
		want := l.node(host)
		if len(want.Networks) > 0 || len(want.Ranges) > 0 && host != "" {
			if want.Links, err = s.Links(t.Context(), LinkFilter{Host: host}); err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want.Links, func(a, b Link) int { return strings.Compare(a.Bridge, b.Bridge) })
			if got := nodeOf(t, s, host); !reflect.DeepEqual(got, want) {
				return fmt.Sprintf("the view of node %q is\n%+v\nwant\n%+v", host, got, want)
			}
		} else if _, err := s.Node(t.Context(), host); !isNotFound(err) {
			return fmt.Sprintf("the view of node %q, which has nothing: %v", host, err)
		}
		if host != "" && (len(want.Networks) > 0 || len(want.Ranges) > 0) {
			hosts = append(hosts, l.summary(host))
		}
	}
	if nobody := l.summary(""); nobody.Networks > 0 {
		hosts = append(hosts, nobody)
	}
	if got, err := s.Hosts(t.Context()); err != nil || !slices.Equal(got, hosts) {
		return fmt.Sprintf("the nodes are %+v (%v), want %+v", got, err, hosts)
	}
	return ""
}

// listed is what the lists say.
type listed struct {
	networks  map[int64]Network
	ordered   []Network
	instances []Instance
	groups    map[string]SecurityGroup // by PROJECT/NAME
	ranges    []FloatingRange
	floating  []FloatingAddress
}

// node is the view of a node without its links.
func (l listed) node(host string) NodeView {
	v := NodeView{Host: host, Sources: map[int64][]netip.Addr{}}
	for _, n := range l.ordered {
		if host == "" || n.Host == host {
			v.Networks = append(v.Networks, n)
		}
	}
	in := map[int64]SecurityGroup{}
	for _, i := range l.instances {
		n := l.networks[i.NetworkID]
		if host != "" && n.Host != host {
			continue
		}
		row := NodeInstance{ID: i.ID, NetworkID: i.NetworkID, MAC: i.MAC, Name: i.Name, ProjectID: i.ProjectID, FixedIP: i.FixedIP, FixedIPv6: i.FixedIPv6,
			RecordedIPv6: i.FixedIPv6 != predicted(n.CIDRv6, i.MAC)}
		for _, name := range i.SecurityGroups {
			g := l.groups[i.ProjectID+"/"+name]
			row.Groups = append(row.Groups, g.ID)
			in[g.ID] = g
		}
		slices.Sort(row.Groups)
		v.Instances = append(v.Instances, row)
	}
	for _, g := range in {
		group := NodeGroup{ID: g.ID, ProjectID: g.ProjectID, Name: g.Name}
		for _, r := range g.Rules {
			rule := NodeRule{Protocol: r.Protocol, From: r.From, To: r.To, CIDR: r.CIDR}
			if r.SourceGroup != "" {
				source := l.groups[g.ProjectID+"/"+r.SourceGroup]
				rule.SourceID, v.Sources[source.ID] = source.ID, l.members(source)
			}
			group.Rules = append(group.Rules, rule)
		}
		v.Groups = append(v.Groups, group)
	}
	slices.SortFunc(v.Groups, func(a, b NodeGroup) int { return int(a.ID - b.ID) })
	for _, r := range l.ranges {
		if host == "" || r.Host == host {
			v.Ranges = append(v.Ranges, r)
		}
	}
	for _, a := range l.floating {
		if a.State != stateHeld || host != "" && a.Range.Host != host {
			continue
		}
		f := NodeFloating{Address: a.First, Interface: a.Range.Interface, FixedIP: a.FixedIP}
		for _, i := range l.instances {
			if i.FloatingIP == a.First || i.FloatingIPv6 == a.First {
				f.InstanceID, f.NetworkID, f.Bridge = i.ID, i.NetworkID, l.networks[i.NetworkID].Bridge
			}
		}
		v.Floating = append(v.Floating, f)
	}
	return v
}

// members are the fixed addresses of a group's members.
func (l listed) members(g SecurityGroup) (all []netip.Addr) {
	for _, i := range l.instances {
		if i.ProjectID != g.ProjectID || !slices.Contains(i.SecurityGroups, g.Name) {
			continue
		}
		for _, a := range []netip.Addr{i.FixedIP, i.FixedIPv6} {
			if a.IsValid() {
				all = append(all, a)
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

// summary counts what a host serves, and for "" what none does.
func (l listed) summary(host string) HostSummary {
	h := HostSummary{Host: host}
	for _, n := range l.ordered {
		if n.Host == host {
			h.Networks++
		}
	}
	for _, i := range l.instances {
		if l.networks[i.NetworkID].Host != host {
			continue
		}
		h.Instances++
		for _, a := range []netip.Addr{i.FixedIP, i.FixedIPv6} {
			if a.IsValid() {
				h.Addresses++
			}
		}
	}
	for _, r := range l.ranges {
		if r.Host == host {
			h.FloatingRanges++
		}
	}
	for _, a := range l.floating {
		if a.State == stateHeld && a.Range.Host == host {
			h.Addresses += int64(len(each(netcalc.Span{First: a.First, Last: a.Last})))
		}
	}
	return h
}
