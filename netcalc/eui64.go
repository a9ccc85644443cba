package netcalc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// MAC is a 48-bit IEEE MAC address.
type MAC [6]byte

// ParseMAC reads a MAC in one of three spellings, in any case: 02:16:3e:33:44:55, 02-16-3e-33-44-55, 0216.3e33.4455.
func ParseMAC(s string) (MAC, error) {
	digits, separator := 2, byte(':') // hex digits in a group, and what stands between groups
	switch len(s) {
	case 17:
		if s[2] == '-' {
			separator = '-'
		}
	case 14:
		digits, separator = 4, '.'
	default:
		return MAC{}, notMAC(s)
	}
	var m MAC
	n := 0
	for at := 0; at < len(s); at += digits + 1 {
		if at > 0 && s[at-1] != separator {
			return MAC{}, notMAC(s)
		}
		for i := at; i < at+digits; i += 2 {
			if _, err := hex.Decode(m[n:n+1], []byte{s[i], s[i+1]}); err != nil {
				return MAC{}, notMAC(s)
			}
			n++
		}
	}
	return m, nil
}

func notMAC(s string) error {
	return fmt.Errorf("%s is not a MAC address like 02:16:3e:33:44:55", quote(s))
}

// String returns m in lower case with colons.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// CheckUnicast refuses what cannot be the address of a guest's port: group addresses, whose lowest bit of the first octet
// is set (IEEE 802), the broadcast address among them, and the all-zero address.
func (m MAC) CheckUnicast() error {
	kind := ""
	switch {
	case m == MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		kind = "the broadcast address"
	case m[0]&1 != 0:
		kind = "a multicast address"
	case m == MAC{}:
		kind = "the all-zero address"
	default:
		return nil
	}
	return fmt.Errorf("MAC address %s is %s: a unicast address is expected", m, kind)
}

// universalLocal is the bit of a MAC's first octet that RFC 4291 appendix A inverts, so that an interface identifier
// somebody numbers by hand, like ::1, counts as a local one.
const universalLocal = 0x02

// EUI64 returns the address that a host with the MAC m takes in p by SLAAC: p and the modified EUI-64 interface identifier
// of m (RFC 4291 appendix A). p must be an IPv6 /64, because the identifier is 64 bits long (RFC 4862 §5.5.3 d).
func EUI64(p netip.Prefix, m MAC) (netip.Addr, error) {
	if !p.IsValid() || !p.Addr().Is6() || p.Bits() != 64 {
		return netip.Addr{}, fmt.Errorf("%s is not an IPv6 /64: no EUI-64 address can be formed in it", p)
	}
	b := p.Addr().As16()
	b[8], b[9], b[10], b[11] = m[0]^universalLocal, m[1], m[2], 0xff
	b[12], b[13], b[14], b[15] = 0xfe, m[3], m[4], m[5]
	return netip.AddrFrom16(b), nil
}

// ErrNotEUI64 says that an address does not come from a MAC.
var ErrNotEUI64 = errors.New("its interface identifier is not an EUI-64 made from a MAC address")

// MACFromEUI64 is the inverse of EUI64: the MAC in the interface identifier of a. The error wraps ErrNotEUI64 where a has
// none: it is not unicast IPv6, or has no ff:fe in the middle of its identifier (RFC 4291 appendix A).
func MACFromEUI64(a netip.Addr) (MAC, error) {
	b := a.As16()
	if !a.Is6() || a.Is4In6() || a.IsMulticast() || b[11] != 0xff || b[12] != 0xfe {
		return MAC{}, fmt.Errorf("%s has no MAC address: %w", a, ErrNotEUI64)
	}
	return MAC{b[8] ^ universalLocal, b[9], b[10], b[13], b[14], b[15]}, nil
}

// ULA returns a random unique local /48: fd00::/8 and a global ID of 40 bits read from random (RFC 4193 §3.2).
func ULA(random io.Reader) (netip.Prefix, error) {
	b := [16]byte{0xfd}
	if _, err := io.ReadFull(random, b[1:6]); err != nil {
		return netip.Prefix{}, fmt.Errorf("reading the 40 random bits of a unique local prefix: %w", err)
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 48), nil
}
