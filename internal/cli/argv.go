package cli

import (
	"errors"
	"strings"
)

// longestArgument bounds an argument, a flag and a value: PATH_MAX on Linux, since nothing longer than a path is ever
// meant. It keeps a pasted file out of error messages and out of the ledger.
const longestArgument = 4096

// invocation is a command line, understood as far as is possible without the values' meaning.
type invocation struct {
	command *Command // nil is the program itself, for help
	help    bool
	version bool   // in one line
	topic   string // what help is to explain in place of a command
	flags   []flagUse
	args    []string
}

// flagUse is one flag on the command line.
type flagUse struct {
	flag     *Flag
	spelling string // as it was typed, without dashes in front, with underscores
	value    string
}

// given is what the command line gave each flag, in order.
func (in *invocation) given() map[*Flag][]string {
	given := map[*Flag][]string{}
	for _, u := range in.flags {
		given[u.flag] = append(given[u.flag], u.value)
	}
	return given
}

// token is one flag as it stands, before it is known which command it belongs to.
type token struct {
	name  string
	value string
	typed string // for messages
}

// read understands a command line: flags and arguments in any order, global flags anywhere, `--flag value` and
// `--flag=value`, `--noflag`, letters, dashes for underscores, and `--`, after which everything is an argument.
func (p *Program) read(argv []string) (*invocation, error) {
	for _, a := range argv {
		if err := checkText("argument", a, Origin{}); err != nil {
			return nil, err
		}
	}
	s := scanner{kinds: p.flagKinds(), ownVersion: p.hasVersionFlag}
	s.scan(argv)
	in := &invocation{help: s.help}
	words, err := p.findCommand(in, s.words, s.arguments)
	retired := (*retiredError)(nil)
	switch {
	case in.help && err == nil:
		return in, nil
	case errors.As(err, &retired): // its flags are unknown, too
		return nil, err
	case s.unknown != "":
		return nil, p.unknownFlag(s.unknown, in.command)
	case s.version && len(s.words) == 0:
		in.version = true
		in.command, err = p.versionCommand()
	}
	if err != nil {
		return nil, err
	}
	if s.err != nil {
		return nil, s.err
	}
	if s.version && len(s.words) > 0 {
		return nil, p.unknownFlag("--version", in.command)
	}
	in.args = words
	for _, t := range s.flags {
		if err := p.bind(in, t); err != nil {
			return nil, err
		}
	}
	return in, sameFlagTwice(in.flags)
}

// bind finds the flag that a token means for the command.
func (p *Program) bind(in *invocation, t token) error {
	f := lookupFlag(in.command.Flags, t.name)
	if f == nil {
		f = lookupFlag(p.globals.flags, t.name)
	}
	if f == nil {
		return p.unknownFlag(t.typed, in.command)
	}
	spelling := t.name
	if spelling == f.short {
		spelling = f.name
	}
	// Whether or not another value comes after it, and before anything is compared with it.
	if err := f.checkEmpty("--"+spelling, sourced{text: t.value}); err != nil {
		return err
	}
	in.flags = append(in.flags, flagUse{f, spelling, t.value})
	return nil
}

// sameFlagTwice refuses one flag under two of its names with two values. Under one name the last one wins, as it
// always did, so that a script can append to a list of flags.
func sameFlagTwice(uses []flagUse) error {
	last := map[*Flag]map[string]string{}
	for _, u := range uses {
		if u.flag.kind == manyValues {
			continue
		}
		if last[u.flag] == nil {
			last[u.flag] = map[string]string{}
		}
		last[u.flag][u.spelling] = u.value
		for spelling, value := range last[u.flag] {
			if !u.flag.sameValue(value, u.value) {
				return UsageErrorf("--%s %s and --%s %s are one flag with two values",
					spelling, Quote(value), u.spelling, Quote(u.value))
			}
		}
	}
	return nil
}

// scanner splits a command line into flags and words. It knows of each flag only whether it takes a value, which is
// the same for all commands that have it, because flags may stand before the words that name the command.
type scanner struct {
	kinds map[string]flagKind
	// ownVersion tells whether --version, which asks for the program's version, is a flag of the command that the words are.
	ownVersion func(words []string) bool

	flags         []token
	words         []string
	arguments     int // how many words stood before `--`; all of them where there is none
	help, version bool
	open          *token // a flag that ends the line and lacks its value
	unknown       string // a flag that no command has
	err           error
}

func (s *scanner) scan(argv []string) {
	s.arguments = len(argv)
	for len(argv) > 0 {
		a := argv[0]
		argv = argv[1:]
		switch {
		case a == "--":
			s.arguments = len(s.words)
			s.words = append(s.words, argv...)
			return
		case !looksLikeFlag(a):
			s.words = append(s.words, a)
		case strings.HasPrefix(a, "--"):
			argv = s.long(a, argv)
		default:
			argv = s.letters(a, argv)
		}
	}
}

// looksLikeFlag tells a flag from an argument: a lone dash means standard output, and -1 is a number.
func looksLikeFlag(a string) bool {
	return len(a) > 1 && a[0] == '-' && (a[1] < '0' || a[1] > '9') && a[1] != '.'
}

