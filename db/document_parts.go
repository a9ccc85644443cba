package db

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// What the document has of each table, and what can never be right in a row of it. How the rows are written, and what they
// must find there, is in document_write.go.

var projectPart = &tablePart[Project]{
	table:   projectRows,
	fields:  columnsNamed(projectRows, "project_id", "description", "created_at"),
	order:   "p.project_id",
	key:     "project_id",
	compare: func(a, b *Project) int { return cmp.Compare(a.ID, b.ID) },
	write:   writeProjects,
}

// projectRows is the table of projects without what they have, which takes long to count.
var projectRows = &sqlstore.Table[Project]{
	Name: projectTable.Name, Alias: "p", Columns: columnsNamed(projectTable, "project_id", "description", "created_at"), Describe: projectTable.Describe,
}

// quotaRow is a quota that limits something.
type quotaRow struct {
	project, resource string
	limit             int64
}

var quotaRows = &sqlstore.Table[quotaRow]{
	Name: quotaTable, Alias: "q",
	Columns: []sqlstore.Column[quotaRow]{
		sqlstore.Col("project_id", func(q *quotaRow) *string { return &q.project }, text),
		sqlstore.Col("resource", func(q *quotaRow) *string { return &q.resource }, text),
		sqlstore.Col("hard_limit", func(q *quotaRow) *int64 { return &q.limit }, number),
	},
	Describe: func(q *quotaRow) string { return "quota " + q.resource + " of project " + q.project },
}

var quotaPart = &tablePart[quotaRow]{
	table:  quotaRows,
	fields: quotaRows.Columns,
	order:  "q.project_id, q.resource",
	key:    "project_id and resource",
	compare: func(a, b *quotaRow) int {
		return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.resource, b.resource))
	},
	check: func(q *quotaRow) *fault {
		switch {
		case !slices.Contains(Resources, q.resource):
			return faultf("resource", "it is one of %s", strings.Join(Resources, ", "))
		case q.limit < 0:
			return faultf("hard_limit", "it is at least 0; without a row there is no limit")
		}
		return nil
	},
	write: writeQuotas,
}

// networkRow is a network with how much of it is taken. That does not follow from its addresses: of a network that was taken
// from, and given all back, free_addresses speaks.
type networkRow struct {
	Network
	taken int
}

var networkRows = &sqlstore.Table[networkRow]{
	Name: networkTable.Name, Alias: "n",
	Columns: append(lifted(networkTable.Columns, func(r *networkRow) *Network { return &r.Network }),
		sqlstore.Col("taken", func(r *networkRow) *int { return &r.taken }, whole)),
	Describe: func(r *networkRow) string { return networkTable.Describe(&r.Network) },
}

// lifted are the columns of rows that rows of another type hold.
func lifted[T, U any](columns []sqlstore.Column[T], at func(*U) *T) []sqlstore.Column[U] {
	all := make([]sqlstore.Column[U], len(columns))
	for i, c := range columns {
		all[i] = sqlstore.Column[U]{
			Name:     c.Name,
			Computed: c.Computed,
			Scan:     func(row *U, from any) error { return c.Scan(at(row), from) },
			Value:    func(row *U) any { return c.Value(at(row)) },
		}
	}
	return all
}

var networkPart = &tablePart[networkRow]{
	table: networkRows,
	fields: columnsNamed(networkRows, "id", "label", "manager", "cidr", "gateway", "cidr_v6", "gateway_v6", "bridge", "bridge_interface", "vlan",
		"vpn_public_address", "vpn_public_port", "vpn_clients", "dns1", "dns2", "mtu", "project_id", "host", "taken", "created_at", "updated_at"),
	order:   "n.first",
	key:     "the first address",
	compare: func(a, b *networkRow) int { return a.first().Compare(b.first()) },
	check:   checkNetworkRow,
	write:   writeNetworks,
}

