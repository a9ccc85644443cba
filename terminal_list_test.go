package main

import (
	"strings"
	"testing"
)

// A list of networks fits 80 columns whatever their projects are called, and a list of addresses has its states in colours.
func TestTerminal_list(t *testing.T) {
	l := newLedger(t, "sqlite")
	const project = "0123456789abcdef0123456789abcdef"
	l.must(t, "network", "create", "10.128.0.0/16", "3", "256", "100", "1000", "fd00:1234:5678::/48", "--project_id", "apollo", "--host", "node-1")
	shown, said := l.onTerminal(t, 80, 24, "network", "list")
	const header = "id  cidr           cidr_v6                vlan  bridge  project_id  host\n"
	if !strings.HasPrefix(shown, header) || strings.Count(shown, "\n") != 4 ||
		said != "nova-manage: 80 columns have no room for gateway, vpn_public_port; -c NAME prints one, --long all of them\n" {
		t.Errorf("got\n%s%s", shown, said)
	}
	if shown, said = l.onTerminal(t, 200, 24, "network", "list"); !strings.Contains(shown, "vpn_public_port") || said != "" {
		t.Errorf("got\n%s%s", shown, said)
	}
	if shown = l.must(t, "network", "list"); !strings.Contains(shown, "vpn_public_port") {
		t.Errorf("got\n%s", shown)
	}
	l.must(t, "network", "modify", "1", "--project_id", project)
	if shown, _ = l.onTerminal(t, 80, 24, "network", "list"); !strings.HasPrefix(shown, "id  cidr ") || !strings.Contains(shown, project) {
		t.Errorf("got\n%s", shown)
	}

	l.must(t, "fixed", "reserve", "10.128.0.9")
	shown, _ = l.onTerminalWith(t, []string{"TERM=xterm"}, 160, 24, "fixed", "list")
	if !strings.HasSuffix(shown, "  \x1b[35mreserved\x1b[m\n") {
		t.Errorf("got %q", shown)
	}
	for _, plain := range []string{"NO_COLOR=1", "TERM=dumb", "NOVA_COLOR=never"} {
		if shown, _ = l.onTerminalWith(t, []string{plain}, 160, 24, "fixed", "list"); !strings.HasSuffix(shown, "  reserved\n") {
			t.Errorf("%s: got %q", plain, shown)
		}
	}
}
