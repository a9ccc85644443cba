// Package document reads and writes JSON (RFC 8259) one value at a time, however long the text is, and more strictly than
// package encoding/json: it refuses a key that is there twice or that nobody knows, text that is not UTF-8, a number that is
// no whole one in its shortest form, and whatever stands behind the end. Each of these is read by some program as something
// else than by another. An error says where it is. What a document means is left to package db.
package document

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a document, and where.
type Error struct {
	Line   int64
	Place  string // a JSON Pointer (RFC 6901), "" for the document itself
	Reason string
}

func (e *Error) Error() string {
	if e.Place == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Place, e.Reason)
}

// Place is where a value is, to be named later.
type Place struct {
	line int64
	path string
}

// At is the place of a member of the object that is here.
func (p Place) At(key string) Place { return Place{p.line, p.path + "/" + escape(key)} }

// Errorf is an error there.
func (p Place) Errorf(format string, args ...any) *Error {
	return &Error{Line: p.line, Place: p.path, Reason: fmt.Sprintf(format, args...)}
}

// escape is how a JSON Pointer spells a key.
func escape(key string) string {
	return shortened(strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1"))
}

// Quote shows a value of a document, cut where it is too long to read.
func Quote(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if short := shortened(v); short != v {
			return fmt.Sprintf("%q (%d bytes)", short, len(v))
		}
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}

func shortened(s string) string {
	const longest = 80
	if len(s) <= longest {
		return s
	}
	cut := longest
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
