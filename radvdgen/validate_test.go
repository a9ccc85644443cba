package radvdgen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/configtest"
)

func TestInterface_validate(t *testing.T) {
	min9max10 := "interface br100: MinRtrAdvInterval 9: must be at most 7.5 (0.75 * MaxRtrAdvInterval 10)"
	host := netip.MustParsePrefix("fd00::1/64")
	mapped := netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104)
	for _, test := range []struct {
		name string
		i    Interface
		want string // error, without "interface br100: "
	}{
		{"max 4", Interface{MinRtrAdvInterval: secs(3), MaxRtrAdvInterval: secs(4)}, ""},
		{"max 1800", Interface{MaxRtrAdvInterval: secs(1800)}, ""},
		{"max 0", Interface{MaxRtrAdvInterval: secs(0)}, "MaxRtrAdvInterval 0: must be 4 to 1800"},
		{"max 3", Interface{MaxRtrAdvInterval: secs(3)}, "MaxRtrAdvInterval 3: must be 4 to 1800"},
		{"max 1801", Interface{MaxRtrAdvInterval: secs(1801)}, "MaxRtrAdvInterval 1801: must be 4 to 1800"},
		{"max infinity", Interface{MaxRtrAdvInterval: new(Infinity)}, "MaxRtrAdvInterval infinity: must be 4 to 1800"},
		{"min 2", Interface{MinRtrAdvInterval: secs(2)}, "MinRtrAdvInterval 2: must be at least 3"},
		{"min 7 of 10", Interface{MinRtrAdvInterval: secs(7), MaxRtrAdvInterval: secs(10)}, ""},
		{"min 9 of 10", Interface{MinRtrAdvInterval: secs(9), MaxRtrAdvInterval: secs(10)}, min9max10[len("interface br100: "):]},
		{"min 450 of 600", Interface{MinRtrAdvInterval: secs(450)}, ""},
		{"min 451 of 600", Interface{MinRtrAdvInterval: secs(451)}, "MinRtrAdvInterval 451: must be at most 450 (0.75 * MaxRtrAdvInterval 600)"},
		{"min infinity", Interface{MinRtrAdvInterval: new(Infinity)}, "MinRtrAdvInterval infinity: must be at most 450 (0.75 * MaxRtrAdvInterval 600)"},
		{"min unset of 10", Interface{MaxRtrAdvInterval: secs(10)}, ""},
		{"min unset of 9", Interface{MaxRtrAdvInterval: secs(9)}, "MinRtrAdvInterval unset: must be set, its default 0.33 * MaxRtrAdvInterval 9 being below 3"},
		{"delay 2", Interface{MinDelayBetweenRAs: secs(2)}, "MinDelayBetweenRAs 2: must be 3 to 600 (MaxRtrAdvInterval)"},
		{"delay 600", Interface{MinDelayBetweenRAs: secs(600)}, ""},
		{"delay 601", Interface{MinDelayBetweenRAs: secs(601)}, "MinDelayBetweenRAs 601: must be 3 to 600 (MaxRtrAdvInterval)"},
		{"delay infinity", Interface{MinDelayBetweenRAs: new(Infinity)}, "MinDelayBetweenRAs infinity: must be 3 to 600 (MaxRtrAdvInterval)"},
		{"delay 3", Interface{MinDelayBetweenRAs: secs(3)}, ""},

		{"lifetime 0", Interface{DefaultLifetime: secs(0)}, ""},
		{"lifetime 599", Interface{DefaultLifetime: secs(599)}, "AdvDefaultLifetime 599: must be 0 or 600 (MaxRtrAdvInterval) to 9000"},
		{"lifetime 600", Interface{DefaultLifetime: secs(600)}, ""},
		{"lifetime 9000", Interface{DefaultLifetime: secs(9000)}, ""},
		{"lifetime 9001", Interface{DefaultLifetime: secs(9001)}, "AdvDefaultLifetime 9001: must be 0 or 600 (MaxRtrAdvInterval) to 9000"},
		{"preference", Interface{DefaultPreference: "higher"}, `AdvDefaultPreference "higher": must be low, medium or high`},
		{"preference case", Interface{DefaultPreference: "High"}, `AdvDefaultPreference "High": must be low, medium or high`},
		{"preference of none", Interface{DefaultPreference: High, DefaultLifetime: secs(0)},
			"AdvDefaultPreference high: must be medium where AdvDefaultLifetime is 0 (RFC 4191 section 2.2)"},
		{"mtu 1279", Interface{LinkMTU: 1279}, "AdvLinkMTU 1279: must be 0 or 1280 to 65535"},
		{"mtu 1280", Interface{LinkMTU: 1280}, ""},
		{"mtu 65536", Interface{LinkMTU: 65536}, "AdvLinkMTU 65536: must be 0 or 1280 to 65535"},
		{"reachable", Interface{ReachableTime: 3600001}, "AdvReachableTime 3600001: must be at most 3600000"},
		{"hop limit 255", Interface{CurHopLimit: new(uint32(255))}, ""},
		{"hop limit 256", Interface{CurHopLimit: new(uint32(256))}, "AdvCurHopLimit 256: must be at most 255"},

		{"no prefix", Interface{Prefixes: []Prefix{{}}}, "prefix invalid Prefix: must be an IPv6 prefix"},
		{"IPv4", Interface{Prefixes: prefixes("10.0.0.0/24")}, "prefix 10.0.0.0/24: must be an IPv6 prefix"},
		{"IPv4-mapped", Interface{Prefixes: []Prefix{{Prefix: mapped}}}, "prefix ::ffff:10.0.0.0/104: must be an IPv6 prefix"},
		{"unspecified", Interface{Prefixes: prefixes("::/64")}, "prefix ::/64: must not be in ::/16"},
		{"everything", Interface{Prefixes: prefixes("::/0")}, "prefix ::/0: must not be in ::/16"},
		{"multicast", Interface{Prefixes: prefixes("ff02::/64")}, "prefix ff02::/64: must be unicast and not link-local"},
		{"link-local", Interface{Prefixes: prefixes("fe80::/64")}, "prefix fe80::/64: must be unicast and not link-local"},
		{"host bits", Interface{Prefixes: []Prefix{{Prefix: host}}}, "prefix fd00::1/64: must have no host bits: fd00::/64"},
		{"router address", Interface{Prefixes: []Prefix{{Prefix: host, RouterAddr: On}}}, ""},
		{"/65", Interface{Prefixes: prefixes("fd00::/65")}, "prefix fd00::/65: must be a /64 where AdvAutonomous is on (RFC 4862 section 5.5.3)"},
		{"/48", Interface{Prefixes: prefixes("fd00::/48")}, "prefix fd00::/48: must be a /64 where AdvAutonomous is on (RFC 4862 section 5.5.3)"},
		{"/48 on link", Interface{Prefixes: []Prefix{{Prefix: netip.MustParsePrefix("fd00::/48"), Autonomous: Off}}}, ""},
		{"preferred", Interface{Prefixes: []Prefix{{Prefix: host.Masked(), ValidLifetime: secs(5), PreferredLifetime: secs(6)}}},
			"prefix fd00::/64: AdvPreferredLifetime 6: must be at most 5 (AdvValidLifetime)"},
		{"preferred for ever", Interface{Prefixes: []Prefix{{Prefix: host.Masked(), PreferredLifetime: new(Infinity)}}},
			"prefix fd00::/64: AdvPreferredLifetime infinity: must be at most 86400 (AdvValidLifetime)"},
		{"only valid", Interface{Prefixes: []Prefix{{Prefix: host.Masked(), ValidLifetime: secs(14399)}}},
			"prefix fd00::/64: AdvPreferredLifetime 14400: must be at most 14399 (AdvValidLifetime)"},
		{"preferred 0", Interface{Prefixes: []Prefix{{Prefix: host.Masked(), PreferredLifetime: secs(0)}}}, ""},
		{"preferred 0 and falling", Interface{Prefixes: []Prefix{{Prefix: host.Masked(), PreferredLifetime: secs(0), DecrementLifetimes: On}}},
			"prefix fd00::/64: AdvPreferredLifetime 0: must be above 0 where DecrementLifetimes is on"},

		{"no route", Interface{Routes: []Route{{}}}, "route invalid Prefix: must be an IPv6 prefix"},
		{"IPv4 route", Interface{Routes: routes("10.0.0.0/8")}, "route 10.0.0.0/8: must be an IPv6 prefix"},
		{"route host bits", Interface{Routes: routes("fd00::1/64")}, "route fd00::1/64: must have no host bits: fd00::/64"},
		{"route loopback", Interface{Routes: routes("::1/128")}, "route ::1/128: must not be in ::/16"},
		{"half of all", Interface{Routes: routes("::/1", "8000::/1")}, ""},
		{"multicast route", Interface{Routes: routes("ff00::/8")}, "route ff00::/8: must be unicast and not link-local"},
		{"link-local route", Interface{Routes: routes("fe80::/64")}, "route fe80::/64: must be unicast and not link-local"},
		{"nested routes", Interface{Routes: routes("fd00::/48", "fd00::/64")}, ""},
		{"route twice", Interface{Routes: routes("fd00::/48", "fd00::/48")}, "route fd00::/48: must appear once"},
		{"route preference", Interface{Routes: []Route{{Prefix: host.Masked(), Preference: "x"}}},
			`route fd00::/64: AdvRoutePreference "x": must be low, medium or high`},
		{"default route", Interface{Routes: routes("::/0")}, ""},
		{"no default router", Interface{Routes: routes("::/0"), DefaultLifetime: secs(0)},
			"route ::/0: AdvRouteLifetime 1800: must be 0 where AdvDefaultLifetime is"},
		{"no default route", Interface{Routes: []Route{{Prefix: defaultNet, Lifetime: secs(0)}}},
			"route ::/0: AdvRouteLifetime 0: must be above 0 where AdvDefaultLifetime is"},

		{"no server", Interface{RDNSS: []RDNSS{{}}}, "RDNSS: must name a server"},
		{"zero server", Interface{RDNSS: []RDNSS{{Servers: []netip.Addr{{}}}}}, "RDNSS invalid IP: must be an IPv6 address"},
		{"IPv4 server", Interface{RDNSS: servers("8.8.8.8")}, "RDNSS 8.8.8.8: must be an IPv6 address"},
		{"IPv4-mapped server", Interface{RDNSS: servers("::ffff:8.8.8.8")}, "RDNSS ::ffff:8.8.8.8: must be an IPv6 address"},
		{"loopback server", Interface{RDNSS: servers("::1")}, "RDNSS ::1: must not be in ::/16"},
		{"unspecified server", Interface{RDNSS: servers("::")}, "RDNSS ::: must not be in ::/16"},
		{"multicast server", Interface{RDNSS: servers("ff02::fb")}, "RDNSS ff02::fb: must be unicast"},
		{"link-local server", Interface{RDNSS: servers("fe80::1")}, ""},
		{"zoned server", Interface{RDNSS: servers("fe80::1%br100")}, "RDNSS fe80::1%br100: must have no zone: a guest takes the interface it hears it on"},
		{"server twice", Interface{RDNSS: append(servers("fd00::1"), servers("fd00::1")...)}, "RDNSS fd00::1: must appear once"},
		{"four servers", Interface{RDNSS: servers("fd00::1", "fd00::2", "fd00::3", "fd00::4")}, ""},
		{"RDNSS lifetime", Interface{RDNSS: []RDNSS{{Servers: addrs("fd00::1"), Lifetime: secs(599)}}},
			"RDNSS: AdvRDNSSLifetime 599: must be 0 or at least 600 (MaxRtrAdvInterval)"},

		{"no domain", Interface{DNSSL: []DNSSL{{}}}, "DNSSL: must name a domain"},
		{"domain", Interface{DNSSL: domains("example.com", "a_b")}, `DNSSL "a_b": must not contain '_'`},
		{"domain twice", Interface{DNSSL: domains("example.com", "Example.com.")}, `DNSSL "Example.com.": must appear once`},
		{"DNSSL lifetime", Interface{DNSSL: []DNSSL{{Domains: []string{"x"}, Lifetime: secs(1)}}},
			"DNSSL: AdvDNSSLLifetime 1: must be 0 or at least 600 (MaxRtrAdvInterval)"},
		{"DNSSL of 2040", Interface{DNSSL: domains(manyDomains(2032)...)},
			"router advertisement of 2064 bytes: must be at most 1210: too many prefixes, routes, servers or domains"},
		{"DNSSL of 2048", Interface{DNSSL: domains(manyDomains(2040)...)}, "DNSSL of 2048 bytes: must be at most 2040"},

		{"37 prefixes", Interface{Prefixes: manyPrefixes(37)}, ""},
		{"37 prefixes and an MTU", Interface{Prefixes: manyPrefixes(37), LinkMTU: 1500},
			"router advertisement of 1216 bytes: must be at most 1210: too many prefixes, routes, servers or domains"},
		{"38 prefixes", Interface{Prefixes: manyPrefixes(38)},
			"router advertisement of 1240 bytes: must be at most 1210: too many prefixes, routes, servers or domains"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.i.Name = "br100"
			if test.want != "" {
				test.want = "interface br100: " + test.want
			}
			configtest.WantBound(t, Config{Interfaces: []Interface{test.i}}.Validate(), test.want)
		})
	}
}

