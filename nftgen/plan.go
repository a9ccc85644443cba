package nftgen

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// plan is a valid Config, in order and with what follows from it.
type plan struct {
	*Config
	networks map[int64]*Network
	groups   map[int64]*Group
	bridges  map[string]bool
	macs     map[netcalc.MAC]*Port
	owner    map[netip.Addr]string  // who has an address, for messages
	prefixes []netip.Prefix         // of the networks, each once, sorted
	lookup   map[string]*prefixSets // sets of prefixes, by name
	from6    []string               // elements of what addresses each bridge has
	at       map[netip.Prefix]*Network
	guests   []guest              // sorted
	chains   []combination        // that the guests have, sorted
	members  map[int64]*sourceSet // of the groups that are a source of a rule that is written
	sets     []*sourceSet         // those with more than one member, sorted
	outside  []string             // uplinks, and other interfaces of floating addresses
}

// guest is a port with all addresses by which it can be reached.
type guest struct {
	*Port
	network *Network
	addrs   []netip.Addr
	chain   string
}

// combination is a combination of groups.
type combination struct {
	name   string
	groups []int64
}

// sourceSet is the members of a group, of each family.
type sourceSet struct {
	name    string
	members []netip.Addr
}

func newPlan(c *Config) (*plan, error) {
	p := &plan{Config: c, networks: map[int64]*Network{}, groups: map[int64]*Group{}, bridges: map[string]bool{},
		at: map[netip.Prefix]*Network{}, macs: make(map[netcalc.MAC]*Port, len(c.Ports)), owner: make(map[netip.Addr]string, 3*len(c.Ports)), members: map[int64]*sourceSet{}}
	for _, step := range []func() error{p.takeNetworks, p.takeNames, p.takeGroups, p.takePorts, p.validateFloating, p.validateVPN,
		p.validateRouting, p.combine} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.findSources()
	p.findPrefixes()
	for _, f := range c.Floating {
		if f.Interface != "" {
			p.outside = append(p.outside, f.Interface)
		}
	}
	p.outside = sortedNames(append(p.outside, c.Uplinks...))
	return p, nil
}

func sortedNames(names []string) []string {
	slices.SortFunc(names, configfile.CompareNames)
	return slices.Compact(names)
}

func (p *plan) takeNetworks() error {
	for i := range p.Networks {
		n := &p.Networks[i]
		if err := n.validate(); err != nil {
			return err
		}
		if p.networks[n.ID] != nil {
			return fail("", "network", n.ID, "must appear once")
		}
		p.networks[n.ID] = n
		p.bridges[n.Bridge] = true
		for _, prefix := range []netip.Prefix{n.CIDR, n.CIDRv6} {
			if prefix.IsValid() {
				p.prefixes = append(p.prefixes, prefix)
				p.at[prefix] = n
			}
		}
		for _, a := range []netip.Addr{n.Gateway, n.GatewayV6} {
			if a.IsValid() {
				p.owner[a] = "the gateway of " + n.place()
			}
		}
	}
	slices.SortFunc(p.prefixes, netip.Prefix.Compare)
	p.prefixes = slices.Compact(p.prefixes)
	return p.validateOverlap()
}

// takeNames checks interfaces. That an uplink is no bridge of guests is what sysctlgen asks, too; here every packet from
// outside would come in over a bridge, from an address that is not of its networks. A trusted port may be an uplink, as
// the port of somebody else's bridge.
func (p *plan) takeNames() error {
	role := map[string]string{}
	for name := range p.bridges {
		role[name] = "bridge"
	}
	if err := checkNames(role, "uplink", p.Uplinks); err != nil {
		return err
	}
	for _, name := range p.Uplinks {
		delete(role, name)
	}
	return checkNames(role, "trusted port", p.TrustedPorts)
}

