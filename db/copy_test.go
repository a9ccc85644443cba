package db

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// fill makes a ledger with something in every table that there is.
func fill(t *testing.T, s *Store) {
	t.Helper()
	fillWith(t, s, 1500)
}

// fillWith does with so many networks on one bridge.
func fillWith(t *testing.T, s *Store, networks int) {
	t.Helper()
	ctx := t.Context()
	create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
	create(t, s, flat("10.1.0.0/16", 30, networks).v6("fd00:2::/48").with(func(n *NewNetworks) {
		n.Bridge, n.Given.Label = "br-flat", "naïve 'label'"
	}))
	_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"web1", "web2", "web3"}, ProjectID: "apollo"})
	_, quota := s.SetQuota(ctx, "apollo", "instances", 9)
	_, ranged := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("198.51.100.0/28"), Pool: "nova", Host: "node1"})
	_, associated := s.AssociateFloating(ctx, "web1", netip.Addr{}, FloatingFrom{Pool: "nova"})
	_, group := s.CreateSecurityGroup(ctx, "apollo", "web", "")
	if err := errors.Join(err, quota, ranged, associated, group,
		s.DeleteNetworks(ctx, []string{"2"}, false),
		s.DeleteInstances(ctx, []string{"web2"}),
		s.ReserveAddresses(ctx, []netcalc.Span{netcalc.SpanOf(prefix("10.0.1.16/29"))}),
		addRules(ctx, s, "apollo", "web", []Rule{{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}, {Protocol: "icmp", From: -1, To: -1, SourceGroup: "web"}}),
	); err != nil {
		t.Fatal(err)
	}
}

// dump is every row of every table but schema_version, ordered by its first column.
func dump(t *testing.T, s *Store) map[string][][]any {
	t.Helper()
	all := map[string][][]any{}
	err := s.view(t.Context(), func(ctx context.Context, v view) error {
		for _, table := range []string{networkTable.Name, bridgeTable.Name, claimTable.Name, unclaimed.Name, unused.Name, addressTable.Name,
			instanceTable.Name, memberTable.Name, groupTable.Name, ruleTable.Name, projectTable.Name, quotaTable, floatingTable.Name, "sequences",
			"changes", "change_rows", "change_subjects"} {
			for row, err := range sqlstore.Tuples(ctx, v.ReadTx, "* FROM "+table+" ORDER BY 1") {
				if err != nil {
					return err
				}
				all[table] = append(all[table], row)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each engine into each: the copy holds the same rows, byte for byte, and can be worked with.
func TestCopy(t *testing.T) {
	race.SkipAlone(t)
	for fromName, fromURL := range engines {
		for toName, toURL := range engines {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				from := openTest(t, fromURL(t), Create)
				fill(t, from)
				to := openTest(t, toURL(t), Create)
				copied, err := Copy(t.Context(), openTest(t, urlOf(from), Read), to)
				if err != nil {
					t.Fatal(err)
				}
				want, got := dump(t, from), dump(t, to)
				if len(copied) != len(want) {
					t.Errorf("%d tables have rows, and Copy reports %v", len(want), copied) // an empty one proves nothing
				}
				for table := range want {
					if !reflect.DeepEqual(got[table], want[table]) {
						t.Errorf("table %s differs:\n got %v\nwant %v", table, got[table], want[table])
					}
					if !slices.Contains(copied, Copied{Table: table, Rows: int64(len(want[table]))}) {
						t.Errorf("table %s has %d rows, and Copy reports %v", table, len(want[table]), copied)
					}
				}
				if !slices.Equal(allNetworks(t, to), allNetworks(t, from)) {
					t.Error("the listings differ")
				}
				wantClean(t, to)
				if next := create(t, to, vlans("10.0.1.0/24", 27, 1).with(nextFree))[0]; next.ID != 1504 || next.CIDR != prefix("10.0.1.32/27") {
					t.Errorf("the next network is %+v", next)
				}
				wantClean(t, to)
			})
		}
	}
}

func TestCopy_refused(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			from := openTest(t, url(t), Create)
			create(t, from, vlans("10.0.1.0/24", 27, 3))
			to := openTest(t, url(t), Create)
			create(t, to, vlans("10.9.0.0/24", 24, 1))
			before := allNetworks(t, to)
			_, err := Copy(t.Context(), from, to)
			if !errors.Is(err, ErrConflict) || !slices.Equal(allNetworks(t, to), before) {
				t.Errorf("into a ledger with a network: %v", err)
			}
			if err := to.DeleteNetworks(t.Context(), []string{"1"}, false); err != nil {
				t.Fatal(err)
			}
			_, err = Copy(t.Context(), from, to)
			wantError(t, err, ErrConflict, to.db.Place()+" is not empty: its table sequences is in use")
			if _, err := Copy(t.Context(), from, openTest(t, urlOf(from), Create)); !errors.Is(err, ErrConflict) {
				t.Errorf("into itself: %v", err)
			}
		})
		t.Run(name+" damaged", func(t *testing.T) {
			from, to := openTest(t, url(t), Create), openTest(t, url(t), Create)
			create(t, from, vlans("10.0.1.0/24", 27, 3))
			breakBy(t, from, "UPDATE networks SET netmask = '255.0.0.0' WHERE id = 1")
			_, err := Copy(t.Context(), from, to)
			if !errors.Is(err, ErrCheck) || !strings.Contains(err.Error(), "netmask 255.0.0.0") {
				t.Errorf("a ledger that is not clean: %v", err)
			}
			if left := allNetworks(t, to); left != nil {
				t.Errorf("half a copy was made: %v", left)
			}
			wantClean(t, to)
		})
	}
}
