package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far long work has come. Work that is done within a second shows nothing.
type progress struct {
	w     io.Writer // nil shows nothing
	now   func() time.Time
	start time.Time
	doing string
	bar   *progressbar.ProgressBar
}

const quickWork = time.Second

func newProgress(w io.Writer, now func() time.Time) *progress {
	return &progress{w: w, now: now, start: now()}
}

// report says that of total things, or of an unknown number if that is -1, so many are done.
func (p *progress) report(doing string, done, total int64) {
	if p.w == nil || p.now().Sub(p.start) < quickWork {
		return
	}
	if p.bar == nil || p.doing != doing {
		p.clear()
		p.doing = doing
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(doing), progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30), progressbar.OptionSetPredictTime(total > 0), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetSpinnerChangeInterval(0)) // else a goroutine of its own draws, also after Clear
	}
	// A terminal that went away is no reason to stop the work.
	_ = p.bar.Set64(done)
}

// clear takes the bar off the terminal, for something else to be printed there.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
