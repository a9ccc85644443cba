package db

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// seen is a value of a list's column as whoever reads the list compares it: nil, an int64, a string or a span.
type seen any

// compareSeen is the order in which lists are sorted, written from what is promised and not from how it is done.
func compareSeen(a, b seen) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	}
	x, y := a.(netcalc.Span), b.(netcalc.Span)
	return cmp.Or(x.First.Compare(y.First), y.Last.Compare(x.Last))
}

// seenColumn is a column of a list: what is in it, and how a text in a condition is read.
type seenColumn[T any] struct {
	of   func(T) seen
	read func(string) seen
}

func asText(s string) seen { return s }

func asNumber(s string) seen {
	var n int64
	if _, err := fmt.Sscan(s, &n); err != nil {
		panic(err)
	}
	return n
}

func asSpan(s string) seen {
	span, err := netcalc.ParseSpan(s)
	if err != nil {
		panic(err)
	}
	return span
}

func textOrNil(s string) seen {
	if s == "" {
		return nil
	}
	return s
}

func numberOrNil(n int) seen {
	if n == 0 {
		return nil
	}
	return int64(n)
}

func spanOrNil(p netip.Prefix) seen {
	if !p.IsValid() {
		return nil
	}
	return netcalc.SpanOf(p)
}

var networkSeen = map[string]seenColumn[Network]{
	"id":              {func(n Network) seen { return n.ID }, asNumber},
	"label":           {func(n Network) seen { return textOrNil(n.Label) }, asText},
	"cidr":            {func(n Network) seen { return spanOrNil(n.CIDR) }, asSpan},
	"cidr_v6":         {func(n Network) seen { return spanOrNil(n.CIDRv6) }, asSpan},
	"bridge":          {func(n Network) seen { return n.Bridge }, asText},
	"vlan":            {func(n Network) seen { return numberOrNil(n.VLAN) }, asNumber},
	"vpn_public_port": {func(n Network) seen { return numberOrNil(n.VPNPublicPort) }, asNumber},
	"project_id":      {func(n Network) seen { return textOrNil(n.ProjectID) }, asText},
	"host":            {func(n Network) seen { return textOrNil(n.Host) }, asText},
	"manager":         {func(n Network) seen { return string(n.Manager) }, asText},
}

var instanceSeen = map[string]seenColumn[Instance]{
	"id": {func(i Instance) seen { return i.ID }, func(s string) seen {
		id, _ := InstanceID(s)
		return id
	}},
	"name":        {func(i Instance) seen { return i.Name }, asText},
	"project_id":  {func(i Instance) seen { return i.ProjectID }, asText},
	"network_id":  {func(i Instance) seen { return i.NetworkID }, asNumber},
	"mac_address": {func(i Instance) seen { return i.MAC.String() }, func(s string) seen { return strings.ToLower(s) }},
	"fixed_ip": {func(i Instance) seen {
		if !i.FixedIP.IsValid() {
			return nil
		}
		return netcalc.Span{First: i.FixedIP, Last: i.FixedIP}
	}, asSpan},
	"host": {func(i Instance) seen { return textOrNil(i.Host) }, asText},
}

var changeSeen = map[string]seenColumn[Change]{
	"number": {func(c Change) seen { return c.Number }, asNumber},
	"at":     {func(c Change) seen { return sqlstore.FormatTime(c.At) }, asText},
	"actor":  {func(c Change) seen { return c.Actor }, asText},
}

// bruteForce is what of all rows is wanted.
func bruteForce[T any](all []T, columns map[string]seenColumn[T], w Wanted) []T {
	var found []T
	for _, row := range all {
		if !slices.ContainsFunc(w.Where, func(c Condition) bool { return !holds(columns[c.Column], row, c) }) {
			found = append(found, row)
		}
	}
	for _, o := range slices.Backward(w.Order) {
		slices.SortStableFunc(found, func(a, b T) int {
			x, y := columns[o.Column].of(a), columns[o.Column].of(b)
			switch {
			case x == nil && y == nil:
				return 0
			case x == nil:
				return 1
			case y == nil:
				return -1
			case o.Descending:
				return compareSeen(y, x)
			}
			return compareSeen(x, y)
		})
	}
	if w.Limit > 0 {
		found = found[:min(w.Limit, len(found))]
	}
	return found
}

