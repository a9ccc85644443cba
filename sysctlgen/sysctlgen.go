// Package sysctlgen turns the interfaces of a network node into a sysctl.d file, by which the node's kernel forwards for
// the guests on its bridges and learns nothing from them. It refuses every name that would break the file or set something
// else. Where the names come from, and how the file reaches the disk, is left to others.
//
// What is said here of the kernel is in its Documentation/networking/ip-sysctl.rst or was tried on 6.18.
package sysctlgen

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

// Config is a sysctl.d file for a network node: it makes the node a router, keeps its uplinks as they are, and keeps
// its bridges from being configured by their guests. The bridges and uplinks are written in their order. What is left zero
// below them is not in the file.
type Config struct {
	// Uplinks are the interfaces over which the node learns its own default route by router advertisement. One that is
	// missing when the file is applied is complained of; created later, it starts without router advertisements, until
	// the file is applied to it (systemd does so for every interface that appears).
	Uplinks []string
	// Bridges are all bridges that the node may have to serve. They need not exist yet.
	Bridges []string

	// ProxyNDP are the uplinks on which the node answers for its guests' floating IPv6 addresses.
	ProxyNDP []string
	// NoRedirects keeps the node from telling a guest the shorter way to another one on the same bridge, which would lead
	// past what the node filters.
	NoRedirects bool
	// Neighbours is how many neighbours of one family the node will have: each guest is one in IPv4 and up to three in IPv6
	// (link-local, SLAAC's address, DHCPv6's). The kernel's tables are made larger where they would not hold them.
	Neighbours int
	// OptmemMax is net.core.optmem_max in bytes, of which a socket needs a part for each multicast group that it is in.
	OptmemMax int
}

// Setting is one value of the kernel that the file sets.
type Setting struct {
	Key      string // path below /proc/sys, such as net/ipv6/conf/br100/accept_ra
	Value    string
	Optional bool // the key may be missing, as that of a bridge that does not exist yet
}

// Bounds of what the kernel is given for its own tables.
const (
	// minOptmem is the kernel's default before 6.7, and maxOptmem far above what a node needs; the kernel takes any number.
	minOptmem, maxOptmem = 20 << 10, 64 << 20
	// thresh3 is the kernel's default for the most entries in a table of neighbours. Half of it is the number above which
	// entries of 5 seconds go already, an eighth the one below which none go (gc_thresh3, 2 and 1 in arp(7)).
	thresh3 = 1024
	// maxNeighbours needs a gigabyte of neighbours.
	maxNeighbours = 1 << 20
)

// Validate reports the first name that cannot be an interface's (see [configfile.CheckInterfaceName]), is listed twice,
// or is both an uplink and a bridge: what is right for one is wrong for the other, and of two lines for one key the last
// would win. Numbers are checked, too. The error is a [*configfile.OptionError].
func (c Config) Validate() error {
	role := make(map[string]string, len(c.Uplinks)+len(c.Bridges))
	article := map[string]string{"uplink": "an uplink", "bridge": "a bridge"}
	check := func(as string, names []string) error {
		for _, name := range names {
			if err := configfile.CheckInterfaceName(as, name); err != nil {
				return err
			}
			switch role[name] {
			case "":
				role[name] = as
			case as:
				return &configfile.OptionError{Option: as, Value: name, Bound: "must appear once"}
			default:
				return &configfile.OptionError{Option: as, Value: name, Bound: "must not be " + article[role[name]] + " too"}
			}
		}
		return nil
	}
	if err := check("uplink", c.Uplinks); err != nil {
		return err
	}
	if err := check("bridge", c.Bridges); err != nil {
		return err
	}
	// An uplink of this kind may learn its default route, too, or not.
	for _, name := range c.Uplinks {
		delete(role, name)
	}
	if err := check("proxy_ndp", c.ProxyNDP); err != nil {
		return err
	}
	if c.Neighbours < 0 || c.Neighbours > maxNeighbours {
		return &configfile.OptionError{Option: "neighbours", Value: strconv.Itoa(c.Neighbours), Bound: fmt.Sprintf("must be 0 to %d", maxNeighbours)}
	}
	if c.OptmemMax != 0 && (c.OptmemMax < minOptmem || c.OptmemMax > maxOptmem) {
		return &configfile.OptionError{Option: "net.core.optmem_max", Value: strconv.Itoa(c.OptmemMax), Bound: fmt.Sprintf("must be 0 or %d to %d", minOptmem, maxOptmem)}
	}
	return nil
}

