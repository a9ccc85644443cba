package db

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // by which tests go behind the ledger's back

	"nova-manage/internal/pgtest"
)

// ledgerURL makes a place for an empty ledger on one engine.
type ledgerURL func(t *testing.T) string

// engines are what the conformance suite runs on.
var engines = map[string]ledgerURL{
	"sqlite":     func(t *testing.T) string { return "sqlite:///" + filepath.Join(t.TempDir(), "nova.sqlite") },
	"postgresql": func(t *testing.T) string { return pgtest.URL(t) },
}

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

var testTime = time.Date(2011, 2, 3, 4, 5, 6, 0, time.UTC)

// eachEngine runs a test of the conformance suite on a new ledger of each engine.
func eachEngine(t *testing.T, test func(t *testing.T, s *Store)) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			test(t, s)
			wantClean(t, s)
		})
	}
}

// openTest opens a ledger. With Create there is one then, as if something had been changed in it.
func openTest(t testing.TB, url string, mode Mode) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Mode: mode, Clock: func() time.Time { return testTime }})
	if err == nil && mode == Create {
		err = s.mutate(t.Context(), func(context.Context, *tx) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	urls.Store(s, url)
	t.Cleanup(func() { s.Close(); urls.Delete(s) })
	return s
}

// urls are those of the stores that openTest opened.
var urls sync.Map

func urlOf(s *Store) string {
	url, _ := urls.Load(s)
	return url.(string)
}

// behind changes a ledger behind its back, with the constraints of its schema in force, and returns the driver's error.
func behind(t testing.TB, s *Store, statement string, args ...any) error {
	t.Helper()
	driver, url := "pgx", urlOf(s)
	if !strings.HasPrefix(url, "postgresql:") {
		driver = "sqlite"
		url = "file:" + strings.TrimPrefix(url, "sqlite:///") + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Claims and addresses are inserted in serializable transactions only.
	x, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.ExecContext(t.Context(), statement, args...); err != nil {
		return errors.Join(err, x.Rollback())
	}
	return x.Commit()
}

// breakBy changes a ledger behind its back, which must work.
func breakBy(t testing.TB, s *Store, statement string, args ...any) {
	t.Helper()
	if err := behind(t, s, statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// findings runs Check.
func findings(t testing.TB, s *Store) (all []Finding) {
	t.Helper()
	if err := s.Check(t.Context(), func(f Finding) { all = append(all, f) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func wantClean(t testing.TB, s *Store) {
	t.Helper()
	for _, f := range findings(t, s) {
		t.Errorf("db check: %s: %s", f.Check, f.Problem)
	}
}

func allNetworks(t testing.TB, s *Store) (all []Network) {
	t.Helper()
	for n, err := range s.Networks(context.Background(), NetworkFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

// vlans is a request of VlanManager that names Nova's first VLAN and port.
func vlans(r string, bits, count int) NewNetworks {
	return NewNetworks{Manager: VlanManager, Count: count, Range: prefix(r), Bits: bits, VLANStart: 100, VPNStart: 1000,
		VLANStartAsked: true, VPNStartAsked: true, VPNAddress: addr("192.0.2.1"), Default: Network{BridgeInterface: "eth0"}}
}

func flat(r string, bits, count int) NewNetworks {
	return NewNetworks{Manager: FlatDHCPManager, Count: count, Range: prefix(r), Bits: bits, Bridge: "br100",
		Default: Network{DNS1: addr("8.8.4.4")}}
}

func (n NewNetworks) v6(r string) NewNetworks {
	n.RangeV6, n.RangeV6Asked = prefix(r), true
	return n
}

// with returns a changed copy.
func (n NewNetworks) with(change func(*NewNetworks)) NewNetworks {
	change(&n)
	return n
}

// byDefault makes a request one that names no VLAN, port or IPv6 block, but asks for IPv6.
func byDefault(n *NewNetworks) {
	n.VLANStartAsked, n.VPNStartAsked, n.RangeV6, n.RangeV6Asked = false, false, prefix("fd00::/48"), false
}

func nextFree(n *NewNetworks)    { n.NextFree = true }
func ifNotExists(n *NewNetworks) { n.IfNotExists = true }

func create(t testing.TB, s *Store, n NewNetworks) []Network {
	t.Helper()
	made, err := s.CreateNetworks(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// wantError wants an error of a class with this sentence.
func wantError(t testing.TB, err, kind error, sentence string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", sentence)
	}
	if err.Error() != sentence {
		t.Errorf("error\n got %s\nwant %s", err, sentence)
	}
	if kind != nil && !isKind(err, kind) {
		t.Errorf("error %q is no %q", err, kind)
	}
}

func cidrs(networks []Network) (all []string) {
	for _, n := range networks {
		if n.CIDR.IsValid() {
			all = append(all, n.CIDR.String())
		} else {
			all = append(all, n.CIDRv6.String())
		}
	}
	return all
}

func wantCIDRs(t testing.TB, networks []Network, want ...string) {
	t.Helper()
	if got := cidrs(networks); !slices.Equal(got, want) {
		t.Errorf("networks %v, want %v", got, want)
	}
}

// addRules is AddRules without its answer.
func addRules(ctx context.Context, s *Store, project, name string, rules []Rule) error {
	_, err := s.AddRules(ctx, project, name, rules)
	return err
}
