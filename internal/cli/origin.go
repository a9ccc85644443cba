package cli

// Origin tells where a value came from. Its order is the order of precedence.
type Origin struct {
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

// IsSet tells whether anybody gave the value, wherever.
func (o Origin) IsSet() bool { return o.level > fromDefault }

// OnCommandLine tells whether the value was typed with the command.
func (o Origin) OnCommandLine() bool { return o.level == fromCommandLine }

// Text names the place: a variable, a line of a flagfile, the command line, the default.
func (o Origin) Text() string {
	switch {
	case o.where != "":
		return o.where
	case o.level == fromCommandLine:
		return "command line"
	}
	return "default"
}

// String is what an error says after a value: " (from NOVA_USE_IPV6)"; nothing for what stands on the command line
// before the reader's eyes.
func (o Origin) String() string {
	if o.where == "" {
		return ""
	}
	return " (from " + o.where + ")"
}
