package db

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"nova-manage/netcalc"
)

// model is a ledger without tables: what there is, and the addresses that are not free.
type model struct {
	networks  []Network
	instances []Instance
	floating  []FloatingRange
	projects  map[string]*modelProject
	reserved  map[netip.Addr]bool
	released  map[netip.Addr]int64 // the one released longest ago has the least number
	rules     map[modelRule]int64  // by which those of a group are in order
	last      map[string]int64
}

// modelRule is a rule of a group.
type modelRule struct {
	group int64
	Rule
}

type modelProject struct {
	description string
	quotas      map[string]int64
	groups      []SecurityGroup
}

func newModel() *model {
	return &model{projects: map[string]*modelProject{}, reserved: map[netip.Addr]bool{}, released: map[netip.Addr]int64{},
		rules: map[modelRule]int64{}, last: map[string]int64{}}
}

func (m *model) clone() *model {
	c := *m
	c.networks, c.instances, c.floating = slices.Clone(m.networks), slices.Clone(m.instances), slices.Clone(m.floating)
	c.reserved, c.released, c.rules, c.last = maps.Clone(m.reserved), maps.Clone(m.released), maps.Clone(m.rules), maps.Clone(m.last)
	c.projects = map[string]*modelProject{}
	for name, p := range m.projects {
		p := *p
		p.quotas, p.groups = maps.Clone(p.quotas), slices.Clone(p.groups)
		for i := range p.groups {
			p.groups[i].Rules = slices.Clone(p.groups[i].Rules)
		}
		c.projects[name] = &p
	}
	return &c
}

// verdict holds the classes of all that is wrong with a command. A command may name any of them; but what can never be
// right comes first, whatever the ledger holds.
type verdict struct {
	never bool
	kinds []error
}

func (r *verdict) neverIf(wrong bool) { r.never = r.never || wrong }

func (r *verdict) add(wrong bool, kind error) bool {
	if wrong {
		r.kinds = append(r.kinds, kind)
	}
	return wrong
}

func (r verdict) none() bool { return !r.never && len(r.kinds) == 0 }

func (r verdict) allow(err error) bool {
	switch {
	case r.never:
		return errors.Is(err, ErrInvalid)
	case err == nil:
		return len(r.kinds) == 0
	}
	return slices.ContainsFunc(r.kinds, func(kind error) bool { return errors.Is(err, kind) })
}

func (r verdict) String() string {
	if r.never {
		r.kinds = []error{ErrInvalid}
	}
	if len(r.kinds) == 0 {
		return "none"
	}
	return fmt.Sprint(r.kinds)
}

func (m *model) next(sequence string) int64 {
	m.last[sequence]++
	return m.last[sequence]
}

// ip4 is the n-th address from a on.
func ip4(a netip.Addr, n int) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
	return netip.AddrFrom4(b)
}

func size(p netip.Prefix) int { return 1 << (p.Addr().BitLen() - p.Bits()) }

// slash64 is the n-th /64 of a prefix.
func slash64(p netip.Prefix, n int) netip.Prefix {
	b := p.Addr().As16()
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+uint64(n))
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

// each lists the addresses of a small span.
func each(s netcalc.Span) (all []netip.Addr) {
	for a := s.First; s.Contains(a); a = a.Next() {
		all = append(all, a)
	}
	return all
}

// place derives a network's addresses from its prefix, manager and gateway; false where no address is left for a guest
// or the gateway is out of place.
func place(n *Network, gateway netip.Addr) bool {
	start, last := 2, size(n.CIDR)-2
	at := func(i int) netip.Addr { return ip4(n.CIDR.Addr(), i) }
	n.Netmask, n.Broadcast, n.VPNPrivateAddress = addr(fmt.Sprintf("255.255.255.%d", 256-size(n.CIDR))), at(last+1), netip.Addr{}
	if n.Manager == VlanManager {
		start, last, n.VPNPrivateAddress = 3, last-n.VPNClients, at(2)
	}
	n.Gateway = at(1)
	if gateway.IsValid() {
		if !n.CIDR.Contains(gateway) || gateway == at(0) || gateway == n.Broadcast || gateway == n.VPNPrivateAddress {
			return false
		}
		if n.Gateway = gateway; gateway == at(start) {
			start++
		}
	}
	n.DHCPStart = at(start)
	return start <= last
}

// guests are the addresses of a network that guests may have.
func guests(n Network) (all []netip.Addr) {
	if !n.CIDR.IsValid() {
		return nil
	}
	last := size(n.CIDR) - 2
	if n.Manager == VlanManager {
		last -= n.VPNClients
	}
	for i := range last + 1 {
		if a := ip4(n.CIDR.Addr(), i); !a.Less(n.DHCPStart) && a != n.Gateway {
			all = append(all, a)
		}
	}
	return all
}

