package db

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
)

// The model undoes a change by what it was before it and after it, fact by fact, and knows nothing of rows: a fact that the change
// made, took away or changed becomes what it was, and where it is not any more as the change left it, something depends on it.

// fact is a property of something.
type fact struct {
	kind  string
	of    any // what tells one thing of a kind from the others
	field string
}

type facts map[fact]any

// add has a fact for each field of a thing.
func (f facts) add(kind string, of, thing any) {
	v := reflect.ValueOf(thing)
	for i := range v.NumField() {
		f[fact{kind, of, v.Type().Field(i).Name}] = v.Field(i).Interface()
	}
}

// things puts the things of a kind together again.
func things[T any](f facts, kind string, compare func(a, b T) int) []T {
	byID := map[any]*T{}
	for is, value := range f {
		if is.kind != kind {
			continue
		}
		if byID[is.of] == nil {
			byID[is.of] = new(T)
		}
		reflect.ValueOf(byID[is.of]).Elem().FieldByName(is.field).Set(reflect.ValueOf(value))
	}
	var all []T
	for _, thing := range byID {
		all = append(all, *thing)
	}
	slices.SortFunc(all, compare)
	return all
}

func (m *model) facts() facts {
	f := facts{}
	for _, n := range m.networks {
		f.add("network", n.ID, n)
	}
	for _, i := range m.instances {
		f.add("instance", i.ID, i)
	}
	for _, r := range m.floating {
		f.add("floating", r.CIDR, r)
	}
	for name, p := range m.projects {
		f[fact{"project", name, ""}] = p.description
		for resource, limit := range p.quotas {
			f[fact{"quota", name, resource}] = limit
		}
		for _, g := range p.groups {
			for _, r := range g.Rules {
				f[fact{"rule", modelRule{g.ID, r}, ""}] = m.rules[modelRule{g.ID, r}]
			}
			g.Rules = nil
			f.add("group", g.ID, g)
		}
	}
	for a := range m.reserved {
		f[fact{"reserved", a, ""}] = true
	}
	for a, n := range m.released {
		f[fact{"released", a, ""}] = n
	}
	return f
}

// with is the model with other facts. What was counted goes on from where it is.
func (m *model) with(f facts) *model {
	c := newModel()
	c.last = m.clone().last
	c.networks = things(f, "network", func(a, b Network) int { return cmp.Compare(a.ID, b.ID) })
	c.instances = things(f, "instance", func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	c.floating = things(f, "floating", func(a, b FloatingRange) int { return a.CIDR.Compare(b.CIDR) })
	for is, value := range f {
		switch is.kind {
		case "project":
			c.projects[is.of.(string)] = &modelProject{description: value.(string), quotas: map[string]int64{}}
		case "rule":
			c.rules[is.of.(modelRule)] = value.(int64)
		case "reserved":
			c.reserved[is.of.(netip.Addr)] = true
		case "released":
			c.released[is.of.(netip.Addr)] = value.(int64)
		}
	}
	for is, value := range f {
		if p := c.projects[fmt.Sprint(is.of)]; is.kind == "quota" && p != nil {
			p.quotas[is.field] = value.(int64)
		}
	}
	for _, g := range things(f, "group", func(a, b SecurityGroup) int { return cmp.Compare(a.ID, b.ID) }) {
		for r := range c.rules {
			if r.group == g.ID {
				g.Rules = append(g.Rules, r.Rule)
			}
		}
		slices.SortFunc(g.Rules, func(a, b Rule) int { return cmp.Compare(c.rules[modelRule{g.ID, a}], c.rules[modelRule{g.ID, b}]) })
		if c.projects[g.ProjectID] == nil {
			continue // the schema would not have it, and so the lists differ
		}
		c.projects[g.ProjectID].groups = append(c.projects[g.ProjectID].groups, g)
	}
	// What was noted of addresses goes with what they are in.
	c.forget(func(a netip.Addr) bool {
		return !slices.ContainsFunc(c.networks, func(n Network) bool { return n.CIDR.Contains(a) || n.CIDRv6.Contains(a) }) &&
			!slices.ContainsFunc(c.floating, func(r FloatingRange) bool { return r.CIDR.Contains(a) })
	})
	return c
}

// undo is what there is without what a change did that led from one model to another. depends is a fact that is not any more as the
// change left it; nothing tells that the change did nothing.
func (m *model) undo(before, after *model) (undone facts, depends string, nothing bool) {
	was, left, now := before.facts(), after.facts(), m.facts()
	all := maps.Clone(was)
	maps.Copy(all, left)
	nothing = true
	for is := range all {
		old, there := was[is]
		if reflect.DeepEqual(old, left[is]) {
			continue
		}
		nothing = false
		switch same := reflect.DeepEqual(now[is], left[is]); {
		case !same && is.field == "UpdatedAt": // two changes of different values both write it
		case !same:
			depends = fmt.Sprintf("%v was %v, became %v, and is %v", is, old, left[is], now[is])
		case there:
			now[is] = old
		default:
			delete(now, is)
		}
	}
	return now, depends, nothing
}
