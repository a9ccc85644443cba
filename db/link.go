package db

import (
	"context"
	"iter"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Link is a bridge with IPv6 as its router advertises it.
type Link struct {
	Bridge string
	CIDRv6 netip.Prefix // the /64 of its guests
	// DNS holds dns1 and dns2 of its networks with IPv6, of both families, each server once, in the order in which the
	// networks were made.
	DNS []netip.Addr
	MTU int // bytes; 0 where no network says
	// DHCPv6 says that a guest on it is to have an IPv6 address that does not follow from its MAC: it gets that by DHCPv6, which it
	// asks for where the router says so. Nova's FlatManager had no DHCP server.
	DHCPv6 bool
}

// LinkFilter chooses links by the networks with IPv6 that are on them; an empty field lets all pass.
type LinkFilter struct {
	Host     string   // the node that serves the network
	Networks []string // what FindNetworks takes, and also what names several networks of one bridge
}

// Links returns the links that f chooses, each once, in no particular order. Only the choice depends on f: a link is
// described by all its networks with IPv6, so that every router of it advertises the same (RFC 4861 §6.2.7).
//
// Errors: ErrNotFound for a ref that names no network, or none that has IPv6 and is served by f.Host; ErrConflict for
// one that names networks of several bridges, and where networks of one bridge have different MTUs.
func (s *Store) Links(ctx context.Context, f LinkFilter) (links []Link, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		links, err = t.links(ctx, f)
		return err
	})
	return links, err
}

func (t view) links(ctx context.Context, f LinkFilter) ([]Link, error) {
	switch {
	case f.Networks == nil && f.Host == "":
		return t.linksWhere(ctx, withIPv6())
	case f.Networks == nil:
		return t.linksWhere(ctx, withIPv6().And("bridge IN (SELECT bridge FROM networks WHERE host = ? AND cidr_v6 IS NOT NULL)", f.Host))
	}
	var all []Link
	seen := map[string]bool{}
	for _, ref := range f.Networks {
		name, err := t.bridgeOf(ctx, ref, f.Host)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		link, err := t.linksWhere(ctx, withIPv6().If("bridge", name))
		if err != nil {
			return nil, err
		}
		all = append(all, link...)
	}
	return all, nil
}

// bridgeOf returns the one bridge of the networks that ref names, of which at least one must have IPv6 and be served by
// host, if there is a host.
func (t view) bridgeOf(ctx context.Context, ref, host string) (string, error) {
	where, err := networkRef(ref)
	if err != nil {
		return "", err
	}
	names, err := sqlstore.Values[string](ctx, t.ReadTx, "DISTINCT bridge FROM networks"+where.String()+" LIMIT 2", where.Args()...)
	if err != nil {
		return "", err
	}
	if len(names) != 1 {
		_, err := t.findNetwork(ctx, ref) // which knows how to say what is wrong
		return "", err
	}
	where.And("cidr_v6 IS NOT NULL").If("host", host)
	lacks := "has no IPv6"
	if host != "" {
		lacks += " or is not served by " + quoteRef(host)
	}
	found, err := sqlstore.Exists(ctx, t.ReadTx, "FROM networks"+where.String(), where.Args()...)
	if err == nil && !found {
		err = notFoundf("nothing to advertise for %s: the network %s", quoteRef(ref), lacks)
	}
	return names[0], err
}

// withIPv6 is the condition that a network has IPv6.
func withIPv6() *sqlstore.Where { return sqlstore.That("cidr_v6 IS NOT NULL") }

// linkPart is what networks of one bridge have in common.
type linkPart struct {
	bridge  string
	cidrV6  netip.Prefix
	dns     [2]netip.Addr
	mtu     int
	network int64 // the first of them, where it matters
}

func scanLinkPart(row sqlstore.Row) (l linkPart, err error) {
	err = row.Scan(&l.bridge, optPrefix.Into(&l.cidrV6), optAddr.Into(&l.dns[0]), optAddr.Into(&l.dns[1]), optWhole.Into(&l.mtu), &l.network)
	return l, err
}

// linkParts leaves it to the engine to find what networks have in common: a flat bridge may have a hundred thousand of
// them. Which network was first matters only where networks of one bridge differ; without it the engine is five times
// as fast.
func (t view) linkParts(ctx context.Context, where *sqlstore.Where) ([]linkPart, error) {
	const columns = "bridge, cidr_v6, dns1, dns2, mtu"
	from := " FROM networks" + where.String()
	parts, err := sqlstore.Collect(ctx, t.ReadTx, scanLinkPart, "DISTINCT "+columns+", 0"+from, where.Args()...)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(parts))
	for _, p := range parts {
		if seen[p.bridge] {
			return sqlstore.Collect(ctx, t.ReadTx, scanLinkPart, columns+", MIN(id)"+from+" GROUP BY "+columns+" ORDER BY MIN(id)", where.Args()...)
		}
		seen[p.bridge] = true
	}
	return parts, nil
}

