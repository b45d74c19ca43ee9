package query

import (
	"context"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// matching is one match of one document under way: what it tells beside yes and no. Most matches tell nothing else and can find nothing
// wrong with a document; theirs is nil.
type matching struct {
	ctx      context.Context // of what takes long; may be nil
	err      error           // the first mistake of those that only a document shows; with it, the answer means nothing
	position string          // the index of a traversed array's element that matched
	noting   bool            // position is wanted
}

// fail notes why there is no answer. Whoever calls it goes on as if a condition did not hold.
func (r *matching) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// mute is called before conditions whose arrays the positional operator does not stand for, and unmute, with its result, after them.
func (r *matching) mute() (noted bool) {
	if r == nil {
		return false
	}
	noted, r.noting = r.noting, false
	return noted
}

func (r *matching) unmute(noted bool) {
	if r != nil {
		r.noting = noted
	}
}

// setPosition notes the index of it's element. The outermost array is noted last and so wins.
func setPosition(run *matching, it *document.Iter) {
	if run != nil && run.noting {
		run.position = strings.Clone(it.Key())
	}
}