func holds[T any](column seenColumn[T], row T, c Condition) bool {
	v := column.of(row)
	if c.Value == "" {
		return (v == nil) == (c.Op == "=")
	}
	if v == nil {
		return c.Op == "!="
	}
	order := compareSeen(v, column.read(c.Value))
	return map[string]bool{"=": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[c.Op]
}

// wantedLedger is one with networks of both managers and families, and names that a locale would sort otherwise.
func wantedLedger(t *testing.T, s *Store) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create(t, s, vlans("10.0.0.0/16", 27, 12).v6("fd00:1::/48"))
	create(t, s, vlans("9.255.0.0/20", 24, 3).with(nextFree))
	create(t, s, flat("100.64.0.0/16", 20, 3).v6("fd00:7::/64").with(func(n *NewNetworks) { n.Bridge = "br0" }))
	create(t, s, vlans("10.9.0.0/24", 27, 3).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Range, n.Bits, n.VLANStart = netip.Prefix{}, 0, 200 }))
	names := []string{"web", "Web", "web-1", "web 2", "w", "ähre", "zoo", "_x", "100", "99", "it's"}
	hosts := []string{"node1", "node10", "Node2", "node-3"}
	projects := []string{"apollo", "Apollo", "a-b", "ab", "gemini"}
	random := rand.New(rand.NewPCG(5, 6))
	any := func(from []string) *string {
		v := ""
		if i := random.IntN(len(from) + 2); i < len(from) {
			v = from[i]
		}
		return &v
	}
	for _, n := range allNetworks(t, s) {
		change := NetworkChange{Label: any(names), Host: any(hosts), ProjectID: any(projects)}
		_, err := s.UpdateNetworks(ctx, []string{fmt.Sprint(n.ID)}, change)
		must(err)
	}
	for _, p := range projects {
		for _, name := range names[:4] {
			_, err := s.CreateInstances(ctx, NewInstances{Names: []string{strings.ReplaceAll(name, " ", "")}, ProjectID: p, Host: *any(hosts)})
			must(err)
		}
	}
}

// What the database finds, puts in order and limits is what whoever does it by hand finds in the whole list, on both engines and in
// the past as well.
func TestWanted_property(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		wantedLedger(t, s)
		then := 0
		for range s.Changes(t.Context(), ChangeFilter{}) {
			then++
		}
		before := collected(t, s.Networks(t.Context(), NetworkFilter{}))
		if err := s.DeleteNetworks(t.Context(), []string{"1", "3", "14", "17"}, true); err != nil {
			t.Fatal(err)
		}
		label := "later"
		if _, err := s.UpdateNetworks(t.Context(), []string{"2", "5", "15"}, NetworkChange{Label: &label, Host: &label}); err != nil {
			t.Fatal(err)
		}
		past, err := Open(t.Context(), Options{URL: urlOf(s), AsOf: Past{Number: int64(then)}})
		if err != nil {
			t.Fatal(err)
		}
		defer past.Close()
		if got := collected(t, past.Networks(t.Context(), NetworkFilter{})); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Fatalf("the past is not what was")
		}
		for when, s := range map[string]*Store{"now": s, "then": past} {
			n := 400
			if when == "then" {
				n = 60 // each list looks back anew
			}
			random := rand.New(rand.NewPCG(7, 8))
			ctx := t.Context()
			checkWanted(t, random, "networks "+when, NetworksIndexed, networkSeen, func(w Wanted) iter.Seq2[Network, error] {
				return s.Networks(ctx, NetworkFilter{Wanted: w})
			}, n)
			checkWanted(t, random, "filled networks "+when, FilledIndexed, networkSeen, func(w Wanted) iter.Seq2[Network, error] {
				return func(yield func(Network, error) bool) {
					n := 0
					for f, err := range s.FilledNetworks(ctx, NetworkFilter{Wanted: w}) {
						// Whoever prints them stops at the limit; what is counted for nothing is not seen here.
						if n++; w.Limit > 0 && n > w.Limit || !yield(f.Network, err) {
							return
						}
					}
				}
			}, n/4)
			checkWanted(t, random, "instances "+when, InstancesIndexed, instanceSeen, func(w Wanted) iter.Seq2[Instance, error] {
				return s.Instances(ctx, InstanceFilter{Wanted: w})
			}, n)
		}
		checkWanted(t, rand.New(rand.NewPCG(9, 10)), "changes", ChangesIndexed, changeSeen, func(w Wanted) iter.Seq2[Change, error] {
			return s.Changes(t.Context(), ChangeFilter{Wanted: w})
		}, 150)
	})
}

