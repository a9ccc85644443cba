package commands

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/cli"
)

// keyed is a command line with a ledger of two projects, and where its credentials file is.
func keyed(t *testing.T) (f *fake, path string) {
	t.Helper()
	f = newFake(t)
	dir := t.TempDir()
	f.environment["NOVA_STATE_PATH"] = dir
	for _, project := range []string{"mercury", "gemini"} {
		if code := f.do("project", "create", project, "-q"); code != exitOK {
			t.Fatal(f.stderr.String())
		}
	}
	return f, filepath.Join(dir, "ec2_credentials")
}

// again is the same world for a command line of its own.
func (f *fake) again(t *testing.T) *fake {
	g := newFake(t)
	g.environment = f.environment
	return g
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Nobody else can read the file, whatever the umask is, and nothing is left beside it.
func TestAPIKeyCreate(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		f, path := keyed(t)
		old := syscall.Umask(mask)
		code := f.do("api", "key", "create", "--project_id", "mercury", "-f", "json")
		if code == exitOK {
			first := f.stdout.String()
			if code = f.do("api", "key", "create", "reader", "--read_only", "--project", "mercury", "-q"); f.stdout.Len() > 0 {
				t.Errorf("--quiet printed %s", f.stdout.String())
			}
			f.stdout.Reset()
			f.stdout.WriteString(first)
		}
		syscall.Umask(old)
		if code != exitOK || f.stderr.Len() > 0 {
			t.Fatal(code, f.stderr.String())
		}
		var made struct {
			Name     string
			ID       string `json:"aws_access_key_id"`
			Secret   string `json:"aws_secret_access_key"`
			Project  string `json:"project_id"`
			ReadOnly *bool  `json:"read_only"`
		}
		if err := json.Unmarshal(f.stdout.Bytes(), &made); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`\ANOVA[A-Z2-7]{16}\z`).MatchString(made.ID) || !regexp.MustCompile(`\A[A-Z2-7]{40}\z`).MatchString(made.Secret) ||
			made.Name != "mercury" || made.Project != "mercury" || made.ReadOnly == nil || *made.ReadOnly {
			t.Errorf("it is %+v", made)
		}
		want := fmt.Sprintf("[mercury]\naws_access_key_id = %s\naws_secret_access_key = %s\nproject_id = mercury\n\n[reader]\n", made.ID, made.Secret)
		if got := text(t, path); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "project_id = mercury\nread_only = true\n") {
			t.Errorf("the file is %s", got)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("its mode is %v (%v)", info.Mode(), err)
		}
		wantEntries(t, filepath.Dir(path), 2)
		if f.do("history", "-f", "json"); strings.Contains(f.stdout.String(), "api key") || strings.Contains(f.stdout.String(), made.Secret) {
			t.Errorf("history is %s", f.stdout.String())
		}
	}
}

