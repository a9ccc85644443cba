package cli

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// Wanted is what of a list somebody wants to see, and in which order. A command that has some of it done by whoever has the
// rows takes that away here; the rest is done when the list is printed.
type Wanted struct {
	Filters []Filter // all of which must hold
	Order   []Order  // the first one first; rows that are alike in all of it stay in the list's own order
	Limit   int      // at most so many rows; 0 is all
}

// Any tells whether anything but the whole list in its own order is wanted.
func (w *Wanted) Any() bool { return len(w.Filters) > 0 || len(w.Order) > 0 || w.Limit > 0 }

// Filter is a condition on a column.
type Filter struct {
	Column string
	Op     string // one of operators
	Value  string // "" is what is absent

	key     []byte         // of Value
	pattern *regexp.Regexp // of Value, for ~
}

// Order is a column to sort by. What is absent comes last, either way.
type Order struct {
	Column     string
	Descending bool
}

// operators are those of a Filter; one that another one begins with comes after it.
var operators = []string{"!=", "<=", ">=", "=", "~", "<", ">"}

// flags are those of a list. They count only where they are typed: a limit or a filter that a profile or a nova.conf sets would
// hide what is there from whoever does not think of it.
func (w *Wanted) flags() []*Flag {
	var orders [][]Order
	sort := TypedList(&orders, "sort", parseOrders, "sort by this column, COLUMN:desc the other way round; repeatable, also with commas").As("COLUMN").Completes(orderNames)
	sort.store = func(vs []any) {
		w.Order = nil
		for _, v := range vs {
			w.Order = append(w.Order, v.([]Order)...)
		}
	}
	return []*Flag{
		sort.OnlyTyped(),
		Number(&w.Limit, "limit", 1, 1<<30, "print at most so many rows").OnlyTyped(),
		TypedList(&w.Filters, "filter", parseFilter,
			"only rows whose COLUMN=VALUE; also != ~ (a regular expression) < <= > >=; repeatable, and all must hold").As("CONDITION").OnlyTyped().Completes(conditions),
	}
}

func parseFilter(s string) (f Filter, err error) {
	at := strings.IndexAny(s, "!=~<>")
	if at > 0 {
		for _, op := range operators {
			if value, ok := strings.CutPrefix(s[at:], op); ok {
				return Filter{Column: flagName(s[:at]), Op: op, Value: value}, nil
			}
		}
	}
	return f, errors.New("is not a condition such as host=node1, vlan>=200 or 'label~^web'")
}

func parseOrders(s string) (orders []Order, err error) {
	for part := range strings.SplitSeq(s, ",") {
		column, direction, given := strings.Cut(part, ":")
		if column == "" || given && direction != "asc" && direction != "desc" {
			return nil, errors.New("is not COLUMN, COLUMN:asc or COLUMN:desc")
		}
		orders = append(orders, Order{flagName(column), direction == "desc"})
	}
	return orders, nil
}

// resolve finds the columns that are named, and refuses what no row could answer.
func (w *Wanted) resolve(c *Command) error {
	for i := range w.Filters {
		if err := w.Filters[i].resolve(c); err != nil {
			return err
		}
	}
	for _, o := range w.Order {
		if _, err := c.field(o.Column, Origin{}); err != nil {
			return err
		}
	}
	return nil
}

func (f *Filter) resolve(c *Command) (err error) {
	field, err := c.field(f.Column, Origin{})
	if err != nil {
		return err
	}
	switch {
	case f.Op == "~" && f.Value == "":
		// As a regular expression it would let all pass.
		return UsageErrorf("--filter %s has no regular expression", Quote(f.text()))
	case f.Op == "~":
		if f.pattern, err = regexp.Compile(f.Value); err != nil {
			return UsageErrorf("--filter %s: %s is not a regular expression: %w", Quote(f.text()), Quote(f.Value), err)
		}
	case f.Value != "":
		v, err := field.read(f.Value)
		if err != nil {
			return UsageErrorf("--filter %s: %s %w", Quote(f.text()), Quote(f.Value), err)
		}
		f.key = appendKey(nil, v)
	case f.Op != "=" && f.Op != "!=":
		return UsageErrorf("--filter %s has nothing to compare with", Quote(f.text()))
	}
	return nil
}

