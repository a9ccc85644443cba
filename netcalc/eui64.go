package netcalc

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
)

// MAC is a 48-bit IEEE MAC address, its octets in the order in which they are written. An array and not net's slice, so
// that it compares, serves as a key of maps and cannot have another length.
type MAC [6]byte

// ParseMAC reads a MAC in one of three spellings, in any case: 02:16:3e:33:44:55 (Linux, Nova), 02-16-3e-33-44-55 (IEEE 802
// and Windows), 0216.3e33.4455 (switches). The error is a *ValueError.
//
// net.ParseMAC reads these, too, but also the 8 octets of an EUI-64 and the 20 of InfiniBand, which are no guest's MAC here.
func ParseMAC(s string) (MAC, error) {
	digits, separator := 2, byte(':') // hex digits in a group, and what stands between groups
	switch len(s) {
	case 17: // six groups of 2
		if s[2] == '-' {
			separator = '-'
		}
	case 14: // three groups of 4
		digits, separator = 4, '.'
	default:
		return MAC{}, notMAC(s)
	}
	// The length fixes how many groups there are, so nothing below reads past the end of s.
	var m MAC
	n := 0
	for at := 0; at < len(s); at += digits + 1 {
		// One kind of separator throughout: a text that mixes them is two addresses pasted together.
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
	return refuseTyped(s, "is not a MAC address like 02:16:3e:33:44:55")
}

// String returns m in lower case with colons, as Linux prints it and Nova stored it; ParseMAC reads it.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// CheckUnicast refuses what cannot be the address of a guest's port: group addresses, whose lowest bit of the first octet
// is set (IEEE 802), the broadcast address among them, and the all-zero address. The error is a *ValueError. Linux takes
// none of them as an interface's address either (is_valid_ether_addr), so the guest would have another one than the ledger.
func (m MAC) CheckUnicast() error {
	kind := ""
	switch {
	case m == MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		// It is a group address like the next ones; what it is called says more.
		kind = "the broadcast address"
	case m[0]&1 != 0: // first on the wire: IEEE 802.3 sends each octet's lowest bit first
		kind = "a multicast address"
	case m == MAC{}:
		kind = "the all-zero address"
	default:
		return nil
	}
	return refuseAs("MAC address", m.String(), "is %s: a unicast address is expected", kind)
}

// universalLocal is the bit of a MAC's first octet that RFC 4291 appendix A inverts, so that an interface identifier
// somebody numbers by hand, like ::1, counts as a local one. Nova's MACs begin with 02, a local one, and their addresses
// therefore with 00: 02:16:3e becomes ::16:3eff and not ::216:3eff.
const universalLocal = 0x02

// EUI64 returns the address that a host with the MAC m takes in p by SLAAC: p and the modified EUI-64 interface identifier
// of m (RFC 4291 appendix A, RFC 2464 §4). p must be an IPv6 /64, because the identifier is 64 bits long and a host ignores
// a prefix that leaves it another length (RFC 4862 §5.5.3 d); Nova ignored the length of p. Host bits of p do not count.
// The error is a *ValueError.
//
// A guest that forms its identifier in another way (addr_gen_mode 2 or 3, RFC 7217; RFC 8981) has another address.
func EUI64(p netip.Prefix, m MAC) (netip.Addr, error) {
	if !p.IsValid() || !p.Addr().Is6() || p.Bits() != 64 {
		return netip.Addr{}, refuse(p, "is not an IPv6 /64: no EUI-64 address can be formed in it")
	}
	b := p.Addr().As16()
	// The company's three octets, ff:fe, the manufacturer's three. IEEE has ff:ff where a MAC-48 becomes an EUI-64;
	// appendix A tells how ff:fe came in by mistake and why it stays.
	b[8], b[9], b[10], b[11] = m[0]^universalLocal, m[1], m[2], 0xff
	b[12], b[13], b[14], b[15] = 0xfe, m[3], m[4], m[5]
	return netip.AddrFrom16(b), nil
}

// MACFromEUI64 is the inverse of EUI64: the MAC in the interface identifier of a. It is a *ValueError where a has none: it
// is not unicast IPv6, or has no ff:fe in the middle of its identifier (RFC 4291 appendix A). Nova did not look for that and
// made a MAC of every address.
//
// An answer is likely and not certain: of random identifiers (RFC 7217, RFC 8981) one in 65,536 has ff:fe there as well. What
// acts on the MAC looks for a guest that has it.
func MACFromEUI64(a netip.Addr) (MAC, error) {
	b := a.As16()
	// As16 shows an IPv4 address as IPv4-mapped, with ffff before it: 254.0.0.1 would look like an identifier.
	if !a.Is6() || a.Is4In6() || a.IsMulticast() || b[11] != 0xff || b[12] != 0xfe {
		return MAC{}, refuse(a, "has no MAC address: its interface identifier is not an EUI-64 made from a MAC address")
	}
	// The same inversion: what exclusive-or has changed it changes back.
	return MAC{b[8] ^ universalLocal, b[9], b[10], b[13], b[14], b[15]}, nil
}

// ULA returns a random unique local /48: fd00::/8, which is fc00::/7 with the L bit for "locally assigned" (RFC 4193 §3.1),
// and a global ID of 40 bits read from random. An error is that of reading.
//
// RFC 4193 §3.2 forbids well-known numbers as global IDs: two sites that are joined later would have the same one (§3.2.1).
// fd00::/48, Nova's default, is the best known. §3.2.2's hash of time and MAC is for systems that have no random source.
func ULA(random io.Reader) (netip.Prefix, error) {
	b := [16]byte{0xfd}
	if _, err := io.ReadFull(random, b[1:6]); err != nil {
		return netip.Prefix{}, fmt.Errorf("reading the 40 random bits of a unique local prefix: %w", err)
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 48), nil
}
