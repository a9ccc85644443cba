package netcalc

import "net/netip"

// block is a part of the address space that no tenant network can be in.
type block struct {
	prefix netip.Prefix
	what   string // in the words of IANA's registries of special-purpose addresses (RFC 6890)
	source string // where the reader of an error finds why
}

// unservable is what a router does not forward or a host does not take, whatever the configuration says. It lists narrower
// blocks before the wider ones around them, so that an error names what the value most likely is.
//
// What the registries call special and a node still forwards is not here: private (RFC 1918) and shared (RFC 6598) space
// are what tenant networks are made of, and documentation (RFC 5737, RFC 3849, RFC 9637) and benchmarking (RFC 2544)
// ranges are what labs and examples use.
var unservable = []block{
	// As a source it means "I do not know my address yet", which is what DHCP requests carry (RFC 1122 §3.2.1.3).
	{netip.MustParsePrefix("0.0.0.0/8"), `"this network"`, "RFC 6890 §2.2.2"},
	// Linux drops it as a martian on every interface but lo (RFC 1122 §3.2.1.3 forbids it outside a host).
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", "RFC 6890 §2.2.2"},
	// Not forwarded (RFC 3927 §7), and 169.254.169.254 is where guests look for EC2 metadata on every network.
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", "RFC 6890 §2.2.2"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", "RFC 5771"},
	// It is inside 240.0.0.0/4, and the reason is another one: a packet to it goes to everybody on the link.
	{netip.MustParsePrefix("255.255.255.255/32"), "limited broadcast", "RFC 6890 §2.2.2"},
	// Class E (RFC 1112 §4). Linux would route it; guests of other systems refuse it as an address of their own.
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved", "RFC 6890 §2.2.2"},

	{netip.MustParsePrefix("::1/128"), "loopback", "RFC 4291 §2.5.3"},
	// A form for programs and not for packets. In the ledger it would be a second spelling of an IPv4 network, which no
	// comparison with the first would find.
	{netip.MustParsePrefix("::ffff:0:0/96"), "IPv4-mapped", "RFC 4291 §2.5.5.2"},
	// A translator owns every address in it; the last 32 bits are somebody's IPv4 address.
	{netip.MustParsePrefix("64:ff9b::/96"), "IPv4/IPv6 translation", "RFC 6052 §2.1"},
	// Interface identifiers here are not 64 bits long (RFC 4291 §2.5.1 excepts what begins with 000), so that SLAAC
	// has no meaning in it. Nova took ::/48.
	{netip.MustParsePrefix("::/8"), "reserved, with the unspecified address", "RFC 4291 §2.5"},
	// Each link has fe80::/64 of its own, and routers must not forward it.
	{netip.MustParsePrefix("fe80::/10"), "link-local", "RFC 4291 §2.5.6"},
	// RFC 3879 §4: what is new must not give it its old meaning; RFC 4193 is its successor.
	{netip.MustParsePrefix("fec0::/10"), "site-local, deprecated", "RFC 3879"},
	{netip.MustParsePrefix("ff00::/8"), "multicast", "RFC 4291 §2.7"},
}

// IPv6 is checked against what may be used, and not only against what may not, as IPv4 is: most of its space waits for a
// meaning (RFC 4291 §2.4), and what is typed from there is a slip such as 200:db8:: for 2001:db8::.
var (
	// All global unicast addresses that IANA has delegated so far (RFC 4291 §2.5.4).
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// Both halves of it: fc00::/8 still waits for its way of allocation, but apart from that way hosts treat the two
	// identically (RFC 4193 §3.2).
	uniqueLocal = netip.MustParsePrefix("fc00::/7")
)