// What nobody can have made of the file is refused, and the file stays as it is.
func TestAPIKey_refused(t *testing.T) {
	f, path := keyed(t)
	writeFile(t, filepath.Dir(path), "ec2_credentials", someKeys)
	file := func(name, content string, mode fs.FileMode) string {
		path := writeFile(t, t.TempDir(), name, content)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return "--credentials=" + path
	}
	ledger := filepath.Join(filepath.Dir(path), "nova.sqlite")
	dangling, fifo := filepath.Join(t.TempDir(), "dangling"), filepath.Join(t.TempDir(), "fifo")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	create := []string{"api", "key", "create", "new", "--project_id=mercury"}
	for _, tt := range []struct {
		args []string
		code int
		said string
	}{
		{append(create, "--project_id=vostok"), exitNotFound, "there is no project vostok"},
		{[]string{"api", "key", "create", "mars", "--project_id", "mercury"}, exitConflict, "key mars of " + path + " exists"},
		{[]string{"api", "key", "create", "mars", "--project_id", "gemini", "--if_not_exists"}, exitConflict, "is of project mercury, not gemini"},
		{[]string{"api", "key", "create", "mars", "--project_id", "mercury", "--read_only", "--if_not_exists"}, exitConflict, "has read_only false, not true"},
		{[]string{"api", "key", "create"}, exitUsage, "api key create needs --project_id"},
		{[]string{"api", "key", "create", "--project_id", "a b"}, exitUsage, `project "a b" is no name of a key: it cannot be a section`},
		{[]string{"api", "key", "create", "--project_id", "DEFAULT"}, exitUsage, "and not DEFAULT"},
		{[]string{"api", "key", "create", "", "--project_id", "mercury"}, exitUsage, "NAME is empty"},
		{[]string{"api", "key", "create", "[x]", "--project_id", "mercury"}, exitUsage, `NAME "[x]" cannot be a section`},
		{[]string{"api", "key", "create", "a/b", "--project_id", "mercury"}, exitUsage, `NAME "a/b" cannot be a section`},
		{[]string{"api", "key", "create", "ü", "--project_id", "mercury"}, exitUsage, `cannot be a section`},
		{[]string{"api", "key", "create", "a\nb", "--project_id", "mercury"}, exitUsage, `holds a control character`},
		{[]string{"api", "key", "create", strings.Repeat("x", 300), "--project_id", "mercury"}, exitUsage, "is longer than 255 bytes"},
		{[]string{"api", "key", "create", "--project_id", "mercury", "--", "-x"}, exitUsage, "begins with a dash"},
		{append(create, "--as_of=1"), exitUsage, "unknown flag --as_of"},
		{append(create, "--credentials="), exitUsage, "--credentials \"\" is empty"},
		{append(create, "--credentials="+t.TempDir()), exitFailed, "it is a folder"},
		{append(create, "--credentials="+fifo), exitFailed, "it is not a regular file"},
		{append(create, "--credentials=/dev/null"), exitFailed, "it is not a regular file"},
		{append(create, "--credentials=/dev/stdout"), exitFailed, ""},
		{append(create, "--credentials=-"), exitFailed, "it is no file that could be made as a whole"},
		{append(create, "--credentials="+dangling), exitFailed, "it is a symbolic link that leads nowhere"},
		{append(create, "--credentials="+filepath.Join(t.TempDir(), "no", "file")), exitFailed, "there is no folder"},
		{append(create, "--credentials="+ledger), exitUsage, "it is an SQLite database"},
		{append(create, "--credentials="+ledger+"-wal"), exitUsage, "it is part of the ledger"},
		{append(create, file("loose", someKeys, 0o640)), exitFailed, "others may read or change it (mode 0640), and it holds secrets"},
		{append(create, file("read", someKeys, 0o400)), exitFailed, "it may only be read"},
		{append(create, file("broken", "s3cr3t\n", 0o600)), exitUsage, "line 1: neither [NAME] nor OPTION = VALUE"},
		{append(create, file("long", strings.Repeat("#", longestCredentials+1), 0o600)), exitUsage, "it is longer than 1 MiB"},
		{append(create, file("full", strings.Repeat("#", longestCredentials-1)+"\n", 0o600)), exitFailed, "it would be longer than 1 MiB"},
		{[]string{"api", "key", "list", file("loose", "", 0o644)}, exitFailed, "others may read or change it (mode 0644)"},
		{[]string{"api", "key", "list", "--credentials", path + "x"}, exitNotFound, "there is no credentials file " + path + "x"},
		{[]string{"api", "key", "delete", "mars", "--credentials", path + "x", "--if_exists"}, exitNotFound, "there is no credentials file " + path + "x"},
		{[]string{"api", "key", "delete"}, exitUsage, "api key delete needs NAME"},
		{[]string{"api", "key", "delete", "mars", "deimos", "ph obos"}, exitNotFound, `there is no key deimos, "ph obos" in ` + path},
		{[]string{"api", "key", "delete", "mars", file("loose", someKeys, 0o604)}, exitFailed, "others may read or change it"},
		{[]string{"api", "key", "delete", "mars", file("read", someKeys, 0o400)}, exitFailed, "it may only be read"},
	} {
		if code := f.do(tt.args...); code != tt.code || !strings.Contains(f.stderr.String(), tt.said) || f.stdout.Len() > 0 || strings.Contains(f.stderr.String(), "s3cr3t") {
			t.Errorf("%.200q: exit %d, %s%s", tt.args, code, f.stdout.String(), f.stderr.String())
		}
	}
	if got := text(t, path); got != someKeys {
		t.Errorf("the file is %s", got)
	}
	wantEntries(t, filepath.Dir(path), 2)
	if code := f.do("api", "key", "create", "new", "--project_id=mercury", "--dry_run", "-f", "json"); code != exitOK || text(t, path) != someKeys ||
		!strings.Contains(f.stdout.String(), `"aws_secret_access_key": null`) {
		t.Errorf("a dry run: exit %d, %s%s", code, f.stdout.String(), f.stderr.String())
	}
	for _, dry := range [][]string{append(create, "--dry_run", "--credentials="+path+".new"), {"api", "key", "delete", "mars", "--dry_run"}} {
		if code := f.do(dry...); code != exitOK {
			t.Errorf("%q: exit %d, %s", dry, code, f.stderr.String())
		}
	}
	if got := text(t, path); got != someKeys {
		t.Errorf("the file is %s", got)
	}
	wantEntries(t, filepath.Dir(path), 2)
}

