package novadb

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"nova-manage/internal/novatest"
)

// styles are the ways in which mysqldump is called.
var styles = map[string]novatest.Style{
	"plain":    {},
	"ansi":     {ANSI: true},
	"complete": {Complete: true},
	"single":   {Single: true, Complete: true},
	"silent":   {Silent: true},
	"bare":     {Bare: true},
	"bits":     {Bits: true},
	"hex":      {Bits: true, HexBlob: true, NoCreate: true, Complete: true},
	"mariadb":  {MariaDB: true},
	"database": {Database: "nova"},
}

// read is Read without progress and with every name let pass.
func read(t *testing.T, path string) *Site {
	t.Helper()
	site, err := Read(t.Context(), path, Names{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// sqliteOf reads a database as a SQLite file.
func sqliteOf(t *testing.T, d *novatest.Database) *Site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	d.SQLite(t, path)
	return read(t, path)
}

func lines(site *Site) (all []string) {
	for _, f := range site.Findings {
		all = append(all, fmt.Sprintf("%s %s %s %d %s", f.Kind, f.Table, f.ID, f.Rows, f.Reason))
	}
	return all
}

// Each release has the same site, and each way to dump it says the same of it.
func TestRead_releases(t *testing.T) {
	var first *Site
	for _, release := range novatest.Releases {
		t.Run(release, func(t *testing.T) {
			d := novatest.Sample(release)
			site := sqliteOf(t, d)
			if site.Findings != nil {
				t.Errorf("%q", lines(site))
			}
			for name, style := range styles {
				path := filepath.Join(t.TempDir(), "nova.sql")
				d.WriteDump(t, path, style)
				dumped := read(t, path)
				if dumped.Endless != style.Bare {
					t.Errorf("%s: endless %t", name, dumped.Endless)
				}
				if dumped.Endless = false; !reflect.DeepEqual(dumped, site) {
					t.Errorf("%s:\n%+v\n%+v", name, dumped, site)
				}
			}
			if first == nil {
				first = site
			}
			if !reflect.DeepEqual(site.Ports, first.Ports) || !reflect.DeepEqual(site.Ranges, first.Ranges) || !reflect.DeepEqual(site.Groups, first.Groups) {
				t.Errorf("%+v\n%+v", site, first)
			}
			if fmt.Sprint(site.Networks[0].Reserved) != "[10.0.0.20-10.0.0.21]" || site.Networks[1].Reserved != nil || site.Networks[2].Reserved != nil {
				t.Errorf("reserved: %v", site.Networks)
			}
			if p := site.Ports[0]; p.ID != 42 || p.FixedIP.String() != "10.0.0.3" || p.FixedIPv6.String() != "fd00:1::16:3eff:fe33:4455" || p.Floating.String() != "203.0.113.2" {
				t.Errorf("port %+v", p)
			}
		})
	}
}
