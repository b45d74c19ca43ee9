package command

import (
	"cmp"
	"context"
	"strings"

	order "github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

type createArgs struct {
	capped                                bool
	size, max, flags                      int64
	hasSize, hasMax                       bool
	validator, collation, timeseries      document.Doc
	storageEngine, indexDefaults, idIndex document.Doc
	encrypted                             document.Doc
	level, action, viewOn                 string
	clustered, autoIndexID, temp          document.Value
	expireAfter                           document.Value
	pipeline                              []document.Doc
	preImages                             struct{ enabled bool }
	recordPreImages, isView               bool
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
	object("collation", func(a *createArgs) *document.Doc { return &a.collation }).then(func(a *createArgs) error {
		return collationFields.read(a.collation, new(collationDoc))
	}),
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
	c, err := a.parseCollation()
	if err != nil {
		return err
	}
	if c != nil {
		options.AppendDoc("collation", c.Document())
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
		{"changeStreamPreAndPostImages", a.preImages.enabled},
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
