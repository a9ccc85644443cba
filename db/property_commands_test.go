package db

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"nova-manage/netcalc"
)

// step makes the next step: at first something to change, then anything. Each sequence has its own favourites among the
// commands and does without others, which leads further into corners than everything at once.
func (g *generator) step() step {
	g.steps++
	commands := []struct {
		weight int
		make   func() step
	}{
		{16, g.networkCreate}, {24, g.instanceCreate}, {5, g.floatingCreate}, {3, g.secgroupCreate},
		{4, g.networkDelete}, {10, g.networkModify}, {9, g.instanceDelete}, {7, g.fixedReserve}, {6, g.fixedUnreserve},
		{2, g.floatingDelete}, {10, g.floatingAssociate}, {5, g.floatingDisassociate}, {2, g.vpnChange},
		{1, g.projectCreate}, {1, g.projectDelete}, {1, g.projectScrub}, {2, g.projectQuota},
		{2, g.secgroupDelete}, {3, g.secgroupAuthorize}, {2, g.secgroupRevoke},
		{8, g.instanceModify}, {1, g.projectModify}, {3, g.secgroupModify}, {3, g.floatingModify},
	}
	if g.favour == nil {
		for range commands {
			g.favour = append(g.favour, pick(g, 0, 1, 1, 2, 5))
		}
	}
	total := 0
	for i := range commands {
		if g.steps > 12 {
			commands[i].weight *= g.favour[i]
		} else if i > 3 {
			commands[i].weight = 0
		}
		total += commands[i].weight
	}
	at := g.IntN(max(total, 1))
	for _, c := range commands {
		if at -= c.weight; at < 0 {
			return c.make()
		}
	}
	return g.networkCreate()
}

// plain is a step whose effect on the ledger can be foreseen.
func plain(do func(context.Context, *Store) error, foresee func(*model) verdict, command string, args ...any) step {
	return step{text: command + fmt.Sprintf(strings.Repeat(" %+v", len(args)), args...),
		store: func(ctx context.Context, s *Store) ([]Instance, error) { return nil, do(ctx, s) },
		model: func(m *model, _ []Instance) verdict { return foresee(m) }}
}

func (g *generator) networkCreate() step {
	n := g.newNetworks()
	return plain(func(ctx context.Context, s *Store) error { _, err := s.CreateNetworks(ctx, n); return err },
		func(m *model) verdict { return m.createNetworks(n) }, "network create", n)
}

func (g *generator) networkDelete() step {
	refs, force := []string{g.network()}, g.chance(60)
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteNetworks(ctx, refs, force) },
		func(m *model) verdict { return m.deleteNetworks(refs, force) }, "network delete", refs, force)
}

func (g *generator) networkModify() step {
	refs, change := []string{g.network()}, g.change()
	if a := change.Gateway; a != nil && a.IsValid() && g.chance(70) { // else it is seldom the network that it is in
		refs = []string{netip.PrefixFrom(*a, pick(g, 28, 28, 28, 29)).Masked().String()}
		g.moved = append(g.moved, refs[0])
	} else if len(g.moved) > 0 && g.chance(40) { // and away again
		refs, change = []string{pick(g, g.moved...)}, NetworkChange{Gateway: ptr(pick(g, g.early(), netip.Addr{}))}
	}
	if g.chance(20) {
		refs = append(refs, g.network())
	}
	return plain(func(ctx context.Context, s *Store) error { _, err := s.UpdateNetworks(ctx, refs, change); return err },
		func(m *model) verdict { return m.updateNetworks(refs, change) }, "network modify", refs, changeText(change))
}

