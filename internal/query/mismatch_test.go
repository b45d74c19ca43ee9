package query

import (
	"bufio"
	"bytes"
	"os"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestMismatchIsMongods: testdata/mismatch.jsonl holds validators, documents that they refused, and the details of the errors, recorded
// from a mongod 6.0.5.
func TestMismatchIsMongods(t *testing.T) {
	f, err := os.Open("testdata/mismatch.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		d, err := document.FromJSON(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		filter, doc := d.Lookup("filter").Doc(), d.Lookup("doc").Doc()
		compiled, err := CompileFilter(filter, FilterOptions{})
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if ok, err := compiled.Match(doc); ok || err != nil {
			t.Errorf("%s matches %s: %v %v", filter, doc, ok, err)
			continue
		}
		if got, want := Mismatch(filter, doc, FilterOptions{}), d.Lookup("details").Doc(); !bytes.Equal(got, want) {
			t.Errorf("%s and %s:\n got %s\nwant %s", filter, doc, got, want)
		}
	}
}
