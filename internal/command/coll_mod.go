package command

import (
	"context"
	"math"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/timeseries"
)

type collModArgs struct {
	index                                   collModIndex
	validator                               document.Doc
	level, action, viewOn                   string
	hasIndex, hasValidator, hasView         bool
	hasPipeline, hasSize, hasMax, hasImages bool
	pipeline                                []document.Doc
	size, max                               int64
	preImages                               struct{ enabled bool }
	recordPreImages, hasRecord, dryRun      bool
	expireAfter                             document.Value
	hasTimeseries                           bool
	granularity                             string
}

// collModIndex is what is to become of an index.
type collModIndex struct {
	name                          string
	key                           document.Doc
	expireAfter                   document.Value
	hidden, unique, prepareUnique *bool
}

func optionalBool(name string, at func(*collModIndex) **bool) field[collModIndex] {
	return safeBool(name, func(a *collModIndex) *bool {
		p := new(bool)
		*at(a) = p
		return p
	})
}

var collModIndexFields = newSchema("",
	text("name", func(a *collModIndex) *string { return &a.name }),
	object("keyPattern", func(a *collModIndex) *document.Doc { return &a.key }),
	field[collModIndex]{name: "expireAfterSeconds", set: func(a *collModIndex, v document.Value) error {
		if !v.IsNumber() {
			return wrongType(v.Type, "long", "int", "decimal", "double")
		}
		a.expireAfter = v
		return nil
	}},
	optionalBool("hidden", func(a *collModIndex) **bool { return &a.hidden }),
	optionalBool("unique", func(a *collModIndex) **bool { return &a.unique }),
	optionalBool("prepareUnique", func(a *collModIndex) **bool { return &a.prepareUnique }),
)

var collModTimeseriesFields = newSchema("", enum("granularity", func(a *string) *string { return a }, granularities...))

var collModFields = newSchema("collMod",
	structure("index", collModIndexFields, func(a *collModArgs) *collModIndex {
		a.hasIndex = true
		return &a.index
	}),
	object("validator", func(a *collModArgs) *document.Doc {
		a.hasValidator = true
		return &a.validator
	}),
	enum("validationLevel", func(a *collModArgs) *string { return &a.level }, "off", "strict", "moderate"),
	enum("validationAction", func(a *collModArgs) *string { return &a.action }, "error", "warn"),
	text("viewOn", func(a *collModArgs) *string {
		a.hasView = true
		return &a.viewOn
	}),
	documents("pipeline", func(a *collModArgs) *[]document.Doc { return &a.pipeline }).then(func(a *collModArgs) error {
		a.hasPipeline = true
		return nil
	}),
	cappedSize(safeLong("cappedSize", func(a *collModArgs) *int64 {
		a.hasSize = true
		return &a.size
	}), func(a *collModArgs) *int64 { return &a.size }),
	cappedMax(safeLong("cappedMax", func(a *collModArgs) *int64 {
		a.hasMax = true
		return &a.max
	}), func(a *collModArgs) *int64 { return &a.max }),
	structure("changeStreamPreAndPostImages", preImagesFields, func(a *collModArgs) *struct{ enabled bool } {
		a.hasImages = true
		return &a.preImages
	}),
	safeBool("recordPreImages", func(a *collModArgs) *bool {
		a.hasRecord = true
		return &a.recordPreImages
	}),
	field[collModArgs]{name: "expireAfterSeconds", set: func(a *collModArgs, v document.Value) error {
		if !v.IsNumber() && v.Type != document.TypeString {
			return wrongType(v.Type, "string", "long", "int", "decimal", "double")
		}
		a.expireAfter = v
		return nil
	}},
	structure("timeseries", collModTimeseriesFields, func(a *collModArgs) *string {
		a.hasTimeseries = true
		return &a.granularity
	}),
	safeBool("dryRun", func(a *collModArgs) *bool { return &a.dryRun }),
).on(mongoerr.BadValue)

