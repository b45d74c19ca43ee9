package command

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/pipeline"
)

// What the commands that work on collections have to say of views, and what a view's pipeline may be.

// notView refuses the command's namespace if it is a view's.
func (o *operation) notView() error {
	if !o.d.engine.IsView(o.ns) {
		return nil
	}
	if o.timeseries() != nil {
		return isTimeseries(o.ns)
	}
	return isView(o.ns)
}

func isView(ns string) error {
	return mongoerr.New(mongoerr.CommandNotSupportedOnView, "Namespace %s is a view, not a collection", ns)
}

// notShown refuses collections that only show what the server knows.
func (o *operation) notShown() error {
	if engine.IsViews(o.ns) || engine.IsProfile(o.ns) {
		return mongoerr.New(mongoerr.InvalidNamespace, "cannot write to %s", o.ns)
	}
	return nil
}

// refuseBatch answers a batch of writes to what only can be read: each of its statements has the error.
func (o *operation) refuseBatch(a *batchArgs, n int) (refused bool, err error) {
	if err := o.notShown(); err != nil {
		return true, err
	}
	mistake := mongoerr.From(o.notView())
	if mistake == nil || o.timeseries() != nil {
		return false, nil
	}
	r := &batchResult{isUpdate: o.row.kind == kindUpdate}
	for i := range n {
		r.errors = append(r.errors, engine.WriteError{Index: i, Err: mistake})
		if a.ordered {
			break
		}
	}
	o.appendBatch(r)
	return true, nil
}

// checkViewPipeline refuses a pipeline that no view can have.
func checkViewPipeline(ns string, stages []document.Doc) error {
	for i, stage := range stages {
		if stage.Len() != 1 {
			return mongoerr.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		e := stage.First()
		if !knownStage(e.Key) {
			return mongoerr.New(40324, "Unrecognized pipeline stage name: '%s'", e.Key)
		}
		switch e.Key {
		case "$out", "$merge":
			return mongoerr.New(mongoerr.OptionNotSupportedOnView, "Invalid pipeline for view %s :: caused by :: The aggregation stage %s in location %d of the pipeline "+
				"cannot be used in the view definition of %s because it writes to disk", ns, e.Key, i, ns)
		case "$changeStream":
			return mongoerr.New(mongoerr.OptionNotSupportedOnView, "Invalid pipeline for view %s :: caused by :: $changeStream cannot be used in a view definition", ns)
		case "$match":
			if e.Value.Type != document.TypeDocument {
				return mongoerr.New(15959, "Invalid pipeline for view %s :: caused by :: the match filter must be an expression in an object", ns)
			}
		}
	}
	if err := pipeline.CheckSearches(stages); err != nil {
		return mongoerr.From(err).WithContext("Invalid pipeline for view %s", ns)
	}
	return nil
}
