package netcalc

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePrefix(t *testing.T) {
	for given, canonical := range map[string]string{
		// Nova's four spellings: CIDR, netmask, missing octets, first and last.
		"10.0.1.0/24":                     "10.0.1.0/24",
		"10.0.1.0/255.255.255.0":          "10.0.1.0/24",
		"10/8":                            "10.0.0.0/8",
		"10.0.1.0-10.0.1.255":             "10.0.1.0/24",
		"10.1/16":                         "10.1.0.0/16",
		"10.1.2/24":                       "10.1.2.0/24",
		"10/24":                           "10.0.0.0/24",
		"0/0":                             "0.0.0.0/0",
		"10.0.0.1/32":                     "10.0.0.1/32",
		"10.0.0.1/255.255.255.255":        "10.0.0.1/32",
		"0.0.0.0/0.0.0.0":                 "0.0.0.0/0",
		"128.0.0.0/128.0.0.0":             "128.0.0.0/1",
		"10.0.0.1-10.0.0.1":               "10.0.0.1/32",
		"0.0.0.0-255.255.255.255":         "0.0.0.0/0",
		"fd00:1::/48":                     "fd00:1::/48",
		"FD00:0001:0:0:0:0:0:0/48":        "fd00:1::/48",
		"::/0":                            "::/0",
		"2001:db8::1/128":                 "2001:db8::1/128",
		"64:ff9b::192.0.2.0/120":          "64:ff9b::c000:200/120",
		"ffff:ffff:ffff:ffff:ffff::/80":   "ffff:ffff:ffff:ffff:ffff::/80",
		"255.255.255.254-255.255.255.255": "255.255.255.254/31",
	} {
		p, err := ParsePrefix(given)
		if err != nil {
			t.Errorf("ParsePrefix(%q): %v", given, err)
			continue
		}
		want(t, "ParsePrefix of "+given, p.String(), canonical)
	}
}

func TestParsePrefix_errors(t *testing.T) {
	for given, text := range map[string]string{
		"10.0.1.5/24":             `"10.0.1.5/24" has host bits set: the network is 10.0.1.0/24`,
		"10.0.1.5/255.255.255.0":  `"10.0.1.5/255.255.255.0" has host bits set: the network is 10.0.1.0/24`,
		"10.1/8":                  `"10.1/8" has host bits set: the network is 10.0.0.0/8`,
		"FD00::1/48":              `"FD00::1/48" has host bits set: the network is fd00::/48`,
		"10.0.0.1":                `10.0.0.1 is one address, not a range: write 10.0.0.1/32 for a range of one`,
		"fd00::1":                 `fd00::1 is one address, not a range: write fd00::1/128 for a range of one`,
		"":                        `"" is not an address range: it has no address`,
		"/8":                      `"/8" is not an address range: it has no address`,
		"10":                      `"10" is not an address range: it has no prefix length`,
		"10.0.1":                  `"10.0.1" is not an address range: it has no prefix length`,
		"10/":                     `"10/" is not an address range: prefix length "" is empty`,
		"10./8":                   `"10./8" is not an address range: octet "" is empty`,
		"10..1/8":                 `"10..1/8" is not an address range: octet "" is empty`,
		"1.2.3.4.5/8":             `"1.2.3.4.5/8" is not an address range: it has more than four octets`,
		"256/8":                   `"256/8" is not an address range: octet "256" is over 255`,
		"010/8":                   `"010/8" is not an address range: octet "010" has a leading zero`,
		"0x0a/8":                  `"0x0a/8" is not an address range: octet "0x0a" is not a decimal number`,
		"banana":                  `"banana" is not an address range: octet "banana" is not a decimal number`,
		" 10/8":                   `" 10/8" is not an address range: octet " 10" is not a decimal number`,
		"10/8\n":                  `"10/8\n" is not an address range: prefix length "8\n" is not a decimal number`,
		"10/8\x1b[2J":             `"10/8\x1b[2J" is not an address range: prefix length "8\x1b[2J" is not a decimal number`,
		"10/+8":                   `"10/+8" is not an address range: prefix length "+8" is not a decimal number`,
		"10/-8":                   `"10/-8" is not an address range: "10/" is not an address: octet "10/" is not a decimal number`,
		"10/08":                   `"10/08" is not an address range: prefix length "08" has a leading zero`,
		"10/1e1":                  `"10/1e1" is not an address range: prefix length "1e1" is not a decimal number`,
		"10/33":                   `"10/33" is not an address range: prefix length "33" is over 32`,
		"10/8/8":                  `"10/8/8" is not an address range: prefix length "8/8" is not a decimal number`,
		"10/18446744073709551624": `"10/18446744073709551624" is not an address range: prefix length "18446744073709551624" is over 32`,
		"10/255.0.255.0":          `"10/255.0.255.0" is not an address range: netmask "255.0.255.0" is not contiguous`,
		"10/0.255.255.255":        `"10/0.255.255.255" is not an address range: netmask "0.255.255.255" is not contiguous`,
		"10/255.0":                `"10/255.0" is not an address range: netmask "255.0": it has fewer than four octets`,
		"10.0.1.0-10.0.1.9":       `"10.0.1.0-10.0.1.9" is not one CIDR block: the largest in it is 10.0.1.0/29`,
		"10.0.1.128-10.0.2.127":   `"10.0.1.128-10.0.2.127" is not one CIDR block: the largest in it is 10.0.1.128/25`,
		"10.0.1.9-10.0.1.0":       `"10.0.1.9-10.0.1.0" runs backwards: write 10.0.1.0-10.0.1.9`,
		"10.0-10.1":               `"10.0-10.1" is not an address range: "10.0" is not an address: it has fewer than four octets`,
		"10.0.1.0 - 10.0.1.255":   `"10.0.1.0 - 10.0.1.255" is not an address range: "10.0.1.0 " is not an address: octet "0 " is not a decimal number`,
		"fd00::/129":              `"fd00::/129" is not an address range: prefix length "129" is over 128`,
		"fd00::/ffff::":           `"fd00::/ffff::" is not an address range: prefix length "ffff::" is not a decimal number`,
		"fd00:::/48":              `"fd00:::/48" is not an address range: it is not in the form of RFC 4291 §2.2`,
		"fd00::-fd00::ff":         `"fd00::-fd00::ff" is not an address range: it is not in the form of RFC 4291 §2.2`,
		"fe80::%eth0/64":          `"fe80::%eth0/64" is not an address range: a zone means something on one host only`,
		"::ffff:10.0.0.0/104":     `"::ffff:10.0.0.0/104" is not an address range: it is IPv4-mapped: write 10.0.0.0`,
		"::ffff:a00:0/104":        `"::ffff:a00:0/104" is not an address range: it is IPv4-mapped: write 10.0.0.0`,
	} {
		_, err := ParsePrefix(given)
		want(t, "error", errText(err), text)
	}
}

