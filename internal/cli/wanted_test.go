package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var wantedRows = []fakeRow{
	{ID: 10, Label: "web", Up: &yes, Tags: []string{"a", "b"}, Made: time.Date(2011, 2, 3, 4, 5, 6, 0, time.UTC)},
	{ID: 9, Label: "it's", Tags: []string{"b"}, Made: time.Date(2011, 2, 3, 5, 5, 6, 700, time.FixedZone("", 3600))},
	{ID: 100, Label: "Web=1"},
	{ID: -3, Label: "web", Tags: []string{"c"}, Made: time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)},
	{ID: 20},
}

func TestWanted(t *testing.T) {
	f := newFake(t)
	f.rows = sequence(wantedRows, nil)
	for line, want := range map[string]string{
		"--filter id=9":                               "9",
		"--filter id=+9":                              "refused: --filter \"id=+9\": \"+9\" is not a number",
		"--filter id!=9":                              "10 100 -3 20",
		"--filter id<10":                              "9 -3",
		"--filter id<=10":                             "10 9 -3",
		"--filter id>10":                              "100 20",
		"--filter id>=10":                             "10 100 20",
		"--filter id>10 --filter id<100":              "20",
		"--filter id<-2":                              "-3",
		"--filter id>99999999999999999999":            "",
		"--filter id<99999999999999999999 --limit 2":  "10 9",
		"--filter id~^1":                              "10 100",
		"--filter label=web":                          "10 -3",
		"--filter label=Web":                          "",
		"--filter label=Web=1":                        "100",
		"--filter label!=web":                         "9 100 20",
		"--filter label=":                             "20",
		"--filter label!=":                            "10 9 100 -3",
		"--filter label~.*":                           "10 9 100 -3",
		"--filter label~(?i)^web":                     "10 100 -3",
		"--filter label>a":                            "10 9 -3",
		"--filter label<a":                            "100",
		"--filter up=true":                            "10",
		"--filter up=":                                "9 100 -3 20",
		"--filter tags=b":                             "10 9",
		"--filter tags!=b":                            "100 -3 20",
		"--filter tags=":                              "100 20",
		"--filter tags!=":                             "10 9 -3",
		"--filter tags~[ac]":                          "10 -3",
		"--filter made=2011-02-03T04:05:06Z":          "10 9",
		"--filter made=2011-02-03T05:05:06+01:00":     "10 9",
		"--filter made<2012-01-01":                    "10 9",
		"--filter made>=2012-01-01":                   "-3",
		"--filter made=":                              "100 20",
		"--sort id":                                   "-3 9 10 20 100",
		"--sort id:desc":                              "100 20 10 9 -3",
		"--sort label":                                "100 9 10 -3 20",
		"--sort label:desc":                           "10 -3 9 100 20",
		"--sort label:desc,id":                        "-3 10 9 100 20",
		"--sort label:desc --sort id:asc":             "-3 10 9 100 20",
		"--sort tags":                                 "10 9 -3 100 20",
		"--sort made:desc":                            "-3 10 9 100 20",
		"--sort up":                                   "10 9 100 -3 20",
		"--limit 2":                                   "10 9",
		"--limit 9":                                   "10 9 100 -3 20",
		"--sort id --limit 2":                         "-3 9",
		"--sort id --limit 2 --filter label!=web":     "9 20",
		"--filter id=9 --filter label=web":            "",
		"--sort lable":                                `refused: unknown column "lable" of thing list`,
		"--filter lable=web":                          `refused: unknown column "lable" of thing list`,
		"--sort id:down":                              `refused: --sort "id:down" is not COLUMN, COLUMN:asc or COLUMN:desc`,
		"--sort id,":                                  `refused: --sort "id," is not COLUMN, COLUMN:asc or COLUMN:desc`,
		"--limit 0":                                   `refused: --limit "0" is out of range (1 to 1073741824)`,
		"--filter label":                              `refused: --filter "label" is not a condition such as host=node1, vlan>=200 or 'label~^web'`,
		"--filter =web":                               `refused: --filter "=web" is not a condition such as host=node1, vlan>=200 or 'label~^web'`,
		"--filter label!web":                          `refused: --filter "label!web" is not a condition such as host=node1, vlan>=200 or 'label~^web'`,
		"--filter label~":                             `refused: --filter "label~" has no regular expression`,
		"--filter label~(":                            "refused: --filter \"label~(\": \"(\" is not a regular expression: error parsing regexp: missing closing ): `(`",
		"--filter id<":                                `refused: --filter "id<" has nothing to compare with`,
		"--filter made>soon":                          `refused: --filter "made>soon": "soon" is not a time such as 2026-03-02T10:00:00Z, or a date`,
		"--filter id=1x":                              `refused: --filter "id=1x": "1x" is not a number`,
		"--filter id=0x10":                            `refused: --filter "id=0x10": "0x10" is not a number`,
		"--filter id=1_0":                             `refused: --filter "id=1_0": "1_0" is not a number`,
		"--filter= ":                                  `refused: --filter "" is empty`,
		"--sort= ":                                    `refused: --sort "" is empty`,
		"-f json --limit 1 -c label --filter tags!=b": "[\n  {\"label\": \"Web=1\"}\n]",
	} {
		args := append([]string{"thing", "list", "-f", "value", "-c", "id"}, strings.Fields(line)...)
		if strings.HasPrefix(line, "-f") {
			args = append([]string{"thing", "list"}, strings.Fields(line)...)
		}
		if refusal, refused := strings.CutPrefix(want, "refused: "); refused {
			f.refuse(t, refusal, args...)
			continue
		}
		got := strings.TrimSuffix(f.accept(t, args...), "\n")
		if !strings.HasPrefix(line, "-f") {
			got = strings.ReplaceAll(got, "\n", " ")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	// Neither a profile nor a nova.conf hides rows.
	f.environment = map[string]string{"NOVA_LIMIT": "1", "NOVA_FILTER": "id=9", "NOVA_SORT": "id"}
	if got := f.accept(t, "thing", "list", "-f", "value", "-c", "id"); got != "10\n9\n100\n-3\n20\n" {
		t.Errorf("got %q", got)
	}
	f.refuse(t, "unknown flag --limit of thing mask", "thing", "mask", "--limit", "1")
}

// A list is read no further than it is printed, and none of it where a limit is reached.
func TestWanted_StopsEarly(t *testing.T) {
	f := newFake(t)
	read := 0
	f.rows = func(yield func(fakeRow, error) bool) {
		for read = 1; yield(fakeRow{ID: read}, nil); read++ {
		}
	}
	if got := f.accept(t, "thing", "list", "-f", "value", "-c", "id", "--limit", "3", "--filter", "id>10"); got != "11\n12\n13\n" || read != 13 {
		t.Errorf("got %q of %d rows", got, read)
	}
}

// Keys are in the order of what they are of, whatever that is.
func TestKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(3)), byte(random.IntN(256))})
		}
		return netip.AddrFrom16([16]byte{0xfd, byte(random.IntN(3)), 15: byte(random.IntN(256))})
	}
	for name, c := range map[string]struct {
		value   func() any
		compare func(a, b any) int
	}{
		"int": {func() any { return random.IntN(2000) - 1000 }, func(a, b any) int { return cmp.Compare(a.(int), b.(int)) }},
		"int64": {func() any { return int64(random.Uint64()) >> random.IntN(64) }, func(a, b any) int {
			return cmp.Compare(a.(int64), b.(int64))
		}},
		"big": {func() any {
			n := new(big.Int).Lsh(big.NewInt(random.Int64N(100)-50), uint(random.IntN(130)))
			return n
		}, func(a, b any) int { return a.(*big.Int).Cmp(b.(*big.Int)) }},
		"text": {func() any { return strings.Repeat("a\x00b\x01\xff", random.IntN(3)) + string(rune(1+random.IntN(3))) }, func(a, b any) int {
			return cmp.Compare(a.(string), b.(string))
		}},
		"list": {func() any {
			list := make([]string, 1+random.IntN(3))
			for i := range list {
				list[i] = strings.Repeat("a", 1+random.IntN(2))
			}
			return list
		}, func(a, b any) int { return slices.Compare(a.([]string), b.([]string)) }},
		"address": {func() any { return address() }, func(a, b any) int { return a.(netip.Addr).Compare(b.(netip.Addr)) }},
		"prefix": {func() any {
			a := address()
			return netip.PrefixFrom(a, a.BitLen()-random.IntN(20)).Masked()
		}, func(a, b any) int { return a.(netip.Prefix).Compare(b.(netip.Prefix)) }},
		"time": {func() any { return time.Unix(random.Int64N(1<<40)-1<<39, random.Int64N(1e9)) }, func(a, b any) int {
			return cmp.Compare(a.(time.Time).Unix(), b.(time.Time).Unix())
		}},
	} {
		for range 20000 {
			a, b := c.value(), c.value()
			if name == "prefix" && a.(netip.Prefix).Addr() != b.(netip.Prefix).Addr() {
				// netip compares the lengths first; here they only tell apart what begins alike.
				if got, want := bytes.Compare(appendKey(nil, a), appendKey(nil, b)), a.(netip.Prefix).Addr().Compare(b.(netip.Prefix).Addr()); got != want {
					t.Fatalf("prefix: %v and %v compare as %d, want %d", a, b, got, want)
				}
				continue
			}
			ka, kb := appendKey(nil, a), appendKey(nil, b)
			if got, want := bytes.Compare(ka, kb), c.compare(a, b); got != want {
				t.Fatalf("%s: %v and %v compare as %d, want %d", name, a, b, got, want)
			}
			// In front of something else they still do, and the other way round in descending order.
			x, y := []byte{byte(random.IntN(256))}, []byte{byte(random.IntN(256))}
			if want := c.compare(a, b); want != 0 {
				if got := bytes.Compare(append(appendOrdered(nil, a, true), x...), append(appendOrdered(nil, b, true), y...)); got != -want {
					t.Fatalf("%s: %v and %v descend as %d, want %d", name, a, b, got, -want)
				}
				if got := bytes.Compare(append(appendOrdered(nil, a, false), x...), append(appendOrdered(nil, b, false), y...)); got != want {
					t.Fatalf("%s: %v and %v ascend as %d, want %d", name, a, b, got, want)
				}
			}
		}
	}
	for _, absent := range []any{nil, (*big.Int)(nil), (*int)(nil), "", netip.Addr{}, netip.Prefix{}, time.Time{}, []string(nil), OrNull(0), addresses{}} {
		if k := appendKey(nil, absent); len(k) > 0 {
			t.Errorf("%#v has the key %x", absent, k)
		}
	}
	for v, want := range map[any]kind{
		1: numeric, int64(1): numeric, uint16(1): numeric, "": textual, true: textual, netip.Addr{}: addressed, netip.Prefix{}: addressed,
		time.Time{}: timed, OrNull(0): numeric, OrNull(""): textual, OrNull(netip.Addr{}): addressed, (*big.Int)(nil): numeric,
		time.Second: textual, addresses{}: addressed, nil: textual,
	} {
		if got := kindOf(v); got != want {
			t.Errorf("%T is of kind %d, want %d", v, got, want)
		}
	}
}

