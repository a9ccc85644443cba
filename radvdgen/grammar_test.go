package radvdgen

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nova-manage/internal/configtest"
)

// The oracle of the fuzz targets: a reader for exactly those files that we may write. It is an allow-list, put down from
// radvd.conf(5), radvd's scanner.l and the RFCs; nothing in it is taken from the code that it judges, and nothing should
// be: what both had from one place they would get wrong together.

// block is an interface, or a block inside one, as the oracle has read it.
type block struct {
	keyword   string
	arguments []string
	options   map[string]string
	blocks    []block
}

// value tells whether an option may have a value.
type value func(string) bool

func words(allowed ...string) value {
	return func(s string) bool { return slices.Contains(allowed, s) }
}

// number is a decimal number without sign or leading zeros.
func number(low, high uint64) value {
	return func(s string) bool {
		n, err := strconv.ParseUint(s, 10, 64)
		return err == nil && low <= n && n <= high && strconv.FormatUint(n, 10) == s
	}
}

func either(a, b value) value { return func(s string) bool { return a(s) || b(s) } }

var (
	onOff      = words("on", "off")
	preference = words("low", "medium", "high")
	lifetime   = either(words("infinity"), number(0, 1<<32-2))
)

// grammar has the options of each block.
var grammar = map[string]map[string]value{
	"interface": {
		"AdvSendAdvert": onOff, "IgnoreIfMissing": onOff, "AdvManagedFlag": onOff, "AdvOtherConfigFlag": onOff,
		"AdvSourceLLAddress": onOff, "AdvRASolicitedUnicast": onOff, "UnicastOnly": onOff, "AdvIntervalOpt": onOff,
		"MinRtrAdvInterval": number(3, 1350), "MaxRtrAdvInterval": number(4, 1800), "MinDelayBetweenRAs": number(3, 1800),
		"AdvDefaultLifetime": number(0, 9000), "AdvDefaultPreference": preference,
		"AdvLinkMTU": number(1280, 65535), "AdvReachableTime": number(1, 3600000), "AdvRetransTimer": number(1, 1<<32-1),
		"AdvCurHopLimit": number(0, 255),
	},
	"prefix": {
		"AdvOnLink": onOff, "AdvAutonomous": onOff, "AdvRouterAddr": onOff, "DeprecatePrefix": onOff, "DecrementLifetimes": onOff,
		"AdvValidLifetime": lifetime, "AdvPreferredLifetime": lifetime,
	},
	"route": {"AdvRouteLifetime": lifetime, "AdvRoutePreference": preference, "RemoveRoute": onOff},
	"RDNSS": {"AdvRDNSSLifetime": lifetime, "FlushRDNSS": onOff},
	"DNSSL": {"AdvDNSSLLifetime": lifetime, "FlushDNSSL": onOff},
}

// arguments tells what may stand between a block's keyword and its brace.
var arguments = map[string]func([]string) bool{
	"interface": func(args []string) bool { return len(args) == 1 && allowedRadvdName(args[0]) },
	"prefix":    func(args []string) bool { return len(args) == 1 && isPrefix(args[0]) },
	"route":     func(args []string) bool { return len(args) == 1 && isPrefix(args[0]) },
	"RDNSS":     func(args []string) bool { return len(args) <= 3 && all(args, isAddress) },
	"DNSSL":     func(args []string) bool { return all(args, allowedDomain) },
}

func all(list []string, ok func(string) bool) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}

var addressText = regexp.MustCompile(`\A[0-9a-f]{1,4}:[0-9a-f:]*\z`)

// isAddress takes IPv6 addresses in the form of RFC 5952 that do not begin with "::".
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && addressText.MatchString(s) && a.String() == s
}

func isPrefix(s string) bool {
	address, length, _ := strings.Cut(s, "/")
	return (isAddress(address) || s == "::/0" || s == "::/1") && number(0, 128)(length)
}

// laterScannerWords came into the scanner after 2.19, whose words are scannerWords.
var laterScannerWords = strings.Fields(`
	nat64prefix AutoIgnorePrefixes UnrestrictedUnicast AdvCaptivePortalAPI RemoveAdvOnExit
	DNR AdvDNRPriority AdvDNRLifetime AdvDNRAddr AdvDNRSvcALPN AdvDNRSvcPort AdvDNRSvcDoHPath`)

// scannerNumber is what the scanner takes for {number}, {snum} or {decimal}.
var scannerNumber = regexp.MustCompile(`\A(-?[0-9]+|[0-9]+\.[0-9]+)\z`)

func isScannerWord(s string) bool {
	same := func(word string) bool { return strings.EqualFold(word, s) }
	return slices.ContainsFunc(scannerWords, same) || slices.ContainsFunc(laterScannerWords, same)
}

func allowedRadvdName(s string) bool {
	return configtest.AllowedName(s) && !isScannerWord(s) && !scannerNumber.MatchString(s)
}

