package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRun runs a small case of each kind, with whatever times this machine has.
func TestRun(t *testing.T) {
	if _, err := exec.LookPath("sqlite3"); err != nil {
		if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	create := []string{"network", "create", "10.0.1.0/24", "3", "32", "100", "1000", "fd00:1::/48"}
	cases := []benchCase{
		{name: "creating", aim: "none", sides: creating(create...)},
		{name: "reading", aim: "none", sides: reading(create, []string{"network", "list"}, "SELECT id FROM networks")},
		{name: "adding", aim: "none", sides: adding(create, "instance", "create", "web", "--project_id", "apollo", "--create_project", "--count", "3")},
		{name: "printing", aim: "none", sides: printing(create, "fixed", "list", "--all")},
		{name: "node", aim: "none", sides: nodeFiles(3, 5, func(w *world, ledger, tree string) []side {
			return []side{{"nova-manage", func() (cost, error) { return stopwatch(w.nova(ledger, emitAll(tree)...)) }}, w.compare(tree)}
		})},
		{name: "importing", aim: "none", sides: importing(3, 2)},
		{name: "serving", aim: "none", sides: serving([]int{1003, 3}, func(e *endpoint) error {
			return errors.Join(e.repeat(4, 2, e.oneInstance), e.repeat(2, 1, e.rule), e.pages())
		}, "instance", "list", "--filter", "id=i-00000001")},
		{name: "growing", aim: "none", sides: growing(20, 10), rounds: 2},
	}
	var out bytes.Buffer
	if err := run(&out, cases, 1, "", ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if !strings.Contains(out.String(), "\n"+c.name+" (aim: "+c.aim+")\n") {
			t.Errorf("nothing about %s in\n%s", c.name, &out)
		}
	}
}

// TestReport_requests has 100 requests in a quarter of a second be 400 in a second.
func TestReport_requests(t *testing.T) {
	var out bytes.Buffer
	report(&out, benchCase{name: "a", requests: 100}, []side{{name: "b"}}, [][]cost{{{time: time.Second}, {time: time.Second / 4}}})
	if !strings.HasSuffix(out.String(), "   400 requests/s\n") {
		t.Error(out.String())
	}
}

func TestMedian(t *testing.T) {
	for want, times := range map[time.Duration][]time.Duration{
		3: {3},
		4: {3, 5},
		5: {1, 9, 5},
		6: {100, 1, 7, 5},
	} {
		slices.Sort(times)
		if got := median(times); got != want {
			t.Errorf("median of %d is %d, want %d", times, got, want)
		}
	}
}

// TestRace checks that the sides take turns at going first and that the first round does not count.
func TestRace(t *testing.T) {
	var order strings.Builder
	named := func(name string) side {
		return side{name, func() (cost, error) { order.WriteString(name); return cost{time: 1}, nil }}
	}
	costs, err := race([]side{named("a"), named("b"), named("c")}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := order.String(), "abc"+"bca"+"cab"; got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
	for n, list := range costs {
		if len(list) != 2 {
			t.Errorf("side %d has %d times, want 2", n, len(list))
		}
	}
}
