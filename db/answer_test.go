package db

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// other is a value of a field's type that is neither the zero value nor what the field has.
func other(t *testing.T, field reflect.Value) reflect.Value {
	t.Helper()
	candidates := map[reflect.Type][]any{
		reflect.TypeFor[netip.Addr]():   {addr("192.0.2.7"), addr("2001:db8::7")},
		reflect.TypeFor[netip.Prefix](): {prefix("192.0.2.0/25"), prefix("2001:db8::/64")},
		reflect.TypeFor[time.Time]():    {testTime.Add(time.Hour), testTime.Add(2 * time.Hour)},
		reflect.TypeFor[netcalc.MAC]():  {mac("02:16:3e:00:00:07"), mac("02:16:3e:00:00:08")},
		reflect.TypeFor[netcalc.Span](): {netcalc.SpanOf(prefix("192.0.2.0/25")), netcalc.SpanOf(prefix("192.0.2.0/26"))},
		reflect.TypeFor[string]():       {"one", "two"},
		reflect.TypeFor[int]():          {1500, 1400},
		reflect.TypeFor[int64]():        {int64(7), int64(8)},
	}
	for kind, values := range candidates {
		if !kind.ConvertibleTo(field.Type()) || kind.Kind() != field.Kind() {
			continue
		}
		for _, v := range values {
			if value := reflect.ValueOf(v).Convert(field.Type()); !reflect.DeepEqual(value.Interface(), field.Interface()) {
				return value
			}
		}
	}
	t.Fatalf("no value for a field of type %s", field.Type())
	return reflect.Value{}
}

// stored wants every field of a row to be in a column of its table but those that a query computes: what is in none is
// forgotten without a word.
func stored[T any](t *testing.T, table *sqlstore.Table[T], row T, computed ...string) {
	t.Helper()
	for field := range reflect.TypeFor[T]().Fields() {
		if !field.IsExported() || slices.Contains(computed, field.Name) {
			continue
		}
		changed := row
		v := reflect.ValueOf(&changed).Elem().FieldByName(field.Name)
		v.Set(other(t, v))
		if table.Same(&row, &changed) {
			t.Errorf("no column of %s holds %s", table.Name, field.Name)
		}
	}
}

func TestTables_everyField(t *testing.T) {
	stored(t, networkTable, Network{CIDR: prefix("10.0.0.0/24")})
	stored(t, instanceTable, Instance{FixedIP: addr("10.0.0.3")}, "FloatingIP", "FloatingIPv6", "SecurityGroups")
	stored(t, floatingTable, FloatingRange{CIDR: prefix("192.0.2.0/24")})
	stored(t, projectTable, Project{}, "Networks", "Instances", "FloatingIPs", "SecurityGroups", "Rules")
	stored(t, groupTable, SecurityGroup{}, "Instances", "Rules")
	stored(t, ruleTable, ruleRow{}, "Rule")
	for name, change := range map[string]func(*ruleRow){
		"Protocol": func(r *ruleRow) { r.Protocol = "tcp" }, "From": func(r *ruleRow) { r.From = 7 }, "To": func(r *ruleRow) { r.To = 7 },
		"CIDR": func(r *ruleRow) { r.CIDR = prefix("::/0") }, "source": func(r *ruleRow) { r.source = 7 }, "group": func(r *ruleRow) { r.group = 7 },
	} {
		var before, after ruleRow
		if change(&after); ruleTable.Same(&before, &after) {
			t.Errorf("no column of %s holds %s", ruleTable.Name, name)
		}
	}
}

// every is a change of everything that can be changed, and what the network has then.
func every(t *testing.T, n Network) (change NetworkChange, want Network) {
	t.Helper()
	want = n
	fields := reflect.ValueOf(&change).Elem()
	for field, v := range fields.Fields() {
		target := reflect.ValueOf(&want).Elem().FieldByName(field.Name)
		value := other(t, target)
		switch field.Name {
		case "Gateway":
			value = reflect.ValueOf(addr("10.0.1.30"))
		case "GatewayV6":
			value = reflect.ValueOf(addr("fd00:1::9"))
		}
		target.Set(value)
		v.Set(reflect.New(field.Type.Elem()))
		v.Elem().Set(value)
	}
	return change, want
}

// What modify answers is what the ledger holds, for everything that it can change.
func TestStore_UpdateNetworks_answer(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		before := create(t, s, flat("10.0.1.0/24", 27, 1).v6("fd00:1::/48"))[0]
		change, want := every(t, before)
		want.UpdatedAt = testTime
		answer, err := s.UpdateNetworks(t.Context(), []string{"1"}, change)
		if err != nil {
			t.Fatal(err)
		}
		if answer[0] != want {
			t.Errorf("the answer is\n%+v, want\n%+v", answer[0], want)
		}
		if stored := allNetworks(t, s); !slices.Equal(stored, answer) {
			t.Errorf("the ledger holds\n%+v, and the answer was\n%+v", stored, answer)
		}
	})
}

