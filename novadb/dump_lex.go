package novadb

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What mysqldump writes is little of SQL: names, the literals of a server's own values, comments, and punctuation. This file
// reads these as they come, a token in memory at a time: a statement is as long as the server's max_allowed_packet, a gigabyte
// at most, and a parser that makes a tree of each wants all of it at once.

// tokenKind is what a token is.
type tokenKind byte

const (
	tokenEnd    tokenKind = iota // of the file
	tokenWord                    // a keyword or a bare name
	tokenName                    // a name in backticks, or in double quotes as --compatible=ansi has it
	tokenString                  // in single quotes, or hexadecimal or binary digits, which are bytes as well
	tokenNumber
	tokenPunctuation // a single character
)

type token struct {
	kind tokenKind
	text string // without quotes and escapes
}

// is tells whether a token is that character, or that keyword in upper case.
func (t token) is(what string) bool {
	switch t.kind {
	case tokenPunctuation:
		return t.text == what
	case tokenWord:
		return strings.EqualFold(t.text, what)
	}
	return false
}

// name tells whether a token can be a name.
func (t token) name() bool { return t.kind == tokenName || t.kind == tokenWord }

// longestToken is what a token may have in bytes: longer than any text that MySQL keeps in a row as a whole by default.
const longestToken = 64 << 20

// errCut is a file that ends within a token.
var errCut = errors.New("it ends in the middle of a statement")

// lexer makes tokens of a dump.
type lexer struct {
	in    *bufio.Reader
	text  []byte // of the token that is being read
	line  int64
	read  int64 // bytes
	label func(comment string)
}

func newLexer(in io.Reader) *lexer {
	return &lexer{in: bufio.NewReaderSize(in, 1<<16), line: 1, label: func(string) {}}
}

func (l *lexer) byte() (byte, error) {
	b, err := l.in.ReadByte()
	if err != nil {
		return 0, err
	}
	l.read++
	if b == '\n' {
		l.line++
	}
	return b, nil
}

// peek is the next byte, 0 at the end of the file.
func (l *lexer) peek() byte {
	b, err := l.in.Peek(1)
	if err != nil {
		return 0
	}
	return b[0]
}

// within is byte where the file must not end.
func (l *lexer) within() (byte, error) {
	b, err := l.byte()
	if err == io.EOF {
		err = errCut
	}
	return b, err
}

// next returns the next token. Of a token that keep is false for the text is "", which spares most of a dump's the copy.
func (l *lexer) next(keep bool) (token, error) {
	for {
		b, err := l.byte()
		switch {
		case err == io.EOF:
			return token{}, nil
		case err != nil:
			return token{}, err
		case b <= ' ' || b == 0xef && l.bom():
			continue
		case b == '#', b == '-' && l.dashes():
			err = l.comment()
		case b == '/' && l.peek() == '*':
			// /*!40101 ... */ is for servers of that version: settings, keys and triggers, but never a table or its rows.
			err = l.block()
		default:
			return l.token(b, keep)
		}
		if err != nil {
			return token{}, err
		}
	}
}

// bom passes over a byte order mark, which editors put in front of a file.
func (l *lexer) bom() bool {
	rest, _ := l.in.Peek(2)
	if l.read != 1 || string(rest) != "\xbb\xbf" {
		return false
	}
	_, _ = l.in.Discard(2) // they have been seen
	l.read += 2
	return true
}

// dashes tells whether a dash begins a comment, which in MySQL takes two of them and a space.
func (l *lexer) dashes() bool {
	rest, _ := l.in.Peek(2)
	return len(rest) > 0 && rest[0] == '-' && (len(rest) == 1 || rest[1] <= ' ')
}

func (l *lexer) comment() error {
	l.text = l.text[:0]
	for {
		b, err := l.byte()
		if err == io.EOF || err == nil && b == '\n' {
			l.label(string(l.text))
			return nil
		}
		if err != nil {
			return err
		}
		l.keepLabel(b)
	}
}

func (l *lexer) block() error {
	if _, err := l.within(); err != nil {
		return err
	}
	l.text = l.text[:0]
	for last := byte(0); ; {
		b, err := l.within()
		if err != nil {
			return err
		}
		if last == '*' && b == '/' {
			l.label(string(l.text))
			return nil
		}
		l.keepLabel(b)
		last = b
	}
}

// keepLabel keeps the beginning of a comment, which is where it says what label wants to know.
func (l *lexer) keepLabel(b byte) {
	if len(l.text) < 80 {
		l.text = append(l.text, b)
	}
}

// restOfLine passes over what is left of a line and returns it.
func (l *lexer) restOfLine() (string, error) {
	l.text = l.text[:0]
	for {
		b, err := l.byte()
		if err == io.EOF || err == nil && b == '\n' {
			return strings.TrimSpace(string(l.text)), nil
		}
		if err != nil {
			return "", err
		}
		if l.text = append(l.text, b); len(l.text) > longestToken {
			return "", errTooLong
		}
	}
}