func TestReadRange(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1": "10.0.0.1 10.0.0.1", "10.0.0.0/30": "10.0.0.0 10.0.0.3", "10.0.0.1-10.0.0.9": "10.0.0.1 10.0.0.9",
		"FD00::/64": "fd00:: fd00::ffff:ffff:ffff:ffff", "0.0.0.0/0": "0.0.0.0 255.255.255.255",
		"10.0.0.1/30": "is an address in 10.0.0.0/30: no CIDR begins there",
		"10":          "is not an address, a CIDR or FIRST-LAST", "10.0.0.9-10.0.0.1": "is not an address, a CIDR or FIRST-LAST",
		"10.0.0.1-fd00::": "is not an address, a CIDR or FIRST-LAST", "fe80::1%eth0": "is not an address, a CIDR or FIRST-LAST",
		"10.0.0.0/33": "is not an address, a CIDR or FIRST-LAST", "-": "is not an address, a CIDR or FIRST-LAST",
	} {
		got := ""
		switch v, err := readRange(text); v := v.(type) {
		case nil:
			got = err.Error()
		case netip.Prefix:
			got = fmt.Sprint(v.Addr(), " ", lastOf(v))
		case addresses:
			got = fmt.Sprint(v.first, " ", v.last)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// However little of it fits into memory, a sort is that of the standard library, and what was put in comes out.
func TestSorter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	values := func(i, label int) []any {
		return []any{int64(i), nil, true, false, fmt.Sprint(label), []string{"x", ""}, []string{}, uint64(1 << 63),
			Object{{"a", int64(-1)}, {"b", nil}, {"c", "text"}}}
	}
	for _, memory := range []int{0, 500, 5000, 1 << 20} {
		for _, limit := range []int{0, 1, 7, 1000} {
			for _, n := range []int{0, 1, 300} {
				var rows [][]any
				for i := range n {
					rows = append(rows, values(i, random.IntN(20)))
				}
				want := slices.Clone(rows)
				slices.SortStableFunc(want, func(a, b []any) int { return cmp.Compare(a[4].(string), b[4].(string)) })
				if limit > 0 {
					want = want[:min(limit, n)]
				}
				s := &sorter{limit: limit, memory: memory}
				for _, row := range rows {
					if err := s.add(func(b []byte) []byte { return appendOrdered(b, row[4], false) }, row); err != nil {
						t.Fatal(err)
					}
				}
				if memory == 500 && n == 300 && limit == 0 && len(s.runs) < 10 {
					t.Errorf("%d runs", len(s.runs))
				}
				var got [][]any
				for row, err := range s.all() {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, row)
				}
				s.close()
				if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) && n > 0 {
					t.Errorf("memory %d, limit %d, %d rows: got %.300s, want %.300s", memory, limit, n, fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want))
				}
			}
		}
	}
}

