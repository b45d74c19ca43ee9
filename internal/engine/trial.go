package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
)

// Which of several plans is best depends on the data. As mongod does, all are run side by side for a while; the one that gave most
// for its work goes on, and what it has found already is not looked for again.

const (
	trialResults  = 101       // a plan that has found so many has won
	trialWorks    = 10000     // so much work is done at most for each plan
	trialStep     = 16        // works before it is the next plan's turn
	maxTrialBytes = 1 << 20   // of documents that a plan keeps
	scoreBonus    = 1.0 / 1e4 // for not sorting, for not fetching
)

// candidate is a plan on trial.
type candidate struct {
	way
	advanced int64
	ended    bool
	found    []found // unless the plan sorts: then it begins anew if it wins
	size     int
	score    float64
}

// found is a document that was found, before the filter that remains is asked.
type found struct {
	rid uint64
	doc document.Doc
}

// try runs the plans and returns the best, which goes on where it was.
func (v *View) try(ctx context.Context, r *request, list []*plan.Plan) (way, error) {
	trial, err := v.trial(ctx, r, list)
	if err != nil {
		return way{}, err
	}
	best := trial[0]
	best.tried().allow(0)
	for _, c := range trial[1:] {
		err = errors.Join(err, c.src.close())
	}
	if err != nil {
		return way{}, errors.Join(err, best.src.close())
	}
	if !best.plan.ProvidesSort || r.keys {
		if err := best.src.close(); err != nil {
			return way{}, err
		}
		return v.open(r, best.plan)
	}
	return way{best.plan, &triedSource{source: best.src, found: best.found, ended: best.ended}}, nil
}

// trial runs the plans and returns them, the best first. Their sources are open.
func (v *View) trial(ctx context.Context, r *request, list []*plan.Plan) (trial []*candidate, err error) {
	defer func() {
		if err != nil {
			for _, c := range trial {
				err = errors.Join(err, c.src.close())
			}
		}
	}()
	for _, p := range list {
		w, err := v.open(r, p)
		if err != nil {
			return trial, err
		}
		trial = append(trial, &candidate{way: w})
	}
	want := int64(trialResults)
	if r.want > 0 {
		want = min(want, r.want)
	}
	for decided := false; !decided; {
		for _, c := range trial {
			done, err := c.work(ctx, want)
			if err != nil {
				return trial, err
			}
			if done {
				decided = true
				break
			}
		}
	}
	for _, c := range trial {
		c.rate()
	}
	slices.SortStableFunc(trial, func(a, b *candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return trial, nil
}

// work does a step, and reports whether the trial is over.
func (c *candidate) work(ctx context.Context, want int64) (over bool, err error) {
	worked := c.tried().worked()
	c.tried().allow(trialStep)
	for c.tried().worked() < worked+trialStep {
		rid, doc, ok, err := c.src.next(ctx)
		if err == errPause {
			break
		}
		if err != nil {
			return false, err
		}
		if !ok {
			c.ended = true
			return true, nil
		}
		if c.plan.ProvidesSort {
			c.found = append(c.found, found{rid, doc.Clone()})
			c.size += len(doc)
		}
		if ok, err = meets(ctx, c.plan.Residual, doc); err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if c.advanced++; c.plan.ProvidesSort && c.advanced >= want {
			return true, nil
		}
	}
	return c.tried().worked() >= trialWorks || c.size > maxTrialBytes, nil
}

// tried is a source that can be tried. All scans of indexes can, and there is no other where there is a choice.
type tried interface {
	source
	worked() int64 // entries looked at so far
	allow(n int64) // next is to return errPause after n more; 0: never
}

var errPause = errors.New("engine: enough for now")

func (c *candidate) tried() tried { return c.src.(tried) }

func (s *indexSource) worked() int64 { return s.stats.works }

func (s *indexSource) allow(n int64) {
	if s.pause = 0; n > 0 {
		s.pause = s.stats.works + n
	}
}

func (u *unionSource) worked() int64 { return sum(u.branches) }
func (u *unionSource) allow(n int64) { allow(u.branches, n) }
func (m *mergeSource) worked() int64 { return sum(m.branches) }
func (m *mergeSource) allow(n int64) { allow(m.branches, n) }

func sum(list []*branchSource) (n int64) {
	for _, b := range list {
		n += b.worked()
	}
	return n
}

func allow(list []*branchSource, n int64) {
	for _, b := range list {
		b.allow(n)
	}
}

// rate gives the plan its score, as mongod does: what it gave for its work, more if it came to its end, and a little for what it spares. What
// sorts has given nothing before its end.
func (c *candidate) rate() {
	advanced := c.advanced
	if !c.plan.ProvidesSort && !c.ended {
		advanced = 0
	}
	c.score = 1 + float64(advanced)/float64(max(c.tried().worked(), 1))
	if c.ended {
		c.score++
	}
	if c.plan.ProvidesSort {
		c.score += scoreBonus
	}
	if c.plan.Covered {
		c.score += scoreBonus
	}
}

// triedSource returns what its plan found on trial, then goes on.
type triedSource struct {
	source
	found []found
	ended bool
}

func (s *triedSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	if len(s.found) > 0 {
		f := s.found[0]
		s.found = s.found[1:]
		return f.rid, f.doc, true, nil
	}
	if s.ended {
		return 0, nil, false, nil
	}
	return s.source.next(ctx)
}
