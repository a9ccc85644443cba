package db

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestStore_ImportSite_property makes ledgers by random sequences of all changes, and hands what is in each to ImportSite as a site:
// whatever a ledger can hold can be imported, the ledger that comes of it is in order, and its lists are the same, but for
// what only time makes: when something was made or changed, and the order in which addresses were released.
func TestStore_ImportSite_property(t *testing.T) {
	for engine, seeds := range map[string]int{"sqlite": 40, "postgresql": 1} {
		if race.Enabled {
			seeds = 1
		}
		t.Run(engine, func(t *testing.T) {
			for seed := range seeds {
				g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 7))}
				from, to := openTest(t, engines[engine](t), Create), openTest(t, engines[engine](t), Create)
				for range 80 {
					_, _ = g.step().store(t.Context(), from) // what it refuses, it is right to refuse
				}
				want := siteOf(t, from)
				if _, err := to.ImportSite(t.Context(), want); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if found := findings(t, to); found != nil {
					t.Fatalf("seed %d: db check: %q", seed, found)
				}
				got := siteOf(t, to)
				for name, pair := range map[string][2]any{"networks": {got.Networks, want.Networks}, "instances": {got.Instances, want.Instances},
					"ranges": {got.Ranges, want.Ranges}, "quotas": {got.Quotas, want.Quotas}, "projects": {got.Projects, want.Projects},
					"groups": {withoutIDs(got.Groups), withoutIDs(want.Groups)}} {
					if a, b := fmt.Sprintf("%+v", pair[0]), fmt.Sprintf("%+v", pair[1]); name != "instances" && a != b {
						t.Fatalf("seed %d: %s:\n got %s\nwant %s", seed, name, a, b)
					}
				}
				for i, v := range got.Instances {
					v.Groups, want.Instances[i].Groups = nil, nil // their ids are new; SecurityGroups has the names
					if a, b := fmt.Sprintf("%+v", v), fmt.Sprintf("%+v", want.Instances[i]); a != b {
						t.Fatalf("seed %d:\n got %s\nwant %s", seed, a, b)
					}
				}
			}
		})
	}
}

// siteOf is what a ledger holds, as a site.
func siteOf(t *testing.T, s *Store) (site Import) {
	t.Helper()
	ctx := t.Context()
	at := map[string]int{} // networks by their prefixes
	for n, err := range s.Networks(ctx, NetworkFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n.CreatedAt, n.UpdatedAt = time.Time{}, time.Time{}
		for _, p := range []string{n.CIDR.String(), n.CIDRv6.String()} {
			if _, shared := at[p]; !shared {
				at[p] = len(site.Networks)
			}
		}
		site.Networks = append(site.Networks, ImportNetwork{Network: n})
	}
	for a, err := range s.FixedAddresses(ctx, FixedFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if a.State == stateReserved {
			n := &site.Networks[at[a.CIDR.String()]]
			n.Reserved = append(n.Reserved, a.Span)
		}
	}
	groups, err := s.SecurityGroups(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	for _, g := range groups {
		ids[g.ProjectID+"/"+g.Name] = g.ID
	}
	for _, g := range groups {
		i := ImportGroup{SecurityGroup: SecurityGroup{ID: g.ID, ProjectID: g.ProjectID, Name: g.Name, Description: g.Description}}
		for _, r := range g.Rules {
			i.Rules = append(i.Rules, ImportRule{r, ids[g.ProjectID+"/"+r.SourceGroup]})
		}
		site.Groups = append(site.Groups, i)
	}
	for v, err := range s.Instances(ctx, InstanceFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		v.CreatedAt = time.Time{}
		i := ImportInstance{Instance: v, Row: v.ID}
		for _, name := range v.SecurityGroups {
			i.Groups = append(i.Groups, ids[v.ProjectID+"/"+name])
		}
		site.Instances = append(site.Instances, i)
	}
	for a, err := range s.FloatingAddresses(ctx, FloatingFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		a.Range.CreatedAt = time.Time{}
		if r := (ImportRange{FloatingRange: a.Range}); !slices.Contains(site.Ranges, r) {
			site.Ranges = append(site.Ranges, r)
		}
	}
	projects, err := s.Projects(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range projects {
		p.CreatedAt = time.Time{}
		site.Projects = append(site.Projects, p)
		quotas, err := s.Quotas(ctx, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range quotas {
			if q.Limit != Unlimited {
				site.Quotas = append(site.Quotas, ImportQuota{ProjectID: p.ID, Resource: q.Resource, Limit: q.Limit})
			}
		}
	}
	return site
}

// withoutIDs are groups with the names of those that their rules let in, which Rule has.
func withoutIDs(groups []ImportGroup) []ImportGroup {
	groups = slices.Clone(groups)
	for i := range groups {
		groups[i].ID = 0
		groups[i].Rules = slices.Clone(groups[i].Rules)
		for k := range groups[i].Rules {
			groups[i].Rules[k].SourceID = 0
		}
	}
	return groups
}
