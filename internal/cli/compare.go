package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// kind is how the values of a column are compared.
type kind int

const (
	textual   kind = iota // by bytes, as both engines of the ledger do
	numeric               // as whole numbers of any size
	addressed             // by the first address, IPv4 first; of two ranges that begin alike the larger one first
	timed                 // to the second, as they are printed
)

// Ranged is a value that stands for the addresses from one to another.
type Ranged interface {
	Ends() (first, last netip.Addr)
}

// kindOf is the kind of a column by the Go type of what it has in a row that says nothing.
func kindOf(v any) kind {
	if v == nil {
		return textual
	}
	rt := reflect.TypeOf(v)
	if _, big := v.(*big.Int); rt.Kind() == reflect.Pointer && !big {
		return kindOf(reflect.Zero(rt.Elem()).Interface())
	}
	switch v.(type) {
	case netip.Addr, netip.Prefix, Ranged:
		return addressed
	case time.Time:
		return timed
	case *big.Int:
		return numeric
	case fmt.Stringer: // a number that has a name is its name, as it is printed
		return textual
	}
	if zero := reflect.Zero(rt); zero.CanInt() || zero.CanUint() {
		return numeric
	}
	return textual
}

// read makes of a text in a condition what a column of the kind has.
func (k kind) read(text string) (any, error) {
	switch k {
	case numeric:
		n, ok := new(big.Int).SetString(text, 10)
		if !ok || text[0] == '+' {
			return nil, errors.New("is not a number")
		}
		return n, nil
	case addressed:
		return readRange(text)
	case timed:
		for _, layout := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				return t, nil
			}
		}
		return nil, errors.New("is not a time such as 2026-03-02T10:00:00Z, or a date")
	}
	return text, nil
}

// addresses are those from one to another.
type addresses struct{ first, last netip.Addr }

// Ends implements Ranged.
func (a addresses) Ends() (first, last netip.Addr) { return a.first, a.last }

func readRange(text string) (any, error) {
	notOne := errors.New("is not an address, a CIDR or FIRST-LAST")
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return nil, notOne
		case p != p.Masked():
			return nil, fmt.Errorf("is an address in %s: no CIDR begins there", p.Masked())
		}
		return p, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	var a addresses
	var err, err2 error
	a.first, err = netip.ParseAddr(first)
	a.last, err2 = netip.ParseAddr(last)
	if err != nil || err2 != nil || a.first.Zone() != "" || a.last.Zone() != "" || a.first.BitLen() != a.last.BitLen() || a.last.Less(a.first) {
		return nil, notOne
	}
	return a, nil
}

// Marks of the parts of a key, in the order in which values of different types are sorted. None is 0, so that a list which is
// the beginning of another one comes before it.
const (
	endMark byte = iota
	numberMark
	addressMark
	timeMark
	textMark
)

// appendKey writes a value so that the bytes of two of them are in the order of the values, and none begins as another one
// ends; nothing where the value is absent. v is what a Column has.
func appendKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case *big.Int:
		if v == nil {
			return b
		}
		return appendNumber(b, v.Sign() < 0, v.Bytes())
	case netip.Addr:
		if !v.IsValid() {
			return b
		}
		return appendRange(b, v, v)
	case netip.Prefix:
		if !v.IsValid() {
			return b
		}
		return appendRange(b, v.Masked().Addr(), lastOf(v))
	case Ranged:
		first, last := v.Ends()
		if !first.IsValid() {
			return b
		}
		return appendRange(b, first, last)
	case time.Time:
		if v.IsZero() {
			return b
		}
		return binary.BigEndian.AppendUint64(append(b, timeMark), uint64(v.Unix())^1<<63)
	case []string:
		for _, s := range v {
			b = appendText(b, s)
		}
		if len(v) > 0 {
			b = append(b, endMark)
		}
		return b
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && !rv.IsNil() {
		return appendKey(b, rv.Elem().Interface())
	}
	switch v := plain(v).(type) {
	case nil:
		return b
	case string:
		if v == "" {
			return b
		}
		return appendText(b, v)
	case int64:
		size := uint64(v)
		if v < 0 {
			size = -size
		}
		return appendNumber(b, v < 0, binary.BigEndian.AppendUint64(nil, size))
	case uint64:
		return appendNumber(b, false, binary.BigEndian.AppendUint64(nil, v))
	default:
		return appendText(b, fmt.Sprint(v))
	}
}

// appendNumber writes the length of a number before its digits, and both the other way round where it is negative.
func appendNumber(b []byte, negative bool, digits []byte) []byte {
	for len(digits) > 0 && digits[0] == 0 {
		digits = digits[1:]
	}
	b = append(b, numberMark, 0x80+byte(len(digits)))
	b = append(b, digits...)
	if negative {
		invert(b[len(b)-len(digits)-1:])
	}
	return b
}

func appendRange(b []byte, first, last netip.Addr) []byte {
	from, to := first.As16(), last.As16()
	b = append(b, addressMark, byte(first.BitLen()))
	b = append(b, from[:]...)
	b = append(b, to[:]...)
	invert(b[len(b)-len(to):])
	return b
}

func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < p.Addr().BitLen(); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// appendText ends a text by a byte that is before all others, and keeps it from meaning that inside of the text.
func appendText(b []byte, s string) []byte {
	b = append(b, textMark)
	for before, rest, more := strings.Cut(s, "\x00"); ; before, rest, more = strings.Cut(rest, "\x00") {
		b = append(b, before...)
		if !more {
			return append(b, 0, 0)
		}
		b = append(b, 0, 0xff)
	}
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}
