package db

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/netcalc"
)

// networkByID is an index.
func (m *model) networkByID(id int64) int {
	return slices.IndexFunc(m.networks, func(n Network) bool { return n.ID == id })
}

// findNetworks resolves NETWORK arguments: an id, a CIDR of either family, or a label that is unique.
func (m *model) findNetworks(refs []string) (found []int64, why verdict) {
	for _, ref := range refs {
		var matching []int64
		for _, n := range m.networks {
			if strconv.FormatInt(n.ID, 10) == ref || n.Label == ref || n.CIDR.IsValid() && n.CIDR.String() == ref || n.CIDRv6.IsValid() && n.CIDRv6.String() == ref {
				matching = append(matching, n.ID)
			}
		}
		why.add(len(matching) == 0, ErrNotFound)
		why.add(len(matching) > 1, ErrConflict)
		if len(matching) == 1 && !slices.Contains(found, matching[0]) {
			found = append(found, matching[0])
		}
	}
	return found, why
}

// createNetworks plans networks one by one, each where the sentences of `network create` put it.
func (m *model) createNetworks(n NewNetworks) (why verdict) {
	m.neverNetworks(n, &why)
	if why.never {
		return why
	}
	if n.NextFree && n.IfNotExists {
		if m.countThere(&n, &why); !why.none() || n.Count == 0 {
			return why
		}
	}
	p := networkPlan{model: m, NewNetworks: n, why: &why}
	bridgeV6 := p.bridgePrefix()
	for i := range n.Count {
		p.plan(i, bridgeV6)
		if !why.none() {
			return why
		}
	}
	added := 0
	for i, there := range p.there {
		if there {
			continue
		}
		added++
		if v6 := p.networks[i].CIDRv6; v6.IsValid() && n.Given.GatewayV6.IsValid() {
			why.add(m.taken(n.Given.GatewayV6), ErrConflict)
		}
	}
	if added > 0 && n.Given.ProjectID != "" {
		why.add(m.over(n.Given.ProjectID, "networks", added), ErrConflict)
	}
	for i := range p.networks {
		if !p.there[i] {
			p.networks[i].ID = m.next("network")
			m.networks = append(m.networks, p.networks[i])
		}
	}
	for _, s := range n.Reserve {
		p.reserve(s)
	}
	for _, network := range p.networks {
		for _, r := range n.ReserveOffsets {
			p.reserve(netcalc.Span{First: ip4(network.CIDR.Addr(), int(r.First)), Last: ip4(network.CIDR.Addr(), int(r.Last))})
		}
	}
	return why
}

// reserve keeps IPv4 addresses of the networks asked for; of those that were there they must be reserved already.
func (p *networkPlan) reserve(s netcalc.Span) {
	usable := 0
	for _, a := range each(s) {
		i := slices.IndexFunc(p.networks, func(n Network) bool { return n.CIDR.Contains(a) })
		if p.why.add(i < 0, ErrConflict) || !slices.Contains(guests(p.networks[i]), a) {
			continue
		}
		usable++
		p.why.add(p.there[i] && !p.reserved[a], ErrConflict)
		p.reserved[a] = true
	}
	p.why.add(usable == 0, ErrConflict)
}