func (f *Filter) text() string { return f.Column + f.Op + f.Value }

// field finds a column of the answer.
func (c *Command) field(name string, from Origin) (Field, error) {
	i := slices.IndexFunc(c.Columns, func(f Field) bool { return f.name == flagName(name) })
	if i >= 0 {
		return c.Columns[i], nil
	}
	all := make([]string, len(c.Columns))
	for i, f := range c.Columns {
		all[i] = f.name
	}
	hint := "the columns are " + strings.Join(all, ", ")
	if guess := Suggest(name, all); guess != "" {
		hint = guess + " " + hint
	}
	return Field{}, WithHint(UsageErrorf("unknown column %s of %s%s", Quote(name), c.path(), from), hint)
}

// Wanted is what the user wants to see of the list that the command prints.
func (e *Env) Wanted() *Wanted { return &e.view.wanted }

// Filtered are the rows that the user wants to see; whoever prints them later does not ask again.
func Filtered[T any](e *Env, cols []Column[T], rows iter.Seq2[T, error]) iter.Seq2[T, error] {
	w := e.Wanted()
	var tests []func(T) bool
	for _, f := range w.Filters {
		tests = append(tests, testOf(&f, columnOf(cols, f.Column)))
	}
	w.Filters = nil
	if tests == nil {
		return rows
	}
	return func(yield func(T, error) bool) {
		for r, err := range rows {
			if err == nil && slices.ContainsFunc(tests, func(passes func(T) bool) bool { return !passes(r) }) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Limited are as many rows as the user wants to see at most; whoever prints them later does not ask again.
func Limited[T any](e *Env, rows iter.Seq2[T, error]) iter.Seq2[T, error] {
	w := e.Wanted()
	limit := w.Limit
	w.Limit = 0
	return limited(rows, limit)
}

func limited[T any](rows iter.Seq2[T, error], limit int) iter.Seq2[T, error] {
	if limit == 0 {
		return rows
	}
	return func(yield func(T, error) bool) {
		n := 0
		for r, err := range rows {
			if n++; !yield(r, err) || n == limit { // the next one is not even looked for
				return
			}
		}
	}
}

func columnOf[T any](cols []Column[T], name string) Column[T] {
	i := slices.IndexFunc(cols, func(c Column[T]) bool { return c.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("column %s is declared and not printed", name))
	}
	return cols[i]
}

// compared is what the values of a column are compared by.
func (c Column[T]) compared() func(T) any {
	if c.By != nil {
		return c.By
	}
	return c.Value
}

// testOf tells of a row whether a condition on a column holds. Of a list it holds where it does for one of its values, but != where it
// does for all of them.
func testOf[T any](f *Filter, c Column[T]) func(T) bool {
	if f.Op == "~" {
		return func(row T) bool { return matches(f.pattern, plain(c.Value(row))) }
	}
	by := c.compared()
	var key []byte
	return func(row T) bool {
		v := by(row)
		if list, ok := v.([]string); ok && f.Value != "" {
			some := slices.ContainsFunc(list, func(s string) bool {
				key = appendKey(key[:0], s)
				return f.holds(key, f.Op == "!=")
			})
			return some != (f.Op == "!=")
		}
		key = appendKey(key[:0], v)
		return f.holds(key, false)
	}
}

// holds tells whether the condition holds of a value that has a key, which is empty of one that is absent.
func (f *Filter) holds(key []byte, negated bool) bool {
	op := f.Op
	if negated {
		op = "="
	}
	order := bytes.Compare(key, f.key)
	switch op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	}
	if len(key) == 0 {
		return false // neither more nor less than anything
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// matches tells whether a value, as it is printed, or one of several has what the pattern says; what is absent has nothing.
func matches(pattern *regexp.Regexp, v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != "" && pattern.MatchString(v)
	case []string:
		return slices.ContainsFunc(v, pattern.MatchString)
	}
	return pattern.MatchString(fmt.Sprint(v))
}
