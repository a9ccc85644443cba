package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

// TestContrib has systemd read the units, of which it says what it does not know or cannot find.
func TestContrib(t *testing.T) {
	systemd := configtest.Tool(t, "systemd-analyze")
	found, err := filepath.Glob("contrib/*.*")
	if err != nil || len(found) != 8 {
		t.Fatalf("the units are %v: %v", found, err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "nova-manage")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var units []string
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(dir, filepath.Base(name))
		installed := strings.NewReplacer("/usr/local/bin/nova-manage", program, "/usr/local/lib/nova-manage/backup", program, "/usr/sbin/radvd", program)
		if err := os.WriteFile(unit, []byte(installed.Replace(string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
		units = append(units, unit)
	}
	out, err := exec.Command(systemd, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "nova-") {
		t.Errorf("%v: %s", err, out)
	}
}
