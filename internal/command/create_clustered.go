package command

import (
	"errors"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// A clustered collection keeps its documents in the order of _id. Morton keeps documents by record id all the same and walks the index
// on _id for the order; what clients see is that of mongod.

type clusteredArgs struct {
	v      int64
	key    document.Doc
	name   string
	unique bool
	hasV   bool
}

// clusteredFields reads the option clusteredIndex. Errors leave its name out of the path, as mongod's do.
var clusteredFields = newSchema("",
	safeLong("v", func(a *clusteredArgs) *int64 {
		a.hasV = true
		return &a.v
	}),
	object("key", func(a *clusteredArgs) *document.Doc { return &a.key }).require(),
	text("name", func(a *clusteredArgs) *string { return &a.name }),
	safeBool("unique", func(a *clusteredArgs) *bool { return &a.unique }).require(),
).defaults(func(a *clusteredArgs) { a.v, a.name = 2, "_id_" })

// unprefixed keeps the name of the structure out of the path of an error.
func unprefixed(err error) error {
	var fe *fieldError
	if errors.As(err, &fe) {
		fe.named = true
	}
	return err
}

func (a *createArgs) isClustered() bool { return a.clustered.Type == document.TypeDocument }

// maxExpiry is the longest expireAfterSeconds.
const maxExpiry = 1<<31 - 1

func (a *createArgs) checkClustered() error {
	if a.clustered.IsMissing() || a.clustered.Type == document.TypeBool && !a.clustered.Bool() {
		return nil
	}
	switch {
	case !a.isClustered():
		return mongoerr.New(5979703, "The 'clusteredIndex' legacy format {clusteredIndex: <bool>} is only supported for specific internal collections and vice versa")
	case a.isView:
		return mongoerr.New(6026500, "The 'clusteredIndex' option is not supported with views")
	case a.hasSize:
		return mongoerr.New(6049200, "'size' field for capped collections is not allowed on clustered collections. Did you mean 'capped: true' with 'expireAfterSeconds'?")
	case a.hasMax:
		return mongoerr.New(6049204, "'max' field for capped collections is not allowed on clustered collections. Did you mean 'capped: true' with 'expireAfterSeconds'?")
	case a.capped && a.expireAfter.IsMissing():
		return mongoerr.New(6049201, "A capped clustered collection requires the 'expireAfterSeconds' field")
	case a.capped:
		return notImplemented("a capped clustered collection")
	}
	return nil
}

// checkClusteredIndex refuses what no clustered index can be. That is looked at when it is known that there is no such collection.
func (a *createArgs) checkClusteredIndex() error {
	c := &a.clusteredAs
	n, exact := c.key.Lookup("_id").AsInt64()
	switch {
	case !exact || n != 1 || c.key.Len() != 1:
		return mongoerr.New(mongoerr.InvalidIndexSpecificationOption, "The clusteredIndex option is only supported for key: {_id: 1}")
	case !c.unique:
		return mongoerr.New(5979700, "The clusteredIndex option requires unique: true to be specified")
	case c.v != 2:
		return mongoerr.New(5979704, "Invalid clusteredIndex specification %s; cannot create a clusteredIndex with v=%d", c.document().Shell(), c.v)
	case !a.idIndex.IsEmpty():
		return mongoerr.New(mongoerr.InvalidOptions, "The 'clusteredIndex' option is not supported with the 'idIndex' option")
	}
	return checkLifetime(a.expireAfter)
}

// checkLifetime refuses times that no document could expire after.
func checkLifetime(v document.Value) error {
	seconds, _ := v.ToInt64()
	switch {
	case seconds < 0:
		return mongoerr.New(mongoerr.InvalidOptions, "TTL index 'expireAfterSeconds' option cannot be less than 0")
	case seconds > maxExpiry:
		return mongoerr.New(mongoerr.InvalidOptions, "TTL index 'expireAfterSeconds' option must be within an acceptable range, try a lower number")
	}
	return nil
}

func (c *clusteredArgs) document() document.Doc {
	var b document.Builder
	b.AppendInt32("v", int32(c.v))
	b.AppendDoc("key", c.key)
	b.AppendString("name", c.name)
	b.AppendBool("unique", c.unique)
	return b.Finish()
}

func (a *createArgs) appendClustered(b *document.Builder) error {
	b.AppendDoc("clusteredIndex", a.clusteredAs.document())
	if seconds, ok := a.expireAfter.ToInt64(); ok {
		b.AppendInt64("expireAfterSeconds", seconds)
	}
	return nil
}
