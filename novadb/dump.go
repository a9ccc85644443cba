package novadb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// dumpReader reads the statements of a dump. Only three of them matter: USE, CREATE TABLE, and INSERT or REPLACE.
type dumpReader struct {
	*lexer
	databases []*database
	in        *database // of the statements at the moment
	into      *database // of the table of this one

	begun, completed int // dumps in the file, by the comments in front and behind
	saved, restored  int // the same by settings, which are there without comments, too
	locked           bool

	values []value
	at     []int
}

// readDump reads a dump. size is how long it is, for the progress.
func readDump(ctx context.Context, path string, in io.Reader, size int64, progress func(string, int64, int64)) (*database, error) {
	d := &dumpReader{lexer: newLexer(in)}
	d.label = d.comment
	d.in = d.database("")
	for n := 0; ; n++ {
		more, err := d.statement(ctx, func() { progress("reading the dump", d.read, size) })
		var unknown *columnsError
		var syntax *syntaxError
		switch {
		case err == errCut && d.begun == 0 && d.tables() == 0:
			return nil, refused(WayDump, "%s is no dump that mysqldump wrote: it has no table", path)
		case err == errCut:
			return nil, refused(WayWhole, "%s is cut off: %v", path, err)
		case errors.As(err, &unknown):
			return nil, refused(WayColumns, "%s %v", path, unknown)
		case errors.As(err, &syntax):
			return nil, refused(WayDump, "%s is no dump that mysqldump wrote: line %d: %v", path, d.line, err)
		case err != nil:
			return nil, err
		case !more:
			return d.chosen(path)
		}
	}
}

// syntaxError is what mysqldump does not write.
type syntaxError struct{ error }

func syntaxf(format string, args ...any) error { return &syntaxError{fmt.Errorf(format, args...)} }

// columnsError is a row of a table that nothing says the columns of.
type columnsError struct{ table string }

func (e *columnsError) Error() string {
	return "does not say what the columns of table " + e.table + " are"
}

// comment looks for the comments by which a dump says that it begins and that it is complete: those in words, which
// --skip-comments leaves out, and its first and last statements for a server, which only --compact does.
func (d *dumpReader) comment(text string) {
	switch text = strings.TrimLeft(text, "- "); {
	case strings.HasPrefix(text, "MySQL dump "), strings.HasPrefix(text, "MariaDB dump "):
		d.begun++
	case strings.HasPrefix(text, "Dump completed"):
		d.completed++
	case strings.Contains(text, "SET @OLD_SQL_NOTES="), strings.Contains(text, "SET @OLD_NOTE_VERBOSITY="): // MariaDB since 2024
		d.saved++
	case strings.Contains(text, "=@OLD_SQL_NOTES"), strings.Contains(text, "=@OLD_NOTE_VERBOSITY"):
		d.restored++
	}
}

// database finds a database of the dump by its name, "" for the one that is not named.
func (d *dumpReader) database(name string) *database {
	for _, db := range d.databases {
		if db.name == name {
			return db
		}
	}
	db := newDatabase(name)
	d.databases = append(d.databases, db)
	return db
}

// tables is how many tables the dump has so far.
func (d *dumpReader) tables() (n int) {
	for _, db := range d.databases {
		n += len(db.columns)
	}
	return n
}

// chosen is the one database of the dump that is Nova's.
func (d *dumpReader) chosen(path string) (*database, error) {
	switch {
	case d.completed < d.begun || d.locked:
		return nil, refused(WayWhole, "%s is cut off: its last line is not \"-- Dump completed\"", path)
	case d.restored < d.saved:
		return nil, refused(WayWhole, "%s is cut off: the settings that it changes are not set back at its end", path)
	}
	var some, found, filled []*database
	for _, db := range d.databases {
		if len(db.columns) > 0 {
			some = append(some, db)
		}
		if db.nova() {
			if found = append(found, db); len(db.networks) > 0 {
				filled = append(filled, db)
			}
		}
	}
	if len(filled) > 0 { // nova_cell0 has the tables of nova, and nothing in those of the network
		found = filled
	}
	switch {
	case len(found) == 1:
		found[0].endless = d.begun == 0 && d.saved == 0
		return found[0], nil
	case len(found) > 1:
		names := make([]string, len(found))
		for i, db := range found {
			names[i] = db.name
		}
		return nil, refused(WayOne, "%s holds more than one database of Nova: %s", path, strings.Join(names, ", "))
	case len(some) == 1:
		return nil, refused(WayNone, "%s %s", path, some[0].other())
	case len(some) > 1:
		return nil, refused(WayNone, "%s holds no database of Nova", path)
	}
	return nil, refused(WayDump, "%s is no dump that mysqldump wrote: it has no table", path)
}