func TestConfig_Validate_overlap(t *testing.T) {
	onLink := func(name string, texts ...string) Interface {
		i := Interface{Name: name, Prefixes: prefixes(texts...)}
		for n := range i.Prefixes {
			i.Prefixes[n].Autonomous = Off
		}
		return i
	}
	for _, test := range []struct {
		interfaces []Interface
		want       string
	}{
		{[]Interface{onLink("a", "fd00::/64", "fd00:0:0:1::/64"), onLink("b", "fd00:0:0:2::/64")}, ""},
		{[]Interface{onLink("a", "fd00::/64", "fd00::/64")},
			"interface a: prefix fd00::/64: must not overlap prefix fd00::/64 of interface a"},
		{[]Interface{onLink("a", "fd00::/64"), onLink("b", "fd01::/64"), onLink("c", "fd00::/64")},
			"interface c: prefix fd00::/64: must not overlap prefix fd00::/64 of interface a"},
		{[]Interface{onLink("a", "fd00:0:0:5::/64", "fd00:0:1::/64"), onLink("b", "fd00::/32")},
			"interface a: prefix fd00:0:0:5::/64: must not overlap prefix fd00::/32 of interface b"},
	} {
		configtest.WantBound(t, Config{Interfaces: test.interfaces}.Validate(), test.want)
	}
}

