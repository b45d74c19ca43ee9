package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
)

// textIndex makes the entries of a text index: one for each term, with its score, between the values of the fields before and behind.
type textIndex struct {
	index *text.Index
	paths []string
	at    int // which field the terms are; the next is their scores
}

// newTextPattern compiles the key of a text index as listIndexes shows it, {..., _fts: "text", _ftsx: 1, ...}.
func newTextPattern(key, spec document.Doc) (*keys.Pattern, error) {
	p, err := keys.CompileKind(key, text.Kind)
	if err != nil {
		return nil, err
	}
	x := &textIndex{}
	if x.index, err = text.NewIndex(spec); err != nil {
		return nil, mongoerr.New(mongoerr.CannotCreateIndex, "default_language is not valid")
	}
	for i, f := range p.Fields {
		x.paths = append(x.paths, f.Path)
		if f.Kind == text.Kind {
			x.at = i
		}
	}
	p.Plugin = x
	return p, nil
}

// Tuples implements [keys.Plugin]. Of the fields beside the text each must have one value.
func (x *textIndex) Tuples(doc document.Doc, add func([]document.Value)) (multikey uint32, err error) {
	values := make([]document.Value, len(x.paths))
	for i, path := range x.paths {
		if i == x.at || i == x.at+1 {
			continue
		}
		v, array := singleValue(doc, path)
		if array {
			return 0, &keys.Error{Code: keys.CodeCannotBuildIndexKeys, Message: fmt.Sprintf("Field '%s' of text index contains an array in document: %s", path, doc.Shell())}
		}
		values[i] = v
	}
	scores, err := x.index.Scores(doc)
	if err != nil {
		var mistake *text.DocumentError
		if errors.As(err, &mistake) {
			err = &keys.Error{Code: mistake.Code, Message: mistake.Message}
		}
		return 0, err
	}
	for term, score := range scores {
		values[x.at], values[x.at+1] = document.String(text.Key(term)), document.Double(score)
		add(values)
	}
	if len(scores) > 1 {
		multikey = 1 << x.at
	}
	return multikey, nil
}

// singleValue returns the value at a path, unless there is an array on the way or at its end.
func singleValue(doc document.Doc, path string) (v document.Value, array bool) {
	for {
		part, rest, more := strings.Cut(path, ".")
		v = doc.Lookup(part)
		switch {
		case v.Type == document.TypeArray:
			return v, true
		case !more:
			return v, false
		case v.Type != document.TypeDocument:
			return document.Value{}, false
		}
		doc, path = v.Doc(), rest
	}
}

// textIndexOf returns the text index of a collection, nil if there is none.
func (c *Collection) textIndexOf() *Index {
	for _, ix := range c.Indexes {
		if _, ok := ix.Plugin.(*textIndex); ok && ix.Ready {
			return ix
		}
	}
	return nil
}

// Search compiles a $text for a namespace's text index: a function for [query.FilterOptions].
func (c *Catalog) Search(ns string) func(query.TextSearch) (*text.Search, error) {
	return func(asked query.TextSearch) (*text.Search, error) {
		coll := c.Collection(ns)
		if coll == nil {
			return nil, NoTextIndex(ns)
		}
		ix := coll.textIndexOf()
		if ix == nil {
			return nil, query.ErrTextIndexRequired
		}
		index := ix.Plugin.(*textIndex).index
		name, language := index.Default.Name, index.Default
		if asked.Language != "" {
			name, language = asked.Language, text.FindLanguage(asked.Language)
		}
		if language == nil {
			return nil, mongoerr.New(mongoerr.BadValue, "unsupported language: \"%s\" for text index version %d", asked.Language, index.Version)
		}
		return index.Compile(asked.Search, name, language, asked.Exact), nil
	}
}

// NoTextIndex is the error of a $text on what is no collection.
func NoTextIndex(ns string) error {
	return mongoerr.New(mongoerr.IndexNotFound, "%s (no such collection '%s')", query.ErrTextIndexRequired.Message, ns)
}

// wantsScore reports whether it is of interest what documents score: they are sorted by it, or it is shown with them.
func wantsScore(f *query.Filter, sort *query.Sort, shown bool) bool {
	return f.Text() != nil && (shown || sort != nil && sort.UsesMeta())
}
