package cli

import (
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"a":                           `"a"`,
		"a\nb":                        `"a\nb"`,
		strings.Repeat("é", 50):       `"` + strings.Repeat("é", 40) + `"... (100 bytes)`,
		strings.Repeat("é", 40):       `"` + strings.Repeat("é", 40) + `"`,
		"x" + strings.Repeat("é", 40): `"x` + strings.Repeat("é", 39) + `"... (81 bytes)`,
		// Before anything else: a half of it would not look like a URL with a password.
		"postgresql://u:" + strings.Repeat("p", 80) + "@h": `"postgresql://u:xxxxx@h"`,
		"password=a\nb": `"password=xxxxx"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
