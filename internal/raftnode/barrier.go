package raftnode

import (
	"context"
	"encoding/binary"

	"go.etcd.io/raft/v3"

	"github.com/mortondb/morton/internal/invariant"
)

// barrier proves leadership for readers. One round of messages is under way at a time; who comes while it runs waits
// for the next one, since a round proves nothing about a moment after it began.
type barrier struct {
	number  uint64
	running *round   // its proof is asked for
	next    *round   // begins when running has its proof
	proved  []*round // waiting for their index to be applied
}

type round struct {
	number uint64
	index  uint64
	done   chan struct{}
	err    error // set before done is closed
}

func (r *round) finish(err error) {
	r.err = err
	close(r.done)
}

// ReadBarrier returns once this node has proved, after the call began, that it still leads, and has applied everything
// committed before: what is read then is linearizable.
func (n *Node) ReadBarrier(ctx context.Context) error {
	if invariant.Mutated("staleRead") {
		return nil
	}
	n.mu.Lock()
	if n.primary == 0 || n.primary != n.leading {
		n.mu.Unlock()
		return ErrNotPrimary
	}
	b := &n.barrier
	if b.next == nil {
		b.next = &round{done: make(chan struct{})}
	}
	r := b.next
	if b.running == nil {
		n.startBarrierLocked()
		n.readyLocked()
	}
	n.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startBarrierLocked asks raft for the next round's proof. Raft asks again with each heartbeat when messages get lost.
func (n *Node) startBarrierLocked() {
	b := &n.barrier
	b.running, b.next = b.next, nil
	n.askLocked()
}

func (n *Node) askLocked() {
	b := &n.barrier
	b.number++
	b.running.number = b.number
	n.raw.ReadIndex(binary.LittleEndian.AppendUint64(nil, b.number))
}

// askAgainLocked is called when the members have changed. Raft counts answers as they come: there will be none if
// those that were asked are not members any more.
func (n *Node) askAgainLocked() {
	if n.barrier.running != nil && n.leading != 0 {
		n.askLocked()
	}
}

// barrierLocked takes raft's proof.
func (n *Node) barrierLocked(rs raft.ReadState) {
	b := &n.barrier
	if b.running == nil || len(rs.RequestCtx) != 8 || binary.LittleEndian.Uint64(rs.RequestCtx) != b.running.number {
		return // of a round that failed with an earlier term
	}
	b.running.index = rs.Index
	b.proved = append(b.proved, b.running)
	b.running = nil
	n.releaseBarrierLocked()
	if b.next != nil {
		n.startBarrierLocked()
	}
}

// releaseBarrierLocked lets those go whose index is applied.
func (n *Node) releaseBarrierLocked() {
	b := &n.barrier
	for len(b.proved) > 0 && b.proved[0].index <= n.applied {
		b.proved[0].finish(nil)
		b.proved = b.proved[1:]
	}
}

func (n *Node) failBarrierLocked(err error) {
	b := &n.barrier
	for _, r := range append(b.proved, b.running, b.next) {
		if r != nil {
			r.finish(err)
		}
	}
	b.proved, b.running, b.next = nil, nil, nil
}
