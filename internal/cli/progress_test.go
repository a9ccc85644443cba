package cli

import (
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var w strings.Builder
	now := time.Unix(0, 0)
	p := newProgress(&w, func() time.Time { return now })
	p.report("writing networks", 10, 100)
	p.clear()
	if w.Len() != 0 {
		t.Errorf("within a second it printed %q", w.String())
	}
	now = now.Add(2 * time.Second)
	p.report("writing networks", 50, 100)
	if got := w.String(); !strings.Contains(got, "writing networks") || !strings.Contains(got, "50/100") {
		t.Errorf("half-way it printed %q", got)
	}
	p.report("writing rules", 7, -1)
	if got := w.String(); !strings.Contains(got, "writing rules") || !strings.Contains(got, "7/-") {
		t.Errorf("of an unknown number it printed %q", got)
	}
	p.clear()
	if lines := strings.Count(w.String(), "\n"); lines != 0 {
		t.Errorf("a bar took %d lines: %q", lines, w.String())
	}
	quiet := newProgress(nil, func() time.Time { return now })
	now = now.Add(time.Hour)
	quiet.report("writing networks", 50, 100) // nobody watches
}
