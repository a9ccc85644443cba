package radvdgen

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// without skips a test that needs what this machine lacks, and fails it where a node is required.
func without(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// tool is the path of a program of the node.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		without(t, name+" is not in PATH")
	}
	return path
}

// radvdCheck runs radvd's own parser on text and returns its complaint, or nil.
func radvdCheck(t *testing.T, text string) error {
	t.Helper()
	out, err := exec.Command(tool(t, "radvd"), "-c", "-C", writeTemp(t, text)).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func writeTemp(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unchecked is the file of c without validation: what the validation protects from.
func unchecked(c Config) string {
	var b []byte
	for n := range c.Interfaces {
		b = c.Interfaces[n].append(b)
	}
	return string(b)
}

// wantBound checks that err is an OptionError with the message want, or nil where want is empty.
func wantBound(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var option *OptionError
	if !errors.As(err, &option) {
		t.Fatalf("error is %v, want an OptionError: %s", err, want)
	}
	if err.Error() != want {
		t.Errorf("error is\n\t%s\nwant\n\t%s", err, want)
	}
	if option.Option == "" || !strings.HasPrefix(option.Bound, "must ") {
		t.Errorf("incomplete: %#v", option)
	}
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
