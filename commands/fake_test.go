package commands

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/cli"
)

// fake is the command line in a world without files, terminal or time.
type fake struct {
	sys            *cli.Sys
	environment    map[string]string
	stdout, stderr bytes.Buffer
	// interrupt is what a signal does to the command that runs.
	interrupt context.CancelCauseFunc
}

func newFake(t *testing.T) *fake {
	f := &fake{environment: map[string]string{}}
	f.sys = &cli.Sys{
		StdinIsTerminal:  func() bool { return false },
		StderrIsTerminal: func() bool { return false },
		Stdin:            strings.NewReader(""),
		Stdout:           &f.stdout,
		Stderr:           &f.stderr,
		LookupEnv:        func(name string) (string, bool) { v, ok := f.environment[name]; return v, ok },
		Environ: func() (all []string) {
			for name, value := range f.environment {
				all = append(all, name+"="+value)
			}
			return all
		},
		Now:            func() time.Time { return time.Date(2011, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600)) },
		Getuid:         func() int { return 1000 },
		User:           func() string { return "alice" },
		Home:           func() (string, error) { return "/home/op", nil },
		Hostname:       func() (string, error) { return "node", nil },
		IPv6Routes:     func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil },
		MyIP:           func() netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		TerminalWidth:  func() int { return 0 },
		TerminalHeight: func() int { return 0 },
		Context: func() (context.Context, context.CancelFunc) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			f.interrupt = interrupt
			return ctx, func() { interrupt(nil) }
		},
		BuildInfo: cli.System().BuildInfo,
	}
	return f
}

// do runs a command line of ours and returns its exit code.
func (f *fake) do(args ...string) int { return f.run(newProgram(f.sys, catalogue()), args...) }

// doOnly is do where there is no other command than c.
func (f *fake) doOnly(c *command, args ...string) int {
	return f.run(newProgram(f.sys, []*command{c}), args...)
}

func (f *fake) run(p *cli.Program, args ...string) int {
	f.stdout.Reset()
	f.stderr.Reset()
	return p.Run(append([]string{"nova-manage"}, args...), f.sys)
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
