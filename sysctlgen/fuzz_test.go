package sysctlgen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

// setting is one line of a sysctl.d file as the oracle has read it.
type setting struct {
	optional bool // with "-" in front: a missing key is no error
	path     string
	value    string
}

// What a line may look like, by sysctl.d(5) and the kernel's ip-sysctl.rst. It is an allow-list that takes nothing from the
// code that it judges.
var (
	commentLine = regexp.MustCompile(`\A# [ -~]+\z`)
	globalLine  = regexp.MustCompile(`\A(net\.ipv4\.ip_forward|net\.ipv6\.conf\.(?:all|default)\.(?:forwarding|accept_ra)) = ([01])\z`)
	dottedLine  = regexp.MustCompile(`\A(-?)net\.ipv6\.conf\.([^./]+)\.(accept_ra|autoconf|disable_ipv6) = ([02])\z`)
	slashedLine = regexp.MustCompile(`\A(-?)net/ipv6/conf/([^/]+)/(accept_ra|autoconf|disable_ipv6) = ([02])\z`)
)

// readSysctl reads a file, and fails at whatever is not allowed in it.
func readSysctl(text []byte) ([]setting, error) {
	var settings []setting
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || commentLine.MatchString(line) {
			continue
		}
		if m := globalLine.FindStringSubmatch(line); m != nil {
			settings = append(settings, setting{path: strings.ReplaceAll(m[1], ".", "/"), value: m[2]})
			continue
		}
		m := dottedLine.FindStringSubmatch(line)
		if m == nil {
			m = slashedLine.FindStringSubmatch(line)
		}
		if m == nil || !configtest.AllowedName(m[2]) {
			return nil, fmt.Errorf("line %d: %q is not allowed", n+1, line)
		}
		settings = append(settings, setting{m[1] != "", "net/ipv6/conf/" + m[2] + "/" + m[3], m[4]})
	}
	return settings, nil
}

// FuzzConfig gives the same name to an uplink and, in another file, to a bridge.
func FuzzConfig(f *testing.F) {
	for _, name := range configtest.NameSeeds() {
		f.Add(name)
	}
	for _, name := range []string{"eth0", "br100", "Eth0", "br1\nx=1", "br1 = 0 #", "*", "br*", "net.ipv4", "eth0.100", "a.b.c"} {
		f.Add(name)
	}
	const uplink, bridge = "eth0", "br100"
	f.Fuzz(func(t *testing.T, name string) {
		allowed := configtest.AllowedName(name) && name != uplink && name != bridge
		for _, c := range []Config{
			{Uplinks: []string{uplink, name}, Bridges: []string{bridge}},
			{Uplinks: []string{uplink}, Bridges: []string{bridge, name}},
		} {
			b, err := c.Append(nil)
			if (err == nil) != allowed {
				t.Fatalf("%+v: allowed is %t, but the generator says %v", c, allowed, err)
			}
			if err != nil {
				continue
			}
			got, err := readSysctl(b)
			if err != nil {
				t.Fatalf("%+v: %v in\n%s", c, err, b)
			}
			if want := wantSettings(c); !slices.Equal(got, want) {
				t.Errorf("%+v is read back as\n%v\nnot\n%v", c, got, want)
			}
		}
	})
}

// wantSettings is what the file has to set, in this order.
func wantSettings(c Config) []setting {
	settings := []setting{{path: "net/ipv4/ip_forward", value: "1"}}
	for _, name := range c.Uplinks {
		settings = append(settings, setting{path: "net/ipv6/conf/" + name + "/accept_ra", value: "2"})
	}
	settings = append(settings, setting{path: "net/ipv6/conf/all/forwarding", value: "1"},
		setting{path: "net/ipv6/conf/all/accept_ra", value: "0"}, setting{path: "net/ipv6/conf/default/accept_ra", value: "0"})
	for _, name := range c.Bridges {
		for _, key := range []string{"accept_ra", "autoconf", "disable_ipv6"} {
			settings = append(settings, setting{true, "net/ipv6/conf/" + name + "/" + key, "0"})
		}
	}
	return settings
}
