package db

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"nova-manage/netcalc"
)

// What is to be taken away and is gone is ErrNotFound, or nothing to be done; what is there is taken away either way.
func TestStore_IfExists(t *testing.T) {
	rule := func(port int, from string) []Rule {
		return []Rule{{Protocol: "tcp", From: port, To: port, CIDR: prefix(from)}}
	}
	span := func(a string) []netcalc.Span { return []netcalc.Span{{First: addr(a), Last: addr(a)}} }
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		create(t, s, vlans("10.0.1.0/24", 27, 4).with(func(n *NewNetworks) { n.Given.ProjectID = "apollo" }))
		boot(t, s, instance("web"))
		boot(t, s, instance("db"))
		for _, err := range []error{
			s.ReserveAddresses(ctx, span("10.0.1.20")),
			second(s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "node1"})),
			second(s.AssociateFloating(ctx, "web", addr("192.0.2.5"), FloatingFrom{Pool: ""})),
			second(s.CreateSecurityGroup(ctx, "apollo", "www", "")),
			second(s.AddRules(ctx, "apollo", "www", slices.Concat(rule(80, "0.0.0.0/0"), rule(443, "0.0.0.0/0")))),
			second(s.CreateProject(ctx, "gemini", "")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		s, commits := openCounting(t, s, Write)
		for name, c := range map[string]struct {
			gone, there func(*Store) error // what names nothing, and something beside
		}{
			"instance": {func(s *Store) error { return s.DeleteInstances(ctx, []string{"nope"}) },
				func(s *Store) error { return s.DeleteInstances(ctx, []string{"nope", "db", "db"}) }},
			"floating address": {func(s *Store) error { return s.DisassociateFloating(ctx, addr("192.0.2.6")) },
				func(s *Store) error { return s.DisassociateFloating(ctx, addr("192.0.2.5")) }},
			"floating address of no range": {func(s *Store) error { return s.DisassociateFloating(ctx, addr("198.51.100.1")) }, nil},
			"floating range":               {func(s *Store) error { return s.DeleteFloatingRanges(ctx, prefix("198.51.100.0/24")) }, nil},
			"reservation": {func(s *Store) error { return s.UnreserveAddresses(ctx, span("10.0.1.21")) },
				func(s *Store) error {
					return s.UnreserveAddresses(ctx, slices.Concat(span("10.0.1.21"), span("10.0.1.20")))
				}},
			"reservation in no network": {func(s *Store) error { return s.UnreserveAddresses(ctx, span("10.9.1.21")) }, nil},
			"rule": {func(s *Store) error { return s.DeleteRules(ctx, "apollo", "www", rule(81, "0.0.0.0/0")) },
				func(s *Store) error {
					return s.DeleteRules(ctx, "apollo", "www", slices.Concat(rule(81, "::/0"), rule(80, "0.0.0.0/0")))
				}},
			"rule of no source group": {func(s *Store) error {
				return s.DeleteRules(ctx, "apollo", "www", []Rule{{Protocol: "tcp", From: 1, To: 2, SourceGroup: "nope"}})
			}, func(s *Store) error {
				return s.DeleteRules(ctx, "apollo", "www", slices.Concat([]Rule{{Protocol: "tcp", From: 1, To: 2, SourceGroup: "nope"}}, rule(443, "0.0.0.0/0")))
			}},
			"rule of no group": {func(s *Store) error { return s.DeleteRules(ctx, "apollo", "nope", rule(80, "0.0.0.0/0")) }, nil},
			"group":            {func(s *Store) error { return s.DeleteSecurityGroup(ctx, "apollo", "nope") }, nil},
			"group of nobody":  {func(s *Store) error { return s.DeleteSecurityGroup(ctx, "nope", "www") }, nil},
			"project": {func(s *Store) error { return s.DeleteProject(ctx, "nope", false) },
				func(s *Store) error { return s.DeleteProject(ctx, "gemini", false) }},
			"network": {func(s *Store) error { return s.DeleteNetworks(ctx, []string{"9", "10.9.0.0/16"}, false) },
				func(s *Store) error { return s.DeleteNetworks(ctx, []string{"9", "10.0.1.96/27"}, true) }},
			"networks of nobody":  {func(s *Store) error { return s.DeleteNetworksOf(ctx, "nope", false) }, nil},
			"networks of no more": {func(s *Store) error { return s.DeleteNetworksOf(ctx, "vostok", false) }, nil},
		} {
			t.Run(name, func(t *testing.T) {
				*commits = 0
				if err := c.gone(s); !errors.Is(err, ErrNotFound) {
					t.Errorf("it is %v, not ErrNotFound", err)
				}
				if err := c.gone(s.IfExists()); err != nil || *commits != 0 {
					t.Errorf("%v, %d commits", err, *commits)
				}
				err := s.Batch(ctx, func(context.Context) error { return c.gone(s.IfExists()) })
				if err != nil || *commits != 0 {
					t.Errorf("in a batch: %v, %d commits", err, *commits)
				}
				if c.there == nil {
					return
				}
				if err := c.there(s.IfExists()); err != nil || *commits != 1 {
					t.Errorf("what is there: %v, %d commits", err, *commits)
				}
				if err := c.there(s); !errors.Is(err, ErrNotFound) {
					t.Errorf("it is %v after it was taken away", err)
				}
			})
		}
		// What stands in the way of taking something away stands there still.
		if err := s.IfExists().DeleteNetworks(ctx, []string{"1"}, false); !errors.Is(err, ErrInUse) {
			t.Errorf("a network in use: %v", err)
		}
		if err := s.IfExists().DeleteNetworks(ctx, []string{"10.0.1.1/27"}, false); !errors.Is(err, ErrInvalid) {
			t.Errorf("host bits: %v", err)
		}
		wantClean(t, s)
	})
}

