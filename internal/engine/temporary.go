package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Some changes take several steps: a collection or an index is made under another name and takes its place when it is whole. If the primary's term
// ends between two steps, nobody goes on. What the next primary finds of it, it removes.

// temporaryName is a name that no client uses, in mongod's form.
func temporaryName(db string) string {
	return fmt.Sprintf("%s.tmp%05x.renameCollection", db, rand.Uint32()&0xfffff)
}

// asTemporary returns options of a collection that stays only if it gets another name.
func asTemporary(options document.Doc) document.Doc {
	var b document.Builder
	for it := options.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	b.AppendBool("temp", true)
	return b.Finish()
}

// temporary reports whether the collection was made to take another one's place.
func (c *Collection) temporary() bool { return c.Options.Lookup("temp").Truthy() }

// toStay returns the collection under the name for which it was made.
func (c *Collection) toStay(ns string) *Collection {
	n := *c
	n.NS = ns
	if c.temporary() {
		var b document.Builder
		for it := c.Options.Iter(); it.Next(); {
			if it.Key() != "temp" {
				b.AppendValue(it.Key(), it.Value())
			}
		}
		n.Options = b.Finish()
	}
	return &n
}

// uniqueSuffix ends the name of an index while it is built to take another one's place.
const uniqueSuffix = "$unique"

// replaces returns the index whose place another one was to take; nil if it was not made for that.
func (c *Collection) replaces(ix *Index) *Index {
	name, ok := strings.CutSuffix(ix.Name, uniqueSuffix)
	if old := c.Index(name); ok && old != nil && old.Distinct && ix.Unique {
		return old
	}
	return nil
}

// removeLeftovers removes what a primary before began.
func (e *Engine) removeLeftovers(ctx context.Context, catalog *Catalog) {
	e.building.Add(1)
	go func() {
		defer e.building.Done()
		for _, coll := range catalog.numbers {
			err := error(nil)
			if coll.temporary() {
				_, _, err = e.DropCollection(ctx, coll.NS)
			}
			for _, ix := range coll.Indexes {
				if coll.replaces(ix) != nil && !coll.temporary() {
					err = errors.Join(err, e.abandonIndexes(coll.Number, []uint32{ix.Number}))
				}
			}
			if err != nil && ctx.Err() == nil {
				e.opts.Logf("removing what is left of a change of %s: %v", coll.NS, err)
			}
		}
	}()
}
