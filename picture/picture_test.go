package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"nova-manage/netcalc"
)

func span(t *testing.T, s string) netcalc.Span {
	t.Helper()
	parsed, err := netcalc.ParseSpan(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// The curve goes through every place once, and from each to one beside it.
func TestHilbert(t *testing.T) {
	for order := range 7 {
		seen := map[[2]uint64]bool{}
		var lastX, lastY uint64
		for i := range uint64(1) << (2 * order) {
			x, y := hilbert(order, i)
			if x >= 1<<order || y >= 1<<order || seen[[2]uint64{x, y}] {
				t.Fatalf("order %d, place %d: %d, %d", order, i, x, y)
			}
			seen[[2]uint64{x, y}] = true
			if i > 0 && math.Abs(float64(x)-float64(lastX))+math.Abs(float64(y)-float64(lastY)) != 1 {
				t.Fatalf("order %d: place %d is not beside the one before it", order, i)
			}
			lastX, lastY = x, y
		}
		if lastX != 1<<order-1 || lastY != 0 && order > 0 {
			t.Errorf("order %d ends at %d, %d", order, lastX, lastY)
		}
	}
}

// A block is drawn where its addresses are, and as large as they are.
func TestMap_place(t *testing.T) {
	for _, r := range []string{"10.0.1.0/24", "10.0.1.0/25", "10.0.1.0/26", "10.0.1.8/31", "10.0.1.8/32", "fd00::/120", "fd00::80/121", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120"} {
		m := ForPage(netip.MustParsePrefix(r))
		total := m.place(m.Range)
		for bits := m.Range.Bits(); bits <= m.Range.Addr().BitLen(); bits++ {
			for i := range netcalc.Slots(m.Range, bits) {
				p, _ := netcalc.Slot(m.Range, bits, i)
				at := m.place(p)
				if area := at.w * at.h * math.Ldexp(1, bits-m.Range.Bits()); math.Abs(area-total.w*total.h) > 0.01 {
					t.Fatalf("%s in %s: %v", p, r, at)
				}
				s := netcalc.SpanOf(p)
				for a := s.First; ; a = a.Next() {
					one := m.place(netip.PrefixFrom(a, a.BitLen()))
					if one.x < at.x || one.y < at.y || one.x+one.w > at.x+at.w || one.y+one.h > at.y+at.h {
						t.Fatalf("%s in %s: %s is at %v, outside of %v", p, r, a, one, at)
					}
					if a == s.Last {
						break
					}
				}
			}
		}
	}
}

// What is in a cell is how many addresses of the parts are in its block.
func TestMap_Add(t *testing.T) {
	r := netip.MustParsePrefix("10.0.1.0/24")
	parts := []Part{{Span: span(t, "10.0.0.0/23"), Kind: Network}, {Span: span(t, "10.0.1.7-10.0.1.40"), Kind: Held},
		{Span: span(t, "10.0.1.255-10.0.2.3"), Kind: Held}, {Span: span(t, "10.0.2.0/24"), Kind: Held}, {Span: span(t, "10.0.1.64"), Kind: Reserved},
		{Span: span(t, "fd00::/64"), Kind: Network}}
	for order := range 10 {
		m := newMap(r, order)
		for _, p := range parts {
			m.Add(p)
		}
		for i, c := range m.cells {
			block := netcalc.SpanOf(m.block(uint64(i)))
			var want [kinds]float64
			for a := block.First; ; a = a.Next() {
				for _, p := range parts {
					if p.Contains(a) {
						want[p.Kind]++
					}
				}
				if a == block.Last {
					break
				}
			}
			if c.of != want {
				t.Fatalf("order %d, %s: %v, want %v", order, block, c.of, want)
			}
		}
	}
	m := newMap(netip.MustParsePrefix("0.0.0.0/0"), 8)
	if m.mark(m.cells[127]) != nowhere || m.mark(m.cells[128]) != free || m.mark(m.cells[230]) != nowhere {
		t.Error("networks can be anywhere")
	}
}

func sample(t *testing.T, m *Map) *Map {
	for i := range 40 {
		m.Add(Part{Span: span(t, fmt.Sprintf("10.0.%d.0/24", i)), Kind: Network, Name: fmt.Sprintf("10.0.%d.0/24 <web> & \"x\"\x1b", i)})
	}
	m.Add(Part{Span: span(t, "10.128.0.0/10"), Kind: Network, Name: "10.128.0.0/10 lab"})
	m.Add(Part{Span: span(t, "10.200.0.0/14"), Kind: Floating, Name: "10.200.0.0/14 nova"})
	m.Add(Part{Span: span(t, "10.130.0.0/16"), Kind: Reserved})
	m.Add(Part{Span: span(t, "10.0.0.3-10.0.0.9"), Kind: Held})
	m.Add(Part{Span: span(t, "10.140.0.0-10.141.255.255"), Kind: Held})
	return m
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Rows fit onto the screen, and say the same with colours and without.
func TestMap_Rows(t *testing.T) {
	for _, r := range []string{"10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/27", "10.0.0.3/32", "0.0.0.0/0", "fd00:1::/48", "2001:db8:aaaa:bbbb::/64", "::/0"} {
		for _, screen := range [][2]int{{80, 24}, {132, 50}, {40, 12}, {10, 3}, {1, 1}} {
			m := sample(t, ForRows(netip.MustParsePrefix(r), screen[0], screen[1]))
			plain := string(m.Rows(Plain))
			for _, colours := range []Colours{Basic, Many} {
				if got := colour.ReplaceAllString(string(m.Rows(colours)), ""); got != plain {
					t.Errorf("%s with %d colours:\n%s\nwant\n%s", r, colours, got, plain)
				}
			}
			if strings.Contains(plain, "\x1b") {
				t.Errorf("%s has colours", r)
			}
			if screen[0] < 80 {
				continue
			}
			lines := strings.Split(plain, "\n")
			if len(lines) > screen[1] {
				t.Errorf("%s has %d lines", r, len(lines))
			}
			for _, l := range lines {
				if len(l) > screen[0] {
					t.Errorf("%s: %d columns: %s", r, len(l), l)
				}
			}
		}
	}
	m := sample(t, ForRows(netip.MustParsePrefix("10.0.0.0/8"), 80, 24))
	lines := strings.Split(string(m.Rows(Plain)), "\n")
	for i, want := range map[int]string{
		0: "10.0.0.0/8: each sign is a /18", 2: "10.0.0.0   +" + strings.Repeat(".", 63),
		10: "10.128.0.0 OOOOOOOOrrrr" + strings.Repeat("O", 36) + "########" + strings.Repeat("O", 8),
		14: "10.192.0.0 " + strings.Repeat(".", 32) + strings.Repeat("f", 16) + strings.Repeat(".", 16),
	} {
		if lines[i] != want {
			t.Errorf("line %d\n got %s\nwant %s", i, lines[i], want)
		}
	}
}

// A page is XML whatever networks are called, and says their names.
func TestMap_SVG(t *testing.T) {
	for _, r := range []string{"10.0.0.0/8", "10.0.0.0/19", "10.0.0.0/32", "0.0.0.0/0", "::/0", "fd00:1::/48", "fd00::/127"} {
		page := sample(t, ForPage(netip.MustParsePrefix(r))).SVG()
		for d := xml.NewDecoder(bytes.NewReader(page)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", r, err)
			}
		}
		if bytes.Contains(page, []byte("NaN")) || bytes.Contains(page, []byte("Inf")) || bytes.Contains(page, []byte("<web>")) {
			t.Errorf("%s: %s", r, page)
		}
		if r == "10.0.0.0/8" {
			for _, want := range []string{"<title>10.0.39.0/24 &lt;web&gt;", ">10.128.0.0/10 lab</text>", "url(#reserved)", ">10.240.0.0/12</text>"} {
				if !bytes.Contains(page, []byte(want)) {
					t.Errorf("%s is not on the page", want)
				}
			}
		}
	}
	// What is smaller than a cell is drawn with it, so that a page has a bound.
	m := ForPage(netip.MustParsePrefix("10.0.0.0/8"))
	for a := netip.MustParseAddr("10.0.0.0"); a.Less(netip.MustParseAddr("10.0.1.0")); a = a.Next() {
		m.Add(Part{Span: netcalc.Span{First: a, Last: a}, Kind: Network, Name: "x"})
	}
	if page := m.SVG(); !bytes.Contains(page, []byte("10.0.0.0/24: 256 networks and floating ranges")) || len(page) > 20000 {
		t.Errorf("%d bytes", len(page))
	}
}
