package db

import (
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// usableFixed is what of the addresses guests may have; why says what of them is in no network.
func (m *model) usableFixed(s netcalc.Span) (usable []netip.Addr, why verdict) {
	for _, a := range each(s) {
		inside := false
		for _, n := range m.networks {
			inside = inside || n.CIDR.Contains(a) || n.CIDRv6.Contains(a)
			if slices.Contains(guests(n), a) || n.CIDRv6.Contains(a) && !m.isRouter(a) {
				usable = append(usable, a)
			}
		}
		why.add(!inside, ErrNotFound)
	}
	return usable, why
}

func (m *model) reserve(spans []netcalc.Span) (why verdict) {
	for _, s := range spans {
		usable, wrong := m.usableFixed(s)
		why.kinds = append(why.kinds, wrong.kinds...)
		why.add(len(usable) == 0, ErrConflict)
		for _, a := range usable {
			why.add(m.holder(a) >= 0, ErrConflict)
			m.reserved[a] = true
		}
	}
	return why
}

func (m *model) unreserve(spans []netcalc.Span) (why verdict) {
	for _, s := range spans {
		usable, wrong := m.usableFixed(s)
		why.kinds = append(why.kinds, wrong.kinds...)
		why.add(!slices.ContainsFunc(usable, func(a netip.Addr) bool { return m.reserved[a] }), ErrNotFound)
		for _, a := range usable {
			delete(m.reserved, a)
		}
	}
	return why
}

func (m *model) createFloating(r FloatingRange) (why verdict) {
	why.add(m.claimed(r.CIDR), ErrConflict)
	r.CreatedAt = testTime
	m.floating = append(m.floating, r)
	return why
}

func (m *model) deleteFloating(p netip.Prefix) (why verdict) {
	inside := func(r FloatingRange) bool { return p.Overlaps(r.CIDR) && p.Bits() <= r.CIDR.Bits() }
	part := slices.ContainsFunc(m.floating, func(r FloatingRange) bool { return p.Overlaps(r.CIDR) && !inside(r) })
	if why.add(part, ErrConflict) || why.add(!slices.ContainsFunc(m.floating, inside), ErrNotFound) {
		return why
	}
	for _, i := range m.instances {
		why.add(p.Contains(i.FloatingIP) || p.Contains(i.FloatingIPv6), ErrConflict)
	}
	m.floating = slices.DeleteFunc(m.floating, inside)
	m.forget(func(a netip.Addr) bool { return p.Contains(a) })
	return why
}

func (m *model) updateFloating(p netip.Prefix, c FloatingChange) (why verdict) {
	at := slices.IndexFunc(m.floating, func(r FloatingRange) bool { return r.CIDR == p })
	if at < 0 {
		part := slices.ContainsFunc(m.floating, func(r FloatingRange) bool { return r.CIDR.Overlaps(p) && r.CIDR.Bits() < p.Bits() })
		why.add(part, ErrConflict)
		why.add(!part, ErrNotFound)
		return why
	}
	r := &m.floating[at]
	set(&r.Pool, c.Pool)
	set(&r.Host, c.Host)
	set(&r.Interface, c.Interface)
	return why
}

// associate gives an instance the address a, or the next one of a pool: IPv4 where the instance can have one and the
// pool has IPv4, else IPv6.
func (m *model) associate(instance string, a netip.Addr, pool string) (why verdict) {
	ids, why := m.findInstances([]string{instance})
	if len(ids) == 0 {
		return why
	}
	i := &m.instances[m.instanceByID(ids[0])]
	inPool := func(r FloatingRange) bool { return r.Pool == pool }
	if why.add(pool != "" && !slices.ContainsFunc(m.floating, inPool), ErrNotFound) {
		return why
	}
	free4, free6 := i.FixedIP.IsValid() && !i.FloatingIP.IsValid(), i.FixedIPv6.IsValid() && !i.FloatingIPv6.IsValid()
	if a.IsValid() {
		at := slices.IndexFunc(m.floating, func(r FloatingRange) bool { return r.CIDR.Contains(a) })
		if why.add(at < 0, ErrNotFound) {
			return why
		}
		r := m.floating[at]
		why.add(pool != "" && pool != r.Pool || !slices.Contains(floatingGuests(r), a) || m.taken(a), ErrConflict)
		why.add(a.Is4() && !free4 || a.Is6() && !free6, ErrConflict)
	} else {
		if why.add(!free4 && !free6, ErrConflict) {
			return why
		}
		v4, v6 := m.poolAddresses(pool)
		usable := v6
		if free4 && (len(v4) > 0 || !free6) {
			usable = v4
		}
		if len(usable) == 0 {
			// What the pool has is of the family that the instance cannot use.
			why.add(len(v4)+len(v6) > 0, ErrConflict)
			why.add(len(v4)+len(v6) == 0, ErrNotFound)
			return why
		}
		var ok bool
		if a, ok = m.nextOf(usable); why.add(!ok, ErrConflict) {
			return why
		}
	}
	why.add(m.over(i.ProjectID, "floating_ips", 1), ErrConflict)
	m.take(a)
	if a.Is4() {
		i.FloatingIP = a
	} else {
		i.FloatingIPv6 = a
	}
	return why
}

// poolAddresses are the addresses of a pool, or of all of them, by family and in order.
func (m *model) poolAddresses(pool string) (v4, v6 []netip.Addr) {
	for _, r := range byAddress(m.floating, func(r FloatingRange) netip.Addr { return r.CIDR.Addr() }) {
		switch {
		case pool != "" && r.Pool != pool:
		case r.CIDR.Addr().Is4():
			v4 = append(v4, floatingGuests(r)...)
		default:
			v6 = append(v6, floatingGuests(r)...)
		}
	}
	return v4, v6
}

func (m *model) disassociate(a netip.Addr) (why verdict) {
	at := slices.IndexFunc(m.instances, func(i Instance) bool { return i.FloatingIP == a || i.FloatingIPv6 == a })
	if why.add(at < 0, ErrNotFound) {
		return why
	}
	if m.release(a); a.Is4() {
		m.instances[at].FloatingIP = netip.Addr{}
	} else {
		m.instances[at].FloatingIPv6 = netip.Addr{}
	}
	return why
}

// changeVPN moves the VPN of a project that has one, or of the network that is named.
func (m *model) changeVPN(project, network string, a netip.Addr, port int) (why verdict) {
	why.neverIf(port < 1 || port > 65535)
	var ids []int64
	for _, n := range m.networks {
		if n.ProjectID == project && n.VPNPublicPort != 0 {
			ids = append(ids, n.ID)
		}
	}
	if why.add(len(ids) == 0, ErrNotFound) {
		return why
	}
	if network != "" {
		found, wrong := m.findNetworks([]string{network})
		if why.kinds = append(why.kinds, wrong.kinds...); len(found) == 0 {
			return why
		}
		why.add(!slices.Contains(ids, found[0]), ErrConflict)
		ids = found
	}
	if why.add(len(ids) > 1, ErrConflict) {
		return why
	}
	n := &m.networks[m.networkByID(ids[0])]
	for _, o := range m.networks {
		why.add(o.ID != n.ID && o.VPNPublicPort == port, ErrConflict)
	}
	if n.VPNPublicAddress != a || n.VPNPublicPort != port {
		n.VPNPublicAddress, n.VPNPublicPort, n.UpdatedAt = a, port, testTime
	}
	return why
}
