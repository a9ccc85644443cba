package radvdgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

func TestCheckRadvdName(t *testing.T) {
	for name, bound := range map[string]string{
		"br100":       "",
		"1.2.3":       "",
		"0x5":         "",
		"lower":       "",
		"low.1":       "",
		"":            "must not be empty",
		"br{":         "must not contain '{'",
		"100":         "must not be a number to radvd",
		"1.5":         "must not be a number to radvd",
		"low":         "must not be a word of radvd's grammar",
		"Low":         "must not be a word of radvd's grammar",
		"route":       "must not be a word of radvd's grammar",
		"nat64prefix": "must not be a word of radvd's grammar",
	} {
		want := ""
		if bound != "" {
			want = fmt.Sprintf("interface name %q: %s", name, bound)
		}
		configtest.WantBound(t, CheckRadvdName(name), want)
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
