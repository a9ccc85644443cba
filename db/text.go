package db

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// What messages are made of.

// quoteRef shows what somebody typed: as it is where it is plain, quoted where it is not.
func quoteRef(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` || s == "" || strings.ContainsRune(s, ' ') {
		return q
	}
	return s
}

// counted is a number of things, with the plural where it belongs.
func counted[N int | uint64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// orNone is a value as text, "none" where it is absent.
func orNone(v any) string {
	if v == nil || reflect.ValueOf(v).IsZero() {
		return "none"
	}
	return fmt.Sprint(v)
}

// aFew names the first of several things, for a message that must not grow with them.
func aFew[T any](all []T, name func(T) string) string {
	const few = 3
	var names []string
	for _, v := range all[:min(few, len(all))] {
		names = append(names, name(v))
	}
	if len(all) > few {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