// gatewayStep is one of those that matter where the gateway of a network of 16 moves about; the first one makes it.
func (g *generator) gatewayStep() step {
	if g.steps++; g.steps == 1 {
		n := vlans("10.9.0.0/28", 28, 1)
		if g.chance(50) {
			n = flat("10.9.0.0/28", 28, 1)
		}
		return plain(func(ctx context.Context, s *Store) error { _, err := s.CreateNetworks(ctx, n); return err },
			func(m *model) verdict { return m.createNetworks(n) }, "network create", n)
	}
	early := func() netip.Addr { return ip4(addr("10.9.0.0"), pick(g, 1, 2, 3, 3, 4, 4, 5, 5, 6, 14)) }
	spans := func() []netcalc.Span {
		first := early()
		return []netcalc.Span{{First: first, Last: ip4(first, pick(g, 0, 1, 9))}}
	}
	switch g.IntN(11) {
	case 0, 1, 2:
		n := NewInstances{ProjectID: "apollo", Names: []string{g.name()}, FixedIP: often(g, 20, early())}
		return step{text: fmt.Sprintf("instance create %+v", n),
			store: func(ctx context.Context, s *Store) ([]Instance, error) { return s.CreateInstances(ctx, n) },
			model: func(m *model, made []Instance) verdict { return m.createInstances(n, made) }}
	case 3, 4:
		refs := []string{g.name()}
		return plain(func(ctx context.Context, s *Store) error { return s.DeleteInstances(ctx, refs) },
			func(m *model) verdict { return m.deleteInstances(refs) }, "instance delete", refs)
	case 5:
		at := spans()
		return plain(func(ctx context.Context, s *Store) error { return s.ReserveAddresses(ctx, at) },
			func(m *model) verdict { return m.reserve(at) }, "fixed reserve", at)
	case 6:
		at := spans()
		return plain(func(ctx context.Context, s *Store) error { return s.UnreserveAddresses(ctx, at) },
			func(m *model) verdict { return m.unreserve(at) }, "fixed unreserve", at)
	case 7:
		return modifyInstances([]string{g.name()}, InstanceChange{FixedIP: ptr(early())})
	}
	refs, change := []string{"1"}, NetworkChange{Gateway: ptr(pick(g, early(), early(), netip.Addr{}))}
	return plain(func(ctx context.Context, s *Store) error { _, err := s.UpdateNetworks(ctx, refs, change); return err },
		func(m *model) verdict { return m.updateNetworks(refs, change) }, "network modify", refs, changeText(change))
}

// changeText shows what a change points to.
func changeText(c NetworkChange) (text string) {
	show := func(name string, given bool, value func() any) {
		if given {
			text += fmt.Sprintf(" %s=%v", name, value())
		}
	}
	show("label", c.Label != nil, func() any { return *c.Label })
	show("project_id", c.ProjectID != nil, func() any { return *c.ProjectID })
	show("host", c.Host != nil, func() any { return *c.Host })
	show("gateway", c.Gateway != nil, func() any { return *c.Gateway })
	show("gateway_v6", c.GatewayV6 != nil, func() any { return *c.GatewayV6 })
	return text
}

func (g *generator) vpnChange() step {
	p, network, a, port := g.project(), often(g, 30, g.network()), pick(g, addr("192.0.2.200"), addr("192.0.2.201")), pick(g, 0, 1000, 1001, 1002, 2000)
	return plain(func(ctx context.Context, s *Store) error { _, err := s.ChangeVPN(ctx, p, network, a, port); return err },
		func(m *model) verdict { return m.changeVPN(p, network, a, port) }, "vpn change", p, network, a, port)
}

func (g *generator) instanceCreate() step {
	n := g.newInstances()
	return step{text: fmt.Sprintf("instance create %+v", n),
		store: func(ctx context.Context, s *Store) ([]Instance, error) { return s.CreateInstances(ctx, n) },
		model: func(m *model, made []Instance) verdict { return m.createInstances(n, made) }}
}

func (g *generator) instanceDelete() step {
	refs := []string{g.instance()}
	if g.chance(30) {
		refs = append(refs, g.instance())
	}
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteInstances(ctx, refs) },
		func(m *model) verdict { return m.deleteInstances(refs) }, "instance delete", refs)
}

