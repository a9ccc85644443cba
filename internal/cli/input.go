package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadInput reads the whole of a file, or of standard input where path is "" or "-", but no more than most bytes. It says on
// standard error what is waited for where that is a terminal.
func (e *Env) ReadInput(ctx context.Context, path, what string, most int) (data []byte, err error) {
	name, from := "standard input", e.Sys.Stdin
	if path != "" && path != "-" {
		name = path
	}
	if name != path && e.Sys.StdinIsTerminal() {
		e.Notef("reading %s from the terminal, until Ctrl-D", what)
	}
	// Nobody may ever write to a pipe, or open it to do so.
	err = until(ctx, func() (err error) {
		if name == path {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			if info, err := file.Stat(); err == nil && info.IsDir() {
				return errors.New("it is a folder")
			}
			from = file
		}
		data, err = io.ReadAll(io.LimitReader(from, int64(most)+1))
		return err
	})
	switch {
	case err == nil && len(data) > most:
		return nil, UsageErrorf("%s is longer than %d MiB", name, most>>20)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", name, ReasonOf(err))
	}
	return data, nil
}
