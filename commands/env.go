package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"nova-manage/db"
)

// env is what a command's run function has of the outside.
type env struct {
	sys *Sys

	// stdout takes the answer and nothing else. A write that fails is reported once the command is done.
	stdout io.Writer

	globals  globals
	quiet    bool
	messages []string // held back by --quiet until it is known that there is an error to explain
	view     view
	progress *progress
	closers  []func() error
	ledgers  []*db.Store // all that the command has opened
}

func newEnv(sys *Sys, stdout io.Writer) *env {
	return &env{sys: sys, stdout: stdout, progress: newProgress(nil, time.Now)}
}

// prepare takes over the global flags once they are known. What they ask of the command's answer is checked here,
// before the command does anything.
func (e *env) prepare(c *command, g *globals) error {
	e.globals = *g
	if e.quiet = g.Quiet; e.quiet {
		e.stdout = io.Discard
	}
	if !e.quiet && e.sys.StderrIsTerminal() {
		e.progress.w = e.sys.Stderr
	}
	view, err := newView(c, g, e.sys.TerminalWidth)
	e.view = view
	return err
}

// warn tells the user, on standard error, about something that is probably not what was meant.
func (e *env) warn(format string, args ...any) {
	e.message("nova-manage: warning: " + oneLine(fmt.Sprintf(format, args...)))
}

// note tells the user, on standard error, how it went.
func (e *env) note(format string, args ...any) {
	e.message("nova-manage: " + oneLine(fmt.Sprintf(format, args...)))
}

func (e *env) message(line string) {
	if e.quiet {
		e.messages = append(e.messages, line)
		return
	}
	e.progress.clear()
	fmt.Fprintln(e.sys.Stderr, line)
}

// flushMessages prints what --quiet held back: a command that fails is not quiet.
func (e *env) flushMessages() {
	for _, m := range e.messages {
		fmt.Fprintln(e.sys.Stderr, m)
	}
	e.messages = nil
}

// ledgerURL names the ledger: what sql_connection says, else nova.sqlite in the state path.
func (e *env) ledgerURL() (string, error) {
	if e.globals.SQLConnection != "" {
		return e.globals.SQLConnection, nil
	}
	dir, err := e.globals.StatePath, error(nil)
	if dir == "" {
		dir, err = e.sys.statePath()
	}
	return filepath.Join(dir, "nova.sqlite"), err
}

// openStore opens the ledger for what the command is about to do. It is closed when the command is done.
func (e *env) openStore(ctx context.Context, mode db.Mode) (*db.Store, error) {
	url, err := e.ledgerURL()
	if err != nil {
		return nil, err
	}
	return e.openStoreAt(ctx, url, mode)
}

// openStoreAt is openStore for another ledger than the usual one.
func (e *env) openStoreAt(ctx context.Context, url string, mode db.Mode) (*db.Store, error) {
	store, err := db.Open(ctx, db.Options{URL: url, Mode: mode, Clock: e.sys.Now, LockTimeout: e.globals.LockTimeout,
		Progress: e.progress.report})
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, store.Close)
	e.ledgers = append(e.ledgers, store)
	return store, nil
}

// close closes what the command opened.
func (e *env) close() error {
	var errs []error
	for _, c := range e.closers {
		errs = append(errs, c())
	}
	e.closers = nil
	return errors.Join(errs...)
}
