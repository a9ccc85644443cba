package db

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file has the database find, and put in order, the rows of a list that somebody wants to see, where it has an index for that
// or can stop early. What it cannot do is left to whoever asked: Indexed.Take says what it can. A value is compared as it is
// wherever the rows are: text by bytes (both engines have columns for that), numbers as numbers, addresses in their own order, and
// what is absent comes last.

// Wanted is what of a list somebody wants to see; the zero value is all of it, in its own order.
type Wanted struct {
	Where []Condition
	Order []Order
	Limit int // 0 is all
}

// Condition is one on a column of a list: Op is =, !=, <, <=, > or >=, or any other that the ledger does not know. Value is as it
// was typed, "" for what is absent.
type Condition struct{ Column, Op, Value string }

// Order is a column that a list is sorted by.
type Order struct {
	Column     string
	Descending bool
}

// Indexed is what of a list the database can do.
type Indexed struct {
	columns map[string]indexed
	own     string // the list's own order, by which rows that are alike are sorted
}

// indexed is a column of a list.
type indexed struct {
	// condition says in SQL what a condition on it is; false is one that is not for the database.
	condition func(op, value string) (text string, args []any, ok bool)
	order     string // what it is sorted by; "" if that is not for the database
	present   string // the condition that it is not absent; "" if it never is
	unique    bool   // no two rows are alike in it
}

// Take is what of w the database can do; all of the order or none of it, and a limit only where nothing is left to do before.
func (x *Indexed) Take(w Wanted) (taken Wanted) {
	for _, c := range w.Where {
		if _, _, ok := x.condition(c); ok {
			taken.Where = append(taken.Where, c)
		}
	}
	if len(w.Order) == 1 && x.columns[w.Order[0].Column].order != "" {
		taken.Order = w.Order
	}
	if len(taken.Where) == len(w.Where) && len(taken.Order) == len(w.Order) {
		taken.Limit = w.Limit
	}
	return taken
}

func (x *Indexed) condition(c Condition) (text string, args []any, ok bool) {
	column, known := x.columns[c.Column]
	if !known || column.condition == nil {
		return "", nil, false
	}
	return column.condition(c.Op, c.Value)
}

// and adds the conditions that were taken.
func (x *Indexed) and(where *sqlstore.Where, w Wanted) *sqlstore.Where {
	for _, c := range w.Where {
		text, args, _ := x.condition(c)
		where.And(text, args...)
	}
	return where
}

// selects are the queries whose rows, one after the other, are what was taken, as they stand behind FROM: those that have the column of
// the order first, then the others. An index of what has it is of use only to a query for just that.
func (x *Indexed) selects(where func() *sqlstore.Where, w Wanted) []ordered {
	if len(w.Order) == 0 {
		return []ordered{{x.and(where(), w), x.own}}
	}
	column := x.columns[w.Order[0].Column]
	by := column.order
	if w.Order[0].Descending {
		by += " DESC"
	}
	if !column.unique {
		by += ", " + x.own
	}
	if column.present == "" {
		return []ordered{{x.and(where(), w), by}}
	}
	return []ordered{
		{x.and(where().And(column.present), w), by},
		{x.and(where().And("NOT ("+column.present+")"), w), x.own},
	}
}

// ordered is a query from its WHERE on.
type ordered struct {
	where *sqlstore.Where
	by    string
}

func (o ordered) text(limit int) string {
	text := o.where.String() + " ORDER BY " + o.by
	if limit > 0 {
		text += " LIMIT " + strconv.Itoa(limit)
	}
	return text
}

