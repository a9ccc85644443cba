package document

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// LongestText is how many bytes a string may have: one is held in memory, and a document may come from anywhere. A command
// line, the longest text that there is in a ledger, has 2 MiB at most (execve(2), a quarter of the stack's usual limit).
const LongestText = 4 << 20

// Reader reads a document from its beginning to its end. The first error is the last: what comes after it is not read.
type Reader struct {
	r    *bufio.Reader
	line int64
	path []step
	text []byte // the string that is being read
}

// step is one member of an object, or one element of an array, on the way to the value that is being read.
type step struct {
	key   string
	index int64 // of an element; -1 for a member
}

// NewReader returns a reader of what r has.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// Here is the place of the value that is being read.
func (r *Reader) Here() Place {
	var b strings.Builder
	for _, s := range r.path {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.FormatInt(s.index, 10))
		} else {
			b.WriteString(escape(s.key))
		}
	}
	return Place{r.line, b.String()}
}

// Errorf is an error at the value that is being read.
func (r *Reader) Errorf(format string, args ...any) error { return r.Here().Errorf(format, args...) }

// Object reads an object. member is called for each key, and reads the value; known are the keys there may be. All that are
// not optional must be there.
func (r *Reader) Object(known []string, optional []string, member func(key string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	seen := make([]bool, len(known))
	for first := true; ; first = false {
		more, err := r.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if c, err := r.peek(); err != nil {
			return err
		} else if c != '"' {
			return r.unexpected(c, "a key in double quotes")
		}
		if err := r.string(); err != nil {
			return err
		}
		i := slices.IndexFunc(known, func(k string) bool { return k == string(r.text) })
		if i < 0 {
			return r.Errorf("%s is no key here; there are %s", Quote(string(r.text)), strings.Join(known, ", "))
		}
		r.path = append(r.path, step{key: known[i], index: -1})
		if seen[i] {
			return r.Errorf("the key is there twice")
		}
		seen[i] = true
		if c, err := r.peek(); err != nil {
			return err
		} else if c != ':' {
			return r.unexpected(c, "a colon")
		}
		r.skip()
		if err := member(known[i]); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	for i, there := range seen {
		if !there && !slices.Contains(optional, known[i]) {
			return r.Errorf("the key %s is missing", known[i])
		}
	}
	return nil
}

// Array reads an array; element is called for each of its values, and reads it.
func (r *Reader) Array(element func() error) error {
	if err := r.open('[', "an array"); err != nil {
		return err
	}
	r.path = append(r.path, step{})
	at := len(r.path) - 1
	for ; ; r.path[at].index++ {
		more, err := r.more(']', r.path[at].index == 0)
		if err != nil {
			return err
		}
		if !more {
			r.path = r.path[:at]
			return nil
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// Value reads null, a text or a whole number: nil, a string or an int64.
func (r *Reader) Value() (any, error) {
	c, err := r.peek()
	switch {
	case err != nil:
		return nil, err
	case c == '"':
		if err := r.string(); err != nil {
			return nil, err
		}
		return string(r.text), nil
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case c == 'n':
		return nil, r.word("null")
	}
	return nil, r.unexpected(c, "a text, a whole number or null")
}

// Text reads a text.
func (r *Reader) Text() (string, error) {
	v, err := r.Value()
	if s, ok := v.(string); ok || err != nil {
		return s, err
	}
	return "", r.Errorf("%s is no text", Quote(v))
}

// Integer reads a whole number.
func (r *Reader) Integer() (int64, error) {
	v, err := r.Value()
	if n, ok := v.(int64); ok || err != nil {
		return n, err
	}
	return 0, r.Errorf("%s is no whole number", Quote(v))
}

// IsNull tells whether the value that comes is null, and reads it if it is.
func (r *Reader) IsNull() (bool, error) {
	c, err := r.peek()
	if err != nil || c != 'n' {
		return false, err
	}
	return true, r.word("null")
}

// End wants nothing but space behind the document.
func (r *Reader) End() error {
	err := r.space()
	if err == io.EOF {
		return nil
	}
	if err == nil {
		err = r.Errorf("something follows the end of the document")
	}
	return err
}

// open reads the beginning of an object or an array.
func (r *Reader) open(bracket byte, what string) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != bracket {
		return r.unexpected(c, what)
	}
	r.skip()
	return nil
}

// more tells whether another value comes, and reads what stands before it, or the closing bracket.
func (r *Reader) more(closing byte, first bool) (bool, error) {
	c, err := r.peek()
	switch {
	case err != nil:
		return false, err
	case c == closing:
		r.skip()
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, r.unexpected(c, "a comma or "+string(closing))
	}
	r.skip()
	if c, err = r.peek(); err == nil && c == closing {
		err = r.unexpected(c, "a value after the comma")
	}
	return err == nil, err
}

// unexpected is the error for a character that cannot stand where it does.
func (r *Reader) unexpected(c byte, wanted string) error {
	is := strconv.QuoteRune(rune(c))
	switch {
	case c == '{':
		is = "an object"
	case c == '[':
		is = "an array"
	case c == '"':
		is = "a text"
	case c == 't' || c == 'f':
		is = "a word"
	case c == '-' || '0' <= c && c <= '9':
		is = "a number"
	case c >= utf8.RuneSelf:
		is = fmt.Sprintf("byte 0x%02x", c)
	}
	return r.Errorf("%s stands where %s belongs", is, wanted)
}

// space skips what may stand between values.
func (r *Reader) space() error {
	for {
		c, err := r.r.ReadByte()
		if err != nil {
			return err
		}
		switch c {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return r.r.UnreadByte()
		}
	}
}

// peek returns the next character that is no space, and does not read it.
func (r *Reader) peek() (byte, error) {
	if err := r.space(); err != nil {
		return 0, r.cut(err)
	}
	c, err := r.r.ReadByte()
	if err != nil {
		return 0, r.cut(err)
	}
	return c, r.r.UnreadByte()
}

// skip reads the character that peek has returned.
func (r *Reader) skip() { _, _ = r.r.ReadByte() }

// cut says that the document ends too early, where it is that.
func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return r.Errorf("the document ends here, in the middle: it was cut off, or never finished")
	}
	return err
}

func (r *Reader) word(word string) error {
	for i := range len(word) {
		c, err := r.r.ReadByte()
		if err != nil {
			return r.cut(err)
		}
		if c != word[i] {
			return r.Errorf("a word stands here that is not %s", word)
		}
	}
	return nil
}

// number reads a whole number that an int64 holds. 1e3, 1.0 and -0 are numbers in JSON, which programs read and write back
// in more than one way.
func (r *Reader) number() (int64, error) {
	digits := r.text[:0]
	for {
		c, err := r.r.ReadByte()
		if err != nil && err != io.EOF {
			return 0, err
		}
		if err == io.EOF || c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' && (c < '0' || '9' < c) {
			if err == nil {
				_ = r.r.UnreadByte()
			}
			break
		}
		if digits = append(digits, c); len(digits) > 100 {
			break
		}
	}
	r.text = digits
	n, err := strconv.ParseInt(string(digits), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, r.Errorf("%s is beyond %d to %d", Quote(string(digits)), int64(math.MinInt64), int64(math.MaxInt64))
	case err != nil || strconv.FormatInt(n, 10) != string(digits):
		return 0, r.Errorf("%s is no whole number as it is written here: digits, without a leading zero", digits)
	}
	return n, nil
}

// string reads a string, which begins here, into r.text.
func (r *Reader) string() error {
	r.skip()
	r.text = r.text[:0]
	for {
		c, err := r.r.ReadByte()
		switch {
		case err != nil:
			return r.cut(err)
		case len(r.text) > LongestText:
			return r.Errorf("a text has more than %d bytes", LongestText)
		case c == '"':
			if !utf8.Valid(r.text) {
				return r.Errorf("%q is not UTF-8", shortened(string(r.text)))
			}
			return nil
		case c == '\\':
			if err := r.escaped(); err != nil {
				return err
			}
		case c < ' ':
			return r.Errorf("a text holds the control character U+%04X as it is", c)
		default:
			r.text = append(r.text, c)
		}
	}
}

// escaped reads what follows a backslash.
func (r *Reader) escaped() error {
	c, err := r.r.ReadByte()
	if err != nil {
		return r.cut(err)
	}
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		r.text = append(r.text, "\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		return r.Errorf(`\%s is no escape of JSON`, strings.Trim(strconv.QuoteRune(rune(c)), "'"))
	}
	high, err := r.hex()
	if err != nil {
		return err
	}
	if !utf16.IsSurrogate(high) {
		r.text = utf8.AppendRune(r.text, high)
		return nil
	}
	// Half of a pair stands for no character (RFC 8259 §8.2): what becomes of it differs from program to program.
	low := rune(-1)
	if next, err := r.r.Peek(2); err == nil && string(next) == `\u` {
		_, _ = r.r.Discard(2)
		if low, err = r.hex(); err != nil {
			return err
		}
	}
	pair := utf16.DecodeRune(high, low)
	if pair == utf8.RuneError {
		return r.Errorf(`\u%04x is half of a character`, high)
	}
	r.text = utf8.AppendRune(r.text, pair)
	return nil
}

func (r *Reader) hex() (rune, error) {
	var digits [4]byte
	if _, err := io.ReadFull(r.r, digits[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return 0, r.cut(err)
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		return 0, r.Errorf(`\u%s is no escape of JSON`, strings.Trim(strconv.Quote(string(digits[:])), `"`))
	}
	return rune(n), nil
}