func TestAPIKeyDelete(t *testing.T) {
	f, path := keyed(t)
	writeFile(t, filepath.Dir(path), "ec2_credentials", "; head\n\n"+someKeys+"# end\n")
	inode := func() os.FileInfo {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	before := inode()
	for _, args := range [][]string{{"delete", "x", "--if_exists"}, {"create", "mars", "--project_id=mercury", "--if_not_exists", "-q"}} {
		if code := f.do(append([]string{"api", "key"}, args...)...); code != exitOK || !os.SameFile(before, inode()) {
			t.Errorf("%q: exit %d, %s; the file was replaced: %v", args, code, f.stderr.String(), !os.SameFile(before, inode()))
		}
	}
	if code := f.do("api", "key", "delete", "mars", "x", "mars", "--if_exists"); code != exitOK || f.stdout.Len()+f.stderr.Len() > 0 {
		t.Error(code, f.stdout.String(), f.stderr.String())
	}
	_, reader, _ := strings.Cut(someKeys, "\n\n")
	if got := text(t, path); got != "; head\n\n# mars\n\n"+reader+"# end\n" {
		t.Errorf("the file is %s", got)
	}
	if code := f.do("api", "key", "delete", "reader"); code != exitOK {
		t.Error(f.stderr.String())
	}
	if code := f.do("api", "key", "list", "-f", "json"); code != exitOK || f.stdout.String() != "[]\n" || inode().Mode() != 0o600 {
		t.Errorf("exit %d, %s%s", code, f.stdout.String(), f.stderr.String())
	}
}

// The file that a link leads to is replaced, and not the link.
func TestAPIKey_link(t *testing.T) {
	f, path := keyed(t)
	real := writeFile(t, t.TempDir(), "real", someKeys)
	if err := os.Symlink(real, path); err != nil {
		t.Fatal(err)
	}
	if code := f.do("api", "key", "delete", "mars"); code != exitOK || strings.Contains(text(t, real), "[mars]") {
		t.Error(code, f.stderr.String(), text(t, real))
	}
	if to, err := os.Readlink(path); err != nil || to != real {
		t.Errorf("it leads to %q, %v", to, err)
	}
}

// Whoever makes and deletes keys at the same time loses none, and reads none that is not whole.
func TestAPIKey_concurrent(t *testing.T) {
	f, path := keyed(t)
	const makers, each = 6, 5
	var all, readers sync.WaitGroup
	for n := range makers {
		all.Go(func() {
			g := f.again(t)
			for i := range each {
				name := fmt.Sprintf("key%d.%d", n, i)
				if code := g.do("api", "key", "create", name, "--project_id", "mercury"); code != exitOK {
					t.Errorf("%s: exit %d, %s", name, code, g.stderr.String())
				}
				if i%2 == 1 {
					if code := g.do("api", "key", "delete", name); code != exitOK {
						t.Errorf("%s: exit %d, %s", name, code, g.stderr.String())
					}
				}
			}
		})
	}
	over := make(chan struct{})
	readers.Go(func() {
		l := newLedger(f.sys)
		for {
			select {
			case <-over:
				return
			default:
			}
			if _, err := (&credentialsFile{Path: path}).keys(l); err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), "there is no credentials file") {
				t.Error(err)
			}
		}
	})
	all.Wait()
	close(over)
	readers.Wait()
	if f.do("api", "key", "list", "-f", "value", "-c", "name"); strings.Count(f.stdout.String(), "\n") != makers*(each-each/2) {
		t.Errorf("keys are %s%s", f.stdout.String(), f.stderr.String())
	}
	wantEntries(t, filepath.Dir(path), 2)
}

