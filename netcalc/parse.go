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

// HostBitsError says that a CIDR has bits set to the right of its prefix length, and which network it is in.
type HostBitsError struct {
	Given string       // as it was typed
	Meant netip.Prefix // the network that contains it: probably what was meant
}

func (e *HostBitsError) Error() string {
	return fmt.Sprintf("%s has host bits set: the network is %s", quote(e.Given), e.Meant)
}

// ParsePrefix reads an address range that is one CIDR block: an IPv6 CIDR, or an IPv4 range in one of Nova's spellings,
// which are 10.0.1.0/24, 10.0.1.0/255.255.255.0, 10/8 (missing octets are zero) and 10.0.1.0-10.0.1.255.
//
// A bare address, a zone, IPv4 in IPv6 clothing, a leading zero, sign or space, and a netmask with holes are errors.
// Host bits that are set are a *HostBitsError.
func ParsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, ":") {
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
		return netip.Prefix{}, fmt.Errorf("%s is an IPv6 range: an IPv4 range is expected", quote(s))
	}
	return netip.Prefix{}, fmt.Errorf("%s is not an IPv4 range", quote(s))
}

// ParsePrefix6 is ParsePrefix for IPv6 only; an IPv4 range is an error that says so.
func ParsePrefix6(s string) (netip.Prefix, error) {
	if strings.Contains(s, ":") {
		return ParsePrefix(s)
	}
	if isRange(s) {
		return netip.Prefix{}, fmt.Errorf("%s is an IPv4 range: an IPv6 range is expected", quote(s))
	}
	return netip.Prefix{}, fmt.Errorf("%s is not an IPv6 range", quote(s))
}

// ParseAddr reads one address of either family. A zone and a v4-mapped IPv6 address are errors: neither can be compared
// with what a ledger holds.
func ParseAddr(s string) (netip.Addr, error) {
	parse := parseAddr4
	if strings.Contains(s, ":") {
		parse = parseAddr6
	}
	a, err := parse(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s is not an address: %w", quote(s), err)
	}
	return a, nil
}

// ParseAddr4 is ParseAddr for IPv4 only; an IPv6 address is an error that says so.
func ParseAddr4(s string) (netip.Addr, error) {
	a, err := parseAddr4(s)
	if err == nil {
		return a, nil
	}
	if _, err := parseAddr6(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%s is an IPv6 address: an IPv4 address is expected", quote(s))
	}
	return netip.Addr{}, fmt.Errorf("%s is not an IPv4 address: %w", quote(s), err)
}

// ParseAddr6 is ParseAddr for IPv6 only; an IPv4 address is an error that says so.
func ParseAddr6(s string) (netip.Addr, error) {
	a, err := parseAddr6(s)
	if err == nil {
		return a, nil
	}
	if _, err := parseAddr4(s); err == nil {
		return netip.Addr{}, fmt.Errorf("%s is an IPv4 address: an IPv6 address is expected", quote(s))
	}
	return netip.Addr{}, fmt.Errorf("%s is not an IPv6 address: %w", quote(s), err)
}

// isRange tells a range of the wrong family from text that is no range at all.
func isRange(s string) bool {
	_, err := ParsePrefix(s)
	var hostBits *HostBitsError
	return err == nil || errors.As(err, &hostBits)
}

func parseCIDR6(s string) (netip.Prefix, error) {
	addr, length, found := strings.Cut(s, "/")
	a, err := parseAddr6(addr)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	if !found {
		return netip.Prefix{}, oneAddress(a)
	}
	n, err := parseNumber("prefix length", length, 128)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	return whole(s, netip.PrefixFrom(a, int(n)))
}

func parseCIDR4(s string) (netip.Prefix, error) {
	addr, mask, found := strings.Cut(s, "/")
	octets, n, err := parseOctets(addr)
	if err != nil {
		return netip.Prefix{}, notRange(s, err)
	}
	a := netip.AddrFrom4(octets)
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

// parseMask reads what follows the slash of an IPv4 range: a prefix length or a dotted netmask.
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
	host := ^binary.BigEndian.Uint32(octets[:])
	if host&(host+1) != 0 {
		return 0, fmt.Errorf("netmask %s is not contiguous", quote(s))
	}
	return bits.LeadingZeros32(host), nil
}

// parseBlock4 reads FIRST-LAST where it is exactly one CIDR block.
func parseBlock4(s string) (netip.Prefix, error) {
	span, err := parseFirstLast(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, ok := span.Prefix()
	if !ok {
		largest, _ := span.FirstFit(span.LargestBlock())
		return netip.Prefix{}, fmt.Errorf("%s is not one CIDR block: the largest in it is %s", quote(s), largest)
	}
	return p, nil
}

func whole(given string, p netip.Prefix) (netip.Prefix, error) {
	if meant := p.Masked(); meant != p {
		return netip.Prefix{}, &HostBitsError{Given: given, Meant: meant}
	}
	return p, nil
}

// The parsers below return a reason only; their callers put the whole input before it.

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

func parseAddr6(s string) (netip.Addr, error) {
	if strings.Contains(s, "%") {
		return netip.Addr{}, errors.New("a zone means something on one host only")
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || !a.Is6():
		return netip.Addr{}, errors.New("it is not in the form of RFC 4291 §2.2")
	case a.Is4In6():
		return netip.Addr{}, fmt.Errorf("it is IPv4-mapped: write %s", a.Unmap())
	}
	return a, nil
}

// parseOctets reads one to four octets and says how many there were; the missing ones are zero.
func parseOctets(s string) (octets [4]byte, n int, err error) {
	if s == "" {
		return octets, 0, errors.New("it has no address")
	}
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

// parseNumber reads decimal digits and nothing else. A leading zero is refused because others read it as octal.
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
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || v > most {
		return 0, fmt.Errorf("%s %s is over %d", what, quote(s), most)
	}
	return v, nil
}

func notRange(s string, reason error) error {
	return fmt.Errorf("%s is not an address range: %w", quote(s), reason)
}

func oneAddress(a netip.Addr) error {
	return fmt.Errorf("%s is one address, not a range: write %s/%d for a range of one", a, a, a.BitLen())
}

// quote shows input in an error: control characters escaped, and not more of it than fits a line.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}
