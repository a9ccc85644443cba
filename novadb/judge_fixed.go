package novadb

import (
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// hangingRows are the addresses of a network that cannot be right.
type hangingRows struct{ first, rows int64 }

// judgeFixed judges the addresses. Those that somebody has come first: of two rows of one address that one is right.
func (j *judgement) judgeFixed() {
	seen := make(map[netip.Addr]int64, len(j.fixed))
	hanging, ofDeleted, ipv6 := map[int64]*hangingRows{}, int64(0), int64(0)
	for _, had := range []bool{true, false} {
		for i := range j.fixed {
			row := &j.fixed[i]
			if had != (row.allocated || row.instance != "") {
				continue
			}
			f := &fixedAddress{fixedRow: row, owner: j.instances[row.instance], on: j.networks[row.network]}
			reason := ""
			switch {
			case row.noNetwork:
				reason = "it has no network"
			case f.on == nil && j.badNet[row.network] != "":
				// The network is listed; a line for each of its addresses would hide the others.
				if f.owner != nil {
					f.owner.lost = fmt.Sprintf("its network %d is left out", row.network)
				}
				h := hanging[row.network]
				if h == nil {
					h = &hangingRows{first: row.id}
					hanging[row.network] = h
				}
				h.first, h.rows = min(h.first, row.id), h.rows+1
				continue
			case f.on == nil && j.gone[goneKey{"networks", fmt.Sprint(row.network)}]:
				if f.owner == nil {
					ofDeleted++
					continue
				}
				reason = fmt.Sprintf("its network %d is soft-deleted", row.network)
			case f.on == nil:
				reason = fmt.Sprintf("its network %d is not there", row.network)
			default:
				reason = j.judgeAddress(f, seen)
			}
			if reason != "" {
				j.invalid("fixed_ips", row.id, "%s", reason)
				if f.owner != nil {
					f.owner.lost = fmt.Sprintf("its address, fixed_ips %d, is left out", row.id)
				}
				continue
			}
			seen[f.addr] = row.id
			if f.owner == nil && f.addr.Is6() {
				ipv6++
				continue
			}
			j.site.Taken["fixed_ips"]++
			switch {
			case f.owner == nil:
				f.on.rows = append(f.on.rows, f)
			case f.owner != nil && f.on.VLAN != 0 && f.on.CIDR.IsValid() && f.addr == f.on.layout.VPN:
				f.owner.vpn = true
				j.vpnHeld[row.id] = true
				f.on.rows = append(f.on.rows, f)
			case f.owner != nil:
				f.owner.held = append(f.owner.held, f)
				if f.addr.Is4() {
					f.on.rows = append(f.on.rows, f)
				}
			}
		}
	}
	for id, h := range hanging {
		j.find(Invalid, "fixed_ips", fmt.Sprint(h.first), h.rows, fmt.Sprintf("its network %d is left out", id))
	}
	j.leave("fixed_ips", ipv6, "IPv6 that no instance has: of a /64 nobody is handed the next address")
	j.leave("fixed_ips", ofDeleted, "of a soft-deleted network")
}

// judgeAddress judges a row whose network is there.
func (j *judgement) judgeAddress(f *fixedAddress, seen map[netip.Addr]int64) string {
	var err error
	if f.addr, err = netcalc.ParseAddr(f.address); err != nil {
		return fmt.Sprintf("address %v", err)
	}
	in := f.on.CIDR
	if f.addr.Is6() {
		in = f.on.CIDRv6
	}
	if !in.IsValid() || !in.Contains(f.addr) {
		return fmt.Sprintf("%s is not in %s", f.addr, f.on.name())
	}
	if other, twice := seen[f.addr]; twice {
		return fmt.Sprintf("%s is there twice: it is fixed_ips %d, too", f.addr, other)
	}
	switch {
	case f.owner != nil:
		if f.addr.Is4() {
			if role := f.on.role(f.addr); role != "" && role != "vpn" {
				return fmt.Sprintf("instance %d has %s, which %s keeps (%s)", f.owner.id, f.addr, f.on.name(), role)
			}
		}
		return ""
	case f.instance == "" && f.allocated && !f.hosts:
		return fmt.Sprintf("%s is allocated, and to no instance", f.addr)
	case f.instance == "":
		return ""
	case j.badInst[f.instance] != "":
		return fmt.Sprintf("its %s is left out", j.badInst[f.instance])
	case j.gone[goneKey{"instances", f.instance}]:
		if f.allocated {
			return fmt.Sprintf("%s is allocated to instance %s, which is soft-deleted", f.addr, f.instance)
		}
		return "" // as Nova leaves it until the lease runs out
	}
	return fmt.Sprintf("its instance %s is not there", f.instance)
}

// reserve finds what of a network is kept from guests beyond its manager's own rules.
func (j *judgement) reserve(n *network) {
	if !n.CIDR.IsValid() || len(n.rows) == 0 {
		return
	}
	slices.SortFunc(n.rows, func(a, b *fixedAddress) int { return a.addr.Compare(b.addr) })
	kept := func(f *fixedAddress) bool {
		return (f.reserved || f.hosts) && (f.owner == nil || j.vpnHeld[f.id])
	}
	// cnt_vpn_clients is no column: it shows where the broadcast address and those below it are reserved.
	if last := len(n.rows) - 1; n.Manager == VlanManager && n.rows[last].addr == n.layout.Broadcast && kept(n.rows[last]) {
		clients, a := 0, n.layout.Broadcast.Prev()
		for i := last - 1; i >= 0 && n.rows[i].addr == a && kept(n.rows[i]) && n.role(a) == ""; i-- {
			clients, a = clients+1, a.Prev()
		}
		before := n.layout
		n.VPNClients = clients
		if n.place() != nil {
			n.VPNClients, n.layout = 0, before
		}
	}
	var spans []netcalc.Span
	for _, f := range n.rows {
		if !kept(f) || n.role(f.addr) != "" {
			continue
		}
		if f.hosts && !f.reserved {
			j.changed("fixed_ips", f.id, "%s is a network node's, as in a network with multi_host, and is reserved", f.addr)
		}
		if k := len(spans) - 1; k >= 0 && spans[k].Last.Next() == f.addr {
			spans[k].Last = f.addr
		} else {
			spans = append(spans, netcalc.Span{First: f.addr, Last: f.addr})
		}
	}
	n.Reserved = append(spans, j.outside(n)...)
	slices.SortFunc(n.Reserved, func(a, b netcalc.Span) int { return a.First.Compare(b.First) })
}

// outside is what no guest can have since 2011.3's --fixed_cidr: a part of the network has rows, a CIDR block, and Nova gives
// out no address without one.
func (j *judgement) outside(n *network) (spans []netcalc.Span) {
	block := netcalc.Span{First: n.rows[0].addr, Last: n.rows[len(n.rows)-1].addr}
	p, ok := block.Prefix()
	if !ok || p == n.CIDR || len(n.rows) < 4 || uint64(len(n.rows)) != block.Count() {
		return nil
	}
	j.changed("networks", n.ID, "guests have addresses of %s only, and the rest of %s is reserved", p, n.CIDR)
	for _, rest := range n.layout.Guests.Minus(block) {
		spans = append(spans, rest.Minus(netcalc.Span{First: n.Gateway, Last: n.Gateway})...)
	}
	return spans
}
