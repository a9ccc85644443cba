package novadb

import (
	"math"
	"strconv"
)

// rows are the rows of a database that are not soft-deleted, as they stand there.
type rows struct {
	networks    []networkRow
	fixed       []fixedRow
	floating    []floatingRow
	instances   []instanceRow
	interfaces  []interfaceRow
	groups      []groupRow
	rules       []ruleRow
	memberships []membershipRow
	quotas      []quotaRow
	projects    []projectRow
	// gone are the ids of soft-deleted rows that others may still refer to.
	gone map[goneKey]bool
}

type goneKey struct{ table, id string }

type networkRow struct {
	id                                                                int64
	label, cidr, netmask, bridge, bridgeInterface, gateway, broadcast string
	dns1, dns2, vpnPublicAddress, vpnPrivateAddress                   string
	projectID, host, cidrV6, gatewayV6, netmaskV6                     string
	vlan, vpnPublicPort, mtu                                          value
	injected, noDHCP                                                  bool
}

// fixedRow is small, since there is one for every address.
type fixedRow struct {
	id, network, iface  int64
	address             string
	instance            string // an id up to 2012.1, a UUID since
	allocated, reserved bool
	noNetwork           bool
	hosts               bool // a network node has it, as in a network with multi_host
}

type floatingRow struct {
	id, fixed              int64
	address, project, host string
	pool, iface            string
	associated             bool
}

type instanceRow struct {
	id                                          int64
	uuid, project, hostname, display, host, mac string
}

type interfaceRow struct {
	id, network       int64
	address, instance string
}

type groupRow struct {
	id                         int64
	name, description, project string
}

type ruleRow struct {
	id, group      int64
	protocol, cidr string
	from, to       value
	source         value
}

type membershipRow struct {
	id, group int64
	instance  string
}

type quotaRow struct {
	id                int64
	project, resource string
	limit             value
}

type projectRow struct{ id, description string }

// reader is how the rows of a table are read: its columns of interest, in the order in which add finds them behind id and
// deleted.
type reader struct {
	columns []string
	add     func(d *database, id int64, v []value)
}

