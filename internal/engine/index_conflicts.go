package engine

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
)

// maxIndexes is the most indexes that a collection may have, as in mongod.
const maxIndexes = 64

// newSpecs returns the specifications that coll has no index for yet, or mongod's error for a conflict, with an index that
// is there or with another one of the same command.
func newSpecs(coll *Collection, specs []document.Doc) (fresh []document.Doc, err error) {
	var there []document.Doc
	for _, ix := range coll.Indexes {
		there = append(there, ix.Spec)
	}
	for _, spec := range specs {
		if skip, err := coll.checkSpec(spec); err != nil {
			return nil, err
		} else if skip {
			continue
		}
		if _, err := newPattern(spec); err != nil {
			return nil, patternError(err)
		}
		exists, err := conflict(there, spec)
		if err != nil {
			return nil, err
		}
		if exists {
			continue
		}
		fresh = append(fresh, spec)
	}
	for i, spec := range fresh {
		switch exists, err := conflict(fresh[:i], spec); {
		case err != nil:
			return nil, err
		case exists:
			return nil, mongoerr.New(mongoerr.OperationFailed, "Cannot build two identical indexes. Try again without duplicate indexes.")
		}
	}
	if err := checkSecondText(there, fresh); err != nil {
		return nil, err
	}
	if n := len(coll.Indexes); n+len(fresh) > maxIndexes {
		return nil, mongoerr.New(mongoerr.CannotCreateIndex, "add index fails, too many indexes for %s key:%s", coll.NS, fresh[maxIndexes-n].Lookup("key").Shell())
	}
	return fresh, nil
}

// SecondTextIndex is the error for a second text index.
type SecondTextIndex struct{ err *mongoerr.Error }

func (e SecondTextIndex) Error() string { return e.err.Error() }

// Unwrap returns the error that clients see.
func (e SecondTextIndex) Unwrap() error { return e.err }

// checkSecondText refuses a second text index, beside one that is there or another new one.
func checkSecondText(there, fresh []document.Doc) error {
	first := ""
	for i, spec := range slices.Concat(there, fresh) {
		switch {
		case keys.KindOf(spec.Lookup("key").Doc()) != text.Kind:
		case first != "" && i >= len(there):
			return SecondTextIndex{mongoerr.New(mongoerr.CannotCreateIndex, "only one text index per collection allowed, found existing text index \"%s\"", first)}
		default:
			first = spec.Lookup("name").Str()
		}
	}
	return nil
}

// conflict compares a specification with those that are there. exists: there is such an index already.
//
// Two indexes are equivalent if they have the same entries: then there can be only one of them. Equivalent ones are identical if
// they also do the same otherwise; whether they are hidden does not matter.
func conflict(there []document.Doc, spec document.Doc) (exists bool, err error) {
	if isIDKey(spec.Lookup("key").Doc()) {
		return len(there) > 0, nil // the one on _id is there from the beginning, and leaves no choice, not even of its name
	}
	const requested = "Requested index: %s, existing index: %s"
	name := spec.Lookup("name").Str()
	i := slices.IndexFunc(there, func(d document.Doc) bool { return d.Lookup("name").Str() == name })
	if i >= 0 {
		switch old := there[i]; {
		case !equivalent(old, spec):
			return false, mongoerr.New(mongoerr.IndexKeySpecsConflict, "An existing index has the same name as the requested index. When index names are not specified, "+
				"they are auto generated and can cause conflicts. Please refer to our documentation. "+requested, shownSpec(spec).Shell(), shownSpec(old).Shell())
		case !identical(old, spec):
			return false, mongoerr.New(mongoerr.IndexOptionsConflict, "An equivalent index already exists with the same name but different options. "+requested,
				shownSpec(spec).Shell(), shownSpec(old).Shell())
		}
		return true, nil
	}
	j := slices.IndexFunc(there, func(d document.Doc) bool { return equivalent(d, spec) })
	switch {
	case j < 0:
		return false, nil
	case !identical(there[j], spec):
		return false, mongoerr.New(mongoerr.IndexOptionsConflict, "An equivalent index already exists with a different name and options. "+requested,
			shownSpec(spec).Shell(), shownSpec(there[j]).Shell())
	}
	return false, mongoerr.New(mongoerr.IndexOptionsConflict, "Index already exists with a different name: %s", there[j].Lookup("name").Str())
}

