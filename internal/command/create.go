package command

import (
	"cmp"
	"context"
	"strings"

	order "github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/query"
)

type createArgs struct {
	capped                                bool
	size, max, flags                      int64
	hasSize, hasMax                       bool
	validator, collation                  document.Doc
	storageEngine, indexDefaults, idIndex document.Doc
	encrypted                             document.Doc
	level, action, viewOn                 string
	clustered, autoIndexID, temp          document.Value
	expireAfter                           document.Value
	pipeline                              []document.Doc
	preImages                             struct{ enabled bool }
	recordPreImages, isView, hasPreImages bool
	hasPipeline                           bool
	timeseries                            timeseriesArgs
	clusteredAs                           clusteredArgs
}

var preImagesFields = newSchema("",
	boolean("enabled", func(p *struct{ enabled bool }) *bool { return &p.enabled }).require())

var createFields = newSchema("create",
	safeBool("capped", func(a *createArgs) *bool { return &a.capped }),
	cappedSize(safeLong("size", func(a *createArgs) *int64 {
		a.hasSize = true
		return &a.size
	}), func(a *createArgs) *int64 { return &a.size }),
	cappedMax(safeLong("max", func(a *createArgs) *int64 {
		a.hasMax = true
		return &a.max
	}), func(a *createArgs) *int64 { return &a.max }),
	anything("autoIndexId", func(a *createArgs) *document.Value { return &a.autoIndexID }),
	object("idIndex", func(a *createArgs) *document.Doc { return &a.idIndex }),
	object("validator", func(a *createArgs) *document.Doc { return &a.validator }),
	enum("validationLevel", func(a *createArgs) *string { return &a.level }, "off", "strict", "moderate"),
	enum("validationAction", func(a *createArgs) *string { return &a.action }, "error", "warn"),
	text("viewOn", func(a *createArgs) *string {
		a.isView = true
		return &a.viewOn
	}),
	documents("pipeline", func(a *createArgs) *[]document.Doc { return &a.pipeline }).then(func(a *createArgs) error {
		a.hasPipeline = true
		return nil
	}),
	object("collation", func(a *createArgs) *document.Doc { return &a.collation }).then(func(a *createArgs) error {
		return collationFields.read(a.collation, new(collationDoc))
	}),
	structure("timeseries", timeseriesFields, func(a *createArgs) *timeseriesArgs {
		a.timeseries.given = true
		return &a.timeseries
	}),
	field[createArgs]{name: "clusteredIndex", set: func(a *createArgs, v document.Value) error {
		if v.Type != document.TypeDocument && v.Type != document.TypeBool {
			return &fieldError{code: mongoerr.TypeMismatch, before: "BSON field ", after: " is the wrong type '" + v.Type.String() + "', expected types '[bool']"}
		}
		a.clustered = v
		if v.Type == document.TypeDocument {
			return unprefixed(clusteredFields.read(v.Doc(), &a.clusteredAs))
		}
		return nil
	}},
	field[createArgs]{name: "expireAfterSeconds", set: func(a *createArgs, v document.Value) error {
		if !v.IsNumber() {
			return wrongType(v.Type, "long", "int", "decimal", "double")
		}
		a.expireAfter = v
		return nil
	}},
	structure("changeStreamPreAndPostImages", preImagesFields, func(a *createArgs) *struct{ enabled bool } {
		a.hasPreImages = true
		return &a.preImages
	}),
	object("storageEngine", func(a *createArgs) *document.Doc { return &a.storageEngine }),
	object("indexOptionDefaults", func(a *createArgs) *document.Doc { return &a.indexDefaults }).then(func(a *createArgs) error {
		for it := a.indexDefaults.Iter(); it.Next(); {
			if it.Key() != "storageEngine" {
				return &fieldError{code: 40415, path: it.Key(), before: "BSON field ", after: " is an unknown field."}
			}
		}
		return nil
	}),
	object("encryptedFields", func(a *createArgs) *document.Doc { return &a.encrypted }),
	safeBool("recordPreImages", func(a *createArgs) *bool { return &a.recordPreImages }),
	safeLong("flags", func(a *createArgs) *int64 { return &a.flags }), // of the storage engine before 2015
	anything("temp", func(a *createArgs) *document.Value { return &a.temp }),
).on(mongoerr.BadValue)

