package engine

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
)

// readAhead is what an index scan has read before it is asked for. Where the entries of an index lead to records that lie apart, a batch of them is
// fetched in the order of the records, which spares searches and blocks, and returned in the order of the index.
type readAhead struct {
	on    bool
	want  int64 // how many documents are wanted at most; 0: any number
	given int64 // how many were returned
	last  uint64
	apart int   // how many records were returned since the last one that followed the one before it
	at    int   // of the next in list
	err   error // what comes behind list
	*aheadSpace
}

// aheadSpace is the memory of a batch. It is used again: a find of a thousand documents would leave more garbage than it is long.
type aheadSpace struct {
	list   []aheadEntry
	keys   []byte // of list, one after the other
	docs   []byte
	sorted []int // places in list, by record
}

var aheadSpaces = sync.Pool{New: func() any { return &aheadSpace{docs: make([]byte, 0, maxAheadBytes/4)} }}

// aheadEntry is an entry of an index that was read ahead.
type aheadEntry struct {
	rid    uint64
	within int          // the range
	keyEnd int          // where its key ends
	doc    document.Doc // nil: not fetched
}

const (
	maxAhead      = 512
	maxAheadBytes = 1 << 20
	minApart      = 16 // records that are fetched one by one before a batch is
)

// newReader returns an index scan for a request, which reads ahead where nothing but documents is asked for and each comes once.
func newReader(v *View, r *request, p *plan.Plan) (source, error) {
	s, err := newIndexSource(v, r.coll, p)
	if err != nil {
		return nil, err
	}
	s.ahead.on = !r.keys && s.keep == nil && !s.covered && s.seen == nil
	if p.Residual == nil && (r.sort == nil || p.ProvidesSort) {
		s.ahead.want = r.want
	}
	return s, nil
}

// nextAhead is next of a scan that may read ahead.
func (s *indexSource) nextAhead(ctx context.Context) (uint64, document.Doc, bool, error) {
	a := &s.ahead
	if a.aheadSpace == nil {
		a.aheadSpace = aheadSpaces.Get().(*aheadSpace)
		a.list, a.at, a.keys = a.list[:0], 0, a.keys[:0]
	}
	if a.at == len(a.list) {
		if err := s.fill(ctx); err != nil || len(a.list) == 0 {
			return 0, nil, false, err
		}
	}
	e := &a.list[a.at]
	a.at++
	a.note(e.rid)
	if e.doc != nil {
		return e.rid, e.doc, true, nil
	}
	doc, err := s.fetch(e.rid)
	s.stats.docs++
	return e.rid, doc, err == nil, err
}

// note counts a record that is returned.
func (a *readAhead) note(rid uint64) {
	a.given++
	if a.apart++; rid == a.last+1 {
		a.apart = 0
	}
	a.last = rid
}

// size returns how many entries to read at once. At most half as many are read for nothing as were of use.
func (a *readAhead) size() int {
	n := 1
	if a.apart >= minApart {
		n = min(a.apart/2, maxAhead)
	}
	if a.want > a.given {
		n = int(min(int64(n), a.want-a.given))
	}
	return n
}

// fill reads the next entries, at least one unless there is none.
func (s *indexSource) fill(ctx context.Context) error {
	a := &s.ahead
	a.list, a.at, a.keys = a.list[:0], 0, a.keys[:0]
	if err := a.err; err != nil {
		a.err = nil
		return err
	}
	n := a.size()
	if s.pause > 0 || s.counting {
		n = 1 // what is looked at is counted
	}
	for len(a.list) < n {
		ok, err := s.advance(ctx)
		if err != nil && len(a.list) == 0 {
			return err
		}
		if err != nil || !ok {
			a.err = err
			break
		}
		if n > 1 {
			a.keys = append(a.keys, s.scan.key()...)
		}
		a.list = append(a.list, aheadEntry{rid: s.rid(), within: s.entryScan.at, keyEnd: len(a.keys)})
	}
	if len(a.list) > 1 {
		s.fetchSorted()
	}
	return nil
}

// fetchSorted fetches the documents of what was read ahead, as far as they fit. An error comes again when the document is asked for.
func (s *indexSource) fetchSorted() {
	a := &s.ahead
	a.sorted, a.docs = a.sorted[:0], a.docs[:0]
	for i := range a.list {
		a.sorted = append(a.sorted, i)
	}
	slices.SortFunc(a.sorted, func(i, j int) int { return cmp.Compare(a.list[i].rid, a.list[j].rid) })
	s.up = true
	defer func() { s.up = false }()
	for _, i := range a.sorted {
		doc, err := s.fetch(a.list[i].rid)
		if err != nil || len(a.docs)+len(doc) > maxAheadBytes {
			return
		}
		s.stats.docs++
		from := len(a.docs)
		a.docs = append(a.docs, doc...)
		a.list[i].doc = a.docs[from:len(a.docs):len(a.docs)]
	}
}

// unread returns how many entries were read ahead that were not returned, and how many of their documents.
func (a *readAhead) unread() (keys, docs int64) {
	if a.aheadSpace == nil {
		return 0, 0
	}
	for _, e := range a.list[a.at:] {
		if keys++; e.doc != nil {
			docs++
		}
	}
	return keys, docs
}

// forget gives up what was read ahead: the scan goes on behind the entry that was returned last.
func (s *indexSource) forget() error {
	a := s.ahead
	if a.aheadSpace == nil {
		return nil
	}
	s.ahead = readAhead{on: a.on, want: a.want, given: a.given, last: a.last, apart: a.apart}
	defer aheadSpaces.Put(a.aheadSpace)
	if len(a.keys) == 0 {
		return nil // the scan stands there
	}
	keys, docs := a.unread()
	s.entryScan.keys -= keys
	s.stats.works -= keys
	s.stats.advanced -= keys
	s.stats.docs -= docs
	s.stats.eof = false
	e, from := a.list[a.at-1], 0
	if a.at > 1 {
		from = a.list[a.at-2].keyEnd
	}
	s.entryScan.at, s.begun, s.standing = e.within, true, false
	s.entryScan.last, s.again = bytes.Clone(a.keys[from:e.keyEnd]), false
	return s.entryScan.close()
}
