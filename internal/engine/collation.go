package engine

import (
	"encoding/hex"

	"github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Collation returns what an operation on a namespace compares strings with: what it asks for, or else the collection's default; nil is the simple collation.
func (c *Catalog) Collation(ns string, asked document.Doc) (*collation.Collation, error) {
	if len(asked) > len(document.Empty) {
		return collation.Parse(asked)
	}
	if coll := c.Collection(ns); coll != nil {
		return coll.Collation, nil
	}
	return nil, nil
}

func (c *Catalog) collator(ns string, asked document.Doc) (document.Collator, error) {
	order, err := c.Collation(ns, asked)
	return order.Collator(), err
}

// duplicateCollatedKey is mongod's error for a unique key of an index with a collation: it shows what the index holds, sort keys, strings at the
// top as hexadecimal.
func duplicateCollatedKey(coll *Collection, ix *Index, values document.Doc) error {
	var shown, keyValue document.Builder
	var encoded document.ArrayBuilder
	anyEncoded := false
	for it := values.Iter(); it.Next(); {
		v := document.Collated(ix.Collator, it.Value())
		isString := v.Type == document.TypeString
		anyEncoded = anyEncoded || isString
		encoded.Append(document.Bool(isString))
		if !isString {
			shown.AppendValue(it.Key(), v)
			keyValue.AppendValue(it.Key(), v)
			continue
		}
		text := hex.EncodeToString([]byte(v.Str()))
		shown.AppendString(it.Key(), "0x"+text)
		keyValue.AppendString(it.Key(), text)
	}
	order := ix.Collation.Document()
	var extra document.Builder
	extra.AppendValue("keyPattern", ix.Spec.Lookup("key"))
	extra.AppendDoc("keyValue", keyValue.Finish())
	if anyEncoded {
		extra.AppendValue("hexEncoded", encoded.FinishValue())
	}
	extra.AppendDoc("collation", order)
	return mongoerr.New(mongoerr.DuplicateKey, "E11000 duplicate key error collection: %s index: %s collation: %s dup key: %s",
		coll.NS, ix.Name, order.Shell(), shown.Finish().Shell()).WithExtra(extra.Finish())
}

// inheritCollation gives the specifications of new indexes that do not say a collation the collection's, and completes those that do. One that asks for
// the simple collation shows none.
func inheritCollation(coll *Collection, specs []document.Doc) ([]document.Doc, error) {
	out := make([]document.Doc, len(specs))
	for i, spec := range specs {
		asked := spec.Lookup("collation")
		order, err := coll.Collation, error(nil)
		if !asked.IsMissing() {
			if order, err = collation.Parse(asked.Doc()); err != nil {
				return nil, err
			}
		}
		if isIDKey(spec.Lookup("key").Doc()) && !document.SameCollator(order.Collator(), coll.Collation.Collator()) {
			return nil, mongoerr.New(mongoerr.BadValue, "The _id index must have the same collation as the collection. Index collation: %s, collection collation: %s",
				shownCollation(order).Shell(), shownCollation(coll.Collation).Shell())
		}
		if kind := kindWithoutCollation(spec.Lookup("key").Doc()); kind != "" && order != nil {
			return nil, mongoerr.New(mongoerr.CannotCreateIndex, "Index type '%s' does not support collation: %s", kind, order.Document().Shell())
		}
		if out[i] = spec; asked.IsMissing() && order == nil {
			continue
		}
		var b document.Builder
		for it := spec.Iter(); it.Next(); {
			if it.Key() != "collation" {
				b.AppendValue(it.Key(), it.Value())
			}
		}
		if order != nil {
			b.AppendDoc("collation", order.Document())
		}
		out[i] = b.Finish()
	}
	return out, nil
}

// kindWithoutCollation returns the kind of an index that can have none, "" for others.
func kindWithoutCollation(key document.Doc) string {
	for it := key.Iter(); it.Next(); {
		if kind := it.Value().Str(); kind == "text" || kind == "2d" {
			return kind
		}
	}
	return ""
}

func isIDKey(key document.Doc) bool {
	first := key.First()
	return first.Key == "_id" && key.Len() == 1 && first.IsNumber()
}

// shownCollation is how messages name a collation.
func shownCollation(c *collation.Collation) document.Doc {
	if c != nil {
		return c.Document()
	}
	var b document.Builder
	b.AppendString("locale", "simple")
	return b.Finish()
}

// sameCollation compares the collations of two completed specifications.
func sameCollation(a, b document.Doc) bool {
	return document.CompareDocs(collationOf(a), collationOf(b)) == 0
}

func collationOf(spec document.Doc) document.Doc {
	if d := spec.Lookup("collation").Doc(); d != nil {
		return d
	}
	return document.Empty
}
