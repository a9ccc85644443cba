package nftgen

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configfile"
)

const eui64VPN = "fd00:1::16:3eff:fe00:2"

func TestRevoked(t *testing.T) {
	prefixes := func(list ...string) []netip.Prefix {
		var all []netip.Prefix
		for _, s := range list {
			all = append(all, prefix(s))
		}
		return all
	}
	ofA := prefixes("10.0.1.4/32", "203.0.113.4/32", "2001:db8:f::4/128", "fd00:1::16:3eff:fe00:4/128")
	rules := func(c *Config) []Rule { return c.Groups[1].Rules }
	for _, test := range []struct {
		name   string
		change func(c *Config)
		want   Revocation
	}{
		{"nothing", func(*Config) {}, Revocation{}},
		{"more", func(c *Config) {
			rules(c)[0].From = 1
			rules(c)[1].CIDR = prefix("2000::/3")
			rules(c)[2].To = -1
			c.Ports[3].Groups = []int64{3, 2}
			c.Networks[0].LinkLocal = addr("fe80::7")
			c.Floating = append(c.Floating, Floating{Public: addr("203.0.113.5"), Fixed: addr(addrB)})
			c.VPN = append(c.VPN, VPN{netip.MustParseAddrPort("192.0.2.10:1001"), addr(addrVPN)})
		}, Revocation{}},
		{"one more member where there was one", func(c *Config) { c.Sources = map[int64][]netip.Addr{3: {addr("10.0.7.7"), addr("fd00:7::7")}} }, Revocation{}},
		{"the same by another group", func(c *Config) {
			c.Groups = append(c.Groups, Group{ID: 4, Rules: rules(c)})
			c.Ports[0].Groups = []int64{1, 4}
		}, Revocation{}},
		{"ports", func(c *Config) { rules(c)[0].To = 80 }, Revocation{JudgeTo: ofA}},
		{"prefix", func(c *Config) { rules(c)[1].CIDR = prefix("2001:db8::/33") }, Revocation{JudgeTo: ofA}},
		{"type", func(c *Config) { rules(c)[3].From = 129 }, Revocation{JudgeTo: ofA}},
		{"source group's rule", func(c *Config) { c.Groups[1].Rules = rules(c)[:4] }, Revocation{JudgeTo: ofA}},
		{"group of a guest", func(c *Config) { c.Ports[0].Groups = []int64{1} }, Revocation{JudgeTo: ofA}},
		// c is the only member, so nothing of the rule is left.
		{"only member", func(c *Config) { c.Ports[3].Groups = nil }, Revocation{JudgeTo: prefixes("10.0.1.4/32", "10.0.1.36/32", "203.0.113.4/32", "2001:db8:f::4/128", "fd00:1::16:3eff:fe00:4/128", "fd00:1:0:1:16:3eff:fe00:24/128")}},
		{"one of several members", func(c *Config) { c.Ports[1].Groups = []int64{2} },
			Revocation{JudgeTo: prefixes("10.0.1.5/32", "fd00:1::5/128", eui64B+"/128"), JudgeFrom: prefixes("10.0.1.5/32", "fd00:1::5/128", eui64B+"/128")}},
		{"guest", func(c *Config) { c.Ports = append(c.Ports[:2:2], c.Ports[3:]...) }, Revocation{To: prefixes("10.0.1.2/32", eui64VPN+"/128"), From: prefixes("10.0.1.2/32", eui64VPN+"/128")}},
		{"floating", func(c *Config) { c.Floating = c.Floating[1:] }, Revocation{To: prefixes("203.0.113.4/32"), From: prefixes("10.0.1.4/32")}},
		{"floating elsewhere", func(c *Config) { c.Floating[0].Fixed = addr(addrB) }, Revocation{To: prefixes("203.0.113.4/32"), From: prefixes("10.0.1.4/32")}},
		{"VPN", func(c *Config) { c.VPN = nil }, Revocation{VPN: []netip.AddrPort{netip.MustParseAddrPort(vpnPub)}}},
		{"VPN elsewhere", func(c *Config) { c.VPN[0].Private = addr("10.0.1.34") }, Revocation{VPN: []netip.AddrPort{netip.MustParseAddrPort(vpnPub)}}},
	} {
		c := siteConfig()
		before := file0(t, siteConfig())
		test.change(&c)
		got := Revoked(before, file0(t, c))
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %v\nwant %v", test.name, got, test.want)
		}
		if got.Empty() != reflect.DeepEqual(test.want, Revocation{}) {
			t.Errorf("%s: Empty is %t", test.name, got.Empty())
		}
	}
}

