// Package picture draws a range of addresses: as rows of blocks for a terminal, and as an SVG in which the range is a square along a
// Hilbert curve, so that every CIDR block is a square or two of them. Values go in and text comes out; what is in the ledger, and where
// the text goes, is left to its callers.
package picture

import (
	"math"
	"math/big"
	"net/netip"

	"nova-manage/netcalc"
)

// Kind is what a part of the range is.
type Kind int

// The kinds. Networks and floating ranges are there first; what is held or reserved lies in them.
const (
	Network Kind = iota
	Floating
	Held
	Reserved
	Nowhere // no network can be there
	kinds
)

// Part is a part of the range.
type Part struct {
	netcalc.Span
	Kind Kind
	Name string // of a network or a floating range
}

// Map is a range in cells of equal size, each a CIDR block, and what there is in each.
type Map struct {
	Range netip.Prefix
	Bits  int // the prefix length of a cell
	cells []cell
	size  float64 // of a cell
	large []Part  // networks and floating ranges of a cell or more

	perRow, label int // of rows: cells in each, and the width of what stands before them
}

// cell is how many addresses of each kind there are. Of IPv6 they are too many to be counted to the last one, and it does not matter.
type cell struct {
	of    [kinds]float64
	parts int // networks and floating ranges that are smaller than it
}

// newMap is a map of a range in at most 2^order cells.
func newMap(r netip.Prefix, order int) *Map {
	r = r.Masked()
	m := &Map{Range: r, Bits: min(r.Bits()+order, r.Addr().BitLen())}
	m.cells = make([]cell, 1<<(m.Bits-r.Bits()))
	m.size = math.Ldexp(1, r.Addr().BitLen()-m.Bits)
	all := netcalc.SpanOf(r)
	for _, s := range all.Subtract(netcalc.Servable(all)) {
		m.Add(Part{Span: s, Kind: Nowhere})
	}
	return m
}

// Add puts a part into the map, as far as it lies in the range.
func (m *Map) Add(p Part) {
	var ok bool
	if p.Span, ok = p.Intersect(netcalc.SpanOf(m.Range)); !ok {
		return
	}
	from, _ := netcalc.SlotOf(m.Range, m.Bits, p.First)
	to, _ := netcalc.SlotOf(m.Range, m.Bits, p.Last)
	for i := from; i <= to; i++ {
		c := netcalc.SpanOf(m.block(i))
		n := m.size
		if !p.Covers(c) {
			part, _ := p.Intersect(c)
			n = size(part)
		}
		m.cells[i].of[p.Kind] += n
		if p.Kind <= Floating && from == to && n < m.size {
			m.cells[i].parts++
		}
	}
	if p.Kind <= Floating && p.Covers(netcalc.SpanOf(m.block(from))) {
		m.large = append(m.large, p)
	}
}

// block is the CIDR block of a cell.
func (m *Map) block(i uint64) netip.Prefix {
	p, _ := netcalc.Slot(m.Range, m.Bits, i)
	return p
}

func size(s netcalc.Span) float64 {
	f, _ := new(big.Float).SetInt(s.Size()).Float64()
	return f
}
