package db

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// NodeView is all that one network node needs of the ledger, as it is at one moment: the networks that it serves with what is
// in them, and the floating addresses that are routed to it. An instance may be in one of its networks and have a floating
// address that another node answers for, and the other way round.
type NodeView struct {
	Host      string    // "" is the view of the whole ledger
	Networks  []Network // in address order
	Links     []Link    // what Store.Links says of the host, by bridge
	Instances []NodeInstance
	Groups    []NodeGroup // those that one of Instances is in, by id
	// Sources is, for each group that a rule of Groups names as its source, the fixed addresses of its members, in order. They
	// may be on other nodes; a group without members has none.
	Sources  map[int64][]netip.Addr
	Ranges   []FloatingRange // in address order
	Floating []NodeFloating  // in address order
}

// NodeInstance is an instance as its network node sees it.
type NodeInstance struct {
	ID        int64
	NetworkID int64
	MAC       netcalc.MAC
	Name      string
	ProjectID string
	FixedIP   netip.Addr
	FixedIPv6 netip.Addr
	// RecordedIPv6 tells that FixedIPv6 is not the EUI-64 address of its network's prefix and the MAC: a guest does not come to
	// it by SLAAC, and must be told.
	RecordedIPv6 bool
	Groups       []int64 // its security groups, by id
}

// EC2ID is the instance's id as EC2 wrote it.
func (i NodeInstance) EC2ID() string { return Instance{ID: i.ID}.EC2ID() }

// first is where the instance stands in the order of addresses.
func (i NodeInstance) first() netip.Addr {
	return Instance{FixedIP: i.FixedIP, FixedIPv6: i.FixedIPv6}.first()
}

// nodeInstanceTable is what is read of the table instances for a node.
var nodeInstanceTable = &sqlstore.Table[NodeInstance]{
	Name: "instances", Alias: "i",
	Columns: []sqlstore.Column[NodeInstance]{
		sqlstore.Col("id", func(i *NodeInstance) *int64 { return &i.ID }, number),
		sqlstore.Col("network_id", func(i *NodeInstance) *int64 { return &i.NetworkID }, number),
		sqlstore.Col("mac_address", func(i *NodeInstance) *netcalc.MAC { return &i.MAC }, hardware),
		sqlstore.Col("name", func(i *NodeInstance) *string { return &i.Name }, text),
		sqlstore.Col("project_id", func(i *NodeInstance) *string { return &i.ProjectID }, text),
		sqlstore.Col("fixed_ip", func(i *NodeInstance) *netip.Addr { return &i.FixedIP }, optAddr),
		sqlstore.Col("fixed_ip_v6", func(i *NodeInstance) *netip.Addr { return &i.FixedIPv6 }, optAddr),
	},
	Describe: func(i *NodeInstance) string { return "instance " + i.EC2ID() },
}

// NodeGroup is a security group with its rules in the order in which they were made.
type NodeGroup struct {
	ID        int64
	ProjectID string
	Name      string
	Rules     []NodeRule
}

// NodeRule is a rule as Rule describes it, but that its source is a group by id.
type NodeRule struct {
	Protocol string
	From, To int
	CIDR     netip.Prefix
	SourceID int64 // a key of NodeView.Sources; 0 where the source is CIDR
}

// NodeFloating is a floating address that an instance holds.
type NodeFloating struct {
	Address    netip.Addr
	Interface  string     // of its range; "" is left to the node
	FixedIP    netip.Addr // of the same family, which it stands for
	InstanceID int64
	NetworkID  int64
	Bridge     string // of that network, which another node may serve
}

// Node returns what the network node host needs, or, where host is "", what a node would that serves the whole ledger.
//
// Errors: ErrNotFound where the host serves no network and no floating range is routed to it, and for "" where there is no
// network; ErrConflict as for Links.
func (s *Store) Node(ctx context.Context, host string) (v NodeView, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		v, err = t.node(ctx, host)
		return err
	})
	return v, err
}

func (t view) node(ctx context.Context, host string) (v NodeView, err error) {
	v.Host = host
	where := new(sqlstore.Where).If("n.host", host)
	if v.Networks, err = networkTable.All(ctx, t.ReadTx, where.String()+" ORDER BY n.first", where.Args()...); err != nil {
		return NodeView{}, err
	}
	where = new(sqlstore.Where).If("r.host", host)
	if v.Ranges, err = floatingTable.All(ctx, t.ReadTx, where.String()+" ORDER BY r.first", where.Args()...); err != nil {
		return NodeView{}, err
	}
	if len(v.Networks) == 0 && (len(v.Ranges) == 0 || host == "") {
		return NodeView{}, t.noNode(ctx, host)
	}
	if v.Links, err = t.links(ctx, LinkFilter{Host: host}); err != nil {
		return NodeView{}, err
	}
	slices.SortFunc(v.Links, func(a, b Link) int { return strings.Compare(a.Bridge, b.Bridge) })
	for _, read := range []func(context.Context, *NodeView) error{t.nodeInstances, t.nodeMembers, t.nodeGroups, t.nodeSources, t.nodeFloating} {
		if err := read(ctx, &v); err != nil {
			return NodeView{}, err
		}
	}
	return v, nil
}

