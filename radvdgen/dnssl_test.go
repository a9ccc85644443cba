package radvdgen

import (
	"fmt"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

func TestCheckDomain(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, label[:61]}, ".")
	accepted := Interface{Name: "br100"}
	for name, bound := range map[string]string{
		"example.com":           "",
		"example.com.":          "",
		"novalocal":             "",
		"low.example":           "",
		"1.2.3":                 "",
		"xn--bcher-kva.example": "",
		"3com.example":          "",
		label:                   "",
		long:                    "",
		long + ".":              "",
		"":                      "must not be empty",
		".":                     "must not be empty",
		"a..b":                  "must have no empty label",
		".a":                    "must have no empty label",
		"a..":                   "must have no empty label",
		label + "a":             "must have labels of at most 63 bytes",
		long + "a":              "must have at most 253 bytes",
		"-a.b":                  "must have no label that begins or ends with '-'",
		"a-.b":                  "must have no label that begins or ends with '-'",
		"-5":                    "must have no label that begins or ends with '-'",
		"a_b":                   "must not contain '_'",
		"a b":                   "must not contain ' '",
		"a;b":                   "must not contain ';'",
		"a{b":                   "must not contain '{'",
		"a\nb":                  `must not contain '\n'`,
		"bücher":                "must not contain 'ü'",
		"low":                   "must not be a word of radvd's grammar",
		"Low.":                  "must not be a word of radvd's grammar",
		"DNSSL":                 "must not be a word of radvd's grammar",
		"1234":                  "must not be a number to radvd",
		"1.5":                   "must not be a number to radvd",
		"1.5.":                  "must not be a number to radvd",
	} {
		want := ""
		if bound != "" {
			want = fmt.Sprintf("DNSSL %q: %s", name, bound)
		}
		configtest.WantBound(t, CheckDomain(name), want)
		if bound == "" {
			accepted.DNSSL = append(accepted.DNSSL, domains(name)...)
		}
	}
	if err := radvdCheck(t, unchecked(Config{Interfaces: []Interface{accepted}})); err != nil {
		t.Errorf("radvd refuses one of them: %v", err)
	}
}

func TestDNSSL_size(t *testing.T) {
	// 8 + 1+1+1 is 11; 8 + (1+7+1+3+1) + (1+5+1) is 28.
	for want, list := range map[int][]string{16: {"x"}, 32: {"example.com.", "local"}} {
		if got := (&DNSSL{Domains: list}).size(); got != want {
			t.Errorf("%v takes %d bytes, want %d", list, got, want)
		}
	}
}