func runCollMod(ctx context.Context, o *operation, a *collModArgs) error {
	coll := o.timeseries()
	if coll == nil && o.d.engine.IsView(o.ns) {
		return o.modifyView(ctx, a)
	}
	if coll == nil {
		v := o.d.engine.Local()
		coll = v.Catalog.Collection(o.ns)
		v.Close()
	}
	if coll == nil {
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist")
	}
	if err := a.check(coll); err != nil {
		return err
	}
	if coll.Timeseries != nil && a.hasIndex {
		a.index.key = hintOnBuckets(coll.Timeseries, a.index.key.AsValue()).Doc()
	}
	m := engine.Modification{Options: a.change, Command: o.req.Body}
	var done indexChange
	if a.hasIndex {
		if a.index.unique != nil && *a.index.unique {
			return o.makeUnique(ctx, a, coll)
		}
		m.Index = func(coll *engine.Collection) (*engine.Index, document.Doc, error) {
			ix, spec, err := a.index.apply(coll, &done)
			return ix, spec, err
		}
	}
	if a.dryRun {
		return nil
	}
	t, err := o.d.engine.ModifyCollection(ctx, coll.NS, m)
	o.noteTime(t)
	if err == nil {
		done.append(&o.out)
	}
	return err
}

// check refuses what the collection cannot become.
func (a *collModArgs) check(coll *engine.Collection) error {
	switch {
	case a.dryRun && !a.hasIndex:
		return mongoerr.New(mongoerr.InvalidOptions, "dry run mode requires an valid index modification.")
	case a.hasPipeline:
		return mongoerr.New(mongoerr.InvalidOptions, "option only supported on a view: pipeline")
	case a.hasView:
		return mongoerr.New(mongoerr.InvalidOptions, "option only supported on a view: viewOn")
	case coll.Timeseries != nil:
		if err := a.checkTimeseries(coll); err != nil {
			return err
		}
	case (a.hasSize || a.hasMax) && coll.Capped == nil:
		return mongoerr.New(mongoerr.InvalidOptions, "Collection must be capped.")
	case a.hasTimeseries:
		return mongoerr.New(mongoerr.InvalidOptions, "option only supported on a time-series collection: isTimeseriesNamespace")
	case a.recordPreImages && a.preImages.enabled:
		return mongoerr.New(mongoerr.InvalidOptions, "'recordPreImages' and 'changeStreamPreAndPostImages.enabled' can not be set to true simultaneously")
	case !a.expireAfter.IsMissing() && !coll.Clustered:
		return mongoerr.New(mongoerr.InvalidOptions, "'expireAfterSeconds' option is only supported on collections clustered by _id")
	}
	switch {
	case a.expireAfter.Type == document.TypeString && a.expireAfter.Str() != "off":
		return mongoerr.New(mongoerr.InvalidOptions, "Invalid string value for the 'clusteredIndex::expireAfterSeconds' option. Got: '%s'. Accepted value is 'off'", a.expireAfter.Str())
	}
	if err := checkLifetime(a.expireAfter); err != nil {
		return err
	}
	if err := checkValidator(a.validator); err != nil {
		return mongoerr.From(err).WithContext("Parsing of collection validator failed")
	}
	return nil
}

// change returns the options of create as they become.
func (a *collModArgs) change(options document.Doc) document.Doc {
	set := map[string]document.Value{}
	if a.hasValidator {
		set["validator"] = a.validator.AsValue()
		if a.validator.IsEmpty() {
			set["validator"] = document.Value{}
		}
	}
	if a.level != "" {
		set["validationLevel"] = document.String(a.level)
	}
	if a.action != "" {
		set["validationAction"] = document.String(a.action)
	}
	if a.hasValidator || a.level != "" || a.action != "" {
		// mongod writes the other two as well, at their defaults, once there is a rule.
		for name, value := range map[string]string{"validationLevel": "strict", "validationAction": "error"} {
			if _, given := set[name]; !given && options.Lookup(name).IsMissing() && a.hasValidator {
				set[name] = document.String(value)
			}
		}
	}
	if a.hasSize && options.Lookup("capped").Truthy() {
		set["size"] = countValue(engine.NewCapped(a.size, 0).Size)
	}
	if a.hasMax && options.Lookup("capped").Truthy() {
		set["max"] = countValue(engine.NewCapped(1, a.max).Max)
	}
	a.changeImages(set)
	if series := timeseries.Parse(options.Lookup("timeseries").Doc()); series != nil && a.granularity != "" {
		if coarser, err := series.Coarser(a.granularity); err == nil {
			set["timeseries"] = coarser.Document().AsValue()
		}
	}
	if !a.expireAfter.IsMissing() {
		set["expireAfterSeconds"] = document.Value{}
		if seconds, ok := a.expireAfter.ToInt64(); ok {
			set["expireAfterSeconds"] = document.Int64(seconds)
		}
	}
	return withOptions(options, set)
}