// neverNetworks is what can never be right.
func (m *model) neverNetworks(n NewNetworks, why *verdict) {
	vlan := n.Manager == VlanManager
	why.neverIf(n.Count < 1)
	why.neverIf(n.NextFree && n.IfNotExists && n.Given.Label == "" && n.Given.ProjectID == "")
	if n.Range.IsValid() {
		why.neverIf(n.Bits < n.Range.Bits() || n.Count > 1<<(n.Bits-min(n.Range.Bits(), n.Bits)))
		g := n.Given.Gateway
		why.neverIf(g.IsValid() && (n.Count > 1 || !n.Range.Contains(g)))
		sample := Network{Manager: n.Manager, VPNClients: n.VPNClients, CIDR: netip.PrefixFrom(n.Range.Addr(), n.Bits)}
		if n.NextFree && g.IsValid() {
			sample.CIDR = netip.PrefixFrom(g, n.Bits).Masked()
		}
		why.neverIf(!place(&sample, g))
		for _, r := range n.ReserveOffsets {
			why.neverIf(r.Last >= uint64(size(sample.CIDR)))
			forGuest := func(a netip.Addr) bool { return slices.Contains(guests(sample), a) }
			first, last := ip4(sample.CIDR.Addr(), int(r.First)), ip4(sample.CIDR.Addr(), int(r.Last))
			usual := !g.IsValid() && !n.Given.GatewayV6.IsValid()
			why.neverIf(usual && !slices.ContainsFunc(each(netcalc.Span{First: first, Last: last}), forGuest))
		}
		reach := netcalc.SpanOf(n.Range)
		if !n.NextFree {
			reach.Last = ip4(reach.First, n.Count*size(sample.CIDR)-1)
		}
		for _, s := range n.Reserve {
			why.neverIf(!reach.Covers(s))
		}
	} else {
		why.neverIf(!vlan && n.Count > 1)
	}
	slots := 0
	if n.RangeV6.IsValid() {
		slots = 1 << (64 - n.RangeV6.Bits())
		why.neverIf(vlan && n.Count > slots)
	}
	if g := n.Given.GatewayV6; g.IsValid() {
		first := slash64(n.RangeV6, 0)
		if n.NextFree || !n.RangeV6Asked {
			first = netip.PrefixFrom(g, 64).Masked()
		}
		why.neverIf(slots == 0 || n.NoIPv6 || vlan && n.Count > 1 || !n.RangeV6.Contains(g) || !first.Contains(g) || g == first.Addr())
	}
	if vlan && n.Bridge != "" {
		_, named := vlanOfBridge(n.Bridge)
		why.neverIf(!named || n.Count > 1 || n.VLANStartAsked && !n.NextFree && n.Bridge != "br"+strconv.Itoa(n.VLANStart))
	}
	why.neverIf(vlan && (n.VLANStart < 1 || n.VLANStart+n.Count-1 > 4094))
	why.neverIf(vlan && n.Range.IsValid() && (n.VPNStart < 1 || n.VPNStart+n.Count-1 > 65535))
}

// countThere takes off what is asked for as many networks, the oldest first, as there are of that label, project, size and manager,
// which must be as asked otherwise.
func (m *model) countThere(n *NewNetworks, why *verdict) {
	wanted := n.Count
	for _, o := range slices.SortedFunc(slices.Values(m.networks), func(a, b Network) int { return cmp.Compare(a.ID, b.ID) }) {
		like := o.Manager == n.Manager && (n.Given.Label == "" || o.Label == n.Given.Label) &&
			(n.Given.ProjectID == "" || o.ProjectID == n.Given.ProjectID) && (n.Manager == VlanManager || o.Bridge == n.Bridge) &&
			o.CIDR.IsValid() == n.Range.IsValid() && (!o.CIDR.IsValid() || o.CIDR.Bits() == n.Bits)
		if !like || wanted == 0 {
			continue
		}
		wanted--
		why.add(n.RangeV6Asked && !o.CIDRv6.IsValid() || o.VPNClients != n.VPNClients, ErrConflict)
		why.add(n.Given.Gateway.IsValid() && o.Gateway != n.Given.Gateway, ErrConflict)
		why.add(n.Given.GatewayV6.IsValid() && o.GatewayV6 != n.Given.GatewayV6, ErrConflict)
		why.add(n.Given.Host != "" && o.Host != n.Given.Host, ErrConflict)
	}
	n.Count, n.IfNotExists = wanted, false
}

// networkPlan is a network create under way.
type networkPlan struct {
	*model
	NewNetworks
	why      *verdict
	networks []Network
	there    []bool
}