// second is the error of a call that also returns what it made.
func second[T any](_ T, err error) error { return err }

// A range takes all networks in it, of either family, and nothing that reaches beyond it; a project's are deleted by its name.
func TestStore_DeleteNetworks_range(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		create(t, s, vlans("10.0.1.0/24", 27, 4).v6("fd00:1::/48"))
		create(t, s, vlans("10.0.2.0/24", 27, 2).v6("fd00:2::/48").with(func(n *NewNetworks) { n.VLANStart, n.VPNStart, n.Given.ProjectID = 200, 2000, "apollo" }))
		left := func() (cidrs []netip.Prefix) {
			for n, err := range s.Networks(ctx, NetworkFilter{}) {
				if err != nil {
					t.Fatal(err)
				}
				cidrs = append(cidrs, n.CIDR)
			}
			return cidrs
		}
		all := left()
		for ref, want := range map[string]error{
			"10.0.1.0/28": ErrUnfit, "fd00:1::/65": ErrUnfit, "10.0.0.0/8": ErrInUse, "10.0.9.0/24": ErrNotFound, "fd00:9::/48": ErrNotFound, "192.0.2.0/24": ErrNotFound,
		} {
			if err := s.DeleteNetworks(ctx, []string{ref}, false); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", ref, err, want)
			}
		}
		if err := s.DeleteNetworks(ctx, []string{"10.0.1.0/26", "1", "10.0.9.0/24"}, false); !errors.Is(err, ErrNotFound) || !slices.Equal(left(), all) {
			t.Errorf("%v; %v are left", err, left())
		}
		if err := s.DeleteNetworks(ctx, []string{"10.0.1.0/26", "1"}, false); err != nil || !slices.Equal(left(), all[2:]) {
			t.Errorf("%v; %v are left", err, left())
		}
		if err := s.DeleteNetworks(ctx, []string{"fd00:1:0:2::/63"}, false); err != nil || !slices.Equal(left(), all[4:]) {
			t.Errorf("%v; %v are left", err, left())
		}
		boot(t, s, instance("web"))
		if err := s.DeleteNetworksOf(ctx, "apollo", false); !errors.Is(err, ErrInUse) {
			t.Errorf("with an instance: %v", err)
		}
		if err := s.DeleteNetworksOf(ctx, "apollo", true); err != nil || left() != nil {
			t.Errorf("%v; %v are left", err, left())
		}
		wantClean(t, s)
	})
}
