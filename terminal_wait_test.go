package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Who waits for another writer is told on a terminal whom for, once and after a second; a script is not.
func TestTerminal_wait(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "db", "sync")
	create := []string{"project", "create", "apollo"}
	wait := func(terminal bool, held time.Duration, more ...string) string {
		holder := connect(t, l.path, "BEGIN IMMEDIATE")
		let := time.AfterFunc(held, func() { _, _ = holder.ExecContext(context.Background(), "ROLLBACK") })
		cmd := l.command(append(append([]string{}, create...), more...)...)
		screen, tty := newTerminal(t, 80, 24)
		cmd.Stderr = tty
		var file *os.File
		if !terminal {
			var err error
			if file, err = os.CreateTemp(t.TempDir(), "stderr"); err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			cmd.Stderr = file
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		said := make([]byte, 1) // what is said ends the wait, however long the program takes to start
		n, _ := screen.Read(said)
		if n > 0 {
			let.Reset(0)
		}
		rest, _ := io.ReadAll(screen)
		said = append(said[:n], rest...)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		l.must(t, "project", "delete", "apollo")
		if file != nil {
			said, _ = os.ReadFile(file.Name())
		}
		return strings.ReplaceAll(string(said), "\r\n", "\n")
	}
	want := regexp.MustCompile(fmt.Sprintf(`^nova-manage: waiting for process %d \(.+\) to let go of the ledger, for up to 30s; --lock_timeout says how long\n$`, os.Getpid()))
	if said := wait(true, 20*time.Second); !want.MatchString(said) {
		t.Errorf("on a terminal: %q", said)
	}
	for name, said := range map[string]string{
		"a short wait": wait(true, 300*time.Millisecond),
		"no terminal":  wait(false, 1500*time.Millisecond),
		"--quiet":      wait(true, 1500*time.Millisecond, "-q"),
	} {
		if said != "" {
			t.Errorf("%s: %q", name, said)
		}
	}
	l.clean(t)
}
