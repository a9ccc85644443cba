package db

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// A change that others have built on is not undone, and each of them is named; nothing is changed then.
func TestStore_Undo_depend(t *testing.T) {
	instance := func(name string, with func(*NewInstances)) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			n := NewInstances{Names: []string{name}, ProjectID: "apollo"}
			if with != nil {
				with(&n)
			}
			_, err := s.CreateInstances(t.Context(), n)
			return err
		}
	}
	carve := func(n NewNetworks) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { _, err := s.CreateNetworks(t.Context(), n); return err }
	}
	change := func(c NetworkChange, refs ...string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { _, err := s.UpdateNetworks(t.Context(), refs, c); return err }
	}
	remove := func(refs ...string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { return s.DeleteNetworks(t.Context(), refs, true) }
	}
	dismiss := func(refs ...string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { return s.DeleteInstances(t.Context(), refs) }
	}
	rule := Rule{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}
	allow := func(r Rule) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { return addRules(t.Context(), s, "apollo", "web", []Rule{r}) }
	}
	revoke := func(r Rule) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { return s.DeleteRules(t.Context(), "apollo", "web", []Rule{r}) }
	}
	group := func(t *testing.T, s *Store) error {
		_, err := s.CreateSecurityGroup(t.Context(), "apollo", "web", "")
		return err
	}
	ungroup := func(t *testing.T, s *Store) error { return s.DeleteSecurityGroup(t.Context(), "apollo", "web") }
	project := func(t *testing.T, s *Store) error { _, err := s.CreateProject(t.Context(), "apollo", ""); return err }
	describe := func(about string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			_, err := s.UpdateProject(t.Context(), "apollo", about)
			return err
		}
	}
	unproject := func(t *testing.T, s *Store) error { return s.DeleteProject(t.Context(), "apollo", true) }
	rename := func(from, to string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			_, err := s.UpdateSecurityGroup(t.Context(), "apollo", from, SecurityGroupChange{Name: &to})
			return err
		}
	}
	block := prefix("192.0.2.0/29")
	ranged := func(t *testing.T, s *Store) error {
		_, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: block, Pool: "nova", Host: "node1"})
		return err
	}
	unranged := func(t *testing.T, s *Store) error { return s.DeleteFloatingRanges(t.Context(), block) }
	toPool := func(pool string) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			_, err := s.UpdateFloatingRange(t.Context(), block, FloatingChange{Pool: &pool})
			return err
		}
	}
	toHost := func(t *testing.T, s *Store) error {
		_, err := s.UpdateFloatingRange(t.Context(), block, FloatingChange{Host: ptr("node2")})
		return err
	}
	undo := func(number int64) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { _, err := s.Undo(t.Context(), number); return err }
	}
	alter := func(ref string, c InstanceChange) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			_, err := s.UpdateInstances(t.Context(), []string{ref}, c)
			return err
		}
	}
	red := carve(vlans("10.0.1.0/24", 24, 1).with(func(n *NewNetworks) { n.Given.Label = "red" }))
	onBr0 := func(cidr string) func(*testing.T, *Store) error { return carve(flat(cidr, 24, 1).with(onBridge)) }
	vm := mac("02:16:3e:00:00:01")
	withMAC := func(n *NewInstances) { n.MAC = vm }
	withIP := func(a string) func(*NewInstances) { return func(n *NewInstances) { n.FixedIP = addr(a) } }
	blue := carve(vlans("10.0.1.0/24", 24, 1).v6("fd00:1::/48"))
	withIPv6 := func(m netcalc.MAC, a string) func(*NewInstances) {
		return func(n *NewInstances) { n.MAC, n.FixedIPv6 = m, addr(a) }
	}
	vm2 := mac("02:16:3e:00:00:02")
	private := func(n *NewInstances) { n.MAC, n.FixedIPv6 = vm, addr("fd00:1::77") }
	all := func(steps ...func(*testing.T, *Store) error) []func(*testing.T, *Store) error { return steps }

	for name, test := range map[string]struct {
		steps []func(*testing.T, *Store) error
		undo  int64
		want  string // "" is that it can be undone
	}{
		"network with an instance": {all(red, project, instance("web1", nil)), 1, "change 1 cannot be undone: change 3 depends on it"},
		"first of a bridge":        {all(onBr0("10.0.1.0/24"), onBr0("10.0.2.0/24")), 1, "change 1 cannot be undone: change 2 depends on it"},
		"prefix taken":             {all(red, remove("1"), carve(vlans("10.0.1.0/28", 28, 1))), 2, "change 2 cannot be undone: change 3 depends on it"},
		"VLAN taken":               {all(red, remove("1"), carve(vlans("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) { n.VPNStart, n.VPNStartAsked = 5000, true }))), 2, "change 2 cannot be undone: change 3 depends on it"},
		"VPN port taken":           {all(red, remove("1"), carve(vlans("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) { n.VLANStart, n.VLANStartAsked = 3000, true }))), 2, "change 2 cannot be undone: change 3 depends on it"},
		"label taken": {all(red, remove("1"), carve(vlans("10.0.2.0/24", 24, 1).with(func(n *NewNetworks) {
			n.Given.Label, n.VLANStart, n.VPNStart = "red", 3000, 5000
		}))), 2, ""}, // labels need not be unique
		"MAC taken":     {all(red, project, instance("web1", withMAC), dismiss("web1"), instance("web2", withMAC)), 4, "change 4 cannot be undone: change 5 depends on it"},
		"name taken":    {all(red, project, instance("web1", withIP("10.0.1.9")), dismiss("web1"), instance("web1", withIP("10.0.1.10"))), 4, "change 4 cannot be undone: change 5 depends on it"},
		"address taken": {all(red, project, instance("web1", withIP("10.0.1.9")), dismiss("web1"), instance("web2", withIP("10.0.1.9"))), 4, "change 4 cannot be undone: change 5 depends on it"},
		"address that a guest gives itself": {all(blue, project, instance("web1", withIPv6(vm, "fd00:1::16:3eff:fe00:2")), dismiss("web1"),
			instance("web2", withIPv6(vm2, "fd00:1::99"))), 4, "change 4 cannot be undone: change 5 depends on it"},
		"own address recorded for another": {all(blue, project, instance("web1", withIPv6(vm, "fd00:1::98")), dismiss("web1"),
			instance("web2", withIPv6(vm2, "fd00:1::16:3eff:fe00:1"))), 4, "change 4 cannot be undone: change 5 depends on it"},
		"own address a router's": {all(blue, project, instance("web1", withIPv6(vm, "fd00:1::98")), dismiss("web1"),
			change(NetworkChange{GatewayV6: ptr(addr("fd00:1::16:3eff:fe00:1"))}, "1")), 4, "change 4 cannot be undone: change 5 depends on it"},
		"address of its own": {all(blue, project, instance("web1", withIPv6(vm, "fd00:1::98")), dismiss("web1"),
			instance("web2", withIPv6(vm2, "fd00:1::99"))), 4, ""},
		"project anew": {all(project, unproject, project), 2, "change 2 cannot be undone: change 3 depends on it"},
		"gateway taken": {all(red, change(NetworkChange{Gateway: ptr(addr("10.0.1.9"))}, "1"), change(NetworkChange{Gateway: ptr(addr("10.0.1.10"))}, "1"),
			project, instance("gw", withIP("10.0.1.9"))), 3, "change 3 cannot be undone: change 5 depends on it"},
		"MTU again":         {all(red, change(NetworkChange{MTU: ptr(1400)}, "1"), change(NetworkChange{MTU: ptr(1300)}, "1")), 2, "change 2 cannot be undone: change 3 depends on it"},
		"several":           {all(red, change(NetworkChange{MTU: ptr(1400)}, "1"), change(NetworkChange{MTU: ptr(1300)}, "1"), change(NetworkChange{MTU: ptr(1290)}, "1")), 2, "change 2 cannot be undone: changes 3 and 4 depend on it"},
		"group gone":        {all(project, group, allow(rule), revoke(rule), ungroup), 4, "change 4 cannot be undone: change 5 depends on it"},
		"rule anew":         {all(project, group, allow(rule), revoke(rule), allow(rule)), 4, "change 4 cannot be undone: change 5 depends on it"},
		"group with rule":   {all(project, group, allow(rule)), 2, "change 2 cannot be undone: change 3 depends on it"},
		"other value":       {all(red, change(NetworkChange{Label: ptr("blue")}, "1"), change(NetworkChange{DNS1: ptr(addr("9.9.9.9"))}, "1")), 2, ""},
		"value unset later": {all(red, change(NetworkChange{DNS1: ptr(addr("9.9.9.9"))}, "1"), change(NetworkChange{DNS1: ptr(netip.Addr{})}, "1")), 2, "change 2 cannot be undone: change 3 depends on it"},
		"instance renamed, name taken": {all(red, project, instance("web1", nil), alter("web1", InstanceChange{Name: ptr("web2")}), instance("web1", nil)), 4,
			"change 4 cannot be undone: change 5 depends on it"},
		"instance renamed again": {all(red, project, instance("web1", nil), alter("web1", InstanceChange{Name: ptr("web2")}),
			alter("web2", InstanceChange{Name: ptr("web3")})), 4, "change 4 cannot be undone: change 5 depends on it"},
		"instance moved otherwise": {all(red, project, instance("web1", nil), alter("web1", InstanceChange{FixedIP: ptr(addr("10.0.1.9"))}),
			alter("web1", InstanceChange{Host: ptr("node7")})), 4, ""},
		"instance moved, address taken": {all(red, project, instance("web1", withIP("10.0.1.8")), alter("web1", InstanceChange{FixedIP: ptr(addr("10.0.1.9"))}),
			instance("web2", withIP("10.0.1.8"))), 4, "change 4 cannot be undone: change 5 depends on it"},
		"instance moved, gateway there": {all(red, project, instance("web1", withIP("10.0.1.8")), alter("web1", InstanceChange{FixedIP: ptr(addr("10.0.1.9"))}),
			change(NetworkChange{Gateway: ptr(addr("10.0.1.8"))}, "1")), 4, "change 4 cannot be undone: change 5 depends on it"},
		"MAC changed, taken": {all(red, project, instance("web1", withMAC), alter("web1", InstanceChange{MAC: ptr(mac("02:16:3e:00:00:02"))}),
			instance("web2", withMAC)), 4, "change 4 cannot be undone: change 5 depends on it"},
		"MAC changed, its address recorded": {all(blue, project, instance("web1", private), alter("web1", InstanceChange{MAC: ptr(mac("02:16:3e:00:00:02"))}),
			instance("web2", func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::16:3eff:fe00:1") })), 4, "change 4 cannot be undone: change 5 depends on it"},
		"MAC changed, its address the router's": {all(blue, project, instance("web1", private), alter("web1", InstanceChange{MAC: ptr(mac("02:16:3e:00:00:02"))}),
			change(NetworkChange{GatewayV6: ptr(addr("fd00:1::16:3eff:fe00:1"))}, "1")), 4, "change 4 cannot be undone: change 5 depends on it"},
		"IPv6 changed, the router's": {all(blue, project, instance("web1", private), alter("web1", InstanceChange{FixedIPv6: ptr(addr("fd00:1::78"))}),
			change(NetworkChange{GatewayV6: ptr(addr("fd00:1::77"))}, "1")), 4, "change 4 cannot be undone: change 5 depends on it"},
		"IPv6 changed, a guest's own": {all(blue, project, instance("web1", func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::16:3eff:fe00:1") }),
			alter("web1", InstanceChange{FixedIPv6: ptr(addr("fd00:1::78"))}), instance("web2", private)), 4, "change 4 cannot be undone: change 5 depends on it"},
		"groups changed, one gone": {all(red, project, group, instance("web1", func(n *NewInstances) { n.SecurityGroups = []string{"web"} }),
			alter("web1", InstanceChange{SecurityGroups: []string{"default"}}), ungroup), 5, "change 5 cannot be undone: change 6 depends on it"},
		"instance gone since": {all(red, project, instance("web1", nil), alter("web1", InstanceChange{Host: ptr("node7")}), dismiss("web1")), 4,
			"change 4 cannot be undone: change 5 depends on it"},
		"project described again":   {all(project, describe("moon"), describe("mars")), 2, "change 2 cannot be undone: change 3 depends on it"},
		"project described, gone":   {all(project, describe("moon"), unproject), 2, "change 2 cannot be undone: change 3 depends on it"},
		"group renamed, name taken": {all(project, group, rename("web", "www"), group), 3, "change 3 cannot be undone: change 4 depends on it"},
		"group renamed again":       {all(project, group, rename("web", "www"), rename("www", "w3")), 3, "change 3 cannot be undone: change 4 depends on it"},
		"group renamed, rule since": {all(project, group, rename("web", "www"), rename("www", "web"), allow(rule)), 2, "change 2 cannot be undone: change 5 depends on it"},
		"range moved again":         {all(ranged, toPool("gold"), toPool("silver")), 2, "change 2 cannot be undone: change 3 depends on it"},
		"range moved, gone":         {all(ranged, toPool("gold"), unranged), 2, "change 2 cannot be undone: change 3 depends on it"},
		"range moved, host since":   {all(ranged, toPool("gold"), toHost), 2, ""},
		"undone twice":              {all(red, undo(1)), 1, "change 1 cannot be undone: change 2 depends on it"},
		"undo of an undo":           {all(red, project, undo(1)), 3, ""},
		"shared network":            {all(onBr0("10.0.1.0/24"), instance("web1", nil), instance("web2", func(n *NewInstances) { n.ProjectID = "gemini" })), 2, ""},
		"last of a bridge":          {all(onBr0("10.0.1.0/24"), onBr0("10.0.2.0/24"), remove("1")), 2, ""},
		"last with IPv6": {all(onBr0("10.0.1.0/24"), carve(flat("10.0.2.0/24", 24, 1).v6("fd00:2::/48").with(onBridge)),
			carve(flat("10.0.3.0/24", 24, 1).v6("fd00:2::/48").with(onBridge)), remove("2")), 3, ""},
		"number never given": {all(red, project), 9, "there is no change 9, the latest is 2"},
		"number below zero":  {all(red, project), -1, "history does not go back to change -1"},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				for i, step := range test.steps {
					if err := step(t, s); err != nil {
						t.Fatalf("step %d: %v", i+1, err)
					}
				}
				before := dump(t, s)
				u, err := s.Undo(t.Context(), test.undo)
				if test.want == "" {
					if err != nil || u.Number != int64(len(test.steps)+1) || u.Change.Number != test.undo {
						t.Errorf("undone: %+v and error %v", u, err)
					}
					wantClean(t, s)
					if _, err := s.Undo(t.Context(), u.Number); err != nil {
						t.Fatalf("undo of the undo: %v", err)
					}
					now := state(t, s)
					for _, k := range sqlstore.KeptTables() {
						if !reflect.DeepEqual(now[k.Name], before[k.Name]) {
							t.Errorf("after the undo of the undo, table %s:\n got %v\nwant %v", k.Name, now[k.Name], before[k.Name])
						}
					}
					return
				}
				if err == nil || err.Error() != test.want || !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
					t.Errorf("error %v; want %s", err, test.want)
				}
				wantSame(t, dump(t, s), before)
			})
		})
	}
}

func wantSame(t *testing.T, got, want map[string][][]any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("what was refused has changed rows:\n got %v\nwant %v", got, want)
	}
}
