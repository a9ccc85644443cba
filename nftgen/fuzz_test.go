package nftgen

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

// The oracle: what lines a file may consist of, put down from nft(8) and from what the two tables are for; nothing in it
// is taken from the code that it judges.
const (
	oracleFour = `(?:[0-9]{1,3}\.){3}[0-9]{1,3}`
	oracleSix  = `[0-9a-f:]*::?[0-9a-f:]*`
	oracleMAC  = `(?:[0-9a-f]{2}:){5}[0-9a-f]{2}`
	oracleName = `"([^"\\ ]+)"`
)

// oracleRules are the lines of chains that differ from file to file.
var oracleRules = []*regexp.Regexp{
	regexp.MustCompile(`\A(?:ip saddr (?:` + oracleFour + `(?:/[0-9]{1,2})?|@g[0-9]+_4)|ip6 saddr (?:` + oracleSix + `(?:/[0-9]{1,3})?|@g[0-9]+_6)) ` +
		`(?:(?:tcp|udp) dport [0-9]{1,5}(?:-[0-9]{1,5})?|meta l4proto (?:icmp|ipv6-icmp)|icmp type [0-9]{1,3}(?: icmp code [0-9]{1,3})?|icmpv6 type [0-9]{1,3}(?: icmpv6 code [0-9]{1,3})?) accept\z`),
	regexp.MustCompile(`\A(?:jump sg[0-9]+|counter drop)\z`),
	regexp.MustCompile(`\Aiifname @bridges ip daddr 169\.254\.169\.254 tcp dport 80 dnat ip to ` + oracleFour + `:[0-9]{1,5}\z`),
	regexp.MustCompile(`\Act status dnat ip daddr ` + oracleFour + ` tcp dport [0-9]{1,5} ip saddr & ` + oracleFour + ` @fixed4_[0-9]{1,2} return\z`),
	regexp.MustCompile(`\Aiifname \. ip saddr & ` + oracleFour + ` @from4_[0-9]{1,2} return\z`),
	regexp.MustCompile(`\A(?:ip [sd]addr|meta protocol arp arp [sd]addr ip|ct state invalid ip daddr) & ` + oracleFour + ` @fixed4_[0-9]{1,2} counter drop\z`),
	regexp.MustCompile(`\A(?:ip saddr|meta protocol arp arp [sd]addr ip) & ` + oracleFour + ` @open4_[0-9]{1,2} return\z`),
	regexp.MustCompile(`\A(?:ip daddr & ` + oracleFour + ` @(?:dmz4|fixed4)_[0-9]{1,2}|ip6 daddr & ` + oracleSix + ` @dmz6_[0-9]{1,3}) return\z`),
	regexp.MustCompile(`\Aip saddr & ` + oracleFour + ` @fixed4_[0-9]{1,2} (?:masquerade|snat ip to ` + oracleFour + `)\z`),
}

// oracleElements are the elements of each set.
var oracleElements = map[string]string{
	"bridges": oracleName, "uplinks": oracleName, "trusted": oracleName, "same_bridge": oracleName + ` \. ` + oracleName,
	"from4": oracleName + ` \. ` + oracleFour, "from6": oracleName + ` \. ` + oracleSix,
	"fixed4": oracleFour, "fixed6": oracleSix, "dmz4": oracleFour, "dmz6": oracleSix,
	"to4": oracleFour + ` : goto gs_[0-9a-z_]+`, "to6": oracleSix + ` : goto gs_[0-9a-z_]+`,
	"float_in4": oracleFour + ` : ` + oracleFour, "float_out4": oracleFour + ` : ` + oracleFour,
	"float_in6": oracleSix + ` : ` + oracleSix, "float_out6": oracleSix + ` : ` + oracleSix,
	"vpn": oracleFour + ` \. [0-9]{1,5} : ` + oracleFour + ` \. 1194`, "vpn_to": oracleFour + ` \. 1194`,
	"open4": oracleFour, "macs": oracleMAC, "src4": oracleMAC + ` \. ` + oracleFour, "src6": oracleMAC + ` \. ` + oracleSix, "link6": oracleSix,
	"nd_own": oracleMAC + ` \. 0x[0-9a-f]{32}`, "nd_link": `0x[0-9a-f]{32}`, "nd_fixed": `0x[0-9a-f]{16}`,
}

