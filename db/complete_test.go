package db

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// namesOf are the names that are found for a beginning, without those that begin otherwise.
func namesOf(t testing.TB, s *Store, beginning string, find func(*Names) ([]Name, error)) (list []string) {
	t.Helper()
	err := s.Names(t.Context(), beginning, func(n *Names) error {
		found, err := find(n)
		for _, f := range found {
			if strings.HasPrefix(f.Name, beginning) {
				list = append(list, f.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatalf("%q: %v", beginning, err)
	}
	return list
}

// fillNames makes a ledger in which names of every kind begin alike.
func fillNames(t testing.TB, s *Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(n NewNetworks) {
		t.Helper()
		_, err := s.CreateNetworks(ctx, n)
		must(err)
	}
	labelled := func(n NewNetworks, label, project, host string) NewNetworks {
		n.Given.Label, n.Given.ProjectID, n.Given.Host = label, project, host
		return n
	}
	create(labelled(vlans("10.0.0.0/8", 27, 12).v6("fd00:1::/48"), "many", "gem", "node1"))
	create(labelled(vlans("10.20.1.0/24", 27, 1).v6("fd00:2::/48").with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 2000 }), "web", "gemini", "node2"))
	create(labelled(vlans("10.200.0.0/16", 27, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 201, 2001 }), "we b $(x)", "", "node2"))
	create(flat("172.16.0.0/16", 24, 3).v6("fd00:3::/64").with(func(n *NewNetworks) { n.Bridge = "flat" }))
	for _, project := range []string{"gem", "gemini"} {
		_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"db"}, ProjectID: project, Host: "blade1"})
		must(err)
	}
	_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"web1", "web2"}, ProjectID: "gem", Host: "blade2"})
	must(err)
	for _, r := range []FloatingRange{{CIDR: prefix("192.0.2.0/28"), Pool: "blue", Host: "node2"}, {CIDR: prefix("198.51.100.0/24"), Pool: "black", Host: "node9"}} {
		_, err := s.CreateFloatingRange(ctx, r)
		must(err)
	}
	_, err = s.AssociateFloating(ctx, "web1", addr("192.0.2.5"), FloatingFrom{})
	must(err)
	_, err = s.CreateSecurityGroup(ctx, "gem", "front", "the front")
	must(err)
}

func TestStore_Names(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		fillNames(t, s)
		group := func(project string) func(*Names) ([]Name, error) {
			return func(n *Names) ([]Name, error) { return n.Groups(project) }
		}
		for _, test := range []struct {
			kind, beginning string
			find            func(*Names) ([]Name, error)
			want            []string
		}{
			{"labels", "", (*Names).Labels, []string{"we b $(x)", "web"}}, // many is no network's own
			{"labels", "web", (*Names).Labels, []string{"web"}},
			{"labels", "W", (*Names).Labels, nil},
			{"labels", "%", (*Names).Labels, nil},
			{"cidrs", "10.20", (*Names).NetworkCIDRs, []string{"10.20.1.0/27", "10.200.0.0/27"}},
			{"cidrs", "10.20.1.0/2", (*Names).NetworkCIDRs, []string{"10.20.1.0/27"}},
			{"cidrs", "10.20.1.0/28", (*Names).NetworkCIDRs, nil},
			{"cidrs", "fd00:2", (*Names).NetworkCIDRs, []string{"fd00:2::/64"}},
			{"cidrs", "fd00:3", (*Names).NetworkCIDRs, nil}, // three networks have it
			{"cidrs", "fd00:1:0:b", (*Names).NetworkCIDRs, []string{"fd00:1:0:b::/64"}},
			{"cidrs", "'", (*Names).NetworkCIDRs, nil},
			{"ids", "1", (*Names).NetworkIDs, []string{"1", "10", "11", "12", "13", "14", "15", "16", "17"}},
			{"ids", "17", (*Names).NetworkIDs, []string{"17"}},
			{"ids", "99999999999999999999", (*Names).NetworkIDs, nil},
			{"projects", "gem", (*Names).Projects, []string{"gem", "gemini"}},
			{"projects", "gemi", (*Names).Projects, []string{"gemini"}},
			{"hosts", "", (*Names).Hosts, []string{"node1", "node2", "node9"}},
			{"hosts", "node2", (*Names).Hosts, []string{"node2"}},
			{"machines", "b", (*Names).Machines, []string{"blade1", "blade2"}},
			{"pools", "", (*Names).Pools, []string{"black", "blue"}},
			{"pools", "blu", (*Names).Pools, []string{"blue"}},
			{"bridges", "br20", (*Names).Bridges, []string{"br200", "br201"}},
			{"floating ranges", "1", (*Names).FloatingRanges, []string{"192.0.2.0/28", "198.51.100.0/24"}},
			{"floating ranges", "198", (*Names).FloatingRanges, []string{"198.51.100.0/24"}},
			{"floating addresses", "", (*Names).FloatingAddresses, []string{"192.0.2.5"}},
			{"floating addresses", "192.0.2.4", (*Names).FloatingAddresses, nil},
			{"instances", "", (*Names).Instances, []string{"web1", "web2", "gem/db", "gemini/db"}},
			{"instances", "web", (*Names).Instances, []string{"web1", "web2"}},
			{"instances", "ge", (*Names).Instances, []string{"gem/db", "gemini/db"}},
			{"instances", "gem/", (*Names).Instances, []string{"gem/db", "gem/web1", "gem/web2"}},
			{"instances", "gem/w", (*Names).Instances, []string{"gem/web1", "gem/web2"}},
			{"instances", "3", (*Names).Instances, []string{"3"}},
			{"instances", "10.20", (*Names).Instances, []string{"10.20.1.3"}},
			{"groups", "", group(""), []string{"gem/default", "gem/front", "gemini/default"}},
			{"groups", "gem/f", group(""), []string{"gem/front"}},
			{"groups", "", group("gem"), []string{"default", "front"}},
			{"groups", "f", group("gem"), []string{"front"}},
			{"groups", "", group("nobody"), nil},
		} {
			if got := namesOf(t, s, test.beginning, test.find); !slices.Equal(got, test.want) {
				t.Errorf("%s that begin with %q are %q, want %q", test.kind, test.beginning, got, test.want)
			}
		}
		if got := namesOf(t, s, "", (*Names).Changes); len(got) != 11 || got[0] != "11" && got[0] != "12" {
			t.Errorf("changes are %q", got)
		}
		// Whatever of a name is typed, it is found.
		for _, n := range allNetworks(t, s) {
			for find, name := range map[string]string{"id": fmt.Sprint(n.ID), "cidr": n.CIDR.String(), "cidr_v6": n.CIDRv6.String()} {
				if name == "invalid Prefix" || name == "fd00:3::/64" {
					continue
				}
				for i := range len(name) + 1 {
					kind := (*Names).NetworkCIDRs
					if find == "id" {
						kind = (*Names).NetworkIDs
					}
					if got := namesOf(t, s, name[:i], kind); !slices.Contains(got, name) {
						t.Errorf("%s %s is not among those that begin with %q: %q", find, name, name[:i], got)
					}
				}
			}
		}
	})
}

