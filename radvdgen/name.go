package radvdgen

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// maxNameLen is IFNAMSIZ less the terminating zero (linux/if.h).
const maxNameLen = 15

// radvdWords are the words that radvd's scanner reads as something other than a name, in lower case. 2.19 compares
// them case-sensitively and later releases do not, so a name is refused in any case.
var radvdWords = wordSet(
	"interface prefix route rdnss dnssl clients lowpanco abro advrasrcaddress",
	"ignoreifmissing advsendadvert maxrtradvinterval minrtradvinterval mindelaybetweenras",
	"advmanagedflag advotherconfigflag advlinkmtu advramtu advreachabletime advretranstimer advcurhoplimit",
	"advdefaultlifetime advdefaultpreference advsourcelladdress unicastonly advrasolicitedunicast",
	"advonlink advautonomous advvalidlifetime advpreferredlifetime deprecateprefix decrementlifetimes advrouteraddr",
	"advhomeagentflag advhomeagentinfo homeagentpreference homeagentlifetime advmobrtrsupportflag advintervalopt",
	"base6interface base6to4interface advroutepreference advroutelifetime removeroute",
	"advrdnsspreference advrdnssopen advrdnsslifetime flushrdnss advdnssllifetime flushdnssl",
	"advcontextlength advcontextcompressionflag advcontextid advlifetime advcontextprefix",
	"advversionlow advversionhigh adv6lbraddress",
	"infinity on off low medium high",
)

// laterWords came after 2.19: a file with one of them as a name would stop being valid at the next upgrade.
var laterWords = wordSet(
	"nat64prefix autoignoreprefixes unrestrictedunicast advcaptiveportalapi removeadvonexit",
	"dnr advdnrpriority advdnrlifetime advdnraddr advdnrsvcalpn advdnrsvcport advdnrsvcdohpath",
)

func wordSet(lines ...string) map[string]bool {
	set := make(map[string]bool)
	for _, line := range lines {
		for _, word := range strings.Fields(line) {
			set[word] = true
		}
	}
	return set
}

// CheckInterfaceName reports whether name can be the name of a Linux interface and stand in a configuration file as
// it is. The kernel (dev_valid_name in net/core/dev.c, and the sysctl tree) takes 1 to 15 bytes, no '/', ':' or space,
// and neither "." nor "..", "all" or "default". Of the bytes it does take, only ASCII letters, digits and -_.+@~ are
// let through, and no '-' at the start: the others close a block, begin a comment or an assignment, are a pattern to
// sysctl, or make an option out of the name on a command line. The error is an [*OptionError].
func CheckInterfaceName(name string) error {
	return checkName("interface name", name)
}

// CheckRadvdName reports whether name can be the name of an interface block in radvd.conf: [CheckInterfaceName], and
// neither a number nor a word of radvd's grammar, which its parser takes for a syntax error. The error is an
// [*OptionError].
func CheckRadvdName(name string) error {
	if err := CheckInterfaceName(name); err != nil {
		return err
	}
	if bound := radvdToken(name); bound != "" {
		return &OptionError{Option: "interface name", Value: strconv.Quote(name), Bound: bound}
	}
	return nil
}

// checkName is CheckInterfaceName for the thing that option names.
func checkName(option, name string) error {
	bound := ""
	switch {
	case name == "":
		bound = "must not be empty"
	case len(name) > maxNameLen:
		bound = fmt.Sprintf("must have at most %d bytes", maxNameLen)
	case name == "." || name == "..":
		bound = "must not be a folder's name in the sysctl tree"
	case name == "all" || name == "default":
		bound = "must not be a group of the sysctl tree"
	case name[0] == '-':
		bound = "must not begin with '-'"
	default:
		for _, r := range name {
			if !isNameByte(r) {
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

func isNameByte(r rune) bool {
	return isAlnum(r) || strings.ContainsRune("-_.+@~", r)
}

func isAlnum(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// radvdToken says why radvd's scanner would not read s as a name, or "".
func radvdToken(s string) string {
	word := strings.ToLower(s)
	switch {
	case radvdWords[word] || laterWords[word]:
		return "must not be a word of radvd's grammar"
	case isNumber(s):
		return "must not be a number to radvd"
	}
	return ""
}

// isNumber reports whether s is one of the scanner's numbers: 12, -12 or 1.2.
func isNumber(s string) bool {
	whole, fraction, decimal := strings.Cut(s, ".")
	if decimal {
		return isDigits(whole) && isDigits(fraction)
	}
	return isDigits(strings.TrimPrefix(s, "-"))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// CompareNames orders interface names as a reader does: by their text, with each run of digits compared as a number,
// so that br2 comes before br10. Names that differ only in leading zeros are ordered by their bytes. The result is
// negative, zero or positive as in [cmp.Compare].
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
