package db

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"nova-manage/netcalc"
)

// A site that is there changes nothing, each of its parts by itself and all of them in one batch.
func TestStore_Ensure(t *testing.T) {
	about, pool := "moon", FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "node1"}
	rules := []Rule{{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("0.0.0.0/0")}, {Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}}
	site := func(s *Store) []func(ctx context.Context) error {
		return []func(ctx context.Context) error{
			func(ctx context.Context) error { _, err := s.EnsureProject(ctx, "apollo", &about); return err },
			func(ctx context.Context) error {
				_, err := s.CreateNetworks(ctx, vlans("10.0.1.0/24", 27, 2).with(ifNotExists).with(func(n *NewNetworks) { n.Given.ProjectID = "apollo" }))
				return err
			},
			func(ctx context.Context) error { _, err := s.SetQuota(ctx, "apollo", "instances", 9); return err },
			func(ctx context.Context) error {
				_, err := s.SetQuota(ctx, "apollo", "networks", Unlimited)
				return err
			},
			func(ctx context.Context) error {
				_, err := s.EnsureSecurityGroup(ctx, "apollo", "www", nil)
				return err
			},
			func(ctx context.Context) error { _, err := s.EnsureRules(ctx, "apollo", "www", rules); return err },
			func(ctx context.Context) error {
				_, err := s.EnsureFloatingRange(ctx, pool, FloatingAsked{Pool: true, Host: true, Interface: true})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"web", "db"}, ProjectID: "apollo", IfNotExists: true,
					Network: "10.0.1.0/27", SecurityGroups: []string{"www", "default"}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.EnsureFloating(ctx, "web", netip.Addr{}, FloatingFrom{Pool: "nova"})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.EnsureFloating(ctx, "db", addr("192.0.2.9"), FloatingFrom{Pool: ""})
				return err
			},
			func(ctx context.Context) error {
				return s.ReserveAddresses(ctx, []netcalc.Span{{First: addr("10.0.1.20"), Last: addr("10.0.1.22")}})
			},
			func(ctx context.Context) error {
				_, err := s.ChangeVPN(ctx, "apollo", "10.0.1.0/27", addr("192.0.2.1"), 1000)
				return err
			},
			func(ctx context.Context) error {
				label := "web"
				_, err := s.UpdateNetworks(ctx, []string{"1"}, NetworkChange{Label: &label})
				return err
			},
		}
	}
	all := func(s *Store) error {
		return s.Batch(t.Context(), func(ctx context.Context) error {
			for _, part := range site(s) {
				if err := part(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	eachEngine(t, func(t *testing.T, s *Store) {
		s, commits := openCounting(t, s, Write)
		if err := all(s); err != nil || *commits != 1 {
			t.Fatalf("%v, %d commits", err, *commits)
		}
		first := ledgerLists(t, s)
		if err := all(s); err != nil || *commits != 1 {
			t.Errorf("again: %v, %d commits", err, *commits)
		}
		for i, part := range site(s) {
			if err := part(t.Context()); err != nil || *commits != 1 {
				t.Errorf("part %d again: %v, %d commits", i, err, *commits)
			}
		}
		if !slices.Equal(first, ledgerLists(t, s)) {
			t.Error("the lists differ")
		}
	})
}

func TestStore_Ensure_differs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.ProjectID = "apollo" }))
		boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC, n.Host = mac("02:16:3e:00:00:01"), "node3" }))
		if _, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "node1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix("192.0.2.16/28"), Pool: "gold", Host: "node1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AssociateFloating(t.Context(), "web", addr("192.0.2.5"), FloatingFrom{Pool: ""}); err != nil {
			t.Fatal(err)
		}
		moon, none := "moon", ""
		again := func(change func(*NewInstances)) error {
			_, err := s.CreateInstances(t.Context(), instance("web").with(func(n *NewInstances) { n.IfNotExists = true }).with(change))
			return err
		}
		floating := func(change func(*FloatingRange)) error {
			r := FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "node1"}
			change(&r)
			_, err := s.EnsureFloatingRange(t.Context(), r, FloatingAsked{Pool: true, Host: true, Interface: true})
			return err
		}
		associate := func(a netip.Addr, pool string) error {
			_, err := s.EnsureFloating(t.Context(), "web", a, FloatingFrom{Pool: pool})
			return err
		}
		project := func(about *string) error { _, err := s.EnsureProject(t.Context(), "apollo", about); return err }
		group := func(about *string) error {
			_, err := s.EnsureSecurityGroup(t.Context(), "apollo", "default", about)
			return err
		}
		for _, is := range []error{again(func(*NewInstances) {}), floating(func(*FloatingRange) {}), associate(netip.Addr{}, ""), project(nil), project(&none), group(nil),
			again(func(n *NewInstances) {
				n.MAC, n.FixedIP, n.Host, n.Network, n.SecurityGroups = mac("02:16:3e:00:00:01"), addr("10.0.1.3"), "node3", "1", []string{"default", "default"}
			})} {
			if is != nil {
				t.Error(is)
			}
		}
		for _, c := range []struct {
			err      error
			sentence string
		}{
			{project(&moon), "project apollo exists with description none, not moon"},
			{group(&none), "security group default of project apollo exists with description members reach each other, not none"},
			{again(func(n *NewInstances) { n.Network = "2" }), "instance apollo/web exists with network_id 1, not 2"},
			{again(func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:02") }), "instance apollo/web exists with mac_address 02:16:3e:00:00:01, not 02:16:3e:00:00:02"},
			{again(func(n *NewInstances) { n.FixedIP = addr("10.0.1.4") }), "instance apollo/web exists with fixed_ip 10.0.1.3, not 10.0.1.4"},
			{again(func(n *NewInstances) { n.FixedIPv6 = addr("fd00:1::5") }), "instance apollo/web exists with fixed_ip_v6 fd00:1::16:3eff:fe00:1, not fd00:1::5"},
			{again(func(n *NewInstances) { n.Host = "node4" }), "instance apollo/web exists with host node3, not node4"},
			{again(func(n *NewInstances) { n.SecurityGroups = []string{"www"} }), "instance apollo/web exists with security_groups default, not www"},
			{floating(func(r *FloatingRange) { r.Pool = "gold" }), "floating range 192.0.2.0/28 exists with pool nova, not gold"},
			{floating(func(r *FloatingRange) { r.Host = "node2" }), "floating range 192.0.2.0/28 exists with host node1, not node2"},
			{floating(func(r *FloatingRange) { r.Interface = "eth1" }), "floating range 192.0.2.0/28 exists with interface none, not eth1"},
			{floating(func(r *FloatingRange) { r.CIDR = prefix("192.0.2.0/29") }), "192.0.2.0/29 overlaps floating range 192.0.2.0/28 (pool nova)"},
			{associate(addr("192.0.2.6"), ""), "instance apollo/web has the floating address 192.0.2.5"},
			{associate(netip.Addr{}, "gold"), "floating pool gold has no range of IPv6, and instance apollo/web could use nothing else"},
		} {
			wantError(t, c.err, ErrConflict, c.sentence)
		}
	})
}
