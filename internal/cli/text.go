package cli

import (
	"fmt"
	"strings"
	"unicode"

	"nova-manage/internal/redact"
)

// oneLine makes a text fit for one line of a terminal: line breaks become "; ", other control characters are escaped. It is
// what every message passes last, and the passwords that somebody forgot to take out go here.
func oneLine(s string) string {
	s = redact.Text(s)
	s = strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\n", "; ")
	return escapeControl(s)
}

// Printable is a text for readers: one line, with control characters escaped.
func Printable(s string) string { return escapeControl(s) }

// escapeControl writes control characters and broken UTF-8 as Go escapes and leaves all other text alone.
func escapeControl(s string) string {
	if !hasControl(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case isControl(r):
			b.WriteString(strings.Trim(fmt.Sprintf("%q", r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isControl tells whether r could start a line or move the cursor where text is expected.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// hasControl tells whether s holds a control character or is not UTF-8.
func hasControl(s string) bool {
	for i, r := range s {
		if isControl(r) || r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)) {
			return true
		}
	}
	return false
}

// Quote shows a value that the user gave: in quotes, without passwords, control characters escaped, and cut where it is too
// long to read.
func Quote(s string) string {
	const longest = 80
	// Before it is cut: in a half of a URL nobody could tell what is a password.
	shown := redact.Value(s)
	if len(shown) > longest {
		return fmt.Sprintf("%q... (%d bytes)", strings.ToValidUTF8(shown[:longest], ""), len(s))
	}
	return fmt.Sprintf("%q", shown)
}
