package netcalc

import (
	"errors"
	"fmt"
	"net/netip"
)

// block is a part of the address space that no tenant network can be in.
type block struct {
	prefix netip.Prefix
	what   string
	source string
}

// unservable lists narrower blocks before the wider ones around them, so that an error names what the value most likely is.
var unservable = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), `"this network"`, "RFC 6890 §2.2.2"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", "RFC 6890 §2.2.2"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", "RFC 6890 §2.2.2"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", "RFC 5771"},
	{netip.MustParsePrefix("255.255.255.255/32"), "limited broadcast", "RFC 6890 §2.2.2"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved", "RFC 6890 §2.2.2"},

	{netip.MustParsePrefix("::1/128"), "loopback", "RFC 4291 §2.5.3"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "IPv4-mapped", "RFC 4291 §2.5.5.2"},
	{netip.MustParsePrefix("64:ff9b::/96"), "IPv4/IPv6 translation", "RFC 6052 §2.1"},
	{netip.MustParsePrefix("::/8"), "reserved, with the unspecified address", "RFC 4291 §2.5"},
	{netip.MustParsePrefix("fe80::/10"), "link-local", "RFC 4291 §2.5.6"},
	{netip.MustParsePrefix("fec0::/10"), "site-local, deprecated", "RFC 3879"},
	{netip.MustParsePrefix("ff00::/8"), "multicast", "RFC 4291 §2.7"},
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3") // RFC 4291 §2.5.4, allocated by IANA
	uniqueLocal   = netip.MustParsePrefix("fc00::/7") // RFC 4193 §3.1
)

// CheckServable refuses a range that a network node cannot serve to guests. IPv4 ranges must keep clear of "this network",
// loopback, link-local, multicast and reserved space (RFC 6890, RFC 5771); IPv6 ranges must lie in global unicast
// 2000::/3 (RFC 4291) or unique local fc00::/7 (RFC 4193). Documentation and shared address space are accepted: labs use them.
func CheckServable(p netip.Prefix) error {
	if !p.IsValid() {
		return errors.New("no address range is given")
	}
	b, found := unservableIn(p)
	switch {
	case found && contains(b.prefix, p):
		return fmt.Errorf("%s is in %s, %s (%s): a network node cannot serve it", p, b.prefix, b.what, b.source)
	case found:
		return fmt.Errorf("%s overlaps %s, %s (%s): a network node cannot serve it", p, b.prefix, b.what, b.source)
	case !allocated(p):
		return notAllocated(p)
	}
	return nil
}

// CheckServableAddr is CheckServable for one address.
func CheckServableAddr(a netip.Addr) error {
	if !a.IsValid() {
		return errors.New("no address is given")
	}
	p := netip.PrefixFrom(a.WithZone(""), a.BitLen())
	if b, found := unservableIn(p); found {
		return fmt.Errorf("%s is in %s, %s (%s): a network node cannot serve it", a, b.prefix, b.what, b.source)
	}
	if !allocated(p) {
		return notAllocated(a)
	}
	return nil
}

// CheckFixedRangeV6 refuses a fixed_range_v6 that n networks cannot be numbered from: it is servable IPv6, /64 or shorter
// because SLAAC needs an interface identifier of 64 bits (RFC 4291 §2.5.1, RFC 4862 §5.5.3 d), and holds n /64s (a
// *CarveError where it holds fewer).
func CheckFixedRangeV6(p netip.Prefix, n uint64) error {
	switch {
	case !p.IsValid():
		return errors.New("no IPv6 range is given")
	case p.Addr().Is4():
		return fmt.Errorf("%s is an IPv4 range: an IPv6 range is expected", p)
	case p != p.Masked():
		return &HostBitsError{Given: p.String(), Meant: p.Masked()}
	}
	if err := CheckServable(p); err != nil {
		return err
	}
	if p.Bits() > 64 {
		return fmt.Errorf("%s is longer than /64: every network needs a whole /64 (RFC 4291 §2.5.1)", p)
	}
	if have := Slots(p, 64); have < n {
		return &CarveError{Range: p, Bits: 64, Want: n, Have: have}
	}
	return nil
}

func unservableIn(p netip.Prefix) (block, bool) {
	var across block
	found := false
	for _, b := range unservable {
		if contains(b.prefix, p) {
			return b, true
		}
		if !found && b.prefix.Overlaps(p) {
			across, found = b, true
		}
	}
	return across, found
}

func allocated(p netip.Prefix) bool {
	return p.Addr().Is4() || contains(globalUnicast, p) || contains(uniqueLocal, p)
}

func notAllocated(value any) error {
	return fmt.Errorf("%s is neither global unicast (%s, RFC 4291 §2.5.4) nor unique local (%s, RFC 4193 §3.1): a network node cannot serve it",
		value, globalUnicast, uniqueLocal)
}

// contains says whether all of inner lies in outer.
func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
