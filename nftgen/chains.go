package nftgen

import (
	"fmt"
	"regexp"
	"strings"
)

// A file is loaded while packets are in the chains of the one before. What the kernel does then (nf_tables_commit, seen on
// 6.18) asks three things of every rule, or a reload loses packets or lets some through:
//
//   - No set or map has intervals, neither "flags interval" nor a range or prefix in braces. Their elements come into sight
//     when the kernel has gone through all of the file, milliseconds after the rules that look for them; those of hash sets
//     come with the rules. [prefixSets] is the way out.
//   - What drops, accepts or translates after a map had no answer is reached by a map as well. The old table's maps are empty
//     from the turn on, in the middle of a packet's way, and its sets are not. Such a packet goes on to the end of the chain.
//   - What the kernel calls is called twice, one priority apart ([writer.hooks]). At one priority the new table stands before
//     the old one and both are empty for a packet that is between them at the turn; nobody would have judged it, nor one that
//     an old map has let go on. The second call does.

// inetChains writes the chains of the table inet nova. What they look up are sets and maps, so that a packet's way is as
// long with 10,000 guests as with one.
func (p *plan) inetChains(w *writer) {
	w.hooks("sources", "filter", "prerouting", "raw", "raw + 1")
	p.rules(w, sourceChains)
	w.hooks("forward", "filter", "forward", "filter", "filter + 1")
	w.hooks("own", "filter", "output", "filter", "filter + 1")
	p.rules(w, forwardChains)
	p.translation(w)
}

// hooks writes the two chains by which the kernel calls another one.
func (w *writer) hooks(chain, kind, hook, first, again string) {
	w.chain(chain+"_first", fmt.Sprintf("type %s hook %s priority %s; policy accept;", kind, hook, first), "jump "+chain)
	w.chain(chain+"_again", fmt.Sprintf("type %s hook %s priority %s; policy accept;", kind, hook, again), "jump "+chain)
}

// rules writes chains as they are, but for rules about prefixes of several lengths: each is a rule for each length.
func (p *plan) rules(w *writer, text string) {
	for line := range strings.Lines(text) {
		name := prefixName.FindStringSubmatch(line)
		if name == nil {
			w.b = append(w.b, line...)
			continue
		}
		for _, rule := range p.lookup[name[1]].rules(line) {
			w.b = append(w.b, rule...)
		}
	}
}

var prefixName = regexp.MustCompile(`@(from4|fixed4|open4|dmz4|dmz6)\b`)

// sourceChains judge where a packet comes from, before connection tracking.
const sourceChains = `	chain sources {
		iifname @uplinks jump from_outside
		iifname @bridges jump from_guests
	}
	chain from_outside {
		ip saddr @fixed4 counter drop
		ip6 saddr & ffff:ffff:ffff:ffff:: @fixed6 counter drop
	}
	chain from_guests {
		ip saddr 0.0.0.0 udp sport 68 udp dport 67 return
		ip6 saddr fe80::/10 return
		ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } return
		iifname . ip saddr @from4 return
		iifname . ip6 saddr & ffff:ffff:ffff:ffff:: @from6 return
		counter drop
	}
`

// forwardChains judge what the node forwards. Comments are in the file where somebody reads it who wonders about a line.
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
const forwardChains = `	chain forward {
		ct mark & 0x00400000 == 0 ct state established,related accept
		# a flow that a rule let in which is gone, perhaps: what comes from its beginner is judged again
		ct state related accept
		ct direction reply ct state established accept
		# RFC 4890; neighbour discovery passes here inside a bridge, with br_netfilter
		ip6 daddr & ffff:ffff:ffff:ffff:: @fixed6 icmpv6 type { 1, 2, 3, 4, 135, 136 } accept
		# a DHCP server beyond the bridge; forged answers do not come this far
		iifname . oifname @same_bridge udp sport 67 udp dport 68 accept
		ct state invalid ip daddr @fixed4 counter drop
		ct state invalid ip6 daddr & ffff:ffff:ffff:ffff:: @fixed6 counter drop
		ct status dnat ip daddr . udp dport @vpn_to accept
		ip daddr vmap @to4
		ip6 daddr vmap @to6
		# a map, as those before: in a table that is just being replaced all of them are empty
		meta nfproto vmap { ipv4 : goto nobody, ipv6 : goto nobody }
	}
	chain nobody {
		# no guest has this address
		ip daddr @fixed4 counter drop
		ip6 daddr & ffff:ffff:ffff:ffff:: @fixed6 counter drop
	}
	chain own {
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
	var incoming, outgoing []string
	if p.Metadata.IsValid() {
		// Only what guests ask: the node itself may be an instance, with a metadata server of its own.
		incoming = append(incoming, fmt.Sprintf("iifname @bridges ip daddr %s tcp dport 80 dnat ip to %s", metadataAddress, p.Metadata))
		// The server tells guests by their fixed addresses.
		outgoing = p.lookup["fixed4"].rules(fmt.Sprintf("ct status dnat ip daddr %s tcp dport %d ip saddr @fixed4 return", p.Metadata.Addr(), p.Metadata.Port()))
	}
	w.hooks("dstnat", "nat", "prerouting", "dstnat", "dstnat + 1")
	w.chain("dstnat", append(incoming, destinations...)...)
	w.hooks("dstnat_own", "nat", "output", "-100", "-99")
	w.chain("dstnat_own", destinations...)

	source := "masquerade"
	if p.RoutingSource.IsValid() {
		source = "snat ip to " + p.RoutingSource.String()
	}
	w.hooks("srcnat", "nat", "postrouting", "srcnat", "srcnat + 1")
	w.begin("chain", "srcnat", outgoing...)
	p.rules(w, sourceTranslation)
	w.chain("outside", append(p.lookup["fixed4"].rules("ip daddr @fixed4 return"), p.lookup["fixed4"].rules("ip saddr @fixed4 "+source)...)...)
}

// sourceTranslation is about what comes from a guest, without saying so: only fixed addresses are in the maps.
const sourceTranslation = `		# to a floating address of another guest, or of itself: the answer has to come back through here
		ct status dnat snat ip to ip saddr map @float_out4
		ct status dnat snat ip6 to ip6 saddr map @float_out6
		ct status dnat iifname . oifname @same_bridge meta nfproto vmap { ipv4 : goto hairpin, ipv6 : goto hairpin }
		ip daddr @dmz4 return
		ip6 daddr @dmz6 return
		oifname @uplinks snat ip to ip saddr map @float_out4
		oifname @uplinks snat ip6 to ip6 saddr map @float_out6
		oifname @uplinks meta nfproto vmap { ipv4 : goto outside }
	}
	chain hairpin {
		masquerade
	}
`

// bridgeChains writes the chains of the table bridge nova.
func (p *plan) bridgeChains(w *writer) {
	w.hooks("frames", "filter", "prerouting", "-300", "-299")
	p.rules(w, frameChains)
}

// frameChains see every frame that comes in at a port of any bridge of the host, so they drop nothing but what the comment
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
const frameChains = `	chain frames {
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
		ip6 saddr & ffff:ffff:ffff:ffff:: @fixed6 counter drop
	}
	chain claims {
		ether saddr . @th,64,128 @nd_own return
		@th,64,128 @nd_link counter drop
		@th,64,10 0x3fa @th,152,16 != 0xfffe return
		ether saddr @macs counter drop
		@th,64,64 @nd_fixed counter drop
	}
`