// noNode is the error for a host that serves nothing. A name that is spelt in another way is found among the others.
func (t view) noNode(ctx context.Context, host string) error {
	if host == "" {
		return notFoundf("no network is in the ledger").Try(WayMakeNetwork)
	}
	known, err := sqlstore.Values[string](ctx, t.ReadTx, nodeNames+" LIMIT 4")
	if err != nil {
		return err
	}
	e := notFoundf("host %s serves no network, and no floating range is routed to it", quoteRef(host))
	if len(known) == 0 {
		return e.Try(WayGiveHost, quoteRef(host))
	}
	return e.Try(WayKnownHosts, aFew(known, quoteRef))
}

// nodeNames is the names of the network nodes, in order.
const nodeNames = "host FROM (SELECT host FROM networks WHERE host IS NOT NULL UNION SELECT host FROM floating_ranges) h ORDER BY host"

// What a node has of instances: those in its networks, and their places in security groups.
const (
	nodeInstances = "networks n JOIN instances i ON i.network_id = n.id"
	nodeMembers   = nodeInstances + " JOIN instance_security_groups m ON m.instance_id = i.id"
)

// nodeQuery is a query about the node host, which reads all of the ledger where host is "".
type nodeQuery func(host string) (selected string, args []any)

// queryOf is the query of which the node's host is the only condition.
func queryOf(selected string) nodeQuery {
	return func(host string) (string, []any) {
		where := new(sqlstore.Where).If("n.host", host)
		return selected + where.String(), where.Args()
	}
}

// ofNodeGroups is the condition that a column is the id of a group that an instance of the node is in.
func ofNodeGroups(column, host string) *sqlstore.Where {
	members := "SELECT m.group_id FROM " + nodeMembers
	if host == "" {
		return sqlstore.That(column + " IN (" + members + ")")
	}
	return sqlstore.That(column+" IN ("+members+" WHERE n.host = ?)", host)
}

var (
	// Not in order: the engine would sort whole rows, which it finds network by network.
	queryInstances = queryOf(nodeInstanceTable.List() + " FROM " + nodeInstances)
	queryMembers   = queryOf("m.instance_id, m.group_id FROM " + nodeMembers)
)

// queryGroups has a row for every rule of a group, and one for a group without any.
func queryGroups(host string) (string, []any) {
	where := ofNodeGroups("g.id", host)
	return `g.id, g.project_id, g.name, r.id, r.ip_protocol, r.from_port, r.to_port, r.cidr_ip, r.source_group_id
		FROM security_groups g LEFT JOIN security_group_rules r ON r.group_id = g.id` + where.String() + " ORDER BY g.id, r.id", where.Args()
}

// querySources has a row for every member of a group that a rule names.
func querySources(host string) (string, []any) {
	where := ofNodeGroups("r.group_id", host).And("r.source_group_id IS NOT NULL")
	return "m.group_id, i.fixed_ip, i.fixed_ip_v6 FROM (SELECT DISTINCT r.source_group_id FROM security_group_rules r" + where.String() + `) s
		JOIN instance_security_groups m ON m.group_id = s.source_group_id JOIN instances i ON i.id = m.instance_id`, where.Args()
}

func queryFloating(host string) (string, []any) {
	where := sqlstore.That("a.state = 'held'").If("r.host", host)
	return `a.first, r.interface, i.id, i.network_id, i.fixed_ip, i.fixed_ip_v6, n.bridge
		FROM floating_ranges r JOIN addresses a ON a.claim = r.first JOIN instances i ON i.id = a.instance_id JOIN networks n ON n.id = i.network_id` +
		where.String() + " ORDER BY a.first", where.Args()
}

// nodeRows yields what scan makes of the rows of a query about a node.
func nodeRows[T any](ctx context.Context, t view, query nodeQuery, host string, scan func(sqlstore.Row, *T) error) iter.Seq2[T, error] {
	selected, args := query(host)
	return sqlstore.Rows(ctx, t.ReadTx, func(row sqlstore.Row) (v T, err error) {
		err = scan(row, &v)
		return v, err
	}, selected, args...)
}

