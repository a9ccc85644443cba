package novadb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/novatest"
)

// row is a row of fixed_ips.
type row = novatest.Row

// owner is the column by which a release's rows refer to an instance, and the value for one.
func owner(release string, id int) (string, any) {
	if release >= "2012" {
		return "instance_uuid", novatest.UUID(id)
	}
	return "instance_id", id
}

// network is a VLAN's row with nothing wrong, to be changed.
func vlanRow(change row) row {
	r := row{"id": 20, "cidr": "10.9.0.0/28", "netmask": "255.255.255.240", "gateway": "10.9.0.1", "broadcast": "10.9.0.15", "bridge": "br120",
		"vlan": 120, "vpn_public_address": "192.0.2.1", "vpn_public_port": 1020, "vpn_private_address": "10.9.0.2", "project_id": "apollo"}
	for k, v := range change {
		r[k] = v
	}
	if v, ok := change["vlan"]; ok && change["bridge"] == nil {
		r["bridge"] = fmt.Sprintf("br%v", v)
	}
	return r
}

// each kind of row that cannot be right, and what is said of it. What hangs on it is listed behind it.
var badRows = []struct {
	name  string
	only  string // the one release that has it
	since string // the first release that has it
	add   func(d *novatest.Database)
	want  []string
}{
	{name: "overlap", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr": "10.0.0.16/28", "netmask": nil, "gateway": nil, "broadcast": nil, "vpn_private_address": nil}))
	}, want: []string{"invalid networks 20 1 10.0.0.16/28 overlaps network 1 (10.0.0.0/27)"}},
	{name: "the same network twice", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(nil), vlanRow(row{"id": 21, "vlan": 121, "vpn_public_port": 1021}))
	}, want: []string{"invalid networks 21 1 10.9.0.0/28 overlaps network 20 (10.9.0.0/28)"}},
	{name: "id beyond Nova's", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"id": 1 << 31})) },
		want: []string{`invalid networks 2147483648 1 id "2147483648" is no number of a row`}},
	{name: "VLAN 4095", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vlan": 4095})) },
		want: []string{"invalid networks 20 1 vlan 4095 is not 1 to 4094"}},
	{name: "VLAN 0", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vlan": 0})) },
		want: []string{"invalid networks 20 1 vlan 0 is not 1 to 4094"}},
	{name: "VLAN twice", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vlan": 100})) },
		want: []string{"invalid networks 20 1 VLAN 100 is network 1 (10.0.0.0/27)'s"}},
	{name: "VLAN on another bridge", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"bridge": "br-x"})) },
		want: []string{"invalid networks 20 1 VLAN 120 is on bridge br-x, and the bridge of a VLAN is named after it: br120"}},
	{name: "VPN port twice", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vpn_public_port": 1001})) },
		want: []string{"invalid networks 20 1 VPN port 1001 is network 2 (10.0.0.32/27)'s"}},
	{name: "VPN port 65536", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vpn_public_port": 65536})) },
		want: []string{"invalid networks 20 1 vpn_public_port 65536 is not 1 to 65535"}},
	{name: "/96 stored as /64", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"cidr_v6": "fd00:0:0:0:0:1::/64"})) },
		want: []string{"invalid networks 20 1 cidr_v6 \"fd00:0:0:0:0:1::/64\" has host bits set: the network is fd00::/64"}},
	{name: "/96", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"cidr_v6": "fd00:9::/96"})) },
		want: []string{"invalid networks 20 1 cidr_v6 fd00:9::/96 is no /64, and a guest's address is 64 bits of the prefix and 64 of its MAC (RFC 4862 §5.5.3)"}},
	{name: "/64 twice", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"cidr_v6": "fd00:1::/64"})) },
		want: []string{"invalid networks 20 1 the IPv6 prefix fd00:1::/64 is network 1 (10.0.0.0/27)'s"}},
	{name: "netmask", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"netmask": "255.255.255.0"})) },
		want: []string{`invalid networks 20 1 netmask "255.255.255.0" contradicts cidr 10.9.0.0/28`}},
	{name: "broadcast", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"broadcast": "10.9.0.255"})) },
		want: []string{"invalid networks 20 1 broadcast 10.9.0.255 contradicts cidr 10.9.0.0/28"}},
	{name: "gateway outside", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"gateway": "10.8.0.1"})) },
		want: []string{"invalid networks 20 1 gateway 10.8.0.1 is not in 10.9.0.0/28"}},
	{name: "vpn_private_address", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"vpn_private_address": "10.9.0.9"})) },
		want: []string{"invalid networks 20 1 vpn_private_address 10.9.0.9 is not where VlanManager puts it in 10.9.0.0/28: 10.9.0.2"}},
	{name: "cidr with host bits", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"cidr": "10.9.0.5/28"})) },
		want: []string{"invalid networks 20 1 cidr \"10.9.0.5/28\" has host bits set: the network is 10.9.0.0/28"}},
	{name: "cidr that is none", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"cidr": "ten"})) },
		want: []string{"invalid networks 20 1 cidr \"ten\" is not"}},
	{name: "too small", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr": "10.9.0.0/30", "netmask": nil, "broadcast": nil}))
	}, want: []string{"invalid networks 20 1 10.9.0.0/30"}},
	{name: "loopback", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr": "127.0.0.0/24", "netmask": nil, "gateway": nil, "broadcast": nil, "vpn_private_address": nil}))
	}, want: []string{"invalid networks 20 1 cidr 127.0.0.0/24 "}},
	{name: "no prefix", add: func(d *novatest.Database) { d.Add("networks", row{"id": 20, "bridge": "br7"}) },
		want: []string{"invalid networks 20 1 it has neither cidr nor cidr_v6"}},
	{name: "no bridge", add: func(d *novatest.Database) { d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24"}) },
		want: []string{"invalid networks 20 1 it has no bridge"}},
	{name: "bridge with a control character", add: func(d *novatest.Database) {
		d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24", "bridge": "br\n0"})
	}, want: []string{`invalid networks 20 1 bridge "br\n0" holds a control character`}},
	{name: "flat on a VLAN's bridge", add: func(d *novatest.Database) {
		d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24", "bridge": "br101"})
	}, want: []string{"invalid networks 20 1 bridge br101 is network 2 (10.0.0.32/27)'s, which is a VLAN"}},
	{name: "two prefixes on a bridge", add: func(d *novatest.Database) {
		d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24", "bridge": "brflat", "cidr_v6": "fd00:3::/64"})
	}, want: []string{"invalid networks 20 1 bridge brflat has the IPv6 prefix fd00:2::/64 by network 3 (10.1.0.0/28), and a link has one: not fd00:3::/64 as well"}},
	{name: "gateway_v6 outside", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr_v6": "fd00:9::/64", "gateway_v6": "fd00:8::1"}))
	}, want: []string{"invalid networks 20 1 gateway_v6 fd00:8::1 is not in fd00:9::/64"}},
	{name: "netmask_v6", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr_v6": "fd00:9::/64", "netmask_v6": "96"}))
	}, want: []string{`invalid networks 20 1 netmask_v6 "96" contradicts cidr_v6 fd00:9::/64`}},
	{name: "netmask_v6 as a mask", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"cidr_v6": "fd00:9::/64", "netmask_v6": "ffff:ffff:ffff::"}))
	}, want: []string{`invalid networks 20 1 netmask_v6 "ffff:ffff:ffff::" contradicts cidr_v6 fd00:9::/64`}},
	{name: "mtu", since: "2014.2", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"mtu": 500})) },
		want: []string{"invalid networks 20 1 mtu 500 is not 1280 to 65535"}},
	{name: "two MTUs on a bridge", since: "2014.2", add: func(d *novatest.Database) {
		d.Add("networks", row{"id": 20, "cidr": "10.9.0.0/24", "bridge": "bre", "mtu": 1500}, row{"id": 21, "cidr": "10.9.1.0/24", "bridge": "bre", "mtu": 9000})
	}, want: []string{"invalid networks 21 1 bridge bre has the MTU 1500 by network 20 (10.9.0.0/24), and a link has one: not 9000 as well"}},
	{name: "dns", add: func(d *novatest.Database) {
		d.Add("networks", vlanRow(row{"dns": "dns.example", "dns1": "dns.example"}))
	},
		want: []string{"invalid networks 20 1 dns"}},

	{name: "outside its network", add: func(d *novatest.Database) {
		d.Add("fixed_ips", row{"id": 900, "address": "10.7.7.7", "network_id": 1})
	}, want: []string{"invalid fixed_ips 900 1 10.7.7.7 is not in network 1 (10.0.0.0/27)"}},
	{name: "a guest outside its network", add: func(d *novatest.Database) { d.Fixed("10.0.0.5")["address"] = "10.7.7.7" },
		want: []string{"invalid fixed_ips 6 1 10.7.7.7 is not in network 1 (10.0.0.0/27)",
			"invalid instances 43 1 its address, fixed_ips 6, is left out",
			"invalid security_group_instance_association 2 1 its instance 43 is left out"}},
	{name: "address twice", add: func(d *novatest.Database) {
		d.Add("fixed_ips", row{"id": 900, "address": "10.0.0.3", "network_id": 1})
	}, want: []string{"invalid fixed_ips 900 1 10.0.0.3 is there twice: it is fixed_ips 4, too"}},
	{name: "address twice, the later one of a guest", add: func(d *novatest.Database) {
		held := d.Fixed("10.0.0.3")
		free := row{}
		for k, v := range held {
			free[k] = v
		}
		column, _ := owner(d.Release, 0)
		free["id"], free[column], free["allocated"] = 900, nil, false
		d.Add("fixed_ips", free)
		held["id"], free["id"] = 900, 4
		d.Find("floating_ips", 2)["fixed_ip_id"] = 900
	}, want: []string{"invalid fixed_ips 4 1 10.0.0.3 is there twice: it is fixed_ips 900, too"}},
	{name: "address that is none", add: func(d *novatest.Database) { d.Add("fixed_ips", row{"id": 900, "address": "10.0.0", "network_id": 1}) },
		want: []string{"invalid fixed_ips 900 1 address \"10.0.0\" is not an address"}},
	{name: "network not there", add: func(d *novatest.Database) {
		d.Add("fixed_ips", row{"id": 900, "address": "10.5.0.9", "network_id": 77})
	}, want: []string{"invalid fixed_ips 900 1 its network 77 is not there"}},
	{name: "no network", add: func(d *novatest.Database) { d.Add("fixed_ips", row{"id": 900, "address": "10.5.0.9"}) },
		want: []string{"invalid fixed_ips 900 1 it has no network"}},
	{name: "allocated to nobody", add: func(d *novatest.Database) { d.Fixed("10.0.0.7")["allocated"] = true },
		want: []string{"invalid fixed_ips 8 1 10.0.0.7 is allocated, and to no instance"}},
	{name: "allocated to a deleted instance", add: func(d *novatest.Database) { d.Fixed("10.0.0.9")["allocated"] = true },
		want: []string{"invalid fixed_ips 10 1 10.0.0.9 is allocated to instance "}},
	{name: "instance not there", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 99)
		d.Fixed("10.0.0.7")[column] = value
	}, want: []string{"invalid fixed_ips 8 1 its instance "}},
	{name: "a guest on the broadcast address", add: func(d *novatest.Database) {
		d.Fixed("10.0.0.5")["address"], d.Fixed("10.0.0.31")["address"] = "10.0.0.31", "10.0.0.5"
	},
		want: []string{"invalid fixed_ips 6 1 instance 43 has 10.0.0.31, which network 1 (10.0.0.0/27) keeps (broadcast)",
			"invalid instances 43 1 its address, fixed_ips 6, is left out",
			"invalid security_group_instance_association 2 1 its instance 43 is left out"}},

	{name: "instance without a network", add: func(d *novatest.Database) {
		d.Add("instances", row{"id": 60, "project_id": "apollo", "hostname": "lost", "uuid": novatest.UUID(60)})
	}, want: []string{"invalid instances 60 1 it has no network"}},
	{name: "instance without a project", add: func(d *novatest.Database) {
		d.Add("instances", row{"id": 60, "hostname": "lost", "uuid": novatest.UUID(60)})
	}, want: []string{"invalid instances 60 1 it has no project"}},
	{name: "a network that cannot be right, with a guest", add: func(d *novatest.Database) {
		d.Find("networks", 3)["netmask"] = "255.0.0.0"
	}, want: []string{"invalid fixed_ips 65 16 its network 3 is left out", "invalid instances 50 1 its network 3 is left out",
		`invalid networks 3 1 netmask "255.0.0.0" contradicts cidr 10.1.0.0/28`,
		"invalid security_group_instance_association 3 1 its instance 50 is left out"}},
	{name: "VLAN of another project", add: func(d *novatest.Database) { d.Find("networks", 1)["project_id"] = "gemini" },
		want: []string{"invalid floating_ips 2 1 it is associated with fixed_ips 4, which no instance has",
			"invalid instances 42 1 it is of project apollo, and network 1 (10.0.0.0/27) is a VLAN of project gemini",
			"invalid instances 43 1 it is of project apollo, and network 1 (10.0.0.0/27) is a VLAN of project gemini",
			"invalid security_group_instance_association 1 1 its instance 42 is left out",
			"invalid security_group_instance_association 2 1 its instance 43 is left out"}},
	{name: "MAC twice", add: func(d *novatest.Database) { d.SetMAC(43, "02:16:3E:33:44:55") },
		want: []string{"invalid instances 43 1 MAC 02:16:3e:33:44:55 is instance 42's", "invalid security_group_instance_association 2 1 its instance 43 is left out"}},
	{name: "MAC twice, the later one with a floating address", since: "2011.3", add: func(d *novatest.Database) {
		d.SetMAC(43, "02:16:3e:33:44:55")
		d.Find("floating_ips", 2)["fixed_ip_id"] = d.Fixed("10.0.0.5")["id"]
	}, want: []string{"invalid floating_ips 2 1 it is associated with fixed_ips 6, which no instance has", "invalid instances 43 1 MAC 02:16:3e:33:44:55 is instance 42's",
		"invalid security_group_instance_association 2 1 its instance 43 is left out"}},
	{name: "two networks, one of them not there", since: "2011.3", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 42)
		d.Add("virtual_interfaces", row{"id": 9, "address": "03:16:3e:00:00:09", "network_id": 3, column: value})
		f := d.Fixed("10.1.0.7")
		f[column], f["allocated"], f["virtual_interface_id"] = value, true, 9
	}, want: []string{"invalid floating_ips 2 1 it is associated with fixed_ips 4, which no instance has", "invalid instances 42 1 MAC of virtual_interfaces 9: ",
		"invalid security_group_instance_association 1 1 its instance 42 is left out"}},
	{name: "group MAC", add: func(d *novatest.Database) { d.SetMAC(43, "03:16:3e:33:44:55") },
		want: []string{"invalid instances 43 1 MAC of ", "invalid security_group_instance_association 2 1 its instance 43 is left out"}},
	{name: "no MAC", add: func(d *novatest.Database) { d.SetMAC(43, nil) },
		want: []string{"invalid instances 43 1 ", "invalid security_group_instance_association 2 1 its instance 43 is left out"}},

	{name: "floating twice", add: func(d *novatest.Database) {
		d.Add("floating_ips", row{"id": 90, "address": "203.0.113.2", "host": "node1"})
	},
		want: []string{"invalid floating_ips 90 1 203.0.113.2 is there twice: it is floating_ips 2, too"}},
	{name: "floating of nobody", add: func(d *novatest.Database) {
		d.Add("floating_ips", row{"id": 90, "address": "203.0.113.99", "fixed_ip_id": 7777, "host": "node1"})
	}, want: []string{"invalid floating_ips 90 1 it is associated with fixed_ips 7777, which no instance has"}},
	{name: "floating in a network", add: func(d *novatest.Database) {
		d.Add("floating_ips", row{"id": 90, "address": "10.0.0.40", "host": "node1"})
	},
		want: []string{"invalid floating_ips 90 1 10.0.0.40 is in network 2 (10.0.0.32/27)"}},
	{name: "two floating of an instance", add: func(d *novatest.Database) {
		d.Add("floating_ips", row{"id": 90, "address": "203.0.113.99", "fixed_ip_id": d.Fixed("10.0.0.3")["id"], "host": "node1"})
	}, want: []string{"invalid floating_ips 90 1 instance 42 has the floating address 203.0.113.2 already"}},
	{name: "floating that is none", add: func(d *novatest.Database) { d.Add("floating_ips", row{"id": 90, "address": "::1", "host": "node1"}) },
		want: []string{"invalid floating_ips 90 1 address ::1 "}},

	{name: "group twice", add: func(d *novatest.Database) { d.Add("security_groups", row{"name": "web", "project_id": "apollo"}) },
		want: []string{"invalid security_groups 4 1 project apollo has a security group web, which is 3"}},
	{name: "group of nobody", add: func(d *novatest.Database) { d.Add("security_groups", row{"name": "web"}) },
		want: []string{"invalid security_groups 4 1 it has no project"}},
	{name: "rule of a group not there", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"parent_group_id": 33})) },
		want: []string{"invalid security_group_rules 4 1 its security group 33 is not there"}},
	{name: "ports the wrong way round", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"from_port": 90, "to_port": 80})) },
		want: []string{"invalid security_group_rules 4 1 ports 90 to 80: the lower one comes first"}},
	{name: "port 70000", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"to_port": 70000})) },
		want: []string{"invalid security_group_rules 4 1 to_port 70000 is not 0 to 65535"}},
	{name: "tcp -1", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"from_port": -1})) },
		want: []string{"invalid security_group_rules 4 1 from_port -1 is not 0 to 65535"}},
	{name: "protocol", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"protocol": "gre"})) },
		want: []string{`invalid security_group_rules 4 1 protocol "gre" is not tcp, udp or icmp`}},
	{name: "rule of nobody", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"cidr": nil})) },
		want: []string{"invalid security_group_rules 4 1 it lets in nobody: it has neither cidr nor group_id"}},
	{name: "rule of another project", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(row{"cidr": nil, "group_id": 2})) },
		want: []string{"invalid security_group_rules 4 1 it lets in security group 2 of project gemini, and is of project apollo"}},
	{name: "rule twice", add: func(d *novatest.Database) { d.Add("security_group_rules", rule(nil), rule(nil)) },
		want: []string{"invalid security_group_rules 5 1 it is there twice: it is security_group_rules 4, too"}},
	{name: "member of another project's group", add: func(d *novatest.Database) {
		column, value := owner(d.Release, 42)
		d.Add("security_group_instance_association", row{"security_group_id": 2, column: value})
	}, want: []string{"invalid security_group_instance_association 4 1 instance 42 is of project apollo, and security group 2 of project gemini"}},

	{name: "quota", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("quotas", row{"project_id": "apollo", "resource": "security_groups", "hard_limit": -7})
	}, want: []string{"invalid quotas 4 1 hard_limit -7 is not 0 or more, or -1 for no limit"}},
	{name: "quota twice", since: "2011.3", add: func(d *novatest.Database) {
		d.Add("quotas", row{"project_id": "apollo", "resource": "instances", "hard_limit": 7})
	}, want: []string{"invalid quotas 4 1 project apollo has a quota of instances, which is quotas 1"}},
	{name: "a name that cannot be one", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"project_id": "no good"})) },
		want: []string{`invalid networks 20 1 project_id "no good" is refused`}},
	{name: "no UTF-8", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"host": "n\xe9"})) },
		want: []string{`invalid networks 20 1 host "n\xe9" is not UTF-8`}},
	{name: "id that is none", add: func(d *novatest.Database) { d.Add("networks", vlanRow(row{"id": -3})) },
		want: []string{`invalid networks -3 1 id "-3" is no number of a row`}},
}