// wantedRows yields the rows of a table that are wanted and for which where holds.
func wantedRows[T any](ctx context.Context, t view, table *sqlstore.Table[T], x *Indexed, where func() *sqlstore.Where, w Wanted) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for _, o := range x.selects(where, w) {
			if w.Limit > 0 && n == w.Limit {
				return
			}
			for row, err := range table.Rows(ctx, t.ReadTx, o.text(max(0, w.Limit-n)), o.where.Args()...) {
				if n++; !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// compares tells whether an operator is one of those that the database knows.
func compares(op string) bool {
	return strings.Contains(" = != < <= > >= ", " "+op+" ")
}

// plainColumn is a column whose order in SQL is that of its values. stored makes of a text what is stored, and false of one that
// no value is.
func plainColumn(name string, optional bool, stored func(string) (any, string, bool)) indexed {
	column := indexed{order: name}
	if optional {
		column.present = name + " IS NOT NULL"
	}
	column.condition = func(op, value string) (string, []any, bool) {
		switch {
		case value == "" && op == "=":
			return name + " IS NULL", nil, true
		case value == "" && op == "!=":
			return name + " IS NOT NULL", nil, true
		case !compares(op) || value == "":
			return "", nil, false
		}
		v, parameter, ok := stored(value)
		switch {
		case !ok:
			return "", nil, false
		case op == "!=" && optional:
			return "(" + name + " IS NULL OR " + name + " <> " + parameter + ")", []any{v}, true
		case op == "!=":
			op = "<>"
		}
		return name + " " + op + " " + parameter, []any{v}, true
	}
	return column
}

func (c indexed) noTwo() indexed { c.unique = true; return c }

// textColumn is one that both engines compare by bytes.
func textColumn(name string, optional bool) indexed {
	return plainColumn(name, optional, func(s string) (any, string, bool) { return s, "?", true })
}

// numberColumn is one of whole numbers. The cast tells PostgreSQL that the value may be larger than the column can hold.
func numberColumn(name string, optional bool) indexed {
	return plainColumn(name, optional, func(s string) (any, string, bool) {
		n, ok := new(big.Int).SetString(s, 10)
		if !ok || !n.IsInt64() {
			return nil, "", false
		}
		return n.Int64(), "CAST(? AS BIGINT)", true
	})
}

// momentColumn is one of times, which are stored to the second as text of one length.
func momentColumn(name string) indexed {
	return plainColumn(name, false, func(s string) (any, string, bool) {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			at, err = time.Parse(time.DateOnly, s)
		}
		if year := at.UTC().Year(); err != nil || year < 1 || year > 9999 {
			return nil, "", false
		}
		return sqlstore.FormatTime(at), "?", true
	})
}

// addressColumn is a column of IPv4 addresses or blocks of a table that is in the order of its keys, which are these where the
// column is not absent. last is the end of a row's block in SQL, first that of an address.
func addressColumn(name, first, last string) indexed {
	column := indexed{order: first, present: name + " IS NOT NULL", unique: true}
	column.condition = func(op, value string) (string, []any, bool) {
		switch {
		case value == "" && op == "=":
			return name + " IS NULL", nil, true
		case value == "" && op == "!=":
			return name + " IS NOT NULL", nil, true
		}
		s, err := netcalc.ParseSpan(value)
		if err != nil || !s.First.Is4() || !compares(op) {
			return "", nil, false
		}
		from, to := key(s.First), key(s.Last)
		// Of two that begin alike the larger one comes first. The bound alone, beside it, is what an index is searched for.
		switch op {
		case "=":
			return fmt.Sprintf("%s IS NOT NULL AND %s = ? AND %s = ?", name, first, last), []any{from, to}, true
		case "!=":
			return fmt.Sprintf("(%s IS NULL OR %s <> ? OR %s <> ?)", name, first, last), []any{from, to}, true
		}
		end := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
		return fmt.Sprintf("%s IS NOT NULL AND %s %s= ? AND (%s <> ? OR %s %s ?)", name, first, op[:1], first, last, end), []any{from, from, to}, true
	}
	return column
}

// NetworksIndexed is what the database can do of Store.Networks.
var NetworksIndexed = &Indexed{own: "n.first", columns: map[string]indexed{
	"id":              numberColumn("n.id", false).noTwo(),
	"label":           textColumn("n.label", true),
	"cidr":            addressColumn("n.cidr", "n.first", "(SELECT c.last FROM claims c WHERE c.first = n.first)"),
	"cidr_v6":         {condition: sharedPrefix},
	"bridge":          textColumn("n.bridge", false),
	"vlan":            numberColumn("n.vlan", true).noTwo(),
	"vpn_public_port": numberColumn("n.vpn_public_port", true).noTwo(),
	"project_id":      textColumn("n.project_id", true),
	"host":            textColumn("n.host", true),
}}

// FilledIndexed is what the database can do of Store.FilledNetworks, which are counted in their own order.
var FilledIndexed = NetworksIndexed.inOwnOrder()

func (x *Indexed) inOwnOrder() *Indexed {
	own := &Indexed{own: x.own, columns: map[string]indexed{}}
	for name, c := range x.columns {
		own.columns[name] = indexed{condition: c.condition}
	}
	return own
}

// sharedPrefix finds the networks of an IPv6 prefix by the bridge that has it.
func sharedPrefix(op, value string) (string, []any, bool) {
	s, err := netcalc.ParseSpan(value)
	p, isPrefix := s.Prefix()
	if op != "=" || err != nil || !isPrefix || !p.Addr().Is6() {
		return "", nil, false
	}
	return "n.cidr_v6 = ? AND n.bridge = (SELECT bridge FROM bridges WHERE first_v6 = ?)", []any{p.String(), key(p.Addr())}, true
}

// InstancesIndexed is what the database can do of Store.Instances.
var InstancesIndexed = &Indexed{own: "i.first", columns: map[string]indexed{
	"id": plainColumn("i.id", false, func(s string) (any, string, bool) {
		id, ok := InstanceID(s)
		return id, "CAST(? AS BIGINT)", ok
	}).noTwo(),
	"name":       textColumn("i.name", false),
	"project_id": textColumn("i.project_id", false),
	"network_id": numberColumn("i.network_id", false),
	"mac_address": plainColumn("i.mac_address", false, func(s string) (any, string, bool) {
		mac, err := netcalc.ParseMAC(s)
		return mac.String(), "?", err == nil
	}).noTwo(),
	"fixed_ip": addressColumn("i.fixed_ip", "i.first", "i.first"),
	"host":     {condition: textColumn("i.host", true).condition},
}}

// ChangesIndexed is what the database can do of Store.Changes.
var ChangesIndexed = &Indexed{own: "number DESC", columns: map[string]indexed{
	"number": numberColumn("number", false).noTwo(),
	"at":     momentColumn("at"),
	"actor":  textColumn("actor", false),
	"undoes": {condition: numberColumn("undoes", true).condition},
}}

// ProjectsIndexed is what the database can do of Store.Projects.
var ProjectsIndexed = &Indexed{own: "p.project_id", columns: map[string]indexed{
	"project_id": textColumn("p.project_id", false).noTwo(),
}}

// GroupsIndexed is what the database can do of Store.SecurityGroups.
var GroupsIndexed = &Indexed{own: "g.project_id, g.name", columns: map[string]indexed{
	"project_id": {condition: textColumn("g.project_id", false).condition},
	"name":       {condition: textColumn("g.name", false).condition},
}}

// FloatingIndexed is what the database can do of Store.FloatingAddresses: it leaves out whole ranges.
var FloatingIndexed = &Indexed{columns: map[string]indexed{
	"pool": {condition: textColumn("r.pool", false).condition},
	"host": {condition: textColumn("r.host", false).condition},
	"address": {condition: func(op, value string) (string, []any, bool) {
		s, err := netcalc.ParseSpan(value)
		if err != nil || op != "=" {
			return "", nil, false
		}
		return "r.first <= ? AND r.last >= ?", []any{key(s.First), key(s.Last)}, true
	}},
}}

// FixedIndexed is what the database can do of Store.FixedAddresses: it reads the rows of one network or prefix alone. Each is a
// condition on claims c.
var FixedIndexed = &Indexed{columns: map[string]indexed{
	"network_id": {condition: onlyEqual(func(value string) (string, []any, bool) {
		n, ok := new(big.Int).SetString(value, 10)
		if !ok || !n.IsInt64() {
			return "", nil, false
		}
		return `(c.first = (SELECT n.first FROM networks n WHERE n.id = ?) OR
			c.first = (SELECT b.first_v6 FROM networks n JOIN bridges b ON b.bridge = n.bridge WHERE n.id = ?))`, []any{n.Int64(), n.Int64()}, true
	})},
	"cidr": {condition: onlyEqual(func(value string) (string, []any, bool) {
		s, err := netcalc.ParseSpan(value)
		return "c.first = ?", []any{keyOf(s.First)}, err == nil
	})},
	"address": {condition: onlyEqual(func(value string) (string, []any, bool) {
		s, err := netcalc.ParseSpan(value)
		return "c.first = (SELECT d.first FROM claims d WHERE d.first <= ? ORDER BY d.first DESC LIMIT 1)", []any{keyOf(s.First)}, err == nil
	})},
}}

func onlyEqual(condition func(value string) (string, []any, bool)) func(op, value string) (string, []any, bool) {
	return func(op, value string) (string, []any, bool) {
		if op != "=" || value == "" {
			return "", nil, false
		}
		return condition(value)
	}
}

// keyOf is key for an address that may be none.
func keyOf(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	return key(a)
}
