//go:build linux

package node

import (
	"context"
	"slices"
	"sync"
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

// checkLive compares the kernel and the daemons, its parts beside each other: each of them waits for the kernel most of the time.
func checkLive(ctx context.Context, w *Want) (found []Difference, err error) {
	parts := []func() ([]Difference, error){
		func() ([]Difference, error) { return checkLinks(ctx, w) },
		func() ([]Difference, error) { return checkSettings(w), nil },
		func() ([]Difference, error) { return checkFilter(ctx, w.Filter) },
		func() ([]Difference, error) { return checkDaemons(w), nil },
		func() ([]Difference, error) { return checkNeighbours(ctx, w) },
	}
	all, errs := make([][]Difference, len(parts)), make([]error, len(parts))
	var group sync.WaitGroup
	for i, part := range parts {
		group.Go(func() { all[i], errs[i] = part() })
	}
	group.Wait()
	return slices.Concat(all...), firstError(errs)
}