var (
	oracleSource = regexp.MustCompile(`\Ag[0-9]+_[46]\z`)
	oracleGroup  = regexp.MustCompile(`\A(?:sg[0-9]+|gs_[0-9a-z_]+)\z`)
	oracleOpen   = regexp.MustCompile(`\A(chain|set|map) ([a-z0-9_]+) \{\z`)
	oracleType   = regexp.MustCompile(`\A(?:type [a-z0-9_ .:]+|typeof (?:ether saddr \. )?@th,64,(?:64|128))\z`)
	// oracleLength is a set of prefixes of one length, and oracleMasked where it is looked up.
	oracleLength = regexp.MustCompile(`\A(from4|fixed4|open4|dmz4|dmz6)_([0-9]{1,3})\z`)
	oracleMasked = regexp.MustCompile(`& (\S+) @[a-z]+[46]_([0-9]{1,3})\b`)
	// oracleInterval is a range or a prefix in braces: an interval, which the kernel shows late, as it does those of "flags
	// interval".
	oracleInterval = regexp.MustCompile(`\{[^}]*(?:/|[0-9] ?- ?[0-9])`)
)

// oraclePrefix tells whether an address has no bits beyond a length.
func oraclePrefix(address, length string) bool {
	p, err := netip.ParsePrefix(address + "/" + length)
	return err == nil && p == p.Masked()
}

// oracleMask tells whether a mask is that of a length.
func oracleMask(text, length string) bool {
	a, err := netip.ParseAddr(text)
	n, err2 := strconv.Atoi(length)
	return err == nil && err2 == nil && bytes.Equal(a.AsSlice(), net.CIDRMask(n, a.BitLen()))
}

// judge reads a file by the oracle. The chains that are the same in all files are those of the golden one of a node with
// nothing, which was read by a person.
func judge(text []byte, constant map[string]bool) error {
	element := map[string]*regexp.Regexp{}
	for name, pattern := range oracleElements {
		element[name] = regexp.MustCompile(`\A` + pattern + `,\z`)
	}
	kind, name, elements := "", "", false
	depth := 0
	for n, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		fail := func(why string) error { return fmt.Errorf("line %d: %q: %s", n+1, line, why) }
		rest := strings.TrimLeft(line, "\t")
		if n == 0 {
			if !strings.HasPrefix(line, "# Written by nova-manage") {
				return fail("is no header")
			}
			continue
		}
		if rest == "}" {
			depth--
			if len(line)-1 != depth {
				return fail("closes another block")
			}
			elements = false
			continue
		}
		if len(line)-len(rest) != depth {
			return fail("is not in this block")
		}
		switch depth {
		case 0:
			switch rest {
			case "add table inet nova", "delete table inet nova", "add table bridge nova", "delete table bridge nova":
			case "table inet nova {", "table bridge nova {":
				depth++
			default:
				return fail("is no table of ours")
			}
		case 1:
			m := oracleOpen.FindStringSubmatch(rest)
			if m == nil {
				return fail("is no chain, set or map")
			}
			kind, name = m[1], m[2]
			depth++
		case 2:
			switch {
			case kind == "chain":
				if m := oracleMasked.FindStringSubmatch(rest); m != nil && !oracleMask(m[1], m[2]) {
					return fail("has another mask than its set")
				}
				if oracleInterval.MatchString(rest) {
					return fail("has an interval")
				}
				group := oracleGroup.MatchString(name)
				if !group && constant[line] {
					break
				}
				if !slices.ContainsFunc(oracleRules, func(r *regexp.Regexp) bool { return r.MatchString(rest) }) {
					return fail("is no rule")
				}
				if group && strings.Contains(rest, "{") {
					return fail("is a set in a group's chain")
				}
			case rest == "elements = {":
				elements = true
				depth++
			case !oracleType.MatchString(rest):
				return fail("is no type")
			}
		case 3:
			r := element[name]
			if m := oracleLength.FindStringSubmatch(name); m != nil {
				r = element[m[1]]
				address := strings.TrimSuffix(rest[strings.LastIndex(rest, " ")+1:], ",")
				if !oraclePrefix(address, m[2]) {
					return fail("is no prefix of this length")
				}
			}
			if oracleSource.MatchString(name) {
				r = regexp.MustCompile(`\A(?:` + oracleFour + `|` + oracleSix + `),\z`)
			}
			if !elements || r == nil {
				return fail("is an element of nothing")
			}
			m := r.FindStringSubmatch(rest)
			if m == nil {
				return fail("is no element")
			}
			for _, interfaceName := range m[1:] {
				if !configtest.AllowedName(interfaceName) {
					return fail("has a name that is not allowed")
				}
			}
		}
	}
	if depth != 0 {
		return fmt.Errorf("%d blocks are open", depth)
	}
	return nil
}

