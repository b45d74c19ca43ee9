package command

import (
	"context"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

type createIndexesArgs struct {
	indexes       []document.Doc
	ignoreUnknown bool
	commitQuorum  document.Value
}

var createIndexesFields = newSchema("createIndexes",
	documents("indexes", func(a *createIndexesArgs) *[]document.Doc { return &a.indexes }).require(),
	safeBool("ignoreUnknownIndexOptions", func(a *createIndexesArgs) *bool { return &a.ignoreUnknown }),
	field[createIndexesArgs]{name: "commitQuorum", set: func(a *createIndexesArgs, v document.Value) error {
		a.commitQuorum = v
		if v.Type != document.TypeString && !v.IsNumber() {
			return wrongType(v.Type, "string", "long", "int", "decimal", "double")
		}
		return nil
	}},
).on(mongoerr.BadValue)

func runCreateIndexes(ctx context.Context, o *operation, a *createIndexesArgs) error {
	if len(a.indexes) == 0 {
		return mongoerr.New(mongoerr.BadValue, "Must specify at least one index to create")
	}
	if err := o.checkCreate(); err != nil {
		return err
	}
	var specs []document.Doc
	for _, given := range a.indexes {
		spec, err := normalizeIndex(given, a.ignoreUnknown)
		if err != nil {
			return err
		}
		specs = append(specs, spec)
	}
	if err := checkDuplicates(specs); err != nil {
		return err
	}
	quorum, err := o.commitQuorum(a.commitQuorum)
	if err != nil {
		return err
	}
	done, err := o.d.engine.CreateIndexes(ctx, o.ns, specs)
	o.noteTime(done.Time)
	if e := mongoerr.From(err); e != nil && e.Code == mongoerr.CannotCreateIndex && len(a.indexes) == 1 {
		err = e.WithContext("Error in specification %s", a.indexes[0].Shell())
	}
	if err == nil && quorum > 1 && !done.Time.IsZero() {
		err = o.d.log.WaitReplicated(ctx, done.Time, quorum)
	}
	if err != nil {
		return err
	}
	o.out.AppendInt32("numIndexesBefore", int32(done.Before))
	o.out.AppendInt32("numIndexesAfter", int32(done.After))
	if done.Before == done.After {
		o.out.AppendString("note", "all indexes already exist")
		return nil
	}
	o.out.AppendBool("createdCollectionAutomatically", done.CollectionCreated)
	if a.commitQuorum.IsMissing() {
		o.out.AppendString("commitQuorum", "votingMembers")
	} else {
		o.out.AppendValue("commitQuorum", a.commitQuorum)
	}
	if done.After-done.Before < len(specs) {
		o.out.AppendString("note", "index already exists")
	}
	return nil
}

// commitQuorum returns how many members must have the index before the command answers; 0 if the client did not say, 1 if
// the write concern says enough. An index goes through the log like any write, so that a majority has it at the end in any case
// (mongod waits for all voting members, and for ever if one is down).
func (o *operation) commitQuorum(v document.Value) (int, error) {
	members := 1
	if c := o.view.Config; c != nil {
		members = len(c.Members)
	}
	n, isNumber := v.ToInt64()
	switch {
	case v.IsMissing():
		return 0, nil
	case isNumber && n > int64(members):
		return 0, mongoerr.New(mongoerr.UnsatisfiableCommitQuorum, "Not enough data-bearing nodes to satisfy commit quorum")
	case isNumber && n < 0:
		return 0, mongoerr.New(mongoerr.FailedToParse, "commitQuorum has to be a non-negative number and not greater than 50; found: %d", n)
	case isNumber:
		return int(n), nil
	case v.Str() == "votingMembers":
		return members, nil
	case v.Str() == "majority":
		return members/2 + 1, nil
	}
	return 0, mongoerr.New(mongoerr.UnknownReplWriteConcern, "No write concern mode named '%s' found in replica set configuration", v.Str())
}

// checkDuplicates refuses a command that asks for the same index twice.
func checkDuplicates(specs []document.Doc) error {
	for i, a := range specs {
		for _, b := range specs[:i] {
			same := document.CompareDocs(a.Lookup("key").Doc(), b.Lookup("key").Doc()) == 0 && sameCollation(a, b)
			switch {
			case same && a.Lookup("name").Str() == b.Lookup("name").Str():
				return mongoerr.New(mongoerr.OperationFailed, "Cannot build two identical indexes. Try again without duplicate indexes.")
			case same && a.Lookup("unique").Truthy() == b.Lookup("unique").Truthy():
				return mongoerr.New(mongoerr.IndexOptionsConflict, "Index already exists with a different name: %s", b.Lookup("name").Str())
			}
		}
	}
	return nil
}

// indexOption is what may stand in the specification of an index.
type indexOption struct {
	check func(document.Value) error // of its type; nil: any
	keep  bool                       // it is part of the index
	// missing reports whether a value asks for something that there is not. Nil: never.
	missing func(document.Value) bool
}

var indexOptions = map[string]indexOption{
	"v":                       {check: indexVersion},
	"key":                     {keep: true},
	"name":                    {keep: true},
	"unique":                  {check: flagOption("unique"), keep: true},
	"sparse":                  {check: flagOption("sparse"), keep: true},
	"background":              {}, // builds never stand in the way of reads and writes
	"dropDups":                {missing: document.Value.Truthy},
	"ns":                      {},
	"hidden":                  {check: hiddenOption, missing: document.Value.Truthy},
	"expireAfterSeconds":      {missing: always},
	"partialFilterExpression": {missing: always},
	"collation":               {check: collationOption, keep: true},
	"storageEngine":           {missing: func(v document.Value) bool { return !v.Doc().IsEmpty() }},
	"weights":                 {missing: always},
	"default_language":        {missing: always},
	"language_override":       {missing: always},
	"textIndexVersion":        {missing: always},
	"2dsphereIndexVersion":    {missing: always},
	"bits":                    {missing: always},
	"min":                     {missing: always},
	"max":                     {missing: always},
	"wildcardProjection":      {missing: always},
	"clustered":               {missing: document.Value.Truthy},
	"prepareUnique":           {missing: document.Value.Truthy},
}

func always(document.Value) bool { return true }

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

// normalizeIndex checks the specification of an index and returns it as listIndexes shows it: {v, key, name, ...}.
func normalizeIndex(given document.Doc, ignoreUnknown bool) (document.Doc, error) {
	fail := func(err *mongoerr.Error) (document.Doc, error) {
		return nil, err.WithContext("Error in specification %s", given.Shell())
	}
	var b document.Builder
	b.AppendInt32("v", 2)
	key, name := given.Lookup("key"), given.Lookup("name")
	switch {
	case key.IsMissing():
		return fail(mongoerr.New(mongoerr.FailedToParse, "The 'key' field is a required property of an index specification"))
	case key.Type != document.TypeDocument:
		return fail(mongoerr.New(mongoerr.TypeMismatch, "The field 'key' must be an object, but got %s", key.Type))
	case key.Doc().IsEmpty():
		return fail(mongoerr.New(mongoerr.CannotCreateIndex, "Index keys cannot be empty."))
	}
	if err := checkIndexKinds(key.Doc()); err != nil {
		return nil, err
	}
	for it := given.Iter(); it.Next(); {
		if err := checkIndexOption(given, it.Key(), it.Value(), ignoreUnknown); err != nil {
			return nil, err
		}
	}
	switch {
	case name.IsMissing():
		return fail(mongoerr.New(mongoerr.FailedToParse, "The 'name' field is a required property of an index specification"))
	case name.Type != document.TypeString:
		return fail(mongoerr.New(mongoerr.TypeMismatch, "The field 'name' must be a string, but got %s", name.Type))
	case name.Str() == "":
		return fail(mongoerr.New(mongoerr.CannotCreateIndex, "index name cannot be empty"))
	case name.Str() == "*":
		return nil, mongoerr.New(mongoerr.BadValue, "The index name '*' is not valid.")
	case strings.ContainsRune(name.Str(), 0):
		return fail(mongoerr.New(mongoerr.CannotCreateIndex, "index name cannot contain NUL bytes"))
	}
	if !key.Doc().Lookup("_id").IsMissing() && key.Doc().Len() == 1 {
		if err := checkIDIndex(given); err != nil {
			return nil, err
		}
	} else if name.Str() == idIndexName {
		return nil, mongoerr.New(mongoerr.BadValue, "The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: %s", key.Shell())
	}
	b.AppendValue("key", key)
	b.AppendValue("name", name)
	for _, flag := range []string{"unique", "sparse"} {
		if given.Lookup(flag).Truthy() {
			b.AppendBool(flag, true)
		}
	}
	if err := appendIndexCollation(&b, given); err != nil {
		return nil, err
	}
	return b.Finish(), nil
}

// indexKinds are the values in a key pattern that stand for another kind of index than an ordered one.
var indexKinds = map[string]bool{"hashed": true, "text": true, "2d": true, "2dsphere": true}

// checkIndexKinds refuses the kinds of indexes that there are not.
func checkIndexKinds(key document.Doc) error {
	for it := key.Iter(); it.Next(); {
		if kind := it.Value().Str(); indexKinds[kind] {
			return notImplemented("an index of kind " + kind)
		}
		if path := it.Key(); path == "$**" || strings.HasSuffix(path, ".$**") {
			return notImplemented("a wildcard index")
		}
	}
	return nil
}

const idIndexName = "_id_"

// checkIndexOption refuses options that are unknown, of the wrong type, or ask for what there is not.
func checkIndexOption(given document.Doc, name string, v document.Value, ignoreUnknown bool) error {
	option, known := indexOptions[name]
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
	if option.missing != nil && option.missing(v) {
		return notImplemented("the index option " + name)
	}
	return nil
}
