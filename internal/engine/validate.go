package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// Validation is what a look at every document and index entry of a collection found.
type Validation struct {
	Records, Bytes int64
	Invalid        int64          // records that are no valid BSON
	Keys           []int64        // entries of each index
	Problems       map[int]string // of an index by its position: what is wrong first
	Errors         []string
	Extra, Missing int64 // entries without a document, documents without an entry
	NotCompliant   int64 // documents that break the collection's validator
}

// Validate reads a whole collection with its indexes at one moment and compares them.
func (v *View) Validate(ctx context.Context, coll *Collection) (*Validation, error) {
	r := &Validation{Keys: make([]int64, len(coll.Indexes)), Problems: map[int]string{}}
	wanted := make([]int64, len(coll.Indexes))
	src, err := newRecordSource(v, coll, false)
	if err != nil {
		return nil, err
	}
	var entries keys.Entries
	for n := 0; ; n++ {
		if n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, errors.Join(err, src.close())
			}
		}
		rid, doc, ok, err := src.next(ctx)
		if err != nil {
			return nil, errors.Join(err, src.close())
		}
		if !ok {
			break
		}
		r.Records++
		r.Bytes += int64(len(doc))
		if document.Validate(doc, 2*document.MaxDepth) != nil {
			r.Invalid++
			r.Errors = append(r.Errors, fmt.Sprintf("record %d is no valid document", rid))
			continue
		}
		if coll.Validator != nil && coll.Validator.check(doc) != nil {
			r.NotCompliant++
		}
		if err := v.checkEntries(coll, rid, doc, &entries, wanted, r); err != nil {
			return nil, errors.Join(err, src.close())
		}
	}
	if err := src.close(); err != nil {
		return nil, err
	}
	return r, v.countEntries(ctx, coll, wanted, r)
}

// checkEntries looks for the entries that a document should have.
func (v *View) checkEntries(coll *Collection, rid uint64, doc document.Doc, entries *keys.Entries, wanted []int64, r *Validation) error {
	for i, ix := range coll.Indexes {
		if !ix.Ready {
			continue
		}
		entries.Reset()
		if ix.Partial != nil {
			if match, err := ix.Partial.Match(doc); err != nil || !match {
				continue
			}
		}
		if err := ix.AppendEntries(entries, doc, rid); err != nil {
			r.problem(i, fmt.Sprintf("record %d has a value that cannot be indexed: %v", rid, err))
			continue
		}
		wanted[i] += int64(entries.Len())
		for j := range entries.Len() {
			value, found, err := v.get(nil, entries.At(j))
			if err != nil {
				return err
			}
			if !found || entryRecord(value) != rid {
				r.Missing++
				r.problem(i, fmt.Sprintf("record %d has no entry", rid))
			}
		}
	}
	return nil
}

func (r *Validation) problem(index int, text string) {
	if _, known := r.Problems[index]; !known {
		r.Problems[index] = text
	}
}

// countEntries counts what is in the indexes, and with that what should not be.
func (v *View) countEntries(ctx context.Context, coll *Collection, wanted []int64, r *Validation) error {
	for i, ix := range coll.Indexes {
		lo, hi := keys.IndexRange(ix.Number)
		s, err := v.newScan(lo, hi, false)
		if err != nil {
			return err
		}
		for ok := s.seek(lo); ok; ok = s.next() {
			if r.Keys[i]++; r.Keys[i]%checkEvery == 0 && ctx.Err() != nil {
				return errors.Join(ctx.Err(), s.close())
			}
		}
		if err := s.close(); err != nil {
			return err
		}
		if extra := r.Keys[i] - wanted[i]; ix.Ready && extra > 0 {
			r.Extra += extra
			r.problem(i, fmt.Sprintf("%d entries belong to no document", extra))
		}
	}
	return nil
}
