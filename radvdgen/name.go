package radvdgen

import (
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

// radvdWords are the words that radvd's scanner reads as something other than a name, in lower case. 2.19 compares
// them case-sensitively and later releases do not ("%option caseless" in scanner.l), so a name is refused in any case.
//
// Only a whole name is one of them: flex takes the longest match, and "low.example" is longer as a name than "low" is as
// a word.
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

// CheckRadvdName reports whether name can be the name of an interface block in radvd.conf:
// [configfile.CheckInterfaceName], and neither a number nor a word of radvd's grammar. The kernel lets a bridge be called
// 100 or low, but radvd has no quotation marks by which such a name could be told from a number or a word: its parser takes
// it for a syntax error, and then the whole file is refused, with all other bridges in it. The error is a
// [*configfile.OptionError].
func CheckRadvdName(name string) error {
	if err := configfile.CheckInterfaceName("interface name", name); err != nil {
		return err
	}
	if bound := radvdToken(name); bound != "" {
		return &configfile.OptionError{Option: "interface name", Value: strconv.Quote(name), Bound: bound}
	}
	return nil
}

// radvdToken says why radvd's scanner would not read s as a name, or "". It is asked of names and domains that consist of
// the right characters already, which leaves out its addresses (with ':') and its comments (with '#').
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

// isNumber reports whether s is one of the scanner's numbers: 12, -12 or 1.2. What only looks like one is a name to it:
// 1.2.3, 0x5, 1e5, 5. and .5.
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
