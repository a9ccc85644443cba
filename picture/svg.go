package picture

import (
	"encoding/xml"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"unicode/utf8"

	"nova-manage/netcalc"
)

// pageOrder is how many cells a page has, as a power of two: with it a /48 has a cell for each /64.
const pageOrder = 16

// ForPage is a map of a range for SVG.
func ForPage(r netip.Prefix) *Map { return newMap(r, pageOrder) }

// The page: a square of side points for an even number of host bits, twice as wide for an odd one, with a line above and the legend below.
const (
	side   = 1024.0
	margin = 16.0
	head   = 40.0
	foot   = 40.0
)

// rect is a place on the page.
type rect struct{ x, y, w, h float64 }

// place is where a block of the range is: the Hilbert curve goes through the blocks of any length one after the other.
func (m *Map) place(p netip.Prefix) rect {
	host := m.Range.Addr().BitLen() - m.Range.Bits() // bits of the range
	width := 1
	if host%2 == 1 {
		width = 2 // two squares side by side, from the end of one to the beginning of the other
	}
	order := (host - width + 1) / 2 // of each square
	depth := p.Bits() - m.Range.Bits()
	i, _ := netcalc.SlotOf(m.Range, p.Bits(), p.Addr())
	square := 0.0
	if width == 2 && depth > 0 {
		square = float64(i >> (depth - 1))
		i &= 1<<(depth-1) - 1
		depth--
	} else if width == 2 {
		return rect{0, 0, 2 * side, side}
	}
	if order == 0 || depth == 0 {
		return rect{square * side, 0, side, side}
	}
	// Of an odd depth, the block is two squares of the next one.
	level := (depth + 1) / 2
	unit := side / math.Ldexp(1, level)
	if depth%2 == 0 {
		x, y := hilbert(level, i)
		return rect{square*side + float64(x)*unit, float64(y) * unit, unit, unit}
	}
	x1, y1 := hilbert(level, 2*i)
	x2, y2 := hilbert(level, 2*i+1)
	x, y := min(x1, x2), min(y1, y2)
	return rect{square*side + float64(x)*unit, float64(y) * unit, float64(max(x1, x2)-x+1) * unit, float64(max(y1, y2)-y+1) * unit}
}

// hilbert is where place i of a curve of 4^order places is. It begins in the upper left corner and ends in the upper right one.
func hilbert(order int, i uint64) (x, y uint64) {
	for s := uint64(1); s < 1<<order; s *= 2 {
		rx := 1 & (i / 2)
		ry := 1 & (i ^ rx)
		if ry == 0 {
			if rx == 1 {
				x, y = s-1-x, s-1-y
			}
			x, y = y, x
		}
		x, y = x+s*rx, y+s*ry
		i /= 4
	}
	return x, y
}

// The colours of the page, of the palette of Okabe and Ito. What is reserved is hatched as well.
const (
	paper, ink, line                = "#ffffff", "#222222", "#9a9a9a"
	freeColour, nowhereColour       = "#eeeeee", "#555555"
	networkColour, floatingColour   = "#56b4e9", "#f0e442"
	heldColour, reservedColour      = "#d55e00", "#cc79a7"
	hatch                           = `<pattern id="reserved" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="` + reservedColour + `"/><rect width="2" height="6" fill="#5a2a4a"/></pattern>`
	labelSize, labelRatio, smallest = 11.0, 0.62, 4.0
)

// SVG draws the map as a page of its own. The map is one of ForPage.
func (m *Map) SVG() []byte {
	total := m.place(m.Range)
	width, height := total.w+2*margin, total.h+head+foot
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="DejaVu Sans, sans-serif">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<defs>%s</defs>\n<rect width=\"%g\" height=\"%g\" fill=\"%s\"/>\n", m.Range, hatch, width, height, paper)
	fmt.Fprintf(&b, `<text x="%g" y="27" font-size="18" fill="%s">%s</text>`+"\n", margin, ink, escape(m.heading()))
	fmt.Fprintf(&b, `<g transform="translate(%g %g)">`+"\n", margin, head)
	writeRect(&b, total, freeColour, 1, m.Range.String()+": free")
	m.writeCells(&b)
	m.writeParts(&b)
	m.writeTaken(&b)
	b.WriteString("</g>\n")
	fmt.Fprintf(&b, `<g transform="translate(%g %g)">`+"\n", margin, head)
	m.writeGrid(&b)
	m.writeNames(&b)
	b.WriteString("</g>\n")
	writeLegend(&b, height-foot+8)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func (m *Map) heading() string {
	return fmt.Sprintf("%s along a Hilbert curve, from the upper left to the upper right", m.Range)
}

