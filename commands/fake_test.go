package commands

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

	ipv6From, rangeFrom origin
}

type fakeRow struct {
	ID    int
	Label string
	Up    *bool
	Tags  []string
	Made  time.Time
}

var fakeColumns = []column[fakeRow]{
	{Name: "id", Value: func(r fakeRow) any { return r.ID }},
	{Name: "label", Value: func(r fakeRow) any { return orNull(r.Label) }},
	{Name: "up", Value: func(r fakeRow) any { return r.Up }},
	{Name: "tags", Value: func(r fakeRow) any { return r.Tags }, Long: true},
	{Name: "made", Value: func(r fakeRow) any { return r.Made }, Long: true},
}

// fake is a command line with a category "thing" and a command "poke", in a world without files, terminal or time.
type fake struct {
	sys            *Sys
	environment    map[string]string
	stdout, stderr bytes.Buffer
	terminal       int

	options fakeOptions
	// run is what `thing make` does, besides leaving its options here.
	run  func(context.Context, *env) error
	rows iter.Seq2[fakeRow, error]
	ran  bool
}

func newFake(t *testing.T) *fake {
	f := &fake{environment: map[string]string{}}
	f.sys = &Sys{
		StderrIsTerminal: func() bool { return false },
		Stdin:            strings.NewReader(""),
		Stdout:           &f.stdout,
		Stderr:           &f.stderr,
		LookupEnv:        func(name string) (string, bool) { v, ok := f.environment[name]; return v, ok },
		Now:              func() time.Time { return time.Date(2011, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600)) },
		Getuid:           func() int { return 1000 },
		Home:             func() (string, error) { return "/home/op", nil },
		Hostname:         func() (string, error) { return "node", nil },
		IPv6Routes:       func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil },
		TerminalWidth:    func() int { return f.terminal },
		Context:          func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		BuildInfo:        System().BuildInfo,
	}
	return f
}

func (f *fake) catalogue() []*command {
	thing := &command{name: "thing", short: "things", actions: []*command{f.makeCommand(), f.listCommand(), f.maskCommand()}}
	var who string
	poke := &command{
		name: "poke", short: "poke somebody", examples: []string{"nova-manage poke bob"},
		args: []*arg{required(text(&who, "WHO", "whom to poke"))},
		run: func(_ context.Context, e *env) error {
			_, err := io.WriteString(e.stdout, "poked "+who+"\n")
			return err
		},
	}
	return []*command{helpCommand(), thing, poke, {name: "thorn", short: "ambiguous", run: poke.run}}
}

func (f *fake) makeCommand() *command {
	f.options = fakeOptions{Range: "10.0.0.0/8", Count: 1000}
	o := &f.options
	shared := []*flag{
		text(&o.Range, "fixed_range", "the range").from(&o.rangeFrom).also("fixed_range_v4"),
		number(&o.Count, "num_things", 1, 5000, "how many"),
		number(&o.Size, "size", -10, 100, "how large").also("extent"),
	}
	return &command{
		name: "make", short: "make things", examples: []string{"nova-manage thing make 10/8 3"},
		args: optionals(shared...),
		flags: append(shared,
			boolean(&o.IPv6, "use_ipv6", "with IPv6").from(&o.ipv6From),
			texts(&o.Tags, "tag", "a tag"),
			text(&o.Host, "host", "the host").notInFlagfile(),
			text(&o.Path, "networks_path", "a folder"),
		),
		run: func(ctx context.Context, e *env) error {
			f.ran = true
			if f.run != nil {
				return f.run(ctx, e)
			}
			return nil
		},
	}
}

func (f *fake) listCommand() *command {
	return &command{
		name: "list", short: "list things", examples: []string{"nova-manage thing list"},
		args:    []*arg{anyNumber(texts(&f.options.Names, "NAME", "which ones"))},
		columns: fieldsOf(fakeColumns),
		run: func(_ context.Context, e *env) error {
			f.ran = true
			return printList(e, fakeColumns, f.rows)
		},
	}
}

func (f *fake) maskCommand() *command {
	return &command{
		name: "mask", short: "mask a thing", examples: []string{"nova-manage thing mask"},
		columns: fieldsOf(fakeColumns),
		run: func(_ context.Context, e *env) error {
			for row, err := range f.rows {
				if err != nil {
					return err
				}
				return printOne(e, fakeColumns, row)
			}
			return nil
		},
	}
}

// do runs a command line and returns its exit code.
func (f *fake) do(args ...string) int {
	f.stdout.Reset()
	f.stderr.Reset()
	f.ran = false
	return runMain(append([]string{"nova-manage"}, args...), f.sys, f.catalogue)
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
	got.ipv6From, got.rangeFrom = origin{}, origin{}
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
