package netcalc

import (
	"fmt"
	"iter"
	"math"
	"math/bits"
	"net/netip"
)

// SizeError says that no IPv4 network has that many addresses, and which sizes come nearest.
type SizeError struct {
	Size         uint64
	Below, Above uint64 // the next smaller and larger sizes of a network; 0 where there is none
}

func (e *SizeError) Error() string {
	switch {
	case e.Below == 0:
		return fmt.Sprintf("network size %d is not a power of two: the nearest is %d", e.Size, e.Above)
	case e.Above == 0:
		return fmt.Sprintf("network size %d is over %d, the size of the IPv4 address space", e.Size, e.Below)
	}
	return fmt.Sprintf("network size %d is not a power of two: the nearest are %d and %d", e.Size, e.Below, e.Above)
}

// SizeBits returns the prefix length of an IPv4 network of size addresses, which is a power of two from 1 to 2^32.
// Anything else is a *SizeError.
func SizeBits(size uint64) (int, error) {
	const most = 1 << 32
	switch {
	case size == 0:
		return 0, &SizeError{Size: size, Above: 1}
	case size > most:
		return 0, &SizeError{Size: size, Below: most}
	case size&(size-1) != 0:
		above := uint64(1) << bits.Len64(size)
		return 0, &SizeError{Size: size, Below: above / 2, Above: above}
	}
	return 33 - bits.Len64(size), nil
}

// CarveError says that a range does not hold as many subnets as were asked of it.
type CarveError struct {
	Range      netip.Prefix
	Bits       int // the subnets' prefix length
	Want, Have uint64
}

func (e *CarveError) Error() string {
	if e.Bits < e.Range.Bits() {
		return fmt.Sprintf("a network of /%d is larger than %s", e.Bits, e.Range)
	}
	if width := e.Range.Addr().BitLen(); e.Bits > width {
		return fmt.Sprintf("a network of /%d cannot be in %s: a prefix length is at most %d", e.Bits, e.Range, width)
	}
	unit := "networks"
	if e.Have == 1 {
		unit = "network"
	}
	return fmt.Sprintf("%s holds %d %s of /%d: %d are asked for", e.Range, e.Have, unit, e.Bits, e.Want)
}

// Slots returns how many subnets of prefix length bits fit into p: none where bits is shorter than p's own length or no
// prefix length of the family, and math.MaxUint64 where there are more.
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
func Slot(p netip.Prefix, bits int, i uint64) (netip.Prefix, bool) {
	// A saturated count stands for 2^64 subnets at least: every i is among them.
	if slots := Slots(p, bits); i >= slots && slots != math.MaxUint64 {
		return netip.Prefix{}, false
	}
	base := p.Masked().Addr()
	width := base.BitLen()
	a, ok := number(base).or(uint128{lo: i}.shl(width - bits)).addr(width)
	return netip.PrefixFrom(a, bits), ok
}

// Carve yields the first n subnets of prefix length bits in p, in address order. Where p holds fewer, it yields none and
// returns a *CarveError.
func Carve(p netip.Prefix, bits int, n uint64) (iter.Seq[netip.Prefix], error) {
	if have := Slots(p, bits); have == 0 || have < n {
		return nil, &CarveError{Range: p, Bits: bits, Want: n, Have: have}
	}
	base := p.Masked().Addr()
	width := base.BitLen()
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
