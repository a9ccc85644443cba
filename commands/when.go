package commands

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// This file reads points in time, as history takes them.

var ago = regexp.MustCompile(`^([0-9]{1,9})([smhdw])$`)

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

var errNoTime = errors.New("is no time: write 2026-03-02T10:00:00Z, 2026-03-02, or 90s, 30m, 2h, 3d or 1w ago")

// when is a point in time as it was written.
type when struct {
	at   time.Time     // RFC 3339, or the first second of a date
	ago  time.Duration // or how long ago
	date bool
	set  bool // it was given at all
}

func parseWhen(s string) (w when, err error) {
	if m := ago.FindStringSubmatch(s); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		const longest = 100 * 365 * 24 * time.Hour
		if unit := units[m[2]]; n <= int64(longest/unit) {
			return when{ago: time.Duration(n) * unit, set: true}, nil
		}
		return w, errors.New("is more than 100 years ago")
	}
	if w.at, err = time.Parse(time.RFC3339, s); err != nil {
		w.at, err = time.Parse(time.DateOnly, s)
		w.date = err == nil
	}
	if err != nil {
		return w, errNoTime
	}
	// A year such as 0026 is a slip, and the first second of year 1 is the zero time.Time, which stands for none.
	if w.at.UTC().Year() < 1000 {
		return when{}, errors.New("is before the year 1000")
	}
	w.set = true
	return w, nil
}

// from is the first second of it, and until the last. name is the flag, for the error that it is not yet.
func (w when) from(name string, now time.Time) (time.Time, error) {
	switch {
	case !w.set:
		return time.Time{}, nil
	case w.at.IsZero():
		return now.Add(-w.ago).UTC(), nil
	case w.at.After(now):
		return w.at, cli.UsageErrorf("%s: %s is in the future: it is %s", name, w.at.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return w.at.UTC(), nil
}

func (w when) until(name string, now time.Time) (time.Time, error) {
	t, err := w.from(name, now)
	if w.date {
		t = t.Add(24*time.Hour - time.Second)
	}
	return t, err
}

// past is a state of the ledger as it was written: the number of a change, or a time.
type past struct {
	number int64
	when   when
}

func parsePast(s string) (p past, err error) {
	if p.number, err = strconv.ParseInt(s, 10, 64); err == nil && p.number > 0 && strconv.FormatInt(p.number, 10) == s {
		return p, nil
	}
	if p.when, err = parseWhen(s); err == errNoTime {
		err = fmt.Errorf("%w; or the number of a change", err)
	}
	return past{when: p.when}, err
}

func (p past) of(now time.Time) (db.Past, error) {
	at, err := p.when.from("--as_of", now)
	return db.Past{Number: p.number, Time: at}, err
}
