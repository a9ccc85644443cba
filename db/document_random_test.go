package db

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// Documents that are changed at random: the importer never panics and never half imports, and what it takes is a ledger without a
// fault, whose document the validator passes and which is imported again to the same bytes. It is no fuzz target: with all of the
// engine instrumented Go's fuzzer tries one document in eight seconds. What reads the text has one, in package document.
func TestStore_ImportDocument_random(t *testing.T) {
	race.SkipAlone(t)
	source := openTest(t, engines["sqlite"](t), Create)
	create(t, source, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48"))
	create(t, source, flat("10.1.0.0/16", 30, 2).with(func(n *NewNetworks) { n.Bridge = "flat" }))
	if _, err := source.CreateInstances(t.Context(), NewInstances{Names: []string{"a", "b"}, ProjectID: "apollo"}); err != nil {
		t.Fatal(err)
	}
	if err := source.DeleteInstances(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := source.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix("198.51.100.0/30"), Pool: "p", Host: "h"}); err != nil {
		t.Fatal(err)
	}
	texts := []string{export(t, source), exportWith(t, source, true)}
	valid := validator(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "one")
	s := openUnmade(t, path)
	taken := 0
	const attempts = 300
	for range attempts {
		text := changedAtRandom(random, texts[random.IntN(len(texts))])
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil); err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000 {
				t.Errorf("an error that is no line: %q", err)
			}
			continue
		}
		taken++
		wantClean(t, s)
		history := strings.Contains(text, `"history"`)
		once := exportWith(t, s, history)
		if err := valid(once); err != nil {
			t.Errorf("the validator refuses what was exported: %v", err)
		}
		again := openUnmade(t, filepath.Join(t.TempDir(), "two"))
		if _, err := again.ImportDocument(t.Context(), strings.NewReader(once), "FILE", nil); err != nil {
			t.Fatalf("what was exported is not imported: %v\n%s", err, once)
		}
		if twice := exportWith(t, again, history); twice != once {
			t.Errorf("exported again it is\n%s\nnot\n%s", twice, once)
		}
		again.Close()
		s.Close()
		s = openUnmade(t, filepath.Join(t.TempDir(), "one"))
	}
	t.Logf("%d of %d were imported", taken, attempts)
	if taken == 0 || taken == attempts {
		t.Error("either all or none were imported: nothing was tried")
	}
}

func openUnmade(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: path, Mode: Create})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// changedAtRandom is a text with something of it gone, twice there, moved, or another.
func changedAtRandom(random *rand.Rand, text string) string {
	words := []string{"null", "0", "1", "-1", "4094", "9223372036854775807", `""`, `"x"`, `"10.0.1.0/27"`, `"fd00::/64"`, `"apollo"`, "[]", "{}", `"\u0000"`, "1e3"}
	for range 1 + random.IntN(2) {
		lines := strings.SplitAfter(text, "\n")
		at := random.IntN(len(lines))
		switch random.IntN(6) {
		case 0: // a line is gone
			lines = slices.Delete(lines, at, at+1)
		case 1: // it is there twice
			lines = slices.Insert(lines, at, lines[at])
		case 2: // two change places
			other := random.IntN(len(lines))
			lines[at], lines[other] = lines[other], lines[at]
		case 3: // a byte is another
			if b := []byte(lines[at]); len(b) > 0 {
				b[random.IntN(len(b))] = byte(random.IntN(256))
				lines[at] = string(b)
			}
		default: // a value is another
			fields := strings.Split(lines[at], ": ")
			if len(fields) < 2 {
				continue
			}
			i := 1 + random.IntN(len(fields)-1)
			if comma := strings.IndexAny(fields[i], ",}"); comma >= 0 {
				fields[i] = words[random.IntN(len(words))] + fields[i][comma:]
			}
			lines[at] = strings.Join(fields, ": ")
		}
		text = strings.Join(lines, "")
	}
	return text
}