// A row takes the bytes that are counted: what is written to find out how long it is does not stay beside it.
func TestSorter_oneAllocation(t *testing.T) {
	s := &sorter{memory: 1 << 30}
	s.rows = make([]sortedRow, 0, 2000)
	row := []any{int64(1), "10.0.0.0/27", "fd00:1::/64", nil, "br100", "apollo", "node1"}
	n := testing.AllocsPerRun(1000, func() {
		if err := s.add(func(b []byte) []byte { return appendOrdered(b, row[1], false) }, row); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// A folder for what is not in memory is needed where there is much of it, and where it is missing nothing is printed.
func TestWanted_NoRoom(t *testing.T) {
	f := newFake(t)
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	row := fakeRow{Label: strings.Repeat("x", 1<<20)}
	f.rows = func(yield func(fakeRow, error) bool) {
		for range sortInMemory>>20 + 1 {
			if !yield(row, nil) {
				return
			}
		}
	}
	if code := f.do("thing", "list", "--sort", "label"); code != exitFailed || f.stdout.Len() > 0 ||
		!strings.Contains(f.stderr.String(), "cannot keep the answers in") || !strings.Contains(f.stderr.String(), "no such file or directory") {
		t.Errorf("exit %d, %d bytes, %s", code, f.stdout.Len(), f.stderr.String())
	}
	// With a limit there is never that much.
	if got := f.accept(t, "thing", "list", "--sort", "label", "--limit", "2", "-c", "id", "-f", "value"); got != "0\n0\n" {
		t.Errorf("got %q", got)
	}
}

// An error of the rows is the command's, whatever was wanted of them.
func TestWanted_RowsFail(t *testing.T) {
	f := newFake(t)
	for _, args := range [][]string{{"--sort", "id"}, {"--filter", "id=99"}, {"--limit", "7"}, {"-f", "shell"}} {
		f.rows = sequence(wantedRows, fmt.Errorf("the disk is gone"))
		if code := f.do(append([]string{"thing", "list"}, args...)...); code != exitFailed || !strings.Contains(f.stderr.String(), "error: the disk is gone") {
			t.Errorf("%q: exit %d, %s", args, code, f.stderr.String())
		}
	}
}
