package netcalc

import (
	"fmt"
	"strconv"
)

// ValueError says which value this package refuses, and why. Every error of the package about a value is one or, where it
// carries more (HostBitsError, SizeError), unwraps to one: a caller that has named the value already, such as a
// command line, takes the fields by errors.As and need not cut the sentence apart.
type ValueError struct {
	// Value is the text as it was typed, at its full length and with whatever control characters it has; where a
	// netip value or a MAC came in, its canonical text (RFC 5952 §4 for IPv6). It is empty where no value was given.
	Value string
	// Reason reads on after the value, without a full stop: "is not an address: it has fewer than four octets". It is
	// printable and short whatever Value is.
	Reason string

	// sentence is Error's answer where that is not Value, a space and Reason: what somebody typed is quoted, and some
	// values need a word before them that says what they are.
	sentence string
}

func (e *ValueError) Error() string {
	if e.sentence != "" {
		return e.sentence
	}
	return e.Value + " " + e.Reason
}

// refuse is the error about a value that shows by itself what it is, such as 10.0.0.0/8.
func refuse(value fmt.Stringer, format string, args ...any) *ValueError {
	return &ValueError{Value: value.String(), Reason: fmt.Sprintf(format, args...)}
}

// refuseTyped is the error about text that somebody typed: it may hold anything, so the sentence has it in quotes.
func refuseTyped(given, format string, args ...any) *ValueError {
	reason := fmt.Sprintf(format, args...)
	return &ValueError{Value: given, Reason: reason, sentence: quote(given) + " " + reason}
}

// refuseAs is the error about a value that does not show what it is: what says so before it.
func refuseAs(what, value, format string, args ...any) *ValueError {
	reason := fmt.Sprintf(format, args...)
	return &ValueError{Value: value, Reason: reason, sentence: what + " " + value + " " + reason}
}

// missing is the error where no value was given, so that there is none to name.
func missing(reason string) *ValueError { return &ValueError{Reason: reason, sentence: reason} }

// quote shows input in an error: control characters escaped, because they could move the cursor of a terminal or start a
// second line in a log, and not more of it than fits a line. The cut may go through a character of UTF-8; its half is escaped
// as the byte it is.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