// Answers of all that adds or changes something are what the ledger holds.
func TestStore_answers(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		networks := create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48").with(func(n *NewNetworks) {
			n.VPNClients, n.Given = 2, Network{Label: "web", ProjectID: "apollo", Host: "node1", DNS1: addr("192.0.2.53"), DNS2: addr("2001:db8::53"), MTU: 1400}
		}))
		if stored := allNetworks(t, s); !slices.Equal(stored, networks) {
			t.Errorf("networks %+v\nwere answered as %+v", stored, networks)
		}
		made, err := s.CreateInstances(ctx, NewInstances{Names: []string{"a", "b"}, ProjectID: "apollo", Host: "node2"})
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := s.FindInstances(ctx, "a", "b"); err != nil || !reflect.DeepEqual(stored, made) {
			t.Errorf("instances %+v, %v\nwere answered as %+v", stored, err, made)
		}
		floating, err := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "node1", Interface: "eth1"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.AssociateFloating(ctx, "a", netip.Addr{}, FloatingFrom{Pool: ""})
		if err != nil {
			t.Fatal(err)
		}
		for a, err := range s.FloatingAddresses(ctx, FloatingFilter{}) {
			if err != nil || a.Range != floating || a.State == stateHeld && a != got {
				t.Errorf("floating address %+v, %v\nwas answered as %+v of %+v", a, err, got, floating)
			}
		}
		moved, err := s.ChangeVPN(ctx, "apollo", "1", addr("198.51.100.7"), 1194)
		if err != nil || moved != allNetworks(t, s)[0] || moved.VPNPublicPort != 1194 {
			t.Errorf("the VPN was answered as %+v, %v", moved, err)
		}
		rules, err := s.AddRules(ctx, "apollo", DefaultGroup, []Rule{
			{Protocol: "tcp", From: 22, To: 22, CIDR: prefix("::/0")}, {Protocol: "udp", From: 53, To: 54, SourceGroup: DefaultGroup}})
		if err != nil {
			t.Fatal(err)
		}
		if g, err := s.SecurityGroup(ctx, "apollo", DefaultGroup); err != nil || !slices.Equal(g.Rules[3:], rules) {
			t.Errorf("rules %+v, %v\nwere answered as %+v", g.Rules, err, rules)
		}
		quota, err := s.SetQuota(ctx, "apollo", "instances", 9)
		if all, listed := s.Quotas(ctx, "apollo"); err != nil || listed != nil || !slices.Contains(all, quota) || quota.Limit != 9 || quota.InUse != 2 {
			t.Errorf("quota %+v, %v, %v was answered as %+v", all, err, listed, quota)
		}
	})
}

// --if_not_exists looks at every column of a network: each is compared, or follows from others that are.
func TestCarving_difference_everyColumn(t *testing.T) {
	follow := []string{"id", "first", "cidr", "netmask", "broadcast", "dhcp_start", "vpn_private_address", "created_at", "updated_at"}
	var compared []string
	for _, group := range (&carving{}).compared(Network{}, Network{}) {
		for _, v := range group.values {
			compared = append(compared, v.name)
		}
	}
	for _, c := range networkTable.Columns {
		name := c.Name
		if name == "vpn_clients" {
			name = "cnt_vpn_clients" // as the flag is called
		}
		if slices.Contains(compared, name) == slices.Contains(follow, name) {
			t.Errorf("column %s: compared is %v", name, compared)
		}
	}
}

// A value that is asked for and is another one is a conflict that names it.
func TestStore_CreateNetworks_ifNotExists_eachValue(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ask := vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48").with(ifNotExists)
		create(t, s, ask)
		for name, change := range map[string]func(*NewNetworks){
			"label one":                        func(n *NewNetworks) { n.Given.Label = "one" },
			"project_id one":                   func(n *NewNetworks) { n.Given.ProjectID = "one" },
			"host one":                         func(n *NewNetworks) { n.Given.Host = "one" },
			"dns1 192.0.2.7":                   func(n *NewNetworks) { n.Given.DNS1 = addr("192.0.2.7") },
			"dns2 192.0.2.7":                   func(n *NewNetworks) { n.Given.DNS2 = addr("192.0.2.7") },
			"mtu 1400":                         func(n *NewNetworks) { n.Given.MTU = 1400 },
			"bridge_interface one":             func(n *NewNetworks) { n.Given.BridgeInterface = "one" },
			"gateway 10.0.1.30":                func(n *NewNetworks) { n.Given.Gateway = addr("10.0.1.30") },
			"gateway_v6 fd00:1::9":             func(n *NewNetworks) { n.Given.GatewayV6 = addr("fd00:1::9") },
			"vlan 101":                         func(n *NewNetworks) { n.VLANStart = 101 },
			"cidr_v6 fd00:2::/64":              func(n *NewNetworks) { *n = n.v6("fd00:2::/48") },
			"cnt_vpn_clients 3":                func(n *NewNetworks) { n.VPNClients = 3 },
			"vpn_public_port 1001":             func(n *NewNetworks) { n.VPNStart, n.VPNStartAsked = 1001, true },
			"vpn_public_address 198.51.100.99": func(n *NewNetworks) { n.VPNAddress, n.VPNAddressAsked = addr("198.51.100.99"), true },
		} {
			_, err := s.CreateNetworks(t.Context(), ask.with(change))
			value, want, _ := strings.Cut(name, " ")
			if err == nil || !containsAll(err.Error(), "network 1 (10.0.1.0/27, fd00:1::/64) exists with "+value+" ", ", not "+want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(s, part) })
}
