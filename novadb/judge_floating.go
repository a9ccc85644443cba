package novadb

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// floatingAddress is a row of floating_ips that can be right.
type floatingAddress struct {
	*floatingRow
	addr netip.Addr
	port *Port
}

// pool is what addresses must have in common to be one range.
type pool struct{ name, host, iface string }

// judgeFloating makes ranges of the rows for each floating address, and says who has which.
func (j *judgement) judgeFloating() {
	var fixedNets spans[string]
	for _, n := range j.site.Networks {
		if n.CIDR.IsValid() {
			fixedNets.add(netcalc.SpanOf(n.CIDR), fmt.Sprintf("network %d (%s)", n.ID, n.CIDR))
		}
	}
	seen := map[netip.Addr]int64{}
	pools := map[pool][]*floatingAddress{}
	unused := int64(0)
	// Up to 2011.2 an address was a host's from its creation on; since then a row has the host that its instance is on.
	byHost := !j.has("floating_ips", "auto_assigned") && !j.has("floating_ips", "pool")
	rows := j.floating
	for _, had := range []bool{true, false} {
		for i := range rows {
			row := &rows[i]
			if row.associated != had {
				continue
			}
			f := &floatingAddress{floatingRow: row}
			if reason := j.judgeFloatingRow(f, seen, &fixedNets); reason != "" {
				j.invalid("floating_ips", row.id, "%s", reason)
				if _, twice := seen[f.addr]; f.addr.IsValid() && !twice && f.associated && f.addr.Is4() {
					// The address itself may be right: then it is in its range, and nobody has it.
					if _, in := fixedNets.over(netcalc.Span{First: f.addr, Last: f.addr}); !in && netcalc.CheckServableAddr(f.addr) == nil {
						seen[f.addr] = row.id
					}
				}
				continue
			}
			seen[f.addr] = row.id
			j.site.Taken["floating_ips"]++
			if f.project != "" && f.port == nil && !row.associated {
				unused++
			}
			key := pool{cmp.Or(row.pool, "nova"), "", row.iface}
			if byHost {
				key.host = row.host
			}
			pools[key] = append(pools[key], f)
		}
	}
	j.leave("floating_ips", unused, "allocation to a project without an instance: the address itself is imported")
	keys := make([]pool, 0, len(pools))
	for k := range pools {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b pool) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.host, b.host), cmp.Compare(a.iface, b.iface))
	})
	for _, k := range keys {
		j.site.Ranges = append(j.site.Ranges, j.ranges(k, pools[k], seen, &fixedNets)...)
	}
	slices.SortFunc(j.site.Ranges, func(a, b Range) int { return a.CIDR.Addr().Compare(b.CIDR.Addr()) })
}

func (j *judgement) judgeFloatingRow(f *floatingAddress, seen map[netip.Addr]int64, fixedNets *spans[string]) string {
	reason := reasons(servable("address", f.address, &f.addr), j.bad("host", f.host, j.names.Host), j.bad("pool", f.pool, j.names.Pool),
		j.bad("interface", f.iface, j.names.Interface), j.bad("project_id", f.project, j.names.Project))
	switch {
	case reason != "":
		return reason
	case !f.addr.IsValid():
		return "it has no address"
	case f.addr.Is6():
		return fmt.Sprintf("%s is IPv6, and Nova's floating addresses are IPv4", f.addr)
	}
	if other, twice := seen[f.addr]; twice {
		return fmt.Sprintf("%s is there twice: it is floating_ips %d, too", f.addr, other)
	}
	if in, ok := fixedNets.over(netcalc.Span{First: f.addr, Last: f.addr}); ok {
		return fmt.Sprintf("%s is in %s", f.addr, in)
	}
	if !f.associated {
		return ""
	}
	if j.vpnHeld[f.fixed] {
		return fmt.Sprintf("it is associated with fixed_ips %d, which is the VPN address of a network", f.fixed)
	}
	port := j.holders[f.fixed]
	switch {
	case port == nil:
		return fmt.Sprintf("it is associated with fixed_ips %d, which no instance has", f.fixed)
	case !port.FixedIP.IsValid():
		return fmt.Sprintf("it is associated with fixed_ips %d, which is not IPv4", f.fixed)
	case port.Floating.IsValid():
		return fmt.Sprintf("instance %d has the floating address %s already", port.Instance, port.Floating)
	}
	port.Floating, f.port = f.addr, port
	return ""
}

