package sqlstore

import (
	"strconv"
	"strings"
)

// Where collects conditions, all of which must hold. The zero Where lets every row pass.
type Where struct {
	conditions []string
	args       []any
}

// And adds a condition; each ? in it stands for the next of args. It returns w, so that one can be written in a line.
func (w *Where) And(condition string, args ...any) *Where {
	var b strings.Builder
	for before, rest := "", condition; ; {
		var more bool
		before, rest, more = strings.Cut(rest, "?")
		b.WriteString(before)
		if !more {
			break
		}
		// Numbered, which both engines read alike.
		b.WriteString("$" + strconv.Itoa(len(w.args)+1))
		w.args, args = append(w.args, args[0]), args[1:]
	}
	w.conditions = append(w.conditions, b.String())
	return w
}

// If adds the condition that a column has a value, unless the value is "", which lets all pass.
func (w *Where) If(column, value string) *Where {
	if value == "" {
		return w
	}
	return w.And(column+" = ?", value)
}

// In adds the condition that a column has one of several values, of which there is at least one.
func (w *Where) In(column string, values []string) *Where {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return w.And(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

// String is the clause with a space in front, "" if there is no condition.
func (w *Where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// Args are the arguments of the clause, in order.
func (w *Where) Args() []any { return w.args }

// That is a Where of one condition.
func That(condition string, args ...any) *Where { return new(Where).And(condition, args...) }
