package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// tableBatch is how many rows a table looks at to find the widths of its columns. A longer list is printed in batches
// of that many, whose columns only ever grow: memory stays bounded, and all but the oddest list looks like one table.
const tableBatch = 1000

// tableScreen is how many rows the table library lays out. It takes about 30 µs for each, and 150 for a table to begin with; the
// rows of a longer list are lined up under them, so that printing networks does not take longer than making them, and so are all
// of those tables that are printed by the thousand.
const tableScreen = 100

// gutter is between two columns.
const gutter = "  "

// tableRows prints rows in columns under their names, without lines around them. A table that is wider than the terminal leaves
// out columns; where it may not, or is too wide still, it is printed as one block of lines per row instead, since a terminal that
// breaks lines makes it unreadable.
type tableRows struct {
	w        io.Writer
	names    []string
	terminal func() int
	bare     bool

	// drop says which columns may leave (see Column.Drop), and dropped takes the names of those that have; nil keeps all.
	drop    []int
	dropped func(names []string, columns int)

	batch  [][]string
	widths []int
	kept   []int // the columns that are left where some are not
	blocks bool
}

func (t *tableRows) row(values []any) error {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = plainText(v, "-")
	}
	t.batch = append(t.batch, t.pick(texts))
	if len(t.batch) < tableBatch {
		return nil
	}
	return t.flush()
}

// end prints what is left; of an empty list the names of the columns, which tell that it was looked at.
func (t *tableRows) end() error {
	if len(t.batch) == 0 && t.widths != nil {
		return nil
	}
	return t.flush()
}

func (t *tableRows) flush() error {
	first := t.widths == nil
	if first {
		t.widths = make([]int, len(t.names))
		t.widen(t.names)
	}
	for _, row := range t.batch {
		t.widen(row)
	}
	if first {
		t.fit()
	}
	rows := t.batch
	t.batch = t.batch[:0]
	switch {
	case t.blocks && len(rows) > 0:
		return t.writeBlocks(rows, first)
	case !first:
		return t.continueRows(rows)
	}
	header := make([]string, len(t.names))
	for i, name := range t.names {
		header[i] = name + strings.Repeat(" ", t.widths[i]-twwidth.Width(name))
	}
	screen := min(len(rows), tableScreen)
	if t.bare {
		return t.continueRows(append([][]string{t.names}, rows...))
	}
	if err := writeTable(t.w, header, rows[:screen]); err != nil {
		return err
	}
	return t.continueRows(rows[screen:])
}

// continueRows lines rows up under those that the table library laid out.
func (t *tableRows) continueRows(rows [][]string) error {
	var b strings.Builder
	for _, row := range rows {
		b.Reset()
		for i, text := range row {
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", t.widths[i]-twwidth.Width(text)) + gutter)
			}
		}
		b.WriteByte('\n')
		if _, err := io.WriteString(t.w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

func (t *tableRows) widen(row []string) {
	for i, text := range row {
		t.widths[i] = max(t.widths[i], twwidth.Width(text))
	}
}

// fit decides, by the first rows, how the table is laid out: as it is, without the columns that may leave, or in blocks where
// even that would not do.
func (t *tableRows) fit() {
	columns := t.terminal()
	total := (len(t.widths) - 1) * len(gutter)
	for _, w := range t.widths {
		total += w
	}
	if columns <= 0 || total <= columns {
		return
	}
	kept := make([]int, len(t.widths))
	for i := range kept {
		kept[i] = i
	}
	for total > columns {
		next := -1
		for i, c := range kept {
			if t.drop != nil && t.drop[c] > 0 && (next < 0 || t.drop[c] >= t.drop[kept[next]]) {
				next = i
			}
		}
		if next < 0 {
			t.blocks = true
			return
		}
		total -= t.widths[kept[next]] + len(gutter)
		kept = slices.Delete(kept, next, next+1)
	}
	var gone []string
	for i, name := range t.names {
		if !slices.Contains(kept, i) {
			gone = append(gone, name)
		}
	}
	t.dropped(gone, columns)
	t.kept = kept
	t.names, t.widths = pick(t.names, kept), pick(t.widths, kept)
	for i, row := range t.batch {
		t.batch[i] = t.pick(row)
	}
}

func (t *tableRows) pick(row []string) []string {
	if t.kept == nil {
		return row
	}
	return pick(row, t.kept)
}

func pick[T any](all []T, which []int) []T {
	some := make([]T, len(which))
	for i, w := range which {
		some[i] = all[w]
	}
	return some
}

func (t *tableRows) writeBlocks(rows [][]string, first bool) error {
	for _, row := range rows {
		if !first {
			if _, err := io.WriteString(t.w, "\n"); err != nil {
				return err
			}
		}
		first = false
		if err := writeFields(t.w, t.names, row, t.bare); err != nil {
			return err
		}
	}
	return nil
}

// writeRecord prints a single object, one line per column.
func writeRecord(w io.Writer, names []string, values []any, bare bool) error {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = plainText(v, "-")
	}
	return writeFields(w, names, texts, bare)
}

func writeFields(w io.Writer, names, texts []string, bare bool) error {
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = []string{name, texts[i]}
	}
	if bare {
		t := &tableRows{w: w, widths: make([]int, 2)}
		for _, row := range rows {
			t.widen(row)
		}
		return t.continueRows(rows)
	}
	return writeTable(w, nil, rows)
}

// writeTable lays out rows of equal length, under a header where there is one. The library pads the last column too;
// those spaces are taken away again.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	cells := tw.CellConfig{
		Padding:    tw.CellPadding{Global: tw.Padding{Left: "", Right: gutter, Overwrite: true}},
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
	}
	var b bytes.Buffer
	table := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.Off},
		}),
	)
	if header != nil {
		table.Header(header)
	}
	if err := table.Bulk(rows); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
