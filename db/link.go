package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
)

// Link is a bridge with IPv6 as its router advertises it.
type Link struct {
	Bridge string
	CIDRv6 netip.Prefix // the /64 of its guests
	// DNS holds dns1 and dns2 of its networks with IPv6, of both families, each server once, in the order in which the
	// networks were made.
	DNS []netip.Addr
	MTU int // bytes; 0 where no network says
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
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		links, err = t.links(ctx, f)
		return err
	})
	return links, err
}

func (t *tx) links(ctx context.Context, f LinkFilter) ([]Link, error) {
	switch {
	case f.Networks == nil && f.Host == "":
		return t.linksWhere(ctx, "")
	case f.Networks == nil:
		return t.linksWhere(ctx, " AND bridge IN (SELECT bridge FROM networks WHERE host = $1 AND cidr_v6 IS NOT NULL)", f.Host)
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
		link, err := t.linksWhere(ctx, " AND bridge = $1", name)
		if err != nil {
			return nil, err
		}
		all = append(all, link...)
	}
	return all, nil
}

// bridgeOf returns the one bridge of the networks that ref names, of which at least one must have IPv6 and be served by
// host, if there is a host.
func (t *tx) bridgeOf(ctx context.Context, ref, host string) (string, error) {
	where, args, err := networkRef(ref)
	if err != nil {
		return "", err
	}
	names, err := column[string](ctx, t, "SELECT DISTINCT bridge FROM networks"+where+" LIMIT 2", args...)
	if err != nil {
		return "", err
	}
	if len(names) != 1 {
		_, err := t.findNetwork(ctx, ref) // which knows how to say what is wrong
		return "", err
	}
	where += " AND cidr_v6 IS NOT NULL"
	lacks := "has no IPv6"
	if host != "" {
		args = append(args, host)
		where += fmt.Sprintf(" AND host = $%d", len(args))
		lacks += " or is not served by " + quoteRef(host)
	}
	found, err := column[string](ctx, t, "SELECT bridge FROM networks"+where+" LIMIT 1", args...)
	if err == nil && len(found) == 0 {
		err = notFoundf("nothing to advertise for %s: the network %s", quoteRef(ref), lacks)
	}
	return names[0], err
}

// linkPart is what networks of one bridge have in common.
type linkPart struct {
	bridge  string
	cidrV6  netip.Prefix
	dns     [2]netip.Addr
	mtu     int
	network int64 // the first of them, where it matters
}

func scanLinkPart(rows *sql.Rows) (l linkPart, err error) {
	var cidr, dns1, dns2 sql.NullString
	var mtu sql.NullInt64
	if err := rows.Scan(&l.bridge, &cidr, &dns1, &dns2, &mtu, &l.network); err != nil {
		return l, err
	}
	l.mtu = int(mtu.Int64)
	var p parser
	p.prefix(&l.cidrV6, cidr)
	p.addr(&l.dns[0], dns1)
	p.addr(&l.dns[1], dns2)
	return l, p.err
}

// linkParts leaves it to the engine to find what networks have in common: a flat bridge may have a hundred thousand of
// them. Which network was first matters only where networks of one bridge differ; without it the engine is five times
// as fast.
func (t *tx) linkParts(ctx context.Context, where string, args []any) ([]linkPart, error) {
	const columns = "bridge, cidr_v6, dns1, dns2, mtu"
	from := " FROM networks WHERE cidr_v6 IS NOT NULL" + where
	parts, err := collect(ctx, t, scanLinkPart, "SELECT DISTINCT "+columns+", 0"+from, args...)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(parts))
	for _, p := range parts {
		if seen[p.bridge] {
			return collect(ctx, t, scanLinkPart, "SELECT "+columns+", MIN(id)"+from+" GROUP BY "+columns+" ORDER BY MIN(id)", args...)
		}
		seen[p.bridge] = true
	}
	return parts, nil
}

func (t *tx) linksWhere(ctx context.Context, where string, args ...any) ([]Link, error) {
	parts, err := t.linkParts(ctx, where, args)
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
		case p.mtu == 0 || p.mtu == l.MTU:
		case l.MTU == 0:
			l.MTU, mtuOf[p.bridge] = p.mtu, p.network
		default:
			return nil, t.mtuConflict(ctx, p.bridge, networkMTU{mtuOf[p.bridge], l.MTU}, networkMTU{p.network, p.mtu})
		}
	}
	return links, nil
}

// networkMTU is what a network says of its link's MTU.
type networkMTU struct {
	network int64
	mtu     int
}

// checkMTU refuses networks of one bridge that want different MTUs of it.
func (t *tx) checkMTU(ctx context.Context, bridge string) error {
	var ends []networkMTU // the lowest and the highest
	for _, order := range []string{"mtu", "mtu DESC"} {
		end, err := collect(ctx, t, func(rows *sql.Rows) (m networkMTU, err error) {
			err = rows.Scan(&m.network, &m.mtu)
			return m, err
		}, "SELECT id, mtu FROM networks WHERE bridge = $1 AND mtu IS NOT NULL ORDER BY "+order+" LIMIT 1", bridge)
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
func (t *tx) mtuConflict(ctx context.Context, bridge string, first, second networkMTU) error {
	a, err := t.networkBy(ctx, "id", first.network)
	if err != nil {
		return err
	}
	b, err := t.networkBy(ctx, "id", second.network)
	if err != nil {
		return err
	}
	return conflictf("bridge %s has one MTU, but %s says %d and %s says %d", bridge, a.Name(), first.mtu, b.Name(), second.mtu).
		hint("`nova-manage network modify --mtu` gives them the same")
}

// Bridges returns the names of the bridges that a node serves networks on, or of all bridges where host is empty, each
// once, in no particular order.
func (s *Store) Bridges(ctx context.Context, host string) (names []string, err error) {
	query, args := "SELECT bridge FROM bridges", []any(nil)
	if host != "" {
		query, args = "SELECT DISTINCT bridge FROM networks WHERE host = $1", []any{host}
	}
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		names, err = column[string](ctx, t, query, args...)
		return err
	})
	return names, err
}
