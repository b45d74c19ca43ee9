package command

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// indexKind is what else than an ordered index a key pattern may ask for, by a word in the place of a direction or by a path.
type indexKind struct {
	name  string
	made  bool                           // there are such indexes
	check func(given document.Doc) error // what mongod checks of this kind alone
}

const wildcard = "wildcard" // no word in a key pattern: its paths end in $**

var indexKinds = []indexKind{
	{name: "hashed", made: true, check: checkHashed},
	{name: "text", made: true, check: checkTextKey},
	{name: "2d", made: true, check: nothingMore},
	{name: "2dsphere", made: true, check: checkSphere},
	{name: wildcard, made: true, check: checkWildcard},
}

// checkWildcardWords refuses the name of wildcard indexes in the place of a number, and paths of theirs in an index of another kind.
func checkWildcardWords(given document.Doc) error {
	var word string // that says the kind of the index
	path := false
	for it := given.Lookup("key").Doc().Iter(); it.Next(); {
		if v := it.Value(); v.Type == document.TypeString && word == "" {
			word = v.Str()
		}
		path = path || isWildcardPath(it.Key())
	}
	switch word {
	case wildcard:
		return inSpecification(given, cannotCreate("The key pattern value for an 'wildcard' index must be a non-zero number, not a string."))
	case "hashed", "2d", "2dsphere":
		if path {
			return inSpecification(given, cannotCreate("Index key contains an illegal field name: field name starts with '$'."))
		}
	}
	return nil
}

func nothingMore(document.Doc) error { return nil }

// checkIndexKind refuses key patterns of several kinds, those that their kind does not allow, and the kinds of indexes that there are not.
func checkIndexKind(given document.Doc) error {
	if err := checkWildcardWords(given); err != nil {
		return err
	}
	var names []string
	for it := given.Lookup("key").Doc().Iter(); it.Next(); {
		if name := kindOf(it.Element()); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 1 && !slices.Contains(names, wildcard) {
		return inSpecification(given, cannotCreate("Can't use more than one index plugin for a single index."))
	}
	for _, kind := range indexKinds {
		if !slices.Contains(names, kind.name) {
			continue
		}
		if err := kind.check(given); err != nil {
			return err
		}
		if !kind.made {
			return notImplemented("an index of kind " + kind.name)
		}
	}
	return nil
}

// kindOf returns the kind that a field of a key pattern asks for; empty if it is an ordered one, or wrong in any kind.
func kindOf(e document.Element) string {
	word, isWildcard := e.Str(), isWildcardPath(e.Key)
	switch {
	case isWildcard && e.IsNumber():
		return wildcard
	case isWildcard && word != "text":
		return ""
	case slices.ContainsFunc(indexKinds, func(k indexKind) bool { return k.name == word && word != wildcard }):
		return word
	}
	return ""
}

func isWildcardPath(path string) bool { return path == "$**" || strings.HasSuffix(path, ".$**") }

func cannotCreate(format string, args ...any) *mongoerr.Error {
	return mongoerr.New(mongoerr.CannotCreateIndex, format, args...)
}

func inSpecification(given document.Doc, err error) error {
	return mongoerr.From(err).WithContext("Error in specification %s", given.Shell())
}

func checkHashed(given document.Doc) error {
	if given.Lookup("unique").Truthy() {
		return mongoerr.New(16764, "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.")
	}
	return nil
}

// checkWildcard checks the key pattern, the projection, and the options that do not go with them.
func checkWildcard(given document.Doc) error {
	key := given.Lookup("key").Doc()
	n, _ := key.First().Value.AsFloat64()
	projection := given.Lookup("wildcardProjection")
	switch {
	case key.Len() > 1:
		return inSpecification(given, cannotCreate("wildcard indexes do not allow compounding"))
	case n == 0:
		return inSpecification(given, cannotCreate("Values in the index key pattern cannot be 0."))
	case n != n:
		return inSpecification(given, cannotCreate("Values in the index key pattern cannot be NaN."))
	case !(n > 0):
		return inSpecification(given, cannotCreate("A numeric value in a $** index key pattern must be positive."))
	case versionOf(given) < 2:
		return inSpecification(given, cannotCreate("bad index key pattern %s: 'wildcard' index plugin is not allowed with index version v:1", key.Shell()))
	case !projection.IsMissing():
		if err := checkWildcardProjection(key, projection); err != nil {
			return inSpecification(given, err)
		}
	}
	if err := checkExpiry(given); err != nil {
		return err
	}
	switch given = withVersion(given); {
	case given.Lookup("sparse").Truthy():
		return inSpecification(given, cannotCreate("Index type 'wildcard' does not support the sparse option"))
	case given.Lookup("unique").Truthy():
		return inSpecification(given, cannotCreate("Index type 'wildcard' does not support the unique option"))
	case !given.Lookup("expireAfterSeconds").IsMissing():
		return inSpecification(given, cannotCreate("Index type 'wildcard' cannot be a TTL index"))
	}
	return nil
}

// checkWildcardProjection checks which paths an index on all of them is to have: some, or all but some.
func checkWildcardProjection(key document.Doc, v document.Value) error {
	switch {
	case v.Type != document.TypeDocument:
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'wildcardProjection' must be a non-empty object, but got %s", v.Type)
	case key.First().Key != "$**":
		return mongoerr.New(mongoerr.FailedToParse, `The field 'wildcardProjection' is only allowed when 'key' is {"$**": ±1}`)
	case v.Doc().IsEmpty():
		return mongoerr.New(mongoerr.FailedToParse, "The 'wildcardProjection' field can't be an empty object")
	}
	if _, err := query.CompileProjection(v.Doc(), nil, query.ProjectionOptions{Plain: true}); err != nil {
		return mongoerr.From(err).WithContext("Failed to parse: wildcardProjection")
	}
	return nil
}

// isWildcard reports whether a specification is one of a wildcard index.
func isWildcard(given document.Doc) bool {
	first := given.Lookup("key").Doc().First()
	return isWildcardPath(first.Key) && first.IsNumber()
}