func (g *generator) instanceModify() step {
	refs, c := []string{g.instance()}, InstanceChange{}
	for range pick(g, 1, 1, 2) {
		switch g.IntN(8) {
		case 0:
			c.Name = ptr(g.name())
		case 1:
			c.Host = ptr(pick(g, "node3", ""))
		case 2:
			c.SecurityGroups = []string{pick(g, "default", "www"), pick(g, "default", "default", "www", "none")}
		case 3, 4:
			c.FixedIP = ptr(pick(g, g.ipv4(), g.early()))
		case 5:
			c.FixedIPv6 = ptr(g.ipv6())
		case 6, 7:
			c.MAC = ptr(g.mac())
		}
	}
	if c.Host != nil && g.chance(40) || g.chance(5) {
		refs = append(refs, g.instance())
	}
	return modifyInstances(refs, c)
}

func modifyInstances(refs []string, c InstanceChange) step {
	return plain(func(ctx context.Context, s *Store) error { _, err := s.UpdateInstances(ctx, refs, c); return err },
		func(m *model) verdict { return m.updateInstances(refs, c) }, "instance modify", refs, instanceChangeText(c))
}

// instanceChangeText shows what a change points to.
func instanceChangeText(c InstanceChange) (text string) {
	show := func(name string, given bool, value func() any) {
		if given {
			text += fmt.Sprintf(" %s=%v", name, value())
		}
	}
	show("name", c.Name != nil, func() any { return *c.Name })
	show("host", c.Host != nil, func() any { return *c.Host })
	show("security_groups", c.SecurityGroups != nil, func() any { return c.SecurityGroups })
	show("fixed_ip", c.FixedIP != nil, func() any { return *c.FixedIP })
	show("fixed_ip_v6", c.FixedIPv6 != nil, func() any { return *c.FixedIPv6 })
	show("mac", c.MAC != nil, func() any { return *c.MAC })
	return text
}

func (g *generator) fixedReserve() step {
	spans := g.spans()
	g.reserved = append(g.reserved, spans...)
	return plain(func(ctx context.Context, s *Store) error { return s.ReserveAddresses(ctx, spans) },
		func(m *model) verdict { return m.reserve(spans) }, "fixed reserve", spans)
}

func (g *generator) fixedUnreserve() step {
	spans := g.spans()
	if len(g.reserved) > 0 && g.chance(60) {
		spans = []netcalc.Span{pick(g, g.reserved[max(0, len(g.reserved)-4):]...)}
	}
	return plain(func(ctx context.Context, s *Store) error { return s.UnreserveAddresses(ctx, spans) },
		func(m *model) verdict { return m.unreserve(spans) }, "fixed unreserve", spans)
}

func (g *generator) floatingCreate() step {
	r := FloatingRange{CIDR: g.floatingRange(), Pool: pick(g, "nova", "nova", "gold"), Host: "node1", Interface: often(g, 30, "eth1")}
	return plain(func(ctx context.Context, s *Store) error { _, err := s.CreateFloatingRange(ctx, r); return err },
		func(m *model) verdict { return m.createFloating(r) }, "floating create", r)
}

func (g *generator) floatingDelete() step {
	r := pick(g, g.floatingRange(), g.floatingRange(), prefix("192.0.2.0/24"), prefix("2001:db8::/32"))
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteFloatingRanges(ctx, r) },
		func(m *model) verdict { return m.deleteFloating(r) }, "floating delete", r)
}

func (g *generator) floatingModify() step {
	r, c := g.floatingRange(), FloatingChange{Pool: ptr(pick(g, "nova", "gold"))}
	if g.chance(40) {
		c = FloatingChange{Host: ptr(pick(g, "node1", "node2")), Interface: ptr(pick(g, "eth1", ""))}
	}
	text := ""
	for _, v := range []*string{c.Pool, c.Host, c.Interface} {
		if v != nil {
			text += fmt.Sprintf(" %q", *v)
		}
	}
	return plain(func(ctx context.Context, s *Store) error { _, err := s.UpdateFloatingRange(ctx, r, c); return err },
		func(m *model) verdict { return m.updateFloating(r, c) }, "floating modify", r, text)
}

