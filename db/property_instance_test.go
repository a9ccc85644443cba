package db

import (
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// findInstances resolves INSTANCE arguments: a name, PROJECT/NAME, an id, a MAC or an address.
func (m *model) findInstances(refs []string) (found []int64, why verdict) {
	for _, ref := range refs {
		var matching []int64
		for _, i := range m.instances {
			names := []string{i.Name, i.ProjectID + "/" + i.Name, i.EC2ID(), i.MAC.String()}
			for _, a := range []netip.Addr{i.FixedIP, i.FixedIPv6, i.FloatingIP, i.FloatingIPv6} {
				if a.IsValid() {
					names = append(names, a.String())
				}
			}
			if slices.Contains(names, ref) {
				matching = append(matching, i.ID)
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

func (m *model) instanceByID(id int64) int {
	return slices.IndexFunc(m.instances, func(i Instance) bool { return i.ID == id })
}

func (m *model) createInstances(n NewInstances, made []Instance) (why verdict) {
	single := n.MAC != (netcalc.MAC{}) || n.FixedIP.IsValid() || n.FixedIPv6.IsValid()
	why.neverIf(n.MAC[0]&1 != 0 || single && len(n.Names) > 1)
	if why.never {
		return why
	}
	why.add(m.over(n.ProjectID, "instances", len(n.Names)), ErrConflict)
	groups := slices.Clone(n.SecurityGroups)
	if len(groups) == 0 {
		groups = []string{"default"}
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	for _, g := range groups {
		why.add(m.group(n.ProjectID, g) == nil, ErrNotFound)
	}
	for k, name := range n.Names {
		there := slices.ContainsFunc(m.instances, func(o Instance) bool { return o.ProjectID == n.ProjectID && o.Name == name })
		why.add(there || slices.Contains(n.Names[:k], name), ErrConflict)
	}
	for k, name := range n.Names {
		i := Instance{Name: name, ProjectID: n.ProjectID, MAC: n.MAC, Host: n.Host, SecurityGroups: groups, CreatedAt: testTime}
		network := m.networkFor(n, &why)
		if network == nil {
			return why
		}
		i.NetworkID = network.ID
		if usable := guests(*network); n.FixedIP.IsValid() {
			i.FixedIP = n.FixedIP
			why.add(!slices.Contains(usable, i.FixedIP) || m.taken(i.FixedIP), ErrConflict)
		} else if network.CIDR.IsValid() {
			var ok bool
			i.FixedIP, ok = m.nextOf(usable)
			why.add(!ok, ErrConflict)
		}
		m.take(i.FixedIP)
		if i.MAC == (netcalc.MAC{}) && k < len(made) {
			// Nobody can foresee it; that it is Nova's and nobody else's follows below.
			i.MAC = made[k].MAC
			why.add(i.MAC[0] != 0x02 || i.MAC[1] != 0x16 || i.MAC[2] != 0x3e, ErrConflict)
		}
		m.giveMAC(&i, *network, n.FixedIPv6, &why)
		if !why.none() {
			return why
		}
		i.ID = m.next("instance")
		m.instances = append(m.instances, i)
	}
	return why
}

// updateInstances changes instances where they are. An IPv6 address that follows from the MAC follows the new one.
func (m *model) updateInstances(refs []string, c InstanceChange) (why verdict) {
	why.neverIf(c.MAC != nil && c.MAC[0]&1 != 0)
	why.neverIf(len(refs) > 1 && (c.Name != nil || c.MAC != nil || c.FixedIP != nil || c.FixedIPv6 != nil))
	if why.never {
		return why
	}
	ids, why := m.findInstances(refs)
	for _, id := range ids {
		at := m.instanceByID(id)
		i := m.instances[at]
		network := m.networks[m.networkByID(i.NetworkID)]
		m.instances = slices.Delete(m.instances, at, at+1) // what it has is not in its own way
		set(&i.Host, c.Host)
		if c.Name != nil {
			i.Name = *c.Name
			why.add(slices.ContainsFunc(m.instances, func(o Instance) bool { return o.ProjectID == i.ProjectID && o.Name == i.Name }), ErrConflict)
		}
		if c.SecurityGroups != nil {
			i.SecurityGroups = slices.Compact(slices.Sorted(slices.Values(c.SecurityGroups)))
			for _, g := range i.SecurityGroups {
				why.add(m.group(i.ProjectID, g) == nil, ErrNotFound)
			}
		}
		if a := c.FixedIP; a != nil && *a != i.FixedIP {
			why.add(!slices.Contains(guests(network), *a) || m.taken(*a), ErrConflict)
			m.take(*a)
			m.release(i.FixedIP)
			i.FixedIP = *a
		}
		m.movePort(&i, network, c, &why)
		m.instances = slices.Insert(m.instances, at, i)
	}
	return why
}

// movePort gives an instance that is not in the model's list another MAC and IPv6 address.
func (m *model) movePort(i *Instance, network Network, c InstanceChange, why *verdict) {
	recorded := i.FixedIPv6
	if i.FixedIPv6 == predicted(network.CIDRv6, i.MAC) {
		recorded = netip.Addr{}
	}
	set(&recorded, c.FixedIPv6)
	switch {
	case c.MAC != nil && *c.MAC != i.MAC:
		i.MAC = *c.MAC
		m.giveMAC(i, network, recorded, why)
	case c.FixedIPv6 != nil && recorded != i.FixedIPv6:
		m.record(i, network, recorded, why)
	}
}

// networkFor is the network asked for, or that of the address asked for, else the first of the project's with a free
// address, else the first that no project has, which becomes the project's if it is a VLAN.
func (m *model) networkFor(n NewInstances, why *verdict) *Network {
	var found *Network
	switch {
	case n.Network != "":
		ids, wrong := m.findNetworks([]string{n.Network})
		if why.kinds = append(why.kinds, wrong.kinds...); len(ids) == 0 {
			return nil
		}
		found = &m.networks[m.networkByID(ids[0])]
	case n.FixedIP.IsValid():
		at := slices.IndexFunc(m.networks, func(o Network) bool { return o.CIDR.Contains(n.FixedIP) })
		if why.add(at < 0, ErrNotFound) {
			return nil
		}
		found = &m.networks[at]
	case n.FixedIPv6.IsValid():
		there := false
		for k := range m.networks {
			o := &m.networks[k]
			if !o.CIDRv6.Contains(n.FixedIPv6) {
				continue
			}
			there = true
			_, open := m.nextOf(guests(*o))
			mine := (open || !o.CIDR.IsValid()) && (o.ProjectID == "" || o.ProjectID == n.ProjectID)
			if (o.VLAN != 0 || mine) && (found == nil || o.ID < found.ID) {
				found = o
			}
		}
		if why.add(!there, ErrNotFound) || why.add(found == nil, ErrConflict) {
			return nil
		}
	default:
		for _, project := range []string{n.ProjectID, ""} {
			for _, o := range m.ordered() {
				_, open := m.nextOf(guests(o))
				if found == nil && o.ProjectID == project && (open || !o.CIDR.IsValid()) {
					found = &m.networks[m.networkByID(o.ID)]
				}
			}
		}
		if why.add(found == nil, ErrConflict) {
			return nil
		}
	}
	if why.add(found.ProjectID != "" && found.ProjectID != n.ProjectID, ErrConflict) {
		return nil
	}
	if found.ProjectID == "" && found.VLAN != 0 {
		if why.add(m.over(n.ProjectID, "networks", 1), ErrConflict) {
			return nil
		}
		found.ProjectID, found.UpdatedAt = n.ProjectID, testTime
	}
	return found
}

// giveMAC checks an instance's MAC and gives it the IPv6 address that follows from it, or the one to record instead.
func (m *model) giveMAC(i *Instance, network Network, recorded netip.Addr, why *verdict) {
	for _, o := range m.instances {
		why.add(o.MAC == i.MAC, ErrConflict)
	}
	link := m.linkPrefix(network.Bridge)
	if own := predicted(link, i.MAC); own.IsValid() {
		// The guest gives itself this address whatever is recorded, as soon as the link's router advertises the prefix.
		why.add(m.taken(own) || m.isRouter(own), ErrConflict)
		if network.CIDRv6.IsValid() {
			i.FixedIPv6 = own
		}
	}
	if recorded.IsValid() {
		m.record(i, network, recorded, why)
	}
}

// record records another IPv6 address for an instance than the one that its guest gives itself.
func (m *model) record(i *Instance, network Network, recorded netip.Addr, why *verdict) {
	link := m.linkPrefix(network.Bridge)
	i.FixedIPv6 = recorded
	why.add(!network.CIDRv6.Contains(recorded) || m.taken(recorded) || m.isRouter(recorded), ErrConflict)
	for _, o := range m.instances {
		on := m.networks[m.networkByID(o.NetworkID)]
		why.add(on.Bridge == network.Bridge && predicted(link, o.MAC) == recorded, ErrConflict)
	}
}

// linkPrefix is the IPv6 prefix of a bridge.
func (m *model) linkPrefix(bridge string) netip.Prefix {
	for _, n := range m.networks {
		if n.Bridge == bridge && n.CIDRv6.IsValid() {
			return n.CIDRv6
		}
	}
	return netip.Prefix{}
}

// isRouter tells whether an IPv6 address is that of a link's router, or of all its routers.
func (m *model) isRouter(a netip.Addr) bool {
	return slices.ContainsFunc(m.networks, func(n Network) bool { return n.GatewayV6 == a || n.CIDRv6.IsValid() && n.CIDRv6.Addr() == a })
}

// predicted is the EUI-64 address of a MAC in a /64, as RFC 4291 appendix A spells it.
func predicted(p netip.Prefix, mac netcalc.MAC) netip.Addr {
	if !p.IsValid() {
		return netip.Addr{}
	}
	b := p.Addr().As16()
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}

func (m *model) deleteInstances(refs []string) (why verdict) {
	ids, why := m.findInstances(refs)
	for _, id := range ids {
		m.deleteInstance(id)
	}
	return why
}

// deleteInstance releases an instance's addresses in their order; of an IPv6 network nobody is handed the next one.
func (m *model) deleteInstance(id int64) {
	at := m.instanceByID(id)
	i := m.instances[at]
	for _, a := range byAddress([]netip.Addr{i.FixedIP, i.FloatingIP, i.FloatingIPv6}, func(a netip.Addr) netip.Addr { return a }) {
		m.release(a)
	}
	m.instances = slices.Delete(m.instances, at, at+1)
}
