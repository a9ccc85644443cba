package commands

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/cli"
)

// printer is a program that reads manual pages; a test that lacks one skips, unless NOVA_MANAGE_REQUIRE_NODE=1.
func printer(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
			t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but %s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// writtenManual is a folder with all pages.
func writtenManual(t *testing.T) (pages []string) {
	t.Helper()
	f := newFake(t)
	dir := t.TempDir()
	if code := f.do("man", "--output", dir); code != exitOK || f.stdout.Len()+f.stderr.Len() > 0 {
		t.Fatal(code, f.stdout.String(), f.stderr.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) != len(catalogue())+1 {
		t.Fatalf("%d pages of %d: %v", len(pages), len(catalogue())+1, err)
	}
	return pages
}

// Whoever reads manual pages finds nothing wrong with them.
func TestManual_lint(t *testing.T) {
	pages := writtenManual(t)
	t.Run("mandoc", func(t *testing.T) {
		printer(t, "mandoc")
		if out, err := exec.Command("mandoc", append([]string{"-Tlint", "-Wall"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("groff", func(t *testing.T) {
		printer(t, "groff")
		for _, page := range pages {
			cmd := exec.Command("groff", "-man", "-ww", "-Tutf8", "-rLL=80n", page)
			var text, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &text, &said
			if err := cmd.Run(); err != nil || said.Len() > 0 {
				t.Errorf("%s: %v\n%s", page, err, said.String())
			}
		}
	})
	t.Run("man", func(t *testing.T) {
		printer(t, "man")
		for _, page := range pages {
			cmd := exec.Command("man", "--warnings", "-l", page)
			cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MANPAGER=cat", "MAN_KEEP_FORMATTING=")
			var text, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &text, &said
			if err := cmd.Run(); err != nil || said.Len() > 0 {
				t.Errorf("%s: %v\n%s", page, err, said.String())
			}
			for line := range strings.Lines(text.String()) {
				// What is laid out as it is typed is not broken.
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && !strings.Contains(line, "nova-manage ") {
					t.Errorf("%s: %d columns: %s", filepath.Base(page), n, line)
				}
			}
		}
	})
}

// Every command, argument, flag, column and example is in a page, as it is typed.
func TestManual_whole(t *testing.T) {
	printer(t, "mandoc")
	pages := map[string]string{}
	for _, path := range writtenManual(t) {
		out, err := exec.Command("mandoc", "-Tutf8", "-Owidth=1000", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		// Bold is written over itself, and what is underlined over a line.
		pages[strings.TrimSuffix(filepath.Base(path), ".1")] = regexp.MustCompile(`.\x08`).ReplaceAllString(string(out), "")
	}
	p := newProgram(newFake(t).sys, catalogue())
	globals, own := metadata(t, p)
	want := func(page, what string) {
		t.Helper()
		if !strings.Contains(pages[page], what) {
			t.Errorf("%s lacks %q", page, what)
		}
	}
	names := func(page, section string, flags []described) {
		for _, f := range flags {
			for _, name := range f.Names() {
				dashed := "--" + name
				if len(name) == 1 {
					dashed = "-" + name
				}
				if !regexp.MustCompile(`(?m)[ ,]` + dashed + `(?:$|[ ,])`).MatchString(section) {
					t.Errorf("%s lacks %s", page, dashed)
				}
			}
			if usage, _, _ := strings.Cut(strings.ReplaceAll(f.GetUsage(), "`", ""), "  "); !strings.Contains(strings.ReplaceAll(section, "`", ""), usage) {
				t.Errorf("%s lacks %q", page, usage)
			}
		}
	}
	names("nova-manage", pages["nova-manage"], globals)
	for _, what := range []string{"<category> <action>", "EXIT STATUS", "130, 143", "NOVA_<FLAG>", "/etc/nova/nova.conf", "SEE ALSO"} {
		want("nova-manage", what)
	}
	for path, c := range runnable(p.Commands, "") {
		category, _, isAction := strings.Cut(path, " ")
		page := "nova-manage-" + category
		if category == "help" {
			continue
		}
		want("nova-manage", page+"(1)")
		section := pages[page]
		if isAction {
			var found bool
			_, section, found = strings.Cut(section, "\n   nova-manage "+path+"\n")
			if section, _, _ = strings.Cut(section, "\n   nova-manage "); !found {
				t.Errorf("%s lacks %s", page, path)
				continue
			}
		}
		names(page+" of "+path, section, own[path])
		for usage := range strings.SplitSeq(usageOf(newFake(t), path), "\n") {
			if !strings.HasSuffix(usage, "<action> [flags]") {
				want(page, usage)
			}
		}
		for _, example := range c.Examples {
			want(page, example)
		}
	}
}

func TestManual_command(t *testing.T) {
	f := newFake(t)
	f.sys.BuildInfo = func() (*debug.BuildInfo, bool) {
		return &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-05-04T23:30:00-02:00"}}}, true
	}
	page := func(args ...string) string {
		t.Helper()
		if code := f.do(append([]string{"man"}, args...)...); code != exitOK {
			t.Fatal(f.stderr.String())
		}
		first, _, _ := strings.Cut(f.stdout.String(), "\n")
		return first
	}
	const program, network = `.TH NOVA\-MANAGE 1 "2026-05-05" "nova\-manage v1.2.3" "nova manual"`, `.TH NOVA\-MANAGE\-NETWORK 1 "2026-05-05" "nova\-manage v1.2.3" "nova manual"`
	for args, want := range map[string]string{"": program, "nova-manage": program, "network": network, "nova-manage-network": network} {
		if got := page(strings.Fields(args)...); got != want {
			t.Errorf("%q: %s", args, got)
		}
	}
	// What cannot be said by a value is a default to readers all the same.
	for page, want := range map[string]string{"nova-manage": "(default: 30s)", "floating": "(default: any)"} {
		if f.do("man", page); !strings.Contains(strings.ReplaceAll(f.stdout.String(), "\n", " "), want) {
			t.Errorf("%s has no %s", page, want)
		}
	}
	f.environment["SOURCE_DATE_EPOCH"] = "86400"
	if got := page(); !strings.Contains(got, `"1970-01-02"`) {
		t.Error(got)
	}
	for want, args := range map[string][]string{
		"the manual has no page \"nonsense\"": {"nonsense"}, "--output writes all pages, and \"network\" is one": {"network", "-o", t.TempDir()},
		"--output \"\" is empty": {"-o", ""},
	} {
		if code := f.do(append([]string{"man"}, args...)...); code != exitUsage || !strings.HasPrefix(f.stderr.String(), "nova-manage: error: "+want+"\n") {
			t.Errorf("%q: exit %d %s", args, code, f.stderr.String())
		}
	}
	if code := f.do("man", "-o", "/nonexistent"); code != exitFailed || !strings.HasPrefix(f.stderr.String(), "nova-manage: error: cannot write into /nonexistent: no such file") {
		t.Errorf("exit %d %s", code, f.stderr.String())
	}
	// A second time nothing is written, and nothing differs.
	dir := t.TempDir()
	for range 2 {
		if code := f.do("man", "-o", dir); code != exitOK {
			t.Fatal(f.stderr.String())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".1") }) {
		t.Error(err, entries)
	}
}

// What groff would take for its own is printed as it stands.
func TestManual_hostile(t *testing.T) {
	printer(t, "mandoc")
	const text = ".TH 'x' \\fBbold\\fR --flag \"q\" `code` ~/a^b é"
	p := &cli.Program{Name: "x-y", Short: text, Commands: []*cli.Command{{Name: "c", Short: text, Long: text + "\n'quoted\n.so /etc/passwd\n\n   .a  .b\n\n   \\e\n   .c",
		Examples: []string{text, ".d"}, Run: nil}}}
	for _, page := range p.Manual(cli.Manual{Date: "2026-05-05", Version: "1 \"\\", About: text}) {
		cmd := exec.Command("mandoc", "-Tutf8", "-Owidth=1000")
		cmd.Stdin = bytes.NewReader(page.Text)
		out, err := cmd.CombinedOutput()
		shown := regexp.MustCompile(`.\x08`).ReplaceAllString(string(out), "")
		if err != nil || strings.Count(strings.ReplaceAll(shown, "`", ""), strings.ReplaceAll(text, "`", "")) < 2 {
			t.Errorf("%v\n%s\n%s", err, shown, page.Text)
		}
		if page.Name == "x-y-c" && (!strings.Contains(shown, "'quoted") || !strings.Contains(shown, ".so /etc/passwd") || !strings.Contains(shown, "\\e")) {
			t.Errorf("%s", shown)
		}
	}
}
