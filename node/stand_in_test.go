//go:build linux

package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/configtest"
)

// The test binary plays the programs of a machine, too, by the name under which it is called. What each has read is kept below
// /run/read, so that a test sees who was told of what.
func TestMain(m *testing.M) {
	standIn, found := map[string]func(args []string) error{
		"radvd": radvd, "dnsmasq": dnsmasq, "conntrack": conntrack, "services": services, "apply": applyAs,
	}[filepath.Base(os.Args[0])]
	if !found {
		os.Exit(m.Run())
	}
	if err := standIn(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	standIns = "/run/bin"
	wasRead  = "/run/read"
	calls    = "/run/calls" // what services and conntrack were called with
)

// inMachine runs the test in a machine of its own, with its own /etc, /run, processes and network: it starts the test once more
// there, and returns true only in that one. All that it starts ends with it.
func inMachine(t *testing.T) bool {
	t.Helper()
	const inside = "NODE_TEST_INSIDE"
	if os.Getenv(inside) == t.Name() {
		for _, name := range []string{"radvd", "dnsmasq", "conntrack", "services", "apply"} {
			self, err := os.Executable()
			if err = errors.Join(err, os.MkdirAll(standIns, 0o755), os.MkdirAll(wasRead, 0o755), os.Symlink(self, filepath.Join(standIns, name))); err != nil {
				t.Fatal(err)
			}
		}
		patience = time.Second
		t.Setenv("PATH", standIns+":"+os.Getenv("PATH"))
		return true
	}
	for _, tool := range []string{"unshare", "ip", "nft"} {
		configtest.Tool(t, tool)
	}
	if os.Getuid() != 0 {
		if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
			t.Fatal("a machine needs root")
		}
		t.Skip("a machine needs root")
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const mounts = "mount -t tmpfs -o mode=0755 tmpfs /etc && mount -t tmpfs -o mode=0755 tmpfs /run && ip link set lo up && exec \"$@\""
	cmd := exec.Command("unshare", "-mnpf", "--mount-proc", "--kill-child", "sh", "-c", mounts, "sh", self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// keepRead keeps what a program has read.
func keepRead(name, text string) error {
	path := filepath.Join(wasRead, name)
	return errors.Join(os.WriteFile(path+".new", []byte(text), 0o644), os.Rename(path+".new", path))
}

// textOf is the text of files, one after the other; missing ones have none.
func textOf(paths ...string) string {
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			panic(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// parseOnly is the parser of a daemon: a text with "broken" in it is refused, in several lines as radvd does it.
func parseOnly(args []string) error {
	if strings.Contains(textOf(args[len(args)-1]), "broken") {
		return errors.New("line 3:\nsyntax error")
	}
	return nil
}

// daemon runs until it is ended. read is what it does at first and when it is told to reread.
func daemon(pidFile string, read func(begun bool) error) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	if err := read(false); err != nil {
		return err
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return err
	}
	for range again {
		if err := read(true); err != nil {
			return err
		}
	}
	return nil
}

func radvd(args []string) error {
	if slices.Contains(args, "-c") {
		return parseOnly(args)
	}
	return daemon("/run/radvd.pid", func(bool) error {
		text := textOf("/etc/radvd.conf")
		if strings.Contains(text, "unfit") {
			return errors.New("it cannot serve that") // as radvd exits on what its own -c passes
		}
		return keepRead("radvd.conf", text)
	})
}

func dnsmasq(args []string) error {
	if slices.Contains(args, "--test") {
		return parseOnly(args)
	}
	return daemon("/run/nova-dnsmasq.pid", func(begun bool) error {
		if !begun {
			text := textOf("/etc/nova/dnsmasq.conf")
			if strings.Contains(text, "unfit") {
				return errors.New("it cannot serve that")
			}
			if err := keepRead("dnsmasq.conf", text); err != nil {
				return err
			}
		}
		return keepRead("dnsmasq.hosts", textOf("/etc/nova/dnsmasq.hosts"))
	})
}

// called keeps how a program was called.
func called(name string, args []string) error {
	f, err := os.OpenFile(calls, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, name, strings.Join(args, " "))
	return errors.Join(err, f.Close())
}

// conntrack ends no flow, and says so as the real one does; where /run/no-conntrack is, it cannot.
func conntrack(args []string) error {
	if exists("/run/no-conntrack") {
		return errors.New("conntrack v1.4.7 (conntrack-tools): Operation failed: such a kernel is not here")
	}
	if err := called("conntrack", args); err != nil {
		return err
	}
	return errors.New("conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.")
}

// services is what systemctl is to the machine. What is in /run/refused fails.
func services(args []string) error {
	line := strings.Join(args, " ")
	if err := called("services", args); err != nil {
		return err
	}
	if slices.Contains(strings.Split(textOf("/run/refused"), "\n"), line) {
		return fmt.Errorf("Job for %s failed.", args[len(args)-1])
	}
	switch line {
	case "daemon-reload":
		return keepRead("units", folderText("/etc/systemd/system"))
	case "reload systemd-networkd.service":
		return keepRead("networkd", folderText("/etc/systemd/network"))
	case "reload-or-restart radvd.service":
		if p := runs("/run/radvd.pid"); p != nil {
			return p.Signal(syscall.SIGHUP)
		}
		return begin("/run/radvd.pid", "radvd", "-C", "/etc/radvd.conf")
	case "stop radvd.service":
		return end("/run/radvd.pid")
	case "restart nova-dnsmasq.service":
		if err := end("/run/nova-dnsmasq.pid"); err != nil {
			return err
		}
		return begin("/run/nova-dnsmasq.pid", "dnsmasq", "-k", "-C", "/etc/nova/dnsmasq.conf")
	case "reload nova-dnsmasq.service":
		return runs("/run/nova-dnsmasq.pid").Signal(syscall.SIGHUP)
	case "stop nova-dnsmasq.service":
		return end("/run/nova-dnsmasq.pid")
	}
	return nil
}

// folderText is all names in a folder, with what is in them.
func folderText(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	var all strings.Builder
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			all.WriteString(e.Name() + "\n" + textOf(filepath.Join(dir, e.Name())))
		}
	}
	return all.String()
}

// runs is the process that a file of process ids names, nil where that does not run.
func runs(pidFile string) *os.Process {
	pid, err := strconv.Atoi(textOf(pidFile))
	if err != nil || processOf(pid) == nil {
		return nil
	}
	p, _ := os.FindProcess(pid)
	return p
}

func begin(pidFile, name string, args ...string) error {
	cmd := exec.Command(filepath.Join(standIns, name), args...)
	cmd.Args[0] = name
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(os.RemoveAll(pidFile), cmd.Start()); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for runs(pidFile) == nil {
		select {
		case err := <-ended:
			fmt.Fprintln(os.Stderr, name, "has ended:", err)
			return nil // systemd only tells of it where the unit says Type=notify or forking
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func end(pidFile string) error {
	p := runs(pidFile)
	if p == nil {
		return nil
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	for runs(pidFile) != nil {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// applyAs is a process of its own that applies the tree of a version: VERSION [STEP], where it is killed before that step (its number or its name).
func applyAs(args []string) error {
	steps := 0
	m := testMachine(func(name string) {
		if len(args) > 1 && (args[1] == strconv.Itoa(steps) || args[1] == name) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		steps++
	})
	_, err := applyVersion(m, args[0])
	_, _ = io.WriteString(os.Stdout, strconv.Itoa(steps))
	return err
}
