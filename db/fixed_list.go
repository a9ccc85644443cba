package db

import (
	"context"
	"iter"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file lists fixed addresses in constant memory. What is looked up meanwhile needs the connection for itself
// (PostgreSQL's driver runs one statement at a time), so that rows are read in pages, by key, rather than from one open
// cursor.

// FixedAddress is what the ledger knows of a fixed address, or of a range of them that is reserved.
type FixedAddress struct {
	netcalc.Span
	// NetworkID is 0 for a reservation in the IPv6 prefix of a bridge that several networks share.
	NetworkID int64
	CIDR      netip.Prefix // the network's, of the address's family
	State     string       // network, gateway, vpn, broadcast, reserved, held, released or free
	MAC       netcalc.MAC  // this and Instance are those of the instance that holds it
	Instance  string
	ProjectID string // the instance's, else the network's
	Host      string // the instance's, else the network's
}

// FixedFilter chooses fixed addresses; a zero field lets all pass, one that names nothing in the ledger is ErrNotFound.
type FixedFilter struct {
	Network string // a NETWORK, as FindNetworks takes it
	Host    string
	Family  int // 4 or 6
	// All also yields every other IPv4 address, one at a time; without it, reserved neighbours are one range.
	All    bool
	Wanted Wanted // as FixedIndexed takes it
}

// FixedAddresses yields the addresses of networks that are held or reserved, in address order, IPv4 before IPv6. An error
// ends the sequence.
func (s *Store) FixedAddresses(ctx context.Context, f FixedFilter) iter.Seq2[FixedAddress, error] {
	return func(yield func(FixedAddress, error) bool) {
		err := s.view(ctx, func(ctx context.Context, t view) error {
			return (&fixedLister{view: t, filter: f, yield: yield, networks: map[netip.Addr]Network{}}).list(ctx)
		})
		if err != nil && err != errStop {
			yield(FixedAddress{}, err)
		}
	}
}

// fixedLister is one run of FixedAddresses.
type fixedLister struct {
	view
	filter FixedFilter
	yield  func(FixedAddress, error) bool

	network  Network        // the one asked for
	only     []netcalc.Span // of the prefixes to look at; nil is all of them
	networks map[netip.Addr]Network
	pending  FixedAddress // a reserved range that may go on
}

func (l *fixedLister) list(ctx context.Context) (err error) {
	if err := (known{host: l.filter.Host}).check(ctx, l.view); err != nil {
		return err
	}
	if l.filter.Network != "" {
		if l.network, err = l.findNetwork(ctx, l.filter.Network); err != nil {
			return err
		}
	}
	if err := l.narrow(ctx); err != nil {
		return err
	}
	if l.filter.Family != 6 {
		if err := l.listIPv4(ctx); err != nil {
			return err
		}
	}
	if l.filter.Family != 4 {
		if within, ok := l.within(wholeIPv6, l.network.CIDRv6); ok {
			return l.listTaken(ctx, within)
		}
	}
	return nil
}

// narrow finds the prefixes that rows which are wanted can be in: whole ones, since reserved neighbours are one row.
func (l *fixedLister) narrow(ctx context.Context) (err error) {
	if len(l.filter.Wanted.Where) == 0 {
		return nil
	}
	where := FixedIndexed.and(new(sqlstore.Where), l.filter.Wanted)
	l.only, err = sqlstore.Collect(ctx, l.ReadTx, func(row sqlstore.Row) (s netcalc.Span, err error) {
		err = row.Scan(keyed.Into(&s.First), keyed.Into(&s.Last))
		return s, err
	}, "c.first, c.last FROM claims c"+where.String(), where.Args()...)
	l.only = append([]netcalc.Span{}, l.only...) // none is not all
	return err
}

// within is where to look: everywhere, or in the prefix of the network asked for, if it has one, or in what is wanted.
func (l *fixedLister) within(whole netcalc.Span, p netip.Prefix) (netcalc.Span, bool) {
	if l.network.ID != 0 {
		if !p.IsValid() {
			return netcalc.Span{}, false
		}
		whole = netcalc.SpanOf(p)
	}
	if l.only == nil {
		return whole, true
	}
	for _, o := range l.only { // of a family there is one at most
		if s, ok := whole.Intersect(o); ok {
			return s, true
		}
	}
	return netcalc.Span{}, false
}

func (l *fixedLister) listIPv4(ctx context.Context) error {
	within, ok := l.within(wholeIPv4, l.network.CIDR)
	switch {
	case !ok:
		return nil
	case l.filter.All:
		return l.listAll(ctx, within)
	}
	return l.listTaken(ctx, within)
}

// listTaken lists what is held or reserved.
func (l *fixedLister) listTaken(ctx context.Context, within netcalc.Span) error {
	rows := l.rowsIn(within)
	for {
		r, ok, err := rows.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return l.emit(FixedAddress{})
		}
		if r.State == stateReleased {
			continue
		}
		if r, err = l.complete(ctx, r); err != nil {
			return err
		}
		if l.network.ID != 0 && r.NetworkID != 0 && r.NetworkID != l.network.ID {
			continue // on the same bridge
		}
		// What was reserved at different times may lie in several rows, which is nobody's concern.
		if p := &l.pending; r.State == stateReserved && p.State == stateReserved && p.CIDR == r.CIDR && p.Last.Next() == r.First {
			p.Last = r.Last
			continue
		}
		if err := l.emit(r); err != nil {
			return err
		}
	}
}

