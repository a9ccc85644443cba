package db

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// UsageKinds are what Usage tells of, in its order.
var UsageKinds = []string{"networks", "ranges", "vlans", "vpn", "floating", "projects"}

// Usage is how full one thing is: a network's block of a family, a range that networks are carved from, the VLANs, the VPN ports, a
// pool of floating addresses of a family, or what a project may have of a resource.
type Usage struct {
	Kind string // of UsageKinds
	Name string // a CIDR, a pool, a project, or FIRST-LAST
	// Resource is what a project's quota is about.
	Resource string
	Family   int // 4 or 6; 0 for what has none
	// NetworkID is 0 also for an IPv6 prefix that several networks share.
	NetworkID        int64
	Label, ProjectID string
	Fill
	// Largest is the largest free block of a range, the lowest one of these, and Fits how many networks find room in it.
	Largest netip.Prefix
	Fits    []Fit
}

// Fit is how many networks of a size still find room.
type Fit struct {
	Bits     int // the prefix length
	Networks *big.Int
}

// UsageFilter chooses what Usage tells of.
type UsageFilter struct {
	Kind string // of UsageKinds; "" is all
	// Ranges are those to tell of; without them they are those that networks were carved from.
	Ranges []netcalc.Span
}

// Usage yields how full things are, kind by kind, within one state of the ledger and with a page of rows in memory at most.
func (s *Store) Usage(ctx context.Context, f UsageFilter) iter.Seq2[Usage, error] {
	return inView(ctx, s, func(ctx context.Context, t view, emit func(Usage) error) error {
		for _, kind := range UsageKinds {
			if f.Kind != "" && f.Kind != kind {
				continue
			}
			u := usageLister{view: t, ranges: f.Ranges, emit: func(u Usage) error {
				u.Kind = kind
				return emit(u)
			}}
			if err := u.list(ctx, kind); err != nil {
				return err
			}
		}
		return nil
	})
}

// usageLister tells of one kind.
type usageLister struct {
	view
	ranges []netcalc.Span
	emit   func(Usage) error
}

func (u usageLister) list(ctx context.Context, kind string) error {
	switch kind {
	case "networks":
		return u.networks(ctx)
	case "ranges":
		return u.carved(ctx)
	case "vlans":
		return u.vlans(ctx)
	case "vpn":
		return u.vpn(ctx)
	case "floating":
		return u.floating(ctx)
	}
	return u.projects(ctx)
}

// wholeSpace is all that there are claims in.
var wholeSpace = []netcalc.Span{wholeIPv4, wholeIPv6}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

func (u usageLister) networks(ctx context.Context) error {
	for _, space := range wholeSpace {
		for c, err := range u.filledClaims(ctx, space, func(c *claimed) bool { return c.kind != claimFloating }) {
			if err != nil {
				return err
			}
			n := c.owner
			if err := u.emit(Usage{Name: c.prefix, Family: familyOf(c.First), NetworkID: n.ID, Label: n.Label, ProjectID: n.ProjectID, Fill: c.Fill}); err != nil {
				return err
			}
		}
	}
	return nil
}

// vlans tells of the VLANs, of which those are reserved whose bridge would have the name of a flat one.
func (u usageLister) vlans(ctx context.Context) error {
	used, _, err := sqlstore.Value[int64](ctx, u.ReadTx, "count(*) FROM bridges WHERE vlan IS NOT NULL")
	if err != nil {
		return err
	}
	flat, err := u.flatBridgesLikeVLANs(ctx)
	if err != nil {
		return err
	}
	return u.emit(Usage{Name: fmt.Sprintf("1-%d", maxVLAN), Fill: countFill(used, int64(len(flat)), maxVLAN)})
}

func (u usageLister) vpn(ctx context.Context) error {
	used, _, err := sqlstore.Value[int64](ctx, u.ReadTx, "count(*) FROM networks WHERE vpn_public_port IS NOT NULL")
	if err != nil {
		return err
	}
	return u.emit(Usage{Name: fmt.Sprintf("1-%d", maxPort), Fill: countFill(used, 0, maxPort)})
}

// countFill is the Fill of what is counted in small numbers; of none that may be had again.
func countFill(used, reserved, total int64) Fill {
	return newFill(big.NewInt(used), big.NewInt(reserved), new(big.Int), big.NewInt(total))
}

// floating adds up the ranges of each pool, which an index has one after the other, the IPv4 ones first.
func (u usageLister) floating(ctx context.Context) error {
	var pool Usage
	for r, err := range u.filledRanges(ctx) {
		if err != nil {
			return err
		}
		next := Usage{Name: r.Pool, Family: familyOf(r.CIDR.Addr())}
		if pool.Total != nil && (pool.Name != next.Name || pool.Family != next.Family) {
			if err := u.emit(pool); err != nil {
				return err
			}
			pool.Fill = Fill{}
		}
		next.Fill = pool.add(r.Fill)
		pool = next
	}
	if pool.Total == nil {
		return nil
	}
	return u.emit(pool)
}

// filledRange is a floating range with how full it is.
type filledRange struct {
	FloatingRange
	Fill
}

// filledRanges yields all floating ranges by pool and address. No address of theirs is reserved.
func (t view) filledRanges(ctx context.Context) iter.Seq2[filledRange, error] {
	const having = ", (SELECT count(*) FROM addresses a WHERE a.claim = r.first AND a.state = "
	scan := floatingTable.Scanner()
	return sqlstore.Rows(ctx, t.ReadTx, func(row sqlstore.Row) (r filledRange, err error) {
		var held, released int64
		if err = scan(row, &r.FloatingRange, number.Into(&held), number.Into(&released)); err != nil {
			return r, err
		}
		r.Fill = newFill(big.NewInt(held), new(big.Int), big.NewInt(released), r.usable().Size())
		return r, nil
	}, floatingTable.List()+having+"'held')"+having+"'released') FROM floating_ranges r ORDER BY r.pool, r.first")
}

// projects tells of each quota, by project and in the order of Resources, how much of it is in use.
func (u usageLister) projects(ctx context.Context) error {
	limits := ""
	for _, r := range Resources {
		limits += ", (SELECT hard_limit FROM quotas q WHERE q.project_id = p.project_id AND q.resource = '" + r + "')"
	}
	type quotas struct {
		Project
		limits []int64
	}
	scan := projectTable.Scanner()
	rows := sqlstore.Rows(ctx, u.ReadTx, func(row sqlstore.Row) (q quotas, err error) {
		q.limits = make([]int64, len(Resources))
		into := make([]any, len(q.limits))
		for i := range into {
			into[i] = limit.Into(&q.limits[i])
		}
		return q, scan(row, &q.Project, into...)
	}, projectTable.List()+limits+` FROM projects p
		WHERE EXISTS (SELECT 1 FROM quotas q WHERE q.project_id = p.project_id) ORDER BY p.project_id`)
	for q, err := range rows {
		if err != nil {
			return err
		}
		for i, r := range Resources {
			if q.limits[i] == Unlimited {
				continue
			}
			if err := u.emit(Usage{Name: q.ID, Resource: r, ProjectID: q.ID, Fill: countFill(q.inUse()[i], 0, q.limits[i])}); err != nil {
				return err
			}
		}
	}
	return nil
}

// limit is a quota, Unlimited where there is none.
var limit = codecOf(func(from any) (int64, error) {
	if from == nil {
		return Unlimited, nil
	}
	return number.Read(from)
}, nil)
