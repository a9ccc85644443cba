//go:build linux

package commands

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
	"nova-manage/nftgen"
	"nova-manage/node"
)

type emitNftablesOptions struct {
	nodeOptions
	place
}

func emitNftables() *command {
	o := &emitNftablesOptions{nodeOptions: newNodeOptions()}
	return &command{
		name:  "nftables",
		short: "print the node's packet filter: security groups, floating addresses, NAT, no spoofing",
		long: "Security groups filter what the node routes to an instance, in both families; an instance may use only its own MAC and " +
			"addresses, and none may advertise itself as a router or answer as a DHCP server. Floating addresses stand one to one for " +
			"fixed ones. What leaves over an --uplink from an instance without one gets --routing_source_ip, or the uplink's own address, " +
			"except towards --dmz_cidr. VPN ports lead to vpn_private_address, and 169.254.169.254 to --metadata. The file replaces the " +
			"tables `inet nova` and `bridge nova` in one transaction and touches no other one. Where there is no network the exit code is " +
			"3 and no file is touched.",
		examples: []string{
			"nova-manage emit nftables --host node1 --uplink eth0 -o /etc/nova/nftables.nft",
			"nova-manage emit nftables --uplink eth0 --dmz_cidr 10.128.0.0/24 --metadata 192.0.2.10:8775",
		},
		flags: slices.Concat([]*cli.Flag{servedBy(&o.Host), uplinkFlag(&o.Uplinks, "an interface over which the node reaches the outside")},
			o.filterFlags(), o.place.flags()),
		ledger: reads,
		files:  o.place.files,
		check:  func(*cli.Env) error { return o.place.check() },
		run: func(ctx context.Context, s *session) error {
			view, err := s.store.Node(ctx, o.Host)
			if err != nil {
				return err
			}
			config := o.filter(view)
			text, err := config.Append(nil)
			if err != nil {
				return refusedLedger(err)
			}
			s.warnAll(o.filterWarnings(view, config))
			return s.outputFiles(ctx, &o.place, []node.File{{Path: filterFile, Mode: 0o644, Text: text, Does: node.LoadFilter}})
		},
	}
}

const (
	filterFile    = nftgen.File
	filterService = "/etc/systemd/system/nova-nftables.service"
)

// filterTables are the tables of the filter, as nft(8) names them.
var filterTables = []string{"inet nova", "bridge nova"}

// filter is the packet filter of the node that view is of.
func (o *nodeOptions) filter(view db.NodeView) nftgen.Config {
	c := nftgen.Config{Uplinks: unique(o.Uplinks), TrustedPorts: unique(o.TrustedPorts), Metadata: o.Metadata, DMZ: o.DMZ, RoutingSource: o.RoutingSource,
		Sources: view.Sources}
	for _, n := range view.Networks {
		network := nftgen.Network{ID: n.ID, Bridge: n.Bridge, CIDR: n.CIDR, CIDRv6: n.CIDRv6, Gateway: n.Gateway, GatewayV6: n.GatewayV6}
		network.Open = vpnAddresses(n)
		if n.CIDRv6.IsValid() {
			network.LinkLocal = linkLocal(view.Host, n.Bridge)
		}
		c.Networks = append(c.Networks, network)
		if n.VPNPublicAddress.IsValid() && n.VPNPublicPort != 0 && n.VPNPrivateAddress.IsValid() && n.ProjectID != "" {
			c.VPN = append(c.VPN, nftgen.VPN{Public: netip.AddrPortFrom(n.VPNPublicAddress, uint16(n.VPNPublicPort)), Private: n.VPNPrivateAddress})
		}
	}
	for _, i := range view.Instances {
		c.Ports = append(c.Ports, nftgen.Port{Network: i.NetworkID, MAC: i.MAC, IPv4: i.FixedIP, IPv6: i.FixedIPv6, Groups: i.Groups})
	}
	known := map[int64]bool{}
	for _, g := range view.Groups {
		known[g.ID] = true
		group := nftgen.Group{ID: g.ID}
		for _, r := range g.Rules {
			group.Rules = append(group.Rules, nftgen.Rule{Protocol: r.Protocol, From: r.From, To: r.To, CIDR: r.CIDR, Source: r.SourceID})
		}
		c.Groups = append(c.Groups, group)
	}
	for _, id := range slices.Sorted(maps.Keys(view.Sources)) {
		if !known[id] { // one that no guest of this node is in
			c.Groups = append(c.Groups, nftgen.Group{ID: id})
		}
	}
	for _, f := range o.served(view) {
		c.Floating = append(c.Floating, nftgen.Floating{Public: f.Address, Fixed: f.FixedIP, Interface: f.Interface})
	}
	return c
}

// vpnAddresses are those that a network keeps for its VPN server and the clients behind that, whose MACs nobody has recorded.
func vpnAddresses(n db.Network) (open []netcalc.Span) {
	if a := n.VPNPrivateAddress; a.IsValid() {
		open = append(open, netcalc.Span{First: a, Last: a})
	}
	last := n.Broadcast
	if n.VPNClients == 0 || !last.IsValid() {
		return open
	}
	first := last
	for range n.VPNClients {
		first = first.Prev()
	}
	return append(open, netcalc.Span{First: first, Last: last.Prev()})
}

// filterWarnings are what the filter does not do, or not well.
func (o *nodeOptions) filterWarnings(view db.NodeView, c nftgen.Config) (warnings []string) {
	if len(o.Uplinks) == 0 {
		warnings = append(warnings, "no --uplink is given: what instances send outside keeps their fixed addresses as its source")
	}
	if len(view.Sources) < nftgen.SlowSets/2 {
		return warnings // counting takes as long as rendering
	}
	if n := c.SourceSets(); n >= nftgen.SlowSets {
		warnings = append(warnings, fmt.Sprintf("%d sets of source groups take nft several seconds to load", n))
	}
	return warnings
}
