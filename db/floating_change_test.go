package db

import "testing"

func TestStore_UpdateFloatingRange(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		populate(t, s) // the range's addresses are in use
		before := state(t, s)
		want := FloatingRange{CIDR: prefix("192.0.2.0/29"), Pool: "gold", Host: "node9", Interface: "eth7", CreatedAt: testTime}
		change := FloatingChange{Pool: &want.Pool, Host: &want.Host, Interface: &want.Interface}
		if got, err := s.UpdateFloatingRange(t.Context(), want.CIDR, change); err != nil || got != want {
			t.Errorf("changed %+v, %v, want %+v", got, err, want)
		}
		if i, err := s.FindInstances(t.Context(), "192.0.2.1"); err != nil || i[0].Name != "web" {
			t.Errorf("who has an address of it: %+v, %v", i, err)
		}
		after := dump(t, s)
		if got, err := s.UpdateFloatingRange(t.Context(), want.CIDR, change); err != nil || got != want {
			t.Errorf("as it is: %+v, %v, want %+v", got, err, want)
		}
		for p, refused := range map[string]struct {
			kind error
			want string
		}{
			"192.0.2.0/30":    {ErrUnfit, "192.0.2.0/30 is a part of floating range 192.0.2.0/29"},
			"192.0.2.4/30":    {ErrUnfit, "192.0.2.4/30 is a part of floating range 192.0.2.0/29"},
			"192.0.2.0/24":    {ErrNotFound, "there is no floating range 192.0.2.0/24"},
			"10.0.1.0/27":     {ErrNotFound, "there is no floating range 10.0.1.0/27"},
			"198.51.100.0/29": {ErrNotFound, "there is no floating range 198.51.100.0/29"},
		} {
			_, err := s.UpdateFloatingRange(t.Context(), prefix(p), FloatingChange{Pool: ptr("x")})
			wantError(t, err, refused.kind, refused.want)
		}
		_, err := s.UpdateFloatingRange(t.Context(), want.CIDR, FloatingChange{Host: ptr("")})
		wantError(t, err, ErrInvalid, "a floating range has a pool and a host")
		wantSame(t, dump(t, s), after)
		undo(t, s, 1)
		wantState(t, s, before)
	})
}
