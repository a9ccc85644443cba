package novadb

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/netcalc"
)

// network is a Network with what its addresses are judged by.
type network struct {
	Network
	layout netcalc.Layout
	rows   []*fixedAddress // of IPv4, by address in the end
	named  string          // vpn_private_address as the row has it
}

// name is how messages call it.
func (n *network) name() string {
	p := n.CIDR
	if !p.IsValid() {
		p = n.CIDRv6
	}
	return fmt.Sprintf("network %d (%s)", n.ID, p)
}

const (
	maxVLAN = 4094 // IEEE 802.1Q reserves 0 and 4095
	maxPort = 65535
	minMTU  = 1280 // RFC 8200 §5
	maxMTU  = 65535
)

func (j *judgement) judgeNetworks() {
	var sound []*network
	for _, row := range j.database.networks {
		n, reason := j.judgeNetwork(row)
		if _, twice := j.networks[row.id]; reason == "" && twice {
			reason = "its id is there twice"
		}
		if reason != "" {
			j.badNetwork(n, reason)
			continue
		}
		j.networks[row.id] = n
		sound = append(sound, n)
	}
	slices.SortStableFunc(sound, func(a, b *network) int { return cmp.Compare(a.ID, b.ID) })
	j.judgeTogether(sound)
	for _, n := range sound {
		if j.networks[n.ID] == n {
			j.site.Networks = append(j.site.Networks, n.Network) // completed by judgePorts
			j.site.Taken["networks"]++
		}
	}
}

func (j *judgement) badNetwork(n *network, reason string) {
	j.invalid("networks", n.ID, "%s", reason)
	j.badNet[n.ID] = fmt.Sprintf("network %d", n.ID)
}

// judgeNetwork judges a row by itself.
func (j *judgement) judgeNetwork(row networkRow) (n *network, reason string) {
	n = &network{Network: Network{ID: row.id, Label: row.label, Bridge: row.bridge, BridgeInterface: row.bridgeInterface,
		ProjectID: row.projectID, Host: row.host}, named: row.vpnPrivateAddress}
	var broadcast, vpn netip.Addr
	dns := "dns1"
	if !j.has("networks", dns) { // up to 2011.2
		dns = "dns"
	}
	reason = reasons(
		prefix("cidr", row.cidr, netcalc.ParsePrefix4, netcalc.CheckServable, &n.CIDR),
		prefix("cidr_v6", row.cidrV6, netcalc.ParsePrefix6, checkV6, &n.CIDRv6),
		servable("gateway", row.gateway, &n.Gateway),
		servable("gateway_v6", row.gatewayV6, &n.GatewayV6),
		addr("broadcast", row.broadcast, &broadcast),
		addr("vpn_private_address", row.vpnPrivateAddress, &vpn),
		addr("vpn_public_address", row.vpnPublicAddress, &n.VPNPublicAddress),
		servable(dns, row.dns1, &n.DNS1),
		servable("dns2", row.dns2, &n.DNS2),
		whole("vlan", row.vlan, 1, maxVLAN, &n.VLAN),
		whole("vpn_public_port", row.vpnPublicPort, 1, maxPort, &n.VPNPublicPort),
		whole("mtu", row.mtu, minMTU, maxMTU, &n.MTU),
		j.bad("label", row.label, j.names.Label),
		j.bad("bridge", row.bridge, j.names.Interface),
		j.bad("bridge_interface", row.bridgeInterface, j.names.Interface),
		j.bad("host", row.host, j.names.Host),
	)
	switch {
	case reason != "":
	case !n.CIDR.IsValid() && !n.CIDRv6.IsValid():
		reason = "it has neither cidr nor cidr_v6"
	case n.Bridge == "" && n.VLAN == 0:
		reason = "it has no bridge"
	case n.VLAN != 0 && n.Bridge != "" && n.Bridge != vlanBridge(n.VLAN):
		reason = fmt.Sprintf("VLAN %d is on bridge %s, and the bridge of a VLAN is named after it: %s", n.VLAN, n.Bridge, vlanBridge(n.VLAN))
	case n.VLAN == 0 && n.VPNPublicPort != 0:
		reason = fmt.Sprintf("it has the VPN port %d and no VLAN", n.VPNPublicPort)
	case n.VPNPublicPort != 0 && !n.CIDR.IsValid():
		reason = fmt.Sprintf("it has the VPN port %d and no IPv4", n.VPNPublicPort)
	case n.Gateway.IsValid() && !n.CIDR.Contains(n.Gateway):
		reason = fmt.Sprintf("gateway %s is not in %s", n.Gateway, orNone(n.CIDR))
	case n.GatewayV6.IsValid() && !n.CIDRv6.Contains(n.GatewayV6):
		reason = fmt.Sprintf("gateway_v6 %s is not in %s", n.GatewayV6, orNone(n.CIDRv6))
	case n.GatewayV6.IsValid() && n.GatewayV6 == n.CIDRv6.Addr():
		// Bexar's bridges had it, without a row saying so; nobody can be sent packets there (RFC 4291 §2.6.1).
		reason = fmt.Sprintf("gateway_v6 %s is the subnet-router anycast address of %s", n.GatewayV6, n.CIDRv6)
	case row.netmaskV6 != "" && n.CIDRv6.IsValid() && !sameNetmask(row.netmaskV6, n.CIDRv6):
		reason = fmt.Sprintf("netmask_v6 %q contradicts cidr_v6 %s", row.netmaskV6, n.CIDRv6)
	}
	if reason == "" {
		reason = j.project(n.ProjectID)
	}
	if reason != "" {
		return n, reason
	}
	n.Manager = FlatDHCPManager
	switch {
	case n.VLAN != 0:
		n.Manager, n.Bridge = VlanManager, vlanBridge(n.VLAN)
	case row.injected, row.noDHCP: // FlatManager writes addresses into the image, and has no DHCP server
		n.Manager = FlatManager
	}
	if n.CIDRv6.IsValid() && !n.GatewayV6.IsValid() {
		n.GatewayV6 = n.CIDRv6.Addr().Next()
	}
	if !n.CIDR.IsValid() {
		return n, ""
	}
	return n, n.judgeIPv4(row.netmask, broadcast, vpn)
}

