package netcalc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// HostBitsError says that a CIDR has bits set to the right of its prefix length, and which network it is in. It is refused
// and not masked: 10.0.1.5/24 may mean the network around it or that one address, and only one of these is to be deleted.
type HostBitsError struct {
	ValueError
	Meant netip.Prefix // the network that contains it: probably what was meant
}

// Unwrap makes errors.As find the ValueError.
func (e *HostBitsError) Unwrap() error { return &e.ValueError }

func refuseHostBits(given string, meant netip.Prefix) error {
	return &HostBitsError{*refuseTyped(given, "has host bits set: the network is %s", meant), meant}
}

// ParsePrefix reads an address range that is one CIDR block: an IPv6 CIDR, or an IPv4 range in one of Nova's spellings,
// which are 10.0.1.0/24, 10.0.1.0/255.255.255.0, 10/8 (missing octets are zero) and 10.0.1.0-10.0.1.255.
//
// A bare address, a zone, IPv4 in IPv6 clothing, a leading zero, sign or space, and a netmask with holes are errors.
// Host bits that are set are a *HostBitsError, all else is a *ValueError. IPv6 is read in every form of RFC 4291 §2.2 and
// printed in the one of RFC 5952 §4, which netip has.
func ParsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, ":") {
		// Before the hyphen: as a range to carve, FIRST-LAST is a spelling of IPv4's, and it is parseCIDR6 that says what
		// is wrong with fd00::-fd00::ff.
		return parseCIDR6(s)
	}
	if strings.Contains(s, "-") {
		return parseBlock4(s)
	}
	return parseCIDR4(s)
}

// ParsePrefix4 is ParsePrefix for IPv4 only; an IPv6 range is an error that says so.
func ParsePrefix4(s string) (netip.Prefix, error) {
	if !strings.Contains(s, ":") {
		return ParsePrefix(s)
	}
	if isRange(s) {
		return netip.Prefix{}, refuseTyped(s, "is an IPv6 range: an IPv4 range is expected")
	}
	return netip.Prefix{}, refuseTyped(s, "is not an IPv4 range")
}

// ParsePrefix6 is ParsePrefix for IPv6 only; an IPv4 range is an error that says so: among Nova's positional arguments each
// family has its place, and Nova took the IPv4 range in IPv6's.
func ParsePrefix6(s string) (netip.Prefix, error) {
	if strings.Contains(s, ":") {
		return ParsePrefix(s)
	}
	if isRange(s) {
		return netip.Prefix{}, refuseTyped(s, "is an IPv4 range: an IPv6 range is expected")
	}
	return netip.Prefix{}, refuseTyped(s, "is not an IPv6 range")
}

// ParseAddr reads one address of either family. A zone and a v4-mapped IPv6 address are errors: neither can be compared
// with what a ledger holds. Unlike a range, an IPv4 address has all of its four octets: the shell's 10.1 is 10.0.0.1 to
// ping (inet_aton), and would be 10.1.0.0 here. The error is a *ValueError.
func ParseAddr(s string) (netip.Addr, error) {
	parse := parseAddr4
	if strings.Contains(s, ":") {
		parse = parseAddr6
	}
	a, err := parse(s)
	if err != nil {
		return netip.Addr{}, refuseTyped(s, "is not an address: %v", err)
	}
	return a, nil
}

// ParseAddr4 is ParseAddr for IPv4 only; an IPv6 address is an error that says so.
func ParseAddr4(s string) (netip.Addr, error) {
	a, err := parseAddr4(s)
	if err == nil {
		return a, nil
	}
	// The other family's parser decides, and not a colon: "a::b::c" is no address of either.
	if _, err := parseAddr6(s); err == nil {
		return netip.Addr{}, refuseTyped(s, "is an IPv6 address: an IPv4 address is expected")
	}
	return netip.Addr{}, refuseTyped(s, "is not an IPv4 address: %v", err)
}

// ParseAddr6 is ParseAddr for IPv6 only; an IPv4 address is an error that says so.
func ParseAddr6(s string) (netip.Addr, error) {
	a, err := parseAddr6(s)
	if err == nil {
		return a, nil
	}
	if _, err := parseAddr4(s); err == nil {
		return netip.Addr{}, refuseTyped(s, "is an IPv4 address: an IPv6 address is expected")
	}
	return netip.Addr{}, refuseTyped(s, "is not an IPv6 address: %v", err)
}

// isRange tells a range of the wrong family from text that is no range at all. Host bits leave it a range: whoever typed
// one for the wrong argument should hear of that first.
func isRange(s string) bool {
	_, err := ParsePrefix(s)
	var hostBits *HostBitsError
	return err == nil || errors.As(err, &hostBits)
}

func parseCIDR6(s string) (netip.Prefix, error) {
	addr, length, found := strings.Cut(s, "/")
	// Address and length apart, and not netip.ParsePrefix on the whole: its one error does not say which of them is wrong.
	a, err := parseAddr6(addr)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	if !found {
		return netip.Prefix{}, oneAddress(a)
	}
	// A length only: IPv6 has no netmasks (RFC 4291 §2.3).
	n, err := parseNumber("prefix length", length, 128)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	return whole(s, netip.PrefixFrom(a, int(n)))
}

// parseCIDR4 is not netip.ParsePrefix because of what IPy, which read Nova's ranges, took besides: netmasks and missing
// octets. The octets are missing on the right, as in IPy and RFC 4632's own examples: 10/8 is a network's number. inet_aton
// fills them in before the last one, which is how hosts are abbreviated.
func parseCIDR4(s string) (netip.Prefix, error) {
	addr, mask, found := strings.Cut(s, "/")
	octets, n, err := parseOctets(addr)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	a := netip.AddrFrom4(octets)
	// A range of one has to be written as one: a forgotten /24 would carve nothing, or let in one host where a network was
	// meant. Nor is the length guessed from the address's class, which RFC 4632 did away with.
	switch {
	case !found && n == 4:
		return netip.Prefix{}, oneAddress(a)
	case !found:
		return netip.Prefix{}, notRange(s, errors.New("it has no prefix length"))
	}
	length, err := parseMask(mask)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	return whole(s, netip.PrefixFrom(a, length))
}

