package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scene is one command and what it prints.
type scene struct {
	command string
	output  []string
}

// How long things take, in seconds, and how large they are, in pixels.
const (
	perKey  = 0.04 // a key is pressed
	thought = 0.6  // before a command is typed
	reading = 1.2  // after it has printed
	atEnd   = 8.0  // before it all begins again

	columns    = 112
	cell       = 7.8
	lineHeight = 17
	margin     = 14
)

// cast draws scenes as a terminal on which they are played, again and again: an SVG that moves by its style alone, as pages
// show it that let no script run. Who wants no motion, and a program that knows none, sees the end of it.
func cast(scenes []scene) []byte {
	type row struct {
		text         string
		typed        bool
		begin, until float64 // it is typed from begin until then; else it is there from begin on
	}
	var rows []row
	now := 0.0
	for _, s := range scenes {
		now += thought
		begin := now
		now += perKey * float64(utf8.RuneCountInString(s.command))
		rows = append(rows, row{"$ " + s.command, true, begin, now})
		now += perKey
		for _, line := range s.output {
			rows = append(rows, row{line, false, now, now})
		}
		now += reading
	}
	length := now + atEnd
	percent := func(at float64) float64 { return 100 * at / length }

	width, height := 2*margin+columns*cell, 2*margin+lineHeight*len(rows)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="13">`+"\n", width, height)
	b.WriteString("<title>The first minute with nova-manage</title>\n<style>\n")
	b.WriteString("text{fill:#d8dee9;white-space:pre}.c{fill:#8fd18f}.e{fill:#f2b36d}\n@media(prefers-reduced-motion:no-preference){\n")
	for i, r := range rows {
		if r.typed {
			fmt.Fprintf(&b, "@keyframes r%d{0%%,%.3f%%{clip-path:inset(0 100%% 0 0);animation-timing-function:steps(%d,end)}%.3f%%,100%%{clip-path:inset(0 0 0 0)}}\n",
				i, percent(r.begin), utf8.RuneCountInString(r.text), percent(r.until))
		} else {
			fmt.Fprintf(&b, "@keyframes r%d{0%%,%.3f%%{opacity:0}%.3f%%,100%%{opacity:1}}\n", i, percent(r.begin), percent(r.begin)+0.001)
		}
		fmt.Fprintf(&b, ".r%d{animation:r%d %.2fs linear infinite}\n", i, i, length)
	}
	b.WriteString("}\n</style>\n")
	fmt.Fprintf(&b, `<rect width="%.0f" height="%d" rx="8" fill="#1f2430"/>`+"\n", width, height)
	for i, r := range rows {
		if r.text == "" {
			continue
		}
		class := fmt.Sprintf("r%d", i)
		switch {
		case r.typed:
			class += " c"
		case strings.HasPrefix(r.text, "nova-manage: "):
			class += " e"
		}
		// The length is given because a viewer's own font may be wider than a cell.
		fmt.Fprintf(&b, `<text class="%s" xml:space="preserve" x="%d" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs">`,
			class, margin, margin+lineHeight*i+12, cell*float64(utf8.RuneCountInString(r.text)))
		_ = xml.EscapeText(&b, []byte(r.text)) // a bytes.Buffer takes everything
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
