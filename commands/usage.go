package commands

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

// usageColumns are how full things are. text is how numbers are shown.
func usageColumns(text func(*big.Int) any) []cli.Column[db.Usage] {
	return []cli.Column[db.Usage]{
		{Name: "kind", Value: func(u db.Usage) any { return u.Kind }},
		{Name: "name", Value: func(u db.Usage) any { return u.Name }},
		{Name: "resource", Value: func(u db.Usage) any { return cli.OrNull(u.Resource) }, Long: true},
		{Name: "family", Value: func(u db.Usage) any { return cli.OrNull(u.Family) }, Long: true},
		{Name: "network_id", Value: func(u db.Usage) any { return cli.OrNull(u.NetworkID) }, Long: true},
		{Name: "label", Value: func(u db.Usage) any { return cli.OrNull(u.Label) }, Long: true},
		{Name: "project_id", Value: func(u db.Usage) any { return cli.OrNull(u.ProjectID) }, Long: true},
		{Name: "used", Value: func(u db.Usage) any { return text(u.Used) }},
		{Name: "reserved", Value: func(u db.Usage) any { return text(u.Reserved) }, Drop: 8},
		{Name: "released", Value: func(u db.Usage) any { return text(u.Released) }, Drop: 9},
		{Name: "free", Value: func(u db.Usage) any { return text(u.Free) }},
		{Name: "total", Value: func(u db.Usage) any { return text(u.Total) }, Drop: 7},
		{Name: "percent", Value: func(u db.Usage) any { return percentOf(u.Fill) }},
		{Name: "largest_free", Value: func(u db.Usage) any { return u.Largest }, Long: true},
		{Name: "fits", Value: func(u db.Usage) any {
			if u.Fits == nil {
				return nil
			}
			var o cli.Object
			for _, f := range u.Fits {
				o = append(o, cli.Member{Name: fmt.Sprintf("/%d", f.Bits), Value: f.Networks})
			}
			return o
		}, Long: true},
	}
}

func exactly(n *big.Int) any { return n }

func percentOf(f db.Fill) any {
	if f.Total == nil {
		return (*int64)(nil)
	}
	if p, ok := f.Percent(); ok {
		return p
	}
	return (*int64)(nil)
}

type usageOptions struct {
	Kind   string
	Ranges []netcalc.Span
	Warn   int64

	warnFrom cli.Origin
}

func usageCommand() *command {
	o := &usageOptions{}
	return &command{
		name:  "usage",
		short: "how full everything is",
		long: "networks are the blocks of each network, of either family; ranges what they are carved from; vlans and vpn the numbers that " +
			"VlanManager gives out; floating the pools; projects what each has of its quotas. used, reserved, released and free add up " +
			"to total: what somebody has, what nobody is to have, what somebody had and may be had again, and what nobody had since it is " +
			"there. total are the addresses that guests may have, without those that a network keeps for itself. percent is how much " +
			"of it is used or reserved, rounded down, so that 100 is full.\n\n" +
			"A range is used by the networks and floating ranges in it, and what no network can be in, such as multicast, is reserved. The ranges " +
			"are those of --range, or else the private blocks that hold networks, and of other space the /16s and the /48s. largest_free is " +
			"the largest free block, and fits how many networks of each size still find room.\n\n" + bigNumbers + " A table for readers has powers of two.",
		examples: []string{
			"nova-manage usage",
			"nova-manage usage networks --warn 90 -q",
			"nova-manage usage --range 10.0.0.0/8 -f json",
			"nova-manage usage floating -f value -c name -c free",
		},
		args: []*cli.Arg{cli.Optional(cli.Choice(&o.Kind, "WHAT", db.UsageKinds, "what to tell of; all of them by default"))},
		flags: []*cli.Flag{
			cli.TypedList(&o.Ranges, "range", netcalcValue(netcalc.ParseSpan), "a range to tell of: a CIDR or FIRST-LAST of either family; repeatable").
				As("RANGE").NotInFlagfile().Completes(aNetworkRange),
			cli.Number(&o.Warn, "warn", 0, 100, "exit with 5 where more than so many percent are used or reserved").As("PERCENT").From(&o.warnFrom).NotInFlagfile(),
		},
		columns: cli.Fields(usageColumns(exactly)),
		list:    true,
		ledger:  reads,
		check:   o.check,
		run:     o.run,
	}
}

