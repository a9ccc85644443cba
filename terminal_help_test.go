package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Help that is higher than the terminal goes through the pager of whoever asks, and is printed where that cannot be.
func TestTerminal_pager(t *testing.T) {
	l := newLedger(t, "sqlite")
	help := []string{"help", "network", "create"}
	plain := l.must(t, help...)
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "my pager")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	numbered := script(`echo "args $*, LESS $LESS"; cat`)
	notOurs := script(`exit 3`)
	if err := os.Chmod(notOurs, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		lines       uint16
		environment []string
		want        string
	}{
		"arguments":          {24, []string{"TERM=xterm", "PAGER='" + numbered + "' -a 'b c'"}, "args -a b c, LESS FRX\n" + plain},
		"own options":        {24, []string{"TERM=xterm", "PAGER=A=1 '" + numbered + "' | tail -n +2", "LESS=S"}, plain},
		"whole terminal":     {500, []string{"TERM=xterm", "PAGER='" + numbered + "'"}, plain},
		"missing":            {24, []string{"TERM=xterm", "PAGER=/nonexistent/pager -x"}, plain},
		"not executable":     {24, []string{"TERM=xterm", "PAGER='" + notOurs + "'"}, plain},
		"none":               {24, []string{"TERM=xterm", "PAGER="}, plain},
		"cat":                {24, []string{"TERM=xterm", "PAGER=cat"}, plain},
		"dumb":               {24, []string{"TERM=dumb", "PAGER='" + numbered + "'"}, plain},
		"no TERM":            {24, []string{"PAGER='" + numbered + "'"}, plain},
		"leaves at once":     {24, []string{"TERM=xterm", "PAGER=true"}, ""},
		"fails":              {24, []string{"TERM=xterm", "PAGER=head -n 1; exit 5"}, plain[:strings.Index(plain, "\n")+1]},
		"killed by a signal": {24, []string{"TERM=xterm", "PAGER=kill -9 $$"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			shown, said := l.onTerminalWith(t, c.environment, 80, c.lines, help...)
			if shown != c.want || said != "" {
				t.Errorf("got\n%s%s", shown, said)
			}
		})
	}
	// What is no terminal has no pager, whatever PAGER says.
	cmd := l.command(help...)
	cmd.Env = append(cmd.Env, "TERM=xterm", "PAGER='"+numbered+"'")
	if out, err := cmd.Output(); err != nil || string(out) != plain {
		t.Errorf("to a pipe: %v\n%s", err, out)
	}
}