func runCreate(ctx context.Context, o *operation, a *createArgs) error {
	if err := o.checkCreate(); err != nil {
		return err
	}
	if err := a.check(o.ns); err != nil {
		return err
	}
	if a.isClustered() {
		if err := cmp.Or(o.d.engine.CheckFree(o.ns), a.checkClusteredIndex()); err != nil {
			return err
		}
	}
	c, err := a.parseCollation()
	if err != nil {
		return err
	}
	var b document.Builder
	if engine.IsProfile(o.ns) {
		return o.createProfile(a)
	}
	if a.timeseries.given {
		err = o.createTimeseries(ctx, a, c)
	} else if a.isView {
		err = o.createView(ctx, a, c)
	} else if err = a.appendOptions(&b, c); err == nil {
		var t oplog.OpTime
		t, err = o.d.engine.CreateCollection(ctx, o.ns, b.Finish(), orEmpty(a.idIndex))
		o.noteTime(t)
	}
	if err == nil && !a.autoIndexID.IsNullish() {
		o.out.AppendString("note", "The autoIndexId option is deprecated and will be removed in a future release")
	}
	return err
}

// createProfile makes the database's profile, so that it is not made with the default size when the first operation is noted.
func (o *operation) createProfile(a *createArgs) error {
	size := a.size
	if !a.capped {
		size = engine.DefaultProfileBytes
	}
	if !o.d.engine.CreateProfile(o.req.DB, engine.NewCapped(min(size, maxProfileBytes), 0).Size) {
		return mongoerr.New(mongoerr.NamespaceExists, "Collection %s already exists.", o.ns)
	}
	return nil
}

// maxProfileBytes bounds a profile, which is in memory.
const maxProfileBytes = 64 << 20

// createView makes a view. Options that mean nothing to it are ignored, as by mongod.
func (o *operation) createView(ctx context.Context, a *createArgs, c *order.Collation) error {
	if err := checkViewPipeline(o.ns, a.pipeline); err != nil {
		return err
	}
	t, err := o.d.engine.CreateView(ctx, o.ns, viewOptions(a.viewOn, a.pipeline, c))
	o.noteTime(t)
	return err
}

func viewOptions(on string, pipeline []document.Doc, c *order.Collation) document.Doc {
	var b document.Builder
	b.AppendString("viewOn", on)
	b.OpenArray("pipeline")
	for i, stage := range pipeline {
		b.AppendDoc(document.Index(i), stage)
	}
	b.Close()
	if c != nil {
		b.AppendDoc("collation", c.Document())
	}
	return b.Finish()
}

// appendOptions appends the options as listCollections shows them, in its order.
func (a *createArgs) appendOptions(b *document.Builder, c *order.Collation) error {
	if a.capped && a.clustered.IsMissing() {
		bounds := engine.NewCapped(a.size, a.max)
		b.AppendBool("capped", true)
		appendCount(b, "size", bounds.Size)
		if a.hasMax {
			appendCount(b, "max", bounds.Max)
		}
	} else if a.capped {
		b.AppendBool("capped", true)
		b.AppendInt32("size", 0)
	}
	if !a.autoIndexID.IsNullish() {
		b.AppendBool("autoIndexId", true)
	}
	if a.recordPreImages {
		b.AppendBool("recordPreImages", true)
	}
	if a.preImages.enabled {
		b.OpenDoc("changeStreamPreAndPostImages")
		b.AppendBool("enabled", true)
		b.Close()
	}
	appendFilled(b, "storageEngine", a.storageEngine)
	appendFilled(b, "indexOptionDefaults", a.indexDefaults)
	appendFilled(b, "validator", a.validator)
	if a.level != "" {
		b.AppendString("validationLevel", a.level)
	}
	if a.action != "" {
		b.AppendString("validationAction", a.action)
	}
	if c != nil {
		b.AppendDoc("collation", c.Document())
	}
	if a.clustered.Type == document.TypeDocument {
		return a.appendClustered(b)
	}
	return nil
}

func appendFilled(b *document.Builder, key string, d document.Doc) {
	if !d.IsEmpty() {
		b.AppendDoc(key, d)
	}
}

