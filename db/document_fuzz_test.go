package db

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzImportDocument: nothing in a document makes the importer panic, and what it imports is a ledger without a fault, whose
// document the validator passes and which is imported again to the same bytes.
func FuzzImportDocument(f *testing.F) {
	source := openTest(f, filepath.Join(f.TempDir(), "nova.sqlite"), Create)
	f.Add(exportWith(f, source, true))
	create(f, source, vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48"))
	create(f, source, flat("10.1.0.0/16", 30, 2).with(func(n *NewNetworks) { n.Bridge = "flat" }))
	if _, err := source.CreateInstances(f.Context(), NewInstances{Names: []string{"a"}, ProjectID: "apollo"}); err != nil {
		f.Fatal(err)
	}
	if _, err := source.CreateFloatingRange(f.Context(), FloatingRange{CIDR: prefix("198.51.100.0/30"), Pool: "p", Host: "h"}); err != nil {
		f.Fatal(err)
	}
	f.Add(export(f, source))
	f.Add(exportWith(f, source, true))
	valid := validator(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Open(t.Context(), Options{URL: filepath.Join(t.TempDir(), "one"), Mode: Create})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil); err != nil {
			return
		}
		wantClean(t, s)
		history := strings.Contains(text, `"history"`)
		once := exportWith(t, s, history)
		if err := valid(once); err != nil {
			t.Errorf("the validator refuses what was exported: %v", err)
		}
		again, err := Open(t.Context(), Options{URL: filepath.Join(t.TempDir(), "two"), Mode: Create})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if _, err := again.ImportDocument(t.Context(), strings.NewReader(once), "FILE", nil); err != nil {
			t.Fatalf("what was exported is not imported: %v\n%s", err, once)
		}
		if twice := exportWith(t, again, history); twice != once {
			t.Errorf("exported again it is\n%s\nnot\n%s", twice, once)
		}
	})
}