func vlanBridge(vlan int) string { return "br" + strconv.Itoa(vlan) }

func orNone(p netip.Prefix) string {
	if !p.IsValid() {
		return "the network, which has no such addresses"
	}
	return p.String()
}

// prefix reads a prefix that may be absent.
func prefix(column, s string, parse func(string) (netip.Prefix, error), check func(netip.Prefix) error, into *netip.Prefix) string {
	if s == "" {
		return ""
	}
	p, err := parse(s)
	if err == nil {
		err = check(p)
	}
	if err != nil {
		return fmt.Sprintf("%s %v", column, err)
	}
	*into = p
	return ""
}

// checkV6 wants the /64 by which guests get their addresses.
func checkV6(p netip.Prefix) error {
	if err := netcalc.CheckServable(p); err != nil {
		return err
	}
	if p.Bits() != 64 {
		return fmt.Errorf("%s is no /64, and a guest's address is 64 bits of the prefix and 64 of its MAC (RFC 4862 §5.5.3)", p)
	}
	return nil
}

// sameNetmask tells whether netmask_v6 says what cidr_v6 does. It was a prefix length first and is a mask later; Nova's own objects
// take both.
func sameNetmask(netmask string, p netip.Prefix) bool {
	if bits, err := strconv.Atoi(strings.TrimPrefix(netmask, "/")); err == nil {
		return bits == p.Bits()
	}
	mask, err := netip.ParseAddr(netmask)
	return err == nil && mask == netip.PrefixFrom(allOnes6, p.Bits()).Masked().Addr()
}

var allOnes6 = netip.AddrFrom16([16]byte(slices.Repeat([]byte{0xff}, 16)))

// judgeIPv4 compares what follows from the prefix.
func (n *network) judgeIPv4(netmask string, broadcast, vpn netip.Addr) string {
	if err := n.place(); err != nil {
		return err.Error()
	}
	switch mask, err := netcalc.ParseAddr4(netmask); {
	case netmask != "" && (err != nil || mask != n.layout.Netmask):
		return fmt.Sprintf("netmask %q contradicts cidr %s", netmask, n.CIDR)
	case broadcast.IsValid() && broadcast != n.layout.Broadcast:
		return fmt.Sprintf("broadcast %s contradicts cidr %s", broadcast, n.CIDR)
	case vpn.IsValid() && n.VLAN != 0 && vpn != n.layout.VPN:
		return fmt.Sprintf("vpn_private_address %s is not where VlanManager puts it in %s: %s", vpn, n.CIDR, n.layout.VPN)
	}
	return ""
}

// place works out the layout.
func (n *network) place() (err error) {
	if n.Manager == VlanManager {
		n.layout, err = netcalc.VlanLayout(n.CIDR, n.Gateway, uint64(n.VPNClients))
	} else {
		n.layout, err = netcalc.FlatLayout(n.CIDR, n.Gateway)
	}
	if err == nil {
		n.Gateway = n.layout.Gateway
	}
	return err
}

