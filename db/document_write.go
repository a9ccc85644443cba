package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/document"
	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// How the rows of a document are written. What they name must be there, and what can be there once must not; the schema
// refuses both too, but cannot say where in the document it is.

func insertAll[T any](ctx context.Context, i *reading, table *sqlstore.Table[T], rows []placed[T]) error {
	return table.Insert(ctx, i.door, len(rows), func(n int) *T { return &rows[n].row })
}

// mentioned are the rows of a batch by a value that they have, which is a number or a text.
type mentioned[V comparable] struct {
	values []V
	at     map[V]document.Place // of the first row that has it
}

// mention collects a value of each row; a zero one stands for none.
func mention[T any, V comparable](rows []placed[T], field string, value func(*T) V) (m mentioned[V], twice error) {
	var none V
	m.at = make(map[V]document.Place, len(rows))
	for n := range rows {
		v := value(&rows[n].row)
		if v == none {
			continue
		}
		at := rows[n].at.At(field)
		if _, there := m.at[v]; there {
			if twice == nil {
				twice = at.Errorf("%s is that of another row", document.Quote(any(v)))
			}
			continue
		}
		m.at[v] = at
		m.values = append(m.values, v)
	}
	return m, twice
}

// among returns which of the values a column of a table has.
func among[V comparable](ctx context.Context, v view, column, table string, values []V) (map[V]bool, error) {
	there := map[V]bool{}
	if len(values) == 0 {
		return there, nil
	}
	where := new(sqlstore.Where)
	in(where, column, values)
	found, err := sqlstore.Values[V](ctx, v.ReadTx, column+" FROM "+table+where.String(), where.Args()...)
	for _, f := range found {
		there[f] = true
	}
	return there, err
}

// in adds the condition that a column has one of some values.
func in[V any](where *sqlstore.Where, column string, values []V) {
	args := make([]any, len(values))
	marks := make([]byte, 0, 2*len(values))
	for n, v := range values {
		args[n] = v
		marks = append(marks, '?', ',')
	}
	where.And(column+" IN ("+string(marks[:max(0, len(marks)-1)])+")", args...)
}

// single refuses rows that have a value which another row has, in the batch or in the table. The column is called in the
// document as it is in the table.
func single[T any, V comparable](ctx context.Context, i *reading, rows []placed[T], table, column string, value func(*T) V) error {
	m, err := mention(rows, column, value)
	if err != nil {
		return err
	}
	there, err := among(ctx, i.view, column, table, m.values)
	for _, v := range m.values {
		if err == nil && there[v] {
			err = m.at[v].Errorf("%s is that of another row", document.Quote(any(v)))
		}
	}
	return err
}

// named refuses rows that name what is not in a table.
func named[T any, V comparable](ctx context.Context, i *reading, rows []placed[T], field string, value func(*T) V, column, table string) error {
	m, _ := mention(rows, field, value)
	there, err := among(ctx, i.view, column, table, m.values)
	for _, v := range m.values {
		if err == nil && !there[v] {
			err = m.at[v].Errorf("%s is not among the %s of the document", document.Quote(any(v)), table)
		}
	}
	return err
}

func writeProjects(ctx context.Context, i *reading, rows []placed[Project]) error {
	return insertAll(ctx, i, projectRows, rows)
}

func writeQuotas(ctx context.Context, i *reading, rows []placed[quotaRow]) error {
	if err := named(ctx, i, rows, "project_id", func(q *quotaRow) string { return q.project }, "project_id", projectTable.Name); err != nil {
		return err
	}
	return insertAll(ctx, i, quotaRows, rows)
}

func writeNetworks(ctx context.Context, i *reading, rows []placed[networkRow]) error {
	name := networkTable.Name
	for _, err := range []error{
		single(ctx, i, rows, name, "id", func(r *networkRow) int64 { return r.ID }),
		single(ctx, i, rows, name, "vlan", func(r *networkRow) int64 { return int64(r.VLAN) }),
		single(ctx, i, rows, name, "vpn_public_port", func(r *networkRow) int64 { return int64(r.VPNPublicPort) }),
		named(ctx, i, rows, "project_id", func(r *networkRow) string { return r.ProjectID }, "project_id", projectTable.Name),
	} {
		if err != nil {
			return err
		}
	}
	if err := i.claimNetworks(ctx, rows); err != nil {
		return err
	}
	if err := i.bridgeNetworks(ctx, rows); err != nil {
		return err
	}
	return insertAll(ctx, i, networkRows, rows)
}

