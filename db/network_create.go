package db

import (
	"context"
	"fmt"
	"net/netip"

	"nova-manage/netcalc"
)

// NewNetworks says which networks CreateNetworks makes.
type NewNetworks struct {
	Manager Manager
	Count   int

	// Range is the IPv4 block to carve and Bits the prefix length of each network in it. Both are zero for networks
	// without IPv4.
	Range netip.Prefix
	Bits  int

	// RangeV6 is the IPv6 block to take /64s from; zero where IPv6 was not asked for. RangeV6Asked tells that somebody
	// named it, so that its first /64s are meant, and a flat bridge with another prefix is a conflict. A default gives way to
	// the bridge's prefix, and begins at the first /64s in a row that are free.
	RangeV6      netip.Prefix
	RangeV6Asked bool
	// NoIPv6 keeps networks on a flat bridge that has an IPv6 prefix from sharing it.
	NoIPv6 bool

	// VLANStart, VPNStart and VPNAddress are VlanManager's: the first VLAN, the first public port and the public
	// address that VPN clients connect to. VLANStartAsked, VPNStartAsked and VPNAddressAsked tell that somebody named them. A
	// start that nobody named is where to look for the first Count in a row that are free.
	VLANStart, VPNStart                            int
	VPNAddress                                     netip.Addr
	VLANStartAsked, VPNStartAsked, VPNAddressAsked bool
	VPNClients                                     int
	// Bridge is the flat managers' bridge. VlanManager names its own; of one network it may be that name.
	Bridge string

	// Given holds what every network gets as it is: Label, ProjectID, Host, DNS1, DNS2, MTU, BridgeInterface, Gateway
	// and GatewayV6. Default holds what fills the gaps in it, and is no reason for a conflict under IfNotExists.
	Given, Default Network

	// Reserve is kept from guests: ranges in the networks, of either family. ReserveOffsets is kept in each of them,
	// counted from its IPv4 block, or from its /64 if it has no IPv4.
	Reserve        []netcalc.Span
	ReserveOffsets []netcalc.RelativeSpan

	// NextFree takes the first free slots, VLANs and ports instead of the first ones.
	NextFree bool
	// IfNotExists takes networks that are there exactly as asked for done. Under NextFree those are any that have the manager and
	// the size, and the label and the project as far as they are given; one of them must be.
	IfNotExists bool
}

// Validate finds what can never be right, whatever the ledger holds; every error is an ErrInvalid.
func (n NewNetworks) Validate() error {
	if n.Count < 1 {
		return invalidf("num_networks %d: at least 1", n.Count)
	}
	if n.NextFree && n.IfNotExists && n.Given.Label == "" && n.Given.ProjectID == "" {
		return invalidf("next_free and if_not_exists: nothing says which networks count, and any of that size would").Try(WayNameThem)
	}
	if n.Range.IsValid() {
		if err := n.validateIPv4(); err != nil {
			return err
		}
	}
	if n.RangeV6.IsValid() {
		if err := netcalc.CheckFixedRangeV6(n.RangeV6, uint64(n.prefixesV6())); err != nil {
			return invalid(fmt.Errorf("fixed_range_v6 %w", err))
		}
	}
	if n.Given.GatewayV6.IsValid() {
		if err := n.validateGatewayV6(); err != nil {
			return err
		}
	}
	if err := n.validateReserve(); err != nil {
		return err
	}
	if n.Manager != VlanManager {
		if !n.Range.IsValid() && n.Count > 1 {
			return invalidf("num_networks %d: a flat bridge has one IPv6 prefix, so it carries 1 IPv6-only network", n.Count)
		}
		return nil
	}
	if n.Bridge != "" {
		if err := n.validateVLANBridge(); err != nil {
			return err
		}
	}
	if last := n.VLANStart + n.Count - 1; n.VLANStart < 1 || last > maxVLAN {
		return invalidf("vlan_start %d with %s: VLANs are 1 to %d", n.VLANStart, counted(n.Count, "network"), maxVLAN)
	}
	if n.hasVPN() {
		if last := n.VPNStart + n.Count - 1; n.VPNStart < 1 || last > maxPort {
			return invalidf("vpn_start %d with %s: ports are 1 to %d", n.VPNStart, counted(n.Count, "network"), maxPort)
		}
	}
	return nil
}

