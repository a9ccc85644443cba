package db

import (
	"context"
	"maps"
	"slices"

	"nova-manage/db/internal/sqlstore"
)

// HostSummary is a network node and how much it serves.
type HostSummary struct {
	Host      string // "" for the networks that no node serves
	Networks  int64
	Instances int64 // in these networks, wherever they run
	// Addresses is how many addresses lead to it that instances hold: the fixed ones of both families in its networks, and the
	// floating ones that are routed to it.
	Addresses      int64
	FloatingRanges int64
}

// Hosts returns the network nodes that the ledger knows, by name: those that serve a network or that a floating range is routed
// to. Where there are networks without a host, these come last.
func (s *Store) Hosts(ctx context.Context) (hosts []HostSummary, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		hosts, err = t.hosts(ctx)
		return err
	})
	return hosts, err
}

func (t view) hosts(ctx context.Context) ([]HostSummary, error) {
	found := map[string]*HostSummary{}
	// Each query by itself: joined, one would count what another has several of several times. CROSS JOIN is a join of which
	// SQLite keeps the order: it would otherwise walk over all addresses to find those of floating ranges.
	for _, from := range []string{
		"n.host, count(*), 0, 0, 0 FROM networks n GROUP BY n.host",
		"n.host, 0, count(*), count(i.fixed_ip) + count(i.fixed_ip_v6), 0 FROM " + nodeInstances + " GROUP BY n.host",
		"r.host, 0, 0, 0, count(*) FROM floating_ranges r GROUP BY r.host",
		"r.host, 0, 0, count(*), 0 FROM floating_ranges r CROSS JOIN addresses a WHERE a.claim = r.first AND a.state = 'held' GROUP BY r.host",
	} {
		rows, err := sqlstore.Collect(ctx, t.ReadTx, func(row sqlstore.Row) (h HostSummary, err error) {
			err = row.Scan(optText.Into(&h.Host), &h.Networks, &h.Instances, &h.Addresses, &h.FloatingRanges)
			return h, err
		}, from)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			h := found[r.Host]
			if h == nil {
				h = &HostSummary{Host: r.Host}
				found[r.Host] = h
			}
			h.Networks += r.Networks
			h.Instances += r.Instances
			h.Addresses += r.Addresses
			h.FloatingRanges += r.FloatingRanges
		}
	}
	var hosts []HostSummary
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if name != "" {
			hosts = append(hosts, *found[name])
		}
	}
	if none := found[""]; none != nil {
		hosts = append(hosts, *none)
	}
	return hosts, nil
}
