package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// The property test runs random sequences of all changes against a ledger and against a model of it: lists and loops
// over a tiny universe, written from what the commands promise rather than from how the tables keep it. After each step
// both have succeeded, or failed for a reason of the same class, and every list is the same. Among the steps are batches of
// steps and undos, and the model keeps every state that was: as of each change every list is that of its model, too.
//
// A failing sequence is replayed with fewer and fewer steps; what is printed is the shortest that still fails.

// step is one command. It does not depend on what the ledger holds, so that any part of a sequence is a sequence too.
type step struct {
	text  string
	store func(ctx context.Context, s *Store) ([]Instance, error)
	// model does the same to the model; made is what the store made, for what cannot be foreseen: random MACs.
	model func(m *model, made []Instance) verdict
	undo  *undoing // in place of both
}

func TestStore_property(t *testing.T) {
	testProperty(t, (*generator).step, propertyRun{"sqlite", 20, 120, 10}, propertyRun{"postgresql", 1, 120, 20})
}

// The gateway of a network moves over addresses that were released and away again, which among all other changes it seldom
// does.
func TestStore_property_gateway(t *testing.T) {
	testProperty(t, (*generator).gatewayStep, propertyRun{"sqlite", 20, 60, 5}, propertyRun{"postgresql", 1, 60, 20})
}

type propertyRun struct {
	engine       string
	seeds, steps int
	check        int // Check runs after each so many steps
}

func testProperty(t *testing.T, next func(*generator) step, runs ...propertyRun) {
	for _, run := range runs {
		if race.Enabled {
			run.seeds = 1 // what is compared here is the work of one goroutine
		}
		t.Run(run.engine, func(t *testing.T) {
			undone, refused := 0, 0
			for seed := range run.seeds {
				g := generator{Rand: rand.New(rand.NewPCG(uint64(seed), 1))}
				steps := make([]step, run.steps)
				for i := range steps {
					steps[i] = g.mixed(next)
				}
				var h history
				play := func(steps []step) (int, error) {
					h.states = nil
					return h.play(t, engines[run.engine](t), steps, run.check)
				}
				if at, err := play(steps); err != nil {
					steps, err := shorten(steps[:at+1], err, play)
					t.Fatalf("seed %d:\n%s%v", seed, list(steps), err)
				}
				undone, refused = undone+h.undone, refused+h.refused
			}
			t.Logf("%d undone, %d refused", undone, refused)
			if undone == 0 || refused == 0 {
				t.Errorf("%d undone, %d refused: the test shows nothing of undo", undone, refused)
			}
		})
	}
}

// play runs steps on a new ledger, whose history h is to be, and returns the first one that went otherwise than in the model.
func (h *history) play(t *testing.T, url string, steps []step, check int) (at int, err error) {
	s := openTest(t, url, Create)
	m := newModel()
	h.states = append(h.states, pastState{keptState(t, s), m})
	for i, step := range steps {
		if step.undo != nil {
			m, err = h.undo(t, s, m, *step.undo)
		} else if m, err = step.play(t, s, m); err == nil {
			err = h.record(t, s, m)
		}
		if err != nil {
			return i, err
		}
		if (i+1)%check == 0 || i == len(steps)-1 {
			if found := findings(t, s); found != nil {
				return i, fmt.Errorf("db check: %q", found)
			}
			if difference := nodesDiffer(t, s); difference != "" {
				return i, errors.New(difference)
			}
		}
	}
	for number := 1; number < len(h.states); number++ {
		if err := h.compare(t, s, number); err != nil {
			return len(steps) - 1, err
		}
	}
	return 0, nil
}

// play does a step to a ledger and to a copy of its model, which it returns if it is to be the model from then on.
func (step step) play(t *testing.T, s *Store, m *model) (*model, error) {
	made, err := step.store(t.Context(), s)
	next := m.clone()
	if why := step.model(next, made); !why.allow(err) {
		return m, fmt.Errorf("it ended with error %v; want %s", err, why)
	}
	if err == nil {
		m = next
	}
	return m, m.compare(t, s)
}

// shorten leaves out of a failing sequence what it fails without.
func shorten(steps []step, err error, play func([]step) (int, error)) ([]step, error) {
	for size := len(steps) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(steps); {
			fewer := slices.Concat(steps[:at], steps[at+size:])
			if last, e := play(fewer); e != nil {
				steps, err = fewer[:last+1], e
			} else {
				at += size
			}
		}
	}
	return steps, err
}

// absent is what %+v writes of a field that is not set.
var absent = regexp.MustCompile(`\w+:(invalid \w+|0|false|\[\]|{}|00:00:00:00:00:00|0001-01-01 00:00:00 \+0000 UTC|)([ }])`)

func list(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		// Twice: a match takes the space that the next one begins after, and an outer field empties after its inner ones.
		text := s.text
		for range 3 {
			text = absent.ReplaceAllString(text, "$2")
		}
		fmt.Fprintln(&b, strings.Join(strings.Fields(text), " "))
	}
	return b.String()
}