// writeCells draws what is smaller than a cell, and where no network can be. A run of such cells is drawn as blocks.
func (m *Map) writeCells(b *strings.Builder) {
	for i, c := range m.cells {
		p := m.block(uint64(i))
		switch {
		case c.of[Nowhere] >= m.size && (i == 0 || m.cells[i-1].of[Nowhere] < m.size):
			last := i
			for last+1 < len(m.cells) && m.cells[last+1].of[Nowhere] >= m.size {
				last++
			}
			for block := range (netcalc.Span{First: p.Addr(), Last: netcalc.SpanOf(m.block(uint64(last))).Last}).Prefixes() {
				writeRect(b, m.place(block), nowhereColour, 1, block.String()+": not for networks")
			}
		case c.parts > 0:
			claimed := c.of[Network] + c.of[Floating]
			colour := networkColour
			if c.of[Floating] > c.of[Network] {
				colour = floatingColour
			}
			title := fmt.Sprintf("%s: %d networks and floating ranges", p, c.parts)
			if c.parts == 1 {
				title = fmt.Sprintf("%s: 1 network or floating range", p)
			}
			writeRect(b, m.place(p), colour, max(claimed/m.size, 0.4), title)
		}
	}
}

// writeParts draws networks and floating ranges of a cell or more, each by itself.
func (m *Map) writeParts(b *strings.Builder) {
	for _, p := range m.large {
		colour := networkColour
		if p.Kind == Floating {
			colour = floatingColour
		}
		for block := range p.Prefixes() {
			r := m.place(block)
			if min(r.w, r.h) >= smallest { // so that neighbours are two
				r = rect{r.x + 0.5, r.y + 0.5, r.w - 1, r.h - 1}
			}
			writeRect(b, r, colour, 1, p.Name)
		}
	}
}

// writeTaken draws what is held and reserved in the middle of the cells where it is, the more of it the larger.
func (m *Map) writeTaken(b *strings.Builder) {
	for i, c := range m.cells {
		for _, k := range []Kind{Reserved, Held} {
			if c.of[k] == 0 {
				continue
			}
			r := m.place(m.block(uint64(i)))
			colour := heldColour
			if k == Reserved {
				colour = "url(#reserved)"
			}
			// By area, and never too small to be seen.
			share := max(math.Sqrt(min(c.of[k]/m.size, 1)), 0.4)
			w, h := r.w*share, r.h*share
			writeRect(b, rect{r.x + (r.w-w)/2, r.y + (r.h-h)/2, w, h}, colour, 1, "")
		}
	}
}

// writeGrid draws the lines between 16 blocks, and where each of them begins.
func (m *Map) writeGrid(b *strings.Builder) {
	bits := min(m.Range.Bits()+4, m.Bits)
	for i := range netcalc.Slots(m.Range, bits) {
		p, _ := netcalc.Slot(m.Range, bits, i)
		r := m.place(p)
		fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="%s" stroke-width="1"/>`+"\n", r.x, r.y, r.w, r.h, line)
		writeText(b, r.x+4, r.y+r.h-5, labelSize, p.String())
	}
}

// writeNames names what has room for its name.
func (m *Map) writeNames(b *strings.Builder) {
	for _, part := range m.large {
		var r rect
		for block := range part.Prefixes() {
			if p := m.place(block); p.w*p.h > r.w*r.h {
				r = p
			}
		}
		cidr, _, _ := strings.Cut(part.Name, " ")
		for _, text := range []struct {
			size float64
			name string
		}{{labelSize, part.Name}, {labelSize * 0.8, part.Name}, {labelSize, cidr}, {labelSize * 0.8, cidr}} {
			if text.size*labelRatio*float64(utf8.RuneCountInString(text.name)) <= r.w-6 && text.size+6 <= r.h {
				writeText(b, r.x+4, r.y+text.size+2, text.size, text.name)
				break
			}
		}
	}
}

// writeText writes with an edge of paper, so that it can be read on any colour.
func writeText(b *strings.Builder, x, y, size float64, text string) {
	fmt.Fprintf(b, `<text x="%g" y="%g" font-size="%g" fill="%s" stroke="%s" stroke-width="2.5" paint-order="stroke">%s</text>`+"\n", x, y, size, ink, paper, escape(text))
}

func writeRect(b *strings.Builder, r rect, fill string, opacity float64, title string) {
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" fill="%s"`, r.x, r.y, r.w, r.h, fill)
	if opacity < 1 {
		fmt.Fprintf(b, ` fill-opacity="%.2f"`, opacity)
	}
	if title == "" {
		b.WriteString("/>\n")
		return
	}
	b.WriteString("><title>" + escape(title) + "</title></rect>\n")
}

func writeLegend(b *strings.Builder, y float64) {
	x := margin
	for _, l := range []struct{ colour, means string }{
		{freeColour, "free"}, {networkColour, "network"}, {floatingColour, "floating"}, {heldColour, "held"}, {"url(#reserved)", "reserved"}, {nowhereColour, "not for networks"},
	} {
		fmt.Fprintf(b, `<rect x="%g" y="%g" width="16" height="16" fill="%s" stroke="%s"/><text x="%g" y="%g" font-size="13" fill="%s">%s</text>`+"\n",
			x, y, l.colour, line, x+22, y+13, ink, l.means)
		x += 50 + 8.2*float64(len(l.means))
	}
}

// escape makes a text fit between tags. What XML cannot hold is replaced.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
