package dnsmasqgen

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"nova-manage/internal/configtest"
)

// The oracle of the fuzz targets: a reader for exactly those files that we may write. It is an allow-list, put down from
// dnsmasq(8), hosts(5) and the RFCs; nothing in it is taken from the code that it judges, and nothing should be: what both had
// from one place they would get wrong together.

// line is a line of the main file as the oracle has read it.
type line struct {
	option string
	fields []string
}

func (l line) String() string { return l.option + "=" + strings.Join(l.fields, ",") }

// field tells whether a part of a value, between commas, is allowed.
type field func(string) bool

func word(w string) field { return func(s string) bool { return s == w } }

func either(fields ...field) field {
	return func(s string) bool {
		for _, f := range fields {
			if f(s) {
				return true
			}
		}
		return false
	}
}

func after(before string, f field) field {
	return func(s string) bool { rest, ok := strings.CutPrefix(s, before); return ok && f(rest) }
}

func between(before string, f field, behind string) field {
	return after(before, func(s string) bool { rest, ok := strings.CutSuffix(s, behind); return ok && f(rest) })
}

func numeral(low, high uint64) field {
	return func(s string) bool {
		n, err := strconv.ParseUint(s, 10, 64)
		return err == nil && low <= n && n <= high && strconv.FormatUint(n, 10) == s
	}
}

var (
	quad    = regexp.MustCompile(`\A[0-9]{1,3}(\.[0-9]{1,3}){3}\z`)
	hexText = regexp.MustCompile(`\A[0-9a-f]{1,4}:[0-9a-f:]*\z`)
	macText = regexp.MustCompile(`\A[0-9a-f][02468ace](:[0-9a-f]{2}){5}\z`)
	// nameText is one DNS label or more in lower case, the last of them not a number.
	nameText = regexp.MustCompile(`\A([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\z`)
	allDigit = regexp.MustCompile(`(\A|\.)[0-9]+\z`)
	pathText = regexp.MustCompile(`\A(/[A-Za-z0-9._+@-]*)+\z`)
	duidText = regexp.MustCompile(`\A[0-9a-f]{2}(:[0-9a-f]{2}){7}\z`)
	comment  = regexp.MustCompile(`\A# [ -~]+\z`)
)

func isV4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && quad.MatchString(s) && a.String() == s
}

func isV6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && (hexText.MatchString(s) || s == "::1") && a.String() == s
}

func isNetmask(s string) bool {
	if !isV4(s) {
		return false
	}
	b := netip.MustParseAddr(s).As4()
	bits := fmt.Sprintf("%08b%08b%08b%08b", b[0], b[1], b[2], b[3])
	return !strings.Contains(bits, "01") && strings.HasSuffix(bits, "00")
}

func isCIDR4(s string) bool {
	address, length, _ := strings.Cut(s, "/")
	return isV4(address) && numeral(1, 30)(length) && netip.MustParsePrefix(s).Masked().String() == s
}

func isPrefix64(s string) bool {
	return isV6(s) && netip.PrefixFrom(netip.MustParseAddr(s), 64).Masked().Addr().String() == s
}

func isName(s string) bool {
	return len(s) <= 253 && nameText.MatchString(s) && !allDigit.MatchString(s)
}

// isFull is a name of two labels at least, which dnsmasq takes for nothing else in a line of a host.
func isFull(s string) bool { return isName(s) && strings.Contains(s, ".") }

func isMAC(s string) bool  { return macText.MatchString(s) && s != "00:00:00:00:00:00" }
func isPath(s string) bool { return len(s) < 600 && pathText.MatchString(s) }

var (
	setTag = after("set:n", numeral(1, 1<<63-1))
	tag    = after("tag:n", numeral(1, 1<<63-1))
	lease  = between("", numeral(120, 86400), "s")
	inV6   = between("[", isV6, "]")
)

