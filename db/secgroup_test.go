package db

import (
	"fmt"
	"slices"
	"testing"
)

func rule(protocol string, from, to int, source string) Rule {
	return Rule{Protocol: protocol, From: from, To: to, CIDR: prefix(source)}
}

func addGroup(t testing.TB, s *Store, project, name string) {
	t.Helper()
	if _, err := s.CreateSecurityGroup(t.Context(), project, name, ""); err != nil {
		t.Fatal(err)
	}
}

func wantRules(t testing.TB, s *Store, project, name string, want ...string) {
	t.Helper()
	g, err := s.SecurityGroup(t.Context(), project, name)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range g.Rules {
		got = append(got, r.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("rules of %s: %q, want %q", name, got, want)
	}
}

var defaultRules = []string{"icmp -1 -1 default", "tcp 1 65535 default", "udp 1 65535 default"}

func TestStore_SecurityGroups(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		made, err := s.CreateSecurityGroup(t.Context(), "apollo", "web", "servers")
		want := SecurityGroup{ID: made.ID, ProjectID: "apollo", Name: "web", Description: "servers", CreatedAt: testTime}
		if err != nil || fmt.Sprint(made) != fmt.Sprint(want) {
			t.Errorf("made %+v, %v, want %+v", made, err, want)
		}
		addGroup(t, s, "gemini", "web")
		_, err = s.CreateSecurityGroup(t.Context(), "apollo", "web", "")
		wantError(t, err, ErrConflict, "project apollo has a security group web")
		_, err = s.CreateSecurityGroup(t.Context(), "apollo", DefaultGroup, "")
		wantError(t, err, ErrConflict, "project apollo has a security group default")
		wantRules(t, s, "apollo", DefaultGroup, defaultRules...)

		var names []string
		for _, project := range []string{"", "gemini"} {
			groups, err := s.SecurityGroups(t.Context(), project)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				names = append(names, fmt.Sprintf("%s/%s %d", g.ProjectID, g.Name, len(g.Rules)))
			}
		}
		if want := []string{"apollo/default 3", "apollo/web 0", "gemini/default 3", "gemini/web 0", "gemini/default 3", "gemini/web 0"}; !slices.Equal(names, want) {
			t.Errorf("groups %q, want %q", names, want)
		}
		_, err = s.SecurityGroups(t.Context(), "vostok")
		wantError(t, err, ErrNotFound, "there is no project vostok")
		_, err = s.SecurityGroup(t.Context(), "apollo", "db")
		wantError(t, err, ErrNotFound, "project apollo has no security group db")
	})
}

// TestStore_GroupsOf finds what SecurityGroups does, but for what it does not count.
func TestStore_GroupsOf(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, group := range []string{"web", "a"} {
			for _, project := range []string{"apollo", "gemini"} {
				addGroup(t, s, project, group)
			}
		}
		for _, r := range []Rule{rule("tcp", 80, 80, "::/0"), {Protocol: "tcp", From: 22, To: 22, SourceGroup: "web"}, rule("icmp", -1, -1, "10.0.0.0/8")} {
			if _, err := s.AddRules(t.Context(), "apollo", "web", []Rule{r}); err != nil {
				t.Fatal(err)
			}
		}
		want, err := s.SecurityGroups(t.Context(), "apollo")
		if err != nil || len(want) != 3 {
			t.Fatalf("%+v, %v", want, err)
		}
		for i := range want {
			want[i].Instances = 0
		}
		got, err := s.GroupsOf(t.Context(), "apollo", true)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("groups %+v, %v, want %+v", got, err, want)
		}
		for i := range want {
			want[i].Rules = nil
		}
		got, err = s.GroupsOf(t.Context(), "apollo", false)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("groups %+v, %v, want %+v", got, err, want)
		}
		_, err = s.GroupsOf(t.Context(), "vostok", true)
		wantError(t, err, ErrNotFound, "there is no project vostok")
	})
}

