// Package radvdgen turns typed values into the two files a network node needs to serve IPv6 to its bridges: a
// radvd.conf ([Config]) and a sysctl.d file ([Sysctl]). It refuses every value that would break the file, that radvd
// would refuse, or that radvd would accept and then not act on. Where the values come from, and how the file reaches
// the disk, is left to others.
package radvdgen

import (
	"errors"
	"strings"
)

// ErrNothing says that a [Config] has no interface. radvd refuses an empty file, so there is nothing to write.
var ErrNothing = errors.New("nothing to advertise: no interface is configured")

// header opens every file. It carries no time stamp: the same values give the same bytes.
const header = "# Written by nova-manage, which overwrites this file: changes made here are lost.\n"

// OptionError is a value that must not reach a file. Its message names the place, the option, the value and the bound:
//
//	interface br100: MinRtrAdvInterval 9: must be at most 7.5 (0.75 * MaxRtrAdvInterval 10)
type OptionError struct {
	Interface string // interface the value belongs to; empty where the interface's own name is at fault
	Block     string // block inside the interface, such as "prefix fd00:1::/64"; empty for the interface's own options
	Option    string // name of the option as the file spells it, or of the thing that is wrong
	Value     string // the value as the file would have it, quoted where it is free text
	Bound     string // what the value has to be, beginning with "must"
}

func (e *OptionError) Error() string {
	var b strings.Builder
	if e.Interface != "" {
		b.WriteString("interface " + e.Interface + ": ")
	}
	if e.Block != "" {
		b.WriteString(e.Block + ": ")
	}
	b.WriteString(e.Option)
	if e.Value != "" {
		b.WriteString(" " + e.Value)
	}
	b.WriteString(": " + e.Bound)
	return b.String()
}
