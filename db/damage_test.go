package db

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/race"
)

const pageSize = 4096 // SQLite's default

// healthy is the file of a ledger with something in every page, and what Networks yields of it.
func healthy(t *testing.T) (data []byte, networks []Network) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	s := openTest(t, path, Create)
	create(t, s, vlans("10.0.0.0/8", 28, 60).v6("fd00:1::/48"))
	create(t, s, flat("11.0.0.0/8", 28, 60).with(onBridge))
	names := strings.Fields(strings.Repeat("x ", 40))
	for i := range names {
		names[i] += strconv.Itoa(i)
	}
	if _, err := s.CreateInstances(t.Context(), NewInstances{Names: names, ProjectID: "apollo"}); err != nil {
		t.Fatal(err)
	}
	networks = allNetworks(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data, networks
}

// onBridge is a bridge that no VLAN has.
func onBridge(n *NewNetworks) { n.Bridge = "br0" }

// examine checks a damaged ledger, reads it and writes to it. It returns what Check found and the networks that are
// left, and fails the test where an error says too little or too much.
func examine(t *testing.T, path string) (found []Finding, left []Network) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := func(mode Mode, do func(*Store) error) error {
		s, err := Open(ctx, Options{URL: path, Mode: mode, Clock: func() time.Time { return testTime }})
		if err != nil {
			return err
		}
		err = do(s)
		return errors.Join(err, s.Close())
	}
	err := look(Read, func(s *Store) error { return s.Check(ctx, func(f Finding) { found = append(found, f) }) })
	if f, ok := Damage(err); ok {
		found = append(found, f)
	} else if err != nil && !errors.Is(err, ErrNoLedger) && !strings.Contains(err.Error(), "this nova-manage knows only up to") {
		t.Errorf("Check: %v", err)
	}
	listed := look(Read, func(s *Store) error {
		for n, err := range s.Networks(ctx, NetworkFilter{}) {
			if err != nil {
				return err
			}
			left = append(left, n)
		}
		return nil
	})
	if listed != nil && err == nil && found == nil {
		t.Errorf("Check found nothing, and Networks: %v", listed)
	}
	made := look(Write, func(s *Store) error {
		_, err := s.CreateNetworks(ctx, flat("12.0.0.0/8", 28, 3).with(onBridge).with(nextFree))
		return err
	})
	if made != nil && err == nil && found == nil {
		t.Errorf("Check found nothing, and CreateNetworks: %v", made)
	}
	for _, err := range []error{listed, made} {
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("several lines: %v", err)
		}
	}
	return found, left
}

// damaged writes a ledger's file.
func damaged(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stride is the distance of the pages that a test damages: under the race detector, which has nothing to find here, a few
// are enough.
func stride() int {
	if race.Enabled {
		return 10
	}
	return 1
}

// A file that ends too early, or lacks a page, is found to be damaged wherever that is.
func TestCheck_torn(t *testing.T) {
	data, _ := healthy(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	stride := stride()
	for page := random.IntN(stride); page < len(data)/pageSize; page += stride {
		cut := page*pageSize + random.IntN(pageSize)
		if cut > 0 {
			if found, _ := examine(t, damaged(t, data[:cut])); len(found) == 0 {
				t.Errorf("cut at %d of %d: nothing found", cut, len(data))
			}
		}
		zeroed := append([]byte(nil), data...)
		clear(zeroed[page*pageSize : (page+1)*pageSize])
		if found, _ := examine(t, damaged(t, zeroed)); len(found) == 0 {
			t.Errorf("page %d is all zeros: nothing found", page+1)
		}
	}
}

// A flipped bit is found where it breaks a page or changes what follows from something else. SQLite keeps no checksums:
// in free space or in free text, nobody can tell it.
func TestCheck_flipped(t *testing.T) {
	race.SkipAlone(t)
	data, networks := healthy(t)
	const perPage = 2
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	unnoticed, stride := 0, stride()
	for page := random.IntN(stride); page < len(data)/pageSize; page += stride {
		for range perPage {
			at, bit := page*pageSize+random.IntN(pageSize), byte(1)<<random.IntN(8)
			flipped := append([]byte(nil), data...)
			flipped[at] ^= bit
			found, left := examine(t, damaged(t, flipped))
			if len(found) > 0 {
				continue
			}
			unnoticed++
			if what := contradiction(networks, left); what != "" {
				t.Errorf("bit %#x of byte %d: nothing found, and %s", bit, at, what)
			}
			if t.Failed() {
				t.Fatalf("seed %d: byte %d, bit %#x", seed, at, bit)
			}
		}
	}
	t.Logf("%d unnoticed", unnoticed)
}

// contradiction says which derived value of a network is not what it was; "" if none.
func contradiction(before, after []Network) string {
	if len(after) == 0 {
		return "" // refused as a whole
	}
	if len(before) != len(after) {
		return "networks are missing"
	}
	for i, n := range before {
		m := after[i]
		derived := func(n Network) [10]any {
			return [10]any{n.ID, n.CIDR, n.CIDRv6, n.Netmask, n.Gateway, n.Broadcast, n.DHCPStart, n.VPNPrivateAddress, n.VLAN, n.Bridge}
		}
		if n.Gateway != m.Gateway && m.CIDR.Contains(m.Gateway) {
			m.Gateway = n.Gateway // any address of the network could have been asked for
		}
		if derived(n) != derived(m) {
			return n.Name() + " became " + m.Name()
		}
	}
	return ""
}

// A trigger or a constraint that is gone protects nothing any more, and SQLite's own check does not miss it.
func TestCheck_schema(t *testing.T) {
	for want, change := range map[string]string{
		"the trigger claims_insert is missing":                                  "DROP TRIGGER claims_insert",
		"the index networks_bridge is missing":                                  "DROP INDEX networks_bridge",
		"the trigger claims_update is not what this version of the schema says": "DROP TRIGGER claims_update; CREATE TRIGGER claims_update BEFORE UPDATE ON claims BEGIN SELECT 1; END",
		"": "CREATE INDEX somebody_elses ON networks (host); CREATE TABLE notes (note TEXT)",
	} {
		path := filepath.Join(t.TempDir(), "nova.sqlite")
		if err := openTest(t, path, Create).Close(); err != nil {
			t.Fatal(err)
		}
		behind, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = behind.ExecContext(t.Context(), change)
		if err := errors.Join(err, behind.Close()); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range findings(t, openTest(t, path, Read)) {
			got += f.Problem
		}
		if got != want {
			t.Errorf("%s: found %q, want %q", change, got, want)
		}
	}
}

// What is stored and cannot be read is damage, also where SQLite sees none.
func TestStore_unreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nova.sqlite")
	s := openTest(t, path, Create)
	create(t, s, vlans("10.0.0.0/8", 28, 1))
	breakBy(t, s, "UPDATE networks SET dns1 = '192.0.2', created_at = 'today'")
	for _, err := range s.Networks(t.Context(), NetworkFilter{}) {
		wantError(t, err, ErrCorrupt, `network 1: dns1: "192.0.2" is no value of its column: ParseAddr("192.0.2"): IPv4 address too short`)
	}
	if found := findings(t, s); len(found) != 2 || found[1].Check != "history" {
		t.Errorf("found %v", found)
	}
}
