package netcalc

import (
	"net/netip"
	"testing"
)

func TestCheckServable(t *testing.T) {
	const cannot = ": a network node cannot serve it"
	const neither = " is neither global unicast (2000::/3, RFC 4291 §2.5.4) nor unique local (fc00::/7, RFC 4193 §3.1)" + cannot
	for given, text := range map[string]string{
		"10.0.0.0/8":       "<nil>",
		"100.64.0.0/10":    "<nil>",
		"192.0.2.0/24":     "<nil>",
		"8.8.8.8/32":       "<nil>",
		"1.0.0.0/8":        "<nil>",
		"126.0.0.0/8":      "<nil>",
		"128.0.0.0/2":      `128.0.0.0/2 overlaps 169.254.0.0/16, link-local (RFC 6890 §2.2.2)` + cannot,
		"223.255.255.0/24": "<nil>",
		"0.0.0.0/0":        `0.0.0.0/0 overlaps 0.0.0.0/8, "this network" (RFC 6890 §2.2.2)` + cannot,
		"0.1.0.0/16":       `0.1.0.0/16 is in 0.0.0.0/8, "this network" (RFC 6890 §2.2.2)` + cannot,
		"127.0.0.0/24":     `127.0.0.0/24 is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2)` + cannot,
		"126.0.0.0/7":      `126.0.0.0/7 overlaps 127.0.0.0/8, loopback (RFC 6890 §2.2.2)` + cannot,
		"169.254.0.0/16":   `169.254.0.0/16 is in 169.254.0.0/16, link-local (RFC 6890 §2.2.2)` + cannot,
		"224.0.1.0/24":     `224.0.1.0/24 is in 224.0.0.0/4, multicast (RFC 5771)` + cannot,
		"192.0.0.0/2":      `192.0.0.0/2 overlaps 224.0.0.0/4, multicast (RFC 5771)` + cannot,
		"240.0.0.0/8":      `240.0.0.0/8 is in 240.0.0.0/4, reserved (RFC 6890 §2.2.2)` + cannot,
		"255.255.255.0/24": `255.255.255.0/24 is in 240.0.0.0/4, reserved (RFC 6890 §2.2.2)` + cannot,

		"2000::/3":         "<nil>",
		"2001:db8::/32":    "<nil>",
		"2002::/16":        "<nil>",
		"3fff:ffff::/32":   "<nil>",
		"fc00::/7":         "<nil>",
		"fd00::/48":        "<nil>",
		"::/0":             "::/0 overlaps ::1/128, loopback (RFC 4291 §2.5.3)" + cannot,
		"::/48":            "::/48 is in ::/8, reserved, with the unspecified address (RFC 4291 §2.5)" + cannot,
		"::/128":           "::/128 is in ::/8, reserved, with the unspecified address (RFC 4291 §2.5)" + cannot,
		"::1/128":          "::1/128 is in ::1/128, loopback (RFC 4291 §2.5.3)" + cannot,
		"::ffff:a00:0/104": "::ffff:10.0.0.0/104 is in ::ffff:0.0.0.0/96, IPv4-mapped (RFC 4291 §2.5.5.2)" + cannot,
		"64:ff9b::/96":     "64:ff9b::/96 is in 64:ff9b::/96, IPv4/IPv6 translation (RFC 6052 §2.1)" + cannot,
		"100::/64":         "100::/64" + neither,
		"4000::/16":        "4000::/16" + neither,
		"f000::/8":         "f000::/8" + neither,
		"e000::/3":         "e000::/3 overlaps fe80::/10, link-local (RFC 4291 §2.5.6)" + cannot,
		"fe80::/64":        "fe80::/64 is in fe80::/10, link-local (RFC 4291 §2.5.6)" + cannot,
		"fec0::/48":        "fec0::/48 is in fec0::/10, site-local, deprecated (RFC 3879)" + cannot,
		"ff02::/16":        "ff02::/16 is in ff00::/8, multicast (RFC 4291 §2.7)" + cannot,
		"fe00::/9":         "fe00::/9" + neither,
		"2000::/2":         "2000::/2 overlaps ::1/128, loopback (RFC 4291 §2.5.3)" + cannot,
		"f800::/5":         "f800::/5 overlaps fe80::/10, link-local (RFC 4291 §2.5.6)" + cannot,
	} {
		want(t, "error", errText(CheckServable(prefix(given))), text)
	}
	want(t, "error", errText(CheckServable(netip.Prefix{})), "no address range is given")
}

