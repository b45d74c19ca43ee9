package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// ErrTextIndexRequired answers a $text on a collection without a text index, which is every collection, since there are no text indexes yet.
var ErrTextIndexRequired = mongoerr.New(mongoerr.IndexNotFound, "text index required for $text query")

// textFields are the fields of $text in the order in which mongod looks at them.
var textFields = []struct {
	name string
	is   document.Type
}{
	{"$search", document.TypeString}, {"$language", document.TypeString}, {"$caseSensitive", document.TypeBool}, {"$diacriticSensitive", document.TypeBool},
}

// parseText checks a $text.
func parseText(c *filterCompiler, operand document.Value) (*Node, error) {
	switch {
	case c.inElemMatch > 0:
		return nil, badValue("$text can only be applied to the top-level document")
	case operand.Type != document.TypeDocument:
		return nil, badValue("$text expects an object")
	}
	doc, known := operand.Doc(), 0
	for _, f := range textFields {
		switch v := doc.Lookup(f.name); {
		case v.IsMissing() && f.name == "$search":
			return nil, mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "$search"`)
		case v.IsMissing():
		case v.Type != f.is:
			return nil, mongoerr.New(mongoerr.TypeMismatch, `"%s" had the wrong type. Expected %s, found %s`, f.name, f.is, v.Type)
		default:
			known++
		}
	}
	if doc.Len() != known {
		return nil, badValue("extra fields in $text")
	}
	return nil, ErrTextIndexRequired
}
