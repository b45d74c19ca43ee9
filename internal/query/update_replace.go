package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// A replacement puts a whole new document in the place of one, which keeps its _id.

func compileReplacement(replacement document.Doc, opts UpdateOptions) (*Update, error) {
	if opts.Multi {
		return nil, mongoerr.New(mongoerr.FailedToParse, "multi update is not supported for replacement-style update")
	}
	if _, err := compileArrayFilters(opts.ArrayFilters, opts.Collator); err != nil { // checked, though of no use, as in mongod
		return nil, err
	}
	return &Update{replacement: replacement, filter: opts.Filter}, nil
}

// replace returns the replacement with old's _id, unless it brings an equal one, in front. Top-level timestamps of 0 become the
// time of the write.
func (u *Update) replace(old document.Doc, env Env) (document.Doc, error) {
	was, id := old.Lookup("_id"), u.replacement.Lookup("_id")
	if id.IsMissing() {
		id = was
	}
	dst := make([]byte, 4, len(u.replacement)+len(id.Data)+8)
	if !id.IsMissing() {
		dst = appendElement(dst, "_id", id)
	}
	for it := u.replacement.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		switch {
		case name == "_id":
			continue
		case len(name) > 0 && name[0] == '$':
			return nil, dollarNameError(name)
		case v.Type == document.TypeTimestamp && v.Timestamp() == 0:
			v = document.Timestamp(env.Timestamp)
		}
		dst = appendElement(dst, name, v)
	}
	if !was.IsMissing() && !document.Equal(was, id) {
		return nil, mongoerr.New(mongoerr.ImmutableField, "After applying the update, the (immutable) field '_id' was found to have been altered to %s", elementText("_id", id))
	}
	updated := document.Doc(endDoc(dst, 0))
	return updated, checkDepth(updated)
}
