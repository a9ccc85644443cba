package db

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"

	"nova-manage/netcalc"
)

// holding makes a ledger with one /8, the first n guest addresses of which are held. The rows are those of CreateInstances,
// without the look-ups that would make a million of them the larger part of a benchmark.
func holding(b *testing.B, n int) *Store {
	b.Helper()
	path := filepath.Join(b.TempDir(), "nova.sqlite")
	s := openTest(b, path, Create)
	create(b, s, flat("10.0.0.0/8", 8, 1))
	boot(b, s, instance("first").with(func(i *NewInstances) { i.MAC = mac("fa:16:3e:00:00:00") }))
	err := s.mutate(b.Context(), func(ctx context.Context, t *tx) error {
		network, err := t.findNetwork(ctx, "1")
		if err != nil {
			return err
		}
		free := netcalc.Span{First: addr("10.0.0.3"), Last: addr("10.0.0.3")}
		free.Last, _ = netcalc.Add(free.First, uint64(n-1))
		if ok, err := t.takeFree(ctx, unused, free); err != nil || !ok {
			return fmt.Errorf("%s is not free: %v", free, err)
		}
		id, err := t.nextNumbers(ctx, "instance", n)
		if err != nil {
			return err
		}
		at := func(i int) netip.Addr { a, _ := netcalc.Add(free.First, uint64(i)); return a }
		if err := instanceTable.Insert(ctx, t.door, n, func(i int) *Instance {
			return &Instance{ID: id + int64(i), Name: fmt.Sprint("held-", i), ProjectID: "apollo", NetworkID: network.ID,
				MAC: netcalc.MAC{0x02, 0x16, 0x3f, byte(i >> 16), byte(i >> 8), byte(i)}, FixedIP: at(i), CreatedAt: t.Now()}
		}); err != nil {
			return err
		}
		groups, err := t.groupsByName(ctx, "apollo", nil)
		if err != nil {
			return err
		}
		if err := memberTable.Insert(ctx, t.door, n, func(i int) *member { return &member{id + int64(i), groups[0].ID} }); err != nil {
			return err
		}
		return addressTable.Insert(ctx, t.door, n, func(i int) *addressRow {
			return &addressRow{Span: netcalc.Span{First: at(i), Last: at(i)}, claim: network.CIDR.Addr(), state: stateHeld, instance: id + int64(i)}
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	// The last one to close moves the rows from the write-ahead log to their place, which is not to be timed.
	s.Close()
	return openTest(b, path, Write)
}

// BenchmarkStore_takeAddress takes an address and returns it, which must not take longer where many are held. On a busy
// machine the processor time says more than the clock.
func BenchmarkStore_takeAddress(b *testing.B) {
	for _, held := range []int{10, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(held, " held"), func(b *testing.B) {
			s := holding(b, held)
			before := processorTime(b)
			for b.Loop() {
				boot(b, s, instance("web"))
				if err := s.DeleteInstances(b.Context(), []string{"web"}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what the process has had of the processor, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkStore_CreateInstances(b *testing.B) {
	many := NewInstances{ProjectID: "apollo"}
	for i := range 10_000 {
		many.Names = append(many.Names, fmt.Sprint("web-", i+1))
	}
	b.Run("10000", func(b *testing.B) {
		for b.Loop() {
			s := openTest(b, filepath.Join(b.TempDir(), "nova.sqlite"), Create)
			create(b, s, vlans("10.0.0.0/16", 16, 1).v6("fd00:1::/48"))
			boot(b, s, many)
			s.Close()
		}
	})
}

// BenchmarkStore_FixedAddresses lists every address of a /12, a million.
func BenchmarkStore_FixedAddresses(b *testing.B) {
	s := openTest(b, filepath.Join(b.TempDir(), "nova.sqlite"), Create)
	create(b, s, flat("10.0.0.0/12", 12, 1))
	b.ReportAllocs()
	for b.Loop() {
		for range ok(b, s.FixedAddresses(b.Context(), FixedFilter{All: true})) {
		}
	}
}

// BenchmarkStore_ReserveAddresses reserves ranges of any size, which are one row each.
func BenchmarkStore_ReserveAddresses(b *testing.B) {
	for _, r := range []string{"10.200.0.7", "10.128.0.0/9"} {
		b.Run(r, func(b *testing.B) {
			s := openTest(b, filepath.Join(b.TempDir(), "nova.sqlite"), Create)
			create(b, s, flat("10.0.0.0/8", 8, 1))
			for b.Loop() {
				reserve(b, s, r)
				unreserve(b, s, r)
			}
		})
	}
}
