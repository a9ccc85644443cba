package configfile_test

import (
	"strings"
	"testing"

	"nova-manage/internal/configfile"
)

func TestOptionError(t *testing.T) {
	for want, err := range map[string]configfile.OptionError{
		"interface br1: prefix fd00::/64: AdvPreferredLifetime 2: must be at most 1": {
			Place: []string{"interface br1", "prefix fd00::/64"}, Option: "AdvPreferredLifetime", Value: "2", Bound: "must be at most 1"},
		`bridge "": must not be empty`:             {Option: "bridge", Value: `""`, Bound: "must not be empty"},
		"interface br1: RDNSS: must name a server": {Place: []string{"interface br1"}, Option: "RDNSS", Bound: "must name a server"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("error is\n\t%s\nwant\n\t%s", got, want)
		}
	}
}

// Whoever recognizes a file by its first line cuts it there.
func TestHeader(t *testing.T) {
	if !strings.HasPrefix(configfile.Header, "# ") || strings.Index(configfile.Header, "\n") != len(configfile.Header)-1 {
		t.Errorf("%q is not one line of a comment", configfile.Header)
	}
}