// readers are the tables that are taken over. Columns by release: a release lacks those that it does not have.
var readers = map[string]reader{
	"networks": {[]string{"label", "cidr", "netmask", "bridge", "bridge_interface", "gateway", "broadcast", "dns", "dns1", "dns2",
		"vpn_public_address", "vpn_private_address", "project_id", "host", "cidr_v6", "gateway_v6", "netmask_v6", "vlan",
		"vpn_public_port", "mtu", "injected", "enable_dhcp"},
		func(d *database, id int64, v []value) {
			n := networkRow{id: id}
			for i, to := range []*string{&n.label, &n.cidr, &n.netmask, &n.bridge, &n.bridgeInterface, &n.gateway, &n.broadcast, nil,
				&n.dns1, &n.dns2, &n.vpnPublicAddress, &n.vpnPrivateAddress, &n.projectID, &n.host, &n.cidrV6, &n.gatewayV6, &n.netmaskV6} {
				if to != nil {
					*to = v[i].text()
				}
			}
			if n.dns1 == "" {
				n.dns1 = v[7].text() // dns, up to 2011.2
			}
			n.vlan, n.vpnPublicPort, n.mtu = v[17], v[18], v[19]
			n.injected, n.noDHCP = v[20].flag(), v[21].kind != null && !v[21].flag()
			d.networks = append(d.networks, n)
		}},
	"fixed_ips": {[]string{"address", "network_id", "instance_id", "instance_uuid", "allocated", "reserved", "virtual_interface_id", "host"},
		func(d *database, id int64, v []value) {
			f := fixedRow{id: id, address: v[0].text(), instance: first(v[3], v[2]), allocated: v[4].flag(), reserved: v[5].flag()}
			var ok bool
			f.network, ok = v[1].number()
			f.noNetwork = !ok
			f.iface, _ = v[6].number()
			f.hosts = v[7].text() != ""
			d.fixed = append(d.fixed, f)
		}},
	"floating_ips": {[]string{"address", "fixed_ip_id", "project_id", "host", "pool", "interface"},
		func(d *database, id int64, v []value) {
			f := floatingRow{id: id, address: v[0].text(), associated: v[1].kind != null, project: v[2].text(), host: v[3].text(),
				pool: v[4].text(), iface: v[5].text()}
			f.fixed, _ = v[1].number()
			d.floating = append(d.floating, f)
		}},
	"instances": {[]string{"uuid", "project_id", "hostname", "display_name", "host", "mac_address"},
		func(d *database, id int64, v []value) {
			d.instances = append(d.instances, instanceRow{id, v[0].text(), v[1].text(), v[2].text(), v[3].text(), v[4].text(), v[5].text()})
		}},
	"virtual_interfaces": {[]string{"network_id", "address", "instance_id", "instance_uuid"},
		func(d *database, id int64, v []value) {
			network, _ := v[0].number()
			d.interfaces = append(d.interfaces, interfaceRow{id, network, v[1].text(), first(v[3], v[2])})
		}},
	"security_groups": {[]string{"name", "description", "project_id"},
		func(d *database, id int64, v []value) {
			d.groups = append(d.groups, groupRow{id, v[0].text(), v[1].text(), v[2].text()})
		}},
	"security_group_rules": {[]string{"parent_group_id", "protocol", "cidr", "from_port", "to_port", "group_id"},
		func(d *database, id int64, v []value) {
			group, _ := v[0].number()
			d.rules = append(d.rules, ruleRow{id, group, v[1].text(), v[2].text(), v[3], v[4], v[5]})
		}},
	"security_group_instance_association": {[]string{"security_group_id", "instance_id", "instance_uuid"},
		func(d *database, id int64, v []value) {
			group, _ := v[0].number()
			d.memberships = append(d.memberships, membershipRow{id, group, first(v[2], v[1])})
		}},
	// A row was a project's up to 2011.2, with a column for each resource, and is a project's resource since.
	"quotas": {append([]string{"project_id", "resource", "hard_limit"}, oldQuotas...),
		func(d *database, id int64, v []value) {
			q := quotaRow{id: id, project: v[0].text(), resource: v[1].text(), limit: v[2]}
			if v[1].kind != null {
				d.quotas = append(d.quotas, q)
				return
			}
			for i, resource := range oldQuotas {
				if limit := v[3+i]; limit.kind != null {
					q.resource, q.limit = resource, limit
					d.quotas = append(d.quotas, q)
				}
			}
		}},
}

// oldQuotas are the columns of quotas up to 2011.2.
var oldQuotas = []string{"instances", "cores", "volumes", "gigabytes", "floating_ips"}

// first is the first of two values that is not null, as text.
func first(a, b value) string {
	if a.kind != null {
		return a.text()
	}
	return b.text()
}

// projectColumns are those of projects, whose id is a name.
var projectColumns = []string{"id", "deleted", "description"}

// wanted are the columns of a table that are read, with id and deleted before the others; nil for a table that is counted.
func wanted(table string) []string {
	if table == "projects" {
		return projectColumns
	}
	if r, ok := readers[table]; ok {
		return append([]string{"id", "deleted"}, r.columns...)
	}
	return nil
}

// add takes a row in: the values of wanted(table), or for another table of `deleted` alone.
func (d *database) add(table string, v []value) {
	r, taken := readers[table]
	switch {
	case !taken && table != "projects":
		if !v[0].flag() {
			d.others[table]++
		}
		return
	case v[1].flag(): // a boolean up to 2012.2, the row's id since
		d.deleted[table]++
		if d.gone == nil {
			d.gone = map[goneKey]bool{}
		}
		if table == "networks" || table == "instances" {
			d.gone[goneKey{table, v[0].text()}] = true
			if table == "instances" && v[2].kind != null {
				d.gone[goneKey{table, v[2].text()}] = true
			}
		}
		return
	case table == "projects":
		d.projects = append(d.projects, projectRow{v[0].text(), v[2].text()})
		return
	}
	id, ok := v[0].number()
	if !ok || id < 1 || id > math.MaxInt32 { // Nova's are of the type Integer; the ledger numbers on from the highest
		d.wrong = append(d.wrong, Finding{Invalid, table, v[0].text(), 1, "id " + strconv.Quote(v[0].text()) + " is no number of a row"})
		return
	}
	r.add(d, id, v[2:])
}
