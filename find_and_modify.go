package morton

import (
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// FindAndModifyOptions are options of FindOneAndUpdate, FindOneAndReplace and FindOneAndDelete.
type FindAndModifyOptions struct {
	Sort         any  // a document: which of several is taken
	Projection   any  // a document
	ReturnNew    bool // the document as it is afterwards, in place of what it was; not of FindOneAndDelete
	Upsert       bool // not of FindOneAndDelete
	ArrayFilters any  // an array of documents; of FindOneAndUpdate alone
	Hint         any  // an index's name or keys
	Collation    any  // a document
	Comment      any
	Let          any // a document of variables
	MaxTime      time.Duration

	BypassDocumentValidation bool // not of FindOneAndDelete
}

// FindOneAndUpdate updates the first document that matches filter and returns it, as it was before unless ReturnNew is set;
// [ErrNotFound] if there is none, or, with Upsert, was none before.
func (c *Collection[T]) FindOneAndUpdate(ctx context.Context, filter, update any, options ...FindAndModifyOptions) (T, error) {
	return c.findAndModify(ctx, filter, one(options), func(r *request) error { return r.update("update", update) })
}

// FindOneAndReplace is FindOneAndUpdate with a whole document.
func (c *Collection[T]) FindOneAndReplace(ctx context.Context, filter any, doc T, options ...FindAndModifyOptions) (T, error) {
	o := one(options)
	if o.ArrayFilters != nil {
		var none T
		return none, errReplaceArrays
	}
	return c.findAndModify(ctx, filter, o, func(r *request) error { return r.replacement("update", doc) })
}

// FindOneAndDelete deletes the first document that matches filter and returns it; [ErrNotFound] if there is none.
func (c *Collection[T]) FindOneAndDelete(ctx context.Context, filter any, options ...FindAndModifyOptions) (T, error) {
	o := one(options)
	if o.ReturnNew || o.Upsert || o.ArrayFilters != nil || o.BypassDocumentValidation {
		var none T
		return none, errors.New("morton: FindOneAndDelete changes nothing: ReturnNew, Upsert, ArrayFilters and BypassDocumentValidation are for FindOneAndUpdate")
	}
	return c.findAndModify(ctx, filter, o, func(r *request) error { r.body.AppendBool("remove", true); return nil })
}

func (c *Collection[T]) findAndModify(ctx context.Context, filter any, o FindAndModifyOptions, change func(*request) error) (value T, err error) {
	r := c.request("findAndModify")
	defer r.free()
	r.write, r.retry, r.maxTime = true, retryWrite, o.MaxTime
	if err := c.codec().appendDocument(&r.body, "query", filter); err != nil {
		return value, err
	}
	if err := change(r); err != nil {
		return value, err
	}
	if err := r.appendFindAndModify(&o); err != nil {
		return value, err
	}
	r.mute = c.concerns.unanswered(ctx)
	if r.mute && o.Hint != nil {
		return value, errMuteHint
	}
	reply, err := r.run(ctx)
	if err != nil {
		return value, err
	}
	if r.mute {
		return value, ErrNotFound
	}
	if concern := r.answer.concern; concern.Type == document.TypeDocument {
		err = &WriteError{Concern: concernFailure(concern), Labels: r.labels(r.desc.MaxWire, 0)}
	}
	v := reply.Lookup("value")
	switch {
	case v.Type == document.TypeDocument:
		if failed := c.codec().decode(v.Doc(), &value); failed != nil {
			return value, failed
		}
	case err == nil:
		err = ErrNotFound
	}
	return value, err
}

func (r *request) appendFindAndModify(o *FindAndModifyOptions) error {
	if err := r.sort(o.Sort); err != nil {
		return err
	}
	if err := r.document("fields", o.Projection); err != nil {
		return err
	}
	r.body.AppendBool("new", o.ReturnNew)
	if o.Upsert {
		r.body.AppendBool("upsert", true)
	}
	if o.BypassDocumentValidation {
		r.body.AppendBool("bypassDocumentValidation", true)
	}
	if err := r.value("arrayFilters", o.ArrayFilters); err != nil {
		return err
	}
	if err := r.hint(o.Hint); err != nil {
		return err
	}
	if err := r.collation(o.Collation); err != nil {
		return err
	}
	if err := r.comment(o.Comment); err != nil {
		return err
	}
	return r.document("let", o.Let)
}
