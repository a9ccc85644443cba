package cli

// Arg declares one positional argument. It is filled as the flag it wraps; where a command lists the same *Flag among
// its flags, either way of giving it works.
type Arg struct {
	*Flag
	called   string // see Called
	required bool
	variadic bool
}

// Called names the argument otherwise than the flag of the same value.
func (a *Arg) Called(name string) *Arg { a.called = name; return a }

// word is what usage and messages call the argument.
func (a *Arg) word() string {
	if a.called != "" {
		return a.called
	}
	return a.name
}

// Form is another way to give the arguments of a command.
type Form struct {
	Args []*Arg
	// Meant tells by the words, and by which flags were typed, that it is the one that is meant.
	Meant func(words []string, typed func(*Flag) bool) bool
}

// Required declares an argument that must be given.
func Required(f *Flag) *Arg { return &Arg{Flag: f, required: true} }

// Optional declares an argument that may be left out.
func Optional(f *Flag) *Arg { return &Arg{Flag: f} }

// Optionals declares several optional arguments, in order.
func Optionals(fs ...*Flag) []*Arg {
	args := make([]*Arg, len(fs))
	for i, f := range fs {
		args[i] = Optional(f)
	}
	return args
}

// OneOrMore declares the last argument as one that may be repeated; f fills a list.
func OneOrMore(f *Flag) *Arg { return &Arg{Flag: f, required: true, variadic: true} }

// AnyNumber is OneOrMore that may also be absent.
func AnyNumber(f *Flag) *Arg { return &Arg{Flag: f, variadic: true} }