// Settings validates c and returns what its file sets, in the file's order. Whoever compares the kernel with the file takes
// them from here, as Append does.
func (c Config) Settings() ([]Setting, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var settings []Setting
	for _, g := range c.groups() {
		settings = append(settings, g.settings...)
	}
	return settings, nil
}

// Append validates c and appends its sysctl.d file to b. On an error, [Config.Validate]'s, it returns b as it was.
func (c Config) Append(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	for _, g := range c.groups() {
		b = g.append(b)
	}
	return b, nil
}

// group is what belongs together, with its reason. The reason is in the file, since that is where somebody reads it who is
// about to change a line.
type group struct {
	comment  []string
	settings []Setting
}

func (g *group) append(b []byte) []byte {
	b = append(b, '\n')
	for _, line := range g.comment {
		b = append(b, "# "...)
		b = append(b, line...)
		b = append(b, '\n')
	}
	for i := range g.settings {
		b = g.settings[i].append(b)
	}
	return b
}

// append writes one setting. A name with a dot needs slashes between the parts of the key, because the first separator decides
// which of the two it is (sysctl.d(5)): in net.ipv6.conf.eth0.7.accept_ra each dot would be a folder's end. Other keys are
// written with dots, as everybody does.
func (s *Setting) append(b []byte) []byte {
	if s.Optional {
		b = append(b, '-')
	}
	at := len(b)
	b = append(b, s.Key...)
	if !strings.Contains(s.Key, ".") {
		for i := at; i < len(b); i++ {
			if b[i] == '/' {
				b[i] = '.'
			}
		}
	}
	b = append(b, " = "...)
	b = append(b, s.Value...)
	return append(b, '\n')
}

// groups is the file. The order is part of the contract (Documentation/networking/ip-sysctl.rst of the kernel): every line is
// right only after those before it. sysctl -p and systemd-sysctl both keep it within a file.
func (c Config) groups() []group {
	groups := []group{{
		comment:  []string{"IPv4 forwarding comes first: changing it resets other parameters to their router defaults."},
		settings: []Setting{{Key: "net/ipv4/ip_forward", Value: "1"}},
	}}
	if len(c.Uplinks) > 0 {
		g := group{comment: []string{"A router ignores router advertisements except where accept_ra is 2. Set before forwarding, it keeps",
			"the default route that an uplink has learnt."}}
		for _, name := range c.Uplinks {
			// No leading "-": with a mistyped name the node would lose its default route, and nobody would be told. Every
			// other line is applied all the same.
			g.settings = append(g.settings, Setting{Key: conf6(name, "accept_ra"), Value: "2"})
		}
		groups = append(groups, g)
	}
	groups = append(groups,
		// When this goes from 0 to 1 the kernel drops the default routes that interfaces have learnt where accept_ra is not 2
		// by then (rt6_purge_dflt_routers in net/ipv6/route.c).
		group{
			comment:  []string{"IPv6 forwarding, on every interface there is and will be."},
			settings: []Setting{{Key: conf6("all", "forwarding"), Value: "1"}},
		},
		// Forwarding alone makes an accept_ra of 1 count as 0, but not one of 2, which a distribution may have set.
		group{
			comment: []string{"Learn nothing from router advertisements. \"all\" by itself changes no interface; \"default\" is what",
				"bridges created later start from."},
			settings: []Setting{{Key: conf6("all", "accept_ra"), Value: "0"}, {Key: conf6("default", "accept_ra"), Value: "0"}},
		})
	if len(c.Bridges) > 0 {
		groups = append(groups, c.bridges())
	}
	if len(c.ProxyNDP) > 0 {
		g := group{comment: []string{"Answer on the uplink for floating IPv6 addresses, those that the table of proxies has (ip neigh show proxy)."}}
		for _, name := range c.ProxyNDP {
			// No leading "-", as with the uplinks above.
			g.settings = append(g.settings, Setting{Key: conf6(name, "proxy_ndp"), Value: "1"})
		}
		groups = append(groups, g)
	}
	if c.NoRedirects {
		groups = append(groups, c.noRedirects())
	}
	return append(groups, c.tables()...)
}

