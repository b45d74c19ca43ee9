package raftnode

import "github.com/mortondb/morton/internal/oplog"

// waiter is a goroutine that waits for a timestamp. It is in a heap, or its answer is in done, or it is free.
type waiter struct {
	ts   oplog.Timestamp
	pos  int // in the heap, -1 if in none
	done chan error
}

// waitHeap is a binary heap of waiters, the earliest timestamp on top.
type waitHeap struct{ list []*waiter }

func (h *waitHeap) push(w *waiter) {
	h.list = append(h.list, w)
	h.up(len(h.list)-1, w)
}

// wake answers the waiters up to ts.
func (h *waitHeap) wake(ts oplog.Timestamp) {
	for len(h.list) > 0 && h.list[0].ts <= ts {
		w := h.list[0]
		h.remove(w)
		w.done <- nil
	}
}

// fail answers all waiters.
func (h *waitHeap) fail(err error) {
	for i, w := range h.list {
		h.list[i] = nil
		w.pos = -1
		w.done <- err
	}
	h.list = h.list[:0]
}

// remove takes a waiter out and reports whether it was in.
func (h *waitHeap) remove(w *waiter) bool {
	i := w.pos
	if i < 0 {
		return false
	}
	w.pos = -1
	n := len(h.list) - 1
	last := h.list[n]
	h.list[n] = nil
	h.list = h.list[:n]
	if last != w {
		h.down(i, last)
		h.up(last.pos, last)
	}
	return true
}

func (h *waitHeap) up(i int, w *waiter) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.list[parent].ts <= w.ts {
			break
		}
		h.set(i, h.list[parent])
		i = parent
	}
	h.set(i, w)
}

func (h *waitHeap) down(i int, w *waiter) {
	for {
		child := 2*i + 1
		if child >= len(h.list) {
			break
		}
		if child+1 < len(h.list) && h.list[child+1].ts < h.list[child].ts {
			child++
		}
		if w.ts <= h.list[child].ts {
			break
		}
		h.set(i, h.list[child])
		i = child
	}
	h.set(i, w)
}

func (h *waitHeap) set(i int, w *waiter) {
	h.list[i] = w
	w.pos = i
}