// domainText is one label or more, each of letters, digits and inner hyphens, and at most 63 bytes.
var domainText = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\z`)

// allowedDomain takes domains as they stand in the file, without a final dot.
func allowedDomain(s string) bool {
	return len(s) <= 253 && domainText.MatchString(s) && !isScannerWord(s) && !scannerNumber.MatchString(s)
}

// A file consists of these lines, and of empty ones.
var (
	headerLine = regexp.MustCompile(`\A# [ -~]+\z`)
	openLine   = regexp.MustCompile(`\A(\t?)([A-Za-z]+)((?: [!-~]+)+) \{\z`)
	optionLine = regexp.MustCompile(`\A(\t{1,2})([A-Za-z]+[0-9]?[A-Za-z]*) ([a-z0-9]+);\z`)
	closeLine  = regexp.MustCompile(`\A(\t?)\};\z`)
)

// readConf reads a radvd.conf, and fails at whatever is not in the grammar.
func readConf(text []byte) ([]block, error) {
	var interfaces []block
	var open []*block // the blocks that a line is in, from the outermost to the innermost
	for n, line := range strings.Split(string(text), "\n") {
		fail := func(reason string) ([]block, error) { return nil, fmt.Errorf("line %d: %q: %s", n+1, line, reason) }
		if n == 0 {
			if !headerLine.MatchString(line) {
				return fail("is no header")
			}
			continue
		}
		if m := openLine.FindStringSubmatch(line); m != nil {
			b := block{keyword: m[2], arguments: strings.Split(m[3][1:], " "), options: map[string]string{}}
			switch {
			case len(m[1]) != len(open), (len(open) == 0) != (b.keyword == "interface"):
				return fail("does not begin here")
			case grammar[b.keyword] == nil:
				return fail("is no block")
			case !arguments[b.keyword](b.arguments):
				return fail("has arguments that are not allowed")
			}
			into := &interfaces
			if len(open) > 0 {
				into = &open[len(open)-1].blocks
			}
			*into = append(*into, b)
			open = append(open, &(*into)[len(*into)-1])
		} else if m := optionLine.FindStringSubmatch(line); m != nil {
			if len(m[1]) != len(open) {
				return fail("is in no block, or in another one")
			}
			in := open[len(open)-1]
			allowed := grammar[in.keyword][m[2]]
			if allowed == nil || !allowed(m[3]) {
				return fail("is not allowed in " + in.keyword)
			}
			if in.options[m[2]] != "" {
				return fail("stands there twice")
			}
			in.options[m[2]] = m[3]
		} else if m := closeLine.FindStringSubmatch(line); m != nil {
			if len(m[1]) != len(open)-1 {
				return fail("closes nothing")
			}
			open = open[:len(open)-1]
		} else if line != "" {
			return fail("is not in the grammar")
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%s is not closed", open[len(open)-1].keyword)
	}
	return interfaces, nil
}

// badInterface says what one option of an interface has against another, or "".
func badInterface(i block) string {
	// Where an option is missing radvd has a default: 600 seconds, and 0.33 of the longest interval.
	longest := seconds(i.options, "MaxRtrAdvInterval", 600)
	shortest := seconds(i.options, "MinRtrAdvInterval", longest/3)
	life := seconds(i.options, "AdvDefaultLifetime", 3*longest)
	switch {
	case 4*shortest > 3*longest || shortest < 3:
		return "MinRtrAdvInterval"
	case seconds(i.options, "MinDelayBetweenRAs", 3) > longest:
		return "MinDelayBetweenRAs"
	case life != 0 && life < longest:
		return "AdvDefaultLifetime"
	case life == 0 && i.options["AdvDefaultPreference"] != "" && i.options["AdvDefaultPreference"] != "medium":
		return "AdvDefaultPreference"
	}
	for _, b := range i.blocks {
		switch b.keyword {
		case "prefix":
			valid, preferred := seconds(b.options, "AdvValidLifetime", 0), seconds(b.options, "AdvPreferredLifetime", 1)
			p := netip.MustParsePrefix(b.arguments[0])
			if preferred > valid || p.Bits() != 64 && b.options["AdvAutonomous"] != "off" ||
				p != p.Masked() && b.options["AdvRouterAddr"] != "on" || p.Addr().IsMulticast() || p.Addr().IsLinkLocalUnicast() {
				return "prefix"
			}
		case "route":
			p := netip.MustParsePrefix(b.arguments[0])
			if p != p.Masked() || p.Addr().IsMulticast() || p.Addr().IsLinkLocalUnicast() ||
				p.Bits() == 0 && (life == 0) != (b.options["AdvRouteLifetime"] == "0") {
				return "route"
			}
		case "RDNSS", "DNSSL":
			l := seconds(b.options, "Adv"+b.keyword+"Lifetime", 1)
			if l != 0 && l < longest {
				return b.keyword
			}
		}
	}
	return ""
}

// seconds is the value of an option, or its default.
func seconds(options map[string]string, name string, unset uint64) uint64 {
	s, ok := options[name]
	if !ok {
		return unset
	}
	if s == "infinity" {
		return 1<<32 - 1
	}
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}

// equalBlocks compares two blocks with all that is in them.
func equalBlocks(a, b block) bool {
	return a.keyword == b.keyword && slices.Equal(a.arguments, b.arguments) && maps.Equal(a.options, b.options) &&
		slices.EqualFunc(a.blocks, b.blocks, equalBlocks)
}