func (o *usageOptions) check(*cli.Env) error {
	if len(o.Ranges) == 0 {
		return nil
	}
	if o.Kind != "" && o.Kind != "ranges" {
		return cli.UsageErrorf("--range is of ranges, and not of %s", o.Kind)
	}
	o.Kind = "ranges"
	return nil
}

func (o *usageOptions) run(ctx context.Context, s *session) error {
	watch := fullest{percent: o.Warn, watches: o.warnFrom.IsSet()}
	// What is left out is not watched; what is merely not printed is.
	rows := watch.pass(cli.Filtered(s.Env, usageColumns(exactly), s.store.Usage(ctx, db.UsageFilter{Kind: o.Kind, Ranges: o.Ranges})))
	sorts := len(s.Wanted().Order) > 0
	if !sorts {
		rows = cli.Limited(s.Env, rows) // of all kinds together, each of which may be a table of its own
	}
	var asked []db.Usage
	if len(o.Ranges) > 0 {
		rows = noting(rows, &asked)
	}
	reading, width := s.Reading()
	var err error
	switch {
	case !reading:
		err = cli.PrintList(s.Env, usageColumns(exactly), rows)
	case width == 0:
		err = cli.PrintList(s.Env, readableUsage(usageName), rows)
	case sorts:
		columns := readableUsage(usageName)
		for i, c := range columns {
			if c.Name == "percent" {
				columns[i].Value = percentBar
			}
		}
		err = cli.PrintList(s.Env, columns, rows)
	default:
		err = printUsage(s, rows)
	}
	if err == nil && reading {
		err = printFits(s, asked)
	}
	if err != nil {
		return err
	}
	return watch.err()
}

// readableUsage are the columns of a table.
func readableUsage(name func(db.Usage) string) []cli.Column[db.Usage] {
	columns := usageColumns(readable)
	for i, c := range usageColumns(exactly) {
		columns[i].By = c.Value
		if c.Name == "name" {
			columns[i].Value = func(u db.Usage) any { return name(u) }
		}
	}
	return columns
}

