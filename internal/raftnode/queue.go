package raftnode

import "sync"

// queue hands work to one goroutine, which takes all that has gathered at once. It has no bound of its own: what can
// be in it is bounded where it is made (raft's limits on entries being applied, and on those in flight to a member).
type queue[T any] struct {
	mu     sync.Mutex
	items  []T
	spare  []T           // the slice taken before, to be filled next
	signal chan struct{} // has a token when items may be non-empty
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{signal: make(chan struct{}, 1)}
}

// put never blocks.
func (q *queue[T]) put(item T) {
	q.mu.Lock()
	q.items = append(q.items, item)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take returns all items in order. They are valid until the next call.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	clear(q.spare)
	q.items, q.spare = q.spare[:0], items
	return items
}
