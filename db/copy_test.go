package db

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nova-manage/netcalc"
)

// fill makes a ledger with something in every table that there is.
func fill(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	create(t, s, vlans("10.0.1.0/24", 27, 3).v6("fd00:1::/48"))
	create(t, s, flat("10.1.0.0/16", 30, 1500).v6("fd00:2::/48").with(func(n *NewNetworks) {
		n.Bridge, n.Given.Label = "br-flat", "naïve 'label'"
	}))
	_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"web1", "web2", "web3"}, ProjectID: "apollo"})
	_, quota := s.SetQuota(ctx, "apollo", "instances", 9)
	_, ranged := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("198.51.100.0/28"), Pool: "nova", Host: "node1"})
	_, associated := s.AssociateFloating(ctx, "web1", netip.Addr{}, "nova")
	_, group := s.CreateSecurityGroup(ctx, "apollo", "web", "")
	if err := errors.Join(err, quota, ranged, associated, group,
		s.DeleteNetworks(ctx, []string{"2"}, false),
		s.DeleteInstances(ctx, []string{"web2"}),
		s.ReserveAddresses(ctx, []netcalc.Span{netcalc.SpanOf(prefix("10.0.1.16/29"))}),
		s.AddRules(ctx, "apollo", "web", []Rule{{Protocol: "tcp", From: 80, To: 80, CIDR: prefix("::/0")}, {Protocol: "icmp", From: -1, To: -1, SourceGroup: "web"}}),
	); err != nil {
		t.Fatal(err)
	}
}

// dump is every row of every table.
func dump(t *testing.T, s *Store) map[string][][]any {
	t.Helper()
	all := map[string][][]any{}
	err := s.view(t.Context(), func(ctx context.Context, x *tx) error {
		tables, err := copiedTables(ctx, s, x)
		if err != nil {
			return err
		}
		for _, table := range tables {
			columns, err := columnsOf(ctx, x, table)
			if err != nil {
				return err
			}
			rows, err := x.QueryContext(ctx, "SELECT * FROM "+table+" ORDER BY "+columns[0])
			if err != nil {
				return err
			}
			defer rows.Close()
			all[table] = nil
			for more := true; more; {
				var batch [][]any
				if batch, more, err = readBatch(rows, len(columns)); err != nil {
					return err
				}
				all[table] = append(all[table], batch...)
			}
			rows.Close()
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
	for fromName, fromURL := range engines {
		for toName, toURL := range engines {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				from := openTest(t, fromURL(t), Create)
				fill(t, from)
				to := openTest(t, toURL(t), Create)
				copied, err := Copy(t.Context(), openTest(t, from.opts.URL, Read), to)
				if err != nil {
					t.Fatal(err)
				}
				want, got := dump(t, from), dump(t, to)
				for table := range want {
					if len(want[table]) == 0 {
						t.Errorf("nothing is in table %s, so that nothing is proved", table)
					}
					if !reflect.DeepEqual(got[table], want[table]) {
						t.Errorf("table %s differs:\n got %v\nwant %v", table, got[table], want[table])
					}
					if !slices.Contains(copied, Copied{table, int64(len(want[table]))}) {
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
			wantError(t, err, ErrConflict, to.engine.place()+" is not empty: its table sequences is in use")
			if _, err := Copy(t.Context(), from, openTest(t, from.opts.URL, Create)); !errors.Is(err, ErrConflict) {
				t.Errorf("into itself: %v", err)
			}
		})
		t.Run(name+" damaged", func(t *testing.T) {
			from, to := openTest(t, url(t), Create), openTest(t, url(t), Create)
			create(t, from, vlans("10.0.1.0/24", 27, 3))
			if _, err := from.conn.ExecContext(t.Context(), "UPDATE networks SET netmask = '255.0.0.0' WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
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
