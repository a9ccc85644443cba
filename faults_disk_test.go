package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/race"
)

// disk is a small file system in a mount namespace of its own, which is gone when the test ends, however it ends.
type disk struct {
	inside  string // its folder for processes in the namespace
	outside string // its folder for the test
	enter   []string
}

// newDisk mounts a tmpfs with these options.
func newDisk(t *testing.T, options string) *disk {
	t.Helper()
	needNode(t)
	d := &disk{inside: t.TempDir()}
	// The keeper lives until its input ends, and with it the namespace and what is mounted in it.
	keeper := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount -t tmpfs -o mode=0755,"$1" tmpfs "$2" && echo mounted && exec cat >/dev/null`, "sh", options, d.inside)
	keeper.Stderr = os.Stderr
	leash, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := keeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leash.Close()
		if err := keeper.Wait(); err != nil {
			t.Error(err)
		}
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatalf("no tmpfs could be mounted: %q, %v", line, err)
	}
	d.outside = filepath.Join("/proc", strconv.Itoa(keeper.Process.Pid), "root", d.inside)
	d.enter = []string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", keeper.Process.Pid), "--"}
	return d
}

// ledger is a place for a ledger on the disk.
func (d *disk) ledger() *ledger {
	l := ledgerAt(filepath.Join(d.inside, "nova.sqlite"))
	l.program = slices.Concat(d.enter, l.program)
	return l
}

func (d *disk) remount(t *testing.T, options string) {
	t.Helper()
	args := slices.Concat(d.enter, []string{"mount", "-o", "remount," + options, d.inside})
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("remounting: %v: %s", err, out)
	}
}

// fill leaves no byte free.
func (d *disk) fill(t *testing.T) {
	t.Helper()
	f, err := os.Create(filepath.Join(d.outside, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
}

// useUp leaves no inode free.
func (d *disk) useUp(t *testing.T) {
	t.Helper()
	for i := range 1 << 16 {
		f, err := os.Create(filepath.Join(d.outside, fmt.Sprintf("filler%d", i)))
		if err != nil {
			return
		}
		f.Close()
	}
	t.Fatal("there is no end of inodes")
}

func (d *disk) clear(t *testing.T) {
	t.Helper()
	fillers, err := filepath.Glob(filepath.Join(d.outside, "filler*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fillers {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are the files below a folder by path, without what SQLite keeps beside a ledger while it is in use, and
// without fillers.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, "filler") || strings.HasSuffix(path, "-shm") {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		if strings.HasSuffix(path, "-wal") && len(data) == 0 {
			return err
		}
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func wantSame(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := contents(t, dir)
	names := func(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }
	if !slices.Equal(names(before), names(after)) {
		t.Errorf("files %v, and before %v", names(after), names(before))
	}
	for name, data := range before {
		if after[name] != data {
			t.Errorf("%s is not what it was", name)
		}
	}
}

// served makes a ledger with files rendered from it, which then gets two more networks, so that rendering again would
// change each file. folder is the ledger's, as the test sees it.
func served(t *testing.T, l *ledger, folder string) (radvd, perBridge string) {
	t.Helper()
	made := filepath.Join(folder, "bridges")
	if err := errors.Join(os.Mkdir(made, 0o755), os.Chmod(made, 0o777)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(l.path)
	radvd, perBridge = filepath.Join(dir, "radvd.conf"), filepath.Join(dir, "bridges")
	l.must(t, "network", "create", "10.0.0.0/8", "3", "16", "100", "1000", "fd00:1::/48")
	l.must(t, "emit", "radvd", "-o", radvd)
	l.must(t, "emit", "radvd", "--per_bridge", perBridge)
	l.must(t, "network", "modify", "1", "2", "3", "--mtu", "1400")
	l.must(t, "network", "create", "--next_free", "10.0.0.0/8", "2", "16", "200", "2000", "fd00:1::/48")
	return radvd, perBridge
}

// TestFaults_disk takes away what writing needs. Each command that writes says so in one line and exits with 1, readers
// go on, every file is what it was byte for byte, and when the disk is well again so is the command.
func TestFaults_disk(t *testing.T) {
	race.SkipProcesses(t)
	for name, c := range map[string]struct {
		options      string
		fault, mend  func(t *testing.T, d *disk)
		ledger, file string // what is said of the ledger, and of a file to be rendered
	}{
		"full": {
			options: "size=2m",
			fault:   func(t *testing.T, d *disk) { d.fill(t) },
			mend:    func(t *testing.T, d *disk) { d.clear(t) },
			ledger:  "no space left on its device; nothing was changed",
			file:    "no space left on device",
		},
		"read-only": {
			options: "size=2m",
			fault:   func(t *testing.T, d *disk) { d.remount(t, "ro") },
			mend:    func(t *testing.T, d *disk) { d.remount(t, "rw") },
			ledger:  "it cannot be written: read-only file system; nothing was changed",
			file:    "read-only file system",
		},
		"inodes": {
			options: "size=2m,nr_inodes=100",
			fault:   func(t *testing.T, d *disk) { d.useUp(t) },
			mend:    func(t *testing.T, d *disk) { d.clear(t) },
			ledger:  "no inodes left on its device; nothing was changed",
			file:    "no space left on device", // as the kernel puts it
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, c.options)
			l := d.ledger()
			radvd, perBridge := served(t, l, d.outside)
			before, listed := contents(t, d.outside), l.must(t, "network", "list", "--long")
			c.fault(t, d)
			ledger := "ledger " + l.path + ": "
			for _, args := range [][]string{
				{"network", "create", "--next_free", "10.0.0.0/8", "1", "16"},
				{"network", "create", "--network_manager", "FlatManager", "--bridge", "br0", "11.0.0.0/8", "10000", "16"},
				{"network", "modify", "1", "--label", "x"},
				{"network", "delete", "1"},
			} {
				l.fails(t, 1, ledger+c.ledger, args...)
			}
			l.fails(t, 1, "cannot write "+radvd+": "+c.file, "emit", "radvd", "-o", radvd)
			l.fails(t, 1, "cannot write "+perBridge+"/nova-ra-br100.conf: "+c.file, "emit", "radvd", "--per_bridge", perBridge)
			if again := l.must(t, "network", "list", "--long"); again != listed {
				t.Errorf("listed\n%s\nand before\n%s", again, listed)
			}
			l.clean(t)
			wantSame(t, d.outside, before)

			c.mend(t, d)
			l.must(t, "network", "create", "--next_free", "10.0.0.0/8", "1", "16", "200", "2000")
			l.must(t, "emit", "radvd", "-o", radvd)
			l.must(t, "emit", "radvd", "--per_bridge", perBridge)
			l.clean(t)
			if n := len(l.networks(t)); n != 6 {
				t.Errorf("%d networks, want 6", n)
			}
		})
	}
}

// TestFaults_diskFills is a disk that has room for a small change and not for the large one that is asked for.
func TestFaults_diskFills(t *testing.T) {
	race.SkipProcesses(t)
	d := newDisk(t, "size=2m")
	l := d.ledger()
	served(t, l, d.outside)
	before := contents(t, d.outside)
	full := "ledger " + l.path + ": no space left on its device; nothing was changed"
	l.fails(t, 1, full, "network", "create", "--network_manager", "FlatManager", "--bridge", "br0", "11.0.0.0/8", "50000", "16")
	wantSame(t, d.outside, before)
	l.must(t, "network", "create", "--next_free", "10.0.0.0/8", "1", "16", "200", "2000")
	l.clean(t)

	// There is not even room to begin with.
	d.fill(t)
	fresh := d.ledger()
	fresh.path = filepath.Join(d.inside, "new", "nova.sqlite")
	fresh.url = fresh.path
	fresh.fails(t, 1, "ledger "+fresh.path+": no space left on its device; nothing was changed", "db", "sync")
	d.clear(t)
	fresh.must(t, "db", "sync")
	fresh.clean(t)
}

// TestFaults_diskLog is a copy of a ledger in use, on a disk that cannot be written: what is in its log cannot be read
// there, and leaving that out would be an old state that looks like the present one.
func TestFaults_diskLog(t *testing.T) {
	race.SkipProcesses(t)
	used := newLedger(t, "sqlite")
	served(t, used, filepath.Dir(used.path))
	connect(t, used.path, "UPDATE networks SET label = 'x'")
	d := newDisk(t, "size=2m")
	l := d.ledger()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(used.path + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(d.outside, "nova.sqlite"+suffix), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d.remount(t, "ro")
	said := "ledger " + l.path + ": its latest changes are in " + l.path + "-wal, which only somebody who may write beside it can read"
	l.fails(t, 1, said, "network", "list")
	l.fails(t, 1, said, "db", "check")
	d.remount(t, "rw")
	if n := strings.Count(l.must(t, "network", "list", "-f", "value", "-c", "label"), "x"); n != 5 {
		t.Errorf("%d networks have the label that the log gives them, want 5", n)
	}
}

// unprivileged makes a place for a ledger that belongs to an ordinary user, whom permissions apply to.
func unprivileged(t *testing.T) *ledger {
	t.Helper()
	if os.Getuid() != 0 {
		return newLedger(t, "sqlite")
	}
	// Folders of tests are root's alone, and so is the program.
	const nobody = 65534
	dir, err := os.MkdirTemp("/tmp", "nova-manage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program, state := filepath.Join(dir, "nova-manage"), filepath.Join(dir, "state")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(program, data, 0o755), os.Mkdir(state, 0o755), os.Chown(state, nobody, nobody), os.Chmod(dir, 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l := ledgerAt(filepath.Join(state, "nova.sqlite"))
	l.program, l.as = []string{program}, &syscall.Credential{Uid: nobody, Gid: nobody}
	return l
}

// TestFaults_permission takes away permissions.
func TestFaults_permission(t *testing.T) {
	race.SkipProcesses(t)
	l := unprivileged(t)
	dir := filepath.Dir(l.path)
	served(t, l, dir)
	listed := l.must(t, "network", "list", "--long")
	for name, c := range map[string]struct {
		file, folder fs.FileMode
		said         string
		readable     bool
	}{
		"file not writable":   {0o444, 0o755, "it cannot be written: permission denied", true},
		"folder not writable": {0o644, 0o555, "its folder cannot be written: permission denied", true},
		"neither":             {0o444, 0o555, "it cannot be written: permission denied", true},
		"file not readable":   {0o000, 0o755, "it cannot be read: permission denied", false},
		"folder not readable": {0o644, 0o000, "permission denied", false},
	} {
		t.Run(name, func(t *testing.T) {
			set := func(file, folder fs.FileMode) {
				t.Helper()
				for _, err := range []error{os.Chmod(dir, 0o755), os.Chmod(l.path, file), os.Chmod(dir, folder)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			before := contents(t, dir)
			set(c.file, c.folder)
			defer set(0o644, 0o755)
			said := "ledger " + l.path + ": " + c.said + "(; nothing was changed)?"
			l.fails(t, 1, said, "network", "create", "--next_free", "10.0.0.0/8", "1", "16")
			l.fails(t, 1, said, "network", "delete", "1")
			if c.readable {
				if again := l.must(t, "network", "list", "--long"); again != listed {
					t.Errorf("listed\n%s\nand before\n%s", again, listed)
				}
				l.clean(t)
			} else {
				l.fails(t, 1, said, "network", "list")
				l.fails(t, 1, said, "db", "check")
			}
			set(0o644, 0o755)
			wantSame(t, dir, before)
			l.clean(t)
		})
	}
}
