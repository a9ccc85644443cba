package cli

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Words splits a line into words as a POSIX shell does (XCU 2.2, 2.3): blanks between them, single and double quotes, a
// backslash before a character, and a comment from a # that begins a word. There are no words in an empty line. Nothing is
// expanded: what a shell would make something else of is refused where it stands without quotes, so that a line never means
// one thing here and another one there.
//
// The libraries there are do not keep to that: google/shlex, unkept since 2019, takes the backslash away before any character
// within double quotes (XCU 2.2.3 does before five), and mvdan.cc/sh is a whole shell, whose every other construct would have to
// be found and refused.
func Words(line string) (words []string, err error) {
	var word strings.Builder
	inWord := false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ', c == '\t':
			end()
			continue
		case c == '#' && !inWord:
			return words, nil
		case c == '\'':
			length := strings.IndexByte(line[i+1:], '\'')
			if length < 0 {
				return nil, unclosed(line[i:])
			}
			word.WriteString(line[i+1 : i+1+length])
			i += 1 + length
		case c == '"':
			length, err := doubleQuoted(&word, line[i:])
			if err != nil {
				return nil, err
			}
			i += length - 1
		case c == '\\':
			if i++; i == len(line) {
				return nil, WithHint(UsageErrorf("a backslash is the last character"), "a command is one line")
			}
			word.WriteByte(line[i])
		case strings.IndexByte("$`|&;<>()*?[", c) >= 0, c == '~' && !inWord:
			return nil, meantForShell(line[i:], "without quotes")
		default:
			word.WriteByte(c)
		}
		inWord = true
	}
	end()
	return words, nil
}

// doubleQuoted adds to a word what stands in the double quotes that s begins with, and returns how long that is with them.
func doubleQuoted(word *strings.Builder, s string) (length int, err error) {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case c == '$', c == '`':
			return 0, meantForShell(s[i:], "in double quotes")
		case c == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\", s[i+1]) >= 0:
			i++
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, unclosed(s)
}

func unclosed(s string) error {
	return WithHint(UsageErrorf("a quote is not closed: %s", Quote(s)), "a command is one line; a quote that is meant itself is written \\"+s[:1])
}

// meantForShell is the error for what s begins with.
func meantForShell(s, where string) error {
	_, size := utf8.DecodeRuneInString(s)
	return WithHint(UsageErrorf("%s %s is for a shell, and this is none: %s", s[:size], where, Quote(s)),
		"write "+`'`+s[:size]+`'`+" where the character itself is meant")
}

// longestLine bounds a line of a file of commands. A shell's is at most what one program may be started with, 2 MiB on Linux.
const longestLine = 1 << 20

// TextLine is a line of a text, without what ends it.
type TextLine struct {
	Number int // from 1 on, as editors count
	Text   string
}

// TextLines yields the lines of a text, which end with \n or \r\n, without a byte order mark before the first.
func TextLines(text string) iter.Seq2[TextLine, error] {
	return func(yield func(TextLine, error) bool) {
		text := strings.TrimPrefix(text, "\ufeff")
		for number := 1; text != ""; number++ {
			line, rest, _ := strings.Cut(text, "\n")
			line, text = strings.TrimSuffix(line, "\r"), rest
			var err error
			switch {
			case strings.IndexByte(line, 0) >= 0:
				err = UsageErrorf("it holds a NUL byte, so this is not a text")
			case len(line) > longestLine:
				err = UsageErrorf("it is longer than %d bytes", longestLine)
			}
			if !yield(TextLine{number, line}, err) {
				return
			}
		}
	}
}
