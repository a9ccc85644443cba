package node

import (
	"context"
)

// Check compares the files, the kernel and the daemons of this machine with how they are to be, and returns what differs. It
// changes nothing and waits for nobody.
func Check(ctx context.Context, t *Tree, w *Want) (found []Difference, err error) {
	changes, err := t.Compare("/")
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		found = append(found, c.Difference())
	}
	if pending := readPending("/"); pending != nil {
		found = append(found, Difference{Subject: "host apply", Is: "interrupted before it had done: " + pending.Actions.String(), Should: "finished",
			Because: "`nova-manage host apply` finishes it"})
	}
	live, err := checkLive(ctx, w)
	return append(found, live...), err
}

// checkLive compares the kernel and the daemons.
func checkLive(ctx context.Context, w *Want) (found []Difference, err error) {
	// The filter is compared by programs, which take their time meanwhile.
	type answer struct {
		found []Difference
		err   error
	}
	filter := make(chan answer, 1)
	go func() {
		d, err := checkFilter(ctx, w.Filter)
		filter <- answer{d, err}
	}()
	links, err := checkLinks(ctx, w)
	if err != nil {
		<-filter
		return nil, err
	}
	settings := checkSettings(w)
	neighbours, err := checkNeighbours(ctx, w)
	filtered := <-filter
	if err == nil {
		err = filtered.err
	}
	for _, part := range [][]Difference{links, settings, filtered.found, checkDaemons(w), neighbours} {
		found = append(found, part...)
	}
	return found, err
}
