package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newTerminal is a terminal of that size: what is written to tty can be read from screen.
func newTerminal(t *testing.T, columns, lines uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns})
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return screen, tty
}

// onTerminal runs a command whose standard output is a terminal, and returns what stands there and what it said besides.
func (l *ledger) onTerminal(t *testing.T, columns, lines uint16, args ...string) (shown, said string) {
	t.Helper()
	return l.onTerminalWith(t, nil, columns, lines, args...)
}

// onTerminalWith is onTerminal with more variables in the environment.
func (l *ledger) onTerminalWith(t *testing.T, environment []string, columns, lines uint16, args ...string) (shown, said string) {
	t.Helper()
	screen, tty := newTerminal(t, columns, lines)
	cmd := l.command(args...)
	cmd.Env = append(cmd.Env, environment...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = tty, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	// Once the last one who had the terminal open is gone, reading fails with EIO.
	all, _ := io.ReadAll(screen)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.ReplaceAll(string(all), "\r\n", "\n"), stderr.String()
}

// A create of more than the terminal has lines shows its ends there, and all of it to whatever is no reader.
func TestTerminal_create(t *testing.T) {
	l := newLedger(t, "sqlite")
	const all = "; `nova-manage network list` lists them all\n"
	rows := func(text string) int { return strings.Count(text, "\n") - 1 }
	flat := func(count string, more ...string) []string {
		return append([]string{"network", "create", "--network_manager", "FlatManager", "--next_free", "10.0.0.0/8", count, "16"}, more...)
	}
	shown, said := l.onTerminal(t, 200, 24, flat("25", "--dry_run")...)
	if rows(shown) != 2 || said != "nova-manage: the first and the last of 25 networks that would be created; a pipe or -f csv shows them all\n" {
		t.Errorf("dry run:\n%s%s", shown, said)
	}
	shown, said = l.onTerminal(t, 200, 24, flat("25")...)
	if lines := strings.Split(shown, "\n"); rows(shown) != 2 || !strings.HasPrefix(lines[1], "1   10.0.0.0/28 ") || !strings.HasPrefix(lines[2], "25  10.0.1.128/28 ") ||
		said != "nova-manage: the first and the last of 25 networks"+all {
		t.Errorf("25 networks:\n%s%s", shown, said)
	}
	if shown, said = l.onTerminal(t, 200, 24, flat("24")...); rows(shown) != 24 || said != "" {
		t.Errorf("24 networks:\n%s%s", shown, said)
	}
	if shown, said = l.onTerminal(t, 200, 24, flat("30", "-f", "value")...); rows(shown) != 29 || said != "" {
		t.Errorf("30 networks as values:\n%s%s", shown, said)
	}
	if shown, said = l.onTerminal(t, 200, 24, "network", "list"); rows(shown) != 79 || said != "" {
		t.Errorf("a list:\n%s%s", shown, said)
	}
	if shown = l.must(t, flat("30")...); rows(shown) != 30 {
		t.Errorf("to a pipe:\n%s", shown)
	}
	shown, said = l.onTerminal(t, 200, 10, "instance", "create", "web", "--project_id", "apollo", "--count", "11")
	if rows(shown) != 2 || said != "nova-manage: the first and the last of 11 instances; `nova-manage instance list` lists them all\n" {
		t.Errorf("11 instances:\n%s%s", shown, said)
	}
}
