//go:build race

package race

// Enabled tells that the race detector is at work.
const Enabled = true