func (a *collModArgs) changeImages(set map[string]document.Value) {
	if a.hasImages {
		set["changeStreamPreAndPostImages"] = document.Value{}
		if a.preImages.enabled {
			set["changeStreamPreAndPostImages"] = stageOf("enabled", document.Bool(true)).AsValue()
			set["recordPreImages"] = document.Value{}
		}
	}
	if a.hasRecord {
		set["recordPreImages"] = document.Value{}
		if a.recordPreImages {
			set["recordPreImages"] = document.Bool(true)
			set["changeStreamPreAndPostImages"] = document.Value{}
		}
	}
}

func countValue(n int64) document.Value {
	if n >= math.MinInt32 && n <= math.MaxInt32 {
		return document.Int32(int32(n))
	}
	return document.Int64(n)
}

// optionOrder is the order in which listCollections shows the options of a collection.
var optionOrder = []string{"capped", "size", "max", "autoIndexId", "recordPreImages", "changeStreamPreAndPostImages", "storageEngine", "indexOptionDefaults",
	"validator", "validationLevel", "validationAction", "collation", "clusteredIndex", "expireAfterSeconds", "timeseries"}

// withOptions returns options with some changed; a missing value takes one away.
func withOptions(options document.Doc, set map[string]document.Value) document.Doc {
	var b document.Builder
	for _, name := range optionOrder {
		v, changed := set[name]
		if !changed {
			v = options.Lookup(name)
		}
		b.AppendValue(name, v)
	}
	return b.Finish()
}

// modifyView changes what a view is made from, and how.
func (o *operation) modifyView(ctx context.Context, a *collModArgs) error {
	for _, option := range []struct {
		name string
		used bool
	}{
		{"index", a.hasIndex}, {"validator", a.hasValidator}, {"validationLevel", a.level != ""}, {"validationAction", a.action != ""},
		{"changeStreamPreAndPostImages", a.hasImages}, {"recordPreImages", a.hasRecord}, {"expireAfterSeconds", !a.expireAfter.IsMissing()},
		{"cappedSize", a.hasSize}, {"cappedMax", a.hasMax},
	} {
		if option.used {
			return mongoerr.New(mongoerr.InvalidOptions, "option not supported on a view: %s", option.name)
		}
	}
	if a.hasTimeseries {
		return mongoerr.New(mongoerr.InvalidOptions, "option only supported on a time-series collection: isTimeseriesNamespace")
	}
	if a.hasView && a.viewOn == "" {
		return mongoerr.New(mongoerr.BadValue, "'viewOn' cannot be empty")
	}
	if !a.hasView && !a.hasPipeline {
		return nil
	}
	if err := checkViewPipeline(o.ns, a.pipeline); err != nil {
		return err
	}
	v := o.d.engine.Local()
	d := v.Catalog.ViewOf(o.ns)
	v.Close()
	if d == nil {
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist")
	}
	on, stages := d.Options.Lookup("viewOn").Str(), d.Pipeline
	if a.hasView {
		on = a.viewOn
	}
	if a.hasPipeline {
		stages = a.pipeline
	}
	t, err := o.d.engine.ChangeView(ctx, o.ns, viewOptions(on, stages, d.Collation))
	o.noteTime(t)
	return err
}
