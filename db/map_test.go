package db

import (
	"fmt"
	"slices"
	"testing"
)

func TestStore_MapParts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		crowded(t, s)
		for r, want := range map[string][]string{
			"10.0.1.0/26": {"10.0.1.0-10.0.1.31 in_use false 10.0.1.0/27 apollo", "10.0.1.32-10.0.1.63 in_use false 10.0.1.32/27",
				"10.0.1.4 held false ", "10.0.1.10 reserved false ", "10.0.1.20-10.0.1.24 reserved false "},
			// What reaches into the range is a part of it.
			"10.0.1.22/31":  {"10.0.1.0-10.0.1.31 in_use false 10.0.1.0/27 apollo", "10.0.1.20-10.0.1.24 reserved false "},
			"192.0.2.16/28": {"192.0.2.16-192.0.2.17 in_use true 192.0.2.16/31 nova"},
			"fd00:2::/63": {"fd00:2::-fd00:2::ffff:ffff:ffff:ffff in_use false fd00:2::/64", "fd00:2::100-fd00:2::1ff reserved false ",
				"fd00:2::16:3eff:fe00:2 held false "},
			"10.9.0.0/16": nil,
			"::/16":       nil, // in the order of the keys all of IPv4 is in it
		} {
			var got []string
			for p, err := range s.MapParts(t.Context(), prefix(r)) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s %s %t %s", p.Span, p.State, p.Floating, p.Name))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s\n got %q\nwant %q", r, got, want)
			}
		}
		for range s.MapParts(t.Context(), prefix("10.0.0.0/8")) {
			break
		}
	})
}
