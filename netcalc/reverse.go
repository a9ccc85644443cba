package netcalc

import (
	"fmt"
	"net/netip"
	"strings"
)

// ReverseZones are the zones of the DNS in which the names of p's addresses are looked up: one where p ends at a dot of such names,
// else the zones of the next longer length that p consists of, at most 128. An IPv4 prefix longer than /24 has the zone that
// RFC 2317 §4 gives a part of a zone, named by its first address and its length.
func ReverseZones(p netip.Prefix) []string {
	step, suffix := 8, "in-addr.arpa" // RFC 1035 §3.5
	if p.Addr().Is6() {
		step, suffix = 4, "ip6.arpa" // RFC 3596 §2.5
	}
	p = p.Masked()
	if width := p.Addr().BitLen(); width == 32 && p.Bits() > 24 && p.Bits() < 32 {
		b := p.Addr().As4()
		return []string{fmt.Sprintf("%d/%d.%d.%d.%d.%s", b[3], p.Bits(), b[2], b[1], b[0], suffix)}
	}
	length := (p.Bits() + step - 1) / step * step
	var zones []string
	parts, err := Carve(p, length, Slots(p, length))
	if err != nil {
		return nil // of no prefix
	}
	for part := range parts {
		zones = append(zones, reverseName(part, step)+suffix)
	}
	return zones
}

// reverseName is the labels of a prefix that ends at one, the last first, each with its dot.
func reverseName(p netip.Prefix, step int) string {
	bytes := p.Addr().AsSlice()
	var b strings.Builder
	for at := p.Bits() - step; at >= 0; at -= step {
		switch octet := bytes[at/8]; {
		case step == 8:
			fmt.Fprintf(&b, "%d.", octet)
		case at%8 == 0:
			fmt.Fprintf(&b, "%x.", octet>>4)
		default:
			fmt.Fprintf(&b, "%x.", octet&0xf)
		}
	}
	return b.String()
}