// checkNetworkRow finds what no network can be, and fills in what follows from the rest.
func checkNetworkRow(r *networkRow) *fault {
	n := &r.Network
	switch {
	case n.Manager != VlanManager && n.Manager != FlatManager && n.Manager != FlatDHCPManager:
		return faultf("manager", "it is one of %s, %s, %s", VlanManager, FlatManager, FlatDHCPManager)
	case !n.CIDR.IsValid() && !n.CIDRv6.IsValid():
		return faultf("cidr", "a network has IPv4, IPv6 or both")
	case (n.Manager == VlanManager) != (n.VLAN != 0):
		return faultf("vlan", "a network of VlanManager has one, and no other")
	case n.VLAN != 0 && n.Bridge != vlanBridge(n.VLAN):
		return faultf("bridge", "that of VLAN %d is %s", n.VLAN, vlanBridge(n.VLAN))
	case r.taken < takenNone || r.taken > takenAll:
		return faultf("taken", "it is %d to %d", takenNone, takenAll)
	case r.taken != takenNone && !n.CIDR.IsValid():
		return faultf("taken", "without IPv4 there is nothing to take")
	case n.VPNPublicPort < 0 || n.VPNPublicPort > maxPort:
		return faultf("vpn_public_port", "it is 1 to %d", maxPort)
	}
	for _, link := range []struct{ field, name string }{{"bridge", n.Bridge}, {"bridge_interface", n.BridgeInterface}} {
		if f := checkLink(link.field, link.name); f != nil {
			return f
		}
	}
	if f := checkNetworkIPv4(n); f != nil {
		return f
	}
	if f := checkNetworkIPv6(n); f != nil {
		return f
	}
	for _, a := range []struct {
		field string
		addr  netip.Addr
	}{{"dns1", n.DNS1}, {"dns2", n.DNS2}} {
		if !a.addr.IsValid() {
			continue
		}
		if a.addr.Zone() != "" || a.addr.Is4In6() {
			return faultf(a.field, "it is no address that a guest can ask")
		}
		if err := netcalc.CheckServableAddr(a.addr); err != nil {
			return faultf(a.field, "%v", err)
		}
	}
	if a := n.VPNPublicAddress; a.IsValid() && (a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" || a.Is4In6() || a == broadcastAddr) {
		return faultf("vpn_public_address", "no host has it")
	}
	return nil
}

var broadcastAddr = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func checkNetworkIPv4(n *Network) *fault {
	if !n.CIDR.IsValid() {
		if n.Gateway.IsValid() {
			return faultf("gateway", "the network has no IPv4")
		}
		return nil
	}
	if f := checkPrefix("cidr", n.CIDR, n.CIDR.Addr().Is4()); f != nil {
		return f
	}
	if !n.Gateway.IsValid() {
		return faultf("gateway", "a network with IPv4 has one")
	}
	if err := n.place(n.Gateway); err != nil {
		return faultf("gateway", "%v", err)
	}
	return nil
}

func checkNetworkIPv6(n *Network) *fault {
	switch {
	case n.CIDRv6.IsValid() != n.GatewayV6.IsValid():
		return faultf("gateway_v6", "a network with IPv6 has one, and no other")
	case !n.CIDRv6.IsValid():
		return nil
	}
	if f := checkPrefix("cidr_v6", n.CIDRv6, n.CIDRv6.Addr().Is6() && n.CIDRv6.Bits() == 64); f != nil {
		return f
	}
	if err := netcalc.CheckFixedRangeV6(n.CIDRv6, 1); err != nil {
		return faultf("cidr_v6", "%v", err)
	}
	if err := checkGatewayV6(n.CIDRv6, n.GatewayV6); err != nil {
		return faultf("gateway_v6", "%v", err)
	}
	return nil
}

// checkPrefix finds what no prefix in use can be; fits tells whether it is of the right kind.
func checkPrefix(field string, p netip.Prefix, fits bool) *fault {
	switch {
	case p.Addr().Is4In6(), !fits:
		return faultf(field, "it is no prefix of this kind")
	case p != p.Masked():
		return faultf(field, "its host bits are not zero: %s", p.Masked())
	}
	if err := netcalc.CheckServable(p); err != nil {
		return faultf(field, "%v", err)
	}
	return nil
}

// checkLink refuses what the schema of documents does: the name of a network interface is of characters that can be seen, without a slash
// (dev_valid_name in net/core/dev.c).
func checkLink(field, name string) *fault {
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' }) {
		return faultf(field, "it is not the name of a network interface")
	}
	return nil
}

var floatingPart = &tablePart[FloatingRange]{
	table:   floatingTable,
	fields:  columnsNamed(floatingTable, "cidr", "pool", "host", "interface", "created_at"),
	order:   "r.first",
	key:     "the first address",
	compare: func(a, b *FloatingRange) int { return a.CIDR.Addr().Compare(b.CIDR.Addr()) },
	check: func(r *FloatingRange) *fault {
		if !r.CIDR.IsValid() {
			return faultf("cidr", "a floating range has one")
		}
		if f := checkLink("interface", r.Interface); f != nil {
			return f
		}
		return checkPrefix("cidr", r.CIDR, true)
	},
	write: writeFloatingRanges,
}