// parseMask reads what follows the slash of an IPv4 range: a prefix length or a dotted netmask. The netmask has all four
// octets: 255.255 would be 255.255.0.0 if it were filled as an address is here, and is 255.0.0.255 to inet_aton.
func parseMask(s string) (int, error) {
	if !strings.Contains(s, ".") {
		n, err := parseNumber("prefix length", s, 32)
		return int(n), err
	}
	a, err := parseAddr4(s)
	if err != nil {
		return 0, fmt.Errorf("netmask %s: %w", quote(s), err)
	}
	octets := a.As4()
	// The host part of a netmask is some ones at the end, so that 1 more carries through all of them and shares no bit;
	// for 0.0.0.0 it wraps to 0, which is right. A mask with holes names no block. A wildcard mask such as
	// 0.0.0.255 has one, too: read as a netmask by some programs and inverted by others, it is refused here.
	host := ^binary.BigEndian.Uint32(octets[:])
	if host&(host+1) != 0 {
		return 0, fmt.Errorf("netmask %s is not contiguous", quote(s))
	}
	return bits.LeadingZeros32(host), nil
}

// parseBlock4 reads FIRST-LAST where it is exactly one CIDR block. The largest block inside would be a guess at which end
// was meant, so it is only named.
func parseBlock4(s string) (netip.Prefix, error) {
	span, err := parseFirstLast(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, ok := span.Prefix()
	if !ok {
		// Never false: a valid span holds at least one address.
		largest, _ := span.FirstFit(span.LargestBlock())
		return netip.Prefix{}, refuseTyped(s, "is not one CIDR block: the largest in it is %s", largest)
	}
	return p, nil
}

// whole returns p where it is a network as it stands.
func whole(given string, p netip.Prefix) (netip.Prefix, error) {
	if meant := p.Masked(); meant != p {
		return netip.Prefix{}, refuseHostBits(given, meant)
	}
	return p, nil
}

// The errors of the parsers below are a reason and no *ValueError: a part of the input is at fault, and their callers put
// all of it before the reason.

func parseAddr4(s string) (netip.Addr, error) {
	octets, n, err := parseOctets(s)
	if err != nil {
		return netip.Addr{}, err
	}
	if n != 4 {
		return netip.Addr{}, errors.New("it has fewer than four octets")
	}
	return netip.AddrFrom4(octets), nil
}

// parseAddr6 reads what RFC 4291 §2.2 allows, by netip; not its own IPv4, whose reading parseAddr4 has made its own.
func parseAddr6(s string) (netip.Addr, error) {
	if strings.Contains(s, "%") {
		// RFC 4007 §6: zone indices are strictly local to a node, and a ledger serves several.
		return netip.Addr{}, errors.New("a zone means something on one host only")
	}
	a, err := netip.ParseAddr(s)
	switch {
	// netip's own error repeats the input at its full length, control characters and all.
	case err != nil || !a.Is6():
		return netip.Addr{}, errors.New("it is not in the form of RFC 4291 §2.2")
	// Also where it is spelled in hexadecimal. Unmapped it would be another address than the one that was typed, of a
	// family that its prefix length does not fit.
	case a.Is4In6():
		return netip.Addr{}, fmt.Errorf("it is IPv4-mapped: write %s", a.Unmap())
	}
	return a, nil
}

// parseOctets reads one to four octets and says how many there were; the missing ones are zero. How many are enough is for
// the caller to say: ranges may leave out some, addresses none.
func parseOctets(s string) (octets [4]byte, n int, err error) {
	if s == "" { // an empty argument, or /8: what is missing is more than an octet
		return octets, 0, errors.New("it has no address")
	}
	// Not strings.Split, which for a megabyte of dots makes as many strings before the fifth is refused.
	for more := true; more; n++ {
		if n == len(octets) {
			return octets, n, errors.New("it has more than four octets")
		}
		var octet string
		octet, s, more = strings.Cut(s, ".")
		v, err := parseNumber("octet", octet, 255)
		if err != nil {
			return octets, n, err
		}
		octets[n] = byte(v)
	}
	return octets, n, nil
}

// parseNumber reads decimal digits and nothing else, from 0 to most; ParseInt would take a sign and, by base 0, 0x0a and
// 1_0. A leading zero is refused because others read it as octal: 010.0.0.1 is 8.0.0.1 to inet_aton, and a filter and a
// router that read one text as two addresses are a hole (CVE-2021-29923 was Go's own). what names the number in the error.
func parseNumber(what, s string, most uint64) (uint64, error) {
	if s == "" {
		return 0, fmt.Errorf("%s %s is empty", what, quote(s))
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%s %s is not a decimal number", what, quote(s))
		}
	}
	if s[0] == '0' && len(s) > 1 {
		return 0, fmt.Errorf("%s %s has a leading zero", what, quote(s))
	}
	// Digits that ParseUint refuses are too many for 64 bits, which is over every bound, too.
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || v > most {
		return 0, fmt.Errorf("%s %s is over %d", what, quote(s), most)
	}
	return v, nil
}

func notRange(s string, reason error) error {
	return refuseTyped(s, "is not an address range: %v", reason)
}

func oneAddress(a netip.Addr) error {
	return refuse(a, "is one address, not a range: write %s/%d for a range of one", a, a.BitLen())
}
