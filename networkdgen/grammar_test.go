package networkdgen_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nova-manage/internal/configtest"
)

// The oracle of the fuzz targets: a reader for exactly those files that we may write. It is an allow-list, put down from
// systemd.network(5), systemd.netdev(5) and systemd.syntax(7); nothing in it is taken from the code that it judges.

// value tells whether a key may have a value.
type value func(string) bool

func words(allowed ...string) value {
	return func(s string) bool { return slices.Contains(allowed, s) }
}

// number is a decimal number without sign or leading zeros.
func number(low, high int) value {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && low <= n && n <= high && strconv.Itoa(n) == s
	}
}

// linkName is what systemd takes for a name (ifname_valid_full), of what we may write at all.
func linkName(s string) bool {
	return configtest.AllowedName(s) && s != "lo" && strings.Trim(s, "0123456789") != ""
}

func address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.String() == s && usable(a) && !a.Is4In6()
}

func usable(a netip.Addr) bool {
	return a.Zone() == "" && (a.IsGlobalUnicast() || a.IsPrivate()) && !a.IsLoopback() && !a.IsUnspecified()
}

func addressWithLength(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p.String() == s && address(p.Addr().String())
}

func host4(s string) bool {
	a, ok := strings.CutSuffix(s, "/32")
	return ok && address(a) && strings.Contains(a, ".")
}

func vlanLink(s string) bool { return strings.HasPrefix(s, "vlan") && number(1, 4094)(s[4:]) }

// grammar has the keys of each section of each kind of file.
var grammar = map[string]map[string]map[string]value{
	".netdev": {
		"NetDev": {"Name": linkName, "Kind": words("bridge", "vlan")},
		"VLAN":   {"Id": number(1, 4094)},
		"Bridge": {"STP": words("no"), "ForwardDelaySec": words("0"), "MulticastSnooping": words("no")},
	},
	".network": {
		"Match": {"Name": linkName},
		"Link":  {"MTUBytes": number(68, 65535), "RequiredForOnline": words("no")},
		"Network": {"ConfigureWithoutCarrier": words("yes"), "IPv6AcceptRA": words("no"), "LinkLocalAddressing": words("no", "ipv6"),
			"IPv6DuplicateAddressDetection": words("0"), "Bridge": linkName},
		"Address": {"Address": addressWithLength, "DuplicateAddressDetection": words("none")},
		"Route":   {"Destination": host4, "Type": words("local")},
	},
	".conf": {
		"Network": {"KeepConfiguration": words("static", "dhcp"), "VLAN": vlanLink, "Bridge": linkName, "IPv6ProxyNDP": words("yes"),
			"IPv6ProxyNDPAddress": address},
	},
}

// many are the keys that may stand in a section more than once: their values add up.
var many = words("VLAN", "IPv6ProxyNDPAddress")

// once are the sections that each file has one of at most.
var once = words("NetDev", "VLAN", "Bridge", "Match", "Link", "Network")

var (
	commentLine = regexp.MustCompile(`\A# [ -~]+\z`)
	sectionLine = regexp.MustCompile(`\A\[([A-Za-z]+)\]\z`)
	keyLine     = regexp.MustCompile(`\A([A-Za-z0-9]+)=([!-~]+)\z`)
)

// setting is a key with its value, and the section that it is in: the name and the number in the file.
type setting struct {
	section    string
	n          int
	key, value string
}

func (s setting) String() string { return fmt.Sprintf("[%s]#%d %s=%s", s.section, s.n, s.key, s.value) }

// readFile reads a file, and fails at whatever is not in the grammar.
func readFile(name string, text []byte) ([]setting, error) {
	sections := grammar[name[strings.LastIndex(name, "."):]]
	var settings []setting
	var begun []string
	for n, line := range strings.Split(string(text), "\n") {
		fail := func(reason string) ([]setting, error) {
			return nil, fmt.Errorf("%q, line %d: %q: %s", name, n+1, line, reason)
		}
		if n == 0 && !commentLine.MatchString(line) {
			return fail("is no header")
		}
		if line == "" || commentLine.MatchString(line) {
			continue
		}
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			if sections[m[1]] == nil || once(m[1]) && slices.Contains(begun, m[1]) {
				return fail("is no section here")
			}
			begun = append(begun, m[1])
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil || len(begun) == 0 {
			return fail("is not in the grammar")
		}
		s := setting{begun[len(begun)-1], len(begun), m[1], m[2]}
		allowed := sections[s.section][s.key]
		if allowed == nil || !allowed(s.value) {
			return fail("is not allowed in " + s.section)
		}
		if !many(s.key) && slices.ContainsFunc(settings, func(o setting) bool { return o.n == s.n && o.key == s.key }) {
			return fail("stands there twice")
		}
		settings = append(settings, s)
	}
	return settings, nil
}

var filePath = regexp.MustCompile(`\A60-nova-([!-~]{1,15})\.(netdev|network)\z|\A[!-.0-~]{1,246}\.network\.d/60-nova\.conf\z`)

// readTree reads all files, and checks what one must have of another.
func readTree(files map[string][]byte) (map[string][]setting, error) {
	read := make(map[string][]setting, len(files))
	for name, text := range files {
		m := filePath.FindStringSubmatch(name)
		if m == nil || m[1] != "" && !linkName(m[1]) || strings.HasPrefix(name, ".") {
			return nil, fmt.Errorf("%q is no name for a file", name)
		}
		settings, err := readFile(name, text)
		if err != nil {
			return nil, err
		}
		if m[1] != "" && values(settings, "Name")[0] != m[1] {
			return nil, fmt.Errorf("%s is of %s", name, values(settings, "Name"))
		}
		read[name] = settings
	}
	for name, settings := range read {
		for _, other := range append(values(settings, "Bridge"), values(settings, "VLAN")...) {
			if read["60-nova-"+other+".netdev"] == nil {
				return nil, fmt.Errorf("%s names %s, which nothing makes", name, other)
			}
		}
	}
	return read, nil
}

// values are those of a key, in their order.
func values(settings []setting, key string) []string {
	var list []string
	for _, s := range settings {
		if s.key == key {
			list = append(list, s.value)
		}
	}
	return list
}