func (p *networkPlan) plan(i int, bridgeV6 netip.Prefix) {
	n := p.Given
	n.Manager, n.VPNClients, n.CreatedAt, n.Bridge = p.Manager, p.VPNClients, testTime, p.Bridge
	if n.BridgeInterface == "" {
		n.BridgeInterface = p.Default.BridgeInterface
	}
	if !n.DNS1.IsValid() && p.Range.IsValid() {
		n.DNS1 = p.Default.DNS1
	}
	if p.Range.IsValid() {
		n.CIDR = p.slot(p.block, i, 1<<(p.Bits-p.Range.Bits()))
		// A gateway that is at home in another slot than the free one is not wrong by itself.
		if !n.CIDR.IsValid() || p.why.add(!place(&n, p.Given.Gateway), ErrConflict) {
			return
		}
	}
	vlan := p.Manager == VlanManager
	if vlan && p.RangeV6.IsValid() && !p.anywhereV6() {
		n.CIDRv6 = p.slot(p.slash64, i, 1<<(64-p.RangeV6.Bits()))
	} else if !vlan {
		n.CIDRv6 = bridgeV6
	}
	at := p.existing(n)
	if vlan && p.RangeV6.IsValid() && p.anywhereV6() && at < 0 {
		n.CIDRv6 = p.slash64(p.run(0, 1<<(64-p.RangeV6.Bits())-1, func(k int) bool { return p.claimed(p.slash64(k)) }))
	}
	if vlan {
		used := func(vlan int) bool {
			return p.has(func(o Network) bool { return o.VLAN == vlan || o.Bridge == "br"+strconv.Itoa(vlan) })
		}
		if n.VLAN = p.number(p.VLANStart, p.VLANStartAsked, i, at, 4094, used); n.VLAN > 0 {
			n.Bridge = "br" + strconv.Itoa(n.VLAN)
		}
		p.why.add(p.Bridge != "" && n.Bridge != p.Bridge, ErrConflict)
		if n.CIDR.IsValid() {
			n.VPNPublicAddress = p.VPNAddress
			n.VPNPublicPort = p.number(p.VPNStart, p.VPNStartAsked, i, at, 65535, func(port int) bool {
				return p.has(func(o Network) bool { return o.VPNPublicPort == port })
			})
		}
	}
	if n.CIDRv6.IsValid() {
		p.gatewayV6(&n)
	}
	if at >= 0 {
		p.match(p.model.networks[at], n)
		p.networks, p.there = append(p.networks, p.model.networks[at]), append(p.there, true)
		return
	}
	p.refuse(n)
	p.networks, p.there = append(p.networks, n), append(p.there, false)
}

// block is the k-th of the IPv4 slots, slash64 the k-th of the IPv6 ones.
func (p *networkPlan) block(k int) netip.Prefix {
	return netip.PrefixFrom(ip4(p.Range.Addr(), k<<(32-p.Bits)), p.Bits)
}

func (p *networkPlan) slash64(k int) netip.Prefix { return slash64(p.RangeV6, k) }

// anywhereV6 tells whether nobody says where in the IPv6 range the networks are: those that are known by nothing else begin
// where it does, so that they are found again.
func (p *networkPlan) anywhereV6() bool {
	return !p.RangeV6Asked && !p.NextFree && (p.Range.IsValid() || !p.IfNotExists)
}

// run is where the next of the networks that are not there stands: they follow on each other from the first place where
// that many are free.
func (p *networkPlan) run(start, last int, used func(int) bool) int {
	missing, before := 0, 0
	for i := range p.Count {
		n := Network{}
		if p.Range.IsValid() {
			n.CIDR = p.block(i)
		} else if p.RangeV6.IsValid() {
			n.CIDRv6 = p.slash64(i)
		}
		if p.existing(n) < 0 {
			missing++
			if i < len(p.networks) {
				before++
			}
		}
	}
	made := p.networks
	p.networks = nil // as it was before the first of them
	defer func() { p.networks = made }()
	for at := start; at+missing-1 <= last; at++ {
		free := true
		for k := range missing {
			free = free && !used(at+k)
		}
		if free {
			return at + before
		}
	}
	p.why.add(true, ErrConflict)
	return start
}

// has tells whether a network, there or planned, is what is asked about.
func (p *networkPlan) has(is func(Network) bool) bool {
	return slices.ContainsFunc(p.model.networks, is) || slices.ContainsFunc(p.networks, is)
}

// slot is the i-th of a range's slots, or the first one that is free.
func (p *networkPlan) slot(at func(int) netip.Prefix, i, slots int) netip.Prefix {
	if !p.NextFree {
		return at(i)
	}
	for k := range slots {
		if s := at(k); !p.claimed(s) && !p.has(func(o Network) bool { return o.CIDR == s || o.CIDRv6 == s }) {
			return s
		}
	}
	p.why.add(true, ErrConflict)
	return netip.Prefix{}
}

// number is the i-th number from start on, the first one that is free, or the next of a run; 0 for a network that is there,
// where nobody asked for a number.
func (p *networkPlan) number(start int, asked bool, i, at, last int, used func(int) bool) int {
	switch {
	case !p.NextFree && asked:
		return start + i
	case at >= 0:
		return 0
	case !p.NextFree:
		return p.run(start, last, used)
	}
	for n := start; n <= last; n++ {
		if !used(n) {
			return n
		}
	}
	p.why.add(true, ErrConflict)
	return 0
}