// statement reads one; false at the end of the dump.
func (d *dumpReader) statement(ctx context.Context, report func()) (bool, error) {
	t, err := d.must(true)
	switch {
	case err != nil || t.kind == tokenEnd:
		return false, err
	case t.is(";"):
		return true, nil
	case t.is("DELIMITER"):
		return true, d.delimited()
	case t.is("USE"):
		t, err = d.must(true)
		if err == nil && !t.name() {
			err = syntaxf("USE names no database")
		}
		if err == nil {
			d.in = d.database(t.text)
		}
	case t.is("LOCK"):
		d.locked = true
	case t.is("UNLOCK"):
		d.locked = false
	case t.is("CREATE"):
		return true, d.create()
	case t.is("INSERT"), t.is("REPLACE"):
		report()
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return true, d.insert(ctx, report)
	case t.kind != tokenWord:
		return false, syntaxf("a statement begins with %q", t.text)
	}
	if err != nil {
		return false, err
	}
	return true, d.skip()
}

// must is next with what cannot be read as a syntaxError.
func (d *dumpReader) must(keep bool) (token, error) {
	t, err := d.next(keep)
	if err == nil || err == errCut || errors.As(err, new(*syntaxError)) {
		return t, err
	}
	if isReadError(err) {
		return t, err
	}
	return t, &syntaxError{err}
}

// isReadError tells what the file system says from what the text does.
func isReadError(err error) bool {
	var timeout interface{ Timeout() bool } // as every error of a file has it, and of a context its end
	return errors.As(err, &timeout) || errors.Is(err, context.Canceled)
}

// skip passes over the rest of a statement.
func (d *dumpReader) skip() error {
	for {
		t, err := d.must(false)
		switch {
		case err != nil:
			return err
		case t.kind == tokenEnd:
			return errCut
		case t.is(";"):
			return nil
		}
	}
}

// delimited passes over what stands between DELIMITER ;; and DELIMITER ;, which are the bodies of procedures: there are
// statements in them that are not to be taken for the dump's.
func (d *dumpReader) delimited() error {
	delimiter, err := d.restOfLine()
	for err == nil && delimiter != ";" {
		if d.peek() == 0 {
			return errCut
		}
		var line string
		if line, err = d.restOfLine(); err == nil {
			if rest, ok := strings.CutPrefix(line, "DELIMITER "); ok {
				delimiter = strings.TrimSpace(rest)
			}
		}
	}
	return err
}

// create reads the columns of CREATE TABLE.
func (d *dumpReader) create() error {
	t, err := d.must(true)
	if err != nil || !t.is("TABLE") {
		if err == nil && !t.is(";") {
			err = d.skip()
		}
		return err
	}
	table, t, err := d.tableName()
	if err != nil {
		return err
	}
	if !t.is("(") {
		return syntaxf("CREATE TABLE %s has no columns", table)
	}
	columns := []string{}
	depth, starts := 1, true
	for depth > 0 {
		if t, err = d.must(true); err != nil {
			return err
		}
		switch {
		case t.kind == tokenEnd:
			return errCut
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && depth == 1:
			starts = true
			continue
		// A key begins with a bare word, and mysqldump quotes all names unless told otherwise.
		case starts && (t.kind == tokenName || t.kind == tokenWord && !keyWord[strings.ToUpper(t.text)]):
			columns = append(columns, strings.ToLower(t.text))
		}
		starts = false
	}
	d.into.columns[table] = columns
	return d.skip()
}

// keyWord are the words that begin what is no column in CREATE TABLE.
var keyWord = map[string]bool{"PRIMARY": true, "KEY": true, "UNIQUE": true, "INDEX": true, "CONSTRAINT": true, "FULLTEXT": true,
	"SPATIAL": true, "FOREIGN": true, "CHECK": true, "PERIOD": true}

// tableName reads [IF NOT EXISTS] [database.]table, of which the database becomes into, and the token behind it.
func (d *dumpReader) tableName() (string, token, error) {
	d.into = d.in
	for {
		t, err := d.must(true)
		if err != nil {
			return "", t, err
		}
		if t.is("IF") || t.is("NOT") || t.is("EXISTS") {
			continue
		}
		name := t.text
		if !t.name() {
			return "", t, syntaxf("%q stands where the name of a table should", t.text)
		}
		if t, err = d.must(true); err == nil && t.is(".") {
			if t, err = d.must(true); err == nil && !t.name() {
				err = syntaxf("%q stands where the name of a table should", t.text)
			}
			if err != nil {
				return "", t, err
			}
			d.into, name = d.database(name), t.text
			t, err = d.must(true)
		}
		return strings.ToLower(name), t, err
	}
}

