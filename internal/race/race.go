// Package race tells tests whether the race detector is at work, under which everything takes ten times as long.
package race

import "testing"

// SkipProcesses skips a test under the race detector that looks at whole processes from outside: what goes on between them it
// does not see, and what goes on within them it sees where the scripts run the same commands.
func SkipProcesses(t *testing.T) {
	t.Helper()
	if Enabled {
		t.Skip("the race detector sees nothing of what goes on between processes")
	}
}

// SkipAlone skips a test under the race detector that takes long and has one goroutine do all of the work.
func SkipAlone(t *testing.T) {
	t.Helper()
	if Enabled {
		t.Skip("one goroutine does all of it, and the race detector would only slow it down")
	}
}

// SkipDaemons skips a test under the race detector that waits for daemons and packets most of the time.
func SkipDaemons(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("what daemons and packets do is seen without the race detector")
	}
}
