package db

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"nova-manage/netcalc"
)

// nodeLedger makes a ledger of all the VLANs there are, and 10,000 instances in 1,000 groups with rules of every kind, 500 of
// them with a floating address. node0 serves the first of the networks and node1 the others. The rows are those that the
// commands write, without their look-ups.
func nodeLedger(b *testing.B) *Store {
	b.Helper()
	const networks, instances, groups, floating = 4094, 10_000, 1000, 500
	path := filepath.Join(b.TempDir(), "nova.sqlite")
	s := openTest(b, path, Create)
	made := create(b, s, vlans("10.0.0.0/8", 26, networks).v6("fd00:1::/48").with(func(n *NewNetworks) {
		n.VLANStart = 1
		n.Given.Host = "node1"
	}))
	if _, err := s.CreateFloatingRange(b.Context(), FloatingRange{CIDR: prefix("198.51.0.0/16"), Pool: "nova", Host: "node1"}); err != nil {
		b.Fatal(err)
	}
	err := s.mutate(b.Context(), func(ctx context.Context, t *tx) error {
		first := made[0]
		first.Host = "node0"
		if _, err := networkTable.Update(ctx, t.door, &made[0], &first); err != nil {
			return err
		}
		if err := t.ensureProject(ctx, "apollo"); err != nil {
			return err
		}
		ids := make([]int64, groups)
		for i := range ids {
			var err error
			if ids[i], err = t.addGroup(ctx, SecurityGroup{ProjectID: "apollo", Name: fmt.Sprint("group-", i)}); err != nil {
				return err
			}
			if err := t.addRules(ctx, ids[i], []ruleRow{
				{Rule: Rule{Protocol: "icmp", From: -1, To: -1}, source: ids[i]},
				{Rule: Rule{Protocol: "tcp", From: 1, To: maxPort}, source: ids[i]},
				{Rule: Rule{Protocol: "tcp", From: 443, To: 443, CIDR: prefix("0.0.0.0/0")}},
				{Rule: Rule{Protocol: "tcp", From: 443, To: 443, CIDR: prefix("::/0")}},
				{Rule: Rule{Protocol: "udp", From: 53, To: 53}, source: ids[max(0, i-1)]},
			}); err != nil {
				return err
			}
		}
		id, err := t.nextNumbers(ctx, "instance", instances)
		if err != nil {
			return err
		}
		rows := make([]Instance, instances)
		for i := range rows {
			n := made[i%networks]
			mac := netcalc.MAC{0x02, 0x16, 0x3e, byte(i >> 16), byte(i >> 8), byte(i)}
			v6, err := netcalc.EUI64(n.CIDRv6, mac)
			if err != nil {
				return err
			}
			v4, _ := netcalc.Add(n.DHCPStart, uint64(i/networks))
			rows[i] = Instance{ID: id + int64(i), Name: fmt.Sprint("web-", i), ProjectID: "apollo", NetworkID: n.ID, MAC: mac, FixedIP: v4, FixedIPv6: v6, CreatedAt: t.Now()}
		}
		if err := instanceTable.Insert(ctx, t.door, instances, func(i int) *Instance { return &rows[i] }); err != nil {
			return err
		}
		if err := memberTable.Insert(ctx, t.door, instances, func(i int) *member { return &member{rows[i].ID, ids[i%groups]} }); err != nil {
			return err
		}
		held := func(a, claim netip.Addr, i int) *addressRow {
			return &addressRow{Span: netcalc.Span{First: a, Last: a}, claim: claim, state: stateHeld, instance: rows[i].ID}
		}
		for _, fixed := range []func(i int) *addressRow{
			func(i int) *addressRow { return held(rows[i].FixedIP, made[i%networks].CIDR.Addr(), i) },
			func(i int) *addressRow { return held(rows[i].FixedIPv6, made[i%networks].CIDRv6.Addr(), i) },
		} {
			if err := addressTable.Insert(ctx, t.door, instances, fixed); err != nil {
				return err
			}
		}
		return addressTable.Insert(ctx, t.door, floating, func(i int) *addressRow {
			a, _ := netcalc.Add(addr("198.51.0.1"), uint64(i))
			return held(a, addr("198.51.0.0"), i)
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Close() // see holding
	return openTest(b, path, Read)
}

// BenchmarkStore_Node reads what a node needs that serves nearly all of the ledger, what one that serves all of it, and what one
// that serves a single network, which the others must not make slower.
func BenchmarkStore_Node(b *testing.B) {
	s := nodeLedger(b)
	for _, host := range []string{"node1", "", "node0"} {
		b.Run(fmt.Sprintf("host=%q", host), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Node(b.Context(), host); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Hosts", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Hosts(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
