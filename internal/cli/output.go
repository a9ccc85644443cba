package cli

import (
	"fmt"
	"io"
	"iter"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Column is one column of an answer, in every output format: its name is the table's header and the JSON key.
//
// Value returns what stands in it: nil for absent, a bool, any integer, a *big.Int (see number), a string, a []string, a time.Time (printed in
// RFC 3339, UTC; the zero time is absent), a pointer to one of these (nil is absent), a netip.Addr or netip.Prefix (the
// zero one is absent), or anything else that has a String method.
type Column[T any] struct {
	Name  string
	Value func(T) any
	// By is what rows are sorted and filtered by in this column, where that is not Value.
	By func(T) any
	// Read makes of the text of a condition what By has, or Value; nil goes by the type of what these have in the zero row.
	Read func(string) (any, error)
	// Long keeps the column out of tables and out of -f value unless --long or -c asks for it. JSON, YAML and CSV
	// always have all columns, so that a program sees the same whatever a reader likes to see.
	Long bool
	// Asked leaves the column out of every format unless -c asks for it: one that takes long to find out.
	Asked bool
	// Place orders the columns of the default table where that is not the order of the others: lowest first.
	Place int
	// Drop is how soon the column leaves a table that is too wide for the terminal: highest first, and of equals the last. One
	// with 0 never does: without it a row would not tell what it is about.
	Drop int
	// Colour is the colour of the value in a table on a terminal; nil is none.
	Colour func(T) Colour
}

// Field is what the framework needs to know of a column before there is a row.
type Field struct {
	name string
	long bool
	// read makes of the text of a condition what the column is compared by.
	read func(string) (any, error)
}

// Fields is what a command declares of its columns.
func Fields[T any](cols []Column[T]) []Field {
	fields := make([]Field, len(cols))
	for i, c := range cols {
		fields[i] = Field{name: c.Name, long: c.Long, read: c.Read}
		if c.Read == nil {
			fields[i].read = func(text string) (any, error) {
				var none T
				return kindOf(c.compared()(none)).read(text)
			}
		}
	}
	return fields
}

// AllShown are the same columns with none left out of a table.
func AllShown[T any](columns []Column[T]) []Column[T] {
	shown := make([]Column[T], len(columns))
	for i, c := range columns {
		c.Long, c.Place = false, 0 // what has to be asked for has to be so still
		shown[i] = c
	}
	return shown
}

// view is how the user wants to see the answer.
type view struct {
	format  string
	given   bool     // the format is what somebody has asked for
	columns []string // in order; nil is the format's usual choice
	long    bool
	hasLong bool // --long is there to be given
	color   string
	width   func() int // of the terminal, 0 for none
	height  func() int // of it, likewise
	prefix  string     // of a shell's variables
	list    bool       // the answer is a list, of which may be wanted:
	wanted  Wanted
	bare    bool // tables are laid out without the table library, see tableScreen
}

// newView checks what the global flags ask of a command's answer.
func newView(c *Command, g *globals, sys *Sys) (view, error) {
	v := view{format: g.Format, given: g.formatFrom.IsSet(), long: c.wide, color: g.Color, width: sys.TerminalWidth, height: sys.TerminalHeight,
		prefix: g.Prefix, list: c.List, wanted: c.wanted}
	if g.Prefix != "" && g.Format != "shell" {
		return v, UsageErrorf("--prefix %s is of -f shell", Quote(g.Prefix))
	}
	if c.Answers {
		if g.columnsFrom.OnCommandLine() {
			return v, UsageErrorf("%s prints the answers of other commands, so --column does not apply", c.path())
		}
		if v.format == "shell" {
			return v, UsageErrorf("%s prints the answers of other commands, so -f shell does not apply%s", c.path(), g.formatFrom)
		}
		return v, nil
	}
	if len(c.Columns) == 0 {
		if g.formatFrom.OnCommandLine() || g.columnsFrom.OnCommandLine() {
			return v, UsageErrorf("%s prints no columns, so --format and --column do not apply", c.path())
		}
		return v, nil
	}
	for _, f := range c.Columns {
		v.hasLong = v.hasLong || f.long
	}
	for _, name := range slices.Concat(g.Columns...) {
		f, err := c.field(name, g.columnsFrom)
		if err != nil {
			return v, err
		}
		if !slices.Contains(v.columns, f.name) {
			v.columns = append(v.columns, f.name)
		}
	}
	return v, v.wanted.resolve(c)
}

// longFlag is given to every command with columns that a table leaves out.
func longFlag(into *bool) *Flag { return Boolean(into, "long", "print all columns") }

// chosen are the columns to print, in order.
func chosen[T any](v view, cols []Column[T]) []Column[T] {
	var out []Column[T]
	for _, name := range v.columns {
		i := slices.IndexFunc(cols, func(c Column[T]) bool { return c.Name == name })
		out = append(out, cols[i])
	}
	if v.columns != nil {
		return out
	}
	all := v.long || v.format != "table" && v.format != "value"
	for _, c := range cols {
		if !c.Asked && (all || !c.Long) {
			out = append(out, c)
		}
	}
	if all {
		return out
	}
	slices.SortStableFunc(out, func(a, b Column[T]) int { return a.Place - b.Place })
	return out
}

// rowWriter prints the rows of a list, one at a time.
type rowWriter interface {
	row(values []any) error
	// end finishes an answer that is complete; an incomplete one is left as it is.
	end() error
}

// PrintList prints a list in the chosen format, as far as it is wanted. Rows are printed as they come, in constant memory, and sorted
// ones in bounded memory; where rows ends with an error, what was printed before it stays, incomplete (JSON without its closing
// bracket), and the exit code tells.
func PrintList[T any](e *Env, cols []Column[T], rows iter.Seq2[T, error]) error {
	shown := chosen(e.view, cols)
	rows = Filtered(e, cols, rows)
	if w := *e.Wanted(); len(w.Order) > 0 {
		return printRows(e, shown, sorted(e, w, cols, shown, rows))
	}
	rows = Limited(e, rows)
	return printRows(e, shown, func(yield func([]any, error) bool) {
		for r, err := range rows {
			var values []any
			if err == nil {
				values = tableValues(e, shown, r)
			}
			if !yield(values, err) {
				return
			}
		}
	})
}

// printRows prints rows of values of these columns.
func printRows[T any](e *Env, cols []Column[T], rows iter.Seq2[[]any, error]) error {
	w := newRowWriter(paintedView(e, cols), e.Stdout, namesOf(cols))
	if t, ok := w.(*tableRows); ok && e.view.columns == nil && !e.view.long {
		for _, c := range cols {
			t.drop = append(t.drop, c.Drop)
		}
		t.dropped = e.noRoom
	}
	// Where the rows themselves run over the screen, a bar would only tear them.
	watched := e.view.width() == 0
	e.progress.clear()
	n := int64(0)
	for values, err := range rows {
		if err != nil {
			return err
		}
		if n++; watched && n%1000 == 0 {
			e.progress.report("printing", n, -1)
		}
		if err := w.row(values); err != nil {
			return err
		}
	}
	return w.end()
}

// PrintSlice is PrintList for rows that are all there.
func PrintSlice[T any](e *Env, cols []Column[T], rows []T) error {
	return PrintList(e, cols, func(yield func(T, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	})
}

// PrintMade prints what a command has made, all things of one kind. Where that is a table on a terminal with fewer lines
// than things, they would run over the screen before anybody has read them: the first and the last tell what was made, and
// rest says where they all are, as it reads on after their number.
func PrintMade[T any](e *Env, cols []Column[T], rows []T, rest string) error {
	n := len(rows)
	if e.view.format != "table" || n <= 2 || n <= e.view.height() || e.view.height() == 0 {
		return PrintSlice(e, cols, rows)
	}
	if err := PrintSlice(e, cols, []T{rows[0], rows[n-1]}); err != nil {
		return err
	}
	e.Notef("the first and the last of %d %s", n, rest)
	return nil
}

// PrintOne prints a single object: in JSON and YAML the object itself, in a table and in -f value one line per column.
func PrintOne[T any](e *Env, cols []Column[T], row T) error {
	cols = chosen(e.view, cols)
	names, values := namesOf(cols), tableValues(e, cols, row)
	switch e.view.format {
	case "json":
		return writeJSONObject(e.Stdout, names, values)
	case "yaml":
		_, err := e.Stdout.Write(appendYAML(nil, names, values, ""))
		return err
	case "csv":
		w := newRowWriter(e.view, e.Stdout, names)
		if err := w.row(values); err != nil {
			return err
		}
		return w.end()
	case "value":
		return writeValues(e.Stdout, values)
	case "shell":
		return writeShell(e.Stdout, names, values, e.view.prefix)
	}
	return writeRecord(e.Stdout, names, values, paintedView(e, cols).bare)
}

func newRowWriter(v view, w io.Writer, names []string) rowWriter {
	switch v.format {
	case "json":
		return &jsonRows{w: w, names: names}
	case "yaml":
		return &yamlRows{w: w, names: names}
	case "csv":
		return newCSVRows(w, names)
	case "value":
		return &valueRows{w}
	case "shell":
		return &shellRow{w: w, names: names, prefix: v.prefix, list: v.list}
	}
	return &tableRows{w: w, names: names, terminal: v.width, bare: v.bare}
}

func namesOf[T any](cols []Column[T]) []string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	return names
}

func valuesOf[T any](cols []Column[T], row T) []any {
	values := make([]any, len(cols))
	for i, c := range cols {
		values[i] = plain(c.Value(row))
	}
	return values
}

// OrNull is v, or absent where v is the zero value of its type. Then it is a nil pointer, which still says what is absent.
func OrNull[V comparable](v V) any {
	var zero V
	if v == zero {
		return (*V)(nil)
	}
	return v
}

// plain brings a column's value to nil, a bool, an integer, a string or a []string.
func plain(v any) any {
	if n, ok := v.(*big.Int); ok {
		return number(n)
	}
	rv := reflect.ValueOf(v)
	if (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Slice) && rv.IsNil() {
		return nil
	}
	if rv.Kind() == reflect.Pointer {
		return plain(rv.Elem().Interface())
	}
	switch v := v.(type) {
	case nil, bool, string, []string, Object:
		return v
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return v.UTC().Format(time.RFC3339)
	case interface{ IsValid() bool }:
		if !v.IsValid() {
			return nil
		}
	}
	switch s, ok := v.(fmt.Stringer); {
	case ok:
		return s.String()
	case rv.CanInt():
		return rv.Int()
	case rv.CanUint():
		return rv.Uint()
	}
	return fmt.Sprint(v)
}

// exact is the largest number up to which a reader of JSON that has doubles only, as JavaScript and jq do, tells each from the next.
const exact = 1<<53 - 1

// number is a count that may be one of IPv6 addresses. Beyond exact it is a text of its digits, as RFC 7493 §2.2 recommends: as a
// number 2^64 would be 18446744073709552000 to some readers, and to others an error.
func number(n *big.Int) any {
	switch {
	case n == nil:
		return nil
	case n.IsInt64() && -exact <= n.Int64() && n.Int64() <= exact:
		return n.Int64()
	}
	return n.String()
}

// plainText is a value for a reader: lists joined, control characters escaped, absent the text given for it.
func plainText(v any, absent string) string {
	var s string
	switch v := v.(type) {
	case nil:
	case painted:
		if s := plainText(v.value, ""); s != "" {
			return v.colour.Paint(s)
		}
	case string:
		s = v
	case []string:
		s = strings.Join(v, ",")
	default:
		s = fmt.Sprint(v)
	}
	if s == "" {
		return absent
	}
	return escapeControl(s)
}

// PrintReading prints a list that people rather read as a text of its own, such as a patch: on a terminal, and where a table is
// asked for, that text, with colours on a terminal; in every other case the rows, as JSON unless another format is asked for.
func PrintReading[T any](e *Env, cols []Column[T], rows []T, text func(colour bool) []byte) error {
	terminal := e.view.width() > 0
	if e.view.columns == nil && e.view.format == "table" && (terminal || e.view.given) {
		_, err := e.Stdout.Write(text(e.Coloured()))
		return err
	}
	if e.view.format == "table" && !e.view.given {
		e.view.format = "json"
	}
	return PrintSlice(e, cols, rows)
}

// Reading tells whether the answer is a table of the usual columns, which people read and programs hardly, and how wide the terminal is
// that it is printed on, 0 for none.
func (e *Env) Reading() (reading bool, width int) {
	return e.view.format == "table" && e.view.columns == nil, e.view.width()
}

// Asked tells whether the user has asked for a column by its name: to see it, or to sort or filter by it.
func (e *Env) Asked(column string) bool {
	w := e.Wanted()
	return slices.Contains(e.view.columns, column) ||
		slices.ContainsFunc(w.Filters, func(f Filter) bool { return f.Column == column }) ||
		slices.ContainsFunc(w.Order, func(o Order) bool { return o.Column == column })
}

// OneRow tells whether the answer is to be in a format that has room for one row alone.
func (e *Env) OneRow() bool { return e.view.format == "shell" }
