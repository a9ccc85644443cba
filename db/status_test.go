package db

import (
	"fmt"
	"strings"
	"testing"
)

func TestStore_Status(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		status, err := s.Status(t.Context())
		if err != nil || len(status.Fullest) != 0 || status.Held != 0 {
			t.Errorf("of an empty ledger: %+v, %v", status, err)
		}
		crowded(t, s)
		if status, err = s.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(status.Managers, status.Projects, status.Instances, status.Floating, status.Held, status.Reserved, status.Released),
			"map[FlatDHCPManager:2 VlanManager:2] 1 2 3 6 518 2"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var full []string
		for _, u := range status.Fullest {
			full = append(full, u.Kind+" "+u.Name)
		}
		if got, want := strings.Join(full, ", "), "networks 10.0.1.0/27, floating nova, networks 10.0.2.64/26, floating nova, networks fd00:1::/64"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if status.Size < 100000 || status.Schema != LatestSchema() || status.Last.Number == 0 {
			t.Errorf("%+v", status)
		}
	})
}
