package sqlstore

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/internal/pgtest"
)

// A password file that others may read is not used, and that is said, wherever it is named; where a password is given none
// is looked at.
func TestPostgres_passfile(t *testing.T) {
	base := pgtest.WithPassword(t, pgtest.URL(t), "tenant", "s3cret")
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PGPASSFILE", "")
	t.Setenv("PGPASSWORD", "")
	without := strings.Replace(base, ":s3cret@", "@", 1)
	elsewhere := filepath.Join(t.TempDir(), "passwords")
	for _, path := range []string{elsewhere, filepath.Join(home, ".pgpass")} {
		if err := os.WriteFile(path, []byte("*:*:*:tenant:s3cret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, place := range map[string]struct{ url, variable, file string }{
		"home":        {without, "", filepath.Join(home, ".pgpass")},
		"environment": {without, elsewhere, elsewhere},
		"URL":         {without + "&passfile=" + url.QueryEscape(elsewhere), "/nowhere", elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PGPASSFILE", place.variable)
			open := func(url string) (warnings []string, err error) {
				s, err := Open(t.Context(), Options{URL: url, Mode: Create, Warn: func(m string) { warnings = append(warnings, m) }})
				if err == nil {
					err = s.Close()
				}
				return warnings, err
			}
			for mode, used := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o666: false} {
				if err := os.Chmod(place.file, mode); err != nil {
					t.Fatal(err)
				}
				warnings, err := open(place.url)
				if used {
					if err != nil || warnings != nil {
						t.Errorf("mode %o: %v, %q", mode, err, warnings)
					}
					continue
				}
				wantSentence(t, err, nil, "the server refused the login", string(WayCheckPassword))
				if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "password file "+place.file+" is not used, since others may read or write it (mode 0") {
					t.Errorf("mode %o: warnings %q", mode, warnings)
				}
			}
			if warnings, err := open(base); err != nil || warnings != nil {
				t.Errorf("with a password in the URL: %v, %q", err, warnings)
			}
			t.Setenv("PGPASSWORD", "s3cret")
			if warnings, err := open(place.url); err != nil || warnings != nil {
				t.Errorf("with a password in the environment: %v, %q", err, warnings)
			}
		})
	}
}
