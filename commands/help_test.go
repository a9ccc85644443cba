package commands

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// No page of help is wider than the terminal, whatever the command. It lists what is an argument and a flag once, and does not
// repeat the flags that every command has.
func TestHelp(t *testing.T) {
	f := newFake(t)
	pages := []string{"", "flags"}
	for _, words := range typed(catalogue()) {
		pages = append(pages, strings.Join(words, " "))
	}
	for _, columns := range []int{0, 80, 60, 100} {
		f.sys.TerminalWidth = func() int { return columns }
		most := columns
		if most == 0 {
			most = 80
		}
		for _, page := range pages {
			if code := f.do(append([]string{"help"}, strings.Fields(page)...)...); code != exitOK || f.stderr.Len() > 0 {
				t.Fatalf("help %s: %s", page, f.stderr.String())
			}
			text := f.stdout.String()
			for line := range strings.SplitSeq(text, "\n") {
				if w := utf8.RuneCountInString(line); w > most {
					t.Errorf("help %s on %d columns has a line of %d: %s", page, columns, w, line)
				}
			}
			const globals = "\nGlobal flags: `nova-manage help flags` lists them.\n"
			if page != "flags" && (!strings.HasSuffix(text, globals) || strings.Contains(text, "--sql_connection URL ")) {
				t.Errorf("help %s:\n%s", page, text)
			}
			if strings.Count(text, "the IPv4 block to carve") > 1 {
				t.Errorf("help %s lists fixed_range twice", page)
			}
		}
	}
}

// A default that help describes is no value: $my_ip is the address itself, also for a command that has no such flag.
func TestFlagfile_myIP(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_STATE_PATH"] = t.TempDir()
	f.environment["NOVA_FLAGFILE"] = writeFile(t, t.TempDir(), "nova.conf", "--vpn_ip=$my_ip\n--metadata=$my_ip:8775\n--label=$gateway\n")
	if code := f.do("network", "create", "10.0.0.0/24", "1", "16", "-f", "value", "-c", "vpn_public_address", "-c", "label"); code != exitOK ||
		f.stdout.String() != "192.0.2.1\t$gateway\n" {
		t.Errorf("exit %d, %s%s", code, f.stdout.String(), f.stderr.String())
	}
	if code := f.do("emit", "nftables"); code != exitOK || !strings.Contains(f.stdout.String(), "192.0.2.1:8775") {
		t.Errorf("exit %d, %s%s", code, f.stdout.String(), f.stderr.String())
	}
}
