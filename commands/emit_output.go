package commands

import (
	"context"
	"io"
)

// The way from a rendered text to where it is wanted. It knows no kind of text: an emitting command has its generator
// render what the ledger holds, and hands the texts over here, one to output or several to outputFolder.

// output hands over a text: on standard output, on a descriptor, or in a file.
func (s *session) output(ctx context.Context, path string, text []byte) error {
	if !isFile(path) {
		_, err := s.Output.Write(text)
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fd, ours, err := descriptorOf(path)
	switch {
	case err != nil:
		return err
	case ours:
		return s.outputDescriptor(ctx, path, fd, text)
	}
	changed, err := replaceFile(path, text, s.opened)
	s.wrote = s.wrote || changed
	if err == nil && !changed {
		s.Notef("%s: unchanged", path)
	}
	return err
}

// outputDescriptor writes text where a descriptor stands that whoever started the command has opened: it is neither
// opened again, which would begin at the first byte of a file, nor truncated, and `>>` appends.
func (s *session) outputDescriptor(ctx context.Context, path string, fd int, text []byte) error {
	return s.streamDescriptor(ctx, path, fd, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// isFile tells whether -o names anything but standard output.
func isFile(path string) bool { return path != "" && path != "-" }
