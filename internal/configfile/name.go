package configfile

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// maxNameLen is IFNAMSIZ less the terminating zero (linux/if.h). It counts bytes, not characters.
const maxNameLen = 15

// CheckInterfaceName reports whether name can be the name of a Linux interface and stand in a configuration file as
// it is; option says what the name is given for ("bridge", "uplink"), for the error, which is an [*OptionError].
//
// What the kernel takes (dev_valid_name in net/core/dev.c) is too much for a file: 1 to 15 bytes, of which only '/', ':'
// and white space are refused, and neither "." nor "..". A block's brace, a comment sign, a quotation mark or a semicolon
// in a name would change what all that follows it means. So this is a list of what is allowed, not of what is known to
// do harm, and it is the same for all daemons: a bridge is named to several of them.
func CheckInterfaceName(option, name string) error {
	bound := ""
	switch {
	case name == "":
		// Not a name, and no character to refuse either: in a file it would leave `interface {`, or a key with two dots.
		bound = "must not be empty"
	case len(name) > maxNameLen:
		// radvd -c passes a longer one, which no interface can have: the block would never do anything.
		bound = fmt.Sprintf("must have at most %d bytes", maxNameLen)
	case name == "." || name == "..":
		// The kernel refuses them because each interface is a folder in /proc/sys and in /sys.
		bound = "must not be a folder's name in the sysctl tree"
	case name == "all" || name == "default":
		// In /proc/sys/net/ipv6/conf the folder of that name is there already, so that the kernel makes no such interface
		// (sysctl_dev_name_is_allowed), but a sysctl file would set for all bridges what is meant for one.
		bound = "must not be a group of the sysctl tree"
	case name[0] == '-':
		// sysctl.d(5) takes it for "ignore errors", and any command that is given the name for an option.
		bound = "must not begin with '-'"
	default:
		for _, r := range name {
			if !isNameRune(r) {
				bound = fmt.Sprintf("must not contain %q", r)
				break
			}
		}
	}
	if bound == "" {
		return nil
	}
	return &OptionError{Option: option, Value: strconv.Quote(name), Bound: bound}
}

// isNameRune tells what a name may consist of: letters and digits, and what people put between them. '%' is left out
// because the kernel replaces it (`ip link add br%d` makes br0), '*' and '?' because they are patterns to sysctl and
// systemd-networkd. Letters beyond ASCII are refused, too: the kernel takes them as bytes, but radvd's scanner does not.
func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.+@~", r)
}

// CompareNames orders interface names as a reader does: by their text, with each run of digits compared as a number,
// so that br2 comes before br10. Names that differ only in leading zeros are ordered by their bytes. The result is
// negative, zero or positive as in [cmp.Compare].
//
// The order is total, since files are compared byte for byte: no two names are equal unless they are the same.
func CompareNames(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		dx, dy := digitRun(x), digitRun(y)
		if dx == 0 || dy == 0 {
			if c := cmp.Compare(x[0], y[0]); c != 0 {
				return c
			}
			x, y = x[1:], y[1:]
			continue
		}
		// As text, because a name has room for more digits than an integer.
		nx, ny := strings.TrimLeft(x[:dx], "0"), strings.TrimLeft(y[:dy], "0")
		// Without leading zeros the longer number is the larger one, whatever its size.
		if c := cmp.Or(cmp.Compare(len(nx), len(ny)), strings.Compare(nx, ny)); c != 0 {
			return c
		}
		x, y = x[dx:], y[dy:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func digitRun(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
