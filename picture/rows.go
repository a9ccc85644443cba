package picture

import (
	"fmt"
	"net/netip"

	"nova-manage/netcalc"
)

// Colours are how many colours a terminal has.
type Colours int

// What terminals have.
const (
	Plain Colours = iota
	Basic         // the eight of ECMA-48
	Many          // 256, as xterm numbers them
)

// mark is how a cell is drawn. The sign alone tells what it is, with any colours and to any eyes: these are of the palette of Okabe and
// Ito, in which nothing depends on red and green.
type mark struct {
	sign  byte
	means string
	codes [Many + 1]string // of ECMA-48's SGR
}

var (
	free     = mark{'.', "free", [...]string{Basic: "90", Many: "38;5;240"}}
	some     = mark{'o', "some of it networks", [...]string{Basic: "36", Many: "48;5;24;38;5;153"}}
	network  = mark{'O', "networks", [...]string{Basic: "30;46", Many: "48;5;74;38;5;16"}}
	someHeld = mark{'+', "some of that held", [...]string{Basic: "33", Many: "48;5;130;38;5;230"}}
	held     = mark{'#', "half of it or more held", [...]string{Basic: "30;43", Many: "48;5;214;38;5;16"}}
	reserved = mark{'r', "reserved", [...]string{Basic: "37;45", Many: "48;5;175;38;5;16"}}
	floating = mark{'f', "floating", [...]string{Basic: "30;47", Many: "48;5;230;38;5;16"}}
	nowhere  = mark{'x', "not for networks", [...]string{Basic: "90", Many: "48;5;234;38;5;244"}}
)

// mark is how a cell is drawn: by what most of what is claimed in it is, and so that nothing in it goes unseen.
func (m *Map) mark(c cell) mark {
	claimed := c.of[Network] + c.of[Floating]
	switch {
	case claimed == 0 && c.of[Nowhere] >= m.size/2:
		return nowhere
	case claimed == 0:
		return free
	case c.of[Reserved] >= claimed/2:
		return reserved
	case c.of[Held] >= claimed/2:
		return held
	case c.of[Held] > 0:
		return someHeld
	case c.of[Floating] > c.of[Network]:
		return floating
	case claimed < m.size/2:
		return some
	}
	return network
}

// ForRows is a map of a range for Rows in so many columns and lines.
func ForRows(r netip.Prefix, columns, lines int) *Map {
	rows := min(log2(max(lines-around, 1)), r.Addr().BitLen()-r.Bits())
	label := 0
	for i := range uint64(1) << rows {
		p, _ := netcalc.Slot(r, r.Bits()+rows, i)
		label = max(label, len(p.Addr().String())+1)
	}
	perRow := log2(max(columns-label, 1))
	m := newMap(r, rows+perRow)
	m.perRow, m.label = min(1<<perRow, len(m.cells)), label
	return m
}

// around is how many lines stand above and below the rows, and are left to the shell's prompt.
const around = 7

func log2(n int) (order int) {
	for 2<<order <= n {
		order++
	}
	return order
}

// Rows draws the map as rows of cells with the first address of each before it, and what the signs mean below. The map is one of ForRows.
func (m *Map) Rows(colours Colours) []byte {
	what := fmt.Sprintf("each sign is a /%d", m.Bits)
	if m.Bits == m.Range.Addr().BitLen() {
		what = "each sign is an address"
	}
	b := fmt.Appendf(nil, "%s: %s\n\n", m.Range, what)
	for at := 0; at < len(m.cells); at += m.perRow {
		b = fmt.Appendf(b, "%-*s", m.label, m.block(uint64(at)).Addr())
		before := ""
		for _, c := range m.cells[at : at+m.perRow] {
			mark := m.mark(c)
			if code := mark.codes[colours]; code != before {
				b = appendCode(b, code)
				before = code
			}
			b = append(b, mark.sign)
		}
		if before != "" {
			b = appendCode(b, "")
		}
		b = append(b, '\n')
	}
	return append(b, m.legend(colours)...)
}

// appendCode changes colours; "" goes back to the usual ones.
func appendCode(b []byte, code string) []byte {
	if code != "" {
		code = "0;" + code
	}
	return append(b, "\x1b["+code+"m"...)
}

func (m *Map) legend(colours Colours) []byte {
	b := []byte{'\n'}
	for i, mark := range []mark{free, some, network, someHeld, held, reserved, floating, nowhere} {
		sign := string(mark.sign)
		if code := mark.codes[colours]; code != "" {
			sign = "\x1b[" + code + "m" + sign + "\x1b[m"
		}
		b = append(b, sign+" "+mark.means...)
		if i == 3 || i == 7 {
			b = append(b, '\n')
		} else {
			b = append(b, "   "...)
		}
	}
	return b
}
