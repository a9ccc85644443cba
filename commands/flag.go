package commands

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// flag declares one flag, or one positional argument, and what it fills. Its default is whatever the bound variable
// holds when the command is declared. The methods below return the flag, so that a declaration reads as one line.
type flag struct {
	name    string   // with underscores, as Nova spelt it; the command line takes dashes too
	short   string   // one letter, or none
	aliases []string // other spellings that later releases used
	usage   string   // what it means, lower case, no full stop
	value   string   // what stands for the value in help
	kind    flagKind

	// parse makes a typed value of one text; its error reads on after the flag's name.
	parse func(string) (any, error)
	// store fills the bound variable; a single-value flag gets one value.
	store func([]any)
	// defaultText is the default as help shows it and as $name in a flagfile stands for it; "" is no default.
	defaultText func() string

	origin         *origin
	noFlagfile     bool // see notInFlagfile
	typedOnly      bool // see onlyTyped
	emptyMeansNone bool // see optional
}

type flagKind int

const (
	oneValue flagKind = iota
	yesOrNo
	manyValues
)

// typed declares a flag whose text parse turns into a T. parse's error is printed after the flag's name and the value,
// so it says only what is wrong: "is not a MAC address".
func typed[T any](into *T, name string, parse func(string) (T, error), usage string) *flag {
	return &flag{
		name: name, usage: usage, value: "VALUE",
		parse:       func(s string) (any, error) { return parse(s) },
		store:       func(vs []any) { *into = vs[len(vs)-1].(T) },
		defaultText: func() string { return defaultText(*into) },
	}
}

// typedList declares a flag that may be repeated. What a stronger source gives replaces what a weaker one gave. A value
// is never split: a comma belongs to it.
func typedList[T any](into *[]T, name string, parse func(string) (T, error), usage string) *flag {
	return &flag{
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

// text declares a flag that takes any text without control characters.
func text(into *string, name, usage string) *flag { return typed(into, name, anyText, usage) }

// texts declares a repeatable flag of any text.
func texts(into *[]string, name, usage string) *flag { return typedList(into, name, anyText, usage) }

func anyText(s string) (string, error) { return s, nil }

// boolean declares a flag that is given as --name, --noname or --name=yes.
func boolean(into *bool, name, usage string) *flag {
	f := typed(into, name, parseBool, usage)
	f.kind, f.value = yesOrNo, ""
	return f
}

// number declares a flag for a decimal number from lowest to highest.
func number[N ~int | ~int64](into *N, name string, lowest, highest N, usage string) *flag {
	parse := func(s string) (N, error) {
		n, err := parseNumber(s, int64(lowest), int64(highest))
		return N(n), err
	}
	return typed(into, name, parse, usage).as("N")
}

// choice declares a flag that takes one of a few words.
func choice(into *string, name string, words []string, usage string) *flag {
	parse := func(s string) (string, error) {
		for _, w := range words {
			if s == w {
				return s, nil
			}
		}
		err := fmt.Errorf("is not one of %s", strings.Join(words, ", "))
		return "", withHint(err, didYouMean(closest(s, words)))
	}
	return typed(into, name, parse, usage).as(strings.Join(words, "|"))
}

// as names the value in help.
func (f *flag) as(value string) *flag { f.value = value; return f }

// also adds spellings that mean the same flag.
func (f *flag) also(names ...string) *flag { f.aliases = append(f.aliases, names...); return f }

// letter adds a one-letter spelling.
func (f *flag) letter(short string) *flag { f.short = short; return f }

// from makes the resolver say where the value came from, for a command to which that matters.
func (f *flag) from(into *origin) *flag { f.origin = into; return f }

// byDefault tells help the default where the bound variable cannot.
func (f *flag) byDefault(text string) *flag {
	f.defaultText = func() string { return text }
	return f
}

// notInFlagfile keeps a flagfile from setting the flag: there the name means something else to Nova's services, as
// `host` does, which is the name of the machine that they run on.
func (f *flag) notInFlagfile() *flag { f.noFlagfile = true; return f }

// onlyTyped makes the flag count only on the command line: what destroys more than a command does by itself is asked for
// each time, and is not left behind in a shell's profile or in a flagfile, where Nova's services have a `force` of
// another meaning.
func (f *flag) onlyTyped() *flag { f.typedOnly = true; return f }

// spellings are all names of the flag but its letter, the proper one first.
func (f *flag) spellings() []string { return append([]string{f.name}, f.aliases...) }

// arg declares one positional argument. It is filled as the flag it wraps; where a command lists the same *flag among
// its flags, either way of giving it works.
type arg struct {
	*flag
	required bool
	variadic bool
}

// required declares an argument that must be given and must not be empty.
func required(f *flag) *arg { return &arg{flag: f, required: true} }

// optional declares an argument that may be left out; an empty text means that it is, as it always did in Nova's own
// signature, whether it stands at its place or behind its flag.
func optional(f *flag) *arg {
	f.emptyMeansNone = true
	return &arg{flag: f}
}

// optionals declares several optional arguments, in order.
func optionals(fs ...*flag) []*arg {
	args := make([]*arg, len(fs))
	for i, f := range fs {
		args[i] = optional(f)
	}
	return args
}

// oneOrMore declares the last argument as one that may be repeated; f fills a list.
func oneOrMore(f *flag) *arg { return &arg{flag: f, required: true, variadic: true} }

// anyNumber is oneOrMore that may also be absent.
func anyNumber(f *flag) *arg { return &arg{flag: f, variadic: true} }

// origin tells where a value came from. Its order is the order of precedence.
type origin struct {
	level level
	where string // "NOVA_USE_IPV6" or "/etc/nova/nova.conf line 3"
}

type level int

const (
	fromDefault level = iota
	fromFlagfile
	fromEnvironment
	fromCommandLine
)

// isSet tells whether anybody gave the value, wherever.
func (o origin) isSet() bool { return o.level > fromDefault }

// onCommandLine tells whether the value was typed with the command.
func (o origin) onCommandLine() bool { return o.level == fromCommandLine }

// String is what an error says after a value: " (from NOVA_USE_IPV6)"; nothing for what stands on the command line
// before the reader's eyes.
func (o origin) String() string {
	if o.where == "" {
		return ""
	}
	return " (from " + o.where + ")"
}

// badValue is the error for a value that a command rejects after it was parsed. reason reads on after the value.
func badValue(name, value string, from origin, reason error) error {
	return usageErrorf("%s %s %w%s", name, quote(value), reason, from)
}

// parseBool reads what gflags and Nova's INI files call true and false.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	case "0", "f", "false", "n", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("is neither true nor false")
}

// parseNumber reads a strictly decimal number: digits alone, with a minus sign where lowest is below zero. What
// strconv lets through besides (a plus sign, underscores) was a slip of the finger more often than meant.
func parseNumber(s string, lowest, highest int64) (int64, error) {
	digits := s
	if lowest < 0 {
		digits = strings.TrimPrefix(s, "-")
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("is not a whole decimal number")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err == nil && lowest <= n && n <= highest:
		return n, nil
	case highest == math.MaxInt64:
		return 0, fmt.Errorf("is out of range (at least %d)", lowest)
	}
	return 0, fmt.Errorf("is out of range (%d to %d)", lowest, highest)
}

func defaultText(v any) string {
	if rv := reflect.ValueOf(v); !rv.IsValid() || rv.IsZero() {
		return ""
	}
	return fmt.Sprint(v)
}