var errTooLong = fmt.Errorf("a value is longer than %d bytes", longestToken)

func (l *lexer) token(b byte, keep bool) (token, error) {
	switch {
	case b == '\'' || b == '"' || b == '`':
		kind := tokenName
		if b == '\'' {
			kind = tokenString
		}
		text, err := l.quoted(b, keep)
		return token{kind, text}, err
	case digit(b), b == '.' && digit(l.peek()), (b == '-' || b == '+') && (digit(l.peek()) || l.peek() == '.'):
		return l.number(b)
	case wordByte(b):
		return l.word(b, keep)
	}
	return token{tokenPunctuation, string(rune(b))}, nil
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || digit(b) || b == '_' || b == '$' || b == '@' || b >= 0x80
}

// run reads what is left of a run of letters and digits.
func (l *lexer) run(b byte, more string) (string, error) {
	l.text = append(l.text[:0], b)
	for {
		next := l.peek()
		if !wordByte(next) && (next == 0 || strings.IndexByte(more, next) < 0) {
			return string(l.text), nil
		}
		if _, err := l.byte(); err != nil {
			return "", err
		}
		if l.text = append(l.text, next); len(l.text) > longestToken {
			return "", errTooLong
		}
	}
}

func (l *lexer) number(b byte) (token, error) {
	run, err := l.run(b, ".")
	if err != nil {
		return token{}, err
	}
	if digits, ok := strings.CutPrefix(run, "0x"); ok {
		return bytesOf(digits, 4)
	}
	if digits, ok := strings.CutPrefix(run, "0b"); ok {
		return bytesOf(digits, 1)
	}
	// 1.5e-3: the sign is a part of it.
	if e := run[len(run)-1]; (e == 'e' || e == 'E') && (l.peek() == '-' || l.peek() == '+') {
		sign, err := l.byte()
		if err != nil {
			return token{}, err
		}
		exponent, err := l.run(sign, "")
		if err != nil {
			return token{}, err
		}
		run += exponent
	}
	if _, err := strconv.ParseFloat(run, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return token{}, fmt.Errorf("%q is no number", run)
	}
	return token{tokenNumber, run}, nil
}

// word reads a word, and the literals that begin with one: x'00ff', b'1', and _binary 'text'.
func (l *lexer) word(b byte, keep bool) (token, error) {
	run, err := l.run(b, "")
	if err != nil {
		return token{}, err
	}
	base := 0
	switch run {
	case "x", "X":
		base = 4
	case "b", "B":
		base = 1
	}
	if base > 0 && l.peek() == '\'' {
		if _, err := l.byte(); err != nil {
			return token{}, err
		}
		digits, err := l.quoted('\'', true)
		if err != nil {
			return token{}, err
		}
		return bytesOf(digits, base)
	}
	if run[0] == '_' { // an introducer says which character set a literal is in
		t, err := l.next(keep)
		if err == nil && t.kind != tokenString {
			err = fmt.Errorf("%s is not followed by a value", run)
		}
		return t, err
	}
	return token{tokenWord, run}, nil
}

// bytesOf reads digits of so many bits each.
func bytesOf(digits string, bits int) (token, error) {
	if bits == 4 {
		if len(digits)%2 > 0 {
			digits = "0" + digits
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return token{}, fmt.Errorf("%q are no hexadecimal digits", digits)
		}
		return token{tokenString, string(b)}, nil
	}
	n, err := strconv.ParseUint(digits, 2, 64)
	if err != nil {
		return token{}, fmt.Errorf("%q are no binary digits", digits)
	}
	b := []byte{byte(n)}
	for n >>= 8; n > 0; n >>= 8 {
		b = append([]byte{byte(n)}, b...)
	}
	return token{tokenString, string(b)}, nil
}

// quoted reads what is in quotes, as the client library's mysql_real_escape_string writes it.
func (l *lexer) quoted(quote byte, keep bool) (string, error) {
	l.text = l.text[:0]
	for {
		b, err := l.within()
		if err != nil {
			return "", err
		}
		switch {
		case b == quote && l.peek() == quote: // doubled, it stands for itself
			if _, err := l.byte(); err != nil {
				return "", err
			}
		case b == quote:
			return string(l.text), nil
		case b == '\\' && quote != '`':
			if b, err = l.within(); err != nil {
				return "", err
			}
			b = unescape(b)
		}
		if !keep {
			continue
		}
		if l.text = append(l.text, b); len(l.text) > longestToken {
			return "", errTooLong
		}
	}
}

// unescape is the character that a backslash and b stand for (MySQL Reference Manual, String Literals).
func unescape(b byte) byte {
	switch b {
	case '0':
		return 0
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'Z':
		return 26
	}
	return b
}
