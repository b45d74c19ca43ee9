package keys

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestHashesAreMongods compares hashes with those that mongod's _hashBSONElement gave.
func TestHashesAreMongods(t *testing.T) {
	text, err := os.ReadFile("testdata/hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		d := fromJSON(t, string(c))
		if got, want := Hash(d.Lookup("v")), d.Lookup("h").Int64(); got != want {
			t.Errorf("hash of %s: %d, want %d", d.Lookup("v").Shell(), got, want)
		}
	}
}

// TestHashedRefusesArrays shows that no field of an index may meet an array if one is hashed.
func TestHashedRefusesArrays(t *testing.T) {
	for _, c := range []struct{ key, doc, path string }{
		{`{"h": "hashed"}`, `{"h": [1]}`, "h"},
		{`{"h": "hashed"}`, `{"h": []}`, "h"},
		{`{"h": "hashed", "b": 1}`, `{"h": 1, "b": [1]}`, "b"},
		{`{"h.x": "hashed"}`, `{"h": [{"x": 1}]}`, "h"},
		{`{"h.x": "hashed"}`, `{"h": {"x": [1]}}`, "h.x"},
	} {
		ix := index(t, c.key)
		var e Entries
		err := ix.AppendEntries(&e, fromJSON(t, c.doc), 1)
		var mistake *Error
		if !errors.As(err, &mistake) || mistake.Code != CodeArrayInHashed || e.Len() != 0 {
			t.Errorf("%s of %s: error %v, %d entries", c.key, c.doc, err, e.Len())
		} else if want := "Error: hashed indexes do not currently support array values. Found array at path: " + c.path; mistake.Message != want {
			t.Errorf("%s of %s: %s", c.key, c.doc, mistake.Message)
		}
	}
}

// FuzzHash shows that hashing takes any document.
func FuzzHash(f *testing.F) {
	f.Add([]byte(fromJSON(f, `{"a": {"b": [1, "x"]}, "c": {"$code": "x", "$scope": {"a": 1}}}`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if document.Validate(b, document.MaxDepth) != nil {
			return
		}
		d := document.Doc(b)
		if Hash(d.AsValue()) != Hash(d.Clone().AsValue()) {
			t.Error("a document has two hashes")
		}
	})
}
