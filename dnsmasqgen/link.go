package dnsmasqgen

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// linkV6 is a /64 as its guests are told of it. dnsmasq takes one range for a subnet, with one set of options, so that what
// the networks of a flat bridge say of their common /64 is put together, as it is in the bridge's router advertisements.
type linkV6 struct {
	prefix  netip.Prefix
	first   int64 // the first network that has it, by whose tag its options go
	bridge  string
	served  bool // by DHCPv6
	dns     []netip.Addr
	nodes   []netip.Addr // the node's addresses in it
	domains []string
}

// linksV6 are the /64s of the networks, in their order.
func (c Config) linksV6() []*linkV6 {
	var links []*linkV6
	of := make(map[netip.Prefix]*linkV6, len(c.Networks))
	for i := range c.Networks {
		n := &c.Networks[i]
		if !n.CIDRv6.IsValid() {
			continue
		}
		l := of[n.CIDRv6]
		if l == nil {
			l = &linkV6{prefix: n.CIDRv6, first: n.ID, bridge: n.Bridge}
			of[n.CIDRv6] = l
			links = append(links, l)
		}
		l.served = l.served || n.DHCPv6
		l.nodes = appendNew(l.nodes, n.GatewayV6)
		l.domains = appendNew(l.domains, c.domainOf(n))
		for _, a := range ofFamily(n.DNS, netip.Addr.Is6) {
			l.dns = appendNew(l.dns, a)
		}
	}
	return links
}

// appendIPv6 writes what is served to IPv6. The range is static: who is not among the hosts is told that there is no address
// (NoAddrsAvail) and keeps SLAAC's. No option makes dnsmasq advertise itself as a router; radvd is the only one that does.
func (c Config) appendIPv6(b []byte, tag string, l *linkV6) []byte {
	b = option(b, "dhcp-range", "set:"+tag+","+l.prefix.Addr().String()+",static,64,"+c.lease())
	servers := orNode(l.dns, l.nodes...)
	texts := make([]string, len(servers))
	for i, a := range servers {
		texts[i] = "[" + a.String() + "]"
	}
	b = option(b, "dhcp-option", "tag:"+tag+",option6:dns-server,"+strings.Join(texts, ","))
	// Guests of several domains search the zone alone: in the others a project's guests would find another project's.
	search := c.Domain
	if len(l.domains) == 1 {
		search = l.domains[0]
	}
	return option(b, "dhcp-option", "tag:"+tag+",option6:domain-search,"+search)
}

// domainOf is the domain in which the guests of n are.
func (c Config) domainOf(n *Network) string {
	if n.Domain == "" {
		return c.Domain
	}
	return n.Domain
}

// domains has the domain of each network.
func (c Config) domains() map[int64]string {
	domains := make(map[int64]string, len(c.Networks))
	for i := range c.Networks {
		domains[c.Networks[i].ID] = c.domainOf(&c.Networks[i])
	}
	return domains
}

// ofFamily are the addresses of one family.
func ofFamily(addrs []netip.Addr, is func(netip.Addr) bool) []netip.Addr {
	var some []netip.Addr
	for _, a := range addrs {
		if is(a) {
			some = append(some, a)
		}
	}
	return some
}

// orNode fills an empty list of servers with the node itself.
func orNode(servers []netip.Addr, node ...netip.Addr) []netip.Addr {
	if len(servers) > 0 {
		return servers
	}
	return node
}

func appendNew[T comparable](list []T, value T) []T {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

func joinAddrs(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",")
}

// netmask is the prefix length as dhcp-range has it.
func netmask(bits int) netip.Addr {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits).Masked().Addr()
}

// colons writes bytes in hexadecimal as dnsmasq reads them.
func colons(data []byte) string {
	texts := make([]string, len(data))
	for i := range data {
		texts[i] = hex.EncodeToString(data[i : i+1])
	}
	return strings.Join(texts, ":")
}

// lastOf is the broadcast address of an IPv4 network.
func lastOf(p netip.Prefix) netip.Addr { return netcalc.SpanOf(p).Last }

// group begins what belongs together with an empty line and what it is for.
func group(b []byte, comment string) []byte {
	b = append(b, "\n# "...)
	b = append(b, comment...)
	return append(b, '\n')
}

func option(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, '=')
	b = append(b, value...)
	return append(b, '\n')
}

// fail is a value in a block of the file that must not reach it.
func fail(place []string, option, value, bound string) error {
	return &configfile.OptionError{Place: place, Option: option, Value: value, Bound: bound}
}