func constantLines(t testing.TB) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("testdata/bare.nft")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		lines[line] = true
	}
	return lines
}

func TestJudge(t *testing.T) {
	constant := constantLines(t)
	text := file0(t, example())
	if err := judge(text, constant); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{
		{"jump sg1\n", "jump sg1; flush ruleset\n"}, {"10.0.1.4,\n", "10.0.1.4, }\n"}, {`"br100",`, `"br1\"00",`}, {"\t}\n}\n", "\t}\n}\n}\n"},
		{"table inet nova {", "table inet filter {"}, {"chain sg3 {\n", "chain sg3 {\n\t\ttcp dport { 1, 2 } accept\n"}, {"\t\tjump sg1\n", "\t\taccept\n"},
		{"\t\ttype ifname . ipv4_addr\n", "\t\ttype ifname . ipv4_addr\n\t\tflags interval\n"}, {"saddr & 255.255.255.224", "saddr & 255.255.255.0"},
		{"\t\t\t10.0.1.32,\n", "\t\t\t10.0.1.33,\n"}, {"icmpv6 type { 131, 132, 133, 135, 143 }", "icmpv6 type { 131-133, 135, 143 }"},
	} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, text) || judge(bad, constant) == nil {
			t.Errorf("the oracle takes %q for %q", edit[1], edit[0])
		}
	}
}

// hostile are texts that would close a block or begin a line.
var hostile = []string{"", "\n", "a\nb", `"`, `a"b`, "}", "{", ";", "; flush ruleset", ",", "#", "\\", "'", "`", "$(x)", "*", "br*", "@g1_4", "add rule inet nova forward accept",
	"\x00", "\r", "\t", " ", "é", "\u2028", "\xff", "abcdefghijklmnop", "..", "tcp dport 1 accept\n", "% 1", "all", "-f"}

// FuzzText puts a text wherever a text can be: names of interfaces, a protocol, the zone of an address.
func FuzzText(f *testing.F) {
	for _, s := range append(configtest.NameSeeds(), hostile...) {
		f.Add(s)
	}
	for _, s := range []string{"tcp", "udp", "icmp", "TCP", "icmpv6", "sctp", "all", "eth0", "eth1", "br100", "br101"} {
		f.Add(s)
	}
	constant := constantLines(f)
	f.Fuzz(func(t *testing.T, text string) {
		for place, test := range map[string]struct {
			put     func(c *Config)
			allowed bool
		}{
			"uplink":            {func(c *Config) { c.Uplinks = append(c.Uplinks, text) }, configtest.AllowedName(text) && text != "eth0" && text != "br100" && text != "br101"},
			"trusted":           {func(c *Config) { c.TrustedPorts = []string{text} }, configtest.AllowedName(text) && text != "br100" && text != "br101"},
			"bridge":            {func(c *Config) { c.Networks[1].Bridge = text }, configtest.AllowedName(text) && text != "eth0" && text != "tap-trusted"},
			"interface":         {func(c *Config) { c.Floating[0].Interface = text }, text == "" || configtest.AllowedName(text) && text != "br100" && text != "br101"},
			"protocol":          {func(c *Config) { c.Groups[1].Rules[0].Protocol = text }, text == "tcp" || text == "udp" || text == "icmp"},
			"fixed":             {func(c *Config) { c.Ports[0].IPv6 = addr(addrA6).WithZone(text) }, text == ""},
			"gateway":           {func(c *Config) { c.Networks[0].GatewayV6 = addr("fd00:1::1").WithZone(text) }, text == ""},
			"link":              {func(c *Config) { c.Networks[0].LinkLocal = addr("fe80::1").WithZone(text) }, text == ""},
			"source":            {func(c *Config) { c.Sources = map[int64][]netip.Addr{3: {addr("fd00:7::1").WithZone(text)}} }, text == ""},
			"public":            {func(c *Config) { c.Floating[1].Public = addr(floatA6).WithZone(text) }, text == ""},
			"fixed of floating": {func(c *Config) { c.Floating[1].Fixed = addr(addrA6).WithZone(text) }, text == ""},
			"metadata":          {func(c *Config) { c.Metadata = netip.AddrPortFrom(addr("2001:db8::1").WithZone(text), 80) }, false},
			"routing":           {func(c *Config) { c.RoutingSource = addr("2001:db8::1").WithZone(text) }, false},
			"vpn":               {func(c *Config) { c.VPN[0].Public = netip.AddrPortFrom(addr("2001:db8::1").WithZone(text), 80) }, false},
			"private":           {func(c *Config) { c.VPN[0].Private = addr("fd00:1::9").WithZone(text) }, false},
		} {
			c := siteConfig()
			test.put(&c)
			b, err := c.Append(nil)
			if (err == nil) != test.allowed {
				t.Fatalf("%s %q: allowed is %t, but the generator says %v", place, text, test.allowed, err)
			}
			if err == nil {
				if err := judge(b, constant); err != nil {
					t.Fatalf("%s %q: %v in\n%s", place, text, err, b)
				}
			}
		}
	})
}

