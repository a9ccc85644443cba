package novadb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/novatest"
)

// What is right in Nova and takes another form here, or none: what is said of it, and what becomes of it.
var takenOver = []struct {
	name  string
	since string
	add   func(d *novatest.Database)
	want  []string // findings
	shows func(site *Site) string
	is    string
}{
	{name: "FlatManager", add: func(d *novatest.Database) { d.Find("networks", 3)["injected"] = true },
		shows: func(s *Site) string { return fmt.Sprint(s.Networks[0].Manager, s.Networks[2].Manager) }, is: "VlanManagerFlatManager"},
	{name: "FlatDHCPManager", add: func(*novatest.Database) {}, shows: func(s *Site) string { return string(s.Networks[2].Manager) }, is: "FlatDHCPManager"},
	{name: "no DHCP", since: "2014.2", add: func(d *novatest.Database) { d.Find("networks", 3)["enable_dhcp"] = false },
		shows: func(s *Site) string { return string(s.Networks[2].Manager) }, is: "FlatManager"},
	{name: "gateway elsewhere", add: func(d *novatest.Database) {
		d.Find("networks", 1)["gateway"] = "10.0.0.10"
	}, shows: func(s *Site) string { return fmt.Sprint(s.Networks[0].Gateway, s.Networks[0].Reserved) }, is: "10.0.0.10 [10.0.0.20-10.0.0.21]"},
	{name: "cnt_vpn_clients", add: func(d *novatest.Database) {
		for i := 26; i < 31; i++ {
			d.Fixed(fmt.Sprintf("10.0.0.%d", i))["reserved"] = true
		}
	}, shows: func(s *Site) string { return fmt.Sprint(s.Networks[0].VPNClients, s.Networks[0].Reserved) }, is: "5 [10.0.0.20-10.0.0.21]"},
	{name: "reserved by hand below a broadcast address that is not", add: func(d *novatest.Database) {
		d.Fixed("10.0.0.31")["reserved"], d.Fixed("10.0.0.30")["reserved"] = false, true
	}, shows: func(s *Site) string { return fmt.Sprint(s.Networks[0].VPNClients, s.Networks[0].Reserved) }, is: "0 [10.0.0.20-10.0.0.21 10.0.0.30]"},
	{name: "fixed_cidr", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24", "bridge": "br9"})
		d.AddressesOf(20, "10.9.0.%d", 64, func(i int) bool { return i < 2 })
	}, want: []string{"changed networks 20 1 guests have addresses of 10.9.0.0/26 only, and the rest of 10.9.0.0/24 is reserved"},
		shows: func(s *Site) string { return fmt.Sprint(s.Networks[3].Reserved) }, is: "[10.9.0.64-10.9.0.254]"},
	{name: "multi_host", since: "2011.3", add: func(d *novatest.Database) {
		d.Fixed("10.1.0.9")["host"], d.Fixed("10.1.0.9")["allocated"] = "node2", true
	}, want: []string{"changed fixed_ips 74 1 10.1.0.9 is a network node's, as in a network with multi_host, and is reserved"},
		shows: func(s *Site) string { return fmt.Sprint(s.Networks[2].Reserved) }, is: "[10.1.0.9]"},
	{name: "VPN instance", add: func(d *novatest.Database) {
		d.Add("instances", row{"id": 60, "project_id": "apollo", "hostname": "vpn", "uuid": novatest.UUID(60), "mac_address": "02:16:3e:00:00:01"})
		column, value := owner(d.Release, 60)
		f := d.Fixed("10.0.0.2")
		f[column], f["allocated"] = value, true
	}, shows: func(s *Site) string { return fmt.Sprint(len(s.Ports), s.Networks[0].Reserved, s.Left[0]) },
		is: "3 [10.0.0.20-10.0.0.21] {instances 1 VPN instance of a network, which the network stands for}"},
	{name: "VLAN of nobody with guests", add: func(d *novatest.Database) { d.Find("networks", 1)["project_id"] = nil },
		want:  []string{"changed networks 1 1 instances of project apollo are on this VLAN, and it becomes the project's"},
		shows: func(s *Site) string { return s.Networks[0].ProjectID }, is: "apollo"},
	{name: "host name twice", add: func(d *novatest.Database) { d.Find("instances", 43)["hostname"] = "web1" },
		want:  []string{"changed instances 43 1 it is called Server web2: another instance of project apollo is called web1"},
		shows: func(s *Site) string { return s.Ports[1].Name }, is: "Server web2"},
	{name: "no names", add: func(d *novatest.Database) {
		d.Find("instances", 43)["hostname"], d.Find("instances", 43)["display_name"] = nil, ""
	}, shows: func(s *Site) string { return s.Ports[1].Name }, is: "instance-0000002b"},
	{name: "released", add: func(d *novatest.Database) {
		f := d.Fixed("10.0.0.5")
		f["allocated"] = false // the lease has not run out, and the guest has it
	}, shows: func(s *Site) string { return s.Ports[1].FixedIP.String() }, is: "10.0.0.5"},
	{name: "second network", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 42)
		d.Add("virtual_interfaces", row{"id": 9, "address": "02:16:3e:00:00:09", "network_id": 3, column: value})
		f := d.Fixed("10.1.0.7")
		f[column], f["allocated"], f["virtual_interface_id"] = value, true, 9
	}, want: []string{"changed instances 42 1 it is on several networks: on network 3 it is instance web1-2"},
		shows: func(s *Site) string {
			return fmt.Sprint(s.Ports[1].ID, s.Ports[1].Name, s.Ports[1].FixedIP, s.Ports[1].FixedIPv6)
		}, is: "0web1-210.1.0.7 fd00:2::16:3eff:fe00:9"},
	{name: "what says nothing here", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 7)
		_, other := owner(d.Release, 42)
		d.Add("security_group_instance_association", row{"security_group_id": 1, column: value})
		d.Add("quotas", row{"project_id": "apollo", "resource": "security_groups", "hard_limit": -1},
			row{"project_id": "apollo", "resource": "networks", "hard_limit": nil})
		d.Add("virtual_interfaces", row{"id": 9, "address": "02:16:3e:00:00:09", "network_id": 2, column: other})
	}, shows: func(s *Site) string {
		var left []string
		for _, l := range s.Left {
			if l.Table != "users" && l.Table != "volumes" {
				left = append(left, fmt.Sprintf("%s %d %s", l.Table, l.Rows, l.Reason))
			}
		}
		return strings.Join(left, "; ")
	}, is: "instances 1 soft-deleted; networks 1 soft-deleted; quotas 2 without a limit; quotas 1 of what is no part of what is imported; " +
		"security_group_instance_association 1 of a soft-deleted instance; virtual_interfaces 1 of no address or instance that is imported"},
	{name: "second network, which is left out", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 42)
		d.Add("networks", vlanRow(row{"vlan": 4095}))
		d.Add("virtual_interfaces", row{"id": 9, "address": "02:16:3e:00:00:09", "network_id": 20, column: value})
		d.Add("fixed_ips", row{"id": 200, "address": "10.9.0.4", "network_id": 20, column: value, "allocated": true, "virtual_interface_id": 9})
	}, want: []string{"invalid fixed_ips 200 1 its network 20 is left out", "changed instances 42 1 its network 20 is left out, and it is without",
		"invalid networks 20 1 vlan 4095 is not 1 to 4094"},
		shows: func(s *Site) string { return fmt.Sprint(len(s.Ports), s.Ports[0].NetworkID) }, is: "3 1"},
	{name: "second address", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 42)
		f := d.Fixed("10.0.0.11")
		f[column], f["allocated"], f["virtual_interface_id"] = value, true, 1
	}, want: []string{"changed fixed_ips 12 1 10.0.0.11 is a further address of instance 42 on its network, and is reserved"},
		shows: func(s *Site) string { return fmt.Sprint(s.Networks[0].Reserved) }, is: "[10.0.0.11 10.0.0.20-10.0.0.21]"},
	{name: "netmask_v6 as each release writes it", since: "2011.3", add: func(d *novatest.Database) {
		d.Find("networks", 1)["netmask_v6"], d.Find("networks", 3)["netmask_v6"] = "64", "ffff:ffff:ffff:ffff::"
	}, shows: func(s *Site) string { return fmt.Sprint(len(s.Networks), len(s.Ports)) }, is: "3 3"},
	{name: "IPv6 alone", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 60)
		d.Add("networks", row{"id": 20, "cidr_v6": "fd00:9::/64", "bridge": "br6", "gateway_v6": "fd00:9::fe"})
		d.Add("instances", row{"id": 60, "project_id": "apollo", "hostname": "six", "uuid": novatest.UUID(60)})
		d.Add("virtual_interfaces", row{"id": 9, "address": "02:16:3e:00:00:09", "network_id": 20, column: value})
	}, shows: func(s *Site) string {
		return fmt.Sprint(s.Networks[3].GatewayV6, s.Ports[3].FixedIP, s.Ports[3].FixedIPv6)
	}, is: "fd00:9::fe invalid IP fd00:9::16:3eff:fe00:9"},
	{name: "a group without protocol", add: func(d *novatest.Database) {
		d.Add("security_group_rules", rule(row{"protocol": nil, "from_port": nil, "to_port": nil, "cidr": nil, "group_id": 3}))
	}, want: []string{"changed security_group_rules 4 1 it has no protocol, and is one rule each of icmp, tcp and udp"},
		shows: func(s *Site) string { return fmt.Sprint(len(s.Groups[0].Rules)) }, is: "4"}, // icmp was there
	{name: "cidr of a rule as typed", add: func(d *novatest.Database) {
		d.Add("security_group_rules", rule(row{"cidr": "10.1.2.3/8"}), rule(row{"cidr": "10.1.2.3", "protocol": "UDP"}))
	}, want: []string{"changed security_group_rules 4 1 cidr 10.1.2.3/8 is 10.0.0.0/8, as the filter took it"},
		shows: func(s *Site) string { return fmt.Sprint(s.Groups[0].Rules[2:]) }, is: "[{4 tcp 443 443 10.0.0.0/8 0} {5 udp 443 443 10.1.2.3/32 0}]"},
	{name: "floating with the network's and the broadcast address", add: func(d *novatest.Database) {
		d.Add("floating_ips", row{"id": 90, "address": "203.0.113.0", "host": "node1", "pool": "nova"}, row{"id": 91, "address": "203.0.113.15", "host": "node1", "pool": "nova"})
	}, want: []string{"changed floating_ips 90 1 203.0.113.0 is the network or broadcast address of 203.0.113.0/28, and is not handed out",
		"changed floating_ips 91 1 203.0.113.15 is the network or broadcast address of 203.0.113.0/28, and is not handed out"},
		shows: func(s *Site) string { return fmt.Sprint(s.Ranges) }, is: "[{1 203.0.113.0/28 nova node1  16}]"},
	{name: "floating with a gap", add: func(d *novatest.Database) { d.Delete("floating_ips", 5) },
		shows: func(s *Site) string {
			var all []string
			for _, r := range s.Ranges {
				all = append(all, r.CIDR.String())
			}
			return strings.Join(all, " ")
		}, is: "203.0.113.1/32 203.0.113.2/31 203.0.113.4/32 203.0.113.6/31 203.0.113.8/31 203.0.113.10/31 203.0.113.12/31 203.0.113.14/32"},
}

