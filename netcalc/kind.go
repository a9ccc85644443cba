package netcalc

import (
	"fmt"
	"net/netip"
)

// Kind is what a part of the address space is for.
type Kind struct {
	Block  netip.Prefix
	Name   string // in the words of IANA's registries
	Source string // the RFC that says so
}

// String names the block with what it is for.
func (k Kind) String() string { return fmt.Sprintf("%s (%s, %s)", k.Block, k.Name, k.Source) }

// Private tells whether it is what anybody may give addresses from, in a network of one's own.
func (k Kind) Private() bool {
	return k.Name == "Private-Use" || k.Name == "Shared Address Space" || k.Name == "Unique-Local"
}

func kind(block, name, source string) Kind { return Kind{netip.MustParsePrefix(block), name, source} }

// special is IANA's two registries of special-purpose addresses (RFC 6890, RFC 8190), and what other RFCs set apart beside them:
// multicast and the site-local addresses of old. It is in address order, wider blocks before those in them.
//
// CheckServable has its own list: a private network is special, and what tenants are given.
var special = []Kind{
	kind("0.0.0.0/8", `"This network"`, "RFC 791 §3.2"),
	kind("0.0.0.0/32", `"This host on this network"`, "RFC 1122 §3.2.1.3"),
	kind("10.0.0.0/8", "Private-Use", "RFC 1918"),
	kind("100.64.0.0/10", "Shared Address Space", "RFC 6598"),
	kind("127.0.0.0/8", "Loopback", "RFC 1122 §3.2.1.3"),
	kind("169.254.0.0/16", "Link Local", "RFC 3927"),
	kind("172.16.0.0/12", "Private-Use", "RFC 1918"),
	kind("192.0.0.0/24", "IETF Protocol Assignments", "RFC 6890 §2.1"),
	kind("192.0.0.0/29", "IPv4 Service Continuity Prefix", "RFC 7335"),
	kind("192.0.0.8/32", "IPv4 dummy address", "RFC 7600"),
	kind("192.0.0.9/32", "Port Control Protocol Anycast", "RFC 7723"),
	kind("192.0.0.10/32", "Traversal Using Relays around NAT Anycast", "RFC 8155"),
	kind("192.0.0.170/32", "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 §2.2"),
	kind("192.0.0.171/32", "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 §2.2"),
	kind("192.0.2.0/24", "Documentation (TEST-NET-1)", "RFC 5737"),
	kind("192.31.196.0/24", "AS112-v4", "RFC 7535"),
	kind("192.52.193.0/24", "AMT", "RFC 7450"),
	kind("192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
	kind("192.88.99.2/32", "6a44-relay anycast address", "RFC 6751"),
	kind("192.168.0.0/16", "Private-Use", "RFC 1918"),
	kind("192.175.48.0/24", "Direct Delegation AS112 Service", "RFC 7534"),
	kind("198.18.0.0/15", "Benchmarking", "RFC 2544"),
	kind("198.51.100.0/24", "Documentation (TEST-NET-2)", "RFC 5737"),
	kind("203.0.113.0/24", "Documentation (TEST-NET-3)", "RFC 5737"),
	kind("224.0.0.0/4", "Multicast", "RFC 5771"),
	kind("240.0.0.0/4", "Reserved", "RFC 1112 §4"),
	kind("255.255.255.255/32", "Limited Broadcast", "RFC 8190, RFC 919 §7"),

	kind("::/128", "Unspecified Address", "RFC 4291 §2.5.2"),
	kind("::1/128", "Loopback Address", "RFC 4291 §2.5.3"),
	kind("::ffff:0:0/96", "IPv4-mapped Address", "RFC 4291 §2.5.5.2"),
	kind("64:ff9b::/96", "IPv4-IPv6 Translat.", "RFC 6052"),
	kind("64:ff9b:1::/48", "IPv4-IPv6 Translat.", "RFC 8215"),
	kind("100::/64", "Discard-Only Address Block", "RFC 6666"),
	kind("100:0:0:1::/64", "Dummy IPv6 Prefix", "RFC 9780"),
	kind("2001::/23", "IETF Protocol Assignments", "RFC 2928"),
	kind("2001::/32", "TEREDO", "RFC 4380, RFC 8190"),
	kind("2001:1::1/128", "Port Control Protocol Anycast", "RFC 7723"),
	kind("2001:1::2/128", "Traversal Using Relays around NAT Anycast", "RFC 8155"),
	kind("2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", "RFC 9665"),
	kind("2001:2::/48", "Benchmarking", "RFC 5180"),
	kind("2001:3::/32", "AMT", "RFC 7450"),
	kind("2001:4:112::/48", "AS112-v6", "RFC 7535"),
	kind("2001:10::/28", "Deprecated (previously ORCHID)", "RFC 4843"),
	kind("2001:20::/28", "ORCHIDv2", "RFC 7343"),
	kind("2001:30::/28", "Drone Remote ID Protocol Entity Tags (DETs) Prefix", "RFC 9374"),
	kind("2001:db8::/32", "Documentation", "RFC 3849"),
	kind("2002::/16", "6to4", "RFC 3056"),
	kind("2620:4f:8000::/48", "Direct Delegation AS112 Service", "RFC 7534"),
	kind("3fff::/20", "Documentation", "RFC 9637"),
	kind("5f00::/16", "Segment Routing (SRv6) SIDs", "RFC 9602"),
	kind("fc00::/7", "Unique-Local", "RFC 4193, RFC 8190"),
	kind("fe80::/10", "Link-Local Unicast", "RFC 4291 §2.5.6"),
	kind("fec0::/10", "Site-Local Unicast (deprecated)", "RFC 3879"),
	kind("ff00::/8", "Multicast", "RFC 4291 §2.7"),
}

// ordinary is what the rest of the space is for. In IPv6 that depends on where it is, since most of it waits for a meaning.
var ordinary = []Kind{
	kind("0.0.0.0/0", "Global Unicast", "RFC 4632"),
	kind("2000::/3", "Global Unicast", "RFC 4291 §2.5.4"),
	kind("::/0", "Reserved by IETF", "RFC 4291 §2.4"),
}

// KindOf returns the narrowest block that all of p is in, and the special blocks that are within p: a prefix may be ordinary
// for the most part, and hold some that is not.
func KindOf(p netip.Prefix) (k Kind, within []Kind) {
	for _, o := range ordinary {
		if contains(o.Block, p) {
			k = o
			break
		}
	}
	for _, s := range special {
		switch {
		case contains(s.Block, p):
			k = s
		case contains(p, s.Block):
			within = append(within, s)
		}
	}
	return k, within
}
