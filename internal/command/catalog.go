package command

import (
	"context"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// The commands on databases, collections and what is known of them.

func catalogCommands() []*row {
	return []*row{
		{name: "create", help: "makes a collection", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(createFields, runCreate)},
		{name: "drop", help: "removes a collection", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropFields, runDrop)},
		{name: "dropDatabase", help: "removes a database", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropDatabaseFields, runDropDatabase)},
		{name: "listCollections", help: "the collections of a database", runs: onSecondaryIfAsked, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listCollectionsFields, runListCollections)},
		{name: "listDatabases", help: "the databases", runs: onSecondaryIfAsked, adminOnly: true, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listDatabasesFields, runListDatabases)},
		{name: "createIndexes", help: "makes indexes", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(createIndexesFields, runCreateIndexes)},
		{name: "listIndexes", help: "the indexes of a collection", runs: onSecondaryIfAsked, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listIndexesFields, runListIndexes)},
		{name: "dropIndexes", aliases: []string{"deleteIndexes"}, help: "removes indexes", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropIndexesFields, runDropIndexes)},
		{name: "dbStats", aliases: []string{"dbstats"}, help: "the size of a database", runs: whereReadable, readConcern: readConcernWrite, prepare: typed(dbStatsFields, runDBStats)},
		{name: "collStats", aliases: []string{"collstats"}, help: "the size of a collection", runs: onSecondaryIfAsked, readConcern: readConcernWrite, prepare: typed(collStatsFields, runCollStats)},
	}
}

type createArgs struct {
	capped                                    bool
	size, max, flags                          int64
	hasSize, hasMax                           bool
	validator, collation, timeseries          document.Doc
	storageEngine, indexDefaults, idIndex     document.Doc
	encrypted                                 document.Doc
	level, action, viewOn                     string
	clustered, autoIndexID, temp, preImagesOf document.Value
	expireAfter                               document.Value
	pipeline                                  []document.Doc
	preImages                                 struct{ enabled bool }
	recordPreImages, isView                   bool
}

var preImagesFields = newSchema("",
	boolean("enabled", func(p *struct{ enabled bool }) *bool { return &p.enabled }).require())

var createFields = newSchema("create",
	safeBool("capped", func(a *createArgs) *bool { return &a.capped }),
	atLeast(safeLong("size", func(a *createArgs) *int64 {
		a.hasSize = true
		return &a.size
	}), 1, func(a *createArgs) *int64 { return &a.size }),
	safeLong("max", func(a *createArgs) *int64 {
		a.hasMax = true
		return &a.max
	}),
	anything("autoIndexId", func(a *createArgs) *document.Value { return &a.autoIndexID }),
	object("idIndex", func(a *createArgs) *document.Doc { return &a.idIndex }),
	object("validator", func(a *createArgs) *document.Doc { return &a.validator }),
	enum("validationLevel", func(a *createArgs) *string { return &a.level }, "off", "strict", "moderate"),
	enum("validationAction", func(a *createArgs) *string { return &a.action }, "error", "warn"),
	text("viewOn", func(a *createArgs) *string {
		a.isView = true
		return &a.viewOn
	}),
	documents("pipeline", func(a *createArgs) *[]document.Doc { return &a.pipeline }),
	collation(object("collation", func(a *createArgs) *document.Doc { return &a.collation }), func(a *createArgs) *document.Doc { return &a.collation }),
	object("timeseries", func(a *createArgs) *document.Doc { return &a.timeseries }),
	field[createArgs]{name: "clusteredIndex", set: func(a *createArgs, v document.Value) error {
		if v.Type != document.TypeDocument && v.Type != document.TypeBool {
			return &fieldError{code: mongoerr.TypeMismatch, before: "BSON field ", after: " is the wrong type '" + v.Type.String() + "', expected types '[bool']"}
		}
		a.clustered = v
		return nil
	}},
	field[createArgs]{name: "expireAfterSeconds", set: func(a *createArgs, v document.Value) error {
		if !v.IsNumber() {
			return wrongType(v.Type, "long", "int", "decimal", "double")
		}
		a.expireAfter = v
		return nil
	}},
	structure("changeStreamPreAndPostImages", preImagesFields, func(a *createArgs) *struct{ enabled bool } { return &a.preImages }),
	object("storageEngine", func(a *createArgs) *document.Doc { return &a.storageEngine }),
	object("indexOptionDefaults", func(a *createArgs) *document.Doc { return &a.indexDefaults }),
	object("encryptedFields", func(a *createArgs) *document.Doc { return &a.encrypted }),
	safeBool("recordPreImages", func(a *createArgs) *bool { return &a.recordPreImages }),
	safeLong("flags", func(a *createArgs) *int64 { return &a.flags }), // of the storage engine before 2015
	anything("temp", func(a *createArgs) *document.Value { return &a.temp }),
).on(mongoerr.BadValue)