// printUsage prints a table with bars for each kind, which stands in the place of the name's header: so it fits into 80 columns.
func printUsage(s *session, rows iter.Seq2[db.Usage, error]) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	u, err, more := next()
	if !more {
		return cli.PrintSlice(s.Env, readableUsage(usageName), nil)
	}
	for first := true; more; first = false {
		if err != nil {
			return err
		}
		if !first {
			if _, err := s.Stdout.Write([]byte("\n")); err != nil {
				return err
			}
		}
		kind := u.Kind
		var columns []cli.Column[db.Usage]
		for _, c := range readableUsage(usageName) {
			switch c.Name {
			case "kind":
				continue
			case "name":
				c.Name = kind
			case "percent":
				c.Value, c.Colour = percentBar, fillColour
			}
			columns = append(columns, c)
		}
		failed := cli.PrintList(s.Env, columns, func(yield func(db.Usage, error) bool) {
			for more && (err != nil || u.Kind == kind) && yield(u, err) {
				u, err, more = next()
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// fillColour tells what is nearly full from what is full.
func fillColour(u db.Usage) cli.Colour {
	const much = 80
	switch {
	case u.Above(99):
		return cli.Red
	case u.Above(much):
		return cli.Yellow
	}
	return cli.Green
}

// percentBar is the percentage with a bar.
func percentBar(u db.Usage) any {
	p := percentOf(u.Fill)
	if _, known := p.(int64); !known {
		return nil
	}
	return fmt.Sprintf("%3v %s", p, bar(u.Fill, 8))
}

// usageName says what a row is about where its other columns are not there.
func usageName(u db.Usage) string {
	switch {
	case u.Resource != "":
		return u.Name + " " + u.Resource
	case u.Kind == "floating":
		return fmt.Sprintf("%s IPv%d", u.Name, u.Family)
	}
	return u.Name
}

// readable is a number for readers: from a million million on the next power of two, with ~ where it is not that exactly.
func readable(n *big.Int) any {
	if n.BitLen() <= 40 {
		return n
	}
	exponent := n.BitLen() - 1
	if uint(exponent) == n.TrailingZeroBits() {
		return fmt.Sprintf("2^%d", exponent)
	}
	if n.Bit(exponent-1) == 1 {
		exponent++
	}
	return fmt.Sprintf("~2^%d", exponent)
}

// bar is how full something is as a bar of so many characters: used and reserved, released, free. It is full only of what is full, and
// begun of what is.
func bar(f db.Fill, width int) string {
	if f.Total.Sign() <= 0 {
		return strings.Repeat("#", width)
	}
	part := func(n *big.Int) int {
		p := new(big.Int).Mul(n, big.NewInt(int64(width)))
		p.Quo(p, f.Total)
		return int(min(p.Int64(), int64(width)))
	}
	taken := new(big.Int).Add(f.Used, f.Reserved)
	hashes := part(taken)
	if hashes == 0 && taken.Sign() > 0 {
		hashes = 1
	}
	dots := max(part(taken.Add(taken, f.Released))-hashes, 0)
	return strings.Repeat("#", hashes) + strings.Repeat("+", dots) + strings.Repeat(".", width-hashes-dots)
}

// printFits says, below the table of ranges that were asked for, what still finds room in each.
func printFits(s *session, ranges []db.Usage) error {
	for _, u := range ranges {
		text := fmt.Sprintf("\n%s: nothing is free\n", u.Name)
		switch {
		case u.Fits != nil:
			text = fmt.Sprintf("\n%s: the largest free block is %s; so many networks still fit:\n", u.Name, u.Largest)
		case u.Largest.IsValid():
			text = fmt.Sprintf("\n%s: the largest free block is %s; no network fits\n", u.Name, u.Largest)
		}
		for i := 0; i < len(u.Fits); i += 5 {
			var line strings.Builder
			for _, f := range u.Fits[i:min(i+5, len(u.Fits))] {
				fmt.Fprintf(&line, "  %-3s %-9v", fmt.Sprintf("/%d", f.Bits), readable(f.Networks))
			}
			text += strings.TrimRight(line.String(), " ") + "\n"
		}
		if _, err := s.Stdout.Write([]byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// fullest watches for what is above a percentage.
type fullest struct {
	percent int64
	watches bool

	above  int
	first  []string
	failed error // of reading what nobody takes any more
}

// pass looks at all rows, however many are taken.
func (f *fullest) pass(rows iter.Seq2[db.Usage, error]) iter.Seq2[db.Usage, error] {
	const few = 3
	return func(yield func(db.Usage, error) bool) {
		taken := false
		for u, err := range rows {
			if err == nil && f.watches && u.Above(f.percent) {
				if f.above++; f.above <= few {
					f.first = append(f.first, fmt.Sprintf("%s %s (%s%%)", u.Kind, cli.Printable(usageName(u)), tenths(u.Fill)))
				}
			}
			switch {
			case !taken:
				taken = !yield(u, err)
			case err != nil:
				f.failed = err
			}
			if err != nil || taken && !f.watches {
				return
			}
		}
	}
}

// noting keeps the rows that pass.
func noting(rows iter.Seq2[db.Usage, error], kept *[]db.Usage) iter.Seq2[db.Usage, error] {
	return func(yield func(db.Usage, error) bool) {
		for u, err := range rows {
			if err == nil {
				*kept = append(*kept, u)
			}
			if !yield(u, err) {
				return
			}
		}
	}
}

// tenths is the percentage with one decimal, rounded down likewise: rounded to a whole it could be the one that it is above.
func tenths(f db.Fill) string {
	p := new(big.Int).Add(f.Used, f.Reserved)
	p.Mul(p, big.NewInt(1000))
	if f.Total.Sign() > 0 {
		p.Quo(p, f.Total)
	}
	whole, tenth := p.QuoRem(p, big.NewInt(10), new(big.Int))
	return fmt.Sprintf("%s.%s", whole, tenth)
}

// err is the error of a check that found something, or that could not look at everything.
func (f *fullest) err() error {
	if f.failed != nil || f.above == 0 {
		return f.failed
	}
	named := strings.Join(f.first, ", ")
	if f.above > len(f.first) {
		named += ", ..."
	}
	return fmt.Errorf("%w: %d above %d%%: %s", db.ErrCheck, f.above, f.percent, named)
}
