package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// writeAddresses records who has which address, what is reserved, and what is left. All of it is worked out first: to take
// each address from its pool would be a look-up and a new range for each.
func (i *importing) writeAddresses(ctx context.Context) error {
	var rows []addressRow
	used := map[netip.Addr][]netcalc.Span{} // by claim
	add := func(s netcalc.Span, claim netip.Addr, state string, instance int64) {
		rows = append(rows, addressRow{Span: s, claim: claim, state: state, instance: instance})
		used[claim] = append(used[claim], s)
	}
	one := func(a netip.Addr) netcalc.Span { return netcalc.Span{First: a, Last: a} }
	floating := slices.Clone(i.site.Ranges)
	slices.SortFunc(floating, func(a, b ImportRange) int { return a.CIDR.Addr().Compare(b.CIDR.Addr()) })
	for k := range i.site.Instances {
		v := &i.site.Instances[k]
		n := i.networkOf(v)
		for _, f := range []struct {
			a  netip.Addr
			in netip.Prefix
		}{{v.FixedIP, n.CIDR}, {v.FixedIPv6, n.CIDRv6}} {
			if f.a.IsValid() {
				add(one(f.a), f.in.Addr(), stateHeld, v.ID)
				i.done.Addresses++
			}
		}
		for _, a := range []netip.Addr{v.FloatingIP, v.FloatingIPv6} {
			if !a.IsValid() {
				continue
			}
			at, ok := slices.BinarySearchFunc(floating, a, func(r ImportRange, a netip.Addr) int {
				if r.CIDR.Contains(a) {
					return 0
				}
				return r.CIDR.Addr().Compare(a)
			})
			if !ok {
				return invalidf("instance %s has the floating address %s, which is in no range", v.Name, a)
			}
			add(one(a), floating[at].CIDR.Addr(), stateHeld, v.ID)
		}
	}
	for k := range i.site.Networks {
		n := &i.site.Networks[k]
		for _, s := range n.Reserved {
			claim := n.CIDR
			if s.First.Is6() {
				claim = n.CIDRv6
			}
			add(s, claim.Addr(), stateReserved, 0)
			i.done.Reservations++
		}
	}
	slices.SortFunc(rows, func(a, b addressRow) int { return a.First.Compare(b.First) })
	if err := addressTable.Insert(ctx, i.door, len(rows), func(k int) *addressRow { return &rows[k] }); err != nil {
		return err
	}
	var free []netcalc.Span
	for _, r := range floating {
		free = append(free, without([]netcalc.Span{r.usable()}, used[r.CIDR.Addr()])...)
	}
	for k := range i.site.Networks {
		n := &i.site.Networks[k].Network
		taken := used[n.CIDR.Addr()]
		if !n.CIDR.IsValid() || len(taken) == 0 {
			continue
		}
		p, err := n.pool()
		if err != nil {
			return err
		}
		left := without(p.usable, taken)
		free = append(free, left...)
		state := takenSome
		if len(left) == 0 {
			state = takenAll
		}
		if err := i.setTaken(ctx, *n, state); err != nil {
			return err
		}
	}
	slices.SortFunc(free, func(a, b netcalc.Span) int { return a.First.Compare(b.First) })
	return i.insertFree(ctx, unused, free...)
}

// without is what is left of spans, in order, without others of them.
func without(spans, others []netcalc.Span) (left []netcalc.Span) {
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b netcalc.Span) int { return a.First.Compare(b.First) })
	rows := make([]addressRow, len(others))
	for k, o := range others {
		rows[k].Span = o
	}
	for _, s := range spans {
		left = append(left, gapsBetween(s, rows)...)
	}
	return left
}
