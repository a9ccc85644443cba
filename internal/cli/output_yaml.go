package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// yamlRows prints a sequence of mappings.
type yamlRows struct {
	w     io.Writer
	names []string
	text  []byte
	begun bool
}

func (y *yamlRows) row(values []any) error {
	y.begun = true
	// The dash of an item stands in the place of its first line's indentation.
	y.text = appendYAML(y.text[:0], y.names, values, "  ")
	y.text[0] = '-'
	_, err := y.w.Write(y.text)
	return err
}

func (y *yamlRows) end() error {
	if y.begun {
		return nil
	}
	_, err := io.WriteString(y.w, "[]\n")
	return err
}

// appendYAML writes a mapping in the order of its columns, each line indented.
func appendYAML(b []byte, names []string, values []any, indent string) []byte {
	for i, name := range names {
		b = append(b, indent...)
		b = appendYAMLText(b, name)
		b = append(b, ':')
		list, ok := values[i].([]string)
		switch {
		case !ok:
			b = append(b, ' ')
			b = appendYAMLValue(b, values[i])
		case len(list) == 0:
			b = append(b, " []"...)
		}
		for _, item := range list {
			b = append(b, '\n')
			b = append(b, indent...)
			b = append(b, "  - "...)
			b = appendYAMLText(b, item)
		}
		b = append(b, '\n')
	}
	return b
}

// appendYAMLValue writes what plain returns, but for lists.
func appendYAMLValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendYAMLText(b, v)
	case Object:
		return appendYAMLObject(b, v)
	}
	return fmt.Append(b, v) // a number or true or false, which all readers take for what it is
}

// appendYAMLText writes a text so that readers of YAML 1.1 and of 1.2 take it for that text: bare where nobody can take it
// for anything else, in double quotes otherwise.
func appendYAMLText(b []byte, s string) []byte {
	if isPlainYAML(s) {
		return append(b, s...)
	}
	return appendQuotedYAML(b, s)
}

func appendQuotedYAML(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ', r >= 0x7f && r <= 0x9f:
			b = fmt.Appendf(b, `\x%02x`, r)
		// Line breaks, which are folded, the byte order mark, and what no stream may hold (YAML 1.2.2 §5.1, §5.2).
		case isControl(r), r == 0xfeff, r == 0xfffe, r == 0xffff:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// isPlainYAML tells whether a text may stand without quotes. It says so of less than it could: names, addresses, and words
// with blanks between them, of ASCII letters and few signs.
func isPlainYAML(s string) bool {
	if s == "" || !isLetter(s[0]) && !isDigit(s[0]) {
		return false
	}
	dots, slashes, colons, blanks := 0, 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case isLetter(c), isDigit(c), c == '_', c == '-':
		case c == '.':
			dots++
		case c == '/':
			slashes++
		case c == ':':
			colons++
		case c == ' ':
			blanks++
		default:
			return false
		}
	}
	switch last := s[len(s)-1]; {
	case last == ':', last == ' ', colons > 0 && blanks > 0:
		return false // a colon before a blank or at the end makes a mapping
	case isLetter(s[0]):
		return len(s) > longestYAMLWord || !yamlWords[strings.ToLower(s)]
	}
	// Numbers of 1.1 may have underscores, colons (base 60) and an exponent; there are times, too. No form of either has a
	// slash or two colons in a row, or two dots: the pattern in yaml.org/type/float.html would let them repeat, which makes no
	// number, and no reader follows it there.
	return slashes > 0 || dots > 1 && colons == 0 || strings.Contains(s, "::")
}

// yamlWords are those that some reader takes for a truth value, for nothing or for a number, in lower case
// (yaml.org/type/bool.html, null.html and float.html; YAML 1.2.2 §10.3).
var yamlWords = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true,
	"null": true, "nan": true, "inf": true, "infinity": true,
}

const longestYAMLWord = len("infinity")

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