// bridgePrefix is the IPv6 prefix of a flat bridge: the one it has, else one of the range asked for.
func (p *networkPlan) bridgePrefix() netip.Prefix {
	if p.Manager == VlanManager {
		return netip.Prefix{}
	}
	p.why.add(p.has(func(o Network) bool { return o.Bridge == p.Bridge && o.VLAN != 0 }), ErrConflict)
	if p.NoIPv6 {
		return netip.Prefix{}
	}
	for _, o := range p.model.networks {
		if o.Bridge != p.Bridge || !o.CIDRv6.IsValid() {
			continue
		}
		if r := p.RangeV6; r.IsValid() && p.RangeV6Asked {
			p.why.add(o.CIDRv6 != slash64(r, 0) && !(p.NextFree && r.Overlaps(o.CIDRv6)), ErrConflict)
		}
		return o.CIDRv6
	}
	if !p.RangeV6.IsValid() {
		return netip.Prefix{}
	}
	if p.anywhereV6() {
		for k := range 1 << (64 - p.RangeV6.Bits()) {
			if s := p.slash64(k); !p.claimed(s) {
				return s
			}
		}
		p.why.add(true, ErrConflict)
	}
	return p.slot(p.slash64, 0, 1<<(64-p.RangeV6.Bits()))
}

// gatewayV6 is the one asked for, else the one that the bridge's router has, else ::1.
func (p *networkPlan) gatewayV6(n *Network) {
	n.GatewayV6 = n.CIDRv6.Addr().Next()
	first := int64(0)
	for _, o := range p.model.networks {
		if n.VLAN == 0 && o.Bridge == n.Bridge && o.GatewayV6.IsValid() && (first == 0 || o.ID < first) {
			n.GatewayV6, first = o.GatewayV6, o.ID
		}
	}
	if g := p.Given.GatewayV6; g.IsValid() {
		n.GatewayV6 = g
		p.why.add(!n.CIDRv6.Contains(g) || g == n.CIDRv6.Addr(), ErrConflict)
	}
}

// existing returns, under --if_not_exists, the index of the network that is there; else -1.
func (p *networkPlan) existing(n Network) int {
	if !p.IfNotExists {
		return -1
	}
	return slices.IndexFunc(p.model.networks, func(o Network) bool {
		return o.CIDR == n.CIDR && (n.CIDR.IsValid() || o.CIDRv6 == n.CIDRv6)
	})
}

// match finds what a network that is there has other than asked.
func (p *networkPlan) match(o, n Network) {
	g := p.Given
	vlan := p.Manager == VlanManager
	p.why.add(o.Manager != n.Manager || (!vlan || p.VLANStartAsked) && o.VLAN != n.VLAN || n.Bridge != "" && o.Bridge != n.Bridge ||
		p.VPNStartAsked && n.VPNPublicPort != 0 && o.VPNPublicPort != n.VPNPublicPort || o.VPNClients != n.VPNClients, ErrConflict)
	switch {
	case vlan && p.RangeV6.IsValid() && p.anywhereV6():
		p.why.add(!o.CIDRv6.IsValid(), ErrConflict)
	case vlan || p.RangeV6.IsValid() || p.NoIPv6:
		p.why.add(o.CIDRv6 != n.CIDRv6, ErrConflict)
	}
	p.why.add(g.Gateway.IsValid() && o.Gateway != n.Gateway || g.GatewayV6.IsValid() && o.GatewayV6 != g.GatewayV6 ||
		g.Label != "" && o.Label != n.Label || g.ProjectID != "" && o.ProjectID != n.ProjectID || g.Host != "" && o.Host != n.Host, ErrConflict)
}

// refuse finds what a new network would share and may not.
func (p *networkPlan) refuse(n Network) {
	if n.CIDR.IsValid() {
		p.why.add(p.claimed(n.CIDR), ErrConflict)
	}
	for _, o := range p.model.networks {
		shared := n.VLAN == 0 && o.VLAN == 0 && o.Bridge == n.Bridge
		p.why.add(n.VLAN != 0 && (o.VLAN == n.VLAN || o.Bridge == n.Bridge), ErrConflict)
		p.why.add(n.VPNPublicPort != 0 && o.VPNPublicPort == n.VPNPublicPort, ErrConflict)
		p.why.add(n.CIDRv6.IsValid() && o.CIDRv6.IsValid() && o.CIDRv6.Overlaps(n.CIDRv6) && !shared, ErrConflict)
		p.why.add(!n.CIDR.IsValid() && !o.CIDR.IsValid() && o.CIDRv6 == n.CIDRv6, ErrConflict)
	}
	for _, r := range p.floating {
		p.why.add(n.CIDRv6.IsValid() && r.CIDR.Overlaps(n.CIDRv6), ErrConflict)
	}
}