// However many there are, so many are found.
func TestStore_Names_many(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		if _, err := s.CreateNetworks(t.Context(), flat("10.0.0.0/8", 28, 3000)); err != nil {
			t.Fatal(err)
		}
		for _, beginning := range []string{"", "1", "10."} {
			if got := namesOf(t, s, beginning, (*Names).NetworkCIDRs); len(got) != MostNames || got[0] != "10.0.0.0/28" {
				t.Errorf("%d CIDRs begin with %q", len(got), beginning)
			}
		}
		for beginning, want := range map[string]int{"": MostNames, "1": MostNames, "10": 111, "2999": 1} {
			if got := namesOf(t, s, beginning, (*Names).NetworkIDs); len(got) != want {
				t.Errorf("%d numbers begin with %q, want %d", len(got), beginning, want)
			}
		}
	})
}

// BenchmarkNames finds what a key press asks for in a ledger of a million networks, with the ledger opened for it.
func BenchmarkNames(b *testing.B) {
	path := filepath.Join(b.TempDir(), "nova.sqlite")
	s := openTest(b, path, Create)
	err := s.mutate(b.Context(), func(ctx context.Context, t *tx) error {
		n := flat("10.0.0.0/8", 28, 1_000_000)
		n.Given.Label, n.Given.ProjectID, n.Given.Host = "all", "apollo", "node1"
		_, err := t.createNetworks(ctx, n)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, find := range map[string]func(*Names) ([]Name, error){
		"labels": (*Names).Labels, "cidrs": (*Names).NetworkCIDRs, "ids": (*Names).NetworkIDs, "projects": (*Names).Projects, "hosts": (*Names).Hosts,
		"instances": (*Names).Instances, "pools": (*Names).Pools, "bridges": (*Names).Bridges, "changes": (*Names).Changes,
		"floating ranges": (*Names).FloatingRanges, "floating addresses": (*Names).FloatingAddresses,
	} {
		for _, beginning := range []string{"", "1", "10.1", "a", "fd00:"} {
			b.Run(name+"/"+beginning, func(b *testing.B) {
				for b.Loop() {
					s, err := Open(b.Context(), Options{URL: path, Mode: Read})
					if err != nil {
						b.Fatal(err)
					}
					namesOf(b, s, beginning, find)
					s.Close()
				}
			})
		}
	}
}
