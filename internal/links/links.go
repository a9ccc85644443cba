// Package links has the links of a network node as values: what systemd-networkd, ifupdown and netplan are told alike, and
// what may not be told to any of them. How each of them spells it is left to its generator, what the links come from to the
// caller.
package links

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
)

// FloatingLink is a bridge of ours without ports. It has a route of type local for every floating IPv4 address, which makes
// the address the node's own: it answers ARP for it on whatever link it is asked (arp_ignore 0, the kernel's default), and
// the uplink's configuration need not name it. A range as a whole would do the same with less, but the provider's router
// may be in it.
const FloatingLink = "nova-float"

// Config is the links of a node. They are written in their order; see [Config.Sort].
type Config struct {
	Bridges  []Bridge
	Uplinks  []Uplink
	Floating []Floating
}

// Bridge is a bridge of guests.
type Bridge struct {
	Name      string
	VLAN      int            // 1 to 4094: its port is the link VLANName on Parent; 0: its port is Parent itself
	Parent    string         // the link that the node has anyway; without a VLAN it may be empty, for a bridge without a port
	Addresses []netip.Prefix // the gateways of its networks, each with its network's length
	MTU       int            // 0 leaves it to the kernel
	// LinkLocal is the link-local address that the node has on it, if it is valid; else the kernel makes one at the first
	// carrier. That is too late for radvd, which looks for it at the same moment, and where it loses that race looks again
	// only after its interval: the bridge's first guest would wait for minutes.
	LinkLocal netip.Addr
}

// Uplink is a link that the node has anyway and that has a configuration of its own, which is not ours.
type Uplink struct {
	Name string
	// File is the base name of the .network file that systemd-networkd configures it with. It is for networkdgen alone.
	File string
	// DHCP tells that its addresses come from a DHCP server.
	DHCP bool
}

// Floating is a floating address that somebody has.
type Floating struct {
	Address   netip.Addr
	Interface string // the uplink on which neighbours ask for it; IPv4 needs none, and it may be empty there
}

// VLANName is the name of the link that carries the bridge's VLAN, or "" where it has none.
func (b *Bridge) VLANName() string {
	if b.VLAN == 0 {
		return ""
	}
	return "vlan" + strconv.Itoa(b.VLAN)
}

// Port is the link that the bridge has for a port, or "".
func (b *Bridge) Port() string { return cmp.Or(b.VLANName(), b.Parent) }

// HasIPv6 tells whether the bridge has an IPv6 address of a network.
func (b *Bridge) HasIPv6() bool {
	return slices.ContainsFunc(b.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// AllAddresses are the addresses with the link-local one, if it is given, behind them.
func (b *Bridge) AllAddresses() []netip.Prefix {
	if !b.LinkLocal.IsValid() {
		return b.Addresses
	}
	return append(slices.Clone(b.Addresses), netip.PrefixFrom(b.LinkLocal, 64))
}

// FloatingIPv4 are the floating IPv4 addresses, in their order.
func (c *Config) FloatingIPv4() []netip.Addr {
	var addresses []netip.Addr
	for _, f := range c.Floating {
		if f.Address.Is4() {
			addresses = append(addresses, f.Address)
		}
	}
	return addresses
}

// FloatingIPv6 are the floating IPv6 addresses of an uplink, in their order.
func (c *Config) FloatingIPv6(uplink string) []netip.Addr {
	var addresses []netip.Addr
	for _, f := range c.Floating {
		if f.Address.Is6() && f.Interface == uplink {
			addresses = append(addresses, f.Address)
		}
	}
	return addresses
}

// Sort puts bridges and uplinks in the order of their names (see [configfile.CompareNames]), and addresses in their own.
func (c *Config) Sort() {
	slices.SortStableFunc(c.Bridges, func(a, b Bridge) int { return configfile.CompareNames(a.Name, b.Name) })
	for i := range c.Bridges {
		slices.SortStableFunc(c.Bridges[i].Addresses, netip.Prefix.Compare)
	}
	slices.SortStableFunc(c.Uplinks, func(a, b Uplink) int { return configfile.CompareNames(a.Name, b.Name) })
	slices.SortStableFunc(c.Floating, func(a, b Floating) int { return a.Address.Compare(b.Address) })
}
