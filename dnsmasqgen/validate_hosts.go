package dnsmasqgen

import (
	"fmt"
	"net/netip"
	"strconv"

	"nova-manage/netcalc"
)

// validateHosts checks what dnsmasq logs at most: in the file of the hosts a second line for an address is dropped, and one
// for an address outside all ranges is never used.
func (c Config) validateHosts() error {
	networks := make(map[int64]*Network, len(c.Networks))
	nodes := make(map[netip.Addr]int64, 2*len(c.Networks))
	for i := range c.Networks {
		n := &c.Networks[i]
		networks[n.ID] = n
		for _, a := range [...]netip.Addr{n.Router, n.GatewayV6} {
			if a.IsValid() {
				nodes[a] = n.ID
			}
		}
	}
	type port struct {
		bridge string
		mac    netcalc.MAC
	}
	ports := make(map[port]*Host, len(c.Hosts))
	addrs := make(map[netip.Addr]*Host, 2*len(c.Hosts))
	names := make(map[string]*Host, len(c.Hosts))
	for i := range c.Hosts {
		h := &c.Hosts[i]
		n := networks[h.Network]
		if n == nil {
			return fail(nil, "host", h.MAC.String(), fmt.Sprintf("must be in a network that is served, not in %d", h.Network))
		}
		if err := h.validate(n); err != nil {
			return err
		}
		// Networks of one bridge are one link, where a MAC is one guest: dnsmasq would give it the address of either.
		p := port{n.Bridge, h.MAC}
		if other := ports[p]; other != nil {
			return h.fail("MAC address", h.MAC.String(), fmt.Sprintf("must not be that of host %s in network %d too", other.Label, other.Network))
		}
		ports[p] = h
		for _, a := range [...]netip.Addr{h.IPv4, h.IPv6} {
			if !a.IsValid() {
				continue
			}
			if id, taken := nodes[a]; taken {
				return h.fail("address", a.String(), fmt.Sprintf("must not be the node's in network %d", id))
			}
			if other := addrs[a]; other != nil {
				return h.fail("address", a.String(), fmt.Sprintf("must not be that of host %s in network %d too", other.MAC, other.Network))
			}
			addrs[a] = h
		}
		name := h.Label + "." + c.domainOf(n)
		if other := names[name]; other != nil {
			// The later lease takes the name from the earlier one (lease_set_hostname).
			return h.fail("name", name, fmt.Sprintf("must not be that of host %s in network %d too", other.MAC, other.Network))
		}
		if len(name) > maxName {
			return h.fail("name", strconv.Quote(name), fmt.Sprintf("must have at most %d bytes", maxName))
		}
		names[name] = h
	}
	return nil
}

func (h *Host) fail(option, value, bound string) error {
	return fail([]string{"network " + strconv.FormatInt(h.Network, 10), "host " + h.MAC.String()}, option, value, bound)
}

// validate checks what concerns one host alone.
func (h *Host) validate(n *Network) error {
	if h.MAC.CheckUnicast() != nil {
		return h.fail("MAC address", h.MAC.String(), "must be a unicast address")
	}
	if err := CheckLabel(h.Label); err != nil {
		return h.fail("name", strconv.Quote(h.Label), boundOf(err))
	}
	if !h.IPv4.IsValid() && !h.IPv6.IsValid() {
		return h.fail("address", "", "must be given: nothing is handed out")
	}
	if h.IPv4.IsValid() {
		bound := "must be in a network with IPv4"
		if n.CIDR.IsValid() {
			bound = n.hostBound(h.IPv4)
		}
		if bound != "" {
			return h.fail("address", h.IPv4.String(), bound)
		}
	}
	if h.IPv6.IsValid() {
		bound := "must be in a network with DHCPv6"
		if n.DHCPv6 {
			bound = n.hostBoundV6(h.IPv6)
		}
		if bound != "" {
			return h.fail("address", h.IPv6.String(), bound)
		}
	}
	return nil
}

// leasedNames has the IPv4 address that is handed out with each name.
func (c Config) leasedNames() map[string]netip.Addr {
	domains := c.domains()
	leased := make(map[string]netip.Addr, len(c.Hosts))
	for i := range c.Hosts {
		if h := &c.Hosts[i]; h.IPv4.IsValid() {
			leased[h.Label+"."+domains[h.Network]] = h.IPv4
		}
	}
	return leased
}
