package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fakeOptions are the options of a command that has one flag of each kind.
type fakeOptions struct {
	Range string
	Count int
	Size  int
	IPv6  bool
	Tags  []string
	Host  string
	Path  string
	Names []string
	Late  string

	ipv6From, rangeFrom Origin
}

type fakeRow struct {
	ID    int
	Label string
	Up    *bool
	Tags  []string
	Made  time.Time
}

var fakeColumns = []Column[fakeRow]{
	{Name: "id", Value: func(r fakeRow) any { return r.ID }},
	{Name: "label", Value: func(r fakeRow) any { return OrNull(r.Label) }},
	{Name: "up", Value: func(r fakeRow) any { return r.Up }},
	{Name: "tags", Value: func(r fakeRow) any { return r.Tags }, Long: true},
	{Name: "made", Value: func(r fakeRow) any { return r.Made }, Long: true},
}

// fake is a command line with a category "thing" and a command "poke", in a world without files, terminal or time.
type fake struct {
	sys            *Sys
	environment    map[string]string
	stdout, stderr bytes.Buffer
	terminal       int // its columns
	lines          int

	options   fakeOptions
	statePath string
	found     string
	// run is what `thing make` does, besides leaving its options here.
	run  func(context.Context, *Env) error
	rows iter.Seq2[fakeRow, error]
	ran  bool
}

func newFake(t *testing.T) *fake {
	f := &fake{environment: map[string]string{}}
	f.sys = &Sys{
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
		TerminalWidth:  func() int { return f.terminal },
		TerminalHeight: func() int { return f.lines },
		Context:        func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		BuildInfo:      System().BuildInfo,
	}
	return f
}

// program is the fake's command line. Exit codes are whatever whoever declares a program makes them.
func (f *fake) program() *Program {
	return &Program{
		Name: "nova-manage", Short: "manage things", EnvPrefix: "NOVA_", Flagfile: "/etc/nova/nova.conf", Commands: f.catalogue(),
		Flags: []*Flag{Text(&f.statePath, "state_path", "a folder").
			Computed(func(*Sys) (string, error) { return "/home/op/.local/state/nova", nil })},
		Outcome: func(ctx context.Context, err error) Outcome {
			var stopped Signal
			switch {
			case err == nil:
				return Outcome{}
			case errors.Is(err, ErrChanged):
				return Outcome{exitUntold, "changed"}
			case errors.As(context.Cause(ctx), &stopped):
				return Outcome{128 + int(stopped.Signal), "stopped"}
			case errors.Is(err, ErrUsage):
				return Outcome{exitUsage, "usage"}
			case errors.Is(err, ErrInternal):
				return Outcome{exitFailed, "internal"}
			}
			return Outcome{exitFailed, "failed"}
		},
	}
}

const exitOK, exitFailed, exitUsage, exitUntold = 0, 1, 2, 6

func (f *fake) catalogue() []*Command {
	thing := &Command{Name: "thing", Short: "things", Actions: []*Command{f.makeCommand(), f.listCommand(), f.maskCommand()}}
	var who string
	poke := &Command{
		Name: "poke", Short: "poke somebody", Examples: []string{"nova-manage poke bob"},
		Args: []*Arg{Required(Text(&who, "WHO", "whom to poke"))},
		Run: func(_ context.Context, e *Env) error {
			_, err := io.WriteString(e.Stdout, "poked "+who+"\n")
			return err
		},
	}
	return []*Command{HelpCommand(), thing, poke, {Name: "thorn", Short: "ambiguous", Run: poke.Run}}
}

