package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// report prints one case: for each side the fastest, the median and the slowest round and the most memory that any took,
// and for all but the first, which is nova-manage, how many times as long nova-manage took; of requests also how many a second the
// fastest round had answered. The fastest round is the one that the machine disturbed least; how far the slowest is from it is the noise.
func report(out io.Writer, c benchCase, sides []side, costs [][]cost) {
	fmt.Fprintf(out, "\n%s (aim: %s)\n", c.name, c.aim)
	fmt.Fprintf(out, "  %-40s %11s %11s %11s %9s   %s\n", "", "fastest", "median", "slowest", "memory", "the first takes (fastest, median)")
	ours := times(costs[0])
	for n, s := range sides {
		t := times(costs[n])
		fmt.Fprintf(out, "  %-40s %11s %11s %11s %9s", s.name, millis(t[0]), millis(median(t)), millis(t[len(t)-1]), memory(costs[n]))
		if n > 0 {
			fmt.Fprintf(out, "   %.2f×, %.2f×", ratio(ours[0], t[0]), ratio(median(ours), median(t)))
		}
		if c.requests > 0 {
			fmt.Fprintf(out, "   %.0f requests/s", float64(c.requests)/t[0].Seconds())
		}
		fmt.Fprintln(out)
	}
}

// times are the sorted times of all rounds.
func times(costs []cost) []time.Duration {
	all := make([]time.Duration, len(costs))
	for i, c := range costs {
		all[i] = c.time
	}
	slices.Sort(all)
	return all
}

// memory is the most of all rounds.
func memory(costs []cost) string {
	most := slices.MaxFunc(costs, func(a, b cost) int { return cmp.Compare(a.memory, b.memory) })
	return fmt.Sprintf("%.1f MiB", float64(most.memory)/(1<<20))
}

// median is the middle of sorted times, of an even number the mean of both.
func median(times []time.Duration) time.Duration {
	n := len(times)
	return (times[(n-1)/2] + times[n/2]) / 2
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func millis(t time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(t)/float64(time.Millisecond))
}
