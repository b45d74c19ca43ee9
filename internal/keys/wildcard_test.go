package keys

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestWildcardEntries shows which paths and values a wildcard index has of a document, and at which paths it met arrays: what mongod has, but for fields with
// a dot in their name.
func TestWildcardEntries(t *testing.T) {
	for _, c := range []struct{ key, projection, doc, entries, arrays string }{
		{"$**", ``, `{"_id": 1, "a": 1, "b": "x", "n": null}`, `a 1|b "x"|n null`, ``},
		{"$**", ``, `{"a": {"b": {"c": 1}, "d": {}}, "e": []}`, `a.b.c 1|a.d {}|e undefined`, `e`},
		{"$**", ``, `{"e": [1, [2, 3], {"f": 1}, [], {}, 1]}`, `e 1|e {}|e []|e [2, 3]|e.f 1`, `e`},
		{"$**", ``, `{"o": {"x": [{"y": [1, 2]}, {"y": 1}]}}`, `o.x.y 1|o.x.y 2`, `o.x o.x.y`},
		{"$**", ``, `{"a": {"b.c": 1}, "d.e": 2, "": {"f": 1}}`, `.f 1|a. undefined`, ``},
		{"a.$**", ``, `{"a": 5, "b": 1}`, `a 5`, ``},
		{"a.b.$**", ``, `{"a": [5, {"b": 1, "c": 2}, [{"b": 3}]]}`, `a.b 1`, `a`},
		{"a.b.$**", ``, `{"a": [5]}`, `a undefined`, `a`},
		{"a.b.$**", ``, `{"a": {"c": 1}}`, `a {}`, ``},
		{"$**", `{"e.f": 0, "a.b": 0}`, `{"_id": 1, "e": [{"f": 1, "g": 2}, 3, [{"f": 4}]], "a": {"b": 1}}`, `a {}|e 3|e [{"f": 4}]|e.g 2`, `e`},
		{"$**", `{"a": {"b": 1, "c": true}}`, `{"_id": 1, "a": {"b": 1, "c": 2, "d": 3}, "e": 1}`, `a.b 1|a.c 2`, ``},
		{"$**", `{"_id": 1}`, `{"_id": {"x": 1}, "a": 1}`, `_id.x 1`, ``},
		{"$**", `{"_id": 0}`, `{"_id": 1, "a": 1}`, `a 1`, ``},
		{"$**", `{"_id": 1, "a": 0}`, `{"_id": 1, "a": 1, "b": 2}`, `_id 1|b 2`, ``},
		{"$**", `{"_id.x": 1}`, `{"_id": {"x": 1, "y": 2}, "a": 1}`, `_id.x 1`, ``},
		{"$**", `{"_id": 0, "a": 1}`, `{"_id": 1, "a": 1, "b": 2}`, `a 1`, ``},
	} {
		var key document.Builder
		key.AppendInt32(c.key, 1)
		projection := document.Empty
		if c.projection != "" {
			projection = parse(t, c.projection)
		}
		p, err := CompileWildcard(key.Finish(), projection)
		if err != nil {
			t.Fatal(err)
		}
		ix := &Index{Pattern: *p}
		var e Entries
		if err := ix.AppendEntries(&e, parse(t, c.doc), 1); err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range e.Len() {
			path, rest, err := DecodeValue(e.At(i)[IndexPrefixLen:])
			if err != nil {
				t.Fatal(err)
			}
			v, _, err := DecodeValue(rest)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s", path.Str(), strings.NewReplacer("{ ", "{", " }", "}", "[ ", "[", " ]", "]", "f: ", `"f": `).Replace(v.Shell())))
		}
		if strings.Join(got, "|") != c.entries || strings.Join(e.Arrays, " ") != c.arrays {
			t.Errorf("%s %s of %s:\n got  %s, arrays %q\n want %s, arrays %q", c.key, c.projection, c.doc, strings.Join(got, "|"), e.Arrays, c.entries, c.arrays)
		}
	}
}

// TestWildcardHas shows of which paths an index knows all that there is.
func TestWildcardHas(t *testing.T) {
	for _, c := range []struct{ key, projection, has, hasNot string }{
		{"$**", ``, "a a.b a.0", "_id _id.x a. .b"},
		{"a.$**", ``, "a a.b", "b _id"},
		{"a.b.$**", ``, "a.b a.b.c", "a a.c"},
		{"$**", `{"a.b": 0}`, "a a.c b", "a.b a.b.c _id"},
		{"$**", `{"a.b": 1, "_id": 1}`, "a.b a.b.c _id", "a a.c b"},
		{"$**", `{"_id": 0}`, "a", "_id"},
	} {
		var key document.Builder
		key.AppendInt32(c.key, 1)
		projection := document.Empty
		if c.projection != "" {
			projection = parse(t, c.projection)
		}
		p, err := CompileWildcard(key.Finish(), projection)
		if err != nil {
			t.Fatal(err)
		}
		paths := strings.Fields(c.has + " " + c.hasNot)
		got := slices.DeleteFunc(paths, func(path string) bool { return !p.Wildcard.Has(path) })
		if strings.Join(got, " ") != c.has {
			t.Errorf("%s %s has %v, want %v", c.key, c.projection, got, c.has)
		}
	}
}

func parse(t testing.TB, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
