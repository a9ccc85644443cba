package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// shellRow prints the only row of a list as assignments for a POSIX shell to evaluate. It prints nothing before it is known that
// there is just one: whoever evaluates the text of a few of many rows would not notice.
type shellRow struct {
	w      io.Writer
	names  []string
	prefix string
	list   bool // the command takes --filter and --limit

	values []any
	n      int64
}

func (s *shellRow) row(values []any) error {
	if s.n++; s.n == 1 {
		s.values = values
	}
	return nil
}

func (s *shellRow) end() error {
	if s.n != 1 {
		hint := "the other formats print any number"
		if s.list {
			hint = "--filter and --limit 1 choose one; " + hint
		}
		return WithHint(UsageErrorf("-f shell prints one row, and there are %d", s.n), hint)
	}
	return writeShell(s.w, s.names, s.values, s.prefix)
}

// writeShell prints an object as assignments, one on each line; what is absent is the empty text.
func writeShell(w io.Writer, names []string, values []any, prefix string) error {
	var b strings.Builder
	for i, name := range names {
		b.WriteString(variable(prefix+name) + "=" + shellQuoted(rawText(values[i])) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rawText is a value as it is, its control characters too, which quotes keep from meaning anything.
func rawText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(v)
}

// shellQuoted is a text as one word of a shell that is nothing but itself: in single quotes all characters but the quote are
// (POSIX.1-2017, Shell Command Language 2.2.2).
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// variable is a name of a shell's variable (POSIX.1-2017, Base Definitions 3.235): letters, digits and underscores, no digit in front.
func variable(name string) string {
	valid := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	if valid[0] >= '0' && valid[0] <= '9' {
		return "_" + valid
	}
	return valid
}

// parsePrefix reads what stands before the names of variables.
func parsePrefix(s string) (string, error) {
	if s != variable(s) {
		return "", errors.New("cannot begin the name of a shell's variable")
	}
	return s, nil
}