func floatingGuests(r FloatingRange) (all []netip.Addr) {
	all = each(netcalc.SpanOf(r.CIDR))
	if len(all) > 2 {
		all = all[1:]
		if r.CIDR.Addr().Is4() {
			all = all[:len(all)-1]
		}
	}
	return all
}

// holder is the index of the instance that has an address, -1 if none has.
func (m *model) holder(a netip.Addr) int {
	return slices.IndexFunc(m.instances, func(i Instance) bool {
		return i.FixedIP == a || i.FixedIPv6 == a || i.FloatingIP == a || i.FloatingIPv6 == a
	})
}

func (m *model) taken(a netip.Addr) bool { return m.reserved[a] || m.holder(a) >= 0 }

// nextOf is the address handed out next: of those that nobody ever had the first, else the one released longest ago.
func (m *model) nextOf(usable []netip.Addr) (netip.Addr, bool) {
	var oldest netip.Addr
	for _, a := range usable {
		n, released := m.released[a]
		switch {
		case m.taken(a):
		case !released:
			return a, true
		case !oldest.IsValid() || n < m.released[oldest]:
			oldest = a
		}
	}
	return oldest, oldest.IsValid()
}

func (m *model) take(a netip.Addr) { delete(m.released, a) }

func (m *model) release(a netip.Addr) {
	if a.IsValid() {
		m.released[a] = m.next("released")
	}
}

// forget drops what is known of addresses that are nobody's any more.
func (m *model) forget(gone func(netip.Addr) bool) {
	maps.DeleteFunc(m.released, func(a netip.Addr, _ int64) bool { return gone(a) })
	maps.DeleteFunc(m.reserved, func(a netip.Addr, _ bool) bool { return gone(a) })
}

// claimed tells whether a prefix overlaps one in use.
func (m *model) claimed(p netip.Prefix) bool {
	return slices.ContainsFunc(m.networks, func(n Network) bool {
		return n.CIDR.IsValid() && n.CIDR.Overlaps(p) || n.CIDRv6.IsValid() && n.CIDRv6.Overlaps(p)
	}) || slices.ContainsFunc(m.floating, func(r FloatingRange) bool { return r.CIDR.Overlaps(p) })
}

// project makes a project at its first use.
func (m *model) project(name string) *modelProject {
	if m.projects[name] == nil {
		m.projects[name] = &modelProject{quotas: map[string]int64{}}
		m.addDefault(name)
	}
	return m.projects[name]
}

func (m *model) addDefault(project string) {
	p := m.projects[project]
	g := SecurityGroup{ID: m.next("group"), ProjectID: project, Name: "default", Description: "members reach each other", CreatedAt: testTime}
	m.addRule(&g, Rule{Protocol: "icmp", From: -1, To: -1, SourceGroup: "default"})
	m.addRule(&g, Rule{Protocol: "tcp", From: 1, To: 65535, SourceGroup: "default"})
	m.addRule(&g, Rule{Protocol: "udp", From: 1, To: 65535, SourceGroup: "default"})
	p.groups = append(p.groups, g)
}

func (m *model) addRule(g *SecurityGroup, r Rule) {
	g.Rules = append(g.Rules, r)
	m.rules[modelRule{g.ID, r}] = m.next("rule")
}

// uses is how much of each resource a project has.
func (m *model) uses(project string) map[string]int64 {
	uses := map[string]int64{}
	for _, n := range m.networks {
		if n.ProjectID == project {
			uses["networks"]++
		}
	}
	for _, i := range m.instances {
		if i.ProjectID != project {
			continue
		}
		uses["instances"]++
		for _, a := range []netip.Addr{i.FloatingIP, i.FloatingIPv6} {
			if a.IsValid() {
				uses["floating_ips"]++
			}
		}
	}
	for _, g := range m.projects[project].groups {
		uses["security_groups"]++
		uses["security_group_rules"] += int64(len(g.Rules))
	}
	return uses
}

// over tells whether more of a resource is over a project's quota.
func (m *model) over(project, resource string, more int) bool {
	limit, limited := m.project(project).quotas[resource]
	return limited && more > 0 && m.uses(project)[resource]+int64(more) > limit
}

func byAddress[T any](all []T, first func(T) netip.Addr) []T {
	return slices.SortedFunc(slices.Values(all), func(a, b T) int { return first(a).Compare(first(b)) })
}

func (m *model) ordered() []Network {
	return byAddress(m.networks, func(n Network) netip.Addr { return cmp.Or(n.CIDR.Addr(), n.CIDRv6.Addr()) })
}

// compare compares every list of the ledger with the model's.
func (m *model) compare(t *testing.T, s *Store) error {
	t.Helper()
	got, want := ledgerLists(t, s), m.lists()
	for i := range max(len(got), len(want)) {
		g, w := "(end)", "(end)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Errorf("the ledger lists\n%s\nwant\n%s", g, w)
		}
	}
	return nil
}