// emit yields the address before a, and keeps a until it is known where it ends.
func (l *fixedLister) emit(a FixedAddress) error {
	done := l.pending
	l.pending = a
	if !done.First.IsValid() {
		return nil
	}
	return l.one(done)
}

// one yields an address if it is on the host asked for.
func (l *fixedLister) one(a FixedAddress) error {
	if l.filter.Host != "" && l.filter.Host != a.Host {
		return nil
	}
	if !l.yield(a, nil) {
		return errStop
	}
	return nil
}

// listAll lists every address of the IPv4 networks.
func (l *fixedLister) listAll(ctx context.Context, within netcalc.Span) error {
	networks := &pager[Network]{view: l.view, page: networkTable.All, rest: " WHERE first >= $1 AND first <= $2 ORDER BY first LIMIT $3",
		keys: within, after: func(n Network) netip.Addr { return n.first().Next() }}
	rows := l.rowsIn(within)
	var row FixedAddress
	for {
		n, ok, err := networks.next(ctx)
		if err != nil || !ok {
			return err
		}
		if row, err = l.listNetwork(ctx, n, rows, row); err != nil {
			return err
		}
	}
}

// listNetwork lists every address of a network. row is the row that comes next, and so is the one it returns.
func (l *fixedLister) listNetwork(ctx context.Context, n Network, rows *pager[FixedAddress], row FixedAddress) (FixedAddress, error) {
	roles, err := n.roles()
	if err != nil {
		return row, err
	}
	untaken := FixedAddress{NetworkID: n.ID, CIDR: n.CIDR, ProjectID: n.ProjectID, Host: n.Host}
	last := netcalc.SpanOf(n.CIDR).Last
	more := true
	for a := n.CIDR.Addr(); ; a = a.Next() {
		for more && (!row.Last.IsValid() || row.Last.Less(a)) {
			if row, more, err = rows.next(ctx); err != nil {
				return row, err
			}
		}
		f := untaken
		f.State = roles.of(a) // before what a row says: a gateway may stand on an address that was released
		switch {
		case f.State != "":
		case more && row.First.Compare(a) <= 0 && row.State == stateHeld:
			f = row
		case more && row.First.Compare(a) <= 0:
			f.State = row.State
		default:
			f.State = stateFree
		}
		f.First, f.Last = a, a
		if err := l.one(f); err != nil {
			return row, err
		}
		if a == last {
			return row, nil
		}
		if a.As4()[3] == 0 && ctx.Err() != nil {
			return row, context.Cause(ctx)
		}
	}
}

// complete fills in what a row has from its network rather than from an instance.
func (l *fixedLister) complete(ctx context.Context, r FixedAddress) (FixedAddress, error) {
	if r.State == stateHeld {
		return r, nil
	}
	n, err := l.networkWith(ctx, r.CIDR)
	r.NetworkID, r.ProjectID, r.Host = n.ID, n.ProjectID, n.Host
	return r, err
}

// networkWith returns the network that has a prefix; the zero one if several share it.
func (l *fixedLister) networkWith(ctx context.Context, p netip.Prefix) (n Network, err error) {
	if n, ok := l.networks[p.Addr()]; ok {
		return n, nil
	}
	if n, err = l.onlyNetworkWith(ctx, p); err != nil {
		return n, err
	}
	clear(l.networks) // rows come in address order, so that the last one is enough
	l.networks[p.Addr()] = n
	return n, nil
}

