package novatest

import "fmt"

// UUID is the uuid of an instance of Sample.
func UUID(id int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000000", id) }

// instance refers to an instance as the release does.
func (d *Database) instance(id int) (column string, value any) {
	if d.Release == "2012.2" || d.Release == "2014.2" {
		return "instance_uuid", UUID(id)
	}
	return "instance_id", id
}

// Sample is a small site in which nothing is wrong: two VLANs of project apollo and of nobody with a VPN each, of which the first
// has IPv6, a flat network of all with IPv6, three instances, a reservation of a hand's, floating addresses, security groups,
// quotas, and what there is beside. Instance 42 has 10.0.0.3 by the MAC 02:16:3e:33:44:55, and 203.0.113.2.
func Sample(release string) *Database {
	d := New(release)
	d.Add("networks",
		Row{"cidr": "10.0.0.0/27", "netmask": "255.255.255.224", "gateway": "10.0.0.1", "broadcast": "10.0.0.31", "bridge": "br100", "vlan": 100,
			"vpn_public_address": "192.0.2.1", "vpn_public_port": 1000, "vpn_private_address": "10.0.0.2", "dhcp_start": "10.0.0.3",
			"project_id": "apollo", "host": "node1", "cidr_v6": "fd00:1::/64", "dns": "8.8.4.4", "dns1": "8.8.4.4", "bridge_interface": "eth1"},
		Row{"cidr": "10.0.0.32/27", "netmask": "255.255.255.224", "gateway": "10.0.0.33", "broadcast": "10.0.0.63", "bridge": "br101", "vlan": 101,
			"vpn_public_address": "192.0.2.1", "vpn_public_port": 1001, "vpn_private_address": "10.0.0.34", "dhcp_start": "10.0.0.35"},
		Row{"cidr": "10.1.0.0/28", "netmask": "255.255.255.240", "gateway": "10.1.0.1", "broadcast": "10.1.0.15", "bridge": "brflat",
			"dhcp_start": "10.1.0.2", "cidr_v6": "fd00:2::/64", "host": "node1"})
	vlan := func(i int) bool { return i < 3 || i == 31 }
	d.AddressesOf(1, "10.0.0.%d", 32, vlan)
	for i := range 32 {
		d.Add("fixed_ips", Row{"address": fmt.Sprintf("10.0.0.%d", 32+i), "network_id": 2, "reserved": vlan(i), "allocated": false, "leased": false})
	}
	d.AddressesOf(3, "10.1.0.%d", 16, func(i int) bool { return i < 2 || i == 15 })
	d.Fixed("10.0.0.20")["reserved"], d.Fixed("10.0.0.21")["reserved"] = true, true
	for _, m := range []struct {
		id           int
		name, mac    string
		fixed        string
		network      int
		project      string
		iface, group int
	}{
		{42, "web1", "02:16:3e:33:44:55", "10.0.0.3", 1, "apollo", 1, 1},
		{43, "web2", "02:16:3e:33:44:56", "10.0.0.5", 1, "apollo", 2, 1},
		{50, "mail", "02:16:3e:33:44:57", "10.1.0.4", 3, "gemini", 3, 2},
	} {
		d.Add("instances", Row{"id": m.id, "hostname": m.name, "display_name": "Server " + m.name, "project_id": m.project, "host": "compute1",
			"mac_address": m.mac, "uuid": UUID(m.id)})
		column, value := d.instance(m.id)
		f := d.Fixed(m.fixed)
		f[column], f["allocated"], f["leased"], f["virtual_interface_id"] = value, true, true, m.iface
		if release != "2011.1" {
			d.Add("virtual_interfaces", Row{"id": m.iface, "address": m.mac, "network_id": m.network, column: value})
		}
		d.Add("security_group_instance_association", Row{"security_group_id": m.group, column: value})
	}
	d.Add("security_groups", Row{"name": "default", "description": "it's the default", "project_id": "apollo"},
		Row{"name": "default", "description": "default", "project_id": "gemini"}, Row{"name": "web", "project_id": "apollo"})
	d.Add("security_group_rules",
		Row{"parent_group_id": 1, "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0"},
		Row{"parent_group_id": 3, "protocol": "tcp", "from_port": 80, "to_port": 80, "cidr": "::/0"},
		Row{"parent_group_id": 1, "protocol": "icmp", "from_port": -1, "to_port": -1, "group_id": 3})
	for i := 1; i < 15; i++ {
		r := Row{"address": fmt.Sprintf("203.0.113.%d", i), "host": "node1", "pool": "nova"}
		if i == 2 {
			r["fixed_ip_id"], r["project_id"] = d.Fixed("10.0.0.3")["id"], "apollo"
		}
		d.Add("floating_ips", r)
	}
	if release == "2011.1" {
		d.Add("quotas", Row{"project_id": "apollo", "instances": 10, "floating_ips": 5, "cores": 20})
	} else {
		d.Add("quotas", Row{"project_id": "apollo", "resource": "instances", "hard_limit": 10},
			Row{"project_id": "apollo", "resource": "floating_ips", "hard_limit": 5}, Row{"project_id": "apollo", "resource": "cores", "hard_limit": 20})
	}
	if release == "2011.1" || release == "2011.3" {
		d.Add("projects", Row{"id": "apollo", "name": "apollo", "description": "to the moon"})
		d.Add("users", Row{"name": "admin"})
	}
	d.Add("volumes", Row{"size": 10}, Row{"size": 20})
	// What was deleted is still there, in the way of nothing.
	d.Add("networks", Row{"id": 9, "cidr": "10.0.0.0/24", "bridge": "br100", "vlan": 100, "vpn_public_port": 1000})
	d.Delete("networks", 9)
	d.Add("instances", Row{"id": 7, "project_id": "apollo", "hostname": "web1", "uuid": UUID(7)})
	d.Delete("instances", 7)
	column, value := d.instance(7)
	d.Fixed("10.0.0.9")[column], d.Fixed("10.0.0.9")["leased"] = value, true
	return d
}
