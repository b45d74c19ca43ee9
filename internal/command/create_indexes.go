package command

import (
	"cmp"
	"context"
	"errors"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
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
	ns, buckets := o.ns, o.timeseries()
	var original []document.Doc
	if buckets != nil {
		var err error
		if a.indexes, original, err = bucketIndexes(buckets.Timeseries, a.indexes); err != nil {
			return err
		}
		ns = buckets.NS
	} else if err := cmp.Or(o.notShown(), o.notView()); err != nil {
		return err
	}
	if err := o.checkCreate(); err != nil {
		return err
	}
	var specs []document.Doc
	for i, given := range a.indexes {
		spec, err := normalizeIndex(given, a.ignoreUnknown)
		if err != nil {
			return err
		}
		if buckets != nil {
			spec = withOriginal(spec, original[i])
		}
		specs = append(specs, spec)
	}
	quorum, err := o.commitQuorum(a.commitQuorum)
	if err != nil {
		return err
	}
	done, err := o.d.engine.CreateIndexes(ctx, ns, specs)
	o.noteTime(done.Time)
	if e := mongoerr.From(err); e != nil && e.Code == mongoerr.CannotCreateIndex && len(a.indexes) == 1 && !errors.As(err, new(engine.SecondTextIndex)) {
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
		o.lockedNothing = true
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
	case isNumber && (n < 0 || n > 50):
		return 0, mongoerr.New(mongoerr.FailedToParse, "commitQuorum has to be a non-negative number and not greater than 50")
	case isNumber && n > int64(members):
		return 0, mongoerr.New(mongoerr.UnsatisfiableCommitQuorum, "Not enough data-bearing nodes to satisfy commit quorum")
	case isNumber:
		return int(n), nil
	case v.Str() == "":
		return 0, mongoerr.New(mongoerr.FailedToParse, "commitQuorum can't be an empty string")
	case v.Str() == "votingMembers":
		return members, nil
	case v.Str() == "majority":
		return members/2 + 1, nil
	}
	return 0, mongoerr.New(mongoerr.UnknownReplWriteConcern, "No write concern mode named '%s' found in replica set configuration", v.Str())
}

// normalizeIndex checks the specification of an index and returns it as listIndexes shows it: {v, key, name, ...}.
func normalizeIndex(given document.Doc, ignoreUnknown bool) (document.Doc, error) {
	fail := func(err *mongoerr.Error) (document.Doc, error) {
		return nil, err.WithContext("Error in specification %s", given.Shell())
	}
	var b document.Builder
	b.AppendInt32("v", versionOf(given))
	key, name := given.Lookup("key"), given.Lookup("name")
	switch {
	case key.IsMissing():
		return fail(mongoerr.New(mongoerr.FailedToParse, "The 'key' field is a required property of an index specification"))
	case key.Type != document.TypeDocument:
		return fail(mongoerr.New(mongoerr.TypeMismatch, "The field 'key' must be an object, but got %s", key.Type))
	case key.Doc().IsEmpty():
		return fail(mongoerr.New(mongoerr.CannotCreateIndex, "Index keys cannot be empty."))
	}
	if err := checkIndexKind(given); err != nil {
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
	case given.Lookup("unique").Truthy() && given.Lookup("prepareUnique").Truthy():
		return fail(mongoerr.New(mongoerr.CannotCreateIndex,
			"Invalid index specification %s; cannot create an index with the 'unique' option and the 'prepareUnique' option", given.Shell()))
	case name.Str() == "*":
		return nil, mongoerr.New(mongoerr.BadValue, "The index name '*' is not valid.")
	}
	if err := checkExpiry(given); err != nil {
		return nil, err
	}
	switch {
	case !key.Doc().Lookup("_id").IsMissing() && key.Doc().Len() == 1 && !isText(given):
		if err := checkIDIndex(given); err != nil {
			return nil, err
		}
		if err := checkIDOptions(given); err != nil && !given.Lookup("clustered").Truthy() {
			return nil, err
		}
	case name.Str() == idIndexName:
		return nil, mongoerr.New(mongoerr.BadValue, "The index name '_id_' is reserved for the _id index, which must have key pattern {_id: 1}, found key: %s", key.Shell())
	}
	kept, err := withText(given)
	if err != nil {
		return nil, err
	}
	if err := checkIndexSpec(given); err != nil {
		return nil, mongoerr.From(err).WithContext("Error in specification %s", withVersion(given).Shell())
	}
	b.AppendValue("key", kept.Lookup("key"))
	b.AppendValue("name", name)
	given = withSphereVersion(kept)
	for _, option := range indexOptions {
		if v := given.Lookup(option.name); option.append != nil && !v.IsMissing() {
			if err := option.append(&b, given, v); err != nil {
				return nil, err
			}
		}
	}
	return b.Finish(), nil
}

const idIndexName = "_id_"
