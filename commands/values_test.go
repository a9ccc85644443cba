package commands

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

// Each kind of value says what is wrong with a text, in words that read on after the flag's name and the value.
func TestValues(t *testing.T) {
	var (
		prefix netip.Prefix
		addr   netip.Addr
		name   string
		bytes  int
		mac    netcalc.MAC
	)
	mtu := cli.Typed(&bytes, "mtu", parseMTU, "").TakesEmpty()
	for _, tt := range []struct {
		flag       *cli.Flag
		text, want string
	}{
		{range4(&prefix, "r", ""), "10/8", ""},
		{range4(&prefix, "r", ""), "127.0.0.0/8", "is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it"},
		{range4(&prefix, "r", ""), "127/8", "is refused: 127.0.0.0/8 is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it"},
		{range4(&prefix, "r", ""), strings.Repeat("7", 100), "is not an address range: octet \"" + strings.Repeat("7", 80) + "\"... is over 255"},
		{range6(&prefix, "r", ""), "fd00::/64", ""},
		{range6(&prefix, "r", ""), "fd00::/65", "is longer than /64: every network needs a whole /64 (RFC 4291 §2.5.1)"},
		{ownAddress(&addr, "a", ""), "127.0.0.1", ""},
		{ownAddress(&addr, "a", ""), "fd00::1", ""},
		{ownAddress(&addr, "a", ""), "0.0.0.0", "is an address that no host has"},
		{ownAddress(&addr, "a", ""), "ff02::1", "is an address that no host has"},
		{ownAddress(&addr, "a", ""), "255.255.255.255", "is an address that no host has"},
		{networkInterface(&name, "i", ""), "br0", ""},
		{networkInterface(&name, "i", ""), "100", "must not be a number to radvd"},
		{networkInterface(&name, "i", ""), "br0;", "must not contain ';'"},
		{networkInterface(&name, "i", ""), strings.Repeat("b", 100), "must have at most 15 bytes"},
		{guestMAC(&mac, "m", ""), "0216.3e33.4455", ""},
		{guestMAC(&mac, "m", ""), "0116.3e33.4455", "is a multicast address: a unicast address is expected"},
		{mtu, "", ""},
		{mtu, "1280", ""},
		{mtu, "0", "is out of range (1280 to 65535)"},
	} {
		f := newFake(t)
		c := &command{name: "take", run: func(context.Context, *session) error { return nil }}
		args := []string{"take", tt.text}
		if tt.text == "" {
			c.flags, args = []*cli.Flag{tt.flag}, []string{"take", "--mtu="}
		} else {
			c.args = []*cli.Arg{cli.Required(tt.flag)}
		}
		code := f.doOnly(c, args...)
		said, _, _ := strings.Cut(f.stderr.String(), "\n")
		_, reason, _ := strings.Cut(said, cli.Quote(tt.text)+" ")
		if reason != tt.want || (code == exitOK) != (tt.want == "") {
			t.Errorf("%q: exit %d, %s, want %q", tt.text, code, said, tt.want)
		}
	}
}

// A name that cannot be seen, or makes others look like something else, does not enter; one whose script wants joiners does.
func TestCheckNew_invisible(t *testing.T) {
	for name, want := range map[string]string{
		"\u200b": "holds U+200B, which cannot be seen", "\u202ertl": "holds U+202E, which cannot be seen",
		"a\ufeffb": "holds U+FEFF, which cannot be seen", "\u200d": "cannot be seen, so it could not be told from none",
		"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": "", "Küche": "",
	} {
		said := ""
		if err := checkNew(name); err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%q: %q, want %q", name, said, want)
		}
	}
}

// What separates is named as a character, however many bytes it has.
func TestCheckWord(t *testing.T) {
	for word, want := range map[string]string{
		"a b": `holds " ", which separates names`, "a/b": `holds "/", which separates names`, "a\u00a0b": `holds "\u00a0", which separates names`,
		"a\u3000b": `holds "\u3000", which separates names`, "Küche": "",
	} {
		said := ""
		if err := checkWord(word); err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%q: %q, want %q", word, said, want)
		}
	}
}
