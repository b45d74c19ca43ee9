package command

import (
	order "github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The option collation of an index. One that says none gets the collection's, which only the engine knows.

func collationOption(v document.Value) error {
	switch {
	case v.Type != document.TypeDocument:
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'collation' must be an object, but got %s", v.Type)
	case v.Doc().IsEmpty():
		return mongoerr.New(mongoerr.BadValue, "The field 'collation' cannot be an empty object.")
	}
	return nil
}

// appendIndexCollation appends the collation that a specification asks for, completed.
func appendIndexCollation(b *document.Builder, given document.Doc, v document.Value) error {
	d := v.Doc()
	if versionOf(given) == 1 {
		return mongoerr.New(mongoerr.CannotCreateIndex, "Invalid index specification %s; cannot create an index with the 'collation' option and v=1", given.Shell()).
			WithContext("Error in specification %s", given.Shell())
	}
	c, err := parseCollation(d)
	if err != nil {
		return mongoerr.From(err).WithContext("failed to add collation information to index spec for index creation: %s", withVersion(given).Shell())
	}
	if c == nil {
		b.AppendDoc("collation", d)
	} else {
		b.AppendDoc("collation", c.Document())
	}
	return nil
}

func parseCollation(d document.Doc) (*order.Collation, error) {
	if err := collationFields.readNamed(d, new(collationDoc)); err != nil {
		return nil, err
	}
	return order.Parse(d)
}

// withVersion is a specification as mongod's messages show it.
func withVersion(spec document.Doc) document.Doc {
	if !spec.Lookup("v").IsMissing() {
		return spec
	}
	var b document.Builder
	for it := spec.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	b.AppendInt32("v", 2)
	return b.Finish()
}