// role is what an IPv4 address of the network is for if not for guests, "" if it is for them.
func (n *network) role(a netip.Addr) string {
	switch a {
	case n.CIDR.Addr():
		return "network"
	case n.layout.Gateway:
		return "gateway"
	case n.layout.VPN:
		return "vpn"
	case n.layout.Broadcast:
		return "broadcast"
	}
	if !n.layout.Guests.Contains(a) {
		return "reserved"
	}
	return ""
}

// judgeTogether finds what cannot be right of two networks. Of two, the one that was made later is at fault.
func (j *judgement) judgeTogether(sound []*network) {
	vlans, ports, bridges, prefixes := map[int]*network{}, map[int]*network{}, map[string]*network{}, map[netip.Prefix]*network{}
	ipv6, mtus, only := map[string]*network{}, map[string]*network{}, map[netip.Prefix]*network{}
	var taken spans[*network]
	for _, n := range sound {
		var reason string
		same := func(what string, value any, other *network) {
			if other != nil && reason == "" {
				reason = fmt.Sprintf("%s %v is %s's", what, value, other.name())
			}
		}
		if n.CIDR.IsValid() {
			if other, ok := taken.over(netcalc.SpanOf(n.CIDR)); ok {
				reason = fmt.Sprintf("%s overlaps %s", n.CIDR, other.name())
			}
		}
		if n.VLAN != 0 {
			same("VLAN", n.VLAN, vlans[n.VLAN])
			same("bridge", n.Bridge, bridges[n.Bridge])
		}
		if n.VPNPublicPort != 0 {
			same("VPN port", n.VPNPublicPort, ports[n.VPNPublicPort])
		}
		if other := bridges[n.Bridge]; reason == "" && other != nil {
			reason = n.beside(other, ipv6[n.Bridge], mtus[n.Bridge])
		}
		if n.CIDRv6.IsValid() && reason == "" {
			if other := prefixes[n.CIDRv6]; other != nil && other.Bridge != n.Bridge {
				same("the IPv6 prefix", n.CIDRv6, other)
			}
			if !n.CIDR.IsValid() {
				same("the IPv6 prefix", n.CIDRv6, only[n.CIDRv6]) // two networks of nothing else are one
			}
		}
		if reason != "" {
			delete(j.networks, n.ID)
			j.badNetwork(n, reason)
			continue
		}
		if n.CIDR.IsValid() {
			taken.add(netcalc.SpanOf(n.CIDR), n)
		} else {
			only[n.CIDRv6] = n
		}
		vlans[n.VLAN], ports[n.VPNPublicPort] = n, n
		if bridges[n.Bridge] == nil {
			bridges[n.Bridge] = n
		}
		if n.CIDRv6.IsValid() && prefixes[n.CIDRv6] == nil {
			prefixes[n.CIDRv6], ipv6[n.Bridge] = n, n
		}
		if n.MTU != 0 && mtus[n.Bridge] == nil {
			mtus[n.Bridge] = n
		}
	}
}

// beside says what keeps a network from being on one bridge with another, of which ipv6 and mtu are the first with that.
func (n *network) beside(other, ipv6, mtu *network) string {
	switch {
	case other.VLAN != 0:
		return fmt.Sprintf("bridge %s is %s's, which is a VLAN", n.Bridge, other.name())
	case n.CIDRv6.IsValid() && ipv6 != nil && ipv6.CIDRv6 != n.CIDRv6:
		return fmt.Sprintf("bridge %s has the IPv6 prefix %s by %s, and a link has one: not %s as well", n.Bridge, ipv6.CIDRv6, ipv6.name(), n.CIDRv6)
	case n.MTU != 0 && mtu != nil && mtu.MTU != n.MTU:
		return fmt.Sprintf("bridge %s has the MTU %d by %s, and a link has one: not %d as well", n.Bridge, mtu.MTU, mtu.name(), n.MTU)
	}
	return ""
}

// spans are ranges that do not overlap, each of something.
type spans[T any] struct{ all []spanOf[T] }

type spanOf[T any] struct {
	netcalc.Span
	of T
}

func (s *spans[T]) at(a netip.Addr) int {
	i, _ := slices.BinarySearchFunc(s.all, a, func(have spanOf[T], a netip.Addr) int { return have.First.Compare(a) })
	return i
}

// over returns what a range overlaps.
func (s *spans[T]) over(r netcalc.Span) (of T, ok bool) {
	i := s.at(r.First)
	for _, k := range []int{i - 1, i} {
		if k >= 0 && k < len(s.all) && s.all[k].Overlaps(r) {
			return s.all[k].of, true
		}
	}
	return of, false
}

func (s *spans[T]) add(r netcalc.Span, of T) {
	s.all = slices.Insert(s.all, s.at(r.First), spanOf[T]{r, of})
}
