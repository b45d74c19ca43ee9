package morton

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// Write is one write of [Collection.BulkWrite]: an [Insert], [Update], [Replace] or [Delete], not a pointer to one.
type Write interface {
	statement() statement
	hinted() bool
	// appendTo appends the statement as the command has it.
	appendTo(c codec, b *document.Builder) error
}

// Insert inserts a document, of the collection's type or of another.
type Insert struct{ Document any }

// Update updates the first document that matches Filter, or all.
type Update struct {
	Filter, Update any
	Many           bool
	Upsert         bool
	ArrayFilters   any // an array of documents
	Hint           any // an index's name or keys
	Collation      any // a document
	Sort           any // a document; not with Many
}

// Replace replaces the first document that matches Filter.
type Replace struct {
	Filter, Document any
	Upsert           bool
	Hint             any // an index's name or keys
	Collation        any // a document
	Sort             any // a document
}

// Delete deletes the first document that matches Filter, or all.
type Delete struct {
	Filter    any
	Many      bool
	Hint      any // an index's name or keys
	Collation any // a document
}

// BulkOptions are options of BulkWrite.
type BulkOptions struct {
	// Unordered goes on with the other writes where one fails.
	Unordered                bool
	BypassDocumentValidation bool // of insertions, updates and replacements
	Comment                  any
	Let                      any // a document of variables for updates, replacements and deletions
}

// BulkResult is what writes did.
type BulkResult struct {
	Inserted, Matched, Modified, Deleted, Upserted int64
	UpsertedIDs                                    map[int]any // by the write's index
	InsertedIDs                                    map[int]any // without those that failed
	Acknowledged                                   bool        // false: the server was not asked what became of them
}

var (
	errNoWrites = errors.New("morton: there is nothing to write: the list is empty")
	errLet      = errors.New("morton: Let is for updates, replacements and deletions: insertions have no expressions")
	errBypass   = errors.New("morton: BypassDocumentValidation is for insertions, updates and replacements: what is deleted is not validated")
	errManySort = errors.New("morton: Sort says which of several documents is changed: it is not for all of them")
	errMuteHint = errors.New("morton: a hint needs an acknowledged write: with w: 0 nobody would hear that there is no such index")
)

// BulkWrite does writes of all kinds, in few commands. If some fail the error is a [WriteError], which says which and what was done;
// the others were done, unless Unordered is not set and they come after the one that failed.
func (c *Collection[T]) BulkWrite(ctx context.Context, writes []Write, options ...BulkOptions) (BulkResult, error) {
	var result BulkResult
	if len(writes) == 0 {
		return result, errNoWrites
	}
	if err := checkWrites(writes); err != nil {
		return result, err
	}
	o := one(options)
	all := func(kind writeKind) bool {
		return !slices.ContainsFunc(writes, func(w Write) bool { return w.statement().kind != kind })
	}
	switch {
	case o.Let != nil && all(insertKind):
		return result, errLet
	case o.BypassDocumentValidation && all(deleteKind):
		return result, errBypass
	}
	if c.concerns.unanswered(ctx) {
		for _, w := range writes {
			if w.hinted() {
				return result, errMuteHint
			}
		}
	}
	ctx, cancel := c.concerns.limit(ctx)
	defer cancel()
	var failed WriteError
	shared := writeOptions{unordered: o.Unordered, bypass: o.BypassDocumentValidation, comment: o.Comment, let: o.Let}
	for _, run := range runs(writes, o.Unordered) {
		done, err := c.writes(ctx, run[0].kind, run, func(dst []byte, i int) ([]byte, error) {
			return c.appendWrite(dst, writes[run[i].index], run[i].index, &result)
		}, &shared, &result, &failed)
		if err != nil {
			return result, failed.or(err, result)
		}
		if done {
			break
		}
	}
	return result, failed.or(nil, result)
}

// checkWrites refuses what only looks like a write: a pointer to one, a struct around one, nil.
func checkWrites(writes []Write) error {
	for i, w := range writes {
		switch w.(type) {
		case Insert, Update, Replace, Delete:
		default:
			return fmt.Errorf("morton: write %d is a %T: use Insert, Update, Replace or Delete, and no pointers", i, w)
		}
	}
	return nil
}