// claimNetworks claims the IPv4 blocks of networks, which come in address order.
func (i *reading) claimNetworks(ctx context.Context, rows []placed[networkRow]) error {
	var claims []claim
	var last netip.Prefix
	if first := rows[0].row.CIDR; first.IsValid() {
		before, overlaps, err := i.claimAround(ctx, first.Addr())
		if err != nil {
			return err
		}
		if overlaps {
			last, _ = before.Prefix()
		}
	}
	for _, r := range rows {
		p := r.row.CIDR
		if !p.IsValid() {
			continue
		}
		if last.IsValid() && last.Overlaps(p) {
			return r.at.At("cidr").Errorf("%s overlaps %s, the one before", p, last)
		}
		last = p
		claims = append(claims, claim{netcalc.SpanOf(p), p.String(), claimNetwork})
	}
	return claimTable.Insert(ctx, i.door, len(claims), func(n int) *claim { return &claims[n] })
}

// bridgeNetworks makes the bridges that networks are on, with their IPv6 prefixes: they follow from the networks.
func (i *reading) bridgeNetworks(ctx context.Context, rows []placed[networkRow]) error {
	var names []string
	wanted := map[string]*bridge{}
	there := map[string]bridge{}
	for n := range rows {
		if name := rows[n].row.Bridge; wanted[name] == nil {
			names, wanted[name] = append(names, name), &bridge{}
		}
	}
	where := new(sqlstore.Where)
	in(where, "bridge", names)
	all, err := bridgeTable.All(ctx, i.ReadTx, where.String(), where.Args()...)
	if err != nil {
		return err
	}
	for _, b := range all {
		there[b.name] = b
		*wanted[b.name] = b
	}
	prefixes := map[string]document.Place{} // those that are new, as claims have them
	var news []string
	for _, r := range rows {
		n, b := &r.row.Network, wanted[r.row.Bridge]
		switch {
		case b.name == "":
			*b = bridge{name: n.Bridge, vlan: n.VLAN}
		case b.vlan != n.VLAN:
			return r.at.At("bridge").Errorf("%q is the bridge of another VLAN, or of none", n.Bridge)
		}
		switch {
		case !n.CIDRv6.IsValid() || b.cidrV6 == n.CIDRv6:
		case b.cidrV6.IsValid():
			return r.at.At("cidr_v6").Errorf("%s is not %s, which bridge %s has", n.CIDRv6, b.cidrV6, n.Bridge)
		default:
			b.cidrV6 = n.CIDRv6
			if _, twice := prefixes[n.CIDRv6.String()]; twice {
				return r.at.At("cidr_v6").Errorf("%s is that of another bridge", n.CIDRv6)
			}
			prefixes[n.CIDRv6.String()] = r.at.At("cidr_v6")
			news = append(news, n.CIDRv6.String())
		}
	}
	if err := i.claimBridges(ctx, news, prefixes); err != nil {
		return err
	}
	var made []bridge
	for _, name := range names {
		b, old := *wanted[name], there[name]
		if old.name == "" {
			made = append(made, b)
		} else if _, err := bridgeTable.Update(ctx, i.door, &old, &b); err != nil {
			return err
		}
	}
	return bridgeTable.Insert(ctx, i.door, len(made), func(n int) *bridge { return &made[n] })
}

// claimBridges claims the IPv6 prefixes of bridges. All are /64s, so that two overlap where they are the same.
func (i *reading) claimBridges(ctx context.Context, prefixes []string, at map[string]document.Place) error {
	claims := make([]claim, len(prefixes))
	keys := make([][]byte, len(prefixes))
	for n, p := range prefixes {
		prefix := netip.MustParsePrefix(p)
		claims[n] = claim{netcalc.SpanOf(prefix), p, claimBridge}
		keys[n] = key(prefix.Addr())
	}
	if len(claims) == 0 {
		return nil
	}
	where := new(sqlstore.Where)
	in(where, "first", keys)
	taken, err := sqlstore.Values[string](ctx, i.ReadTx, "prefix FROM claims"+where.String(), where.Args()...)
	if err != nil {
		return err
	}
	for _, p := range taken {
		return at[p].Errorf("%s is that of another bridge", p)
	}
	return claimTable.Insert(ctx, i.door, len(claims), func(n int) *claim { return &claims[n] })
}

