// Package netcalc does address arithmetic: it parses ranges as operators type them, carves them into networks, and maps
// MAC addresses to EUI-64 interface identifiers and back. It does no I/O, reads no clock, and leaves what is taken and
// by whom to its callers.
//
// Addresses are net/netip's: values that compare, are keys of maps and cost no allocation. What netip leaves out is sums
// and differences, which package netcalc does on 128-bit numbers for both families. Prefixes are returned without host
// bits. IPv4-mapped IPv6 addresses and zones are refused where text comes in: netip takes 10.0.0.1 and ::ffff:10.0.0.1 for
// two addresses, as it does fe80::1%eth0 and fe80::1, so that an overlap would go unseen.
package netcalc

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
)

// Add returns the address n above a. It reports false where that leaves the space of a's family, or a is the zero Addr.
func Add(a netip.Addr, n uint64) (netip.Addr, bool) {
	if !a.IsValid() {
		return netip.Addr{}, false
	}
	sum, over := number(a).add(uint128{lo: n})
	if over {
		return netip.Addr{}, false
	}
	return sum.addr(a.BitLen())
}

// Key returns a as 16 bytes, most significant first, IPv4 in its v4-mapped form (RFC 4291 §2.5.5.2), so that comparing
// keys byte by byte orders addresses of one family as the addresses themselves. The zero Addr has the key of "::".
//
// That is the order of SQLite's BLOB and PostgreSQL's bytea, and the length is the same for both families: one index serves
// range look-ups of either, where 4 bytes beside 16 would interleave the families.
func Key(a netip.Addr) [16]byte {
	return a.As16()
}

// FromKey is the inverse of Key: a v4-mapped key becomes an IPv4 address. A key that is not 16 bytes long is a
// *ValueError: it is read from a file, which may be damaged.
func FromKey(b []byte) (netip.Addr, error) {
	if len(b) != 16 {
		// At most twice a key, so that a blob of a megabyte is still a line.
		return netip.Addr{}, refuseAs("address key", hex.EncodeToString(b[:min(len(b), 32)]), "is %d bytes long: 16 are expected", len(b))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap(), nil
}

// uint128 holds an address of either family as a number; IPv4 uses the lowest 32 bits. Two words and not a big.Int, which
// allocates for every sum: a network of a /8 is carved and searched by thousands of them. netip has such a type and keeps
// it to itself.
type uint128 struct{ hi, lo uint64 }

func number(a netip.Addr) uint128 {
	// Not by way of As16, whose v4-mapped form would put ffff above the 32 bits: then the last IPv4 address plus 1
	// would be a number like any other, and a difference of two families would mean something.
	if a.Is4() {
		b := a.As4()
		return uint128{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// addr returns the address of the given width, 32 or 128 bits; false where u needs more bits than that. In IPv4 that is how
// an overflow shows, since a sum carries into bit 32 and not out of the number: cut off, 255.255.255.255 + 1 would be
// 0.0.0.0, and a search that goes up would begin again from below.
func (u uint128) addr(width int) (netip.Addr, bool) {
	if width == 32 {
		if u.hi != 0 || u.lo>>32 != 0 {
			return netip.Addr{}, false
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(u.lo))
		return netip.AddrFrom4(b), true
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], u.hi)
	binary.BigEndian.PutUint64(b[8:], u.lo)
	return netip.AddrFrom16(b), true
}

// add reports true where the sum needs a 129th bit. bits.Add64 is one instruction with the carry flag; a carry found by
// comparing (sum < v) is a branch, and wrong once there is a carry in, too.
func (u uint128) add(v uint128) (uint128, bool) {
	lo, carry := bits.Add64(u.lo, v.lo, 0)
	hi, carry := bits.Add64(u.hi, v.hi, carry)
	return uint128{hi, lo}, carry != 0
}

// sub needs u ≥ v: callers take the ends of a valid span, so that nobody would look at a borrow.
func (u uint128) sub(v uint128) uint128 {
	lo, borrow := bits.Sub64(u.lo, v.lo, 0)
	hi, _ := bits.Sub64(u.hi, v.hi, borrow)
	return uint128{hi, lo}
}

func (u uint128) and(v uint128) uint128    { return uint128{u.hi & v.hi, u.lo & v.lo} }
func (u uint128) andNot(v uint128) uint128 { return uint128{u.hi &^ v.hi, u.lo &^ v.lo} }
func (u uint128) or(v uint128) uint128     { return uint128{u.hi | v.hi, u.lo | v.lo} }
func (u uint128) xor(v uint128) uint128    { return uint128{u.hi ^ v.hi, u.lo ^ v.lo} }

// shl needs 0 ≤ n ≤ 128. It relies on Go's shifts, which give 0 for a count of 64 or more (in C, and on the processor, the
// count is taken modulo 64): so n = 0 moves nothing into hi, and n = 128, the step of an IPv6 /0, gives 0.
func (u uint128) shl(n int) uint128 {
	if n >= 64 {
		return uint128{hi: u.lo << (n - 64)}
	}
	return uint128{u.hi<<n | u.lo>>(64-n), u.lo << n}
}

// bitLen is the number of bits without the leading zeros, 0 for 0.
func (u uint128) bitLen() int {
	if u.hi != 0 {
		return 64 + bits.Len64(u.hi)
	}
	return bits.Len64(u.lo)
}

// lowBits returns a number whose lowest n bits are set: the host part of a prefix that is n bits short of an address.
// It needs 0 ≤ n ≤ 128. For 128 it is the shift by 64 to 0 and the 1 less that sets all bits of hi.
func lowBits(n int) uint128 {
	if n >= 64 {
		return uint128{1<<(n-64) - 1, 1<<64 - 1}
	}
	return uint128{lo: 1<<n - 1}
}
