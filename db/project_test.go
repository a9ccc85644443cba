package db

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// populate gives project apollo a network, two instances with a floating address each and a security group with a rule,
// and project gemini a network.
func populate(t *testing.T, s *Store) {
	t.Helper()
	create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
	boot(t, s, NewInstances{Names: []string{"web", "db"}, ProjectID: "apollo"})
	addRanges(t, s, floating("192.0.2.0/29"))
	associate(t, s, "web")
	associate(t, s, "db")
	if _, err := s.CreateSecurityGroup(t.Context(), "apollo", "web", ""); err != nil {
		t.Fatal(err)
	}
	if err := addRules(t.Context(), s, "apollo", "web", []Rule{{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("0.0.0.0/0")}}); err != nil {
		t.Fatal(err)
	}
	setProject(t, s, "2", "gemini")
}

func setProject(t testing.TB, s *Store, network, project string) {
	t.Helper()
	if _, err := s.UpdateNetworks(t.Context(), []string{network}, NetworkChange{ProjectID: &project}); err != nil {
		t.Fatal(err)
	}
}

func wantProjects(t testing.TB, s *Store, want ...Project) {
	t.Helper()
	got, err := s.Projects(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("projects %+v, %v\nwant %+v", got, err, want)
	}
	for _, p := range want {
		if got, err := s.Project(t.Context(), p.ID); err != nil || got != p {
			t.Errorf("project %+v, %v, want %+v", got, err, p)
		}
	}
}

var (
	fullApollo = Project{ID: "apollo", Networks: 1, Instances: 2, FloatingIPs: 2, SecurityGroups: 2, Rules: 4, CreatedAt: testTime}
	oneNetwork = Project{ID: "gemini", Networks: 1, SecurityGroups: 1, Rules: 3, CreatedAt: testTime}
)

func TestStore_Projects(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		wantProjects(t, s, fullApollo, oneNetwork)
		made, err := s.CreateProject(t.Context(), "Vostok", "first")
		want := Project{ID: "Vostok", Description: "first", SecurityGroups: 1, Rules: 3, CreatedAt: testTime}
		if err != nil || made != want {
			t.Errorf("made %+v, %v, want %+v", made, err, want)
		}
		wantProjects(t, s, want, fullApollo, oneNetwork) // in the order of bytes on every engine
		_, err = s.CreateProject(t.Context(), "apollo", "again")
		wantError(t, err, ErrConflict, "project apollo exists")
		_, err = s.Project(t.Context(), "soyuz")
		wantError(t, err, ErrNotFound, "there is no project soyuz")
	})
}

func TestStore_UpdateProject(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		before := state(t, s)
		want := fullApollo
		want.Description = "moon"
		got, err := s.UpdateProject(t.Context(), "apollo", "moon")
		if err != nil || got != want {
			t.Errorf("changed %+v, %v, want %+v", got, err, want)
		}
		wantProjects(t, s, want, oneNetwork)
		after := dump(t, s)
		if got, err := s.UpdateProject(t.Context(), "apollo", "moon"); err != nil || got != want {
			t.Errorf("as it is: %+v, %v, want %+v", got, err, want)
		}
		_, err = s.UpdateProject(t.Context(), "soyuz", "moon")
		wantError(t, err, ErrNotFound, "there is no project soyuz")
		wantSame(t, dump(t, s), after)
		undo(t, s, 1)
		wantState(t, s, before)
		if got, err := s.UpdateProject(t.Context(), "apollo", ""); err != nil || got != fullApollo {
			t.Errorf("without a description: %+v, %v", got, err)
		}
	})
}

func TestStore_DeleteProject(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		if _, err := s.SetQuota(t.Context(), "apollo", "instances", 2); err != nil {
			t.Fatal(err)
		}
		wantError(t, s.DeleteProject(t.Context(), "apollo", false), ErrConflict,
			"project apollo holds 1 network, 2 instances, 1 security group")
		wantError(t, s.DeleteProject(t.Context(), "gemini", false), ErrConflict, "project gemini holds 1 network")
		wantError(t, s.DeleteProject(t.Context(), "soyuz", true), ErrNotFound, "there is no project soyuz")
		wantProjects(t, s, fullApollo, oneNetwork)

		if err := s.DeleteProject(t.Context(), "apollo", true); err != nil {
			t.Fatal(err)
		}
		wantClean(t, s)
		wantProjects(t, s, oneNetwork)
		if n := allNetworks(t, s)[0]; n.ProjectID != "" {
			t.Errorf("network 1 still has project %s", n.ProjectID)
		}
		wantFloating(t, s, FloatingFilter{}, "192.0.2.1-192.0.2.6 free")
		if _, err := s.FindInstances(t.Context(), "web"); !isNotFound(err) {
			t.Errorf("an instance is left: %v", err)
		}

		// One of the same name begins anew: no quota, no group, the network's addresses released.
		if got := boot(t, s, NewInstances{Names: []string{"a", "b", "c"}, ProjectID: "apollo"})[0]; got.NetworkID != 1 || got.FixedIP != addr("10.0.1.5") {
			t.Errorf("the next project's first instance: %+v", got)
		}
		wantProjects(t, s, Project{ID: "apollo", Networks: 1, Instances: 3, SecurityGroups: 1, Rules: 3, CreatedAt: testTime}, oneNetwork)

		setProject(t, s, "2", "")
		if err := s.DeleteProject(t.Context(), "gemini", false); err != nil {
			t.Error(err)
		}
	})
}

