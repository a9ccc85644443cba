package configfile_test

import (
	"cmp"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/configtest"
)

func FuzzCheckInterfaceName(f *testing.F) {
	for _, name := range configtest.NameSeeds() {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := configfile.CheckInterfaceName("bridge", name)
		if (err == nil) != configtest.AllowedName(name) {
			t.Errorf("%q: allowed is %t, but the check says %v", name, configtest.AllowedName(name), err)
		}
		// The name is quoted there, so that the message stays one line whatever the name is.
		if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: the message has more than one line: %q", name, err)
		}
	})
}

// runs are the parts of a name that are compared one by one: a number, or one other byte.
var runs = regexp.MustCompile(`(?s)[0-9]+|[^0-9]`)

// compareByModel is CompareNames for ASCII, with numbers of any size as numbers.
func compareByModel(a, b string) int {
	x, y := runs.FindAllString(a, -1), runs.FindAllString(b, -1)
	for i := range min(len(x), len(y)) {
		n, isNumber := new(big.Int).SetString(x[i], 10)
		m, bothNumbers := new(big.Int).SetString(y[i], 10)
		order := strings.Compare(x[i][:1], y[i][:1])
		if isNumber && bothNumbers {
			order = n.Cmp(m)
		}
		if order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func FuzzCompareNames(f *testing.F) {
	names := []string{"", "0", "00", "1", "br", "br-1", "br0", "br00", "br1", "br02", "br2", "br10", "br10.9", "br10.10", "br09.1", "br9.1",
		"br18446744073709551616", "br18446744073709551617", "brx", "c1", "a1b2", "a01b1", "a1b10", "1a", "2a", "10a"}
	for _, a := range names {
		for _, b := range names {
			f.Add(a, b)
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsFunc(a+b, func(r rune) bool { return r > '~' }) {
			t.Skip("no interface name")
		}
		got := configfile.CompareNames(a, b)
		if want := compareByModel(a, b); sign(got) != want {
			t.Errorf("CompareNames(%q, %q) = %d, the model says %d", a, b, got, want)
		}
		if back := configfile.CompareNames(b, a); sign(back) != -sign(got) || got == 0 && a != b {
			t.Errorf("CompareNames(%q, %q) = %d, and the other way round %d", a, b, got, back)
		}
	})
}
