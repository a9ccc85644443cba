package nftgen

import "fmt"

// inetChains writes the chains that the kernel calls. What they look up are sets and maps, so that a packet's way is as
// long with 10,000 guests as with one.
func (p *plan) inetChains(w *writer) {
	w.b = append(w.b, forwardChains...)
	p.translation(w)
}

// forwardChains come before connection tracking (sources) and at forwarding. Comments are in the file where somebody reads
// it who wonders about a line.
//
// ICMPv6 errors pass before "invalid": RFC 4890 section 4.3.1 has nobody drop them in transit, and an error about a flow
// that is not tracked any more is invalid. 135 and 136 pass the forward hook only between ports of one bridge, with
// br_netfilter; from elsewhere a guest ignores them, because their hop limit is not 255 then (RFC 4861 section 7.1).
//
// IPv6 has no setting that keeps the kernel from sending redirects (ip6_forward).
//
// The mark is [JudgeMark]. Answers of such a flow pass, since a guest may send what it likes, and so do errors about it.
//
// Nothing is dropped as invalid that is not for our guests: others on the host may route asymmetrically.
const forwardChains = `	chain sources {
		type filter hook prerouting priority raw; policy accept;
		iifname @uplinks ip saddr @fixed4 counter drop
		iifname @uplinks ip6 saddr @fixed6 counter drop
		iifname @bridges jump from_guests
	}
	chain from_guests {
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 return
		ip6 saddr fe80::/10 return
		ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } return
		meta nfproto ipv4 iifname . ip saddr != @from4 counter drop
		meta nfproto ipv6 iifname . ip6 saddr != @from6 counter drop
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct mark & 0x00400000 == 0 ct state vmap { established : accept, related : accept }
		# a flow that a rule let in which is gone, perhaps: what comes from its beginner is judged again
		ct state related accept
		ct direction reply ct state established accept
		# RFC 4890; neighbour discovery passes here inside a bridge, with br_netfilter
		ip6 daddr @fixed6 icmpv6 type { 1, 2, 3, 4, 135, 136 } accept
		# a DHCP server beyond the bridge; forged answers do not come this far
		iifname . oifname @same_bridge udp sport 67 udp dport 68 accept
		ip daddr @fixed4 ct state invalid counter drop
		ip6 daddr @fixed6 ct state invalid counter drop
		ct status dnat ip daddr . udp dport @vpn_to accept
		ip daddr vmap @to4
		ip6 daddr vmap @to6
		# no guest has this address
		ip daddr @fixed4 counter drop
		ip6 daddr @fixed6 counter drop
	}
	chain own {
		type filter hook output priority filter; policy accept;
		# no guest is shown a way to another one that leads past this node
		oifname @bridges icmpv6 type nd-redirect counter drop
	}
`

// metadataAddress is where instances ask for what they are, on EC2 as here.
const metadataAddress = "169.254.169.254"

// translation writes the NAT chains. Those of destinations are called before routing and for the node's own packets, too;
// "priority dstnat" is a name that nft 1.0.6 does not know for the latter.
func (p *plan) translation(w *writer) {
	destinations := []string{
		"dnat ip to ip daddr . udp dport map @vpn",
		"dnat ip to ip daddr map @float_in4",
		"dnat ip6 to ip6 daddr map @float_in6",
	}
	incoming := []string{"type nat hook prerouting priority dstnat; policy accept;"}
	var outgoing []string
	if p.Metadata.IsValid() {
		// Only what guests ask: the node itself may be an instance, with a metadata server of its own.
		incoming = append(incoming, fmt.Sprintf("iifname @bridges ip daddr %s tcp dport 80 dnat ip to %s", metadataAddress, p.Metadata))
		// The server tells guests by their fixed addresses.
		outgoing = append(outgoing, fmt.Sprintf("ct status dnat ip saddr @fixed4 ip daddr %s tcp dport %d return", p.Metadata.Addr(), p.Metadata.Port()))
	}
	w.chain("dstnat", append(incoming, destinations...)...)
	w.chain("dstnat_own", append([]string{"type nat hook output priority -100; policy accept;"}, destinations...)...)

	source := "masquerade"
	if p.RoutingSource.IsValid() {
		source = "snat ip to " + p.RoutingSource.String()
	}
	w.begin("chain", "srcnat", "type nat hook postrouting priority srcnat; policy accept;")
	for _, line := range append(outgoing,
		"# to a floating address of another guest, or of itself: the answer has to come back through here",
		"ct status dnat ip saddr @fixed4 snat ip to ip saddr map @float_out4",
		"ct status dnat ip6 saddr @fixed6 snat ip6 to ip6 saddr map @float_out6",
		"ct status dnat iifname . oifname @same_bridge masquerade",
		"ip saddr @fixed4 ip daddr @dmz4 return",
		"ip6 saddr @fixed6 ip6 daddr @dmz6 return",
		"oifname @uplinks snat ip to ip saddr map @float_out4",
		"oifname @uplinks snat ip6 to ip6 saddr map @float_out6",
		"oifname @uplinks ip saddr @fixed4 ip daddr != @fixed4 "+source) {
		w.line(2, line)
	}
	w.end()
}

