package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/query"
)

// Collections that are views of what the set keeps anyway. They can be read, not written.
const (
	oplogNS        = "local.oplog.rs"
	configNS       = "local.system.replset"
	transactionsNS = "config.transactions"
)

// IsVirtual reports whether ns is such a collection.
func IsVirtual(ns string) bool {
	return ns == oplogNS || ns == configNS || ns == transactionsNS || IsViews(ns) || IsProfile(ns)
}

// VirtualCollections returns the names of those that db has now.
func (v *View) VirtualCollections(db string) []string {
	switch {
	case db == "local" && v.engine.Config() != nil:
		return []string{"oplog.rs", "system.replset"}
	case db == "config":
		lo, hi := keys.SpaceRange(keys.SpaceSession)
		if _, found, err := v.lastKey(lo, hi); err == nil && found {
			return []string{"transactions"}
		}
	}
	return nil
}

func (it *Iterator) openVirtual(filter *query.Filter) error {
	it.keep = filter
	back := it.sort != nil && it.sort.Natural() < 0 || it.spec.Hint.Doc().Lookup("$natural").Truthy() && naturalHint(it.spec.Hint) < 0
	if it.sort != nil && it.sort.Natural() != 0 {
		it.sort = nil
	}
	switch {
	case IsViews(it.spec.NS):
		it.openList(it.view.Catalog.viewDocuments(Database(it.spec.NS)), back)
		return nil
	case IsProfile(it.spec.NS):
		it.openList(it.view.engine.profiled(Database(it.spec.NS)), back)
		return nil
	}
	switch it.spec.NS {
	case oplogNS:
		return it.openOplog(filter, back)
	case configNS:
		l := &listSource{}
		if config := it.view.engine.Config(); config != nil {
			l.docs = []document.Doc{config}
		}
		it.src = l
		return nil
	}
	docs, err := it.view.transactions()
	if back {
		slices.Reverse(docs)
	}
	it.src = &listSource{docs: docs}
	return err
}

func (it *Iterator) openList(docs []document.Doc, back bool) {
	if back {
		slices.Reverse(docs)
	}
	it.src = &listSource{docs: docs}
}

func naturalHint(hint document.Value) float64 {
	f, _ := hint.Doc().Lookup("$natural").AsFloat64()
	return f
}

// listSource returns documents that were made before.
type listSource struct{ docs []document.Doc }

func (l *listSource) next(context.Context) (uint64, document.Doc, bool, error) {
	if len(l.docs) == 0 {
		return 0, nil, false, nil
	}
	d := l.docs[0]
	l.docs = l.docs[1:]
	return 0, d, true, nil
}

func (l *listSource) suspend()           {}
func (l *listSource) resume(*View) error { return nil }
func (l *listSource) close() error       { return nil }

// transactions returns the documents of config.transactions: {_id, txnNum, lastWriteDate}.
func (v *View) transactions() (docs []document.Doc, err error) {
	lo, hi := keys.SpaceRange(keys.SpaceSession)
	s, err := v.newScan(lo, hi, false)
	if err != nil {
		return nil, err
	}
	for ok := s.seek(lo); ok; ok = s.next() {
		rec := document.Doc(s.value())
		if rec.Lookup("txnNum").IsMissing() {
			continue // a chunk
		}
		var b document.Builder
		for _, name := range []string{"_id", "txnNum", "lastWriteDate"} {
			b.AppendValue(name, rec.Lookup(name))
		}
		docs = append(docs, b.Finish())
	}
	return docs, s.close()
}

// oplogBytes is how much of the log is read at once.
const oplogBytes = 1 << 20

// oplogSource walks the replicated log up to what the view has applied. It never ends for good: resumed on a newer view it
// goes on with what came since.
type oplogSource struct {
	e       *Engine
	next1   uint64 // the entry to read next
	limit   uint64 // the last entry of the view
	back    bool
	entries []Entry
	docs    []document.Doc
}

func (it *Iterator) openOplog(filter *query.Filter, back bool) error {
	e := it.view.engine
	s := &oplogSource{e: e, limit: it.view.storage.Position.Index, back: back}
	first, last := e.entries.Bounds()
	s.limit = min(s.limit, last)
	it.src = s
	if back {
		s.next1 = s.limit
		return nil
	}
	s.next1 = first
	if ts, ok := lowerBound(filter); ok {
		return s.seek(first, ts)
	}
	return nil
}