var groupPart = &tablePart[SecurityGroup]{
	table:  groupTable,
	fields: columnsNamed(groupTable, "id", "project_id", "name", "description", "created_at"),
	order:  "g.project_id, g.name",
	key:    "project_id and name",
	compare: func(a, b *SecurityGroup) int {
		return cmp.Or(cmp.Compare(a.ProjectID, b.ProjectID), cmp.Compare(a.Name, b.Name))
	},
	write: writeGroups,
}

var rulePart = &tablePart[ruleRow]{
	table:   ruleTable,
	fields:  columnsNamed(ruleTable, "id", "group_id", "ip_protocol", "from_port", "to_port", "cidr_ip", "source_group_id"),
	order:   "r.id",
	key:     "id",
	compare: numbered(func(r *ruleRow) int64 { return r.id }),
	check: func(r *ruleRow) *fault {
		if err := r.Validate(); err != nil {
			return faultf("ip_protocol", "%v", err)
		}
		switch {
		case r.CIDR.IsValid() == (r.source != 0):
			return faultf("cidr_ip", "a rule lets in a prefix or a group, and not both")
		case r.CIDR.Addr().Is4In6() || r.CIDR != r.CIDR.Masked():
			return faultf("cidr_ip", "it is written %s", r.CIDR.Masked())
		}
		return nil
	},
	write: writeRules,
}

var instancePart = &tablePart[Instance]{
	table: instanceRows,
	fields: columnsNamed(instanceRows, "id", "name", "project_id", "network_id", "mac_address", "fixed_ip", "fixed_ip_v6", "host",
		"created_at"),
	order: "i.project_id, i.name",
	key:   "project_id and name",
	compare: func(a, b *Instance) int {
		return cmp.Or(cmp.Compare(a.ProjectID, b.ProjectID), cmp.Compare(a.Name, b.Name))
	},
	check: func(i *Instance) *fault {
		if err := i.MAC.CheckUnicast(); err != nil {
			return faultf("mac_address", "%v", err)
		}
		switch {
		case !i.FixedIP.IsValid() && !i.FixedIPv6.IsValid():
			return faultf("fixed_ip", "an instance has IPv4, IPv6 or both")
		case i.FixedIP.IsValid() && !i.FixedIP.Is4():
			return faultf("fixed_ip", "it is no IPv4 address")
		case i.FixedIPv6.IsValid() && (!i.FixedIPv6.Is6() || i.FixedIPv6.Is4In6() || i.FixedIPv6.Zone() != ""):
			return faultf("fixed_ip_v6", "it is no IPv6 address")
		}
		return nil
	},
	write: writeInstances,
}

// instanceRows is the table of instances without what other tables say of them.
var instanceRows = &sqlstore.Table[Instance]{
	Name: instanceTable.Name, Alias: "i",
	Columns:  slices.DeleteFunc(slices.Clone(instanceTable.Columns), func(c sqlstore.Column[Instance]) bool { return c.Computed != "" }),
	Describe: instanceTable.Describe,
}

var memberPart = &tablePart[member]{
	table:  memberTable,
	fields: memberTable.Columns,
	order:  "m.instance_id, m.group_id",
	key:    "instance_id and group_id",
	compare: func(a, b *member) int {
		return cmp.Or(cmp.Compare(a.instance, b.instance), cmp.Compare(a.group, b.group))
	},
	write: writeMembers,
}

var addressPart = &tablePart[addressRow]{
	table:   addressTable,
	fields:  append([]sqlstore.Column[addressRow]{addressField}, columnsNamed(addressTable, "state", "instance_id", "released")...),
	order:   "a.first",
	key:     "the first address",
	compare: func(a, b *addressRow) int { return a.First.Compare(b.First) },
	check: func(r *addressRow) *fault {
		switch {
		case r.state != stateHeld && r.state != stateReserved && r.state != stateReleased:
			return faultf("state", "it is one of %s, %s, %s", stateHeld, stateReserved, stateReleased)
		case (r.state == stateHeld) != (r.instance != 0):
			return faultf("instance_id", "an address that is %s has one, and no other", stateHeld)
		case r.state == stateReleased && r.released == 0:
			return faultf("released", "an address that is %s has the number of its release", stateReleased)
		case r.First != r.Last && (r.state != stateReserved || r.released != 0):
			return faultf("address", "only what is %s, and was never released, is more than one address", stateReserved)
		}
		return nil
	},
	write: writeAddresses,
}

// addressField is the span of an address row as the text that the ledger has beside the bytes.
var addressField = sqlstore.Column[addressRow]{
	Name: "address",
	Scan: func(r *addressRow, from any) error {
		s, err := textOf(from)
		if err == nil {
			r.Span, err = netcalc.ParseSpan(s)
		}
		return err
	},
	Value: func(r *addressRow) any { return storedSpan(r.Span) },
}
