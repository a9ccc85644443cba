package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

func TestReportError(t *testing.T) {
	p := newFake(t).program()
	for want, err := range map[string]error{
		"nova-manage: error: it broke\n": errFake,
		"nova-manage: error: it broke; it broke\nnova-manage: hint: try; again\n": fmt.Errorf("%w",
			WithHint(errors.Join(errFake, errFake), "try\nagain")),
		"nova-manage: error: a\\rb\\x1b[2J\\u2028\\xff\n": errors.New("a\rb\x1b[2J\u2028\xff\n"),
		"nova-manage: error: é \ufffd\n":                  errors.New("é \ufffd"),
		"":                                                &answerError{&os.PathError{Err: syscall.EPIPE}},
		"nova-manage: error: cannot write to standard output: no space left on device\n": &answerError{syscall.ENOSPC},
		"nova-manage: error: server: broken pipe\n":                                      fmt.Errorf("server: %w", syscall.EPIPE),
	} {
		var b bytes.Buffer
		p.report(t.Context(), &b, err, exitFailed)
		if b.String() != want {
			t.Errorf("got %q, want %q", b.String(), want)
		}
	}
}

func TestUsageErrorf(t *testing.T) {
	err := UsageErrorf("no %w", errFake)
	for _, err := range []error{err, WithHint(err, "look"), fmt.Errorf("thing: %w", err), BadValue("--x", "y", Origin{}, errFake)} {
		if !errors.Is(err, ErrUsage) || !errors.Is(err, errFake) {
			t.Errorf("%v is not what it was made of", err)
		}
	}
	if errors.Is(errFake, ErrUsage) || WithHint(errFake, "") != errFake {
		t.Error("an error is more than it was made of")
	}
}