// accounted fails if a row of a table that is taken over is neither imported, nor left out, nor said to be invalid.
func accounted(t *testing.T, d *novatest.Database, site *Site) {
	t.Helper()
	for _, table := range d.Tables() {
		if wanted(table) == nil || table == "quotas" && d.Release == "2011.1" { // a row there is a quota of each resource
			continue
		}
		rows := site.Taken[table]
		for _, l := range site.Left {
			if l.Table == table && !strings.HasPrefix(l.Reason, "allocation") { // such an address is imported
				rows += l.Rows
			}
		}
		for _, f := range site.Findings {
			if f.Table == table && f.Kind == Invalid {
				rows += f.Rows
			}
		}
		if have := int64(d.Rows(table)); rows != have {
			t.Errorf("%s %s: %d rows are accounted for, of %d: %v", d.Release, table, rows, have, site.Taken)
		}
	}
}

func TestRead_takenOver(t *testing.T) {
	for _, tt := range takenOver {
		t.Run(tt.name, func(t *testing.T) {
			for _, release := range novatest.Releases {
				if tt.since > release {
					continue
				}
				d := novatest.Sample(release)
				tt.add(d)
				site := sqliteOf(t, d)
				if got := lines(site); !slices.Equal(got, tt.want) {
					t.Errorf("%s: %q, want %q", release, got, tt.want)
				}
				if got := tt.shows(site); got != tt.is {
					t.Errorf("%s: %s, want %s", release, got, tt.is)
				}
				consistent(t, site)
				accounted(t, d, site)
			}
		})
	}
}
