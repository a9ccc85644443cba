package netcalc

import (
	"fmt"
	"iter"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
)

// SizeError says that no IPv4 network has that many addresses, and which sizes come nearest. Nova rounded such a size down
// without a word, so that 100 addresses asked for became 64.
type SizeError struct {
	ValueError
	Size         uint64
	Below, Above uint64 // the next smaller and larger sizes of a network; 0 where there is none
}

// Unwrap makes errors.As find the ValueError.
func (e *SizeError) Unwrap() error { return &e.ValueError }

func refuseSize(size, below, above uint64) error {
	reason := fmt.Sprintf("is not a power of two: the nearest are %d and %d", below, above)
	switch {
	case below == 0:
		reason = fmt.Sprintf("is not a power of two: the nearest is %d", above)
	case above == 0:
		// A power of two or not, it is the bound that it breaks.
		reason = fmt.Sprintf("is over %d, the size of the IPv4 address space", below)
	}
	return &SizeError{*refuseAs("network size", strconv.FormatUint(size, 10), "%s", reason), size, below, above}
}

// SizeBits returns the prefix length of an IPv4 network of size addresses, which is a power of two from 1 to 2^32.
// Anything else is a *SizeError. IPv6 networks have no size to ask for: each is a /64 (RFC 4291 §2.5.1).
func SizeBits(size uint64) (int, error) {
	const most = 1 << 32
	switch {
	case size == 0:
		return 0, refuseSize(size, 0, 1)
	case size > most:
		// Before the next case, whose power of two above would not fit 64 bits for the largest sizes.
		return 0, refuseSize(size, most, 0)
	case size&(size-1) != 0: // more than one bit is set
		above := uint64(1) << bits.Len64(size)
		return 0, refuseSize(size, above/2, above)
	}
	// 2^k has k+1 digits in binary and is a network with k host bits: 32-k and 33-(k+1) are the same.
	return 33 - bits.Len64(size), nil
}

// refuseCarve is the error where p holds have subnets of prefix length bits, and more are asked for. It blames the length
// where not even one such subnet is in p, and the range where there are too few.
func refuseCarve(p netip.Prefix, bits int, want, have uint64) error {
	length := "/" + strconv.Itoa(bits)
	if bits < p.Bits() {
		return refuseAs("a network of", length, "is larger than %s", p)
	}
	if width := p.Addr().BitLen(); bits > width {
		return refuseAs("a network of", length, "cannot be in %s: a prefix length is at most %d", p, width)
	}
	unit := "networks"
	if have == 1 {
		unit = "network"
	}
	return refuse(p, "holds %d %s of %s: %d are asked for", have, unit, length, want)
}

// Slots returns how many subnets of prefix length bits fit into p: none where bits is shorter than p's own length or no
// prefix length of the family, and math.MaxUint64 where there are more.
//
// Saturated and not wrapped: 2^64 of them, the /64s of ::/0 or the addresses of a /64, would come out as 0, and the largest
// ranges would be refused as too small. No count that somebody can ask for tells the difference.
func Slots(p netip.Prefix, bits int) uint64 {
	if !p.IsValid() || bits < p.Bits() || bits > p.Addr().BitLen() {
		return 0
	}
	if bits-p.Bits() >= 64 {
		return math.MaxUint64
	}
	return 1 << (bits - p.Bits())
}

// Slot returns the i-th subnet of prefix length bits in p, counted from 0. It reports false where p has no such subnet.
// Host bits of p do not count: the 0-th subnet begins at its network's base address. It costs the same for every i, which
// is why the n-th network of a range can be named without the ones before it.
func Slot(p netip.Prefix, bits int, i uint64) (netip.Prefix, bool) {
	// A saturated count stands for 2^64 subnets at least: every i is among them.
	if slots := Slots(p, bits); i >= slots && slots != math.MaxUint64 {
		return netip.Prefix{}, false
	}
	base := p.Masked().Addr()
	width := base.BitLen()
	// Or does here what a sum would: i has no bit that reaches into the prefix, since it is below the number of slots, and
	// the base has none below it.
	a, ok := number(base).or(uint128{lo: i}.shl(width - bits)).addr(width)
	return netip.PrefixFrom(a, bits), ok
}

// Carve yields the first n subnets of prefix length bits in p, in address order, as Nova numbered its networks: network i
// begins i sizes above the base address. Where p holds fewer, it yields none and returns a *ValueError: half of what was
// asked for is what Nova left behind when it failed on the way.
//
// They are yielded and not returned as a slice because n is somebody's argument: fd00::/8 holds more /128s than memory.
func Carve(p netip.Prefix, bits int, n uint64) (iter.Seq[netip.Prefix], error) {
	// A length that p has no subnet of is an error for n = 0 too: it can never be right.
	if have := Slots(p, bits); have == 0 || have < n {
		return nil, refuseCarve(p, bits, n, have)
	}
	base := p.Masked().Addr()
	width := base.BitLen()
	// One addition for each subnet, where Slot would check and shift again. For a /0 in IPv6 the step is 2^128, which
	// shifts out to 0: there is only one of these, so that nobody takes the step.
	step := uint128{lo: 1}.shl(width - bits)
	return func(yield func(netip.Prefix) bool) {
		at := number(base)
		for range n {
			a, _ := at.addr(width)
			if !yield(netip.PrefixFrom(a, bits)) {
				return
			}
			// Only the step after the last subnet of the address space overflows, and nobody sees it.
			at, _ = at.add(step)
		}
	}, nil
}

// SlotOf is the inverse of Slot: which subnet of prefix length bits in p holds a. It reports false where none does, or its number needs
// more than 64 bits.
func SlotOf(p netip.Prefix, bits int, a netip.Addr) (uint64, bool) {
	if Slots(p, bits) == 0 || !p.Contains(a) {
		return 0, false
	}
	offset := number(a).sub(number(p.Masked().Addr()))
	shift := a.BitLen() - bits
	// Go's shifts give 0 for a count of 64 or more.
	i := uint128{hi: offset.hi >> shift, lo: offset.lo >> shift}
	if shift < 64 {
		i.lo |= offset.hi << (64 - shift)
	} else {
		i.lo = offset.hi >> (shift - 64)
	}
	return i.lo, i.hi == 0
}
