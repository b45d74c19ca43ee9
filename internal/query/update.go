package query

import (
	"bytes"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Update is a compiled update. Immutable.
type Update struct {
	replacement document.Doc // not nil for a replacement
	root        *updateNode  // of operators
	pipeline    []*Transform // of a pipeline
	isPipeline  bool
	filter      *Filter
	collator    document.Collator // of strings, for operators that compare; nil: by bytes
	touchesID   bool              // an operator's path starts with _id
	deep        bool              // the result may be nested too deeply and must be looked at
}

// UpdateOptions are what an update refers to beside itself.
type UpdateOptions struct {
	Filter       *Filter        // the statement's filter: for the positional operator and for upserts
	ArrayFilters []document.Doc // for $[name]
	Multi        bool           // a replacement is refused
	Collator     document.Collator
	Expr         expr.Options           // of an update that is a pipeline
	KnownStage   func(name string) bool // a pipeline may have such a stage, if not an update; nil: none
}

// Env is what comes from outside the documents: the caller decides it once, so that a plan can be computed again.
type Env struct {
	NowMS     int64             // $currentDate: milliseconds since 1970
	Timestamp uint64            // $currentDate with {$type: "timestamp"}, and the empty timestamps of a replacement
	ID        document.ObjectID // the _id of an upserted document that has none
}

// CompileUpdate compiles an update: a document of operators, a replacement document, or an array of pipeline stages.
// The update aliases its bytes.
func CompileUpdate(update document.Value, opts UpdateOptions) (*Update, error) {
	switch update.Type {
	case document.TypeArray:
		return compilePipeline(update.Doc(), opts)
	case document.TypeDocument:
	default:
		return nil, mongoerr.New(mongoerr.FailedToParse, "Update argument must be either an object or an array")
	}
	if len(update.Doc().First().Key) > 0 && update.Doc().First().Key[0] == '$' {
		return compileOperators(update.Doc(), opts)
	}
	return compileReplacement(update.Doc(), opts)
}

// IsReplacement reports whether the update replaces the whole document.
func (u *Update) IsReplacement() bool { return u.replacement != nil }

// Apply returns the updated document; changed is false (and updated is old) if nothing was to be done. The result does
// not alias old when it changed. It is checked: _id is unchanged, names, depth and size are within MongoDB's rules.
func (u *Update) Apply(old document.Doc, env Env) (updated document.Doc, changed bool, err error) {
	updated, err = u.run(old, env, false)
	switch {
	case err != nil:
		return nil, false, err
	case u.isNoop(old, updated):
		return old, false, nil
	case len(updated) > document.MaxSize:
		return nil, false, mongoerr.New(17419, "Resulting document after update is larger than %d", document.MaxSize)
	}
	return updated, true, nil
}

// isNoop reports whether nothing was to be done. As in mongod, a replacement is compared as the client sent it, so that one without
// the _id counts as a change even if it changes nothing.
func (u *Update) isNoop(old, updated document.Doc) bool {
	if u.replacement != nil {
		return bytes.Equal(old, u.replacement)
	}
	return bytes.Equal(old, updated)
}

func (u *Update) run(old document.Doc, env Env, inserting bool) (document.Doc, error) {
	switch {
	case u.replacement != nil:
		return u.replace(old, env)
	case u.isPipeline:
		return u.runPipeline(old)
	}
	a := &applier{filter: u.filter, collator: u.collator, doc: old, env: env, inserting: inserting}
	out, err := a.object(make([]byte, 0, len(old)+64), old, u.root)
	if err != nil {
		return nil, err
	}
	updated := document.Doc(out)
	if u.touchesID {
		if err := u.checkID(old, updated); err != nil {
			return nil, err
		}
	}
	if u.deep {
		return updated, checkDepth(updated)
	}
	return updated, nil
}

// checkID refuses a change of an _id that was there.
func (u *Update) checkID(old, updated document.Doc) error {
	was, is := old.Lookup("_id"), updated.Lookup("_id")
	if was.IsMissing() || document.Identical(was, is) {
		return nil
	}
	path := u.root.child("_id").firstPath("_id")
	if path != "_id" && old.LookupPath(path).IsMissing() {
		return mongoerr.New(mongoerr.ImmutableField, "Updating the path '_id' to %s would modify the immutable field '_id'", elementText("_id", is))
	}
	return mongoerr.New(mongoerr.ImmutableField, "Performing an update on the path '%s' would modify the immutable field '_id'", path)
}

// checkDepth refuses what is nested too deeply to be stored.
func checkDepth(d document.Doc) error {
	if d.Depth() > document.MaxStoredDepth {
		return mongoerr.New(mongoerr.Overflow, "Document exceeds maximum nesting depth of %d", document.MaxStoredDepth)
	}
	return nil
}

// dollarNameError is mongod's answer to a top-level field whose name starts with $.
func dollarNameError(name string) error {
	return mongoerr.New(mongoerr.DollarPrefixedFieldName, "The dollar ($) prefixed field '%s' in '%s' is not allowed in the context of an update's replacement document. "+
		"Consider using an aggregation pipeline with $replaceWith.", name, name)
}
