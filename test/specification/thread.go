package specification

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// thread runs operations one after the other beside the test's own. Each is tried even if one before it failed, as the format has it.
type thread struct {
	once sync.Once // closes work
	work chan bson.D
	done chan error // the first failure, once work is closed and empty
}

// threadWork is how many operations may wait for a thread: more than any test has.
const threadWork = 64

func (r *run) startThread(ctx context.Context) *thread {
	t := &thread{work: make(chan bson.D, threadWork), done: make(chan error, 1)}
	go func() {
		var first error
		for op := range t.work {
			if err := r.operation(ctx, op); err != nil && first == nil {
				first = err
			}
		}
		t.done <- first
	}()
	return t
}

// Close ends the thread once its operations are over, which the test's context bounds.
func (t *thread) Close() error {
	t.once.Do(func() { close(t.work) })
	return nil
}

// wait lets the thread end and returns its first failure.
func (t *thread) wait() error {
	_ = t.Close()
	return <-t.done
}
