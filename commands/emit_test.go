package commands

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/db"
)

// emitFake is the real command line on a ledger that make fills, past the checks of `network create`.
func emitFake(t *testing.T, networks ...db.NewNetworks) *fake {
	t.Helper()
	f := newFake(t)
	url := filepath.Join(t.TempDir(), "nova.sqlite")
	f.environment["NOVA_SQL_CONNECTION"] = url
	store, err := db.Open(t.Context(), db.Options{URL: url, Mode: db.Create, Clock: f.sys.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks {
		if _, err := store.CreateNetworks(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// flatOn is one network on a flat bridge, with the n-th /24 and two DNS servers of its own.
func flatOn(bridge string, n byte) db.NewNetworks {
	dns := netip.MustParseAddr("2001:db8::").As16()
	dns[14] = n
	dns[15] = 1
	first := netip.AddrFrom16(dns)
	return db.NewNetworks{Manager: db.FlatManager, Count: 1, Range: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, n, 0}), 24), Bits: 24,
		RangeV6: netip.MustParsePrefix("fd00:1::/64"), RangeV6Asked: true, Bridge: bridge, Given: db.Network{DNS1: first, DNS2: first.Next()}}
}

// What must not reach a configuration file is refused where it is rendered too, and then nothing is written.
func TestEmit_refusesLedger(t *testing.T) {
	many := make([]db.NewNetworks, 40)
	for i := range many {
		many[i] = flatOn("br100", byte(i))
	}
	for _, tt := range []struct {
		name     string
		networks []db.NewNetworks
		args     string
		want     string
	}{
		{"too much for one advertisement", many, "emit radvd",
			"interface br100: router advertisement of 1552 bytes: must be at most 1210: too many prefixes, routes, servers or domains"},
		{"a word of radvd's", []db.NewNetworks{flatOn("low", 1)}, "emit radvd",
			`interface name "low": must not be a word of radvd's grammar`},
		{"a name that ends a line", []db.NewNetworks{flatOn("a\nb", 1)}, "emit radvd", `interface name "a\nb": must not contain '\n'`},
		{"a name that ends a line", []db.NewNetworks{flatOn("a\nb", 1)}, "emit sysctl", `bridge "a\nb": must not contain '\n'`},
		{"a path", []db.NewNetworks{flatOn("../a", 1)}, "emit radvd", `interface name "../a": must not contain '/'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := emitFake(t, tt.networks...)
			dir := t.TempDir()
			places := [][]string{nil, {"-o", filepath.Join(dir, "out.conf")}}
			if tt.args == "emit radvd" {
				places = append(places, []string{"--per_bridge", dir})
			}
			for _, place := range places {
				code := f.do(append(strings.Fields(tt.args), place...)...)
				if want := "nova-manage: error: " + tt.want + "\n"; code != exitConflict || f.stderr.String() != want {
					t.Errorf("%v: exit %d\n got %swant %s", place, code, f.stderr.String(), want)
				}
				if f.stdout.Len() > 0 {
					t.Errorf("%v: printed %q", place, f.stdout.String())
				}
			}
			wantEntries(t, dir, 0)
		})
	}
}

// Every option that a flag can get wrong names its flag.
func TestEmitRadvd_advertFlagOf(t *testing.T) {
	help := newFake(t)
	help.do("help", "emit", "radvd")
	for option, name := range advertFlagOf {
		if !strings.Contains(help.stdout.String(), " --"+name+" ") {
			t.Errorf("option %s comes from --%s, which is no flag", option, name)
		}
	}
	var domains []string
	for i := range 40 {
		domains = append(domains, strings.Repeat("a", 50)+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	for _, args := range [][]string{{"--ra_min_interval", "1"}, {"--ra_max_interval", "1"}, {"--ra_lifetime", "1"},
		{"--ra_lifetime", "0", "--ra_preference", "low"}, {"--valid_lifetime", "1"},
		{"--dns_search", strings.Join(domains[:23], " --dns_search ")}, {"--dns_search", strings.Join(domains, " --dns_search ")}} {
		f := newFake(t)
		line := append([]string{"emit", "radvd"}, strings.Fields(strings.Join(args, " "))...)
		if code := f.do(line...); code != exitUsage || !strings.HasPrefix(f.stderr.String(), "nova-manage: error: --") ||
			strings.HasPrefix(f.stderr.String(), "nova-manage: error: --:") {
			t.Errorf("%.60q: exit %d, %s", args, code, f.stderr.String())
		}
	}
}
