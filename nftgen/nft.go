package nftgen

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// Append validates c and appends its nftables file to b. On an error, [Config.Validate]'s, it returns b as it was.
//
// An element is a line, so that a file shows what has changed. "add" and "delete" before a table replace it whether or not
// it is there, and nft -f makes one transaction of the file: no packet finds half of it.
func (c Config) Append(b []byte) ([]byte, error) {
	p, err := newPlan(&c)
	if err != nil {
		return b, err
	}
	w := &writer{b: append(b, configfile.Header...)}
	for _, table := range []string{"inet nova", "bridge nova"} {
		w.line(0, "add table "+table)
		w.line(0, "delete table "+table)
	}
	w.line(0, "table inet nova {")
	p.inetSets(w)
	p.groupChains(w)
	p.inetChains(w)
	w.line(0, "}")
	w.line(0, "table bridge nova {")
	p.bridgeSets(w)
	p.bridgeChains(w)
	w.line(0, "}")
	return w.b, nil
}

// writer puts lines together.
type writer struct{ b []byte }

func (w *writer) line(depth int, text string) {
	for range depth {
		w.b = append(w.b, '\t')
	}
	w.b = append(w.b, text...)
	w.b = append(w.b, '\n')
}

// begin opens a set, map or chain.
func (w *writer) begin(kind, name string, header ...string) {
	w.line(1, kind+" "+name+" {")
	for _, line := range header {
		w.line(2, line)
	}
}

func (w *writer) end() { w.line(1, "}") }

// set writes a set or map with its elements.
func (w *writer) set(kind, name string, header []string, elements []string) {
	w.begin(kind, name, header...)
	if len(elements) > 0 {
		w.line(2, "elements = {")
		for _, e := range elements {
			w.b = append(w.b, "\t\t\t"...)
			w.b = append(w.b, e...)
			w.b = append(w.b, ",\n"...)
		}
		w.line(2, "}")
	}
	w.end()
}

func (w *writer) chain(name string, rules ...string) {
	w.begin("chain", name, rules...)
	w.end()
}

func typed(t string) []string { return []string{"type " + t} }

func quoted(name string) string { return `"` + name + `"` }

func quotedAll(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, quoted(name))
	}
	return all
}

func texts[T fmt.Stringer](list []T) []string {
	var all []string
	for _, v := range list {
		all = append(all, v.String())
	}
	return all
}

// family splits a list by address family.
func family[T any](list []T, of func(T) netip.Addr) (v4, v6 []T) {
	for _, v := range list {
		if of(v).Is4() {
			v4 = append(v4, v)
		} else {
			v6 = append(v6, v)
		}
	}
	return v4, v6
}

func (p *plan) inetSets(w *writer) {
	bridges := sortedNames(slices.Collect(maps.Keys(p.bridges)))
	w.set("set", "bridges", typed("ifname"), quotedAll(bridges))
	var same []string
	for _, name := range bridges {
		same = append(same, quoted(name)+" . "+quoted(name))
	}
	w.set("set", "same_bridge", typed("ifname . ifname"), same)
	w.set("set", "uplinks", typed("ifname"), quotedAll(p.outside))

	p.lookup["from4"].write(w)
	w.set("set", "from6", typed("ifname . ipv6_addr"), p.from6)
	p.fixedSets(w)
	p.lookup["dmz4"].write(w)
	p.lookup["dmz6"].write(w)
	for _, s := range p.sets {
		t := "ipv4_addr"
		if s.members[0].Is6() {
			t = "ipv6_addr"
		}
		w.set("set", s.name, typed(t), texts(s.members))
	}

	var to4, to6 []string
	for _, g := range p.guests {
		for _, a := range g.addrs {
			e := a.String() + " : goto " + g.chain
			if a.Is4() {
				to4 = append(to4, e)
			} else {
				to6 = append(to6, e)
			}
		}
	}
	w.set("map", "to4", typed("ipv4_addr : verdict"), to4)
	w.set("map", "to6", typed("ipv6_addr : verdict"), to6)

	floating := slices.SortedFunc(slices.Values(p.Floating), func(a, b Floating) int { return a.Public.Compare(b.Public) })
	float4, float6 := family(floating, func(f Floating) netip.Addr { return f.Public })
	in := func(f Floating) string { return f.Public.String() + " : " + f.Fixed.String() }
	out := func(f Floating) string { return f.Fixed.String() + " : " + f.Public.String() }
	w.set("map", "float_in4", typed("ipv4_addr : ipv4_addr"), each(float4, in))
	w.set("map", "float_out4", typed("ipv4_addr : ipv4_addr"), each(float4, out))
	w.set("map", "float_in6", typed("ipv6_addr : ipv6_addr"), each(float6, in))
	w.set("map", "float_out6", typed("ipv6_addr : ipv6_addr"), each(float6, out))

	vpns := slices.SortedFunc(slices.Values(p.VPN), func(a, b VPN) int { return a.Public.Compare(b.Public) })
	private := func(v VPN) string { return fmt.Sprintf("%s . %d", v.Private, vpnPort) }
	w.set("map", "vpn", typed("ipv4_addr . inet_service : ipv4_addr . inet_service"), each(vpns, func(v VPN) string {
		return fmt.Sprintf("%s . %d : %s", v.Public.Addr(), v.Public.Port(), private(v))
	}))
	to := each(vpns, private)
	slices.Sort(to)
	w.set("set", "vpn_to", typed("ipv4_addr . inet_service"), slices.Compact(to))
}

