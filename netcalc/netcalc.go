// Package netcalc does address arithmetic: it parses ranges as operators type them, carves them into networks, and maps
// MAC addresses to EUI-64 interface identifiers and back. It does no I/O, reads no clock, and leaves what is taken and
// by whom to its callers.
package netcalc

import (
	"encoding/binary"
	"fmt"
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
func Key(a netip.Addr) [16]byte {
	return a.As16()
}

// FromKey is the inverse of Key: a v4-mapped key becomes an IPv4 address. A key that is not 16 bytes long is an error.
func FromKey(b []byte) (netip.Addr, error) {
	if len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("address key %x is %d bytes long: 16 are expected", b[:min(len(b), 32)], len(b))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap(), nil
}

// uint128 holds an address of either family as a number; IPv4 uses the lowest 32 bits.
type uint128 struct{ hi, lo uint64 }

func number(a netip.Addr) uint128 {
	if a.Is4() {
		b := a.As4()
		return uint128{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// addr returns the address of the given width, 32 or 128 bits; false where u needs more bits than that.
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

// add reports true where the sum needs a 129th bit.
func (u uint128) add(v uint128) (uint128, bool) {
	lo, carry := bits.Add64(u.lo, v.lo, 0)
	hi, carry := bits.Add64(u.hi, v.hi, carry)
	return uint128{hi, lo}, carry != 0
}

// sub needs u ≥ v.
func (u uint128) sub(v uint128) uint128 {
	lo, borrow := bits.Sub64(u.lo, v.lo, 0)
	hi, _ := bits.Sub64(u.hi, v.hi, borrow)
	return uint128{hi, lo}
}

func (u uint128) and(v uint128) uint128    { return uint128{u.hi & v.hi, u.lo & v.lo} }
func (u uint128) andNot(v uint128) uint128 { return uint128{u.hi &^ v.hi, u.lo &^ v.lo} }
func (u uint128) or(v uint128) uint128     { return uint128{u.hi | v.hi, u.lo | v.lo} }
func (u uint128) xor(v uint128) uint128    { return uint128{u.hi ^ v.hi, u.lo ^ v.lo} }

// shl needs 0 ≤ n ≤ 128. It relies on Go's shifts, which give 0 for a count of 64 or more.
func (u uint128) shl(n int) uint128 {
	if n >= 64 {
		return uint128{hi: u.lo << (n - 64)}
	}
	return uint128{u.hi<<n | u.lo>>(64-n), u.lo << n}
}

func (u uint128) bitLen() int {
	if u.hi != 0 {
		return 64 + bits.Len64(u.hi)
	}
	return bits.Len64(u.lo)
}

// lowBits returns a number whose lowest n bits are set: the host part of a prefix that is n bits short of an address.
func lowBits(n int) uint128 {
	if n >= 64 {
		return uint128{1<<(n-64) - 1, 1<<64 - 1}
	}
	return uint128{lo: 1<<n - 1}
}