func runCreate(ctx context.Context, o *operation, a *createArgs) error {
	if err := o.checkCreate(); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	var options document.Builder
	if a.level != "" {
		options.AppendString("validationLevel", a.level)
	}
	if a.action != "" {
		options.AppendString("validationAction", a.action)
	}
	t, err := o.d.engine.CreateCollection(ctx, o.ns, options.Finish(), orEmpty(a.idIndex))
	o.noteTime(t)
	return err
}

// check refuses what makes no sense and then what there is not.
func (a *createArgs) check() error {
	switch {
	case !a.temp.IsNullish():
		return mongoerr.New(mongoerr.InvalidOptions, "the 'temp' field is an invalid option")
	case a.capped && !a.hasSize:
		return mongoerr.New(mongoerr.InvalidOptions, "the 'size' field is required when 'capped' is true")
	case a.isView && a.viewOn == "":
		return mongoerr.New(mongoerr.BadValue, "'viewOn' cannot be empty")
	case strings.HasPrefix(a.viewOn, "$"):
		return mongoerr.New(mongoerr.InvalidNamespace, "invalid name for 'viewOn': %s", a.viewOn)
	case !a.capped && a.viewOn == "" && (a.hasSize || a.hasMax):
		return mongoerr.New(mongoerr.InvalidOptions, "the 'capped' field needs to be true when either the 'size' or 'max' fields are present")
	case a.viewOn == "" && a.pipeline != nil:
		return mongoerr.New(mongoerr.InvalidOptions, "'pipeline' requires 'viewOn' to also be specified")
	}
	if !a.idIndex.IsEmpty() {
		if err := checkIDIndex(a.idIndex); err != nil {
			return err
		}
	}
	for _, option := range []struct {
		name string
		used bool
	}{
		{"capped", a.capped}, {"viewOn", a.viewOn != ""}, {"validator", !a.validator.IsEmpty()}, {"timeseries", a.timeseries != nil},
		{"clusteredIndex", !a.clustered.IsMissing()}, {"expireAfterSeconds", !a.expireAfter.IsMissing()},
		{"collation", !simpleCollation(a.collation)}, {"changeStreamPreAndPostImages", a.preImages.enabled},
		{"recordPreImages", a.recordPreImages}, {"encryptedFields", a.encrypted != nil},
		{"storageEngine", !a.storageEngine.IsEmpty()}, {"indexOptionDefaults", !a.indexDefaults.IsEmpty()},
		{"autoIndexId: false", !a.autoIndexID.IsNullish() && !a.autoIndexID.Truthy()},
	} {
		if option.used {
			return notImplemented("the option " + option.name + " of create")
		}
	}
	return nil
}

// simpleCollation reports whether a collation is the one there is: comparison of bytes.
func simpleCollation(d document.Doc) bool {
	return d.IsEmpty() || d.Lookup("locale").Str() == "simple"
}

