//go:build linux

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Machine is the node itself, or what will become one.
type Machine struct {
	Root string // where its files are; "/" is this machine
	// Reload is run in the place of systemctl, with its arguments, where there is no systemd. nil is systemctl.
	Reload []string
	// Networkd says that systemd-networkd makes the links, from files of its own or of netplan's.
	Networkd bool
	// Generate, if it is set, is run before networkd reads its files: netplan's generator.
	Generate []string
	// Note tells whoever watches what is done.
	Note func(format string, args ...any)
	// Step is told of each step of an apply before it is done, for tests that stop there. nil is nobody.
	Step func(name string)
}

// longest is how long any program that is run may take: loading a filter of 10,000 groups takes 17 seconds.
const longest = 2 * time.Minute

// failure is a program that failed: its name and what it said.
type failure struct {
	program string
	said    string
	err     error
}

func (f *failure) Error() string {
	switch {
	case errors.Is(f.err, exec.ErrNotFound):
		return f.program + " is not installed"
	case f.said != "":
		return f.program + ": " + f.said
	}
	return fmt.Sprintf("%s: %v", f.program, f.err)
}

func (f *failure) Unwrap() error { return f.err }

// says tells whether err is of a program that said so.
func says(err error, text string) bool {
	f := (*failure)(nil)
	return errors.As(err, &f) && strings.Contains(f.said, text)
}

// run runs a program and returns what it prints on standard output.
func run(ctx context.Context, stdin []byte, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	path, err := resolve(program)
	if err != nil {
		return nil, &failure{program: program, err: err}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH="+searchPath())
	cmd.Stdin = bytes.NewReader(stdin)
	// Ctrl-C is for us, who finish what is begun, and not for what a terminal takes for the rest of the job.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A daemon that a program leaves behind may keep its output open.
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		if ctx.Err() != nil && context.Cause(ctx) != nil {
			err = context.Cause(ctx)
		}
		return out.Bytes(), &failure{program, oneLine(errs.Bytes()), err}
	}
	return out.Bytes(), nil
}

// searchPath is PATH with the folders where a node's programs are, which those of a user or a timer lacks.
func searchPath() string {
	path := os.Getenv("PATH")
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if !strings.Contains(":"+path+":", ":"+dir+":") {
			path = strings.TrimPrefix(path+":"+dir, ":")
		}
	}
	return path
}

// resolve finds a program. Error: exec.ErrNotFound.
func resolve(program string) (string, error) {
	if strings.Contains(program, "/") {
		return exec.LookPath(program)
	}
	for dir := range strings.SplitSeq(searchPath(), ":") {
		if path, err := exec.LookPath(dir + "/" + program); err == nil && dir != "" {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// oneLine is the beginning of what a program said, for a message of one line.
func oneLine(said []byte) string {
	const most = 300
	text := strings.Join(strings.Fields(string(said)), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

// systemctl has the init system do something with a unit.
func (m *Machine) systemctl(ctx context.Context, args ...string) error {
	command := m.Reload
	if command == nil {
		command = []string{"systemctl"}
	}
	_, err := run(ctx, nil, command[0], append(command[1:len(command):len(command)], args...)...)
	return err
}

// step tells of a step before it is done.
func (m *Machine) step(name string) {
	if m.Step != nil {
		m.Step(name)
	}
}

// readText reads a small file, "" where it is not there or cannot be read.
func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// exists tells whether there is something of that name.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
