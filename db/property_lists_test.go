package db

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"nova-manage/netcalc"
)

// ledgerLists is what the ledger says when it is asked for everything, a line for each thing; lists is what the model
// says.
func ledgerLists(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for n, err := range s.Networks(t.Context(), NetworkFilter{}) {
		must(err)
		lines = append(lines, line("network", n))
	}
	for i, err := range s.Instances(t.Context(), InstanceFilter{}) {
		must(err)
		lines = append(lines, line("instance", i))
	}
	projects, err := s.Projects(t.Context())
	must(err)
	for _, p := range projects {
		lines = append(lines, line("project", p))
		quotas, err := s.Quotas(t.Context(), p.ID)
		must(err)
		for _, q := range quotas {
			lines = append(lines, line(p.ID, q))
		}
	}
	groups, err := s.SecurityGroups(t.Context(), "")
	must(err)
	for _, g := range groups {
		lines = append(lines, line("group", g))
	}
	lines = addLines(t, lines, "fixed", s.FixedAddresses(t.Context(), FixedFilter{}), addressLines)
	lines = addLines(t, lines, "fixed --all", s.FixedAddresses(t.Context(), FixedFilter{All: true}), addressLines)
	lines = addLines(t, lines, "floating", s.FloatingAddresses(t.Context(), FloatingFilter{}), floatingLine)
	lines = addLines(t, lines, "floating --all", s.FloatingAddresses(t.Context(), FloatingFilter{All: true}), floatingLine)
	vpns, err := s.VPNs(t.Context(), "")
	must(err)
	for _, n := range vpns {
		lines = append(lines, line("vpn", n.ID))
	}
	return lines
}

func line(list string, what any) string { return fmt.Sprintf("%s: %+v", list, what) }

func addLines[T any](t *testing.T, lines []string, list string, all iter.Seq2[T, error], text func(T) []string) []string {
	t.Helper()
	for v, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range text(v) {
			lines = append(lines, list+": "+s)
		}
	}
	return lines
}

// addressLines has a line for each address of a range.
func addressLines(f FixedAddress) (lines []string) {
	for _, a := range each(f.Span) {
		f.Span = netcalc.Span{First: a, Last: a}
		lines = append(lines, fmt.Sprintf("%+v", f))
	}
	return lines
}

// floatingLine leaves ranges as they are: which addresses one line has is a part of what is promised.
func floatingLine(f FloatingAddress) []string { return []string{fmt.Sprintf("%+v", f)} }