func writeFloatingRanges(ctx context.Context, i *reading, rows []placed[FloatingRange]) error {
	for _, r := range rows {
		c := claim{netcalc.SpanOf(r.row.CIDR), r.row.CIDR.String(), claimFloating}
		taken, there, err := i.claimOver(ctx, c.Span)
		if err != nil {
			return err
		}
		if there {
			return r.at.At("cidr").Errorf("%s overlaps %s", r.row.CIDR, taken.prefix)
		}
		if err := claimTable.Insert(ctx, i.door, 1, func(int) *claim { return &c }); err != nil {
			return err
		}
	}
	return insertAll(ctx, i, floatingTable, rows)
}

func writeGroups(ctx context.Context, i *reading, rows []placed[SecurityGroup]) error {
	for _, err := range []error{
		single(ctx, i, rows, groupTable.Name, "id", func(g *SecurityGroup) int64 { return g.ID }),
		named(ctx, i, rows, "project_id", func(g *SecurityGroup) string { return g.ProjectID }, "project_id", projectTable.Name),
	} {
		if err != nil {
			return err
		}
	}
	return insertAll(ctx, i, groupTable, rows)
}

func writeRules(ctx context.Context, i *reading, rows []placed[ruleRow]) error {
	for _, err := range []error{
		named(ctx, i, rows, "group_id", func(r *ruleRow) int64 { return r.group }, "id", groupTable.Name),
		named(ctx, i, rows, "source_group_id", func(r *ruleRow) int64 { return r.source }, "id", groupTable.Name),
	} {
		if err != nil {
			return err
		}
	}
	// A group has a rule once, whatever its id.
	same := func(r ruleRow) ruleRow {
		r.id, r.SourceGroup = 0, ""
		return r
	}
	seen := map[ruleRow]bool{}
	var groups []int64
	for _, r := range rows {
		if seen[same(r.row)] {
			return r.at.Errorf("the group has this rule already: %s", r.row)
		}
		seen[same(r.row)] = true
		if !slices.Contains(groups[max(0, len(groups)-1):], r.row.group) {
			groups = append(groups, r.row.group)
		}
	}
	where := new(sqlstore.Where)
	in(where, "r.group_id", groups)
	for old, err := range ruleTable.Rows(ctx, i.ReadTx, where.String(), where.Args()...) {
		if err != nil {
			return err
		}
		if !seen[same(old)] {
			continue
		}
		for _, r := range rows {
			if same(r.row) == same(old) {
				return r.at.Errorf("the group has this rule already: %s", r.row)
			}
		}
	}
	return insertAll(ctx, i, ruleTable, rows)
}

func writeInstances(ctx context.Context, i *reading, rows []placed[Instance]) error {
	for _, err := range []error{
		single(ctx, i, rows, instanceTable.Name, "id", func(n *Instance) int64 { return n.ID }),
		single(ctx, i, rows, instanceTable.Name, "mac_address", func(n *Instance) string { return n.MAC.String() }),
		named(ctx, i, rows, "project_id", func(n *Instance) string { return n.ProjectID }, "project_id", projectTable.Name),
		named(ctx, i, rows, "network_id", func(n *Instance) int64 { return n.NetworkID }, "id", networkTable.Name),
	} {
		if err != nil {
			return err
		}
	}
	if err := i.placeInstances(ctx, rows); err != nil {
		return err
	}
	return insertAll(ctx, i, instanceRows, rows)
}