// bridgeChains see every frame that comes in at a port of any bridge of the host, so they drop nothing but what the comment
// at the head of the package says. In chain and order:
//
// "meta protocol" is what the frame carries without its VLAN tag. "ether type", which nft puts before arp, icmpv6 and udp
// where nothing else is said, is the tag itself, and a frame with priority tag (VLAN 0) is taken by guests as if it had
// none. Two such tags hide from both, so that frame is dropped.
//
// A DHCP answer is known by the port that it goes to: clients do not look at where it comes from.
//
// A guest with addresses of its own making (RFC 7217, 8981) has a link-local address that the ledger does not know. It
// may, unless the address is in EUI-64 form, with ff:fe in its middle: those are the bridge's, other guests', or its own,
// which is in src6. A prefix's addresses are for whom the ledger has them.
//
// Duplicate address detection asks from no address: it is judged by the address it asks for (ARP probes of RFC 5227 and
// neighbour solicitations from ::), or one guest could keep another from having its own.
const bridgeChains = `	chain frames {
		type filter hook prerouting priority -300; policy accept;
		vlan id 0 vlan type { 0x8100, 0x88a8 } counter drop
		meta protocol vmap { ip : jump frames4, ip6 : jump frames6, arp : jump frames_arp }
	}
	chain frames4 {
		meta protocol ip udp dport 68 iifname != @trusted counter drop
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 return
		ether saddr . ip saddr @src4 return
		ether saddr @macs counter drop
		ip saddr @open4 return
		ip saddr @fixed4 counter drop
	}
	chain frames_arp {
		meta protocol arp arp saddr ip 0.0.0.0 goto frames_probe
		meta protocol arp ether saddr . arp saddr ip @src4 arp saddr ether . arp saddr ip @src4 return
		ether saddr @macs counter drop
		meta protocol arp arp saddr ip @open4 return
		meta protocol arp arp saddr ip @fixed4 counter drop
	}
	chain frames_probe {
		meta protocol arp ether saddr . arp daddr ip @src4 return
		ether saddr @macs counter drop
		meta protocol arp arp daddr ip @open4 return
		meta protocol arp arp daddr ip @fixed4 counter drop
	}
	chain frames6 {
		meta protocol ip6 icmpv6 type { nd-router-advert, nd-redirect } iifname != @trusted counter drop
		meta protocol ip6 udp dport 546 iifname != @trusted counter drop
		meta protocol ip6 icmpv6 type nd-neighbor-advert jump claims
		ip6 saddr :: icmpv6 type nd-neighbor-solicit goto claims
		ip6 saddr :: icmpv6 type { 131, 132, 133, 143 } return
		ether saddr . ip6 saddr @src6 return
		ip6 saddr @link6 counter drop
		ip6 saddr fe80::/10 ip6 saddr & ::ff:ff00:0 != ::ff:fe00:0 return
		ether saddr @macs counter drop
		ip6 saddr @fixed6 counter drop
	}
	chain claims {
		ether saddr . @th,64,128 @nd_own return
		@th,64,128 @nd_link counter drop
		@th,64,10 0x3fa @th,152,16 != 0xfffe return
		ether saddr @macs counter drop
		@th,64,64 @nd_fixed counter drop
	}
`