func (t view) nodeInstances(ctx context.Context, v *NodeView) error {
	prefixes := make(map[int64]netip.Prefix, len(v.Networks))
	for _, n := range v.Networks {
		prefixes[n.ID] = n.CIDRv6
	}
	scan := nodeInstanceTable.Scanner()
	for i, err := range nodeRows(ctx, t, queryInstances, v.Host, func(row sqlstore.Row, i *NodeInstance) error { return scan(row, i) }) {
		if err != nil {
			return err
		}
		if i.FixedIPv6.IsValid() {
			own, err := netcalc.EUI64(prefixes[i.NetworkID], i.MAC)
			i.RecordedIPv6 = err != nil || own != i.FixedIPv6
		}
		v.Instances = append(v.Instances, i)
	}
	slices.SortFunc(v.Instances, func(a, b NodeInstance) int { return a.first().Compare(b.first()) })
	return nil
}

func (t view) nodeMembers(ctx context.Context, v *NodeView) error {
	at := make(map[int64]int, len(v.Instances))
	for i := range v.Instances {
		at[v.Instances[i].ID] = i
	}
	for m, err := range nodeRows(ctx, t, queryMembers, v.Host, func(row sqlstore.Row, m *member) error {
		return row.Scan(&m.instance, &m.group)
	}) {
		if err != nil {
			return err
		}
		i := &v.Instances[at[m.instance]]
		i.Groups = append(i.Groups, m.group)
	}
	for i := range v.Instances {
		slices.Sort(v.Instances[i].Groups)
	}
	return nil
}

func (t view) nodeGroups(ctx context.Context, v *NodeView) error {
	type groupRule struct {
		group NodeGroup
		id    int64 // of the rule; 0 for none
		rule  NodeRule
	}
	v.Sources = map[int64][]netip.Addr{}
	for row, err := range nodeRows(ctx, t, queryGroups, v.Host, func(row sqlstore.Row, r *groupRule) error {
		err := row.Scan(&r.group.ID, &r.group.ProjectID, &r.group.Name, optNumber.Into(&r.id), optText.Into(&r.rule.Protocol), optWhole.Into(&r.rule.From),
			optWhole.Into(&r.rule.To), optPrefix.Into(&r.rule.CIDR), optNumber.Into(&r.rule.SourceID))
		if err != nil && r.id != 0 {
			err = fmt.Errorf("security group rule %d: %w", r.id, err)
		}
		return err
	}) {
		if err != nil {
			return err
		}
		if last := len(v.Groups) - 1; last < 0 || v.Groups[last].ID != row.group.ID {
			v.Groups = append(v.Groups, row.group)
		}
		if row.id == 0 {
			continue
		}
		g := &v.Groups[len(v.Groups)-1]
		if g.Rules = append(g.Rules, row.rule); row.rule.SourceID != 0 {
			v.Sources[row.rule.SourceID] = nil
		}
	}
	return nil
}

func (t view) nodeSources(ctx context.Context, v *NodeView) error {
	type source struct {
		group         int64
		fixed, fixed6 netip.Addr
	}
	for s, err := range nodeRows(ctx, t, querySources, v.Host, func(row sqlstore.Row, s *source) error {
		return row.Scan(&s.group, optAddr.Into(&s.fixed), optAddr.Into(&s.fixed6))
	}) {
		if err != nil {
			return err
		}
		for _, a := range []netip.Addr{s.fixed, s.fixed6} {
			if a.IsValid() {
				v.Sources[s.group] = append(v.Sources[s.group], a)
			}
		}
	}
	for _, addresses := range v.Sources {
		slices.SortFunc(addresses, netip.Addr.Compare)
	}
	return nil
}

func (t view) nodeFloating(ctx context.Context, v *NodeView) error {
	type floating struct {
		NodeFloating
		fixed6 netip.Addr
	}
	for f, err := range nodeRows(ctx, t, queryFloating, v.Host, func(row sqlstore.Row, f *floating) error {
		return row.Scan(keyed.Into(&f.Address), optText.Into(&f.Interface), &f.InstanceID, &f.NetworkID, optAddr.Into(&f.FixedIP), optAddr.Into(&f.fixed6), &f.Bridge)
	}) {
		if err != nil {
			return err
		}
		if f.Address.Is6() {
			f.FixedIP = f.fixed6
		}
		if !f.FixedIP.IsValid() {
			return corruptf("%s is held by instance %s, which has no address that it could stand for", f.Address, Instance{ID: f.InstanceID}.EC2ID())
		}
		v.Floating = append(v.Floating, f.NodeFloating)
	}
	return nil
}
