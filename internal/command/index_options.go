package command

import (
	"errors"
	"math"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// indexOption is what may stand in the specification of an index.
type indexOption struct {
	name  string
	check func(document.Value) error // of its type; nil: any
	// append adds the option to a specification as listIndexes shows it. Nil: it is no part of the index.
	append func(b *document.Builder, given document.Doc, v document.Value) error
}

// indexOptions are in the order in which listIndexes shows them.
var indexOptions = []indexOption{
	{name: "v", check: indexVersion},
	{name: "key"},
	{name: "name"},
	{name: "ns"},
	{name: "dropDups", check: flagOption("dropDups")},                                            // means nothing since MongoDB 3.0
	{name: "background", check: flagOption("background"), append: appendGivenFlag("background")}, // builds never stand in the way of reads and writes
	{name: "unique", check: flagOption("unique"), append: appendFlag("unique")},
	{name: "hidden", check: hiddenOption, append: appendFlag("hidden")},
	{name: "partialFilterExpression", check: partialOption, append: appendValue("partialFilterExpression")},
	{name: "sparse", check: flagOption("sparse"), append: appendGivenFlag("sparse")},
	{name: "expireAfterSeconds", append: appendExpiry},
	{name: "storageEngine", append: appendValue("storageEngine")},
	{name: "weights", check: weightsOption, append: appendValue("weights")}, // of text indexes only
	{name: "default_language", check: stringOption("default_language"), append: appendValue("default_language")},
	{name: "language_override", check: stringOption("language_override"), append: appendValue("language_override")},
	{name: "textIndexVersion", check: numberOption("textIndexVersion"), append: appendWhole("textIndexVersion")},
	{name: "2dsphereIndexVersion", check: numberOption("2dsphereIndexVersion"), append: appendWhole("2dsphereIndexVersion")},
	{name: "bits", check: numberOption("bits"), append: appendWhole("bits")},
	{name: "min", check: numberOption("min"), append: appendDouble("min")},
	{name: "max", check: numberOption("max"), append: appendDouble("max")},
	{name: "collation", check: collationOption, append: appendIndexCollation},
	{name: "wildcardProjection", append: appendValue("wildcardProjection")}, // of wildcard indexes only
	{name: "coarsestIndexedLevel", check: flagOption("coarsestIndexedLevel"), append: appendWhole("coarsestIndexedLevel")},
	{name: "finestIndexedLevel", check: flagOption("finestIndexedLevel"), append: appendWhole("finestIndexedLevel")},
	{name: "clustered", append: appendFlag("clustered")},
	{name: "prepareUnique", check: flagOption("prepareUnique"), append: appendFlag("prepareUnique")},
}

// checkIndexOption refuses options that are unknown, of the wrong type, or ask for what there is not.
func checkIndexOption(given document.Doc, name string, v document.Value, ignoreUnknown bool) error {
	option, known := findIndexOption(name)
	if !known {
		if ignoreUnknown {
			return nil
		}
		return mongoerr.New(mongoerr.InvalidIndexSpecificationOption, "The field '%s' is not valid for an index specification. Specification: %s",
			name, given.Shell()).WithContext("Error in specification %s", given.Shell())
	}
	if option.check != nil {
		if err := option.check(v); err != nil {
			return mongoerr.From(err).WithContext("Error in specification %s", given.Shell())
		}
	}
	if name == "weights" && !isText(given) {
		return inSpecification(given, cannotCreate("Invalid index specification %s; the field 'weights' can only be specified with text indexes", given.Shell()))
	}
	if name == "wildcardProjection" && !isWildcard(given) {
		return inSpecification(given, mongoerr.New(mongoerr.BadValue, "The field 'wildcardProjection' is only allowed in an 'wildcard' index"))
	}
	return nil
}

func findIndexOption(name string) (indexOption, bool) {
	for _, option := range indexOptions {
		if option.name == name {
			return option, true
		}
	}
	return indexOption{}, false
}

func indexVersion(v document.Value) error {
	n, ok := v.AsInt64()
	switch {
	case !v.IsNumber():
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'v' must be a number, but got %s", v.Type)
	case !ok || n < 1 || n > 2:
		return mongoerr.New(mongoerr.CannotCreateIndex, "Invalid index specification; cannot create an index with v=%s", v.Shell())
	}
	return nil
}

func versionOf(spec document.Doc) int32 {
	if n, ok := spec.Lookup("v").AsInt64(); ok {
		return int32(n)
	}
	return 2
}

func hiddenOption(v document.Value) error {
	if v.Type != document.TypeBool {
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'name' must be a bool, but got %s", v.Type) // its name is mongod's mistake
	}
	return nil
}

func flagOption(name string) func(document.Value) error {
	return func(v document.Value) error {
		if v.Type != document.TypeBool && !v.IsNumber() {
			return mongoerr.New(mongoerr.TypeMismatch, "The field '%s has value %s: %s, which is not convertible to bool", name, name, v.Shell())
		}
		return nil
	}
}

func partialOption(v document.Value) error {
	if v.Type != document.TypeDocument {
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'partialFilterExpression' must be an object, but got %s", v.Type)
	}
	f, err := query.CompileFilter(v.Doc(), query.FilterOptions{})
	switch {
	case errors.Is(err, query.ErrTextIndexRequired):
		return mongoerr.New(mongoerr.BadValue, "$text is not allowed in this context")
	case err != nil:
		return err
	}
	return illegalInPartial(f.Root())
}

// illegalInPartial refuses what may not even be read in a partialFilterExpression.
func illegalInPartial(n *query.Node) error {
	const not = "%s is not allowed in this context"
	switch n.Op {
	case "$expr", "$jsonSchema":
		return mongoerr.New(mongoerr.QueryFeatureNotAllowed, not, n.Op)
	case "$where", "$text":
		return mongoerr.New(mongoerr.BadValue, not, n.Op)
	case "$near", "$nearSphere", "$geoNear":
		return mongoerr.New(5626500, not, "$geoNear, $near, and $nearSphere are")
	}
	for _, c := range n.Children {
		if err := illegalInPartial(c); err != nil {
			return err
		}
	}
	return nil
}

// partialOps are the operators that a partialFilterExpression may be made of.
var partialOps = map[query.Op]bool{
	query.OpAnd: true, query.OpOr: true, query.OpEq: true, query.OpLt: true, query.OpLte: true, query.OpGt: true, query.OpGte: true,
	query.OpExists: true, query.OpType: true, query.OpIn: true, query.OpAlwaysFalse: true, "$geoWithin": true, "$geoIntersects": true,
}

func unsupportedInPartial(n *query.Node) *query.Node {
	if !partialOps[n.Op] {
		return n
	}
	for _, c := range n.Children {
		if bad := unsupportedInPartial(c); bad != nil {
			return bad
		}
	}
	return nil
}

// checkIndexSpec checks what mongod checks last: names, and options that do not go together.
func checkIndexSpec(given document.Doc) error {
	name, partial, engine := given.Lookup("name").Str(), given.Lookup("partialFilterExpression"), given.Lookup("storageEngine")
	fail := func(format string, args ...any) error {
		return mongoerr.New(mongoerr.CannotCreateIndex, format, args...)
	}
	switch {
	case name == "":
		return fail("index name cannot be empty")
	case strings.ContainsRune(name, 0):
		return fail("index name cannot contain NUL bytes")
	case !engine.IsMissing() && engine.Type != document.TypeDocument:
		return fail(`"storageEngine" options must be a document if present`)
	case !engine.IsMissing() && engine.Doc().IsEmpty():
		return fail(`Empty "storageEngine" options are invalid. Please remove the field or include valid options.`)
	case !engine.IsMissing():
		return checkStorageEngine(engine.Doc())
	case !partial.IsMissing() && given.Lookup("sparse").Truthy():
		return fail(`cannot mix "partialFilterExpression" and "sparse" options`)
	case !partial.IsMissing():
		f, err := query.CompileFilter(partial.Doc(), query.FilterOptions{})
		if err != nil {
			return err
		}
		if bad := unsupportedInPartial(f.Root()); bad != nil {
			return fail("Expression not supported in partial index: %s", bad.DebugString())
		}
	}
	return nil
}

// checkStorageEngine takes options for the storage engine that clients believe to talk to, if they say nothing.
func checkStorageEngine(options document.Doc) error {
	for it := options.Iter(); it.Next(); {
		switch {
		case it.Key() != "wiredTiger":
			return mongoerr.New(mongoerr.InvalidOptions, "%s is not a registered storage engine for this server", it.Key())
		case it.Value().Doc().Lookup("configString").Str() != "":
			return notImplemented("storageEngine.wiredTiger.configString of an index")
		}
	}
	return nil
}

// idOptions are the options that the index on _id may have.
var idOptions = map[string]bool{"v": true, "key": true, "name": true, "ns": true, "collation": true}

func checkIDOptions(given document.Doc) error {
	for it := given.Iter(); it.Next(); {
		if !idOptions[it.Key()] {
			return mongoerr.New(mongoerr.InvalidIndexSpecificationOption, "The field '%s' is not valid for an _id index specification. Specification: %s",
				it.Key(), withVersion(given).Shell())
		}
	}
	return nil
}

// checkExpiry checks expireAfterSeconds.
func checkExpiry(given document.Doc) error {
	v := given.Lookup("expireAfterSeconds")
	fail := func(format string, args ...any) error {
		return mongoerr.New(mongoerr.CannotCreateIndex, format+" Index spec: %s", append(args, given.Shell())...)
	}
	n, _ := v.ToInt64()
	switch {
	case v.IsMissing():
		return nil
	case !v.IsNumber():
		return fail("TTL index 'expireAfterSeconds' option must be numeric, but received a type of '%s'.", v.Type)
	case n < 0:
		return fail("TTL index 'expireAfterSeconds' option cannot be less than 0.")
	case n > math.MaxInt32:
		return fail("TTL index 'expireAfterSeconds' option must be within an acceptable range, try a lower number.")
	case given.Lookup("key").Doc().Len() > 1:
		return fail("TTL indexes are single-field indexes, compound indexes do not support TTL.")
	}
	return nil
}

// appendExpiry appends expireAfterSeconds as a whole number. Not a number is never, as in mongod.
func appendExpiry(b *document.Builder, _ document.Doc, v document.Value) error {
	n, _ := v.ToInt64()
	if f, _ := v.AsFloat64(); f != f {
		n = math.MaxInt32
	}
	b.AppendInt32("expireAfterSeconds", int32(n))
	return nil
}

// appendFlag appends a flag that counts only if it is set.
func appendFlag(name string) func(*document.Builder, document.Doc, document.Value) error {
	return func(b *document.Builder, _ document.Doc, v document.Value) error {
		if v.Truthy() {
			b.AppendBool(name, true)
		}
		return nil
	}
}

func appendGivenFlag(name string) func(*document.Builder, document.Doc, document.Value) error {
	return func(b *document.Builder, _ document.Doc, v document.Value) error {
		b.AppendBool(name, v.Truthy())
		return nil
	}
}

func appendValue(name string) func(*document.Builder, document.Doc, document.Value) error {
	return func(b *document.Builder, _ document.Doc, v document.Value) error {
		b.AppendValue(name, v)
		return nil
	}
}
