package radvdgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestCheckRadvdName(t *testing.T) {
	for name, bound := range map[string]string{
		"br100":            "",
		"eth0.100":         "",
		"a-b_c.d+e@f~g":    "",
		"abcdefghijklmno":  "",
		"1.2.3":            "",
		"0x5":              "",
		"lower":            "",
		"":                 "must not be empty",
		"abcdefghijklmnop": "must have at most 15 bytes",
		"ééééééé0":         "must not contain 'é'",
		"éééééééé":         "must have at most 15 bytes",
		".":                "must not be a folder's name in the sysctl tree",
		"..":               "must not be a folder's name in the sysctl tree",
		"all":              "must not be a group of the sysctl tree",
		"default":          "must not be a group of the sysctl tree",
		"br/1":             "must not contain '/'",
		"br:1":             "must not contain ':'",
		"br 1":             "must not contain ' '",
		"br\t1":            `must not contain '\t'`,
		"br\n1":            `must not contain '\n'`,
		"br\x001":          `must not contain '\x00'`,
		"br\x7f":           `must not contain '\x7f'`,
		"br\xff":           `must not contain '�'`,
		"br{":              "must not contain '{'",
		"br}":              "must not contain '}'",
		"br;":              "must not contain ';'",
		`br"`:              `must not contain '"'`,
		"#br":              "must not contain '#'",
		"br=1":             "must not contain '='",
		"br*":              "must not contain '*'",
		"br%d":             "must not contain '%'",
		"-5":               "must not begin with '-'",
		"100":              "must not be a number to radvd",
		"1.5":              "must not be a number to radvd",
		"low":              "must not be a word of radvd's grammar",
		"Low":              "must not be a word of radvd's grammar",
		"route":            "must not be a word of radvd's grammar",
		"nat64prefix":      "must not be a word of radvd's grammar",
	} {
		want := ""
		if bound != "" {
			want = fmt.Sprintf("interface name %q: %s", name, bound)
		}
		wantBound(t, CheckRadvdName(name), want)
		if strings.Contains(bound, "radvd") {
			want = ""
		}
		wantBound(t, CheckInterfaceName(name), want)
	}
}

// scannerWords are the words of radvd 2.19 in their own spelling.
var scannerWords = strings.Fields(`
	interface prefix route RDNSS DNSSL clients lowpanco abro AdvRASrcAddress
	IgnoreIfMissing AdvSendAdvert MaxRtrAdvInterval MinRtrAdvInterval MinDelayBetweenRAs
	AdvManagedFlag AdvOtherConfigFlag AdvLinkMTU AdvRAMTU AdvReachableTime AdvRetransTimer AdvCurHopLimit
	AdvDefaultLifetime AdvDefaultPreference AdvSourceLLAddress UnicastOnly AdvRASolicitedUnicast
	AdvOnLink AdvAutonomous AdvValidLifetime AdvPreferredLifetime DeprecatePrefix DecrementLifetimes AdvRouterAddr
	AdvHomeAgentFlag AdvHomeAgentInfo HomeAgentPreference HomeAgentLifetime AdvMobRtrSupportFlag AdvIntervalOpt
	Base6Interface Base6to4Interface AdvRoutePreference AdvRouteLifetime RemoveRoute
	AdvRDNSSPreference AdvRDNSSOpen AdvRDNSSLifetime FlushRDNSS AdvDNSSLLifetime FlushDNSSL
	AdvContextLength AdvContextCompressionFlag AdvContextID AdvLifeTime AdvContextPrefix
	AdvVersionLow AdvVersionHigh AdvValidLifeTime Adv6LBRaddress
	infinity on off low medium high`)

// TestRadvdWords shows that radvd refuses each word and number that is refused here, as an interface and as a domain.
func TestRadvdWords(t *testing.T) {
	known := make(map[string]bool)
	for _, word := range scannerWords {
		known[strings.ToLower(word)] = true
	}
	if !maps.Equal(known, radvdWords) {
		t.Error("the words tried here are not those refused by the package")
	}
	for _, word := range append(slices.Clone(scannerWords), "100", "-5", "1.5", "99999999999") {
		if radvdToken(word) == "" {
			t.Errorf("%s: accepted", word)
		}
		if radvdCheck(t, unchecked(Config{Interfaces: []Interface{{Name: word}}})) == nil {
			t.Errorf("interface %s: radvd accepts it", word)
		}
		list := []DNSSL{{Domains: []string{word}}}
		if radvdCheck(t, unchecked(Config{Interfaces: []Interface{{Name: "br100", DNSSL: list}}})) == nil {
			t.Errorf("DNSSL %s: radvd accepts it", word)
		}
	}
}

// TestRadvdNames shows that radvd accepts what is accepted here, whatever the byte and wherever it stands.
func TestRadvdNames(t *testing.T) {
	var c Config
	for b := range byte(0x80) {
		for _, name := range []string{"a" + string(rune(b)) + "b", string(rune(b)) + "1", "1" + string(rune(b)), string(rune(b))} {
			if CheckRadvdName(name) == nil {
				c.Interfaces = append(c.Interfaces, Interface{Name: name})
			}
		}
	}
	if len(c.Interfaces) < 200 {
		t.Fatalf("only %d names were accepted", len(c.Interfaces))
	}
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := radvdCheck(t, string(b)); err != nil {
		t.Error(err)
	}
}

func TestCompareNames(t *testing.T) {
	// Each name is before all that follow it; br02 and br2 are one number, and '0' comes before '2'.
	order := []string{"", "0", "00", "1", "br", "br-1", "br0", "br00", "br1", "br02", "br2", "br10", "br10.9", "br10.10", "br100",
		"br18446744073709551616", "br18446744073709551617", "brx", "c1"}
	for i, a := range order {
		for j, b := range order {
			if got := CompareNames(a, b); sign(got) != sign(i-j) {
				t.Errorf("CompareNames(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func sign(n int) int {
	return min(max(n, -1), 1)
}
