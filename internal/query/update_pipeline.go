package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// updateStages are the stages that an update may have.
var updateStages = map[string]bool{"$addFields": true, "$set": true, "$project": true, "$unset": true, "$replaceRoot": true, "$replaceWith": true}

// compilePipeline compiles an update that is a pipeline.
func compilePipeline(stages document.Doc, opts UpdateOptions) (*Update, error) {
	if len(opts.ArrayFilters) > 0 {
		return nil, mongoerr.New(mongoerr.FailedToParse, "arrayFilters may not be specified for pipeline-syle updates")
	}
	u := &Update{filter: opts.Filter, isPipeline: true}
	options := opts.Expr
	options.Failed = "Failed to optimize pipeline"
	for it := stages.Iter(); it.Next(); {
		d := it.Value().Doc()
		if d.Len() != 1 {
			return nil, mongoerr.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		e := d.First()
		switch {
		case updateStages[e.Key]:
		case opts.KnownStage != nil && opts.KnownStage(e.Key):
			return nil, mongoerr.New(mongoerr.InvalidOptions, "%s is not allowed to be used within an update", e.Key)
		default:
			return nil, mongoerr.New(40324, "Unrecognized pipeline stage name: '%s'", e.Key)
		}
		t, err := CompileTransform(e.Key, e.Value, options)
		if err != nil {
			return nil, err
		}
		u.pipeline = append(u.pipeline, t)
	}
	return u, nil
}

// runPipeline returns what the pipeline makes of old. A result without an _id keeps old's.
func (u *Update) runPipeline(old document.Doc) (document.Doc, error) {
	var x expr.Evaluator
	doc := old
	for _, t := range u.pipeline {
		out, err := t.Apply(nil, doc, &x)
		if err != nil {
			return nil, err
		}
		doc = out
	}
	was, id := old.Lookup("_id"), doc.Lookup("_id")
	switch {
	case was.IsMissing():
		return doc, checkDepth(doc)
	case id.IsMissing():
		dst := appendElement(make([]byte, 4, len(doc)+len(was.Data)+8), "_id", was)
		for it := doc.Iter(); it.Next(); {
			dst = appendElement(dst, it.Key(), it.Value())
		}
		doc = endDoc(dst, 0)
	case !document.Identical(was, id):
		return nil, mongoerr.New(mongoerr.ImmutableField, "Performing an update on the path '_id' would modify the immutable field '_id'")
	}
	return doc, checkDepth(doc)
}