// silent are configurations that radvd -c passes and the daemon does not act on, each with the word it logs then.
func silent() map[string]Interface {
	return map[string]Interface{
		"MaxRtrAdvInterval":      {MaxRtrAdvInterval: secs(1801)},
		"MinRtrAdvInterval":      {MinRtrAdvInterval: secs(9), MaxRtrAdvInterval: secs(10)},
		"MinRtrAdvInterval for ": {MaxRtrAdvInterval: secs(9)},
		"MinDelayBetweenRAs":     {MinDelayBetweenRAs: secs(2)},
		"AdvLinkMTU":             {LinkMTU: 1279},
		"AdvReachableTime":       {ReachableTime: 3600001},
		"AdvDefaultLifetime":     {DefaultLifetime: secs(9001)},
		"conflicts":              {DefaultLifetime: secs(0), Routes: routes("::/0")},
		"DNSSL too long":         {DNSSL: domains(manyDomains(2041)...)},
	}
}

func TestRadvdCheckIsNotEnough(t *testing.T) {
	more := map[string]Interface{
		"host bits":    {Prefixes: []Prefix{{Prefix: netip.MustParsePrefix("fd00::1/64")}}},
		"same prefix":  {Prefixes: prefixes("fd00::/64", "fd00::/64")},
		"not a /64":    {Prefixes: prefixes("fd00::/56")},
		"multicast":    {Prefixes: prefixes("ff02::/64")},
		"hop limit":    {CurHopLimit: new(uint32(256))},
		"too large":    {Prefixes: manyPrefixes(38)},
		"empty label":  {DNSSL: domains("a..b")},
		"long label":   {DNSSL: domains(strings.Repeat("a", 64))},
		"DNS lifetime": {RDNSS: []RDNSS{{Servers: addrs("fd00::1"), Lifetime: secs(1)}}},
	}
	for name, i := range silent() {
		more[name] = i
	}
	for name, i := range more {
		t.Run(name, func(t *testing.T) {
			i.Name = "br100"
			c := Config{Interfaces: []Interface{i}}
			if err := radvdCheck(t, unchecked(c)); err != nil {
				t.Errorf("radvd -c has come to refuse it: %v", err)
			}
			if c.Validate() == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestRadvdDaemon runs the daemon itself on what radvd -c passes, and waits for its complaint.
func TestRadvdDaemon(t *testing.T) {
	radvd := configtest.Tool(t, "radvd")
	ns := configtest.NewNamespace(t)
	// Without duplicate address detection the link-local address, which radvd waits for, is there at once.
	ns.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.accept_dad=0")
	ns.Run(t, "ip", "link", "add", "br100", "type", "veth", "peer", "name", "guest")
	ns.Run(t, "ip", "link", "set", "guest", "up")
	ns.Run(t, "ip", "link", "set", "br100", "up")
	for word, i := range silent() {
		t.Run(word, func(t *testing.T) {
			i.Name = "br100"
			conf := configtest.WriteTemp(t, unchecked(Config{Interfaces: []Interface{i}}))
			// The deadline only ends a test that fails: the complaint comes within a second or two.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "ip", "netns", "exec", string(ns), radvd, "-n", "-d", "1", "-m", "stderr",
				"-C", conf, "-p", filepath.Join(t.TempDir(), "pid"))
			cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			found := false
			for lines := bufio.NewScanner(io.TeeReader(stderr, &log)); !found && lines.Scan(); {
				found = strings.Contains(lines.Text(), word)
			}
			cancel()
			_, _ = io.Copy(io.Discard, stderr)
			_ = cmd.Wait() // it was told to stop, or has exited by itself
			if !found {
				t.Errorf("the daemon does not complain:\n%s", &log)
			}
		})
	}
}

func routes(texts ...string) []Route {
	var rs []Route
	for _, p := range prefixes(texts...) {
		rs = append(rs, Route{Prefix: p.Prefix})
	}
	return rs
}

func servers(texts ...string) []RDNSS { return []RDNSS{{Servers: addrs(texts...)}} }

func domains(names ...string) []DNSSL { return []DNSSL{{Domains: names}} }

func manyPrefixes(n int) []Prefix {
	var ps []Prefix
	for i := range n {
		ps = append(ps, prefixes(fmt.Sprintf("fd00:0:0:%x::/64", i))...)
	}
	return ps
}

// manyDomains returns different names of n bytes in their encoded form.
func manyDomains(n int) []string {
	var names []string
	for ; n > 50; n -= 25 {
		names = append(names, fmt.Sprintf("domain-number-%09d", n))
	}
	return append(names, strings.Repeat("x", n-2))
}
