package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkHistory runs changes by turns with and without history, and reports by how much it is slower with it, the fastest run of
// each being compared, and by how much the file has grown more. What a change without history leaves behind is no ledger that anybody has.
func BenchmarkHistory(b *testing.B) {
	type step = func(context.Context, *tx) error
	networks := func(n NewNetworks) step {
		return func(ctx context.Context, t *tx) error { _, err := t.createNetworks(ctx, n); return err }
	}
	many := NewInstances{ProjectID: "apollo", Names: make([]string, 10_000)}
	for i := range many.Names {
		many.Names[i] = "web" + string(rune('a'+i/1000)) + string(rune('a'+i/100%10)) + string(rune('a'+i/10%10)) + string(rune('a'+i%10))
	}
	instances := func(ctx context.Context, t *tx) error { _, err := t.createInstances(ctx, many); return err }
	large := networks(flat("10.0.0.0/8", 8, 1))
	for _, bench := range []struct {
		name          string
		before, timed []step
	}{
		{"create 1000 networks", nil, []step{networks(vlans("10.0.0.0/8", 24, 1000))}},
		{"create 100000 networks", nil, []step{networks(flat("10.0.0.0/8", 28, 100_000))}},
		{"create 10000 instances", []step{large}, []step{instances}},
		{"delete 10000 instances", []step{large, instances}, []step{func(ctx context.Context, t *tx) error { return t.deleteProjectInstances(ctx, "apollo") }}},
		{"create and delete one instance", []step{large}, []step{func(ctx context.Context, t *tx) error {
			one, err := t.createInstances(ctx, NewInstances{ProjectID: "apollo", Names: []string{"one"}})
			return errors.Join(err, t.deleteInstances(ctx, one))
		}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var fastest, size [2]float64
			for b.Loop() {
				for i, kept := range []bool{false, true} {
					path := filepath.Join(b.TempDir(), "nova.sqlite")
					s := openTest(b, path, Create)
					run := func(do step) {
						err := s.mutate(b.Context(), func(ctx context.Context, t *tx) error {
							if !kept {
								t.door.KeepNoHistory()
							}
							return do(ctx, t)
						})
						if err != nil {
							b.Fatal(err)
						}
					}
					for _, do := range bench.before {
						run(do)
					}
					begin := time.Now()
					for _, do := range bench.timed {
						run(do)
					}
					took := time.Since(begin).Seconds()
					if fastest[i] == 0 || took < fastest[i] {
						fastest[i] = took
					}
					s.Close()
					info, err := os.Stat(path)
					if err != nil {
						b.Fatal(err)
					}
					size[i] = float64(info.Size())
				}
			}
			b.ReportMetric(fastest[1]/fastest[0], "×time")
			b.ReportMetric(size[1]/size[0], "×file")
		})
	}
}
