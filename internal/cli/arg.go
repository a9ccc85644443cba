package cli

// Arg declares one positional argument. It is filled as the flag it wraps; where a command lists the same *Flag among
// its flags, either way of giving it works.
type Arg struct {
	*Flag
	required bool
	variadic bool
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
