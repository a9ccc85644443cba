package radvdgen

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"testing"

	"nova-manage/internal/configtest"
)

// radvdCheck runs radvd's own parser on text and returns its complaint, or nil.
func radvdCheck(t *testing.T, text string) error {
	t.Helper()
	out, err := exec.Command(configtest.Tool(t, "radvd"), "-c", "-C", configtest.WriteTemp(t, text)).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// unchecked is the file of c without validation: what the validation protects from.
func unchecked(c Config) string {
	var b []byte
	for n := range c.Interfaces {
		b = c.Interfaces[n].append(b)
	}
	return string(b)
}

func secs(n uint32) *Seconds { return new(Seconds(n)) }

func prefixes(texts ...string) []Prefix {
	var ps []Prefix
	for _, text := range texts {
		ps = append(ps, Prefix{Prefix: netip.MustParsePrefix(text)})
	}
	return ps
}

func addrs(texts ...string) []netip.Addr {
	var as []netip.Addr
	for _, text := range texts {
		as = append(as, netip.MustParseAddr(text))
	}
	return as
}