func file0(t testing.TB, c Config) []byte {
	t.Helper()
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRevoked_foreign gives it what is no file of ours: then nothing was filtered before.
func TestRevoked_foreign(t *testing.T) {
	after := file0(t, siteConfig())
	all := []netip.Prefix{prefix("10.0.1.0/27"), prefix("10.0.1.32/27"), prefix("fd00:1::/64"), prefix("fd00:1:0:1::/64")}
	edit := func(from, to string) string { return strings.Replace(string(after), from, to, 1) }
	for _, before := range []string{"", "flush ruleset\n", configfile.Header, string(after[:len(after)/3]),
		edit("10.0.1.4 : goto", "10.0.1.4 : jump"), edit("10.0.1.4 : goto gs_1_2", "10.0.1.4 : goto gone"),
		edit("tcp dport 80-81 accept", "tcp dport 80-81 counter accept"), edit("ip saddr @g1_4", "ip saddr @g9_4"),
		edit("jump sg2", "jump sg9"), edit(configfile.Header, "#!/usr/sbin/nft -f\n")} {
		if got := Revoked([]byte(before), after); !reflect.DeepEqual(got, Revocation{JudgeTo: all}) {
			t.Errorf("%.60q…: %v", before, got)
		}
	}
	if got := Revoked(after, nil); !got.Empty() {
		t.Errorf("without a file of ours there is no filter, and %v is revoked", got)
	}
	// The line with the checksum comes after the first one.
	if got := Revoked([]byte(edit(configfile.Header, configfile.Header+"# sha256: 00\n")), after); !got.Empty() {
		t.Errorf("a comment revokes %v", got)
	}
}

// TestRevoked_many bounds the number of calls.
func TestRevoked_many(t *testing.T) {
	c := large(10_000)
	before := file0(t, c)
	c.Groups[0].Rules = c.Groups[0].Rules[1:]
	for _, after := range []Config{c, {}} {
		r := Revoked(before, file0(t, after))
		if len(r.Conntrack()) > 4*maxRevoked {
			t.Errorf("%d calls", len(r.Conntrack()))
		}
		listed := r.JudgeTo
		if after.Ports == nil {
			listed = r.To
		}
		covered := func(a netip.Addr) bool {
			return slices.ContainsFunc(listed, func(p netip.Prefix) bool { return p.Contains(a) })
		}
		for _, p := range c.Ports {
			if p.Groups[0] == 1 && !covered(p.IPv4) {
				t.Fatalf("%s is not covered by %v", p.IPv4, listed)
			}
		}
	}
}

func TestRevocation_Conntrack(t *testing.T) {
	r := Revocation{To: []netip.Prefix{prefix("10.0.1.4/32")}, From: []netip.Prefix{prefix("fd00::/64")}, VPN: []netip.AddrPort{netip.MustParseAddrPort(vpnPub)},
		JudgeTo: []netip.Prefix{prefix("fd00:1::/64")}, JudgeFrom: []netip.Prefix{prefix("10.0.1.5/32")}}
	want := "[[-U -f ipv6 -d fd00:1::/64 -m 0x400000/0x400000] [-U -f ipv4 -s 10.0.1.5/32 -m 0x400000/0x400000] " +
		"[-D -f ipv4 -d 10.0.1.4/32] [-D -f ipv6 -s fd00::/64] [-D -f ipv4 -p udp -d 192.0.2.10 --dport 1000]]"
	if got := fmt.Sprint(r.Conntrack()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