// bridges keeps the guests from configuring the node. disable_ipv6 comes last of the three: switching IPv6 on solicits routers,
// and by then no answer is taken.
//
// systemd-sysctl is silent about a missing key with "-". sysctl of procps 4.0 ends with 1 instead, unless it is given -e, but
// goes on too.
func (c Config) bridges() group {
	g := group{comment: []string{"Take no route and no address from guests, then have IPv6 ready for the gateway's address. The leading",
		"\"-\" passes over a bridge that does not exist yet; sysctl -p mentions it and goes on."}}
	g.settings = make([]Setting, 0, 3*len(c.Bridges))
	for _, name := range c.Bridges {
		// autoconf makes addresses of the prefixes in an advertisement (RFC 4862 section 5.5.3). Off, a bridge gets none
		// from a guest even after somebody has set accept_ra again.
		for _, key := range [...]string{"accept_ra", "autoconf", "disable_ipv6"} {
			g.settings = append(g.settings, Setting{Key: conf6(name, key), Value: "0", Optional: true})
		}
	}
	return g
}

// noRedirects is about IPv4. A packet from one subnet of a flat bridge to another comes in and leaves by the bridge, for which
// the kernel sends a redirect (ip_rt_send_redirect; shared_media is on), and the guest's next packets go to the other guest
// directly. It sends where "all" or the interface says so, hence both; "default" is for bridges that come later. It takes
// redirects of others, with forwarding on, only where both say so, hence "all" alone.
//
// IPv6 has no such key: the kernel always sends them (ip6_forward) and, with forwarding on, never takes them (rt6_do_redirect).
func (c Config) noRedirects() group {
	conf4 := func(name, key string) string { return "net/ipv4/conf/" + name + "/" + key }
	g := group{
		comment: []string{"Guests of several subnets on one bridge stay behind this node, which filters: no redirect shows them the",
			"direct way, and none that a guest makes up is taken."},
		settings: []Setting{{Key: conf4("all", "accept_redirects"), Value: "0"}, {Key: conf4("all", "send_redirects"), Value: "0"},
			{Key: conf4("default", "send_redirects"), Value: "0"}},
	}
	for _, name := range c.Bridges {
		g.settings = append(g.settings, Setting{Key: conf4(name, "send_redirects"), Value: "0", Optional: true})
	}
	return g
}

// tables has the sizes of what the whole kernel shares. In a container the keys are missing, and the host's hold.
func (c Config) tables() []group {
	var groups []group
	if c.Neighbours > thresh3/2 {
		// Twice what is expected, since entries of guests that are gone stay for a while, and rounded up, so that the file
		// does not change with every guest.
		most := 1 << bits.Len(uint(2*c.Neighbours-1))
		g := group{comment: []string{"Room for all guests in the tables of neighbours: a guest for whom there is none is not reached."}}
		for _, family := range [...]string{"ipv4", "ipv6"} {
			for i, n := range [...]int{most / 8, most / 2, most} {
				g.settings = append(g.settings, Setting{Key: fmt.Sprintf("net/%s/neigh/default/gc_thresh%d", family, i+1), Value: strconv.Itoa(n), Optional: true})
			}
		}
		groups = append(groups, g)
	}
	if c.OptmemMax != 0 {
		groups = append(groups, group{
			comment:  []string{"DHCPv6 on many bridges: dnsmasq's socket is in a multicast group of each."},
			settings: []Setting{{Key: "net/core/optmem_max", Value: strconv.Itoa(c.OptmemMax), Optional: true}},
		})
	}
	return groups
}

func conf6(name, key string) string { return "net/ipv6/conf/" + name + "/" + key }
