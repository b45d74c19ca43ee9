package text

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// recorded is an index with documents, and what a mongod 6.0.5 found in it.
type recorded struct {
	Index    json.RawMessage
	Docs     []json.RawMessage
	Searches []struct {
		Text struct {
			Search             string `json:"$search"`
			Language           string `json:"$language"`
			CaseSensitive      bool   `json:"$caseSensitive"`
			DiacriticSensitive bool   `json:"$diacriticSensitive"`
		}
		Found [][2]any // _id, and the score as hexadecimal
	}
}

// TestSearchesAreMongods replays random searches in all languages: the documents that are found, and the bits of their scores, are mongod's.
// MORTON_TEXT names a file with more of them.
func TestSearchesAreMongods(t *testing.T) {
	path := os.Getenv("MORTON_TEXT")
	if path == "" {
		path = "testdata/searches.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sets []recorded
	if err := json.Unmarshal(data, &sets); err != nil {
		t.Fatal(err)
	}
	searches := 0
	for i, set := range sets {
		set.check(t, i)
		searches += len(set.Searches)
	}
	if searches == 0 {
		t.Error("nothing was searched")
	}
}

func (r recorded) check(t *testing.T, n int) {
	spec := parse(t, r.Index)
	ix, err := NewIndex(spec)
	if err != nil {
		t.Fatal(err)
	}
	var docs []document.Doc
	var scores []map[string]float64
	for _, raw := range r.Docs {
		doc := parse(t, raw)
		s, err := ix.Scores(doc)
		if code, refused := doc.Lookup("$error").AsInt64(); refused != (err != nil) || refused && err.(*DocumentError).Code != int32(code) {
			t.Errorf("set %d: %s: %v", n, doc, err)
		}
		if err == nil {
			docs, scores = append(docs, doc), append(scores, s)
		}
	}
	for _, q := range r.Searches {
		l := ix.Default
		if q.Text.Language != "" {
			l = FindLanguage(q.Text.Language)
		}
		s := ix.Compile(q.Text.Search, q.Text.Language, l, Exact{q.Text.CaseSensitive, q.Text.DiacriticSensitive})
		want := map[int64]float64{}
		for _, f := range q.Found {
			want[int64(f[0].(float64))], _ = strconv.ParseFloat(f[1].(string), 64)
		}
		for i, doc := range docs {
			got, found := total(s, doc, scores[i])
			id, _ := doc.Lookup("_id").AsInt64()
			if w, ok := want[id]; ok != found || w != got {
				t.Errorf("set %d: %s\nsearch %+v, terms %q\nof %s\nscores %v (%v), mongod %v (%v)", n, spec, q.Text, s.Terms, doc, got, found, w, ok)
			}
		}
	}
}

// total returns a document's score, as the sum of what the entries of an index hold.
func total(s *Search, doc document.Doc, scores map[string]float64) (sum float64, found bool) {
	for _, term := range s.Terms {
		if n, has := scores[term]; has {
			sum += n
			found = true
		}
	}
	if !found || !s.Matches(doc) {
		return 0, false
	}
	return sum, true
}

func parse(t *testing.T, raw json.RawMessage) document.Doc {
	t.Helper()
	var d bson.D
	if err := bson.UnmarshalExtJSON(raw, false, &d); err != nil {
		t.Fatal(err)
	}
	b, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return document.Doc(b)
}
