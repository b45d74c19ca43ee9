package keys

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// letters makes an entry of each letter of the field "word", and of how many the word has.
type letters struct{}

func (letters) Tuples(doc document.Doc, add func([]document.Value)) (uint32, error) {
	word := doc.Lookup("word").Str()
	if word == "" {
		return 0, &Error{Code: CodeBadValue, Message: "no word"}
	}
	for _, c := range word {
		add([]document.Value{document.String(string(c)), document.Int32(int32(len(word)))})
	}
	return 1, nil
}

// TestPluginMakesEntries shows that a plugin's tuples are entries: in order, each once, decodable; and none if it fails.
func TestPluginMakesEntries(t *testing.T) {
	ix := &Index{Number: 3, Pattern: Pattern{Fields: []Field{{Path: "letter"}, {Path: "length"}}, Plugin: letters{}}}
	var b document.Builder
	b.AppendString("word", "banana")
	var e Entries
	if err := ix.AppendEntries(&e, b.Finish(), 7); err != nil {
		t.Fatal(err)
	}
	got := ""
	for i := range e.Len() {
		v, rest, err := DecodeValue(e.At(i)[len(AppendIndexPrefix(nil, 3)):])
		if err != nil {
			t.Fatal(err)
		}
		n, _, err := DecodeValue(rest)
		if err != nil || n.Int64() != 6 && n.Int32() != 6 {
			t.Fatalf("length %v, %v", n, err)
		}
		got += v.Str()
	}
	if got != "abn" || e.Multikey != 1 {
		t.Fatalf("entries of %q, multikey %b; want abn, 1", got, e.Multikey)
	}
	before := e.Len()
	if err := ix.AppendEntries(&e, document.Doc{5, 0, 0, 0, 0}, 8); err == nil || e.Len() != before {
		t.Fatalf("error %v with %d entries; want an error and %d", err, e.Len(), before)
	}
}
