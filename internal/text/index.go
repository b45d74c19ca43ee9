package text

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Index says what of a document is text, and what it counts. Immutable.
type Index struct {
	weights  []weight // by path
	Version  int      // 2: only characters of ASCII have case and end words; 3: those of Unicode, and they lose their diacritics
	Wildcard bool     // all strings are text
	Default  *Language
	Override string // the field that says the language of the document it is in
}

type weight struct {
	path string
	n    float64
}

// Kind is the kind of text indexes in key documents.
const Kind = "text"

// maxKey is how long a term may be to stand in entries as it is, of which cutKey bytes stand before the hash of one that is longer.
const maxKey, cutKey = 256, 224

// Key returns what stands for a term in entries.
func Key(term string) string {
	if len(term) <= maxKey {
		return term
	}
	sum := md5.Sum([]byte(term))
	return term[:cutKey] + hex.EncodeToString(sum[:])
}

// anyPath is the path that stands for all.
const anyPath = "$**"

// NewIndex returns the index of a specification as listIndexes shows it.
func NewIndex(spec document.Doc) (*Index, error) {
	language := spec.Lookup("default_language").Str()
	ix := &Index{Default: FindLanguage(language), Override: strings.Clone(spec.Lookup("language_override").Str())}
	if ix.Default == nil {
		return nil, fmt.Errorf("text: there is no language %q", language)
	}
	ix.Version = 3
	if n, ok := spec.Lookup("textIndexVersion").ToInt64(); ok {
		ix.Version = int(n)
	}
	ix.Default = ix.as(ix.Default)
	for it := spec.Lookup("weights").Doc().Iter(); it.Next(); {
		n, _ := it.Value().AsFloat64()
		ix.weights = append(ix.weights, weight{strings.Clone(it.Key()), n})
		ix.Wildcard = ix.Wildcard || it.Key() == anyPath
	}
	slices.SortFunc(ix.weights, func(a, b weight) int { return strings.Compare(a.path, b.path) })
	return ix, nil
}

// as returns a language as the index's version has it.
func (ix *Index) as(l *Language) *Language {
	if ix.Version == 2 {
		return l.inASCII
	}
	return l
}

// DocumentError says what about the language of a document keeps it from being indexed, with MongoDB's code and words.
type DocumentError struct {
	Code    int32
	Message string
}

func (e *DocumentError) Error() string { return e.Message }

// piece is a string of a document that is indexed.
type piece struct {
	text     string
	language *Language
	weight   float64
}

// pieces calls yield for the texts of a document until it returns false. The error is a [*DocumentError].
func (ix *Index) pieces(doc document.Doc, yield func(piece) bool) error {
	language, err := ix.languageOf(doc, ix.Default)
	if err != nil {
		return err
	}
	w := walk{ix, yield}
	_, err = w.doc(doc, "", false, language)
	return err
}

// languageOf returns the language that a document says it is in, else the one around it.
func (ix *Index) languageOf(doc document.Doc, around *Language) (*Language, error) {
	v := doc.Lookup(ix.Override)
	switch {
	case v.IsMissing():
		return around, nil
	case v.Type != document.TypeString:
		return nil, &DocumentError{17261, "found language override field in document with non-string type"}
	}
	if l := FindLanguage(v.Str()); l != nil {
		return ix.as(l), nil
	}
	return nil, &DocumentError{17262, "language override unsupported: " + v.Str()}
}

type walk struct {
	ix    *Index
	yield func(piece) bool
}

// doc walks through a document or an array. more is false when yield has enough.
func (w *walk) doc(doc document.Doc, parent string, isArray bool, language *Language) (more bool, err error) {
	for it := doc.Iter(); it.Next(); {
		if w.ix.Wildcard && it.Key() == w.ix.Override {
			continue
		}
		path := parent
		switch {
		case parent == "":
			path = it.Key()
		case !isArray:
			path = parent + "." + it.Key()
		}
		if more, err = w.value(it.Value(), path, isArray, language); err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

func (w *walk) value(v document.Value, path string, inArray bool, language *Language) (more bool, err error) {
	n, exact, on := w.ix.weightAt(path, v.Type)
	switch {
	case !on:
	case v.Type == document.TypeString && (exact || w.ix.Wildcard):
		return w.yield(piece{v.Str(), language, n}), nil
	case v.Type == document.TypeDocument && (!exact || w.ix.Wildcard):
		inner, err := w.ix.languageOf(v.Doc(), language)
		if err != nil {
			return false, err
		}
		return w.doc(v.Doc(), path, false, inner)
	case v.Type == document.TypeArray && (!inArray || w.ix.Wildcard):
		return w.doc(v.Doc(), path, true, language)
	}
	return true, nil
}

// weightAt returns what texts at a path count. exact: the path has a weight of its own; on: there may be text at the path or below.
func (ix *Index) weightAt(path string, t document.Type) (n float64, exact, on bool) {
	bound := path
	if t == document.TypeDocument {
		bound += "."
	}
	i, _ := slices.BinarySearchFunc(ix.weights, bound, func(w weight, p string) int { return strings.Compare(w.path, p) })
	switch {
	case i == len(ix.weights):
		return 1, false, ix.Wildcard
	case ix.weights[i].path == path:
		return ix.weights[i].n, true, true
	}
	return 1, false, ix.Wildcard || strings.HasPrefix(ix.weights[i].path, path+".")
}
