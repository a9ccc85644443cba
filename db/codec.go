package db

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file is how Go values are stored. A codec whose name begins with opt stores the zero value as null. What cannot be
// read is an ErrCorrupt, for what is stored was valid once.

var (
	text      = textAs[string]()
	optText   = optional(text)
	whole     = codecOf(wholeNumber[int], func(n int) any { return n })
	optWhole  = optional(whole)
	number    = codecOf(wholeNumber[int64], func(n int64) any { return n })
	optNumber = optional(number)
	optAddr   = optional(parsed(netip.ParseAddr, func(a netip.Addr) any { return a.String() }))
	optPrefix = optional(parsed(netip.ParsePrefix, func(p netip.Prefix) any { return p.String() }))
	moment    = parsed(parseTime, func(t time.Time) any { return sqlstore.FormatTime(t) })
	optMoment = optional(moment)
	hardware  = parsed(netcalc.ParseMAC, func(m netcalc.MAC) any { return m.String() })
	keyed     = codecOf(addrOf, func(a netip.Addr) any { return key(a) })
)

// written is a text as it is stored, nil for null: to whoever checks a ledger an empty text is not the same.
var written = codecOf(func(from any) (*string, error) {
	if from == nil {
		return nil, nil
	}
	s, err := textOf(from)
	return &s, err
}, nil)

// readWritten reads what is stored, the zero value for null.
func readWritten[V any](s *string, c sqlstore.Codec[V]) (v V, err error) {
	if s == nil {
		return v, nil
	}
	return c.Read(*s)
}

func codecOf[V any](read func(any) (V, error), stored func(V) any) sqlstore.Codec[V] {
	return sqlstore.Codec[V]{Read: read, Stored: stored}
}

// optional stores the zero value as null.
func optional[V comparable](c sqlstore.Codec[V]) sqlstore.Codec[V] {
	var none V
	return codecOf(func(from any) (V, error) {
		if from == nil {
			return none, nil
		}
		return c.Read(from)
	}, func(v V) any {
		if v == none {
			return nil
		}
		return c.Stored(v)
	})
}

// textAs stores a string of any type.
func textAs[S ~string]() sqlstore.Codec[S] {
	return codecOf(func(from any) (S, error) {
		s, err := textOf(from)
		return S(s), err
	}, func(s S) any { return string(s) })
}

// parsed stores a value as the text that parse reads.
func parsed[V any](parse func(string) (V, error), stored func(V) any) sqlstore.Codec[V] {
	return codecOf(func(from any) (v V, err error) {
		s, err := textOf(from)
		if err != nil {
			return v, err
		}
		if v, err = parse(s); err != nil {
			return v, noValue(s, err)
		}
		return v, nil
	}, stored)
}

func textOf(from any) (string, error) {
	switch from := from.(type) {
	case string:
		return from, nil
	case []byte: // the driver's own, which it writes over
		return string(from), nil
	}
	return "", noValue(from, errors.New("it is not text"))
}

func wholeNumber[N int | int64](from any) (N, error) {
	if n, ok := from.(int64); ok {
		return N(n), nil
	}
	return 0, noValue(from, errors.New("it is not a whole number"))
}

// key is an address as the ledger stores it, so that byte order is address order.
func key(a netip.Addr) []byte {
	k := netcalc.Key(a)
	return k[:]
}

// keysOf4 are the addresses of IPv6 that have the keys of those of IPv4.
var keysOf4 = netcalc.Span{First: netip.MustParseAddr("::ffff:0:0"), Last: netip.MustParseAddr("::ffff:ffff:ffff")}

// ownKeys is the part of s to search by key: of an IPv6 range around the keys of IPv4 what is above them, lest it find what is of IPv4.
// What is below them lies in ::/8 (RFC 4291 §2.5), where nothing can be claimed.
func ownKeys(s netcalc.Span) netcalc.Span {
	if parts := s.Minus(keysOf4); len(parts) > 0 {
		return parts[len(parts)-1]
	}
	return s
}

// addrOf reads a key.
func addrOf(from any) (netip.Addr, error) {
	k, _ := from.([]byte)
	a, err := netcalc.FromKey(k)
	if err != nil {
		return a, corruptf("address in the ledger: %v", err)
	}
	return a, nil
}

// noValue is the error for what is stored and cannot be read.
func noValue(stored any, reason error) error {
	err := corruptf("%q is no value of its column: %v", fmt.Sprint(stored), reason)
	err.Cause = reason
	return err
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("it is not a time in RFC 3339")
	}
	return t.UTC(), nil
}

// spanColumns are the two columns of a span, which begin and end it.
func spanColumns[T any](at func(*T) *netcalc.Span) []sqlstore.Column[T] {
	return []sqlstore.Column[T]{
		sqlstore.Col("first", func(row *T) *netip.Addr { return &at(row).First }, keyed),
		sqlstore.Col("last", func(row *T) *netip.Addr { return &at(row).Last }, keyed),
	}
}
