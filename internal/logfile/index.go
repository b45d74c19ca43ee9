package logfile

import (
	"slices"
	"sort"

	"github.com/mortondb/morton/internal/invariant"
)

// sampleBytes is how far apart in a segment the entries are whose places are remembered. An entry between two samples is found
// by reading from the first: at most this much is read in vain, and a log of 50 GB needs no more than 7 MB of memory.
const sampleBytes = 64 << 10

// index knows which entries the log has, of what terms, and where they are. Invariants: if there are entries, the runs are in order, without gap
// or overlap, the first has entry trimmed.index+1 and the last the last entry; terms rise, and begin no later than trimmed.index+1.
type index struct {
	trimmed position   // the entry before the first; trimmed, or of the snapshot that the log follows
	runs    []run      // where the entries are
	terms   []position // the first entry of each term
	suffix  uint64     // counts how often a suffix of the log was replaced
}

// run is a sequence of entries that stand in order in one segment, though other records may be between them.
type run struct {
	seg         *segment
	first, last uint64
	samples     []sample // never empty; the first one is the first entry's
	cut         bool     // its end was replaced: in the segment, dead entries follow the last one
}

// sample is the place of one entry of a run: entry run.first+delta is at offset.
type sample struct{ delta, offset uint32 }

// last returns the position of the newest entry; of the trimmed one if there is none.
func (x *index) last() position {
	if len(x.runs) == 0 {
		return x.trimmed
	}
	return position{x.runs[len(x.runs)-1].last, x.terms[len(x.terms)-1].term}
}

// term returns the term of entry i, where trimmed.index <= i <= last().index.
func (x *index) term(i uint64) uint64 {
	if i == x.trimmed.index {
		return x.trimmed.term
	}
	n := sort.Search(len(x.terms), func(n int) bool { return x.terms[n].index > i })
	return x.terms[n-1].term
}

// run returns the position in runs of the one that has entry i, which must be in the log.
func (x *index) run(i uint64) int {
	return sort.Search(len(x.runs), func(n int) bool { return x.runs[n].last >= i })
}

// find returns where to begin to read for entry i: at offset stands entry at, at <= i, and it goes on in the same segment to last.
func (x *index) find(i uint64) (seg *segment, offset int64, at, last uint64) {
	r := &x.runs[x.run(i)]
	n := sort.Search(len(r.samples), func(n int) bool { return r.first+uint64(r.samples[n].delta) > i })
	s := r.samples[n-1]
	return r.seg, int64(s.offset), r.first + uint64(s.delta), r.last
}

// add puts entry i, which stands at offset of seg, at the end of the log; it replaces the suffix that begins with i.
func (x *index) add(seg *segment, offset int64, i, term uint64) {
	x.truncate(i)
	x.addTerm(position{i, term})
	if n := len(x.runs) - 1; n >= 0 && x.runs[n].seg == seg && !x.runs[n].cut {
		r := &x.runs[n]
		if offset-int64(r.samples[len(r.samples)-1].offset) >= sampleBytes {
			r.samples = append(r.samples, sample{uint32(i - r.first), uint32(offset)})
		}
		r.last = i
		return
	}
	x.runs = append(x.runs, run{seg: seg, first: i, last: i, samples: []sample{{0, uint32(offset)}}})
}

// addRun puts a whole run at the end of the log, like add.
func (x *index) addRun(seg *segment, s sealedRun) {
	x.truncate(s.first)
	for _, t := range s.terms {
		x.addTerm(t)
	}
	x.runs = append(x.runs, run{seg: seg, first: s.first, last: s.last, samples: s.samples})
}

func (x *index) addTerm(p position) {
	if len(x.terms) == 0 || x.terms[len(x.terms)-1].term != p.term {
		x.terms = append(x.terms, p)
	}
}

// truncate drops entry from and all after it.
func (x *index) truncate(from uint64) {
	last := x.last().index
	if from <= x.trimmed.index || from > last+1 {
		invariant.Fail("logfile: entry %d in a log from %d to %d", from, x.trimmed.index+1, last)
	}
	if from == last+1 {
		return
	}
	x.suffix++
	if from == x.trimmed.index+1 { // a run may begin before that, but nothing of it is left
		clear(x.runs)
		x.runs, x.terms = x.runs[:0], x.terms[:0]
		return
	}
	n := x.run(from)
	if r := &x.runs[n]; r.first < from {
		keep := sort.Search(len(r.samples), func(n int) bool { return r.first+uint64(r.samples[n].delta) >= from })
		r.samples = r.samples[:keep]
		r.last, r.cut = from-1, true
		n++
	}
	clear(x.runs[n:])
	x.runs = x.runs[:n]
	x.terms = x.terms[:sort.Search(len(x.terms), func(n int) bool { return x.terms[n].index >= from })]
}

// trim drops every entry up to p, which must be in the log.
func (x *index) trim(p position) {
	n := sort.Search(len(x.runs), func(n int) bool { return x.runs[n].last > p.index })
	x.runs = slices.Delete(x.runs, 0, n)
	n = sort.Search(len(x.terms), func(n int) bool { return x.terms[n].index > p.index+1 })
	if len(x.runs) == 0 {
		n = len(x.terms) + 1
	}
	x.terms = slices.Delete(x.terms, 0, max(n-1, 0))
	x.trimmed = p
}

// live returns the range of seg's living entries; (0, 0) if it has none.
func (x *index) live(seg *segment) (first, last uint64) {
	for i := range x.runs {
		if r := &x.runs[i]; r.seg == seg {
			if first == 0 {
				first = r.first
			}
			last = r.last
		}
	}
	return first, last
}

// seal returns the runs of seg for its seal.
func (x *index) seal(seg *segment) []sealedRun {
	var runs []sealedRun
	for i := range x.runs {
		r := &x.runs[i]
		if r.seg != seg {
			continue
		}
		s := sealedRun{first: r.first, last: r.last, samples: r.samples}
		n := sort.Search(len(x.terms), func(n int) bool { return x.terms[n].index > r.first })
		s.terms = append(s.terms, position{r.first, x.terms[n-1].term})
		for ; n < len(x.terms) && x.terms[n].index <= r.last; n++ {
			s.terms = append(s.terms, x.terms[n])
		}
		runs = append(runs, s)
	}
	return runs
}
