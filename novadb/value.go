package novadb

import (
	"strconv"
	"strings"
)

// value is what a column of a row holds, from either kind of source: nothing, a whole number, or text.
type value struct {
	kind valueKind
	n    int64
	s    string
}

type valueKind byte

const (
	null valueKind = iota // also of a column that the release does not have
	number
	text
)

// number is the value as a whole number; false where it is none.
func (v value) number() (int64, bool) {
	if v.kind != text {
		return v.n, v.kind == number
	}
	n, err := strconv.ParseInt(v.s, 10, 64)
	return n, err == nil
}

// text is the value as it is written, "" for null.
func (v value) text() string {
	if v.kind == number {
		return strconv.FormatInt(v.n, 10)
	}
	return v.s
}

// flag is the value as a boolean. A bit comes as a byte, since mysqldump writes BIT(1) as it is in memory; other engines wrote
// words.
func (v value) flag() bool {
	switch v.kind {
	case null:
		return false
	case number:
		return v.n != 0
	}
	switch strings.ToLower(v.s) {
	case "", "0", "\x00", "f", "false":
		return false
	}
	return true
}

// numberValue and textValue make values.
func numberValue(n int64) value { return value{kind: number, n: n} }

func textValue(s string) value { return value{kind: text, s: s} }
