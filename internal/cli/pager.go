package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// page prints a text, through the user's pager where it is higher than the terminal.
func (e *Env) page(ctx context.Context, text []byte) error {
	// The prompt after it takes a line, too.
	if height := e.Sys.TerminalHeight(); height > 0 && bytes.Count(text, []byte("\n")) >= height {
		if command, environment := e.pager(); command != "" {
			if shown, err := e.Sys.RunPager(ctx, command, environment, text); shown || err != nil {
				return err
			}
		}
	}
	_, err := e.Stdout.Write(text)
	return err
}

// pager is the command that shows a long text, for a shell (POSIX, ENVIRONMENT VARIABLES of man), and the environment that it
// runs in; "" is none. PAGER says it, else it is less. A terminal that cannot move its cursor has no use for either.
func (e *Env) pager() (command string, environment []string) {
	if terminal, _ := e.Sys.LookupEnv("TERM"); terminal == "" || terminal == "dumb" {
		return "", nil
	}
	command, given := e.Sys.LookupEnv("PAGER")
	if !given {
		command = "less"
	}
	if command = strings.TrimSpace(command); command == "cat" {
		return "", nil
	}
	environment = e.Sys.Environ()
	if _, ok := e.Sys.LookupEnv("LESS"); !ok {
		environment = append(environment, "LESS=FRX") // as with git: quit where all of it fits, colours, and leave it on the screen
	}
	return command, environment
}

// What a shell exits with where there is no such command, or one that cannot be run (POSIX, XCU 2.8.2).
const (
	cannotRun = 126
	notFound  = 127
)

// runPager has a pager show a text on the terminal, and tells whether it did. One that is left before the end has shown enough.
func runPager(ctx context.Context, command string, environment []string, text []byte) (shown bool, err error) {
	// The shell would complain before the text is printed without it.
	if words, err := Words(command); err == nil && len(words) > 0 && !strings.Contains(words[0], "=") {
		if _, err := exec.LookPath(words[0]); err != nil {
			return false, nil
		}
	}
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environment, bytes.NewReader(text), os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return false, nil
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			// The terminal sends an interrupt to the pager, too, which has its own use for it and is waited for.
			if stopped := (Signal{}); errors.As(context.Cause(ctx), &stopped) && stopped.Signal != syscall.SIGINT {
				_ = cmd.Process.Signal(stopped.Signal)
			}
		case <-ended:
		}
	}()
	err = cmd.Wait()
	close(ended)
	if stopped := (Signal{}); errors.As(context.Cause(ctx), &stopped) && stopped.Signal != syscall.SIGINT {
		return true, stopped
	}
	var failed *exec.ExitError
	missing := errors.As(err, &failed) && (failed.ExitCode() == cannotRun || failed.ExitCode() == notFound)
	return !missing, nil
}