func rule(change row) row {
	r := row{"parent_group_id": 1, "protocol": "tcp", "from_port": 443, "to_port": 443, "cidr": "10.0.0.0/8"}
	for k, v := range change {
		r[k] = v
	}
	return r
}

// Each kind of bad row is named in each release that can have it, with what hangs on it, and the rest is as without it.
func TestRead_badRows(t *testing.T) {
	names := Names{Project: func(s string) error {
		if strings.Contains(s, " ") {
			return errors.New("is refused")
		}
		return nil
	}}
	for _, tt := range badRows {
		t.Run(tt.name, func(t *testing.T) {
			for _, release := range novatest.Releases {
				if tt.since > release || tt.only != "" && tt.only != release {
					continue
				}
				d := novatest.Sample(release)
				tt.add(d)
				path := t.TempDir() + "/nova.sqlite"
				d.SQLite(t, path)
				site, err := Read(t.Context(), path, names, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := slices.DeleteFunc(lines(site), func(l string) bool { return strings.HasPrefix(l, "changed ") })
				if len(got) != len(tt.want) {
					t.Errorf("%s: %q", release, got)
					continue
				}
				for i, want := range tt.want {
					if !strings.HasPrefix(got[i], want) {
						t.Errorf("%s: %q, want %q", release, got[i], want)
					}
				}
				consistent(t, site)
				accounted(t, d, site)
			}
		})
	}
}

// consistent finds what refers to what was left out.
func consistent(t *testing.T, site *Site) {
	t.Helper()
	networks, groups := map[int64]Network{}, map[int64]bool{}
	for _, n := range site.Networks {
		networks[n.ID] = n
	}
	for _, g := range site.Groups {
		groups[g.ID] = true
	}
	for _, p := range site.Ports {
		n, ok := networks[p.NetworkID]
		if !ok || p.FixedIP.IsValid() && !n.CIDR.Contains(p.FixedIP) || p.FixedIP.IsValid() != n.CIDR.IsValid() || p.FixedIPv6.IsValid() != n.CIDRv6.IsValid() {
			t.Errorf("port %+v on %+v", p, n)
		}
		for _, g := range p.Groups {
			if !groups[g] {
				t.Errorf("port %s is in group %d", p.Name, g)
			}
		}
		if p.Floating.IsValid() && !slices.ContainsFunc(site.Ranges, func(r Range) bool { return r.CIDR.Contains(p.Floating) }) {
			t.Errorf("port %s has %s, which is in no range", p.Name, p.Floating)
		}
	}
	for _, g := range site.Groups {
		for _, r := range g.Rules {
			if r.Source != 0 && !groups[r.Source] {
				t.Errorf("rule %+v of group %d", r, g.ID)
			}
		}
	}
}