// CheckServable refuses a range that a network node cannot serve to guests; the error is a *ValueError. IPv4 ranges must
// keep clear of "this network", loopback, link-local, multicast and reserved space (RFC 6890, RFC 5771); IPv6 ranges must
// lie in global unicast 2000::/3 (RFC 4291) or unique local fc00::/7 (RFC 4193). Documentation and shared address space
// are accepted: labs use them.
//
// A range that only overlaps such a block is refused as well: some network carved from it would be in there.
func CheckServable(p netip.Prefix) error {
	if !p.IsValid() {
		return missing("no address range is given")
	}
	b, found := unservableIn(p)
	switch {
	case found && contains(b.prefix, p):
		return refuse(p, "is in %s, %s (%s): a network node cannot serve it", b.prefix, b.what, b.source)
	case found:
		return refuse(p, "overlaps %s, %s (%s): a network node cannot serve it", b.prefix, b.what, b.source)
	case !allocated(p):
		return notAllocated(p.String())
	}
	return nil
}

// CheckServableAddr is CheckServable for one address: a gateway or a DNS server, to which guests send packets.
func CheckServableAddr(a netip.Addr) error {
	if !a.IsValid() {
		return missing("no address is given")
	}
	// PrefixFrom leaves the zone out. That matters: no prefix contains an address that has one, so that fe80::1%eth0 would
	// pass for one that is not link-local.
	p := netip.PrefixFrom(a, a.BitLen())
	if b, found := unservableIn(p); found {
		return refuse(a, "is in %s, %s (%s): a network node cannot serve it", b.prefix, b.what, b.source)
	}
	if !allocated(p) {
		return notAllocated(a.String())
	}
	return nil
}

// CheckFixedRangeV6 refuses a fixed_range_v6 that n networks cannot be numbered from: it is servable IPv6, /64 or shorter
// because SLAAC needs an interface identifier of 64 bits (RFC 4291 §2.5.1, RFC 4862 §5.5.3 d), and holds n /64s. The error
// is a *ValueError, for host bits a *HostBitsError. Nova stored a /96 as a /64 with host bits in it, took an IPv4 range, and
// ran on past the range's end.
//
// RFC 6164's /127 and the /126s before it are for links between routers; no guest configures an address in one.
func CheckFixedRangeV6(p netip.Prefix, n uint64) error {
	switch {
	case !p.IsValid():
		return missing("no IPv6 range is given")
	case p.Addr().Is4():
		return refuse(p, "is an IPv4 range: an IPv6 range is expected")
	case p != p.Masked():
		// The subnets would begin elsewhere than where somebody expects them, and radvd sends host bits as they are.
		return refuseHostBits(p.String(), p.Masked())
	}
	if err := CheckServable(p); err != nil {
		return err
	}
	if p.Bits() > 64 {
		return refuse(p, "is longer than /64: every network needs a whole /64 (RFC 4291 §2.5.1)")
	}
	if have := Slots(p, 64); have < n {
		return refuseCarve(p, 64, n, have)
	}
	return nil
}

// Servable returns the parts of s that networks can be in, as CheckServable has it, in order.
func Servable(s Span) []Span {
	if !s.valid() {
		return nil
	}
	if s.First.Is4() {
		var without []Span
		for _, b := range unservable {
			without = append(without, SpanOf(b.prefix))
		}
		return s.Subtract(without)
	}
	var parts []Span
	for _, p := range []netip.Prefix{globalUnicast, uniqueLocal} { // no unservable block is in them
		if part, ok := s.Intersect(SpanOf(p)); ok {
			parts = append(parts, part)
		}
	}
	return parts
}

// unservableIn returns the first block that p lies in or, where it lies in none, the first that it overlaps. 240.0.0.0/4
// is reserved; that it touches the limited broadcast address, which stands before it, would say less.
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

// allocated takes all of IPv4 but what is unservable: IANA has given away the rest (its last /8s went in 2011).
func allocated(p netip.Prefix) bool {
	return p.Addr().Is4() || contains(globalUnicast, p) || contains(uniqueLocal, p)
}

func notAllocated(value string) error {
	return &ValueError{Value: value, Reason: "is neither global unicast (" + globalUnicast.String() +
		", RFC 4291 §2.5.4) nor unique local (" + uniqueLocal.String() + ", RFC 4193 §3.1): a network node cannot serve it"}
}

// contains says whether all of inner lies in outer. Its base address alone does not tell: 8.0.0.0/5 begins in 8.0.0.0/8.
func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