// A range is servable exactly when every address in it is: sampled at the ends of all blocks that matter.
func TestCheckServable_addrs(t *testing.T) {
	var edges []netip.Addr
	for _, b := range append([]block{{prefix: globalUnicast}, {prefix: uniqueLocal}, {prefix: prefix("10.0.0.0/8")}}, unservable...) {
		s := SpanOf(b.prefix)
		edges = append(edges, s.First, s.Last)
		if before := s.First.Prev(); before.IsValid() {
			edges = append(edges, before)
		}
		if after := s.Last.Next(); after.IsValid() {
			edges = append(edges, after)
		}
	}
	for _, edge := range edges {
		for length := range edge.BitLen() + 1 {
			p, _ := edge.Prefix(length)
			servable := true
			for _, a := range edges {
				if p.Contains(a) && CheckServableAddr(a) != nil {
					servable = false
				}
			}
			if got := CheckServable(p); (got == nil) != servable {
				t.Errorf("CheckServable(%s): %v, while its addresses are servable: %t", p, got, servable)
			}
		}
	}
}

func TestCheckServableAddr(t *testing.T) {
	const cannot = ": a network node cannot serve it"
	for given, text := range map[string]string{
		"10.0.0.1":        "<nil>",
		"fd00::1":         "<nil>",
		"2001:db8::1":     "<nil>",
		"255.255.255.255": "255.255.255.255 is in 255.255.255.255/32, limited broadcast (RFC 6890 §2.2.2)" + cannot,
		"0.0.0.0":         `0.0.0.0 is in 0.0.0.0/8, "this network" (RFC 6890 §2.2.2)` + cannot,
		"::":              ":: is in ::/8, reserved, with the unspecified address (RFC 4291 §2.5)" + cannot,
		"fe80::1%eth0":    "fe80::1%eth0 is in fe80::/10, link-local (RFC 4291 §2.5.6)" + cannot,
		"4000::1":         "4000::1 is neither global unicast (2000::/3, RFC 4291 §2.5.4) nor unique local (fc00::/7, RFC 4193 §3.1)" + cannot,
	} {
		want(t, "error", errText(CheckServableAddr(addr(given))), text)
	}
	want(t, "error", errText(CheckServableAddr(netip.Addr{})), "no address is given")
}

func TestCheckFixedRangeV6(t *testing.T) {
	for _, c := range []struct {
		p    netip.Prefix
		n    uint64
		text string
	}{
		{prefix("fd00:1::/48"), 65536, "<nil>"},
		{prefix("fd00:1::/64"), 1, "<nil>"},
		{prefix("fd00:1::/48"), 65537, "fd00:1::/48 holds 65536 networks of /64: 65537 are asked for"},
		{prefix("fd00::/62"), 4, "<nil>"},
		{prefix("fd00::/62"), 5, "fd00::/62 holds 4 networks of /64: 5 are asked for"},
		{prefix("fd00:1::/64"), 2, "fd00:1::/64 holds 1 network of /64: 2 are asked for"},
		{prefix("fd00:1::/96"), 1, "fd00:1::/96 is longer than /64: every network needs a whole /64 (RFC 4291 §2.5.1)"},
		{prefix("10.0.0.0/8"), 1, "10.0.0.0/8 is an IPv4 range: an IPv6 range is expected"},
		{prefix("::/48"), 1, "::/48 is in ::/8, reserved, with the unspecified address (RFC 4291 §2.5): a network node cannot serve it"},
		{prefix("fd00:1::1/64"), 1, `"fd00:1::1/64" has host bits set: the network is fd00:1::/64`},
		{netip.Prefix{}, 1, "no IPv6 range is given"},
	} {
		want(t, "error", errText(CheckFixedRangeV6(c.p, c.n)), c.text)
	}
}