func equivalent(a, b document.Doc) bool {
	return document.CompareDocs(a.Lookup("key").Doc(), b.Lookup("key").Doc()) == 0 && sameCollation(a, b) && samePartial(a, b) && samePaths(a, b) &&
		a.Lookup("unique").Truthy() == b.Lookup("unique").Truthy() &&
		a.Lookup("sparse").Truthy() == b.Lookup("sparse").Truthy()
}

// samePartial compares partialFilterExpression, in which the order of conditions does not matter.
func samePartial(a, b document.Doc) bool {
	x, y := a.Lookup("partialFilterExpression").Doc(), b.Lookup("partialFilterExpression").Doc()
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	return document.CompareDocs(parsedFilter(x), parsedFilter(y)) == 0
}

func parsedFilter(d document.Doc) document.Doc {
	f, err := query.CompileFilter(d, query.FilterOptions{})
	if err != nil {
		return d
	}
	return f.Parsed()
}

// samePaths compares the wildcardProjection, which may say the same paths in several ways.
func samePaths(a, b document.Doc) bool {
	x, y := a.Lookup("wildcardProjection").Doc(), b.Lookup("wildcardProjection").Doc()
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	p, err := keys.CompileWildcard(a.Lookup("key").Doc(), x)
	if err != nil {
		return false
	}
	q, err := keys.CompileWildcard(b.Lookup("key").Doc(), y)
	return err == nil && p.Wildcard.Same(q.Wildcard)
}

// comparedElsewhere are the options that make indexes equivalent, and those that do not make a difference.
var comparedElsewhere = []string{"v", "key", "name", "ns", "background", "hidden", "collation", "partialFilterExpression", "unique", "sparse", "wildcardProjection", "2dsphereIndexVersion"}

// identical compares the options that equivalent leaves out.
func identical(a, b document.Doc) bool { return restCovers(a, b) && restCovers(b, a) }

func restCovers(a, b document.Doc) bool {
	for it := b.Iter(); it.Next(); {
		if !slices.Contains(comparedElsewhere, it.Key()) && !document.Equal(a.Lookup(it.Key()), it.Value()) {
			return false
		}
	}
	return true
}

// shownSpec is a specification as mongod's messages show it: with the flags of uniqueness in front.
func shownSpec(spec document.Doc) document.Doc {
	var b document.Builder
	front := []string{"v", "prepareUnique", "unique"}
	for _, name := range front {
		b.AppendValue(name, spec.Lookup(name))
	}
	for it := spec.Iter(); it.Next(); {
		if !slices.Contains(front, it.Key()) {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

// checkSpec refuses an index that the kind of the collection forbids. skip tells that the collection itself is that index.
func (c *Collection) checkSpec(spec document.Doc) (skip bool, err error) {
	_, expires := spec.Lookup("expireAfterSeconds").ToInt64()
	key := spec.Lookup("key").Doc()
	isID := key.Len() == 1 && !key.Lookup("_id").IsMissing()
	switch {
	case expires && c.Capped != nil:
		return false, mongoerr.New(mongoerr.CannotCreateIndex, "Cannot create TTL index on a capped collection")
	case spec.Lookup("clustered").Truthy() && !spec.Lookup("unique").Truthy():
		return false, mongoerr.New(mongoerr.CannotCreateIndex, "The 'unique' field is required when 'clustered' is specified")
	case spec.Lookup("clustered").Truthy() && !(c.Clustered && isID):
		return false, mongoerr.New(6243700, "Cannot create index with option 'clustered' that does not match an existing clustered index").
			WithContext("Error in specification %s", spec.Shell())
	}
	return c.Clustered && isID, nil
}
