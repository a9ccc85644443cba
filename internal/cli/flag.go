package cli

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
)

// Flag declares one flag, or one positional argument, and what it fills. Its default is whatever the bound variable
// holds when the command is declared. The methods below return the flag, so that a declaration reads as one line.
type Flag struct {
	name    string   // with underscores, as Nova spelt it; the command line takes dashes too
	short   string   // one letter, or none
	aliases []string // other spellings that later releases used
	usage   string   // what it means, lower case, no full stop
	value   string   // what stands for the value in help
	kind    flagKind
	choices []string // the words that it takes, where these are all
	offers  Kind     // see Completes

	// parse makes a typed value of one text; its error reads on after the flag's name.
	parse func(string) (any, error)
	// store fills the bound variable; a single-value flag gets one value.
	store func([]any)
	// defaultText is the default, which $name in a flagfile stands for; "" is no default.
	defaultText func() string

	described  string                     // see ByDefault
	computed   func(*Sys) (string, error) // see Computed
	origin     *Origin
	noFlagfile bool // see NotInFlagfile
	typedOnly  bool // see OnlyTyped
	ofAll      bool // see OfAll
	empty      emptyText
}

// emptyText is what "" means as a flag's value.
type emptyText int

const (
	// emptyRefused: an error. It is what a script passes whose variable is not set, and where a choice is meant, no choice
	// is all there is.
	emptyRefused emptyText = iota
	emptyIsValue           // see TakesEmpty
	emptyIsUnset           // see EmptyIsDefault
)

type flagKind int

const (
	oneValue flagKind = iota
	yesOrNo
	manyValues
)

// Typed declares a flag whose text parse turns into a T. parse's error is printed after the flag's name and the value,
// so it says only what is wrong: "is not a MAC address".
func Typed[T any](into *T, name string, parse func(string) (T, error), usage string) *Flag {
	return &Flag{
		name: name, usage: usage, value: "VALUE",
		parse:       func(s string) (any, error) { return parse(s) },
		store:       func(vs []any) { *into = vs[len(vs)-1].(T) },
		defaultText: func() string { return defaultText(*into) },
	}
}

// TypedList declares a flag that may be repeated. What a stronger source gives replaces what a weaker one gave. A value
// is never split: a comma belongs to it.
func TypedList[T any](into *[]T, name string, parse func(string) (T, error), usage string) *Flag {
	return &Flag{
		name: name, usage: usage, value: "VALUE", kind: manyValues,
		parse: func(s string) (any, error) { return parse(s) },
		store: func(vs []any) {
			*into = make([]T, len(vs))
			for i, v := range vs {
				(*into)[i] = v.(T)
			}
		},
		defaultText: func() string { return "" },
	}
}

// Text declares a flag that takes any text without control characters.
func Text(into *string, name, usage string) *Flag { return Typed(into, name, anyText, usage) }

// Texts declares a repeatable flag of any text.
func Texts(into *[]string, name, usage string) *Flag { return TypedList(into, name, anyText, usage) }

func anyText(s string) (string, error) { return s, nil }

// Boolean declares a flag that is given as --name, --noname or --name=yes.
func Boolean(into *bool, name, usage string) *Flag {
	f := Typed(into, name, parseBool, usage)
	f.kind, f.value = yesOrNo, ""
	return f
}

// Number declares a flag for a decimal number from lowest to highest.
func Number[N ~int | ~int64](into *N, name string, lowest, highest N, usage string) *Flag {
	parse := func(s string) (N, error) {
		n, err := ParseNumber(s, int64(lowest), int64(highest))
		return N(n), err
	}
	return Typed(into, name, parse, usage).As("N")
}

// Choice declares a flag that takes one of a few words.
func Choice(into *string, name string, words []string, usage string) *Flag {
	parse := func(s string) (string, error) {
		for _, w := range words {
			if s == w {
				return s, nil
			}
		}
		err := fmt.Errorf("is not one of %s", strings.Join(words, ", "))
		return "", WithHint(err, Suggest(s, words))
	}
	f := Typed(into, name, parse, usage).As(strings.Join(words, "|"))
	f.choices = words
	return f
}

// As names the value in help.
func (f *Flag) As(value string) *Flag { f.value = value; return f }

// Also adds spellings that mean the same flag.
func (f *Flag) Also(names ...string) *Flag { f.aliases = append(f.aliases, names...); return f }

// Letter adds a one-letter spelling.
func (f *Flag) Letter(short string) *Flag { f.short = short; return f }

// From makes the resolver say where the value came from, for a command to which that matters.
func (f *Flag) From(into *Origin) *Flag { f.origin = into; return f }

// ByDefault tells help the default where the bound variable cannot. It is for readers, and no value.
func (f *Flag) ByDefault(text string) *Flag { f.described = text; return f }

// helpDefault is the default as help shows it; "" is none.
func (f *Flag) helpDefault() string { return cmp.Or(f.described, f.defaultText()) }

// Computed gives the flag a default that is found out only where a flagfile refers to it by $name.
func (f *Flag) Computed(compute func(*Sys) (string, error)) *Flag { f.computed = compute; return f }

// NotInFlagfile keeps a flagfile from setting the flag: there the name means something else to Nova's services, as
// `host` does, which is the name of the machine that they run on.
func (f *Flag) NotInFlagfile() *Flag { f.noFlagfile = true; return f }

// OnlyTyped makes the flag count only on the command line: what destroys more than a command does by itself is asked for
// each time, and is not left behind in a shell's profile or in a flagfile, where Nova's services have a `force` of
// another meaning.
func (f *Flag) OnlyTyped() *Flag { f.typedOnly = true; return f }

// OfAll makes the flag one that holds for all of several lines together, so that a line cannot be given it.
func (f *Flag) OfAll() *Flag { f.ofAll = true; return f }

// TakesEmpty makes "" a value like any other, by which something is cleared; all other flags refuse it.
func (f *Flag) TakesEmpty() *Flag { f.empty = emptyIsValue; return f }

// EmptyIsDefault makes "" mean that the flag or argument is not given, as it did in Nova's own signature.
func (f *Flag) EmptyIsDefault() *Flag { f.empty = emptyIsUnset; return f }

// Completes says what a shell offers where the value is typed.
func (f *Flag) Completes(k Kind) *Flag { f.offers = k; return f }

// CompletesWords says of a flag with a parse function of its own which words a shell offers.
func (f *Flag) CompletesWords(words ...string) *Flag { f.choices = words; return f }

// spellings are all names of the flag but its letter, the proper one first.
func (f *Flag) spellings() []string { return append([]string{f.name}, f.aliases...) }

func defaultText(v any) string {
	if rv := reflect.ValueOf(v); !rv.IsValid() || rv.IsZero() {
		return ""
	}
	return fmt.Sprint(v)
}
