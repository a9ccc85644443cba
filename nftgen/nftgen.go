// Package nftgen turns the guests of a network node into an nftables file: their security groups, the addresses that they
// may use, floating addresses, VPN ports, metadata, and the node's source NAT. It refuses every value that would break the
// file, that nft would refuse, or that would mean something else than it says. Where the values come from, how the file
// reaches the disk and the kernel, and how established flows end, is left to others; [Revoked] says which ones.
//
// The file replaces table inet nova and table bridge nova in one transaction, in which no packet is lost or passes unjudged
// (chains.go says what that asks of a rule), and touches no other table. A drop of any
// table is final, so the tables drop only what concerns our guests: their MACs, the networks' ranges, what comes in over
// the networks' bridges, and router advertisements and DHCP answers from a port that is not trusted.
//
// What it does not do:
//   - Security groups filter what the node routes. Guests on one bridge reach each other without the node, unless
//     br_netfilter is loaded and net.bridge.bridge-nf-call-iptables and -ip6tables are 1: then the groups hold there as
//     well, but for link-local addresses and multicast, and a network's broadcast address is nobody's. Both settings
//     work, and one should be chosen. With 1 a guest reaches its own floating address only if its port has hairpin mode
//     on, and the kernel sends large IPv6 packets that a guest has fragmented as one, whatever table tracks connections.
//   - Which port of a bridge a guest has is not known, so a frame is judged by its MAC. One guest cannot use another's
//     address with its own MAC or with a made-up one, but nothing tells it from the other if it takes over both.
//   - A router beyond a bridge is not served: what comes in over a bridge from an address that is not of its networks is
//     dropped.
//
// Kernels: nat in inet 5.2, iifname in postrouting 5.7. What is said here of nft was tried
// with 1.0.6, Debian 12's, on kernel 6.18.
package nftgen

import (
	"net/netip"

	"nova-manage/netcalc"
)

// Config is the filter and the NAT of a network node. The order of its lists does not matter.
type Config struct {
	// Uplinks are the interfaces to the outside. What leaves over them from a guest gets the guest's floating address as
	// its source, or [Config.RoutingSource]; what comes in over them from an address of our networks is forged.
	Uplinks []string
	// TrustedPorts are ports of bridges, ours or others, behind which a router or a DHCP server may be.
	TrustedPorts []string
	Networks     []Network
	Ports        []Port
	// Groups are the security groups of the ports, at least. Those that no port is in are checked and not written.
	Groups []Group
	// Sources are members of groups that are not among Ports, by the id of the group: guests of other nodes.
	Sources  map[int64][]netip.Addr
	Floating []Floating
	VPN      []VPN
	// Metadata is where guests' requests to 169.254.169.254, port 80, go; the zero value leaves them alone. It sees the
	// guest's fixed address as their source.
	Metadata netip.AddrPort
	// DMZ are destinations that see the guests' own addresses. They may overlap.
	DMZ []netip.Prefix
	// RoutingSource is the IPv4 address that guests without a floating one have outside; the zero value is that of the
	// uplink. IPv6 is not translated but for floating addresses.
	RoutingSource netip.Addr
}

// Network is a network that the node serves.
type Network struct {
	ID     int64
	Bridge string // networks may share one
	CIDR   netip.Prefix
	CIDRv6 netip.Prefix // a /64; networks of one bridge may share it
	// Gateway and GatewayV6 are the node's own addresses on the bridge, which no guest may have, if they are valid.
	Gateway   netip.Addr
	GatewayV6 netip.Addr
	// LinkLocal is the bridge's fe80:: address, if it is known: no frame from a port may claim it then. A guest of the
	// ledger cannot claim one in EUI-64 form (the kernel's default) anyway; a MAC that the ledger does not know can.
	LinkLocal netip.Addr
	// Open are addresses of CIDR that are no guest's and that any MAC may use but a guest's: those of the VPN server, which the
	// ledger does not know, and of the clients whose frames it passes on.
	Open []netcalc.Span
}

// Port is a guest on a network. Beside the two addresses it may use the one that it makes of its MAC in the network's
// CIDRv6, and link-local ones.
type Port struct {
	Network int64
	MAC     netcalc.MAC
	IPv4    netip.Addr
	IPv6    netip.Addr // the recorded one
	Groups  []int64    // none lets nothing in
}

// Group is a security group: what it says may come in.
type Group struct {
	ID    int64
	Rules []Rule
}

// Rule lets in what comes from CIDR, or from the members of the group Source in both families; one of the two is set.
type Rule struct {
	Protocol string // tcp, udp or icmp; icmp is ICMPv6 where the source is IPv6
	// From and To are ports, or ICMP's type and code, -1 for any. For a source group a type means that number in each
	// family: 8 is ICMP's echo request, and ICMPv6's is 128.
	From, To int
	CIDR     netip.Prefix // host bits do not count
	Source   int64
}

// Floating is a public address that stands for one fixed address, in and out.
type Floating struct {
	Public    netip.Addr
	Fixed     netip.Addr // an address of one of the Ports
	Interface string     // one more interface to the outside, where it is not among the Uplinks; may be ""
}

// VPN is a UDP port of a public address that is translated to port 1194 of a private one.
type VPN struct {
	Public  netip.AddrPort
	Private netip.Addr
}

// vpnPort is OpenVPN's, which Nova's cloudpipe image listened at.
const vpnPort = 1194

// Bounds of what loads in good time: the kernel looks a set up by name in a list, so that n sets take n² steps. Two sets
// for each source group, one for each family: 5,000 groups loaded in 4.3 s and 10,000 in 17 s.
const (
	// SlowSets is the number of [Config.SourceSets] from which on loading takes seconds.
	SlowSets = 10_000
	// MaxCombinations is how many different combinations of groups the ports may have: each is a chain.
	MaxCombinations = 10_000
)

// SourceSets is how many sets of source groups the file of a valid c has. From [SlowSets] on the operator should be told.
func (c Config) SourceSets() int {
	p, err := newPlan(&c)
	if err != nil {
		return 0
	}
	return len(p.sets)
}
