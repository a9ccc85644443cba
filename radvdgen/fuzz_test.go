package radvdgen

import (
	"strings"
	"testing"
)

// shape is what a name must not change in a radvd.conf: everything but words and blanks, line by line.
func shape(b []byte) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("{};\n\"#", r) {
			return r
		}
		return -1
	}, string(b))
}

func FuzzInterfaceName(f *testing.F) {
	for _, name := range []string{"br100", "eth0.100", "a b", "x;", "}", "low", "1.5", "-1", "é", "a\nb", "all", "a=b", `"a"`} {
		f.Add(name)
	}
	config := func(name string) Config {
		return Config{Interfaces: []Interface{{Name: name, Prefixes: prefixes("fd00::/64")}}}
	}
	plain, err := config("br100").Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		b, err := config(name).Append(nil)
		if (err == nil) != (CheckRadvdName(name) == nil) {
			t.Fatalf("%q: the check and the generator disagree: %v", name, err)
		}
		if err == nil {
			if shape(b) != shape(plain) || !strings.Contains(string(b), "\ninterface "+name+" {\n") {
				t.Errorf("%q changes the file:\n%s", name, b)
			}
			if CheckInterfaceName(name) != nil {
				t.Errorf("%q: good for radvd and not for the kernel", name)
			}
		}
		fuzzSysctl(t, name)
	})
}

func fuzzSysctl(t *testing.T, name string) {
	b, err := Sysctl{Uplinks: []string{"eth0"}, Bridges: []string{name}}.Append(nil)
	if (err == nil) != (CheckInterfaceName(name) == nil && name != "eth0") {
		t.Fatalf("%q: the check and the generator disagree: %v", name, err)
	}
	if err != nil {
		return
	}
	keys := 0
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		keys++
		key, value, ok := strings.Cut(line, " = ")
		if !ok || strings.ContainsAny(key, " =*?[#;") || strings.Trim(value, "012") != "" {
			t.Errorf("%q makes the line %q", name, line)
		}
	}
	if keys != 8 {
		t.Errorf("%q makes %d settings:\n%s", name, keys, b)
	}
}

func FuzzDNSSL(f *testing.F) {
	for _, name := range []string{"example.com", "example.com.", "low", "1.5", "a;", "a b", "a..b", "-a", "é", "a\n}", ""} {
		f.Add(name)
	}
	config := func(name string) Config {
		return Config{Interfaces: []Interface{{Name: "br100", DNSSL: domains("before.example", name, "after.example")}}}
	}
	plain, err := config("example.com").Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key := strings.ToLower(strings.TrimSuffix(name, "."))
		b, err := config(name).Append(nil)
		if (err == nil) != (CheckDomain(name) == nil && key != "before.example" && key != "after.example") {
			t.Fatalf("%q: the check and the generator disagree: %v", name, err)
		}
		if err != nil {
			return
		}
		line := "\n\tDNSSL before.example " + strings.TrimSuffix(name, ".") + " after.example {\n"
		if shape(b) != shape(plain) || !strings.Contains(string(b), line) {
			t.Errorf("%q changes the file:\n%s", name, b)
		}
	})
}