// long reads --name, --noname, --name=value or --name value, and returns what is left.
func (s *scanner) long(a string, rest []string) []string {
	typed, value, hasValue := strings.Cut(a, "=")
	name := flagName(typed[2:])
	kind, known := s.kinds[name]
	switch known = known && len(name) > 1; { // a letter has one dash
	case name == "version" && s.ownVersion(s.words):
		return s.withValue(token{name, value, typed}, hasValue, rest)
	case known && kind == yesOrNo:
		if !hasValue {
			value = "true"
		}
		s.add(token{name, value, typed})
		return rest
	case known:
		return s.withValue(token{name, value, typed}, hasValue, rest)
	}
	if positive, ok := strings.CutPrefix(name, "no"); ok && s.negatable(positive) {
		if hasValue {
			s.fail(UsageErrorf("%s takes no value", typed))
		}
		s.add(token{positive, "false", typed})
		return rest
	}
	s.unknownFlag(typed)
	return rest
}

func (s *scanner) negatable(name string) bool {
	kind, known := s.kinds[name]
	return known && kind == yesOrNo && name != "help" && name != "version"
}

// letters reads -q, -f json, -fjson, -f=json and -qf json, and returns what is left.
func (s *scanner) letters(a string, rest []string) []string {
	for i, r := range a[1:] {
		Letter := string(r)
		kind, known := s.kinds[Letter]
		if !known {
			typed, _, _ := strings.Cut(a, "=")
			s.unknownFlag(typed)
			return rest
		}
		if kind == yesOrNo {
			s.add(token{Letter, "true", "-" + Letter})
			continue
		}
		value := strings.TrimPrefix(a[1+i+len(Letter):], "=")
		return s.withValue(token{Letter, value, "-" + Letter}, 1+i+len(Letter) < len(a), rest)
	}
	return rest
}

// withValue adds a flag that needs a value, taking the next argument where it does not carry one itself. An argument
// that looks like a flag is not taken: the value was forgotten more likely than it begins with a dash.
func (s *scanner) withValue(t token, hasValue bool, rest []string) []string {
	if !hasValue {
		if len(rest) == 0 {
			s.open = &t
		}
		if len(rest) == 0 || looksLikeFlag(rest[0]) {
			err := UsageErrorf("%s needs a value", t.typed)
			if len(rest) > 0 && rest[0] != "--" {
				err = WithHint(err, "if "+Quote(rest[0])+" is the value, write "+t.typed+"="+Quote(rest[0]))
			}
			s.fail(err)
			return rest
		}
		t.value, rest = rest[0], rest[1:]
	}
	s.add(t)
	return rest
}

func (s *scanner) add(t token) {
	switch {
	case t.name == "help", t.name == "h":
		s.help = true
	case t.name == "version" && !s.ownVersion(s.words):
		s.version = true
	default:
		s.flags = append(s.flags, t)
	}
}

// fail and unknownFlag keep what is wrong first: the rest may follow from it.
func (s *scanner) fail(err error) {
	if s.err == nil && s.unknown == "" {
		s.err = err
	}
}

func (s *scanner) unknownFlag(typed string) {
	if s.err == nil && s.unknown == "" {
		s.unknown = typed
	}
}

// flagKinds is every spelling of every flag of all commands.
func (p *Program) flagKinds() map[string]flagKind {
	if p.kinds != nil {
		return p.kinds
	}
	kinds := map[string]flagKind{}
	add := func(fs []*Flag) {
		for _, f := range fs {
			for _, name := range f.spellings() {
				kinds[name] = f.kind
			}
			if f.short != "" {
				kinds[f.short] = f.kind
			}
		}
	}
	add(p.globals.flags)
	for _, c := range p.all() {
		add(c.Flags)
	}
	for _, own := range []string{"help", "h", "version"} {
		kinds[own] = yesOrNo
	}
	p.kinds = kinds
	return kinds
}

// hasVersionFlag tells whether the words are a command that has a flag of that name.
func (p *Program) hasVersionFlag(words []string) bool {
	in := &invocation{}
	_, err := p.findCommand(in, words, len(words))
	return err == nil && in.command != nil && lookupFlag(in.command.Flags, "version") != nil
}

// flagName is the proper spelling of a flag's name: --fixed-range-v6 is --fixed_range_v6.
func flagName(typed string) string { return strings.ReplaceAll(typed, "-", "_") }

func lookupFlag(fs []*Flag, name string) *Flag {
	for _, f := range fs {
		if name == f.short {
			return f
		}
		for _, s := range f.spellings() {
			if name == s {
				return f
			}
		}
	}
	return nil
}

// checkText refuses what can never be right in any value.
func checkText(name, value string, from Origin) error {
	switch {
	case len(value) > longestArgument:
		return UsageErrorf("%s %s is longer than %d bytes%s", name, Quote(value), longestArgument, from)
	case hasControl(value):
		return UsageErrorf("%s %s holds a control character%s", name, Quote(value), from)
	}
	return nil
}