// check refuses what makes no sense and then what there is not.
func (a *createArgs) check(ns string) error {
	switch {
	case !a.temp.IsNullish():
		return mongoerr.New(mongoerr.InvalidOptions, "the 'temp' field is an invalid option")
	case !a.autoIndexID.IsNullish() && !a.autoIndexID.Truthy():
		return mongoerr.New(50001, "autoIndexId:false is not allowed for collection because it can be replicated")
	case a.isView && a.viewOn == "":
		return mongoerr.New(mongoerr.BadValue, "'viewOn' cannot be empty")
	case strings.Contains(a.viewOn, "$"):
		return mongoerr.New(mongoerr.InvalidNamespace, "invalid name for 'viewOn': %s", a.viewOn)
	case !a.isView && a.hasPipeline:
		return mongoerr.New(mongoerr.InvalidOptions, "'pipeline' requires 'viewOn' to also be specified")
	}
	if err := a.checkClustered(); err != nil && !a.timeseries.given {
		return err
	}
	switch {
	case a.capped && !a.hasSize && !a.isClustered():
		return mongoerr.New(mongoerr.InvalidOptions, "the 'size' field is required when 'capped' is true")
	case !a.capped && (a.hasSize || a.hasMax):
		return mongoerr.New(mongoerr.InvalidOptions, "the 'capped' field needs to be true when either the 'size' or 'max' fields are present")
	case a.timeseries.given:
		return cmp.Or(a.checkTimeseries(ns), checkCollectionEngine(a.storageEngine))
	case a.isView && !a.idIndex.IsEmpty():
		return mongoerr.New(mongoerr.InvalidOptions, "'idIndex' is not allowed with 'viewOn': %s", a.idIndex.Shell())
	case a.isView && a.preImages.enabled:
		return mongoerr.New(mongoerr.InvalidOptions, "option not supported on a view: changeStreamPreAndPostImages")
	case !a.expireAfter.IsMissing() && !a.isClustered():
		return mongoerr.New(mongoerr.InvalidOptions, "'expireAfterSeconds' is only supported on time-series collections or when the 'clusteredIndex' option is specified")
	case a.recordPreImages && a.preImages.enabled:
		return mongoerr.New(mongoerr.InvalidOptions, "'recordPreImages' and 'changeStreamPreAndPostImages.enabled' can not be set to true simultaneously")
	}
	if !a.idIndex.IsEmpty() {
		if err := checkIDIndex(a.idIndex); err != nil {
			return err
		}
	}
	if err := checkCollectionEngine(a.storageEngine); err != nil {
		return err
	}
	if !a.isView {
		if err := checkValidator(a.validator); err != nil {
			return err
		}
	}
	if a.encrypted != nil {
		if a.encrypted.Lookup("fields").IsMissing() {
			return mongoerr.New(40414, "BSON field 'create.encryptedFields.fields' is missing but a required field")
		}
		return notImplemented("the option encryptedFields of create")
	}
	return nil
}

// storageEngines are those whose options are taken, and have no meaning: clients write what they would to a mongod.
var storageEngines = map[string]bool{"wiredTiger": true, "inMemory": true}

func checkCollectionEngine(d document.Doc) error {
	for it := d.Iter(); it.Next(); {
		switch {
		case it.Value().Type != document.TypeDocument:
			return mongoerr.New(mongoerr.BadValue, "'storageEngine.%s' has to be an embedded document.", it.Key())
		case !storageEngines[it.Key()]:
			return mongoerr.New(mongoerr.InvalidOptions, "%s is not a registered storage engine for this server", it.Key())
		}
	}
	return nil
}

// checkValidator refuses what is no filter, and operators that need more than the document.
func checkValidator(d document.Doc) error {
	if d.IsEmpty() {
		return nil
	}
	if err := checkContext(d); err != nil {
		return err
	}
	_, err := query.CompileFilter(d, query.FilterOptions{})
	return err
}

// checkContext refuses operators that depend on more than one document.
func checkContext(d document.Doc) error {
	for it := d.Iter(); it.Next(); {
		switch it.Key() {
		case "$where", "$text":
			return mongoerr.New(mongoerr.BadValue, "%s is not allowed in this context", it.Key())
		case "$and", "$or", "$nor":
			for e := it.Value().Doc().Iter(); e.Next(); {
				if err := checkContext(e.Value().Doc()); err != nil {
					return err
				}
			}
		default:
			if it.Key() != "" && it.Key()[0] != '$' && it.Value().Type == document.TypeDocument {
				for e := it.Value().Doc().Iter(); e.Next(); {
					if e.Key() == "$near" || e.Key() == "$nearSphere" || e.Key() == "$geoNear" {
						return mongoerr.New(5626500, "$geoNear, $near, and $nearSphere are not allowed in this context")
					}
				}
			}
		}
	}
	return nil
}

// parseCollation returns the new collection's default collation, with which that of idIndex must agree. What the client does not say is as the parser of
// mongod fills it in, whatever the locale's own preferences are.
func (a *createArgs) parseCollation() (*order.Collation, error) {
	if order.IsSimple(a.collation) {
		return nil, nil
	}
	c, err := order.Parse(order.Complete(a.collation))
	if err != nil {
		return nil, err
	}
	if asked := a.idIndex.Lookup("collation").Doc(); asked != nil {
		if own, err := order.Parse(asked); err != nil || !document.SameCollator(own.Collator(), c.Collator()) {
			return nil, cmp.Or(err, error(mongoerr.New(mongoerr.BadValue, "'idIndex' must have the same collation as the collection.")))
		}
	}
	return c, nil
}

// checkIDIndex checks the specification of the index on _id, which leaves no choice.
func checkIDIndex(spec document.Doc) error {
	key := spec.Lookup("key").Doc()
	if n, ok := key.Lookup("_id").AsInt64(); !ok || n != 1 || key.Len() != 1 {
		return mongoerr.New(mongoerr.BadValue, "The field 'key' for an _id index must be {_id: 1}, but got %s", orEmpty(key).Shell())
	}
	return nil
}
