package db

import (
	"net/netip"
	"slices"
	"testing"

	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// checkedLedger fills a ledger with something of everything that checks compare.
func checkedLedger(t *testing.T, s *Store) {
	t.Helper()
	create(t, s, vlans("10.0.1.0/24", 28, 4).v6("fd00:1::/48")) // guests have .3 to .14 of each 16
	for _, i := range []struct{ project, name, mac, fixedV6 string }{
		{"apollo", "web", "02:16:3e:00:00:01", ""},
		{"apollo", "db", "02:16:3e:00:00:02", "fd00:1::16:3eff:fe00:99"},
		{"apollo", "old", "02:16:3e:00:00:03", ""},
		{"gemini", "web", "02:16:3e:00:00:04", ""},
	} {
		n := NewInstances{Names: []string{i.name}, ProjectID: i.project, MAC: mac(i.mac)}
		if i.fixedV6 != "" {
			n.FixedIPv6 = addr(i.fixedV6)
		}
		boot(t, s, n)
	}
	steps := []error{
		s.DeleteInstances(t.Context(), []string{"old"}),
		s.ReserveAddresses(t.Context(), []netcalc.Span{
			{First: addr("10.0.1.8"), Last: addr("10.0.1.9")},
			{First: addr("10.0.1.35"), Last: addr("10.0.1.46")},
			{First: addr("fd00:1::10"), Last: addr("fd00:1::20")},
		}),
	}
	for _, r := range []string{"192.0.2.0/29", "198.51.100.7/32", "2001:db8:f::/64"} {
		_, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix(r), Pool: "nova", Host: "node1"})
		steps = append(steps, err)
	}
	_, err := s.AssociateFloating(t.Context(), "apollo/web", addr("192.0.2.1"), FloatingFrom{Pool: ""})
	steps = append(steps, err)
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody breaks by hand in the tables of addresses, instances and projects, check finds. What the schema's own
// constraints refuse is the engine's to find.
func TestStore_Check_addresses(t *testing.T) {
	race.SkipAlone(t)
	type broken struct {
		statement string
		args      []any
		want      Finding
	}
	at := func(s string) []byte { return key(addr(s)) }
	row := func(first, last, text, claim, state string) broken {
		return broken{statement: "INSERT INTO addresses (first, last, address, claim, state) VALUES ($1, $2, $3, $4, $5)",
			args: []any{at(first), at(last), text, at(claim), state}}
	}
	finds := func(b broken, check, problem string) broken {
		b.want = Finding{check, problem}
		return b
	}
	cases := []broken{
		{"DELETE FROM free_addresses WHERE first = $1", []any{at("10.0.1.10")},
			Finding{"addresses", "10.0.1.10-10.0.1.14 of 10.0.1.0/28 is neither free nor in use"}},
		{"DELETE FROM addresses WHERE state = 'released'", nil, Finding{"addresses", "10.0.1.5 of 10.0.1.0/28 is neither free nor in use"}},
		{"DELETE FROM free_addresses WHERE first = $1", []any{at("192.0.2.2")},
			Finding{"addresses", "192.0.2.2-192.0.2.6 of 192.0.2.0/29 is neither free nor in use"}},
		{"DELETE FROM free_addresses WHERE first > $1", []any{at("::")},
			Finding{"addresses", "2001:db8:f::1-2001:db8:f:0:ffff:ffff:ffff:ffff of 2001:db8:f::/64 is neither free nor in use"}},
		{"UPDATE free_addresses SET first = $1 WHERE first = $2", []any{at("10.0.1.9"), at("10.0.1.10")},
			Finding{"addresses", "10.0.1.9-10.0.1.14 (free) overlaps 10.0.1.8-10.0.1.9 (reserved)"}},
		{"INSERT INTO free_addresses (first, last) SELECT $1, last FROM free_addresses WHERE first = $2", []any{at("10.0.1.12"), at("10.0.1.10")},
			Finding{"addresses", "10.0.1.12-10.0.1.14 (free) overlaps 10.0.1.10-10.0.1.14 (free)"}},
		{"UPDATE free_addresses SET last = $1 WHERE last = $2", []any{at("10.0.1.15"), at("10.0.1.14")},
			Finding{"addresses", "10.0.1.10-10.0.1.15 (free) is not for guests of 10.0.1.0/28"}},
		{"INSERT INTO free_addresses (first, last) VALUES ($1, $1)", []any{at("10.9.9.9")},
			Finding{"addresses", "10.9.9.9 (free) is in no prefix of the ledger"}},
		{"INSERT INTO free_addresses (first, last) VALUES ($1, $1)", []any{at("fd00:1::99")},
			Finding{"addresses", "fd00:1::99 is recorded as free, and fd00:1::/64 is IPv6, whose free addresses are not recorded"}},
		{"UPDATE networks SET taken = 2 WHERE id = 1", nil, Finding{"addresses", "10.0.1.0/28 counts as full, and has addresses left"}},
		{"UPDATE networks SET taken = 1 WHERE id = 3", nil, Finding{"addresses", "10.0.1.32/28 has no address left, and does not count as full"}},
		{"UPDATE networks SET taken = 0 WHERE id = 1", nil,
			Finding{"addresses", "addresses of 10.0.1.0/28 are recorded, though none was ever taken from it"}},
		{"UPDATE networks SET taken = 1 WHERE id = 4", nil, Finding{"addresses", "10.0.1.51-10.0.1.62 of 10.0.1.48/28 is neither free nor in use"}},
		{"UPDATE addresses SET address = '10.0.1.8' WHERE first = $1", []any{at("10.0.1.8")}, Finding{"addresses", "10.0.1.8-10.0.1.9 is called 10.0.1.8"}},
		finds(row("10.0.1.51", "10.0.1.51", "10.0.1.51", "10.0.1.0", "reserved"), "addresses",
			"10.0.1.51 is in 10.0.1.48/28, and is recorded in a prefix that begins with 10.0.1.0"),
		finds(row("10.0.1.1", "10.0.1.1", "10.0.1.1", "10.0.1.0", "reserved"), "addresses",
			"10.0.1.1 (reserved) is not for guests of 10.0.1.0/28"),
		finds(row("fd00:1::1", "fd00:1::1", "fd00:1::1", "fd00:1::", "reserved"), "addresses",
			"fd00:1::1 is reserved, and a router's in fd00:1::/64"),
		{"UPDATE instances SET fixed_ip = '10.0.1.6' WHERE id = 1", nil,
			Finding{"addresses", "10.0.1.3 is held by instance apollo/web, whose fixed address it is not"}},
		{"UPDATE instances SET fixed_ip = '10.0.1.6' WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web has fixed_ip 10.0.1.6, and does not hold it"}},
		{"UPDATE instances SET fixed_ip_v6 = 'fd00:1::6' WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web has fixed_ip_v6 fd00:1::6, and does not hold it"}},
		{"UPDATE instances SET first = $1 WHERE id = 1", []any{at("10.0.1.6")},
			Finding{"instances", "instance apollo/web stands in the order as if its address were not 10.0.1.3"}},
		{"UPDATE instances SET network_id = 2 WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web has fixed_ip 10.0.1.3, and its network has 10.0.1.16/28"}},
		{"UPDATE instances SET fixed_ip_v6 = NULL WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web has fixed_ip_v6 none, and its network has fd00:1::/64"}},
		{"UPDATE instances SET mac_address = '02:16:3E:00:00:01' WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web: MAC 02:16:3e:00:00:01 is written 02:16:3E:00:00:01"}},
		{"UPDATE instances SET mac_address = '03:16:3e:00:00:01' WHERE id = 1", nil,
			Finding{"instances", "instance apollo/web: MAC address 03:16:3e:00:00:01 is a multicast address: a unicast address is expected"}},
		{"UPDATE instances SET mac_address = '02:16:3e:00:00:99' WHERE id = 1", nil,
			Finding{"instances", "instance apollo/db has the address that instance apollo/web gives itself"}},
		{"INSERT INTO addresses (first, last, address, claim, state, instance_id) VALUES ($1, $1, '192.0.2.3', $2, 'held', 1)",
			[]any{at("192.0.2.3"), at("192.0.2.0")}, Finding{"addresses", "instance apollo/web has more than one floating address of a family"}},
		{"UPDATE instances SET fixed_ip = NULL WHERE id = 1", nil,
			Finding{"addresses", "192.0.2.1 is associated with instance apollo/web, which has no fixed address of that family"}},
		{"UPDATE addresses SET released = 9 WHERE state = 'released'", nil,
			Finding{"addresses", "10.0.1.5 has release 9, which has not been counted yet"}},
		{"UPDATE addresses SET released = 1 WHERE first = $1", []any{at("10.0.1.3")}, Finding{"addresses", "release 1 is counted twice"}},
		{"UPDATE floating_ranges SET cidr = '192.0.2.0/28' WHERE first = $1", []any{at("192.0.2.0")},
			Finding{"claims", "192.0.2.0/29 is claimed for a floating range that is not there"}},
		{"UPDATE floating_ranges SET last = $1 WHERE first = $2", []any{at("192.0.2.8"), at("192.0.2.0")},
			Finding{"floating_ranges", "192.0.2.0/29 is not claimed as a floating range"}},
		{"UPDATE instances SET created_at = 'yesterday' WHERE id = 1", nil,
			Finding{"instances", "apollo/web: created_at: it is not a time in RFC 3339"}},
		{"UPDATE networks SET project_id = NULL WHERE id = 1", nil,
			Finding{"networks", "network 1 is a VLAN of project none, and instance web of project apollo is on it"}},
		{"UPDATE security_groups SET name = 'other' WHERE project_id = 'gemini'", nil,
			Finding{"projects", "project gemini has no security group default"}},
		{"UPDATE instance_security_groups SET group_id = 2 WHERE instance_id = 1", nil,
			Finding{"security_groups", "instance web of project apollo is in security group default of project gemini"}},
		{"UPDATE security_group_rules SET source_group_id = 2 WHERE id = 1", nil,
			Finding{"security_groups", "a rule of security group default of project apollo lets in security group default of project gemini"}},
		{"UPDATE security_group_rules SET from_port = 9, to_port = 1 WHERE id = 2", nil,
			Finding{"security_groups", "rule of security group default of project apollo: tcp ports 9 to 1: ports are 0 to 65535, the lower one first"}},
		{"UPDATE security_group_rules SET source_group_id = NULL, cidr_ip = '10.0.0.1/8' WHERE id = 1", nil,
			Finding{"security_groups", "rule of security group default of project apollo: 10.0.0.0/8 is written 10.0.0.1/8"}},
		{"UPDATE sequences SET value = 3 WHERE name = 'instance'", nil, Finding{"instances", "id 4 has not been handed out yet"}},
		{"UPDATE sequences SET value = 1 WHERE name = 'security_group'", nil, Finding{"security_groups", "id 2 has not been handed out yet"}},
		{"UPDATE sequences SET value = 5 WHERE name = 'rule'", nil, Finding{"security_group_rules", "id 6 has not been handed out yet"}},
	}
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			for _, b := range cases {
				s := openTest(t, url(t), Create)
				checkedLedger(t, s)
				wantClean(t, s)
				breakBy(t, s, b.statement, b.args...)
				if got := findings(t, s); !slices.Contains(got, b.want) {
					t.Errorf("%s\n got %q\nwant %q", b.statement, got, b.want)
				}
			}
		})
	}
}

