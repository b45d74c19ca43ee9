package raftnode

import (
	"slices"
	"sort"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/oplog"
)

// mark says that the log up to and including index has the timestamps up to and including ts.
type mark struct {
	index uint64
	ts    oplog.Timestamp
}

// maxMarks bounds the marks kept. Beyond it every other one of the older half is forgotten.
const maxMarks = 8192

// marks translates log positions into timestamps. Entries without operations have no mark of their own.
//
// Invariant: index and ts increase strictly. A forgotten mark makes at return an earlier timestamp than the true one,
// never a later one, so that a waiter may be told late but never wrongly.
type marks struct{ list []mark }

// at returns the last timestamp known to be in the log up to index.
func (m *marks) at(index uint64) oplog.Timestamp {
	n := len(m.list)
	if n > 0 && m.list[n-1].index <= index {
		return m.list[n-1].ts
	}
	i := sort.Search(n, func(i int) bool { return m.list[i].index > index })
	if i == 0 {
		return 0
	}
	return m.list[i-1].ts
}

// add appends a mark. One that does not lie behind the last is left out.
func (m *marks) add(k mark) {
	if n := len(m.list); n > 0 && (k.index <= m.list[n-1].index || k.ts <= m.list[n-1].ts) {
		return
	}
	if len(m.list) == maxMarks {
		m.thin()
	}
	m.list = append(m.list, k)
}

func (m *marks) thin() {
	kept := m.list[:0]
	for i, k := range m.list {
		if i >= maxMarks/2 || i%2 == 1 {
			kept = append(kept, k)
		}
	}
	m.list = kept
}

// truncate forgets the marks from index on.
func (m *marks) truncate(index uint64) {
	n := len(m.list)
	for n > 0 && m.list[n-1].index >= index {
		n--
	}
	m.list = m.list[:n]
}

// forget drops the marks that at(index) and later positions do not need.
func (m *marks) forget(index uint64) {
	if len(m.list) < 64 {
		return // not worth moving
	}
	i := sort.Search(len(m.list), func(i int) bool { return m.list[i].index > index })
	if i > len(m.list)/2 {
		m.list = slices.Delete(m.list, 0, i-1)
	}
}

// spans returns the marks of entries that come from outside.
func spans(entries []raftpb.Entry) []mark {
	var list []mark
	for i := range entries {
		if k, ok := spanOf(&entries[i]); ok {
			list = append(list, k)
		}
	}
	return list
}

func spanOf(e *raftpb.Entry) (mark, bool) {
	if e.Type != raftpb.EntryNormal || len(e.Data) == 0 {
		return mark{}, false
	}
	_, last, err := oplog.Span(e.Data)
	if err != nil || last == 0 {
		return mark{}, false // the state machine will say what is wrong with it
	}
	return mark{index: e.Index, ts: last}, true
}
