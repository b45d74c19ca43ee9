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
	{name: "text", check: checkText},
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

// maxWeight is what the weight of a field of a text index must be below.
const maxWeight = 100000

// checkText checks the options of a text index.
func checkText(given document.Doc) error {
	for _, check := range []func(document.Doc) error{checkTextTypes, checkTextValues} {
		if err := check(given); err != nil {
			return err
		}
	}
	return nil
}

func checkTextTypes(given document.Doc) error {
	fail := func(name, want string) error {
		return inSpecification(given, mongoerr.New(mongoerr.TypeMismatch, "The field '%s' must be %s, but got %s", name, want, given.Lookup(name).Type))
	}
	weights, version := given.Lookup("weights"), given.Lookup("textIndexVersion")
	switch {
	case !weights.IsMissing() && weights.Type != document.TypeDocument && weights.Type != document.TypeString:
		return fail("weights", "an object")
	case !version.IsMissing() && !version.IsNumber():
		return fail("textIndexVersion", "a number")
	}
	for _, name := range []string{"default_language", "language_override"} {
		if v := given.Lookup(name); !v.IsMissing() && v.Type != document.TypeString {
			return fail(name, "a string")
		}
	}
	return nil
}

func checkTextValues(given document.Doc) error {
	fail := func(format string, args ...any) error {
		return inSpecification(withVersion(given), cannotCreate(format, args...))
	}
	for it := given.Lookup("weights").Doc().Iter(); it.Next(); {
		switch n, isNumber := it.Value().ToInt64(); {
		case !it.Value().IsNumber() || !isNumber:
			return fail("weight for text index needs numeric type")
		case n <= 0 || n >= maxWeight:
			return fail("text index weight must be in the exclusive interval (0,%d) but found: %d", maxWeight, n)
		}
	}
	override, version := given.Lookup("language_override"), given.Lookup("textIndexVersion")
	switch n, _ := version.ToInt64(); {
	case !override.IsMissing() && (override.Str() == "" || override.Str()[0] == '$'):
		return fail("language_override is not valid")
	case !version.IsMissing() && (n < 1 || n > 3):
		return fail("bad textIndexVersion: %d", n)
	case !given.Lookup("collation").IsMissing() && given.Lookup("collation").Doc().Lookup("locale").Str() != "simple":
		return fail("Index type 'text' does not support collation: %s", given.Lookup("collation").Shell())
	}
	return nil
}