// placeInstances compares the addresses of instances with their networks, and with those of the instances before.
func (i *reading) placeInstances(ctx context.Context, rows []placed[Instance]) error {
	networks := map[int64]Network{}
	var ids []int64
	firsts := map[netip.Addr]bool{}
	var keys [][]byte
	for _, r := range rows {
		if _, there := networks[r.row.NetworkID]; !there {
			networks[r.row.NetworkID], ids = Network{}, append(ids, r.row.NetworkID)
		}
		if firsts[r.row.first()] {
			return r.at.Errorf("address %s is that of another instance", r.row.first())
		}
		firsts[r.row.first()] = true
		keys = append(keys, key(r.row.first()))
	}
	where := new(sqlstore.Where)
	in(where, "id", ids)
	all, err := networkTable.All(ctx, i.ReadTx, where.String(), where.Args()...)
	if err != nil {
		return err
	}
	for _, n := range all {
		networks[n.ID] = n
	}
	for _, r := range rows {
		n := networks[r.row.NetworkID]
		for _, a := range []struct {
			field string
			addr  netip.Addr
			in    netip.Prefix
		}{{"fixed_ip", r.row.FixedIP, n.CIDR}, {"fixed_ip_v6", r.row.FixedIPv6, n.CIDRv6}} {
			if a.addr.IsValid() != a.in.IsValid() || a.addr.IsValid() && !a.in.Contains(a.addr) {
				return r.at.At(a.field).Errorf("%s does not fit %s, the prefix of network %d", orNone(a.addr), orNone(a.in), n.ID)
			}
		}
	}
	where = new(sqlstore.Where)
	in(where, "first", keys)
	taken, err := sqlstore.Values[[]byte](ctx, i.ReadTx, "first FROM instances"+where.String(), where.Args()...)
	if err != nil || len(taken) == 0 {
		return err
	}
	for _, r := range rows {
		if slices.ContainsFunc(taken, func(k []byte) bool { return string(k) == string(key(r.row.first())) }) {
			return r.at.Errorf("address %s is that of another instance", r.row.first())
		}
	}
	return nil
}

func writeMembers(ctx context.Context, i *reading, rows []placed[member]) error {
	for _, err := range []error{
		named(ctx, i, rows, "instance_id", func(m *member) int64 { return m.instance }, "id", instanceTable.Name),
		named(ctx, i, rows, "group_id", func(m *member) int64 { return m.group }, "id", groupTable.Name),
	} {
		if err != nil {
			return err
		}
	}
	return insertAll(ctx, i, memberTable, rows)
}

// writeAddresses finds the prefix of each address on the way: both come in address order.
func writeAddresses(ctx context.Context, i *reading, rows []placed[addressRow]) error {
	if err := named(ctx, i, rows, "instance_id", func(r *addressRow) int64 { return r.instance }, "id", instanceTable.Name); err != nil {
		return err
	}
	before, overlaps, err := i.addressAt(ctx, rows[0].row.First)
	if err != nil {
		return err
	}
	last := before.Span
	if !overlaps {
		last = netcalc.Span{}
	}
	for _, r := range rows {
		if last.Overlaps(r.row.Span) {
			return r.at.At("address").Errorf("%s overlaps %s, the one before", storedSpan(r.row.Span), storedSpan(last))
		}
		last = r.row.Span
	}
	next := 0
	// assign gives a claim to the addresses in it, and refuses one that lies before it.
	assign := func(c claim) error {
		for ; next < len(rows) && rows[next].row.First.Compare(c.Last) <= 0; next++ {
			r := &rows[next]
			if !c.Covers(r.row.Span) {
				return r.at.At("address").Errorf("%s is in no prefix of the document", storedSpan(r.row.Span))
			}
			r.row.claim = c.First
		}
		return nil
	}
	if c, there, err := i.claimAround(ctx, rows[0].row.First); err != nil {
		return err
	} else if there {
		if err := assign(c); err != nil {
			return err
		}
	}
	for c, err := range claimTable.Rows(ctx, i.ReadTx, " WHERE first > $1 AND first <= $2 ORDER BY first", key(rows[0].row.First),
		key(rows[len(rows)-1].row.First)) {
		if err == nil {
			err = assign(c)
		}
		if err != nil {
			return err
		}
	}
	if next < len(rows) {
		return rows[next].at.At("address").Errorf("%s is in no prefix of the document", storedSpan(rows[next].row.Span))
	}
	return insertAll(ctx, i, addressTable, rows)
}