// forms are the lines that there may be: an option with its fields. many lets the last field be there several times.
var forms = []struct {
	option string
	fields []field
	many   bool
}{
	{"bind-dynamic", nil, false},
	{"no-hosts", nil, false},
	{"no-resolv", nil, false},
	{"domain-needed", nil, false},
	{"dhcp-fqdn", nil, false},
	{"leasefile-ro", nil, false},
	{"dhcp-authoritative", nil, false},
	{"dhcp-ignore-names", nil, false},
	{"except-interface", []field{word("lo")}, false},
	{"interface", []field{configtest.AllowedName}, false},
	{"local", []field{between("/", isName, "/")}, false},
	{"domain", []field{isName}, false},
	{"domain", []field{isName, isCIDR4}, false},
	{"server", []field{either(isV4, isV6)}, false},
	{"addn-hosts", []field{isPath}, false},
	{"dhcp-hostsfile", []field{isPath}, false},
	{"pid-file", []field{isPath}, false},
	{"dhcp-lease-max", []field{word("200000")}, false},
	{"dhcp-duid", []field{word("0"), duidText.MatchString}, false},
	{"dhcp-range", []field{setTag, isV4, word("static"), isNetmask, isV4, lease}, false},
	{"dhcp-range", []field{setTag, isPrefix64, word("static"), word("64"), lease}, false},
	{"dhcp-option", []field{tag, word("option:router"), isV4}, false},
	{"dhcp-option", []field{tag, word("option:dns-server"), isV4}, true},
	{"dhcp-option", []field{tag, word("option:mtu"), numeral(68, 65535)}, false},
	{"dhcp-option", []field{tag, word("option6:dns-server"), inV6}, true},
	{"dhcp-option", []field{tag, word("option6:domain-search"), isName}, false},
	{"dhcp-host", []field{isMAC, isFull, isV4}, false},
	{"dhcp-host", []field{isMAC, inV6}, false},
	{"host-record", []field{isFull, either(isV4, isV6)}, false},
	{"host-record", []field{isFull, isFull, either(isV4, isV6)}, false},
	{"host-record", []field{isFull, isFull, isFull, either(isV4, isV6)}, false},
}

func (l line) allowed() bool {
	for _, form := range forms {
		n := len(form.fields)
		if form.option != l.option || len(l.fields) != n && !(form.many && len(l.fields) > n && len(l.fields) < n+8) {
			continue
		}
		ok := true
		for i, s := range l.fields {
			ok = ok && form.fields[min(i, n-1)](s)
		}
		if ok {
			return true
		}
	}
	return false
}

// readMain reads a main file, and fails at whatever is not allowed in it.
func readMain(text []byte) ([]line, error) {
	var lines []line
	err := eachLine(text, func(s string) bool {
		option, value, found := strings.Cut(s, "=")
		l := line{option: option}
		if found {
			l.fields = strings.Split(value, ",")
		}
		lines = append(lines, l)
		return l.allowed()
	})
	return lines, err
}

// readHosts reads a file of hosts as the lines that they would be in the main file.
func readHosts(text []byte) ([]line, error) {
	var lines []line
	err := eachLine(text, func(s string) bool {
		l := line{"dhcp-host", strings.Split(s, ",")}
		lines = append(lines, l)
		return l.allowed()
	})
	return lines, err
}

// readNames reads a file of names: an address, and names behind it.
func readNames(text []byte) (map[string][]string, error) {
	names := make(map[string][]string)
	err := eachLine(text, func(s string) bool {
		fields := strings.Split(s, " ")
		for _, name := range fields[1:] {
			if !isFull(name) {
				return false
			}
		}
		names[fields[0]] = fields[1:]
		return len(fields) > 1 && either(isV4, isV6)(fields[0])
	})
	return names, err
}

func eachLine(text []byte, allowed func(string) bool) error {
	body, ended := strings.CutSuffix(string(text), "\n")
	if !ended {
		return fmt.Errorf("the last line has no end: %q", text)
	}
	for n, s := range strings.Split(body, "\n") {
		if s == "" || comment.MatchString(s) {
			continue
		}
		if len(s) > 1023 || !allowed(s) {
			return fmt.Errorf("line %d: %q is not allowed", n+1, s)
		}
	}
	return nil
}