func (m *model) lists() (lines []string) {
	add := func(list string, what any) { lines = append(lines, line(list, what)) }
	for _, n := range m.ordered() {
		add("network", n)
	}
	for _, i := range byAddress(m.instances, Instance.first) {
		add("instance", i)
	}
	for _, name := range slices.Sorted(maps.Keys(m.projects)) {
		p, uses := m.projects[name], m.uses(name)
		add("project", Project{ID: name, Description: p.description, Networks: uses["networks"], Instances: uses["instances"],
			FloatingIPs: uses["floating_ips"], SecurityGroups: uses["security_groups"], Rules: uses["security_group_rules"], CreatedAt: testTime})
		for _, resource := range []string{"networks", "instances", "floating_ips", "security_groups", "security_group_rules"} {
			limit, limited := p.quotas[resource]
			if !limited {
				limit = -1
			}
			add(name, Quota{Resource: resource, Limit: limit, InUse: uses[resource]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.projects)) {
		groups := slices.Clone(m.projects[name].groups)
		slices.SortFunc(groups, func(a, b SecurityGroup) int { return strings.Compare(a.Name, b.Name) })
		for _, g := range groups {
			for _, i := range m.instances {
				if i.ProjectID == name && slices.Contains(i.SecurityGroups, g.Name) {
					g.Instances++
				}
			}
			add("group", g)
		}
	}
	for _, all := range []bool{false, true} {
		list := map[bool]string{false: "fixed", true: "fixed --all"}[all]
		for _, f := range append(m.fixedIPv4(all), m.fixedIPv6()...) {
			add(list, f)
		}
	}
	for _, all := range []bool{false, true} {
		list := map[bool]string{false: "floating", true: "floating --all"}[all]
		for _, r := range byAddress(m.floating, func(r FloatingRange) netip.Addr { return r.CIDR.Addr() }) {
			for _, f := range m.floatingOf(r, all) {
				add(list, f)
			}
		}
	}
	for _, n := range m.ordered() {
		if n.ProjectID != "" && n.VPNPublicPort != 0 {
			add("vpn", n.ID)
		}
	}
	return lines
}

// state is what an address is that guests may have.
func (m *model) state(a netip.Addr) string {
	switch {
	case m.holder(a) >= 0:
		return "held"
	case m.reserved[a]:
		return "reserved"
	case m.released[a] > 0:
		return "released"
	}
	return "free"
}

func (m *model) fixedIPv4(all bool) (list []FixedAddress) {
	for _, n := range m.ordered() {
		if !n.CIDR.IsValid() {
			continue
		}
		usable := guests(n)
		for _, a := range each(netcalc.SpanOf(n.CIDR)) {
			f := FixedAddress{Span: netcalc.Span{First: a, Last: a}, NetworkID: n.ID, CIDR: n.CIDR, State: "reserved", ProjectID: n.ProjectID, Host: n.Host}
			switch {
			case slices.Contains(usable, a):
				f.State = m.state(a)
			case !all:
				continue
			case a == n.Gateway:
				f.State = "gateway"
			case a == n.CIDR.Addr():
				f.State = "network"
			case a == n.VPNPrivateAddress:
				f.State = "vpn"
			case a == n.Broadcast:
				f.State = "broadcast"
			}
			if f.State == "held" {
				f = m.heldBy(f, m.instances[m.holder(a)])
			}
			if all || f.State == "held" || f.State == "reserved" {
				list = append(list, f)
			}
		}
	}
	return list
}

// heldBy fills in what a held address has of its instance.
func (m *model) heldBy(f FixedAddress, i Instance) FixedAddress {
	f.State, f.NetworkID, f.MAC, f.Instance, f.ProjectID = "held", i.NetworkID, i.MAC, i.Name, i.ProjectID
	f.Host = i.Host
	if f.Host == "" {
		f.Host = m.networks[m.networkByID(i.NetworkID)].Host
	}
	return f
}

// fixedIPv6 is what is held or reserved. A reservation has a network where only one has the prefix.
func (m *model) fixedIPv6() (list []FixedAddress) {
	for _, i := range m.instances {
		if a := i.FixedIPv6; a.IsValid() {
			list = append(list, m.heldBy(FixedAddress{Span: netcalc.Span{First: a, Last: a}, CIDR: netip.PrefixFrom(a, 64).Masked()}, i))
		}
	}
	for a := range m.reserved {
		if a.Is4() {
			continue
		}
		f := FixedAddress{Span: netcalc.Span{First: a, Last: a}, CIDR: netip.PrefixFrom(a, 64).Masked(), State: "reserved"}
		if sharing := m.sharing(f.CIDR); len(sharing) == 1 {
			f.NetworkID, f.ProjectID, f.Host = sharing[0].ID, sharing[0].ProjectID, sharing[0].Host
		}
		list = append(list, f)
	}
	return byAddress(list, func(f FixedAddress) netip.Addr { return f.First })
}

// sharing are the networks with an IPv6 prefix.
func (m *model) sharing(p netip.Prefix) (sharing []Network) {
	for _, n := range m.networks {
		if n.CIDRv6 == p {
			sharing = append(sharing, n)
		}
	}
	return sharing
}

// floatingOf lists a range: what is held, and the rest one by one for IPv4 under --all, else in runs.
func (m *model) floatingOf(r FloatingRange, all bool) (list []FloatingAddress) {
	one := all && r.CIDR.Addr().Is4()
	usable := floatingGuests(r)
	if one {
		usable = each(netcalc.SpanOf(r.CIDR))
	}
	for _, a := range usable {
		f := FloatingAddress{Span: netcalc.Span{First: a, Last: a}, Range: r, State: m.state(a)}
		switch i := m.holder(a); {
		case i >= 0:
			f.ProjectID, f.Instance, f.FixedIP = m.instances[i].ProjectID, m.instances[i].Name, m.instances[i].FixedIP
			if a.Is6() {
				f.FixedIP = m.instances[i].FixedIPv6
			}
		case f.State == "released" && !all:
			f.State = "free"
		case one && !slices.Contains(floatingGuests(r), a):
			f.State = map[bool]string{true: "network", false: "broadcast"}[a == r.CIDR.Addr()]
		}
		if n := len(list) - 1; n >= 0 && !one && f.State == "free" && list[n].State == "free" {
			list[n].Last = a
			continue
		}
		list = append(list, f)
	}
	return list
}
