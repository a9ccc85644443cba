package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// report prints one case: for each side the fastest, the median and the slowest round, and for all but the first, which
// is nova-manage, how many times as long nova-manage took. The fastest round is the one that the machine disturbed
// least; how far the slowest is from it is the noise.
func report(out io.Writer, c benchCase, sides []side, times [][]time.Duration) {
	fmt.Fprintf(out, "\n%s (aim: %s)\n", c.name, c.aim)
	fmt.Fprintf(out, "  %-44s %10s %10s %10s   %s\n", "", "fastest", "median", "slowest", "nova-manage takes (fastest, median)")
	ours := sorted(times[0])
	for n, s := range sides {
		t := sorted(times[n])
		fmt.Fprintf(out, "  %-44s %10s %10s %10s", s.name, millis(t[0]), millis(median(t)), millis(t[len(t)-1]))
		if n > 0 {
			fmt.Fprintf(out, "   %.2f×, %.2f×", ratio(ours[0], t[0]), ratio(median(ours), median(t)))
		}
		fmt.Fprintln(out)
	}
}

func sorted(times []time.Duration) []time.Duration {
	return slices.Sorted(slices.Values(times))
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