// lowerBound returns the timestamp that a filter wants at least.
func lowerBound(filter *query.Filter) (oplog.Timestamp, bool) {
	root := filter.Root()
	if root == nil {
		return 0, false
	}
	for _, n := range append([]*query.Node{root}, root.Children...) {
		if n.Path == "ts" && n.Value.Type == document.TypeTimestamp && (n.Op == "$gte" || n.Op == "$gt" || n.Op == "$eq") && (n == root || root.Op == "$and") {
			return oplog.Timestamp(n.Value.Timestamp()), true
		}
	}
	return 0, false
}

// seek moves to the first entry that has an operation at or after ts, by bisection.
func (s *oplogSource) seek(first uint64, ts oplog.Timestamp) error {
	lo, hi := first, s.limit+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		last, at, err := s.lastTimestamp(mid, hi)
		if err != nil {
			return err
		}
		if last == 0 || last >= ts {
			hi = mid
		} else {
			lo = at + 1
		}
	}
	s.next1 = lo
	return nil
}

// lastTimestamp returns the last timestamp of the first entry from index on that has one, and its index; 0 if there is none before hi.
func (s *oplogSource) lastTimestamp(index, hi uint64) (last oplog.Timestamp, at uint64, err error) {
	for ; index < hi; index++ {
		entries, err := s.e.entries.Read(index, index+1, 1)
		if err != nil {
			return 0, 0, lost(err)
		}
		if len(entries) == 1 && len(entries[0].Data) > 0 {
			_, last, err := oplog.Span(entries[0].Data)
			return last, index, err
		}
	}
	return 0, index, nil
}

func lost(err error) error {
	return mongoerr.New(mongoerr.CappedPositionLost, "CollectionScan died due to position in capped collection being deleted: %v", err)
}

func (s *oplogSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for len(s.docs) == 0 {
		if err := ctx.Err(); err != nil {
			return 0, nil, false, err
		}
		more, err := s.fill()
		if err != nil || !more {
			return 0, nil, false, err
		}
	}
	d := s.docs[0]
	s.docs = s.docs[1:]
	return 0, d, true, nil
}

// fill makes the documents of the next entry.
func (s *oplogSource) fill() (more bool, err error) {
	entry, more, err := s.entry()
	if err != nil || !more {
		return false, err
	}
	s.docs = s.docs[:0]
	for data := entry.Data; len(data) > 0; {
		group, rest, err := oplog.NextGroup(data)
		if err != nil {
			return false, err
		}
		err = oplog.Documents(group, entry.Term, func(_ oplog.Timestamp, d document.Doc) bool {
			s.docs = append(s.docs, d)
			return true
		})
		if err != nil {
			return false, err
		}
		data = rest
	}
	if s.back {
		slices.Reverse(s.docs)
	}
	return true, nil
}

func (s *oplogSource) entry() (Entry, bool, error) {
	first, _ := s.e.entries.Bounds()
	if s.back {
		if s.next1 < first || s.next1 == 0 {
			return Entry{}, false, nil
		}
		list, err := s.e.entries.Read(s.next1, s.next1+1, 1)
		if err != nil || len(list) == 0 {
			return Entry{}, false, lost(err)
		}
		s.next1--
		return list[0], true, nil
	}
	if len(s.entries) == 0 {
		if s.next1 > s.limit {
			return Entry{}, false, nil
		}
		if s.next1 < first {
			return Entry{}, false, lost(errors.New("the log no longer goes back that far"))
		}
		list, err := s.e.entries.Read(s.next1, s.limit+1, oplogBytes)
		if err != nil || len(list) == 0 {
			return Entry{}, false, lost(err)
		}
		s.entries = list
		s.next1 += uint64(len(list))
	}
	entry := s.entries[0]
	s.entries = s.entries[1:]
	return entry, true, nil
}

func (s *oplogSource) suspend() {}

func (s *oplogSource) resume(v *View) error {
	s.limit = v.storage.Position.Index
	return nil
}

func (s *oplogSource) close() error { return nil }