func (t view) linksWhere(ctx context.Context, where *sqlstore.Where) ([]Link, error) {
	parts, err := t.linkParts(ctx, where)
	if err != nil {
		return nil, err
	}
	links := make([]Link, 0, len(parts))
	at := make(map[string]int, len(parts)) // a bridge's place in links
	mtuOf := make(map[string]int64)        // the network that gave a bridge its MTU
	for _, p := range parts {
		i, ok := at[p.bridge]
		if !ok {
			i = len(links)
			at[p.bridge] = i
			links = append(links, Link{Bridge: p.bridge, CIDRv6: p.cidrV6})
		}
		l := &links[i]
		for _, a := range p.dns {
			if a.IsValid() && !slices.Contains(l.DNS, a) {
				l.DNS = append(l.DNS, a)
			}
		}
		switch {
		case p.mtu != 0 && (p.mtu < MinMTU || p.mtu > MaxMTU):
			return nil, t.mtuOutside(ctx, p.bridge)
		case p.mtu == 0 || p.mtu == l.MTU:
		case l.MTU == 0:
			l.MTU, mtuOf[p.bridge] = p.mtu, p.network
		default:
			return nil, t.mtuConflict(ctx, p.bridge, networkMTU{mtuOf[p.bridge], l.MTU}, networkMTU{p.network, p.mtu})
		}
	}
	for port, err := range t.linkPorts(ctx, where) {
		if err != nil {
			return nil, err
		}
		if l := &links[at[port.bridge]]; !l.DHCPv6 {
			own, err := netcalc.EUI64(port.cidrV6, port.MAC)
			l.DHCPv6 = err != nil || own != port.FixedIPv6
		}
	}
	return links, nil
}

// linkPort is an instance with IPv6 on a link.
type linkPort struct {
	NodeInstance
	bridge string
	cidrV6 netip.Prefix
}

func (t view) linkPorts(ctx context.Context, where *sqlstore.Where) iter.Seq2[linkPort, error] {
	scan := nodeInstanceTable.Scanner()
	return sqlstore.Rows(ctx, t.ReadTx, func(row sqlstore.Row) (p linkPort, err error) {
		err = scan(row, &p.NodeInstance, &p.bridge, optPrefix.Into(&p.cidrV6))
		return p, err
	}, nodeInstanceTable.List()+", bridge, cidr_v6 FROM networks JOIN instances i ON i.network_id = networks.id"+where.String()+
		" AND manager <> 'FlatManager' AND i.fixed_ip_v6 IS NOT NULL", where.Args()...)
}

// mtuOutside names a network whose MTU no link can have. Neither the one it was cut to nor none at all would be what somebody
// meant.
func (t view) mtuOutside(ctx context.Context, bridge string) error {
	n, ok, err := networkTable.One(ctx, t.ReadTx, " WHERE bridge = $1 AND mtu NOT BETWEEN $2 AND $3 ORDER BY id LIMIT 1", bridge, MinMTU, MaxMTU)
	if err != nil || !ok {
		return err
	}
	return conflictf(ErrUnfit, "%s has MTU %d, and an MTU is %d to %d", n.Name(), n.MTU, MinMTU, MaxMTU).Try(WayGiveMTU, n.ID)
}

// networkMTU is what a network says of its link's MTU.
type networkMTU struct {
	network int64
	mtu     int
}

// checkMTU refuses networks of one bridge that want different MTUs of it.
func (t view) checkMTU(ctx context.Context, bridge string) error {
	var ends []networkMTU // the lowest and the highest
	for _, order := range []string{"mtu", "mtu DESC"} {
		end, err := sqlstore.Collect(ctx, t.ReadTx, func(row sqlstore.Row) (m networkMTU, err error) {
			err = row.Scan(&m.network, &m.mtu)
			return m, err
		}, "id, mtu FROM networks WHERE bridge = $1 AND mtu IS NOT NULL ORDER BY "+order+" LIMIT 1", bridge)
		if err != nil {
			return err
		}
		ends = append(ends, end...)
	}
	if len(ends) < 2 || ends[0].mtu == ends[1].mtu {
		return nil
	}
	if ends[1].network < ends[0].network {
		ends[0], ends[1] = ends[1], ends[0]
	}
	return t.mtuConflict(ctx, bridge, ends[0], ends[1])
}

// mtuConflict names two networks that want a different MTU of their bridge. A link has one (RFC 4861 §4.6.4); whichever
// was chosen for the other network would be a guess that shows as packets lost.
func (t view) mtuConflict(ctx context.Context, bridge string, first, second networkMTU) error {
	a, err := t.networkBy(ctx, "id", first.network)
	if err != nil {
		return err
	}
	b, err := t.networkBy(ctx, "id", second.network)
	if err != nil {
		return err
	}
	return conflictf(ErrUnfit, "bridge %s has one MTU, but %s says %d and %s says %d", bridge, a.Name(), first.mtu, b.Name(), second.mtu).
		Try(WaySameMTU)
}