const (
	maxVLAN = 4094 // IEEE 802.1Q reserves 0 and 4095
	maxPort = 65535
)

// validateVLANBridge takes a name of a bridge that can be the one that VlanManager gives it.
func (n NewNetworks) validateVLANBridge() error {
	_, ok := vlanOfBridge(n.Bridge)
	switch {
	case !ok:
		return invalidf("bridge %s: VlanManager names its bridges itself, br<vlan>", n.Bridge).Try(WayFlatTakesAny)
	case n.Count > 1:
		return invalidf("bridge %s: VlanManager names its bridges itself, br<vlan>, and each of %d networks has one", n.Bridge, n.Count)
	case n.VLANStartAsked && !n.NextFree && n.Bridge != vlanBridge(n.VLANStart):
		return invalidf("bridge %s: VlanManager names its bridges itself, and that of VLAN %d is %s", n.Bridge, n.VLANStart, vlanBridge(n.VLANStart))
	}
	return nil
}

func (n NewNetworks) validateIPv4() error {
	if err := netcalc.CheckServable(n.Range); err != nil {
		return invalid(fmt.Errorf("fixed_range %w", err))
	}
	size := uint64(1) << (32 - n.Bits)
	if n.Bits < n.Range.Bits() {
		return invalidf("network_size %d is larger than %s, which has %d addresses", size, n.Range, netcalc.SpanOf(n.Range).Count())
	}
	if have := netcalc.Slots(n.Range, n.Bits); uint64(n.Count) > have {
		return invalidf("num_networks %d: %s holds %s of %d", n.Count, n.Range, counted(have, "network"), size).
			Try(WayLargerRange)
	}
	if n.Given.Gateway.IsValid() && n.Count > 1 {
		return invalidf("gateway %s can be in 1 network only, and num_networks is %d", n.Given.Gateway, n.Count)
	}
	sample := Network{Manager: n.Manager, CIDR: netip.PrefixFrom(n.Range.Addr(), n.Bits), VPNClients: n.VPNClients}
	gateway := n.Given.Gateway
	if n.NextFree && gateway.IsValid() {
		// Which slot it will be is not known yet; a gateway is at home in one of them at most.
		sample.CIDR = netip.PrefixFrom(gateway, n.Bits).Masked()
		if !n.Range.Contains(gateway) {
			return invalidf("gateway %s is not in %s", gateway, n.Range)
		}
	}
	if err := sample.place(gateway); err != nil {
		return invalid(err)
	}
	return nil
}

func (n NewNetworks) validateGatewayV6() error {
	g := n.Given.GatewayV6
	switch {
	case n.NoIPv6:
		return invalidf("gateway_v6 %s is for IPv6, which nouse_ipv6 switches off", g)
	case !n.RangeV6.IsValid():
		return invalidf("gateway_v6 %s is for IPv6, which is not asked for", g).Try(WayAskForIPv6)
	case n.Manager == VlanManager && n.Count > 1:
		return invalidf("gateway_v6 %s can be in 1 network only, and num_networks is %d", g, n.Count)
	}
	slot, _ := netcalc.Slot(n.RangeV6, 64, 0)
	if (n.NextFree || !n.RangeV6Asked) && n.RangeV6.Contains(g) {
		// Which slot it will be is not known yet; a gateway is at home in one of them at most.
		slot = netip.PrefixFrom(g, 64).Masked()
	}
	if !n.RangeV6Asked && !slot.Contains(g) {
		return invalidf("gateway_v6 %s is not in %s, the default fixed_range_v6", g, n.RangeV6).
			Try(WayRangeOfGateway)
	}
	return checkGatewayV6(slot, g)
}

func (n NewNetworks) hasVPN() bool { return n.Manager == VlanManager && n.Range.IsValid() }

// prefixesV6 is how many /64s are wanted: one per network, or one for the flat bridge.
func (n NewNetworks) prefixesV6() int {
	if n.Manager == VlanManager {
		return n.Count
	}
	return 1
}

// CreateNetworks makes networks, all of them or none, and returns them in order; under IfNotExists also those that were
// there. Errors: ErrInvalid as Validate says, ErrConflict with both sides named.
func (s *Store) CreateNetworks(ctx context.Context, n NewNetworks) (made []Network, err error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		made, err = t.createNetworks(ctx, n)
		return err
	})
	return made, err
}