// Who has the lock is waited for as long as --lock_timeout says, or until a signal.
func TestAPIKey_locked(t *testing.T) {
	f, path := keyed(t)
	writeFile(t, filepath.Dir(path), "ec2_credentials", someKeys)
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if code := f.do("api", "key", "delete", "mars", "--lock_timeout", "20ms", "-f", "json"); code != exitFailed || !strings.Contains(f.stderr.String(), `"code": "locked"`) {
		t.Error(code, f.stderr.String())
	}
	time.AfterFunc(50*time.Millisecond, func() { f.interrupt(cli.Signal{Signal: syscall.SIGINT}) })
	if code := f.do("api", "key", "delete", "mars"); code != exitSignal+int(syscall.SIGINT) {
		t.Error(code, f.stderr.String())
	}
	if code := f.do("api", "key", "list", "-q"); code != exitOK {
		t.Error("a reader waits:", f.stderr.String())
	}
	if text(t, path) != someKeys {
		t.Error("the file was changed")
	}
}

// A key whose answer nobody could be given is made all the same, and the exit code says so.
func TestAPIKey_unwritten(t *testing.T) {
	f, path := keyed(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	f.sys.Stdout = full
	if code := f.do("api", "key", "create", "--project_id", "mercury"); code != exitUntold || !strings.Contains(f.stderr.String(), "the change was made") ||
		!strings.Contains(text(t, path), "[mercury]") {
		t.Error(code, f.stderr.String())
	}
	if code := f.do("api", "key", "create", "--project_id", "mercury", "--if_not_exists"); code != exitFailed {
		t.Errorf("nothing was changed: exit %d, %s", code, f.stderr.String())
	}
}

func TestCompletion_keys(t *testing.T) {
	f, path := keyed(t)
	other := writeFile(t, t.TempDir(), "other", strings.ReplaceAll(someKeys, "mars", "venus"))
	if _, words := f.offered(t, "api", "key", "delete", ""); len(words) > 0 {
		t.Errorf("without a file: %q", words)
	}
	writeFile(t, filepath.Dir(path), "ec2_credentials", someKeys)
	for line, want := range map[string]string{
		"api key delete |": "mars|reader", "api key delete mars |r": "reader", "a k d |m": "mars", "api key |": "create|list|delete", "api |": "serve|key",
		"api key delete --credentials " + other + " |": "venus|reader", "--credentials=" + other + " api key delete |v": "venus",
		"api key create --project_id |": "gemini|mercury", "api key delete --credentials /nonexistent |": "",
	} {
		before, word, _ := strings.Cut(line, "|")
		_, words := f.offered(t, append(strings.Fields(before), word)...)
		if got := strings.Join(words, "|"); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, words := f.offered(t, "api", "key", "delete", ""); slices.Contains(words, "mars") {
		t.Errorf("of a file that is refused: %q", words)
	}
}