func collected[T any](t *testing.T, rows iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

// checkWanted asks for n lists at random.
func checkWanted[T any](t *testing.T, random *rand.Rand, name string, x *Indexed, columns map[string]seenColumn[T], list func(Wanted) iter.Seq2[T, error], n int) {
	t.Helper()
	all := collected(t, list(Wanted{}))
	names := make([]string, 0, len(columns))
	for c := range columns {
		names = append(names, c)
	}
	slices.Sort(names)
	for _, c := range slices.Sorted(func(yield func(string) bool) {
		for c := range x.columns {
			if !yield(c) {
				return
			}
		}
	}) {
		if _, known := columns[c]; !known && c != "undoes" {
			t.Errorf("%s: column %s is not tested", name, c)
		}
	}
	pick := func() string { return names[random.IntN(len(names))] }
	ops := []string{"=", "!=", "<", "<=", ">", ">="}
	taken := map[string]int{}
	for range n {
		var w Wanted
		for range random.IntN(3) {
			c := Condition{Column: pick(), Op: ops[random.IntN(len(ops))]}
			switch v := columns[c.Column].of(all[random.IntN(len(all))]).(type) {
			case nil:
				c.Op = ops[random.IntN(2)]
			case netcalc.Span:
				c.Value = v.String()
				if p, ok := v.Prefix(); ok && !p.IsSingleIP() {
					c.Value = p.String()
					if random.IntN(4) == 0 { // beginning alike, and larger
						c.Value = netip.PrefixFrom(p.Addr(), p.Bits()-3).Masked().String()
					}
				}
				if random.IntN(5) == 0 {
					c.Value = []string{"0.0.0.0/0", "10.0.0.32", "fd00:7::/64", "::1", "255.255.255.255", "10.0.0.0-10.0.0.99"}[random.IntN(6)]
				}
			case int64:
				c.Value = fmt.Sprint(v + random.Int64N(3) - 1)
				if c.Column == "id" && strings.HasPrefix(name, "instances") {
					c.Value = Instance{ID: v}.EC2ID()
				} else if random.IntN(20) == 0 {
					c.Value = "9000000000000000000"
				}
			case string:
				c.Value = cmp.Or(v, "nobody")
				if v != "" && c.Column != "mac_address" && c.Column != "at" && random.IntN(4) == 0 {
					c.Value = v[:len(v)-1] + "!"
				}
			}
			w.Where = append(w.Where, c)
		}
		for range random.IntN(3) {
			w.Order = append(w.Order, Order{pick(), random.IntN(2) == 0})
		}
		if random.IntN(2) == 0 {
			w.Limit = 1 + random.IntN(8)
		}
		done := x.Take(w)
		taken["where"] += len(done.Where)
		taken["order"] += len(done.Order)
		taken["limit"] += done.Limit
		if want, got := bruteForce(all, columns, done), collected(t, list(done)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %+v, of which %+v is taken:\n got %v\nwant %v", name, w, done, got, want)
		}
		// What is left to do leads to what was wanted.
		if done.Limit > 0 && fmt.Sprint(bruteForce(all, columns, w)) != fmt.Sprint(collected(t, list(done))) {
			t.Fatalf("%s: %+v is limited too early as %+v", name, w, done)
		}
	}
	if taken["where"] == 0 || taken["limit"] == 0 || taken["order"] == 0 && !strings.HasPrefix(name, "filled") {
		t.Errorf("%s: taken are %v", name, taken)
	}
}

// Each column that is said to have an index is found by it, and put in order by it.
func TestWanted_usesIndexes(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Create)
	wantedLedger(t, s)
	plan := func(from string, o ordered) string {
		t.Helper()
		return strings.Join(explain(t, s, "SELECT * FROM "+from+o.text(10), o.where.Args()...), "; ")
	}
	values := map[string]string{"id": "3", "cidr": "10.0.0.32/27", "cidr_v6": "fd00:1:0:1::/64", "vlan": "101", "vpn_public_port": "1001",
		"network_id": "3", "mac_address": "02:16:3e:00:00:01", "fixed_ip": "10.0.0.3", "number": "3", "undoes": "3", "at": "2011-02-03"}
	for _, list := range []struct {
		from string
		x    *Indexed
	}{{"networks n", NetworksIndexed}, {"instances i", InstancesIndexed}, {"changes", ChangesIndexed}, {"projects p", ProjectsIndexed}} {
		for name, column := range list.x.columns {
			unindexed := name == "undoes" || name == "host" && list.from == "instances i" // said for the sake of the limit
			value := cmp.Or(values[name], "web")
			if name == "id" && list.from == "instances i" {
				value = "i-00000003"
			}
			// A range in the list's own order may as well be read in that order, which needs no sorting.
			ops := []string{"="}
			if column.order != "" {
				ops = []string{"=", "<", "<=", ">", ">="}
			}
			for _, op := range ops {
				w := Wanted{Where: []Condition{{name, op, value}}}
				if op != "=" {
					w.Order = []Order{{name, op[0] == '<'}}
				}
				if len(list.x.Take(w).Where) != 1 {
					t.Fatalf("%s%s%s is not taken", name, op, value)
				}
				steps := plan(list.from, list.x.selects(func() *sqlstore.Where { return new(sqlstore.Where) }, w)[0])
				if !unindexed && !strings.HasPrefix(steps, "SEARCH ") {
					t.Errorf("%s: %s%s%s: %s", list.from, name, op, value, steps)
				}
			}
			for _, descending := range []bool{false, true} {
				if column.order == "" {
					continue
				}
				w := Wanted{Order: []Order{{name, descending}}}
				steps := plan(list.from, list.x.selects(func() *sqlstore.Where { return new(sqlstore.Where) }, w)[0])
				if strings.Contains(steps, "USE TEMP B-TREE FOR ORDER BY") {
					t.Errorf("%s by %s, descending %v: %s", list.from, name, descending, steps)
				}
			}
		}
	}
}