// ranges joins addresses to CIDR blocks. The first and the last address of a block are not handed out: of those Nova either had
// no rows, or it had, of a whole block and nothing beside it, and nobody is to have them. What does not fit so becomes blocks
// of two addresses and of one, of which all are handed out.
func (j *judgement) ranges(k pool, all []*floatingAddress, rows map[netip.Addr]int64, fixedNets *spans[string]) (made []Range) {
	slices.SortFunc(all, func(a, b *floatingAddress) int { return a.addr.Compare(b.addr) })
	at := make(map[netip.Addr]*floatingAddress, len(all))
	for _, f := range all {
		at[f.addr] = f
	}
	for len(all) > 0 {
		block := largest(all[0].addr, at, rows, fixedNets)
		r := Range{First: all[0].id, CIDR: block, Pool: k.name, Host: k.host, Interface: k.iface}
		hosts := map[string]int{}
		for len(all) > 0 && block.Contains(all[0].addr) {
			f := all[0]
			r.First = min(r.First, f.id)
			r.Rows++
			if f.host != "" {
				hosts[f.host]++
			}
			if span := netcalc.SpanOf(block); block.Bits() < 31 && (f.addr == span.First || f.addr == span.Last) {
				j.changed("floating_ips", f.id, "%s is the network or broadcast address of %s, and is not handed out", f.addr, block)
			}
			delete(at, f.addr)
			all = all[1:]
		}
		if r.Host == "" {
			r.Host = mostOf(hosts)
		}
		made = append(made, r)
	}
	return made
}

// largest is the largest block that begins with an address, or with the one before it, and of which all addresses that can be
// handed out are there.
func largest(a netip.Addr, at map[netip.Addr]*floatingAddress, rows map[netip.Addr]int64, fixedNets *spans[string]) netip.Prefix {
	best := netip.PrefixFrom(a, 32)
	for _, first := range []netip.Addr{a, a.Prev()} {
		for bits := 31; bits >= 8; bits-- {
			p := netip.PrefixFrom(first, bits)
			if p.Masked() != p {
				break
			}
			if bits < best.Bits() && fits(p, at, rows, fixedNets) {
				best = p
			}
			if bits < 31 && at[netcalc.SpanOf(p).Last.Prev()] == nil && at[netcalc.SpanOf(p).First.Next()] == nil {
				break
			}
		}
	}
	return best
}

func fits(p netip.Prefix, at map[netip.Addr]*floatingAddress, rows map[netip.Addr]int64, fixedNets *spans[string]) bool {
	s := netcalc.SpanOf(p)
	if s.Count() > uint64(len(at))+2 {
		return false
	}
	inner := s
	if p.Bits() < 31 {
		inner = netcalc.Span{First: s.First.Next(), Last: s.Last.Prev()}
		_, rowFirst := rows[s.First]
		_, rowLast := rows[s.Last]
		first, last := at[s.First], at[s.Last]
		switch {
		case first != nil && last != nil:
			// Somebody has one, or it is in the middle of what was handed out.
			_, before := rows[s.First.Prev()]
			_, behind := rows[s.Last.Next()]
			if first.port != nil || last.port != nil || before || behind {
				return false
			}
		case rowFirst || rowLast: // one of them is handed out, or belongs elsewhere
			return false
		}
		if _, in := fixedNets.over(s); in {
			return false
		}
	}
	for a := inner.First; ; a = a.Next() {
		if at[a] == nil {
			return false
		}
		if a == inner.Last {
			return true
		}
	}
}

// mostOf is the name that occurs most often, the first by name of several.
func mostOf(counts map[string]int) (most string) {
	for name, n := range counts {
		if n > counts[most] || n == counts[most] && (most == "" || name < most) {
			most = name
		}
	}
	return most
}
