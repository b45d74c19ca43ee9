package engine

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// A read with read concern "snapshot" says of which time it wants to read, or is told of which time it has read, so that the next one can say it. The member
// keeps the states of the last moments for that, and those that it told of for as long as mongod does.

const (
	recentStates   = 128 // that are kept in any case: what they keep in memory is bounded, as one state adds at most a group
	toldStates     = 1000
	snapshotWindow = 5 * time.Minute // minSnapshotHistoryWindowInSeconds of mongod
)

// history is the states that can be read again.
type history struct {
	mu     sync.Mutex
	recent []*state // ascending; each has a reference on its storage snapshot
	told   []toldState
}

// toldState is a state of whose time a client was told.
type toldState struct {
	at    oplog.Timestamp
	state *state
	until time.Time
}

func (st *state) time() oplog.Timestamp { return oplog.Timestamp(st.overlay.TS) }

// add keeps a state that was the newest and is no longer.
func (h *history) add(st *state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.recent); n > 0 && h.recent[n-1].time() >= st.time() || !st.storage.TryRef() {
		return
	}
	if h.recent = append(h.recent, st); len(h.recent) > recentStates {
		h.recent[0].storage.Release()
		h.recent = slices.Delete(h.recent, 0, 1)
	}
	if len(h.told) > 0 {
		h.expire(time.Now())
	}
}

// tell keeps a state, of which the caller has a reference, so that it can be read by its time again.
func (h *history) tell(at oplog.Timestamp, st *state, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.expire(now)
	i := slices.IndexFunc(h.told, func(t toldState) bool { return t.at == at })
	if i >= 0 {
		t := h.told[i]
		t.until = now.Add(snapshotWindow)
		h.told = append(slices.Delete(h.told, i, i+1), t)
		return
	}
	if !st.storage.TryRef() {
		return
	}
	h.told = append(h.told, toldState{at, st, now.Add(snapshotWindow)})
}

// expire lets go of what was kept long enough, and of the oldest if there is too much.
func (h *history) expire(now time.Time) {
	n := 0
	for n < len(h.told) && (now.After(h.told[n].until) || len(h.told)-n > toldStates) {
		h.told[n].state.storage.Release()
		n++
	}
	h.told = slices.Delete(h.told, 0, n)
}

// clearRecent forgets the newest states.
func (h *history) clearRecent() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range h.recent {
		st.storage.Release()
	}
	h.recent = nil
}

// clear forgets everything.
func (h *history) clear() {
	h.clearRecent()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.told {
		t.state.storage.Release()
	}
	h.told = nil
}

// at returns the state of a time, with a reference on its storage snapshot; newest is the one that is published, of which the caller has a reference. exact: states come in
// larger steps than operations, so that only their own times can be read.
func (h *history) at(ts oplog.Timestamp, newest *state, exact bool) (*state, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.IndexFunc(h.told, func(t toldState) bool { return t.at == ts }); i >= 0 && h.told[i].state.storage.TryRef() {
		return h.told[i].state, nil
	}
	if newest.time() <= ts && newest.storage.TryRef() {
		return newest, nil
	}
	i, found := slices.BinarySearchFunc(h.recent, ts, func(st *state, ts oplog.Timestamp) int { return cmp.Compare(st.time(), ts) })
	switch {
	case !found && i == 0:
		return nil, mongoerr.New(mongoerr.SnapshotTooOld, "Read timestamp %s is older than the oldest available timestamp.", ts)
	case !found && exact:
		return nil, mongoerr.New(mongoerr.SnapshotUnavailable, "this member has no state of the time %s; please retry the operation", ts)
	case !found:
		i--
	}
	if !h.recent[i].storage.TryRef() {
		panic("engine: a state in the history has no snapshot")
	}
	return h.recent[i], nil
}

// At returns the state of a time, everything up to which must be committed and applied; of time 0, the newest committed one. It can be read by the same time again for
// the next minutes. The view tells the time.
func (e *Engine) At(ts oplog.Timestamp) (View, error) {
	now := e.acquire()
	defer now.storage.Release()
	_, primary := e.Primary()
	st := e.committedState(now.storage, now.committed)
	if ts == 0 {
		ts = st.time()
		if !st.storage.TryRef() {
			panic("engine: a snapshot with a reference has none")
		}
	} else {
		var err error
		if st, err = e.history.at(ts, now, !primary); err != nil {
			return View{}, err
		}
	}
	e.history.tell(ts, st, time.Now())
	return View{engine: e, overlay: st.overlay, storage: st.storage, Catalog: st.catalog, past: true, Time: oplog.OpTime{TS: ts, Term: st.term}}, nil
}

// Again returns another view of the same moment, which is closed by itself.
func (v *View) Again() *View {
	if !v.storage.TryRef() {
		panic("engine: a view that is closed cannot be opened again")
	}
	return &View{engine: v.engine, overlay: v.overlay, storage: v.storage, Catalog: v.Catalog, past: v.past, Time: v.Time}
}
