// Package configfile is what the generators of configuration files share, whatever daemon reads them: the error that
// refuses a value, the line that begins a file, the rule for interface names and their order. What a file consists of is
// left to the generator, how it reaches the disk to the command that calls it.
package configfile

import "strings"

// Header is the first line of every file, with its line break. It is the mark of ownership, too: a file that begins
// otherwise is somebody else's, and is neither pruned nor taken for one of ours.
//
// radvd.conf(5), sysctl.d(5), dnsmasq(8), systemd.syntax(7) and nft(8) all take a line with "#" in front for a comment.
// There is no time stamp and no version in it, so that the same values give the same bytes: a daemon is not reloaded and
// a file not rewritten where nothing has changed.
const Header = "# Written by nova-manage, which overwrites this file: changes made here are lost.\n"

// OptionError is a value that must not reach a file. Its message names the place, the option, the value and the bound:
//
//	interface br100: MinRtrAdvInterval 9: must be at most 7.5 (0.75 * MaxRtrAdvInterval 10)
//
// The parts are fields, so that whoever has the value from elsewhere (a flag, a row of the ledger) can name that place
// and repeat the bound, without taking the text apart.
type OptionError struct {
	// Place is where in the file the value would stand, from the outermost block to the innermost, such as "interface
	// br100", "prefix fd00:1::/64". It is empty for the file itself, and where the outermost block's own name is at fault.
	Place  []string
	Option string // name of the option as the file spells it, or of the thing that is wrong
	Value  string // the value as the file would have it, quoted where it is free text; empty where there is none
	Bound  string // what the value has to be, beginning with "must"
}

func (e *OptionError) Error() string {
	var b strings.Builder
	for _, block := range e.Place {
		b.WriteString(block + ": ")
	}
	b.WriteString(e.Option)
	if e.Value != "" {
		b.WriteString(" " + e.Value)
	}
	b.WriteString(": " + e.Bound)
	return b.String()
}
