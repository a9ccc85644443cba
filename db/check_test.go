package db

import (
	"slices"
	"testing"
)

// A family of which no range is left, claimed or free, is missed as much as a hole in the middle.
func TestStore_Check_lostSpace(t *testing.T) {
	all := []Finding{
		{"free_ranges", "0.0.0.0-255.255.255.255 is neither claimed nor free"},
		{"free_ranges", "2000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff is neither claimed nor free"},
	}
	for statement, want := range map[string][]Finding{
		"DELETE FROM free_ranges":                   all,
		"DELETE FROM free_ranges WHERE largest = 0": all[:1],
		"DELETE FROM free_ranges WHERE largest = 1": all[1:],
	} {
		for name, url := range engines {
			t.Run(name+" "+statement, func(t *testing.T) {
				s := openTest(t, url(t), Create)
				breakBy(t, s, statement)
				if got := findings(t, s); !slices.Equal(got, want) {
					t.Errorf("found %q, want %q", got, want)
				}
			})
		}
	}
}