func (p *plan) takeGroups() error {
	for i := range p.Groups {
		g := &p.Groups[i]
		if g.ID <= 0 {
			return fail("", "security group", g.ID, "must be a positive number")
		}
		if p.groups[g.ID] != nil {
			return fail("", "security group", g.ID, "must appear once")
		}
		p.groups[g.ID] = g
	}
	for i := range p.Groups {
		if err := p.Groups[i].validate(p.groups); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.Sources)) {
		for _, a := range p.Sources[id] {
			if err := checkAddr("sources of security group "+strconv.FormatInt(id, 10), "address", a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *plan) takePorts() error {
	p.guests = make([]guest, 0, len(p.Ports))
	for i := range p.Ports {
		if err := p.addPort(&p.Ports[i]); err != nil {
			return err
		}
	}
	slices.SortFunc(p.guests, func(a, b guest) int { return a.addrs[0].Compare(b.addrs[0]) })
	return nil
}

// networkOf finds the network that an address is in.
func (p *plan) networkOf(a netip.Addr) *Network {
	// The last prefix that begins at a or before it is the only one that can hold a, since none nests in another.
	i, found := slices.BinarySearchFunc(p.prefixes, a, func(prefix netip.Prefix, a netip.Addr) int { return prefix.Addr().Compare(a) })
	if !found {
		i--
	}
	if i < 0 || !p.prefixes[i].Contains(a) {
		return nil
	}
	return p.at[p.prefixes[i]]
}

// guestHas tells whether an address is a guest's. The gateways are in owner, too.
func (p *plan) guestHas(a netip.Addr) bool {
	return strings.HasPrefix(p.owner[a], "guest ")
}

// combine gives each guest the chain of its combination of groups, so that there is one chain for all who have the same.
func (p *plan) combine() error {
	seen := map[string]bool{}
	for i := range p.guests {
		g := &p.guests[i]
		groups := slices.Compact(slices.Sorted(slices.Values(g.Groups)))
		g.chain = combinationName(groups)
		if !seen[g.chain] {
			seen[g.chain] = true
			p.chains = append(p.chains, combination{g.chain, groups})
		}
	}
	if len(p.chains) > MaxCombinations {
		return fail("", "combinations of security groups", len(p.chains), "must be at most %d", MaxCombinations)
	}
	slices.SortFunc(p.chains, func(a, b combination) int { return slices.Compare(a.groups, b.groups) })
	return nil
}

// maxName is how long a combination's name may be before a hash stands for it. The kernel takes 255 bytes.
const maxName = 64

func combinationName(groups []int64) string {
	if len(groups) == 0 {
		return "gs_none"
	}
	b := []byte("gs")
	for _, id := range groups {
		b = append(b, '_')
		b = strconv.AppendInt(b, id, 10)
	}
	if len(b) > maxName {
		sum := sha256.Sum256(b)
		return "gs_x" + hex.EncodeToString(sum[:16])
	}
	return string(b)
}

// used yields the groups that some guest is in, in order.
func (p *plan) used() []*Group {
	ids := map[int64]bool{}
	for _, c := range p.chains {
		for _, id := range c.groups {
			ids[id] = true
		}
	}
	var groups []*Group
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		groups = append(groups, p.groups[id])
	}
	return groups
}

// sourceKey is the index of a group's members of one family.
func sourceKey(id int64, v6 bool) int64 {
	if v6 {
		return -id
	}
	return id
}

// findSources collects the members of the groups that are sources. Loading is quadratic in the number of sets, so that
// one is made only where a group has more than one member of a family.
func (p *plan) findSources() {
	wanted := map[int64]bool{}
	for _, g := range p.used() {
		for _, r := range g.Rules {
			if r.Source != 0 {
				wanted[r.Source] = true
			}
		}
	}
	add := func(id int64, a netip.Addr) {
		key := sourceKey(id, a.Is6())
		s := p.members[key]
		if s == nil {
			s = &sourceSet{name: setName(id, a.Is6())}
			p.members[key] = s
		}
		s.members = append(s.members, a)
	}
	for _, g := range p.guests {
		for _, id := range g.Groups {
			if wanted[id] {
				for _, a := range g.addrs {
					add(id, a)
				}
			}
		}
	}
	for id, addrs := range p.Sources {
		if wanted[id] {
			for _, a := range addrs {
				add(id, a)
			}
		}
	}
	for _, s := range p.members {
		slices.SortFunc(s.members, netip.Addr.Compare)
		if s.members = slices.Compact(s.members); len(s.members) > 1 {
			p.sets = append(p.sets, s)
		}
	}
	slices.SortFunc(p.sets, func(a, b *sourceSet) int { return configfile.CompareNames(a.name, b.name) })
}

func setName(id int64, v6 bool) string {
	if v6 {
		return "g" + strconv.FormatInt(id, 10) + "_6"
	}
	return "g" + strconv.FormatInt(id, 10) + "_4"
}
