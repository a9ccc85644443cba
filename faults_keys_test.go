package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// TestFaults_killKeys does for the file of keys what TestFaults_kill does for the ledger: a key that was printed is there, and what was
// killed on its way is swept away by the next one.
func TestFaults_killKeys(t *testing.T) {
	race.SkipProcesses(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "keys")
	killLoop(t, newLedger(t, "sqlite"), writeLoop{
		prepare: [][]string{{"project", "create", "apollo"}},
		command: func(name string) []string {
			return []string{"api", "key", "create", name, "--project_id", "apollo", "--credentials", file, "-f", "value", "-c", "aws_access_key_id"}
		},
		rows: 1,
		made: func(t *testing.T, l *ledger) map[string][]string {
			byName := map[string][]string{}
			for line := range strings.Lines(l.must(t, "api", "key", "list", "--credentials", file, "-f", "value", "-c", "name,aws_access_key_id")) {
				name, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				byName[name] = append(byName[name], id)
			}
			return byName
		},
	}, 60)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("it is %v, %v", info, err)
	}
}