func TestStore_AddRules(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		addGroup(t, s, "apollo", "web")
		addGroup(t, s, "gemini", "peer")
		add := func(rules ...Rule) error { return addRules(t.Context(), s, "apollo", "web", rules) }
		drop := func(rules ...Rule) error { return s.DeleteRules(t.Context(), "apollo", "web", rules) }
		fromDefault := Rule{Protocol: "tcp", From: 22, To: 22, SourceGroup: DefaultGroup}
		for _, rules := range [][]Rule{
			{rule("tcp", 80, 80, "0.0.0.0/0"), rule("tcp", 80, 80, "::/0")},
			{rule("icmp", -1, -1, "2001:db8::/32")},
			{rule("icmp", 8, 0, "10.0.0.0/8")},
			{fromDefault},
		} {
			if err := add(rules...); err != nil {
				t.Fatal(err)
			}
		}
		all := []string{"tcp 80 80 0.0.0.0/0", "tcp 80 80 ::/0", "icmp -1 -1 2001:db8::/32", "icmp 8 0 10.0.0.0/8", "tcp 22 22 default"}
		wantRules(t, s, "apollo", "web", all...)

		// All or nothing, both ways: the second rule is the reason.
		wantError(t, add(rule("tcp", 443, 443, "::/0"), rule("tcp", 80, 80, "::/0")), ErrConflict, "security group web has the rule tcp 80 80 ::/0")
		wantError(t, add(fromDefault), ErrConflict, "security group web has the rule tcp 22 22 default")
		wantError(t, drop(rule("tcp", 80, 80, "::/0"), rule("tcp", 443, 443, "::/0")), ErrNotFound, "security group web has no rule tcp 443 443 ::/0")
		wantError(t, drop(rule("icmp", 8, 0, "10.0.0.0/16")), ErrNotFound, "security group web has no rule icmp 8 0 10.0.0.0/16")
		wantError(t, addRules(t.Context(), s, "apollo", "db", []Rule{fromDefault}), ErrNotFound, "project apollo has no security group db")
		wantError(t, add(Rule{Protocol: "tcp", From: 1, To: 1, SourceGroup: "peer"}), ErrNotFound, "project apollo has no security group peer")
		wantRules(t, s, "apollo", "web", all...)

		if err := drop(fromDefault, rule("tcp", 80, 80, "0.0.0.0/0"), rule("tcp", 80, 80, "::/0")); err != nil {
			t.Fatal(err)
		}
		wantRules(t, s, "apollo", "web", "icmp -1 -1 2001:db8::/32", "icmp 8 0 10.0.0.0/8")
		wantRules(t, s, "apollo", DefaultGroup, defaultRules...)
	})
}

func TestStore_DeleteSecurityGroup(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		for _, name := range []string{"web", "db", "idle"} {
			addGroup(t, s, "apollo", name)
		}
		boot(t, s, instance("one").with(func(n *NewInstances) { n.SecurityGroups = []string{"db", DefaultGroup} }))
		for _, name := range []string{"db", "idle", "web"} {
			if err := addRules(t.Context(), s, "apollo", name, []Rule{{Protocol: "tcp", From: 1, To: 9, SourceGroup: "web"}}); err != nil {
				t.Fatal(err)
			}
		}
		remove := func(name string) error { return s.DeleteSecurityGroup(t.Context(), "apollo", name) }
		wantError(t, remove("web"), ErrConflict, "rules of security group db, idle name web as their source")
		wantError(t, remove("db"), ErrConflict, "security group db is in use by 1 of the instances of project apollo")
		wantError(t, remove(DefaultGroup), ErrConflict, "every project has the security group default")
		wantError(t, remove("none"), ErrNotFound, "project apollo has no security group none")
		if err := s.DeleteInstances(t.Context(), []string{"one"}); err != nil {
			t.Fatal(err)
		}
		// web, which names itself, is no hindrance to its own end.
		for _, name := range []string{"db", "idle", "web"} {
			if err := remove(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		groups, err := s.SecurityGroups(t.Context(), "apollo")
		if err != nil || len(groups) != 1 {
			t.Errorf("left: %+v, %v", groups, err)
		}
	})
}

func TestRule_Validate(t *testing.T) {
	for want, r := range map[string]Rule{
		"tcp ports 2 to 1: ports are 0 to 65535, the lower one first":     rule("tcp", 2, 1, "::/0"),
		"udp ports -1 to -1: ports are 0 to 65535, the lower one first":   rule("udp", -1, -1, "::/0"),
		"tcp ports 0 to 65536: ports are 0 to 65535, the lower one first": rule("tcp", 0, 65536, "::/0"),
		"icmp type 256 code 0: both are 0 to 255, or -1 for any":          rule("icmp", 256, 0, "::/0"),
		"icmp type 0 code 256: both are 0 to 255, or -1 for any":          rule("icmp", 0, 256, "::/0"),
		"icmp type -1 (any) has no code 3: give -1 for both":              rule("icmp", -1, 3, "::/0"),
		"protocol icmpv6 is not one of tcp, udp, icmp":                    rule("icmpv6", -1, -1, "::/0"),
	} {
		wantError(t, r.Validate(), ErrInvalid, want)
	}
	for _, r := range []Rule{
		rule("tcp", 0, 65535, "::/0"), rule("icmp", 3, -1, "0.0.0.0/0"), rule("icmp", 255, 255, "::/0"), rule("udp", 53, 53, "ff00::/8"),
	} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", r, err)
		}
	}
}