// The other lists find the rows that are wanted where they are, and nothing that is not in the whole list.
func TestWanted_addresses(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		wantedLedger(t, s)
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		var reserved []netcalc.Span
		for _, text := range []string{"10.0.0.10-10.0.0.12", "10.0.0.13", "fd00:7::100-fd00:7::1ff", "fd00:1::5"} {
			span, err := netcalc.ParseSpan(text)
			must(err)
			reserved = append(reserved, span)
		}
		must(s.ReserveAddresses(ctx, reserved))
		for i, r := range []string{"192.0.2.0/28", "198.51.100.0/29", "2001:db8::/64"} {
			_, err := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix(r), Pool: []string{"a", "b", "a"}[i], Host: []string{"node1", "node1", "Node2"}[i]})
			must(err)
		}
		for _, all := range []bool{false, true} {
			fixed := collected(t, s.FixedAddresses(ctx, FixedFilter{All: all}))
			of := map[string]func(FixedAddress) string{
				"network_id": func(a FixedAddress) string { return fmt.Sprint(a.NetworkID) },
				"cidr":       func(a FixedAddress) string { return a.CIDR.String() },
				"address":    func(a FixedAddress) string { return a.Span.String() },
			}
			for column, value := range of {
				asked := map[string]bool{"9.9.9.0/24": column != "network_id", "77": column == "network_id"}
				for i := 0; i < len(fixed); i += 1 + len(fixed)/15 {
					asked[value(fixed[i])] = value(fixed[i]) != "0"
				}
				for v, ask := range asked {
					w := FixedIndexed.Take(Wanted{Where: []Condition{{column, "=", v}}})
					if !ask || len(w.Where) != 1 {
						continue
					}
					want := slices.DeleteFunc(slices.Clone(fixed), func(a FixedAddress) bool { return value(a) != v })
					got := collected(t, s.FixedAddresses(ctx, FixedFilter{All: all, Wanted: w}))
					if len(got) >= len(fixed) {
						t.Errorf("%s=%s: %d of %d rows are read", column, v, len(got), len(fixed))
					}
					got = slices.DeleteFunc(got, func(a FixedAddress) bool { return value(a) != v })
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("all %v, %s=%s:\n got %v\nwant %v", all, column, v, got, want)
					}
				}
			}
			floating := collected(t, s.FloatingAddresses(ctx, FloatingFilter{All: all}))
			for _, c := range []Condition{{"pool", "=", "a"}, {"pool", "!=", "a"}, {"host", "=", "node1"}, {"host", "<", "node1"}, {"host", "=", "none"},
				{"address", "=", "198.51.100.3"}, {"address", "=", "192.0.2.1-192.0.2.14"}, {"address", "=", "10.0.0.1"}} {
				w := FloatingIndexed.Take(Wanted{Where: []Condition{c}, Limit: 3})
				passes := func(a FloatingAddress) bool {
					v := map[string]string{"pool": a.Range.Pool, "host": a.Range.Host, "address": a.Span.String()}[c.Column]
					return map[string]bool{"=": v == c.Value, "!=": v != c.Value, "<": v < c.Value}[c.Op]
				}
				not := func(a FloatingAddress) bool { return !passes(a) }
				want := slices.DeleteFunc(slices.Clone(floating), not)
				got := collected(t, s.FloatingAddresses(ctx, FloatingFilter{All: all, Wanted: w}))
				if len(got) >= len(floating) {
					t.Errorf("%v: %d of %d rows are read", c, len(got), len(floating))
				}
				if got = slices.DeleteFunc(got, not); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("all %v, %v:\n got %v\nwant %v", all, c, got, want)
				}
			}
		}
		for _, c := range []Condition{{"project_id", "=", "ab"}, {"project_id", ">", "a"}, {"project_id", "=", "none"}} {
			w := Wanted{Where: []Condition{c}, Order: []Order{{"project_id", true}}, Limit: 3}
			projects := map[string]seenColumn[Project]{"project_id": {func(p Project) seen { return p.ID }, asText}}
			all, err := s.Projects(ctx)
			must(err)
			if want, got := bruteForce(all, projects, w), collected(t, s.WantedProjects(ctx, ProjectsIndexed.Take(w))); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v:\n got %v\nwant %v", c, got, want)
			}
		}
		groups, err := s.WantedGroups(ctx, "", GroupsIndexed.Take(Wanted{Where: []Condition{{"project_id", "=", "ab"}, {"name", "=", "default"}}, Limit: 1}))
		must(err)
		if len(groups) != 1 || groups[0].ProjectID != "ab" {
			t.Errorf("groups %v", groups)
		}
	})
}

// Whoever wants a few rows does not wait for the others, which PostgreSQL's driver would read to the end.
func TestWanted_limit(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		wantedLedger(t, s)
		w := NetworksIndexed.Take(Wanted{Order: []Order{{"host", true}}, Limit: 2})
		n := 0
		must := s.view(t.Context(), func(ctx context.Context, v view) error {
			for _, o := range NetworksIndexed.selects(func() *sqlstore.Where { return new(sqlstore.Where) }, w) {
				all, err := networkTable.All(ctx, v.ReadTx, o.text(w.Limit), o.where.Args()...)
				if err != nil {
					return err
				}
				n = max(n, len(all))
			}
			return nil
		})
		if must != nil || n != 2 {
			t.Errorf("%d rows, %v", n, must)
		}
	})
}
