package db

import (
	"database/sql"
	"strings"
	"testing"
)

// A VLAN is one tenant's: it does not change hands while somebody's instances are on it.
func TestStore_UpdateNetworks_tenants(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2))
		boot(t, s, instance("web"))
		for _, project := range []string{"", "gemini"} {
			_, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{ProjectID: &project})
			wantError(t, err, ErrConflict, "network 1 (10.0.1.0/27) carries instances of project apollo, web among them")
		}
		if err := s.DeleteInstances(t.Context(), []string{"web"}); err != nil {
			t.Fatal(err)
		}
		none := ""
		if _, err := s.UpdateNetworks(t.Context(), []string{"1"}, NetworkChange{ProjectID: &none}); err != nil {
			t.Error(err)
		}
	})
}

// A router does not get the address that a guest of the link gives itself, neither later nor with the link's prefix.
func TestStore_routerIsNoGuest(t *testing.T) {
	const sentence = "fd00:1::16:3eff:fe00:1 is what instance web gives itself: its MAC is 02:16:3e:00:00:01"
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.1.0/24", 24, 1))
		boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:00:00:01") }))
		router := addr("fd00:1::16:3eff:fe00:1")
		_, err := s.CreateNetworks(t.Context(), flat("10.0.2.0/24", 24, 1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.GatewayV6 = router }))
		wantError(t, err, ErrConflict, sentence)
		create(t, s, flat("10.0.2.0/24", 24, 1).v6("fd00:1::/48"))
		_, err = s.UpdateNetworks(t.Context(), []string{"2"}, NetworkChange{GatewayV6: &router})
		wantError(t, err, ErrConflict, sentence)
	})
}

// Rows that the schema's foreign keys and the commands look for are found by an index, however many there are.
func TestSchema_indexes(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Create)
	for _, query := range []string{
		"SELECT 1 FROM addresses WHERE claim = $1",
		"SELECT 1 FROM networks WHERE bridge = $1 AND gateway_v6 IS NOT NULL",
		"SELECT gateway_v6 FROM networks WHERE bridge = $1 AND gateway_v6 IS NOT NULL ORDER BY id LIMIT 1",
		"SELECT first FROM addresses WHERE claim = $1 AND state = 'released' ORDER BY released LIMIT 1",
	} {
		if plan := explain(t, s, query, []byte{}); len(plan) != 1 || !strings.HasPrefix(plan[0], "SEARCH") {
			t.Errorf("%s\nis answered by %q", query, plan)
		}
	}
}

// explain is SQLite's plan for a query with these arguments.
func explain(t *testing.T, s *Store, query string, args ...any) (plan []string) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(urlOf(s), "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	return plan
}

func TestStore_Check_numbers(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Create)
	breakBy(t, s, "DELETE FROM sequences WHERE name = 'release'")
	if got := findings(t, s); len(got) != 1 || got[0] != (Finding{"sequences", "the numbers of release are not there"}) {
		t.Errorf("found %v", got)
	}
	breakBy(t, s, "DELETE FROM sequences")
	_, err := s.CreateNetworks(t.Context(), vlans("10.0.1.0/24", 27, 2))
	wantError(t, err, ErrCorrupt, "the numbers of network are not there")
}
