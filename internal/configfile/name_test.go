package configfile_test

import (
	"fmt"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/configtest"
)

func TestCheckInterfaceName(t *testing.T) {
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
		"100":              "",
		"1.5":              "",
		"low":              "",
		"Low":              "",
		"route":            "",
		"nat64prefix":      "",
	} {
		want := ""
		if bound != "" {
			want = fmt.Sprintf("uplink %q: %s", name, bound)
		}
		configtest.WantBound(t, configfile.CheckInterfaceName("uplink", name), want)
	}
}

func TestCompareNames(t *testing.T) {
	// Each name is before all that follow it; br02 and br2 are one number, and '0' comes before '2'.
	order := []string{"", "0", "00", "1", "br", "br-1", "br0", "br00", "br1", "br02", "br2", "br10", "br10.9", "br10.10", "br100",
		"br18446744073709551616", "br18446744073709551617", "brx", "c1"}
	for i, a := range order {
		for j, b := range order {
			if got := configfile.CompareNames(a, b); sign(got) != sign(i-j) {
				t.Errorf("CompareNames(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func sign(n int) int {
	return min(max(n, -1), 1)
}