func (g *generator) floatingAssociate() step {
	i, a, pool := g.instance(), netip.Addr{}, often(g, 30, pick(g, "nova", "gold"))
	if g.chance(30) {
		a = g.floating()
	}
	return plain(func(ctx context.Context, s *Store) error {
		_, err := s.AssociateFloating(ctx, i, a, FloatingFrom{Pool: pool})
		return err
	},
		func(m *model) verdict { return m.associate(i, a, pool) }, "floating associate", i, a, pool)
}

func (g *generator) floatingDisassociate() step {
	a := addr(pick(g, g.floating().String(), "192.0.2.1", "192.0.2.1", "192.0.2.4", "192.0.2.2", "192.0.2.5", "2001:db8::1"))
	return plain(func(ctx context.Context, s *Store) error { return s.DisassociateFloating(ctx, a) },
		func(m *model) verdict { return m.disassociate(a) }, "floating disassociate", a)
}

func (g *generator) projectCreate() step {
	p := g.project()
	return plain(func(ctx context.Context, s *Store) error { _, err := s.CreateProject(ctx, p, "moon"); return err },
		func(m *model) verdict { return m.createProject(p, "moon") }, "project create", p)
}

func (g *generator) projectModify() step {
	p, about := g.project(), pick(g, "moon", "orbit", "")
	return plain(func(ctx context.Context, s *Store) error { _, err := s.UpdateProject(ctx, p, about); return err },
		func(m *model) verdict { return m.updateProject(p, about) }, "project modify", p, about)
}

func (g *generator) projectDelete() step {
	p, force := g.project(), g.chance(40)
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteProject(ctx, p, force) },
		func(m *model) verdict { return m.deleteProject(p, force) }, "project delete", p, force)
}

func (g *generator) projectScrub() step {
	p := g.project()
	return plain(func(ctx context.Context, s *Store) error { return s.ScrubProject(ctx, p) },
		func(m *model) verdict { return m.scrubProject(p) }, "project scrub", p)
}

func (g *generator) projectQuota() step {
	p, resource, limit := g.project(), pick(g, append(Resources, "Cores")...), pick[int64](g, -2, -1, -1, 0, 1, 2, 5, 20)
	return plain(func(ctx context.Context, s *Store) error { _, err := s.SetQuota(ctx, p, resource, limit); return err },
		func(m *model) verdict { return m.setQuota(p, resource, limit) }, "project quota", p, resource, limit)
}

func (g *generator) group() string { return pick(g, "default", "www", "www", "db") }

func (g *generator) secgroupCreate() step {
	p, group := g.project(), g.group()
	return plain(func(ctx context.Context, s *Store) error {
		_, err := s.CreateSecurityGroup(ctx, p, group, "web")
		return err
	},
		func(m *model) verdict { return m.createGroup(p, group, "web") }, "secgroup create", p, group)
}

func (g *generator) secgroupModify() step {
	p, group, name, c := g.project(), g.group(), g.group(), SecurityGroupChange{}
	if c.Name = &name; g.chance(30) {
		c.Name, c.Description = nil, &name
	}
	return plain(func(ctx context.Context, s *Store) error {
		_, err := s.UpdateSecurityGroup(ctx, p, group, c)
		return err
	},
		func(m *model) verdict { return m.updateGroup(p, group, c) }, "secgroup modify", p, group, c.Name != nil, name)
}

func (g *generator) secgroupDelete() step {
	p, group := g.project(), g.group()
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteSecurityGroup(ctx, p, group) },
		func(m *model) verdict { return m.deleteGroup(p, group) }, "secgroup delete", p, group)
}

func (g *generator) secgroupAuthorize() step {
	p, group, rules := g.project(), g.group(), g.rules()
	return plain(func(ctx context.Context, s *Store) error { return addRules(ctx, s, p, group, rules) },
		func(m *model) verdict { return m.addRules(p, group, rules) }, "secgroup authorize", p, group, rules)
}

func (g *generator) secgroupRevoke() step {
	p, group, rules := g.project(), g.group(), g.rules()
	return plain(func(ctx context.Context, s *Store) error { return s.DeleteRules(ctx, p, group, rules) },
		func(m *model) verdict { return m.deleteRules(p, group, rules) }, "secgroup revoke", p, group, rules)
}