// onlyNetworkWith returns the network that has a prefix; the zero one if several share it.
func (t view) onlyNetworkWith(ctx context.Context, p netip.Prefix) (Network, error) {
	if p.Addr().Is4() {
		return t.networkBy(ctx, "first", key(p.Addr()))
	}
	sharing, err := networkTable.All(ctx, t.ReadTx,
		" WHERE bridge = (SELECT bridge FROM bridges WHERE first_v6 = $1) AND gateway_v6 IS NOT NULL LIMIT 2", key(p.Addr()))
	if err != nil || len(sharing) != 1 {
		return Network{}, err
	}
	return sharing[0], nil
}

// rowsIn are the rows of fixed addresses in a span that no row straddles. The network of an address that nobody holds is
// not in them.
func (l *fixedLister) rowsIn(s netcalc.Span) *pager[FixedAddress] {
	return &pager[FixedAddress]{view: l.view, page: fixedTable.All, keys: s, after: func(a FixedAddress) netip.Addr { return a.Last.Next() },
		rest: ` JOIN claims c ON c.first = a.claim
			LEFT JOIN instances i ON i.id = a.instance_id LEFT JOIN networks n ON n.id = i.network_id
			WHERE a.first >= $1 AND a.first <= $2 AND c.kind <> 'floating' ORDER BY a.first LIMIT $3`}
}

// fixedTable is a row of addresses with what the instance that holds it, if one does, says of it. It is only read.
var fixedTable = &sqlstore.Table[FixedAddress]{
	Name: "addresses", Alias: "a",
	Columns: append(spanColumns(func(a *FixedAddress) *netcalc.Span { return &a.Span }),
		sqlstore.Col("state", func(a *FixedAddress) *string { return &a.State }, text),
		sqlstore.Computed("c.prefix", func(a *FixedAddress) *netip.Prefix { return &a.CIDR }, optPrefix),
		sqlstore.Computed("i.network_id", func(a *FixedAddress) *int64 { return &a.NetworkID }, optNumber),
		sqlstore.Computed("i.mac_address", func(a *FixedAddress) *netcalc.MAC { return &a.MAC }, optional(hardware)),
		sqlstore.Computed("i.name", func(a *FixedAddress) *string { return &a.Instance }, optText),
		sqlstore.Computed("i.project_id", func(a *FixedAddress) *string { return &a.ProjectID }, optText),
		sqlstore.Computed("coalesce(i.host, n.host)", func(a *FixedAddress) *string { return &a.Host }, optText),
	),
	Describe: func(a *FixedAddress) string { return "address " + a.Span.String() },
}

// pager reads the rows of a table by key, a page at a time.
type pager[T any] struct {
	view
	// page is the table's All, for which the arguments of rest are the lowest key, the highest key, and how many rows.
	page  func(ctx context.Context, r *sqlstore.ReadTx, rest string, args ...any) ([]T, error)
	rest  string
	keys  netcalc.Span       // of what has not been read; its first address is invalid at the end
	after func(T) netip.Addr // the lowest key that a row after this one can have

	rows []T
}

// pageRows is how many rows are in memory at a time.
const pageRows = 1000

// next returns the next row; false at the end.
func (p *pager[T]) next(ctx context.Context) (row T, ok bool, err error) {
	if len(p.rows) == 0 {
		if !p.keys.First.IsValid() {
			return row, false, nil
		}
		if p.rows, err = p.page(ctx, p.ReadTx, p.rest, key(p.keys.First), key(p.keys.Last), pageRows); err != nil {
			return row, false, err
		}
		if len(p.rows) < pageRows {
			p.keys.First = netip.Addr{}
		} else {
			p.keys.First = p.after(p.rows[pageRows-1])
		}
		if len(p.rows) == 0 {
			return row, false, nil
		}
	}
	row, p.rows = p.rows[0], p.rows[1:]
	return row, true, nil
}

// all yields the rows that are left. An error ends the sequence.
func (p *pager[T]) all(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			row, ok, err := p.next(ctx)
			if err == nil && !ok || !yield(row, err) || err != nil {
				return
			}
		}
	}
}