func TestStore_ScrubProject(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		wantError(t, s.ScrubProject(t.Context(), "apollo"), ErrConflict, "project apollo has instances (2)")
		wantError(t, s.ScrubProject(t.Context(), "soyuz"), ErrNotFound, "there is no project soyuz")
		wantProjects(t, s, fullApollo, oneNetwork)
		if err := s.DeleteInstances(t.Context(), []string{"web", "db"}); err != nil {
			t.Fatal(err)
		}
		// A group that is its own source, and one that another names, go as well.
		if err := addRules(t.Context(), s, "apollo", DefaultGroup, []Rule{{Protocol: "tcp", From: 22, To: 22, SourceGroup: "web"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.ScrubProject(t.Context(), "apollo"); err != nil {
			t.Fatal(err)
		}
		wantProjects(t, s, Project{ID: "apollo", SecurityGroups: 1, Rules: 3, CreatedAt: testTime}, oneNetwork)
		if n := allNetworks(t, s)[0]; n.ProjectID != "" || !n.UpdatedAt.Equal(testTime) {
			t.Errorf("network 1: project %q, updated %v", n.ProjectID, n.UpdatedAt)
		}
		if g, err := s.SecurityGroup(t.Context(), "apollo", DefaultGroup); err != nil || len(g.Rules) != 3 {
			t.Errorf("the default group: %+v, %v", g, err)
		}
	})
}

// Every resource has its limit, which every command that takes more of it obeys and names.
func TestStore_SetQuota(t *testing.T) {
	for _, tt := range []struct {
		name, resource string
		has            int64
		exceed         func(t *testing.T, s *Store) error
	}{
		{"network modify", "networks", 1, func(t *testing.T, s *Store) error {
			project := "apollo"
			_, err := s.UpdateNetworks(t.Context(), []string{"2"}, NetworkChange{ProjectID: &project})
			return err
		}},
		{"network create", "networks", 1, func(t *testing.T, s *Store) error {
			_, err := s.CreateNetworks(t.Context(), vlans("10.0.2.0/24", 27, 1).with(func(n *NewNetworks) {
				n.VLANStart, n.VPNStart, n.Given.ProjectID = 200, 2000, "apollo"
			}))
			return err
		}},
		{"instance create takes a network", "networks", 1, func(t *testing.T, s *Store) error {
			setProject(t, s, "2", "")
			_, err := s.CreateInstances(t.Context(), instance("new").with(func(n *NewInstances) { n.Network = "2" }))
			return err
		}},
		{"instance create", "instances", 2, func(t *testing.T, s *Store) error {
			_, err := s.CreateInstances(t.Context(), instance("new"))
			return err
		}},
		{"floating associate", "floating_ips", 2, func(t *testing.T, s *Store) error {
			_, err := s.AssociateFloating(t.Context(), "idle", netip.Addr{}, FloatingFrom{Pool: ""})
			return err
		}},
		{"secgroup create", "security_groups", 2, func(t *testing.T, s *Store) error {
			_, err := s.CreateSecurityGroup(t.Context(), "apollo", "new", "")
			return err
		}},
		{"secgroup authorize", "security_group_rules", 4, func(t *testing.T, s *Store) error {
			return addRules(t.Context(), s, "apollo", "web", []Rule{{Protocol: "udp", From: 53, To: 53, CIDR: prefix("::/0")}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s *Store) {
				populate(t, s)
				if tt.resource == "floating_ips" {
					boot(t, s, instance("idle"))
				}
				limit := func(n int64) {
					t.Helper()
					got, err := s.SetQuota(t.Context(), "apollo", tt.resource, n)
					if want := (Quota{tt.resource, n, tt.has}); err != nil || got != want {
						t.Fatalf("limited to %+v, %v, want %+v", got, err, want)
					}
				}
				refused := func(n int64) {
					t.Helper()
					limit(n)
					wantError(t, tt.exceed(t, s), ErrConflict,
						fmt.Sprintf("project apollo has %d of %d %s, and 1 more would exceed its quota", tt.has, n, tt.resource))
				}
				refused(tt.has)
				refused(0) // what is there stays
				limit(Unlimited)
				if err := tt.exceed(t, s); err != nil {
					t.Errorf("without a limit: %v", err)
				}
			})
		})
	}
}

func TestStore_SetQuota_refused(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		for _, tt := range []struct {
			project, resource string
			limit             int64
			kind              error
			want              string
		}{
			{"apollo", "cores", 1, ErrInvalid, "quota cores is not one of networks, instances, floating_ips, security_groups, security_group_rules"},
			{"apollo", "instances", -2, ErrInvalid, "quota instances -2: at least 0, or -1 for no limit"},
			{"soyuz", "instances", 1, ErrNotFound, "there is no project soyuz"},
		} {
			_, err := s.SetQuota(t.Context(), tt.project, tt.resource, tt.limit)
			wantError(t, err, tt.kind, tt.want)
		}
		_, err := s.Quotas(t.Context(), "soyuz")
		wantError(t, err, ErrNotFound, "there is no project soyuz")
		got, err := s.Quotas(t.Context(), "apollo")
		want := []Quota{{"networks", -1, 1}, {"instances", -1, 2}, {"floating_ips", -1, 2}, {"security_groups", -1, 2}, {"security_group_rules", -1, 4}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("quotas %+v, %v, want %+v", got, err, want)
		}
	})
}