// appendWrite appends one statement.
func (c *Collection[T]) appendWrite(dst []byte, w Write, index int, result *BulkResult) ([]byte, error) {
	insert, is := w.(Insert)
	if !is {
		b := document.NewBuilder(dst)
		err := w.appendTo(c.codec(), &b)
		if err != nil {
			return dst, err
		}
		return b.FinishBuffer(), nil
	}
	d, err := c.codec().marshal(insert.Document)
	if err != nil {
		return dst, err
	}
	whole, id := withID(d)
	if result.InsertedIDs == nil {
		result.InsertedIDs = map[int]any{}
	}
	if result.InsertedIDs[index], err = c.goValue(id); err != nil {
		return dst, err
	}
	return append(dst, whole...), nil
}

// runs cuts the writes into commands: neighbours of one kind, or all of a kind where the order does not matter.
func runs(writes []Write, unordered bool) (runs [][]statement) {
	var byKind [3]int // index in runs, from 1 on
	for i, w := range writes {
		s := w.statement()
		s.index = i
		switch n := len(runs); {
		case unordered && byKind[s.kind] > 0:
			runs[byKind[s.kind]-1] = append(runs[byKind[s.kind]-1], s)
			continue
		case !unordered && n > 0 && runs[n-1][0].kind == s.kind:
			runs[n-1] = append(runs[n-1], s)
			continue
		}
		runs = append(runs, []statement{s})
		byKind[s.kind] = len(runs)
	}
	return runs
}

func (w Insert) statement() statement { return statement{kind: insertKind} }

func (w Insert) appendTo(codec, *document.Builder) error {
	panic("morton: a document is no statement")
}

func (w Insert) hinted() bool  { return false }
func (w Update) hinted() bool  { return w.Hint != nil }
func (w Replace) hinted() bool { return w.Hint != nil }
func (w Delete) hinted() bool  { return w.Hint != nil }

func (w Update) statement() statement { return statement{kind: updateKind, multi: w.Many} }

func (w Update) appendTo(c codec, b *document.Builder) error {
	if w.Many && w.Sort != nil {
		return errManySort
	}
	if err := c.appendDocument(b, "q", w.Filter); err != nil {
		return err
	}
	if err := appendUpdate(c, b, "u", w.Update); err != nil {
		return err
	}
	if w.Many {
		b.AppendBool("multi", true)
	}
	if w.Upsert {
		b.AppendBool("upsert", true)
	}
	if err := option(c, b, "arrayFilters", w.ArrayFilters); err != nil {
		return err
	}
	return appendChoice(c, b, w.Hint, w.Collation, w.Sort)
}

func (w Replace) statement() statement { return statement{kind: updateKind} }

func (w Replace) appendTo(c codec, b *document.Builder) error {
	if err := c.appendDocument(b, "q", w.Filter); err != nil {
		return err
	}
	if err := appendReplacement(c, b, "u", w.Document); err != nil {
		return err
	}
	if w.Upsert {
		b.AppendBool("upsert", true)
	}
	return appendChoice(c, b, w.Hint, w.Collation, w.Sort)
}

func (w Delete) statement() statement { return statement{kind: deleteKind, multi: w.Many} }

func (w Delete) appendTo(c codec, b *document.Builder) error {
	if err := c.appendDocument(b, "q", w.Filter); err != nil {
		return err
	}
	limit := int32(1)
	if w.Many {
		limit = 0
	}
	b.AppendInt32("limit", limit)
	return appendChoice(c, b, w.Hint, w.Collation, nil)
}

func appendChoice(c codec, b *document.Builder, hint, collation, sort any) error {
	if err := appendHint(c, b, hint); err != nil {
		return err
	}
	if err := option(c, b, "collation", collation); err != nil {
		return err
	}
	if err := inOrder("a sort's fields", sort); err != nil {
		return err
	}
	return option(c, b, "sort", sort)
}