// FuzzRule gives a rule any numbers, and has nft load the accepted ones, many to a file.
func FuzzRule(f *testing.F) {
	for _, protocol := range []byte{0, 1, 2} {
		for _, n := range [][2]int{{-1, -1}, {-1, 0}, {0, 0}, {0, -1}, {8, 0}, {255, 255}, {256, 0}, {1, 65535}, {0, 65535}, {65535, 65535}, {65536, 65536}, {2, 1}, {-2, -2}, {128, -1}} {
			for _, bits := range []byte{0, 1, 32, 64, 128} {
				f.Add(protocol, n[0], n[1], bits, []byte{10, 0, 0, 1})
				f.Add(protocol, n[0], n[1], bits, bytes.Repeat([]byte{0xfd, 7}, 8))
			}
		}
	}
	constant := constantLines(f)
	var rules []Rule
	flush := func(t testing.TB) {
		c := siteConfig()
		c.Groups[1].Rules = rules
		rules = nil
		if _, err := exec.LookPath("nft"); err == nil || os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
			load(t, file0(t, c))
		}
	}
	f.Fuzz(func(t *testing.T, protocol byte, from, to int, bits byte, address []byte) {
		a, ok := netip.AddrFromSlice(address)
		if !ok || a.Is4In6() {
			return
		}
		p := netip.PrefixFrom(a, int(bits))
		if !p.IsValid() {
			return
		}
		r := Rule{Protocol: []string{"tcp", "udp", "icmp"}[protocol%3], From: from, To: to, CIDR: p}
		allowed := 0 <= from && from <= to && to <= 65535
		if r.Protocol == "icmp" {
			allowed = -1 <= from && from <= 255 && -1 <= to && to <= 255 && (from >= 0 || to == -1)
		}
		c := siteConfig()
		c.Groups[1].Rules = []Rule{r}
		b, err := c.Append(nil)
		if (err == nil) != allowed {
			t.Fatalf("%v: allowed is %t, but the generator says %v", r, allowed, err)
		}
		if err != nil {
			return
		}
		if err := judge(b, constant); err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		// What Revoked reads must be what was written: the rule going away is noticed, whatever it says.
		if got := Revoked(b, b); !got.Empty() {
			t.Fatalf("%v: the same file revokes %v", r, got)
		}
		c.Groups[1].Rules = nil
		if got := Revoked(b, file0(t, c)); got.Empty() {
			t.Fatalf("%v goes and revokes nothing", r)
		}
		if rules = append(rules, r); len(rules) == 1000 {
			flush(t)
		}
	})
	flush(f)
}
