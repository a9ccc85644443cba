package db

import (
	"slices"
	"testing"
)

func TestStore_UpdateSecurityGroup(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s)
		from := Rule{Protocol: "tcp", From: 5432, To: 5432, SourceGroup: "web"}
		if err := addRules(t.Context(), s, "apollo", "default", []Rule{from}); err != nil {
			t.Fatal(err)
		}
		modify(t, s, InstanceChange{SecurityGroups: []string{"web"}}, "db")
		before := state(t, s)
		change := SecurityGroupChange{Name: ptr("www"), Description: ptr("the web servers")}
		got, err := s.UpdateSecurityGroup(t.Context(), "apollo", "web", change)
		if err != nil || got.Name != "www" || got.Description != "the web servers" || got.Instances != 1 || len(got.Rules) != 1 {
			t.Errorf("changed %+v, %v", got, err)
		}
		from.SourceGroup = "www"
		if g, err := s.SecurityGroup(t.Context(), "apollo", "default"); err != nil || !slices.Contains(g.Rules, from) {
			t.Errorf("the rule that has it as its source does not follow: %+v, %v", g.Rules, err)
		}
		if i, err := s.FindInstances(t.Context(), "db"); err != nil || !slices.Equal(i[0].SecurityGroups, []string{"www"}) {
			t.Errorf("the instance in it does not follow: %+v, %v", i, err)
		}

		after := dump(t, s)
		if got, err := s.UpdateSecurityGroup(t.Context(), "apollo", "www", change); err != nil || got.Name != "www" {
			t.Errorf("as it is: %+v, %v", got, err)
		}
		for want, test := range map[string]struct {
			kind error
			name string
			to   string
		}{
			"a security group has a name":                  {ErrInvalid, "www", ""},
			"project apollo has no security group web":     {ErrNotFound, "web", "x"},
			"every project has the security group default": {ErrInUse, "default", "x"},
			"project apollo has a security group default":  {ErrExists, "www", "default"},
		} {
			_, err := s.UpdateSecurityGroup(t.Context(), "apollo", test.name, SecurityGroupChange{Name: &test.to, Description: ptr("x")})
			wantError(t, err, test.kind, want)
		}
		wantSame(t, dump(t, s), after)
		undo(t, s, 1)
		wantState(t, s, before)
		if g, err := s.UpdateSecurityGroup(t.Context(), "apollo", "default", SecurityGroupChange{Description: ptr("")}); err != nil || g.Description != "" {
			t.Errorf("the default group without a description: %+v, %v", g, err)
		}
	})
}
