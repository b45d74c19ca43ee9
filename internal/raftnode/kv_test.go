package raftnode

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/oplog"
)

// kv is a state machine small enough to be looked through: keys and values, and an account of who wrote when. What
// survives a crash is what was flushed last, as with Pebble without a WAL.
type kv struct {
	c  *cluster
	id uint64

	mu      sync.Mutex
	state   kvState
	durable kvState
	primary uint64          // the term in which this member may write
	last    oplog.Timestamp // newest timestamp handed out or applied
	node    *Node
	becomes int // how often BecomePrimary was called

	applyDelay func() time.Duration
	failApply  error
}

type kvState struct {
	data map[string]string
	at   Snapshot
}

func (s kvState) clone() kvState { return kvState{data: maps.Clone(s.data), at: s.at} }

// write is what the engine does with a client's write: under its lock it hands out a timestamp and appends.
func (k *kv) write(key, value string, urgent bool) (oplog.OpTime, error) {
	w := oplog.NewWriter(&oplog.Header{Namespace: "t.kv"}, len(key)+len(value))
	w.Begin(oplog.Internal, -1, nil, nil)
	w.Put([]byte(key), []byte(value))
	group := w.Finish()

	k.mu.Lock()
	defer k.mu.Unlock()
	if k.primary == 0 {
		return oplog.OpTime{}, ErrNotPrimary
	}
	k.last = oplog.Next(k.last, time.Now())
	oplog.SetFirst(group, k.last)
	k.node.Append(group, k.last, urgent)
	return oplog.OpTime{TS: k.last, Term: k.primary}, nil
}

func (k *kv) Apply(entries []Entry) error {
	if k.applyDelay != nil {
		time.Sleep(k.applyDelay())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failApply != nil {
		return k.failApply
	}
	for _, e := range entries {
		if err := k.applyLocked(e); err != nil {
			return err
		}
	}
	return nil
}

func (k *kv) applyLocked(e Entry) error {
	if e.Index != k.state.at.Index+1 || e.Term < k.state.at.Term {
		return fmt.Errorf("member %d: entry %d of term %d after %d of term %d", k.id, e.Index, e.Term, k.state.at.Index, k.state.at.Term)
	}
	if err := k.c.sawApply(k.id, e); err != nil {
		return err
	}
	if k.primary != 0 && e.Term > k.primary {
		return fmt.Errorf("member %d: entry of term %d applied while primary of term %d", k.id, e.Term, k.primary)
	}
	k.state.at.Index, k.state.at.Term = e.Index, e.Term
	for rest := e.Data; len(rest) > 0; {
		var group []byte
		var err error
		if group, rest, err = oplog.NextGroup(rest); err != nil {
			return err
		}
		r, err := oplog.NewReader(group)
		if err != nil {
			return err
		}
		if r.Header.First <= k.state.at.TS {
			return fmt.Errorf("member %d: timestamp %v after %v", k.id, r.Header.First, k.state.at.TS)
		}
		k.state.at.TS = r.Header.Last()
		k.last = max(k.last, k.state.at.TS)
		var op oplog.Op
		for {
			more, err := r.Next(&op)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			for _, m := range op.Mutations {
				k.state.data[string(m.Key)] = string(m.Value)
			}
		}
	}
	return nil
}

func (k *kv) ApplyConfChange(e Entry, cs ConfState, context []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Index != k.state.at.Index+1 {
		return fmt.Errorf("member %d: change of members %d after %d", k.id, e.Index, k.state.at.Index)
	}
	if err := k.c.sawApply(k.id, e); err != nil {
		return err
	}
	k.state.at.Index, k.state.at.Term, k.state.at.ConfState = e.Index, e.Term, cs
	if context != nil {
		k.state.data["config"] = string(context)
	}
	return nil
}

func (k *kv) BecomePrimary(term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.primary != 0 {
		k.c.failf("member %d: primary of term %d again in term %d", k.id, k.primary, term)
	}
	if k.state.at.Term != term {
		k.c.failf("member %d: primary of term %d has applied only term %d", k.id, term, k.state.at.Term)
	}
	k.primary = term
	k.becomes++
	k.c.sawPrimary(k.id, term)
}

func (k *kv) StepDown(term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.primary != term {
		k.c.failf("member %d: step down from term %d, but primary of %d", k.id, term, k.primary)
	}
	k.primary = 0
}

// Checkpoint puts a copy among the cluster's directories.
func (k *kv) Checkpoint(dir string, _ bool) (Snapshot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c.putDir(dir, k.state.clone())
	return k.state.at, nil
}

func (k *kv) InstallSnapshot(dir string, s Snapshot) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	st, ok := k.c.dir(dir)
	if !ok {
		return errors.New("no such directory: " + dir)
	}
	if st.at.Index != s.Index || st.at.Term != s.Term || st.at.TS != s.TS {
		return fmt.Errorf("checkpoint of %v installed as %v", st.at, s)
	}
	if st.at.Index <= k.state.at.Index {
		return fmt.Errorf("snapshot of %d over state of %d", st.at.Index, k.state.at.Index)
	}
	k.state = st.clone()
	k.durable = st.clone()
	k.last = max(k.last, st.at.TS)
	return nil
}

// flush makes what is applied durable and returns up to where.
func (k *kv) flush() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.durable = k.state.clone()
	return k.durable.at.Index
}

func (k *kv) get(key string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.state.data[key]
	return v, ok
}

func (k *kv) isPrimary() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.primary != 0
}

func (k *kv) at() Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.at
}

func hash(data []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range data {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h ^ uint64(len(data))
}