// fromSets is what addresses each bridge has. Networks of a bridge may share a prefix of IPv6.
func (p *plan) fromSets() (from4 *prefixSets, from6 []string) {
	from4 = newPrefixSets("from4", false)
	from4.kind = "ifname . ipv4_addr"
	networks := slices.SortedFunc(slices.Values(p.Networks), func(a, b Network) int {
		return cmp.Or(configfile.CompareNames(a.Bridge, b.Bridge), a.CIDR.Compare(b.CIDR), a.CIDRv6.Compare(b.CIDRv6))
	})
	seen := map[string]bool{}
	for _, n := range networks {
		bridge := quoted(n.Bridge) + " . "
		if n.CIDR.IsValid() {
			from4.elements[n.CIDR.Bits()] = append(from4.elements[n.CIDR.Bits()], bridge+n.CIDR.Addr().String())
		}
		if e := bridge + n.CIDRv6.Addr().String(); n.CIDRv6.IsValid() && !seen[e] {
			seen[e] = true
			from6 = append(from6, e)
		}
	}
	return from4, from6
}

func each[T any](list []T, text func(T) string) []string {
	var all []string
	for _, v := range list {
		all = append(all, text(v))
	}
	return all
}

// fixedSets writes the networks' ranges, which both tables know. Those of IPv6 are all /64.
func (p *plan) fixedSets(w *writer) {
	p.lookup["fixed4"].write(w)
	_, v6 := family(p.prefixes, netip.Prefix.Addr)
	w.set("set", "fixed6", typed("ipv6_addr"), each(v6, func(p netip.Prefix) string { return p.Addr().String() }))
}

// findPrefixes puts prefixes into sets by their length.
func (p *plan) findPrefixes() {
	fixed4, _ := family(p.prefixes, netip.Prefix.Addr)
	dmz4, dmz6 := family(joined(p.DMZ), netip.Prefix.Addr)
	var open []netip.Prefix
	for _, n := range p.Networks {
		for _, s := range n.Open {
			open = append(open, blocks(s)...)
		}
	}
	slices.SortFunc(open, netip.Prefix.Compare)
	p.lookup = map[string]*prefixSets{}
	from4, from6 := p.fromSets()
	p.from6 = from6
	for _, s := range []*prefixSets{from4, prefixSetsOf("fixed4", false, fixed4), prefixSetsOf("open4", false, slices.Compact(open)),
		prefixSetsOf("dmz4", false, dmz4), prefixSetsOf("dmz6", true, dmz6)} {
		p.lookup[s.name] = s
	}
}

// joined leaves out what is in another prefix: one lookup is enough for both.
func joined(prefixes []netip.Prefix) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range slices.SortedFunc(slices.Values(prefixes), netip.Prefix.Compare) {
		if len(all) == 0 || !all[len(all)-1].Overlaps(p) {
			all = append(all, p)
		}
	}
	return all
}

// groupChains writes a chain for each group and one for each combination of groups that some guest has. There is no set
// in braces in them: each would be one more of the sets that make loading quadratic.
func (p *plan) groupChains(w *writer) {
	for _, g := range p.used() {
		var rules []string
		for _, r := range g.Rules {
			rules = append(rules, p.ruleLines(r)...)
		}
		slices.Sort(rules) // the order of rules that only accept means nothing
		w.chain("sg"+strconv.FormatInt(g.ID, 10), slices.Compact(rules)...)
	}
	for _, c := range p.chains {
		var rules []string
		for _, id := range c.groups {
			rules = append(rules, "jump sg"+strconv.FormatInt(id, 10))
		}
		w.chain(c.name, append(rules, "counter drop")...)
	}
}