func TestHostBitsError(t *testing.T) {
	_, err := ParsePrefix4("10.0.1.5/24")
	var hostBits *HostBitsError
	if !errors.As(err, &hostBits) {
		t.Fatalf("%v is not a *HostBitsError", err)
	}
	want(t, "Value", hostBits.Value, "10.0.1.5/24")
	want(t, "Meant", hostBits.Meant, prefix("10.0.1.0/24"))
}

func TestParse_family(t *testing.T) {
	for _, c := range []struct {
		err  func(string) error
		text map[string]string
	}{
		{func(s string) error { _, err := ParsePrefix4(s); return err }, map[string]string{
			"10/8":       "<nil>",
			"fd00::/48":  `"fd00::/48" is an IPv6 range: an IPv4 range is expected`,
			"fd00::1/48": `"fd00::1/48" is an IPv6 range: an IPv4 range is expected`,
			"a:b":        `"a:b" is not an IPv4 range`,
		}},
		{func(s string) error { _, err := ParsePrefix6(s); return err }, map[string]string{
			"fd00::/48":           "<nil>",
			"10/8":                `"10/8" is an IPv4 range: an IPv6 range is expected`,
			"10.0.0.1/8":          `"10.0.0.1/8" is an IPv4 range: an IPv6 range is expected`,
			"10.0.0.0-10.0.0.255": `"10.0.0.0-10.0.0.255" is an IPv4 range: an IPv6 range is expected`,
			"banana":              `"banana" is not an IPv6 range`,
		}},
		{func(s string) error { _, err := ParseAddr(s); return err }, map[string]string{
			"10.0.0.1":        "<nil>",
			"fd00::1":         "<nil>",
			"10.0.1":          `"10.0.1" is not an address: it has fewer than four octets`,
			"10.0.0.1/32":     `"10.0.0.1/32" is not an address: octet "1/32" is not a decimal number`,
			"fe80::1%eth0":    `"fe80::1%eth0" is not an address: a zone means something on one host only`,
			"::ffff:10.0.0.1": `"::ffff:10.0.0.1" is not an address: it is IPv4-mapped: write 10.0.0.1`,
		}},
		{func(s string) error { _, err := ParseAddr4(s); return err }, map[string]string{
			"10.0.0.1": "<nil>",
			"fd00::1":  `"fd00::1" is an IPv6 address: an IPv4 address is expected`,
			"a::b::c":  `"a::b::c" is not an IPv4 address: octet "a::b::c" is not a decimal number`,
		}},
		{func(s string) error { _, err := ParseAddr6(s); return err }, map[string]string{
			"fd00::1":  "<nil>",
			"10.0.0.1": `"10.0.0.1" is an IPv4 address: an IPv6 address is expected`,
			"banana":   `"banana" is not an IPv6 address: it is not in the form of RFC 4291 §2.2`,
		}},
	} {
		for given, text := range c.text {
			want(t, "error for "+given, errText(c.err(given)), text)
		}
	}
}

func TestParse_longInput(t *testing.T) {
	fits := strings.Repeat("1", 80)
	_, err := ParseMAC(fits)
	want(t, "error", errText(err), `"`+fits+`" is not a MAC address like 02:16:3e:33:44:55`)
	_, err = ParseMAC(fits + "1")
	want(t, "error", errText(err), `"`+fits+`"... is not a MAC address like 02:16:3e:33:44:55`)
	_, err = ParsePrefix(strings.Repeat("1", 1<<20))
	if n := len(errText(err)); n > 300 {
		t.Errorf("the error for a megabyte of input has %d bytes", n)
	}
}

func BenchmarkParsePrefix(b *testing.B) {
	for _, s := range []string{"10.0.1.0/24", "10/8", "10.0.1.0/255.255.255.0", "10.0.1.0-10.0.1.255", "fd00:1::/48"} {
		b.Run(strings.ReplaceAll(s, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParsePrefix(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