// updateNetworks changes networks in the order of refs.
func (m *model) updateNetworks(refs []string, change NetworkChange) (why verdict) {
	ids, why := m.findNetworks(refs)
	for _, id := range ids {
		m.updateNetwork(&m.networks[m.networkByID(id)], change, &why)
	}
	return why
}

func (m *model) updateNetwork(n *Network, change NetworkChange, why *verdict) {
	before, usable := *n, guests(*n)
	for _, f := range []struct{ to, from *string }{{&n.Label, change.Label}, {&n.ProjectID, change.ProjectID}, {&n.Host, change.Host}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if g := change.Gateway; g != nil && !why.add(!n.CIDR.IsValid(), ErrConflict) {
		why.add(!place(n, *g), ErrInvalid)
	}
	if g := change.GatewayV6; g != nil && !why.add(!n.CIDRv6.IsValid(), ErrConflict) {
		if n.GatewayV6 = *g; !g.IsValid() {
			n.GatewayV6 = n.CIDRv6.Addr().Next()
		}
		why.add(!n.CIDRv6.Contains(n.GatewayV6) || n.GatewayV6 == n.CIDRv6.Addr(), ErrInvalid)
		why.add(n.GatewayV6 != before.GatewayV6 && m.taken(n.GatewayV6), ErrConflict)
	}
	if !why.none() || *n == before {
		return
	}
	n.UpdatedAt = testTime
	why.add(n.VLAN != 0 && n.ProjectID != before.ProjectID && slices.ContainsFunc(m.instances, func(i Instance) bool {
		return i.NetworkID == n.ID && i.ProjectID != n.ProjectID
	}), ErrConflict) // a VLAN is one tenant's
	if n.ProjectID != before.ProjectID && n.ProjectID != "" {
		n.ProjectID = before.ProjectID // is not counted yet
		why.add(m.over(*change.ProjectID, "networks", 1), ErrConflict)
		n.ProjectID = *change.ProjectID
	}
	// The address that a gateway takes keeps its place among the released ones, for when the gateway moves away.
	left := guests(*n)
	for _, a := range usable {
		why.add(!slices.Contains(left, a) && m.taken(a), ErrConflict)
	}
}

// networksAt are the networks that refs name, or those in the ranges that they are.
func (m *model) networksAt(refs []string) (found []int64, why verdict) {
	for _, ref := range refs {
		ids, wrong := m.findNetworks([]string{ref})
		if p, err := netip.ParsePrefix(ref); err == nil && slices.Contains(wrong.kinds, ErrNotFound) {
			part := false
			for _, n := range m.ordered() {
				for _, own := range []netip.Prefix{n.CIDR, n.CIDRv6} {
					switch {
					case !own.IsValid() || !own.Overlaps(p):
					case own.Bits() >= p.Bits():
						ids = append(ids, n.ID)
					default:
						part = true
					}
				}
			}
			switch wrong = (verdict{}); {
			case len(ids) > 0:
			case part:
				wrong.add(true, ErrConflict)
			default:
				wrong.add(true, ErrNotFound)
			}
		}
		why.kinds = append(why.kinds, wrong.kinds...)
		for _, id := range ids {
			if !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
	}
	return found, why
}

func (m *model) deleteNetworks(refs []string, force bool) (why verdict) {
	ids, why := m.networksAt(refs)
	for _, id := range ids {
		n := m.networks[m.networkByID(id)]
		on := func(i Instance) bool { return i.NetworkID == id }
		why.add(!force && (n.ProjectID != "" || slices.ContainsFunc(m.instances, on)), ErrConflict)
	}
	for _, id := range ids {
		at := m.networkByID(id)
		n := m.networks[at]
		for _, i := range byAddress(m.instances, Instance.first) {
			if i.NetworkID == id {
				m.deleteInstance(i.ID)
			}
		}
		m.networks = slices.Delete(m.networks, at, at+1)
		m.forget(func(a netip.Addr) bool {
			return n.CIDR.Contains(a) || n.CIDRv6.Contains(a) && len(m.sharing(n.CIDRv6)) == 0
		})
	}
	return why
}