// ruleLines is a rule in each family that it is about.
func (p *plan) ruleLines(r Rule) []string {
	var lines []string
	for _, v6 := range []bool{false, true} {
		source := ""
		switch s := p.members[sourceKey(r.Source, v6)]; {
		case r.CIDR.IsValid():
			if r.CIDR.Addr().Is6() == v6 {
				source = r.CIDR.Masked().String()
			}
		case s == nil: // nobody
		case len(s.members) == 1:
			source = s.members[0].String()
		default:
			source = "@" + s.name
		}
		if source != "" {
			lines = append(lines, saddr(v6)+" "+source+" "+r.match(v6)+" accept")
		}
	}
	return lines
}

func saddr(v6 bool) string {
	if v6 {
		return "ip6 saddr"
	}
	return "ip saddr"
}

// match is what a rule says beside the source. ICMP has a protocol for each family.
func (r Rule) match(v6 bool) string {
	if r.Protocol != "icmp" {
		ports := strconv.Itoa(r.From)
		if r.To != r.From {
			ports += "-" + strconv.Itoa(r.To)
		}
		return r.Protocol + " dport " + ports
	}
	name, protocol := "icmp", "icmp"
	if v6 {
		name, protocol = "icmpv6", "ipv6-icmp"
	}
	if r.From == -1 {
		return "meta l4proto " + protocol
	}
	match := name + " type " + strconv.Itoa(r.From)
	if r.To != -1 {
		match += " " + name + " code " + strconv.Itoa(r.To)
	}
	return match
}

// bridgeSets writes who may use which address. Elements of nd_own and the others that are compared with a neighbour
// advertisement's target are plain numbers: nft 1.0.6 has no name for that field.
func (p *plan) bridgeSets(w *writer) {
	trusted := sortedNames(slices.Clone(p.TrustedPorts))
	w.set("set", "trusted", typed("ifname"), quotedAll(trusted))
	p.fixedSets(w)
	p.lookup["open4"].write(w)
	var macs, src4, src6, ndOwn []string
	var links []netip.Addr
	for _, n := range p.Networks {
		if n.LinkLocal.IsValid() {
			links = append(links, n.LinkLocal)
		}
	}
	for _, g := range slices.SortedFunc(slices.Values(p.guests), func(a, b guest) int { return slices.Compare(a.MAC[:], b.MAC[:]) }) {
		mac := g.MAC.String()
		macs = append(macs, mac)
		link := linkLocal(g.MAC)
		links = append(links, link)
		for _, a := range append(slices.Clone(g.addrs), link) {
			if a.Is4() {
				src4 = append(src4, mac+" . "+a.String())
			} else {
				src6 = append(src6, mac+" . "+a.String())
				ndOwn = append(ndOwn, fmt.Sprintf("%s . 0x%x", mac, a.As16()))
			}
		}
	}
	w.set("set", "macs", typed("ether_addr"), macs)
	w.set("set", "src4", typed("ether_addr . ipv4_addr"), src4)
	w.set("set", "src6", typed("ether_addr . ipv6_addr"), src6)
	w.set("set", "nd_own", []string{"typeof ether saddr . @th,64,128"}, ndOwn)
	slices.SortFunc(links, netip.Addr.Compare)
	links = slices.Compact(links)
	w.set("set", "link6", typed("ipv6_addr"), texts(links))
	w.set("set", "nd_link", []string{"typeof @th,64,128"}, each(links, func(a netip.Addr) string { return fmt.Sprintf("0x%x", a.As16()) }))
	_, v6 := family(p.prefixes, netip.Prefix.Addr)
	w.set("set", "nd_fixed", []string{"typeof @th,64,64"}, each(v6, func(p netip.Prefix) string {
		half := p.Addr().As16()
		return fmt.Sprintf("0x%x", half[:8])
	}))
}

// linkLocal is the address that a guest makes of its MAC in fe80::/64 (RFC 4862 section 5.3).
func linkLocal(m netcalc.MAC) netip.Addr {
	a, err := netcalc.EUI64(netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 64), m)
	if err != nil {
		panic(err) // fe80::/64 is a /64
	}
	return a
}
