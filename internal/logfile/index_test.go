package logfile

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// check says which invariant of the index is broken, "" if none is.
func (x *index) check() string {
	if len(x.runs) == 0 {
		if len(x.terms) != 0 {
			return "terms without entries"
		}
		return ""
	}
	if r := x.runs[0]; r.first > x.trimmed.index+1 || r.last <= x.trimmed.index {
		return fmt.Sprintf("first run from %d to %d, trimmed to %d", r.first, r.last, x.trimmed.index)
	}
	for i, r := range x.runs {
		if r.last < r.first || len(r.samples) == 0 || r.samples[0].delta != 0 || i > 0 && r.first != x.runs[i-1].last+1 {
			return fmt.Sprintf("run %d from %d to %d", i, r.first, r.last)
		}
		for j, s := range r.samples {
			if r.first+uint64(s.delta) > r.last || j > 0 && s.offset-r.samples[j-1].offset < sampleBytes {
				return fmt.Sprintf("run %d from %d to %d has a sample %d", i, r.first, r.last, s.delta)
			}
		}
	}
	if len(x.terms) == 0 || x.terms[0].index > x.trimmed.index+1 {
		return fmt.Sprintf("terms %v, trimmed to %d", x.terms, x.trimmed.index)
	}
	for i, p := range x.terms {
		if i > 0 && (p.term <= x.terms[i-1].term || p.index <= x.terms[i-1].index) || p.index > x.last().index {
			return fmt.Sprintf("terms %v", x.terms)
		}
	}
	return ""
}

// TestIndexFindsEveryEntry compares the index with a plain list of where each entry was put. Unlike the log, it trims anywhere, as opening a log
// can do whose segments a crash kept from being removed.
func TestIndexFindsEveryEntry(t *testing.T) {
	type where struct {
		term   uint64
		seg    *segment
		offset int64
	}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		segs := []*segment{{}}
		offset := int64(firstRecordOffset)
		var x index
		all := []where{{}} // by index
		for n := range 200 {
			last := uint64(len(all) - 1)
			switch k := rng.IntN(20); {
			case k == 0:
				segs, offset = append(segs, &segment{}), firstRecordOffset
			case k == 1:
				i := x.trimmed.index + rng.Uint64N(last-x.trimmed.index+1)
				x.trim(position{i, all[i].term})
			default:
				i := last + 1
				if k == 2 {
					i = x.trimmed.index + 1 + rng.Uint64N(last-x.trimmed.index+1)
				}
				w := where{term: all[i-1].term + rng.Uint64N(10)/8, seg: segs[len(segs)-1], offset: offset}
				w.term = max(w.term, 1)
				x.add(w.seg, w.offset, i, w.term)
				all = append(all[:i], w)
				offset += rng.Int64N(sampleBytes)
			}
			if bad := x.check(); bad != "" {
				t.Fatalf("seed %d, step %d: %s", seed, n, bad)
			}
			last = uint64(len(all) - 1)
			if got := x.last(); got != (position{last, all[last].term}) {
				t.Fatalf("seed %d, step %d: last is %v, want %d of term %d", seed, n, got, last, all[last].term)
			}
			for i := x.trimmed.index + 1; i <= last; i++ {
				if got := x.term(i); got != all[i].term {
					t.Fatalf("seed %d, step %d: term of %d is %d, want %d", seed, n, i, got, all[i].term)
				}
				seg, offset, at, end := x.find(i)
				if seg != all[i].seg || at > i || end < i || offset != all[at].offset || all[i].offset-offset > 2*sampleBytes {
					t.Fatalf("seed %d, step %d: entry %d is said to be after %d at %d", seed, n, i, at, offset)
				}
				for j := at; j <= end; j++ { // they must stand in order
					if all[j].seg != seg || j > at && all[j].offset <= all[j-1].offset {
						t.Fatalf("seed %d, step %d: run from %d to %d is not in order at %d", seed, n, at, end, j)
					}
				}
			}
		}
	}
}
