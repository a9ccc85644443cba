package cli

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestOutput_Shell(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(fakeRows[:1], nil)
	for line, want := range map[string]string{
		"list":                             "id='1'\nlabel='first'\nup='true'\ntags='a,b'\nmade='2011-02-03T05:05:06Z'\n",
		"mask":                             "id='1'\nlabel='first'\nup='true'\ntags='a,b'\nmade='2011-02-03T05:05:06Z'\n",
		"list -c made,id --prefix net_":    "net_made='2011-02-03T05:05:06Z'\nnet_id='1'\n",
		"mask -c id --prefix X":            "Xid='1'\n",
		"list --filter id=1 --sort label,": "",
	} {
		args := append([]string{"thing", "-f", "shell"}, strings.Fields(line)...)
		if want == "" {
			f.refuse(t, `--sort "label," is not COLUMN, COLUMN:asc or COLUMN:desc`, args...)
			continue
		}
		if got := f.accept(t, args...); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
		}
	}
	f.refuse(t, `--prefix "net-" cannot begin the name of a shell's variable`, "thing", "list", "-f", "shell", "--prefix", "net-")
	f.refuse(t, `--prefix "1" cannot begin the name of a shell's variable`, "thing", "list", "-f", "shell", "--prefix", "1")
	f.refuse(t, `--prefix "x" is of -f shell`, "thing", "list", "--prefix", "x")

	f.rows = sequence(fakeRows, nil)
	for line, want := range map[string]string{"": "there are 2", "--filter id=7": "there are 0"} {
		f.do(append([]string{"thing", "list", "-f", "shell"}, strings.Fields(line)...)...)
		if f.stdout.Len() > 0 || !strings.Contains(f.stderr.String(), "error: -f shell prints one row, and "+want+"\n") {
			t.Errorf("%s: printed %q, said %s", line, f.stdout.String(), f.stderr.String())
		}
	}
	if got := f.accept(t, "thing", "list", "-f", "shell", "--sort", "id:desc", "--limit", "1"); got != "id='20'\nlabel=''\nup=''\ntags=''\nmade=''\n" {
		t.Errorf("got %s", got)
	}
	// An error is a text, which no shell evaluates.
	if f.do("thing", "list", "-f", "shell", "-c", "x"); !strings.HasPrefix(f.stderr.String(), "nova-manage: error: ") {
		t.Error(f.stderr.String())
	}
}

// One more row than there may be, once the change is made, is no reason to say that it was not.
func TestOutput_ShellAfterChange(t *testing.T) {
	f := newFake(t)
	f.run = func(_ context.Context, e *Env) error {
		e.Changed()
		return PrintSlice(e, fakeColumns, fakeRows)
	}
	p := f.program()
	for _, c := range p.Commands {
		for _, a := range c.Actions {
			if a.Name == "make" {
				a.Columns = Fields(fakeColumns)
			}
		}
	}
	if code := p.Run([]string{"nova-manage", "thing", "make", "-f", "shell"}, f.sys); code != exitUntold || f.stdout.Len() > 0 {
		t.Errorf("exit %d, printed %q, said %s", code, f.stdout.String(), f.stderr.String())
	}
}

// Whatever stands in a value, each shell has just that in the variable, and runs nothing of it.
func TestOutput_ShellsRead(t *testing.T) {
	hostile := []string{
		"plain", "", " two  blanks ", "it's", "''", "'", `'\''`, `"`, "$(touch made)", "`touch made`", "$HOME ${HOME}", `\`, `\n`, "a\\'b", "tab\there",
		"line\nbreak", "\n", "cr\rlf\r\n", "~", "*", "-n", "!!", "#", ";", "&", "|", "<", "ümläut 漢字", "\x01\x7f\x1b[31m", "\xff\xfe", "\u2028",
		"'; touch made; '", "')\ntouch made\n('", "%s%n",
	}
	shells := 0
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "ksh", "mksh", "yash", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		shells++
		args := []string{path}
		if shell == "busybox" {
			args = append(args, "sh")
		}
		for _, label := range hostile {
			f := newFake(t)
			f.rows = sequence([]fakeRow{{ID: 1, Label: label, Tags: []string{label, "x"}, Made: time.Unix(0, 0)}}, nil)
			text := f.accept(t, "thing", "list", "-f", "shell")
			dir := t.TempDir()
			cmd := exec.Command(args[0], append(args[1:], "-c", `eval "$1"; printf '%s|%s|%s' "$label" "$tags" "$id"; test -z "$up" || echo up; ls`, "x", text)...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if want := label + "|" + label + ",x|1"; err != nil || string(out) != want {
				t.Errorf("%s: %q became %q, %v", shell, want, out, err)
			}
		}
	}
	if shells == 0 {
		t.Skip("no shell")
	}
}
