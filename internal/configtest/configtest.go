// Package configtest is what the tests of all generators need: golden files, the daemons of a network node, a network
// namespace, and an oracle for interface names. It is for tests alone.
package configtest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/race"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

// Golden compares got with the file of that name in testdata.
func Golden(t testing.TB, name string, got []byte) {
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

// WantBound checks that err is an OptionError with the message want, or nil where want is empty.
func WantBound(t testing.TB, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var option *configfile.OptionError
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

// WriteTemp writes text into a file that is gone after the test, and returns its path.
func WriteTemp(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// without skips a test that needs what this machine lacks, and fails it where a node is required.
func without(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// Tool is the path of a program of the node. Where it is not installed the test skips, or fails with
// NOVA_MANAGE_REQUIRE_NODE=1.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		without(t, name+" is not in PATH")
	}
	return path
}

// Namespace is the name of a network namespace.
type Namespace string

// namespaces counts them, so that a test may have several.
var namespaces atomic.Int64

// NewNamespace creates a network namespace that is gone after the test. Where that is not possible it skips as Tool does.
func NewNamespace(t testing.TB) Namespace {
	t.Helper()
	return newNamespace(t, "")
}

// newNamespace creates one whose name ends in what it is for.
func newNamespace(t testing.TB, role string) Namespace {
	t.Helper()
	race.SkipDaemons(t)
	if os.Geteuid() != 0 {
		without(t, "a network namespace needs root")
	}
	Tool(t, "ip")
	Tool(t, "sysctl")
	// Packages are tested at the same time, each by a process of its own.
	ns := Namespace(fmt.Sprintf("configtest-%d-%d%s", os.Getpid(), namespaces.Add(1), role))
	if out, err := exec.Command("ip", "netns", "add", string(ns)).CombinedOutput(); err != nil {
		without(t, fmt.Sprintf("cannot create a network namespace: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "delete", string(ns)).CombinedOutput(); err != nil {
			t.Errorf("deleting namespace %s: %v: %s", ns, err, out)
		}
	})
	return ns
}

// Command is a program that is to run in the namespace.
func (ns Namespace) Command(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", string(ns)}, args...)...)
}

// Run runs a program in the namespace, which must succeed, and returns what it prints.
func (ns Namespace) Run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := ns.Command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
