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
	proxyLine   = regexp.MustCompile(`\Anet(?:\.ipv6\.conf\.([^./]+)\.|/ipv6/conf/([^/]+)/)proxy_ndp = 1\z`)
	sendLine    = regexp.MustCompile(`\A-net(?:\.ipv4\.conf\.([^./]+)\.|/ipv4/conf/([^/]+)/)send_redirects = 0\z`)
	tableLine   = regexp.MustCompile(`\A-(net\.core\.optmem_max|net\.ipv[46]\.neigh\.default\.gc_thresh[123]) = ([1-9][0-9]{2,8})\z`)
	routerLine  = regexp.MustCompile(`\A(net\.ipv4\.conf\.(?:all\.accept_redirects|all\.send_redirects|default\.send_redirects)) = (0)\z`)
	slashedLine = regexp.MustCompile(`\A(-?)net/ipv6/conf/([^/]+)/(accept_ra|autoconf|disable_ipv6) = ([02])\z`)
)

// readSysctl reads a file, and fails at whatever is not allowed in it.
func readSysctl(text []byte) ([]setting, error) {
	var settings []setting
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || commentLine.MatchString(line) {
			continue
		}
		if m := tableLine.FindStringSubmatch(line); m != nil {
			settings = append(settings, setting{true, strings.ReplaceAll(m[1], ".", "/"), m[2]})
			continue
		}
		if m := proxyLine.FindStringSubmatch(line); m != nil && configtest.AllowedName(m[1]+m[2]) {
			settings = append(settings, setting{false, "net/ipv6/conf/" + m[1] + m[2] + "/proxy_ndp", "1"})
			continue
		}
		if m := sendLine.FindStringSubmatch(line); m != nil && configtest.AllowedName(m[1]+m[2]) {
			settings = append(settings, setting{true, "net/ipv4/conf/" + m[1] + m[2] + "/send_redirects", "0"})
			continue
		}
		m := globalLine.FindStringSubmatch(line)
		if m == nil {
			m = routerLine.FindStringSubmatch(line)
		}
		if m != nil {
			settings = append(settings, setting{path: strings.ReplaceAll(m[1], ".", "/"), value: m[2]})
			continue
		}
		m = dottedLine.FindStringSubmatch(line)
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

// FuzzConfig gives the same name to an uplink and, in other files, to a bridge and to an uplink that answers for others.
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
			{Bridges: []string{bridge, uplink, name}, NoRedirects: true, Neighbours: 513, OptmemMax: 20480},
			{Bridges: []string{bridge}, ProxyNDP: []string{uplink, name}, Neighbours: 512, OptmemMax: 1 << 20},
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
			// A checker is given the same.
			settings, err := c.Settings()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(settings, got, func(s Setting, read setting) bool { return (setting{s.Optional, s.Key, s.Value}) == read }) {
				t.Errorf("%+v is\n%v\nto a checker and\n%v\nin the file", c, settings, got)
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
	for _, name := range c.ProxyNDP {
		settings = append(settings, setting{path: "net/ipv6/conf/" + name + "/proxy_ndp", value: "1"})
	}
	if c.NoRedirects {
		for _, key := range []string{"all/accept", "all/send", "default/send"} {
			settings = append(settings, setting{path: "net/ipv4/conf/" + key + "_redirects", value: "0"})
		}
		for _, name := range c.Bridges {
			settings = append(settings, setting{true, "net/ipv4/conf/" + name + "/send_redirects", "0"})
		}
	}
	if c.Neighbours == 513 {
		for _, family := range []string{"ipv4", "ipv6"} {
			for i, value := range []string{"256", "1024", "2048"} {
				settings = append(settings, setting{true, fmt.Sprintf("net/%s/neigh/default/gc_thresh%d", family, i+1), value})
			}
		}
	}
	if c.OptmemMax != 0 {
		settings = append(settings, setting{true, "net/core/optmem_max", fmt.Sprint(c.OptmemMax)})
	}
	return settings
}