// checkIDIndex checks the specification of the index on _id, which leaves no choice.
func checkIDIndex(spec document.Doc) error {
	key := spec.Lookup("key").Doc()
	if n, ok := key.Lookup("_id").AsInt64(); !ok || n != 1 || key.Len() != 1 {
		return mongoerr.New(mongoerr.BadValue, "The field 'key' for an _id index must be {_id: 1}, but got %s", orEmpty(key).Shell())
	}
	return nil
}

type dropArgs struct{}

var dropFields = newSchema("drop", ignored[dropArgs]("collectionUUID")).on(mongoerr.InvalidNamespace)

func runDrop(ctx context.Context, o *operation, _ *dropArgs) error {
	dropped, t, err := o.d.engine.DropCollection(ctx, o.ns)
	o.noteTime(t)
	if err != nil {
		return err
	}
	o.d.usage.forget(o.ns)
	o.out.AppendInt32("nIndexesWas", int32(len(dropped.Indexes)))
	o.out.AppendString("ns", o.ns)
	return nil
}

type dropDatabaseArgs struct{ one int64 }

var dropDatabaseFields = newSchema("dropDatabase",
	safeLong("dropDatabase", func(a *dropDatabaseArgs) *int64 { return &a.one }))

func runDropDatabase(ctx context.Context, o *operation, a *dropDatabaseArgs) error {
	switch {
	case o.req.DB == "admin":
		return mongoerr.New(mongoerr.IllegalOperation, "Dropping the 'admin' database is prohibited.")
	case o.req.DB == "local":
		return mongoerr.New(mongoerr.IllegalOperation, "Cannot drop 'local' database while replication is active")
	case a.one != 1:
		return mongoerr.New(5255100, "Have to pass 1 as 'drop' parameter")
	}
	v := o.d.engine.Local()
	list := v.Catalog.Collections(o.req.DB)
	v.Close()
	_, t, err := o.d.engine.DropDatabase(ctx, o.req.DB)
	o.noteTime(t)
	for _, coll := range list {
		o.d.usage.forget(coll.NS)
	}
	return err
}

type listCollectionsArgs struct {
	filter     document.Doc
	nameOnly   bool
	authorized bool // everything is allowed
	cursor     cursorArgs
}

var listCollectionsFields = newSchema("listCollections",
	object("filter", func(a *listCollectionsArgs) *document.Doc { return &a.filter }),
	boolean("nameOnly", func(a *listCollectionsArgs) *bool { return &a.nameOnly }),
	boolean("authorizedCollections", func(a *listCollectionsArgs) *bool { return &a.authorized }),
	cursorField(func(a *listCollectionsArgs) *cursorArgs { return &a.cursor }),
).defaults(func(a *listCollectionsArgs) { a.cursor.batchSize = 1 << 30 })

func runListCollections(ctx context.Context, o *operation, a *listCollectionsArgs) error {
	filter, err := query.CompileFilter(orEmpty(a.filter), query.FilterOptions{})
	if err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	var docs []document.Doc
	add := func(d document.Doc) {
		if !filter.Match(d) {
			return
		}
		if a.nameOnly {
			d = only(d, "name", "type")
		}
		docs = append(docs, d)
	}
	for _, coll := range v.Catalog.Collections(o.req.DB) {
		add(describeCollection(coll))
	}
	for _, name := range v.VirtualCollections(o.req.DB) {
		add(o.d.describeVirtual(o.req.DB, name))
	}
	return o.answerWithList(ctx, o.req.DB+".$cmd.listCollections", docs, a.cursor.batchSize)
}

func only(d document.Doc, names ...string) document.Doc {
	var b document.Builder
	for _, name := range names {
		b.AppendValue(name, d.Lookup(name))
	}
	return b.Finish()
}

func describeCollection(coll *engine.Collection) document.Doc {
	var b document.Builder
	b.AppendString("name", coll.Name())
	b.AppendString("type", "collection")
	b.AppendDoc("options", orEmpty(coll.Options))
	b.OpenDoc("info")
	b.AppendBool("readOnly", false)
	b.AppendBinary("uuid", 4, coll.UUID[:])
	b.Close()
	b.AppendDoc("idIndex", coll.Indexes[0].Spec)
	return b.Finish()
}

