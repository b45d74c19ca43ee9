package command

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	words "github.com/mortondb/morton/internal/text"
)

// What createIndexes makes of the specification of a text index: {s: "text"} becomes {_fts: "text", _ftsx: 1} with weights: {s: 1}, and the options that
// are not said get their values.

const (
	textField      = "_fts"  // stands for the terms in the key of a text index
	textScoreField = "_ftsx" // and this for their scores

	textVersion = 3

	// maxWeight is what the weight of a field must be below.
	maxWeight = 100000
)

// checkTextKey checks the key of a text index as it would be of any other. Only here all fields have a name.
func checkTextKey(given document.Doc) error {
	var b document.Builder
	for it := given.Lookup("key").Doc().Iter(); it.Next(); {
		if it.Key() != "$**" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	key := b.Finish()
	if key.IsEmpty() {
		return nil
	}
	_, err := keys.CompileKind(key, words.Kind)
	if mistake, ok := err.(*keys.Error); ok {
		return inSpecification(given, mongoerr.New(mongoerr.Code(mistake.Code), "%s", mistake.Message))
	}
	return err
}

// stringOption checks the type of an option of text indexes, whatever the index is.
func stringOption(name string) func(document.Value) error {
	return func(v document.Value) error {
		if v.Type != document.TypeString {
			return mongoerr.New(mongoerr.TypeMismatch, "The field '%s' must be a string, but got %s", name, v.Type)
		}
		return nil
	}
}

func weightsOption(v document.Value) error {
	if v.Type != document.TypeDocument && v.Type != document.TypeString {
		return mongoerr.New(mongoerr.TypeMismatch, "The field 'weights' must be an object, but got %s", v.Type)
	}
	return nil
}

func isText(given document.Doc) bool { return keys.KindOf(given.Lookup("key").Doc()) == words.Kind }

// withText returns the specification of a text index as it is kept; that of another index as it is.
func withText(given document.Doc) (document.Doc, error) {
	if !isText(given) {
		return given, nil
	}
	f := textFixer{given: given, weights: map[string]int64{}}
	for _, step := range []func() error{f.checkPlaces, f.fixKey, f.readWeights, f.checkWeights, f.checkOptions} {
		if err := step(); err != nil {
			return nil, inSpecification(withVersion(given), err)
		}
	}
	if f.version == 1 {
		return nil, notImplemented("a text index of version 1")
	}
	return f.finish(), nil
}

// textFixer completes the specification of a text index.
type textFixer struct {
	given   document.Doc
	key     document.Builder
	weights map[string]int64
	version int64
}

// fixKey puts the two fields that stand for the text in the place of those that have it.
func (f *textFixer) fixKey() error {
	fixed := false
	for it := f.given.Lookup("key").Doc().Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		n, _ := v.ToInt64()
		switch {
		case name == textField:
			fixed = true
			f.key.AppendValue(name, v)
			if !it.Next() || it.Key() != textScoreField {
				return cannotCreate("expected _ftsx after _fts")
			}
			if n, _ := it.Value().ToInt64(); n != 1 {
				return cannotCreate("expecting _ftsx:1")
			}
			f.key.AppendValue(it.Key(), it.Value())
		case v.Str() == words.Kind:
			if !fixed {
				f.key.AppendString(textField, words.Kind)
				f.key.AppendInt32(textScoreField, 1)
			}
			fixed = true
			f.weights[name] = 1
		case n != 1 && n != -1:
			return cannotCreate("expected value 1 or -1 for non-text key in compound index")
		default:
			f.key.AppendValue(name, v)
		}
	}
	return nil
}

// checkPlaces sees to it that the fields of the text stand side by side, and that no other field has a name that stands for them.
func (f *textFixer) checkPlaces() error {
	behind, fixed, inText := false, false, false
	for it := f.given.Lookup("key").Doc().Iter(); it.Next(); {
		name, isText := it.Key(), it.Value().Str() == words.Kind
		switch {
		case isText && behind:
			return cannotCreate("'text' fields in index must all be adjacent")
		case isText && name == textField && !inText:
			fixed, inText = true, true
			continue
		case fixed && name == textScoreField:
			fixed = false
			continue
		case isText:
			inText = true
		case inText:
			behind = true
		}
		if name == textField || name == textScoreField {
			return cannotCreate("text index with reserved fields _fts/_ftsx not allowed")
		}
	}
	return nil
}

func (f *textFixer) readWeights() error {
	switch v := f.given.Lookup("weights"); {
	case v.IsMissing():
	case v.Str() == "$**":
		f.weights["$**"] = 1
	case v.Type != document.TypeDocument:
		return cannotCreate("text index option 'weights' must be an object")
	default:
		for it := v.Doc().Iter(); it.Next(); {
			if !it.Value().IsNumber() {
				return cannotCreate("weight for text index needs numeric type")
			}
			n, _ := it.Value().ToInt64()
			f.weights[it.Key()] = n
		}
	}
	if len(f.weights) == 0 {
		return cannotCreate("text index option 'weights' must specify fields or the wildcard")
	}
	return nil
}

// names returns the fields that have weights, sorted.
func (f *textFixer) names() (list []string) {
	for name := range f.weights {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (f *textFixer) checkWeights() error {
	for _, name := range f.names() {
		switch n := f.weights[name]; {
		case n <= 0 || n >= maxWeight:
			return cannotCreate("text index weight must be in the exclusive interval (0,%d) but found: %d", maxWeight, n)
		case name == "$**":
			continue
		case name == "":
			return cannotCreate("weight cannot be on an empty field")
		}
		for part := range strings.SplitSeq(name, ".") {
			switch {
			case part == "":
				return cannotCreate("weight cannot have empty path component")
			case part[0] == '$':
				return cannotCreate("weight cannot have path component with $ prefix")
			}
		}
	}
	return nil
}

func (f *textFixer) checkOptions() error {
	language, override, version := f.given.Lookup("default_language"), f.given.Lookup("language_override"), f.given.Lookup("textIndexVersion")
	f.version = textVersion
	if n, ok := version.ToInt64(); ok {
		f.version = n
	}
	switch {
	case !language.IsMissing() && words.FindLanguage(language.Str()) == nil:
		return cannotCreate("default_language is not valid")
	case !override.IsMissing() && (override.Str() == "" || override.Str()[0] == '$' || strings.Contains(override.Str(), ".")):
		return cannotCreate("language_override is not valid")
	case f.version < 1 || f.version > textVersion:
		return cannotCreate("bad textIndexVersion: %d", f.version)
	}
	return nil
}

func (f *textFixer) finish() document.Doc {
	var b document.Builder
	for it := f.given.Iter(); it.Next(); {
		switch it.Key() {
		case "key":
			b.AppendDoc("key", f.key.Finish())
		case "weights", "textIndexVersion":
		default:
			b.AppendValue(it.Key(), it.Value())
		}
	}
	b.OpenDoc("weights")
	for _, name := range f.names() {
		b.AppendInt32(name, int32(f.weights[name]))
	}
	b.Close()
	if f.given.Lookup("default_language").IsMissing() {
		b.AppendString("default_language", "english")
	}
	if f.given.Lookup("language_override").IsMissing() {
		b.AppendString("language_override", "language")
	}
	b.AppendInt32("textIndexVersion", int32(f.version))
	return b.Finish()
}