// Free neighbours that are not joined would hide how much is left in one piece.
func TestStore_Check_notJoined(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			checkedLedger(t, s)
			breakBy(t, s, "UPDATE free_addresses SET last = $1 WHERE first = $2", key(addr("10.0.1.11")), key(addr("10.0.1.10")))
			breakBy(t, s, "INSERT INTO free_addresses (first, last) VALUES ($1, $2)", key(addr("10.0.1.12")), key(addr("10.0.1.14")))
			want := Finding{"addresses", "10.0.1.10-10.0.1.11 and 10.0.1.12-10.0.1.14 are free and not joined"}
			if got := findings(t, s); !slices.Equal(got, []Finding{want}) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

// An empty text is no null: commands cannot read it, and check says so.
func TestStore_Check_emptyText(t *testing.T) {
	race.SkipAlone(t)
	for statement, want := range map[string]Finding{
		"UPDATE instances SET fixed_ip_v6 = '' WHERE id = 1": {"instances", `instance apollo/web: "" is no value of its column: ParseAddr(""): unable to parse IP`},
		"UPDATE security_group_rules SET source_group_id = NULL, cidr_ip = '' WHERE id = 1": {"security_groups",
			`rule of security group default of project apollo: "" is no value of its column: netip.ParsePrefix(""): no '/'`},
		"UPDATE floating_ranges SET cidr = 'x' WHERE pool = 'nova' AND cidr = '192.0.2.0/29'": {"claims",
			"192.0.2.0/29 is claimed for a floating range that is not there"},
	} {
		for name, url := range engines {
			t.Run(name+" "+want.Check, func(t *testing.T) {
				s := openTest(t, url(t), Create)
				checkedLedger(t, s)
				breakBy(t, s, statement)
				if got := findings(t, s); !slices.Contains(got, want) {
					t.Errorf("%s\n got %q\nwant %q", statement, got, want)
				}
			})
		}
	}
}

// What is called like an absent value is there all the same.
func TestOrNone(t *testing.T) {
	for want, v := range map[string]any{"none": netip.Addr{}, "invalid web": "invalid web", "10.0.0.1": addr("10.0.0.1"), "7": 7} {
		if got := orNone(v); got != want {
			t.Errorf("%v is called %s, want %s", v, got, want)
		}
	}
}
