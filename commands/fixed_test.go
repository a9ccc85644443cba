package commands

import (
	"path/filepath"
	"runtime"
	"testing"
)

// heapWatcher takes an answer and remembers the most memory that was in use while it came.
type heapWatcher struct {
	rows, calls int
	most        uint64
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' {
			w.rows++
		}
	}
	if w.calls++; w.calls%8 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
	return len(p), nil
}

// A listing of every address needs as much memory as that of one: rows are printed as they come.
func TestFixedList_memory(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_SQL_CONNECTION"] = filepath.Join(t.TempDir(), "nova.sqlite")
	do := func(args ...string) {
		t.Helper()
		if code := f.do(args...); code != exitOK {
			t.Fatalf("%q: exit %d, %s", args, code, f.stderr.String())
		}
	}
	do("network", "create", "10.0.0.0/15", "1", "131072", "--network_manager", "FlatManager")
	do("instance", "create", "web", "--project_id", "apollo", "--create_project", "--count", "2000", "-q")
	do("fixed", "reserve", "10.1.0.0/16")
	runtime.GC()
	w := &heapWatcher{}
	f.sys.Stdout = w
	do("fixed", "list", "--all", "-f", "value")
	if w.rows != 1<<17 {
		t.Errorf("%d rows, want %d", w.rows, 1<<17)
	}
	// In memory, a row takes more than 160 bytes: 20 MiB for these.
	if limit := uint64(16 << 20); w.most > limit {
		t.Errorf("%d bytes in use, want at most %d", w.most, limit)
	}
}