// insert reads the rows of INSERT.
func (d *dumpReader) insert(ctx context.Context, report func()) error {
	t, err := d.must(true)
	for err == nil && !t.is("INTO") { // IGNORE, DELAYED
		if t.kind != tokenWord {
			return syntaxf("%q stands where INTO should", t.text)
		}
		t, err = d.must(true)
	}
	if err != nil {
		return err
	}
	table, t, err := d.tableName()
	if err != nil {
		return err
	}
	columns, known := d.into.columns[table]
	if t.is("(") {
		if columns, err = d.columnList(); err != nil {
			return err
		}
		if !known {
			d.into.columns[table] = columns
		}
		t, err = d.must(true)
	} else if !known {
		if wanted(table) == nil { // those of mysql, as --system=stats writes them, have no CREATE TABLE
			return d.skip()
		}
		return &columnsError{table}
	}
	if err != nil {
		return err
	}
	if !t.is("VALUES") && !t.is("VALUE") {
		return syntaxf("INSERT INTO %s is not followed by VALUES", table)
	}
	d.place(table, columns)
	for n := 1; ; n++ {
		if err := d.row(table, len(columns)); err != nil {
			return err
		}
		if n%10000 == 0 {
			report()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		t, err := d.must(true)
		switch {
		case err != nil:
			return err
		case t.is(";"):
			return nil
		case t.kind == tokenEnd:
			return errCut
		case !t.is(","):
			return syntaxf("%q stands behind a row of %s", t.text, table)
		}
	}
}

func (d *dumpReader) columnList() (columns []string, err error) {
	for {
		t, err := d.must(true)
		if err != nil {
			return nil, err
		}
		switch {
		case t.name():
			columns = append(columns, strings.ToLower(t.text))
		case t.is(")"):
			return columns, nil
		case t.kind == tokenEnd:
			return nil, errCut
		case !t.is(","):
			return nil, syntaxf("%q stands where the name of a column should", t.text)
		}
	}
}

// place finds where each column of a row goes, -1 for nowhere.
func (d *dumpReader) place(table string, columns []string) {
	want := wanted(table)
	if want == nil {
		want = []string{"deleted"}
	}
	d.values = make([]value, len(want))
	d.at = d.at[:0]
	for _, c := range columns {
		to := -1
		for i, w := range want {
			if w == c {
				to = i
			}
		}
		d.at = append(d.at, to)
	}
}

// row reads one row in parentheses.
func (d *dumpReader) row(table string, width int) error {
	t, err := d.must(true)
	if err != nil {
		return err
	}
	if t.kind == tokenEnd {
		return errCut
	}
	if !t.is("(") {
		return syntaxf("%q stands where a row of %s should", t.text, table)
	}
	clear(d.values)
	for i := range width {
		keep := d.at[i] >= 0
		if t, err = d.must(keep); err != nil {
			return err
		}
		if keep || t.kind == tokenPunctuation || t.kind == tokenEnd {
			v, err := t.value()
			if err != nil {
				return err
			}
			if keep {
				d.values[d.at[i]] = v
			}
		}
		if t, err = d.must(true); err != nil {
			return err
		}
		end := ","
		if i == width-1 {
			end = ")"
		}
		if t.kind == tokenEnd {
			return errCut
		}
		if !t.is(end) {
			return syntaxf("a row of %s has not the %d values of its columns", table, width)
		}
	}
	d.into.add(table, d.values)
	return nil
}

// value is what a token says that a column holds.
func (t token) value() (value, error) {
	switch t.kind {
	case tokenString, tokenName: // ANSI mode apart, MySQL takes double quotes for a string
		return textValue(t.text), nil
	case tokenNumber:
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return numberValue(n), nil
		}
		return textValue(t.text), nil
	case tokenWord:
		switch strings.ToUpper(t.text) {
		case "NULL":
			return value{}, nil
		case "TRUE":
			return numberValue(1), nil
		case "FALSE":
			return numberValue(0), nil
		}
	case tokenEnd:
		return value{}, errCut
	}
	return value{}, syntaxf("%q is no value", t.text)
}