// describeVirtual describes a collection that is a view of the log or of the set's state.
func (d *Dispatcher) describeVirtual(db, name string) document.Doc {
	var b document.Builder
	b.AppendString("name", name)
	b.AppendString("type", "collection")
	b.OpenDoc("options")
	if db+"."+name == oplogNS {
		b.AppendBool("capped", true)
		appendCount(&b, "size", d.opts.OplogBytes)
	}
	b.Close()
	b.OpenDoc("info")
	b.AppendBool("readOnly", true)
	b.Close()
	return b.Finish()
}

type listDatabasesArgs struct {
	filter               document.Doc
	nameOnly, authorized bool
}

var listDatabasesFields = newSchema("listDatabases",
	object("filter", func(a *listDatabasesArgs) *document.Doc { return &a.filter }),
	safeBool("nameOnly", func(a *listDatabasesArgs) *bool { return &a.nameOnly }),
	boolean("authorizedDatabases", func(a *listDatabasesArgs) *bool { return &a.authorized }),
)

// internalDatabases are there on every member.
var internalDatabases = []string{"admin", "config", "local"}

func runListDatabases(_ context.Context, o *operation, a *listDatabasesArgs) error {
	filter, err := query.CompileFilter(orEmpty(a.filter), query.FilterOptions{})
	if err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	names := append(v.Catalog.Databases(), internalDatabases...)
	slices.Sort(names)
	total, n := int64(0), 0
	o.out.OpenArray("databases")
	for _, name := range slices.Compact(names) {
		d, size := describeDatabase(v, name)
		if !filter.Match(d) {
			continue
		}
		if a.nameOnly {
			d = only(d, "name")
		}
		total += size
		o.out.AppendDoc(document.Index(n), d)
		n++
	}
	o.out.Close()
	if !a.nameOnly {
		o.out.AppendInt64("totalSize", total)
		o.out.AppendInt64("totalSizeMb", total>>20)
	}
	return nil
}

func describeDatabase(v *engine.View, name string) (d document.Doc, size int64) {
	list := v.Catalog.Collections(name)
	for _, coll := range list {
		_, bytes := coll.Count()
		size += bytes
	}
	var b document.Builder
	b.AppendString("name", name)
	b.AppendInt64("sizeOnDisk", size)
	b.AppendBool("empty", len(list) == 0 && !slices.Contains(internalDatabases, name))
	return b.Finish(), size
}

type listIndexesArgs struct {
	cursor     cursorArgs
	buildUUIDs bool
	buildInfo  bool
}

var listIndexesFields = newSchema("listIndexes",
	cursorField(func(a *listIndexesArgs) *cursorArgs { return &a.cursor }),
	safeBool("includeBuildUUIDs", func(a *listIndexesArgs) *bool { return &a.buildUUIDs }),
	safeBool("includeIndexBuildInfo", func(a *listIndexesArgs) *bool { return &a.buildInfo }),
).on(mongoerr.BadValue).defaults(func(a *listIndexesArgs) { a.cursor.batchSize = 1 << 30 })

func runListIndexes(ctx context.Context, o *operation, a *listIndexesArgs) error {
	v := o.openView()
	defer v.Close()
	coll := v.Catalog.Collection(o.ns)
	if coll == nil {
		if engine.IsVirtual(o.ns) {
			return o.answerWithList(ctx, o.ns, nil, a.cursor.batchSize)
		}
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist: %s", o.ns)
	}
	var docs []document.Doc
	for _, ix := range coll.Indexes {
		docs = append(docs, ix.Spec)
	}
	return o.answerWithList(ctx, o.ns, docs, a.cursor.batchSize)
}

type dropIndexesArgs struct{ index document.Value }