func (f *fake) makeCommand() *Command {
	f.options = fakeOptions{Range: "10.0.0.0/8", Count: 1000}
	o := &f.options
	shared := []*Flag{
		Text(&o.Range, "fixed_range", "the range").From(&o.rangeFrom).Also("fixed_range_v4"),
		Number(&o.Count, "num_things", 1, 5000, "how many"),
		Number(&o.Size, "size", -10, 100, "how large").Also("extent"),
	}
	for _, f := range shared {
		f.EmptyIsDefault()
	}
	return &Command{
		Name: "make", Short: "make things", Examples: []string{"nova-manage thing make 10/8 3"},
		Args: Optionals(shared...),
		Flags: append(shared,
			Boolean(&o.IPv6, "use_ipv6", "with IPv6").From(&o.ipv6From),
			Texts(&o.Tags, "tag", "a tag"),
			Text(&o.Host, "host", "the host").NotInFlagfile(),
			Text(&o.Path, "networks_path", "a folder"),
			Text(&o.Late, "late", "a word").ByDefault("what help says of it"),
		),
		Run: func(ctx context.Context, e *Env) error {
			f.ran = true
			if f.run != nil {
				return f.run(ctx, e)
			}
			return nil
		},
	}
}

func (f *fake) listCommand() *Command {
	return &Command{
		Name: "list", Short: "list things", Examples: []string{"nova-manage thing list"},
		Args:    []*Arg{AnyNumber(Texts(&f.options.Names, "NAME", "which ones"))},
		Columns: Fields(fakeColumns),
		List:    true,
		Run: func(_ context.Context, e *Env) error {
			f.ran = true
			return PrintList(e, fakeColumns, f.rows)
		},
	}
}

func (f *fake) maskCommand() *Command {
	return &Command{
		Name: "mask", Short: "mask a thing", Examples: []string{"nova-manage thing mask"},
		Columns: Fields(fakeColumns),
		Flags: []*Flag{Text(&f.found, "found", "an address").ByDefault("the one found").
			Computed(func(*Sys) (string, error) { return "10.9.9.9", nil })},
		Run: func(_ context.Context, e *Env) error {
			for row, err := range f.rows {
				if err != nil {
					return err
				}
				return PrintOne(e, fakeColumns, row)
			}
			return nil
		},
	}
}

// do runs a command line and returns its exit code.
func (f *fake) do(args ...string) int {
	f.start()
	return f.program().Run(append([]string{"nova-manage"}, args...), f.sys)
}

// start forgets what was before.
func (f *fake) start() {
	f.stdout.Reset()
	f.stderr.Reset()
	f.ran = false
}

// refuse runs a command line that must fail before anything is done, with one line that says so.
func (f *fake) refuse(t *testing.T, want string, args ...string) {
	t.Helper()
	code := f.do(args...)
	first, _, _ := strings.Cut(f.stderr.String(), "\n")
	if code != exitUsage || first != "nova-manage: error: "+want {
		t.Errorf("%q: exit %d\n got %s\nwant nova-manage: error: %s", args, code, f.stderr.String(), want)
	}
	if f.ran || f.stdout.Len() > 0 {
		t.Errorf("%q: ran %v, printed %q", args, f.ran, f.stdout.String())
	}
}

// accept runs a command line that must succeed and print nothing on standard error.
func (f *fake) accept(t *testing.T, args ...string) string {
	t.Helper()
	if code := f.do(args...); code != exitOK || f.stderr.Len() > 0 {
		t.Fatalf("%q: exit %d, %s", args, code, f.stderr.String())
	}
	return f.stdout.String()
}

// options runs `thing make` and compares what its options became.
func (f *fake) wantOptions(t *testing.T, want fakeOptions, args ...string) {
	t.Helper()
	f.accept(t, append([]string{"thing", "make"}, args...)...)
	got := f.options
	got.ipv6From, got.rangeFrom = Origin{}, Origin{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q:\n got %+v\nwant %+v", args, got, want)
	}
}

func (f *fake) hint() string {
	_, hint, _ := strings.Cut(f.stderr.String(), "nova-manage: hint: ")
	return strings.TrimSuffix(hint, "\n")
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sequence(rows []fakeRow, end error) iter.Seq2[fakeRow, error] {
	return func(yield func(fakeRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		if end != nil {
			yield(fakeRow{}, end)
		}
	}
}

var errFake = errors.New("it broke")

// failure is what a command that failed says with an answer of that format.
func failure(format, message string) string {
	if format == "json" {
		return `{"error": "` + message + `", "hint": null, "code": "failed", "exit": 1}` + "\n"
	}
	return "nova-manage: error: " + message + "\n"
}
