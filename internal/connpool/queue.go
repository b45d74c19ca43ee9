package connpool

// waiter is a caller of Get that waits.
type waiter struct {
	answer     chan answer // holds one
	prev, next *waiter
	queued     bool
}

// answer is a connection or why there is none.
type answer struct {
	conn *Conn
	err  *Error
}

// queue is those who wait, in the order in which they came.
type queue struct {
	first, last *waiter
	n           int
}

func (q *queue) push(w *waiter) {
	w.queued, w.prev = true, q.last
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.n++
}

// pop returns the first; nil if there is none.
func (q *queue) pop() *waiter {
	w := q.first
	if w != nil {
		q.remove(w)
	}
	return w
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
	q.n--
}

// position returns how many are before w.
func (q *queue) position(w *waiter) int {
	n := 0
	for w = w.prev; w != nil; w = w.prev {
		n++
	}
	return n
}

// takeAll empties the queue.
func (q *queue) takeAll() queue {
	all := *q
	*q = queue{}
	for w := all.first; w != nil; w = w.next {
		w.queued = false
	}
	return all
}

// fail tells all that there is no connection. The queue is not to be used any more.
func (q *queue) fail(err *Error) {
	for w := q.first; w != nil; {
		next := w.next // who is told may be gone at once
		w.answer <- answer{err: err}
		w = next
	}
}
