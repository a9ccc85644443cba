package commands

import (
	"context"
	"errors"

	"nova-manage/internal/cli"
)

// manyLines are the options of a line of which many, one after the other, cost less when the ledger is told of them at once: to
// find out where an instance goes takes longer than to write it down.
type manyLines interface {
	// with tells whether a line after this one may be run together with it.
	with(next manyLines) bool
	// subject is what the line is about. Two lines about the same are not run together.
	subject() string
	// runMany does what all lines, of which this is the first, would do one after the other. What it returns prints the answer of
	// the i-th.
	runMany(ctx context.Context, s *session, all []manyLines) (answer func(i int, s *session) error, err error)
}

// mostTogether bounds how many lines are run at once, and so how many have to be run again where one fails.
const mostTogether = 512

// batchRun runs the lines of a batch.
type batchRun struct {
	*batchOptions
	session *session
	answers *cli.Answers
	// apart are the lines, by their place in todo, that cannot begin such a group, since it failed.
	apart map[int]bool

	ahead *batchLine // understood already: the one after a group
}

// all runs all lines as one change. Where lines that were run together fail, it is done again with these one by one, so that the
// error is that of a line.
func (r *batchRun) all(ctx context.Context) error {
	for {
		err := r.once(ctx)
		if !errors.Is(err, errTogether) || ctx.Err() != nil {
			return err
		}
	}
}

func (r *batchRun) once(ctx context.Context) error {
	if r.use == nothing {
		return r.lineByLine(ctx)
	}
	return r.session.store.Batch(ctx, r.lineByLine)
}

// lineByLine runs the lines once. It may be called again, from nothing.
func (r *batchRun) lineByLine(ctx context.Context) error {
	r.answers.Close()
	r.said, r.ahead = nil, nil
	for i := 0; i < len(r.todo); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		group, err := r.group(i)
		if err != nil {
			return err
		}
		if err := r.runGroup(ctx, i, group); err != nil {
			return err
		}
		i += len(group)
		r.lines.Report("running lines", i, len(r.todo))
	}
	return nil
}

// group is the i-th line, and those after it that may be run together with it.
func (r *batchRun) group(i int) ([]*batchLine, error) {
	first, err := r.next(i)
	if err != nil {
		return nil, err
	}
	group := []*batchLine{first}
	if first.command.many == nil || r.apart[i] {
		return group, nil
	}
	seen := map[string]bool{first.command.many.subject(): true}
	for n := i + 1; n < len(r.todo) && len(group) < mostTogether && !r.apart[n]; n++ {
		l, err := r.next(n)
		if err != nil {
			return nil, err
		}
		many := l.command.many
		if many == nil || !first.command.many.with(many) || seen[many.subject()] {
			r.ahead = l
			break
		}
		seen[many.subject()] = true
		group = append(group, l)
	}
	return group, nil
}

func (r *batchRun) next(i int) (l *batchLine, err error) {
	if l, r.ahead = r.ahead, nil; l != nil {
		return l, nil
	}
	return r.understand(r.todo[i])
}

// runGroup runs lines, of which the first is the i-th.
func (r *batchRun) runGroup(ctx context.Context, i int, group []*batchLine) error {
	answer := func(n int, s *session) error { return group[n].command.run(ctx, s) }
	if len(group) > 1 {
		all := make([]manyLines, len(group))
		for n, l := range group {
			all[n] = l.command.many
		}
		var err error
		if answer, err = all[0].runMany(ctx, r.session, all); err != nil {
			for n := range group {
				r.apart[i+n] = true
			}
			return errors.Join(errTogether, err)
		}
	}
	for n, l := range group {
		if err := r.answer(l, func(s *session) error { return answer(n, s) }); err != nil {
			return onLine(l.number, err)
		}
	}
	return nil
}

// answer takes the answer of a line.
func (r *batchRun) answer(l *batchLine, print func(*session) error) error {
	if err := r.answers.Begin(l.number, l.Line); err != nil {
		return err
	}
	s := &session{Env: l.Env, store: r.session.store, ledger: r.session.ledger, opened: r.session.opened}
	if err := print(s); err != nil {
		l.Failed()
		return err
	}
	return r.answers.End()
}