var dropIndexesFields = newSchema("dropIndexes",
	field[dropIndexesArgs]{name: "index", nullable: true, set: func(a *dropIndexesArgs, v document.Value) error {
		switch v.Type {
		case document.TypeString, document.TypeDocument:
		case document.TypeArray:
			for it := v.Doc().Iter(); it.Next(); {
				if it.Value().Type != document.TypeString {
					return within(it.Key(), wrongType(it.Value().Type, "string"))
				}
			}
		default:
			return wrongType(v.Type, "string", "object")
		}
		a.index = v
		return nil
	}}.require(),
	ignored[dropIndexesArgs]("collectionUUID"),
).on(mongoerr.BadValue)

func runDropIndexes(ctx context.Context, o *operation, a *dropIndexesArgs) error {
	all := isAllIndexes(a.index)
	var chosen map[uint32]bool // by number, once they have been found: they are dropped one after the other
	was, t, err := o.d.engine.DropIndexes(ctx, o.ns, func(coll *engine.Collection) ([]*engine.Index, error) {
		if all {
			return slices.Clone(coll.Indexes[1:]), nil
		}
		if chosen == nil {
			list, err := chooseIndexes(coll, a.index)
			if err != nil {
				return nil, err
			}
			chosen = map[uint32]bool{}
			for _, ix := range list {
				chosen[ix.Number] = true
			}
		}
		return slices.DeleteFunc(slices.Clone(coll.Indexes), func(ix *engine.Index) bool { return !chosen[ix.Number] }), nil
	})
	o.noteTime(t)
	if err != nil {
		return err
	}
	if was == 0 { // nothing was to be dropped
		v := o.d.engine.Local()
		defer v.Close()
		if coll := v.Catalog.Collection(o.ns); coll != nil {
			was = len(coll.Indexes)
		}
	}
	o.out.AppendInt32("nIndexesWas", int32(was))
	if all {
		o.out.AppendString("msg", "non-_id indexes dropped for collection")
	}
	return nil
}

// isAllIndexes reports whether v is "*" or ["*"].
func isAllIndexes(v document.Value) bool {
	if v.Type == document.TypeArray && v.Doc().Len() == 1 {
		v = v.Doc().First().Value
	}
	return v.Str() == "*"
}

// chooseIndexes finds indexes by name, by key, or by a list of names.
func chooseIndexes(coll *engine.Collection, v document.Value) ([]*engine.Index, error) {
	switch v.Type {
	case document.TypeString:
		ix, err := indexByName(coll, v.Str())
		return []*engine.Index{ix}, err
	case document.TypeArray:
		var list []*engine.Index
		for it := v.Doc().Iter(); it.Next(); {
			ix, err := indexByName(coll, it.Value().Str())
			if err != nil {
				return nil, err
			}
			list = append(list, ix)
		}
		return list, nil
	}
	var list []*engine.Index
	for _, ix := range coll.Indexes {
		if document.CompareDocs(ix.Spec.Lookup("key").Doc(), v.Doc()) == 0 {
			list = append(list, ix)
		}
	}
	switch {
	case len(list) == 0:
		return nil, mongoerr.New(mongoerr.IndexNotFound, "can't find index with key: %s", v.Shell())
	case list[0] == coll.Indexes[0]:
		return nil, errDropIDIndex
	case len(list) > 1:
		var specs []string
		for _, ix := range list {
			specs = append(specs, ix.Spec.Shell())
		}
		return nil, mongoerr.New(mongoerr.AmbiguousIndexKeyPattern, "%d indexes found for key: %s, identify by name instead. Conflicting indexes: %s",
			len(list), v.Shell(), strings.Join(specs, ", "))
	}
	return list, nil
}

var errDropIDIndex = mongoerr.New(mongoerr.InvalidOptions, "cannot drop _id index")

func indexByName(coll *engine.Collection, name string) (*engine.Index, error) {
	ix := coll.Index(name)
	switch {
	case ix == nil:
		return nil, mongoerr.New(mongoerr.IndexNotFound, "index not found with name [%s]", name)
	case ix == coll.Indexes[0]:
		return nil, errDropIDIndex
	}
	return ix, nil
}
