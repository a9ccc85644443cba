package commands

import (
	"slices"
	"strings"
	"testing"
)

func TestLearntDefaults(t *testing.T) {
	const nowhere = "00000000000000000000000000000000 00 "
	const router = "fe800000000000000000000000000001 "
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", nil, nil},
		{"no IPv6 route", []string{nowhere + nowhere + "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo"}, nil},
		{"learnt", []string{nowhere + nowhere + router + "00000400 00000001 00000000 00450003     eth0"}, []string{"eth0"}},
		{"set by hand", []string{nowhere + nowhere + router + "00000400 00000002 00000000 00000003     eth0"}, nil},
		{"one flag without the other", []string{
			nowhere + nowhere + router + "00000400 00000001 00000000 00410003     eth0",
			nowhere + nowhere + router + "00000400 00000001 00000000 00440003     eth0"}, nil},
		{"learnt, but not a default route", []string{"20010db8000000000000000000000000 20 " + nowhere + router + "00000400 00000001 00000000 00c50003     eth0"}, nil},
		{"a prefix of zeros", []string{"00000000000000000000000000000000 60 " + nowhere + router + "00000400 00000001 00000000 00450003     eth0"}, nil},
		{"the prefix on link", []string{"fd000000000000000000000000000000 40 " + nowhere + "00000000000000000000000000000000 00000100 00000001 00000000 00440001     eth0"}, nil},
		{"two routers on one link, and another link", []string{
			nowhere + nowhere + router + "00000400 00000001 00000000 00450003     eth1",
			nowhere + nowhere + "fe800000000000000000000000000002 00000400 00000001 00000000 00450003     eth1",
			nowhere + nowhere + router + "00000400 00000001 00000000 00450003   eth0.7"}, []string{"eth1", "eth0.7"}},
		{"not such a table", []string{"", "a b c", nowhere + nowhere + router + "x x x x eth0"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := learntDefaults(strings.NewReader(strings.Join(tt.lines, "\n") + "\n")); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
