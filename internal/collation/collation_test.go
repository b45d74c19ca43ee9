package collation

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func parse(t testing.TB, text string) *Collation {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKeysAreMongods compares sort keys with those that a mongod 6.0.5 gave ({$meta: "sortKey"}).
func TestKeysAreMongods(t *testing.T) {
	for _, name := range []string{"testdata/keys.txt", "testdata/locales.txt"} { // every option; every locale
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(strings.TrimSpace(string(file)), "\n\n") {
			spec, lines, _ := strings.Cut(part, "\n")
			checkKeys(t, spec, lines)
		}
	}
}

// checkKeys checks the keys of texts: each line has one as JSON and its key in hexadecimal.
func checkKeys(t *testing.T, spec, lines string) {
	t.Helper()
	c := parse(t, spec)
	for _, line := range strings.Split(lines, "\n") {
		at := strings.LastIndexByte(line, ' ')
		var text string
		if err := json.Unmarshal([]byte(line[:at]), &text); err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(line[at+1:])
		if err != nil {
			t.Fatal(err)
		}
		if got := c.AppendKey(nil, text); !bytes.Equal(got, want) {
			t.Errorf("%s %+q: % x, mongod % x", spec, text, got, want)
		}
	}
}

// TestCompareIsOrderOfKeys holds Compare to the order of keys, and keys to hold no zero byte.
func TestCompareIsOrderOfKeys(t *testing.T) {
	texts := []string{"", "a", "A", "á", "ab", "a b", "a-b", "b", "B", "1", "10", "2", "é", "e\u0301", "漢", "\xff", "a\x00b", "\U0010ffff"}
	for _, spec := range []string{`{"locale":"en"}`, `{"locale":"en","strength":1}`, `{"locale":"en","alternate":"shifted","strength":4}`, `{"locale":"en","strength":5}`} {
		c := parse(t, spec)
		for _, a := range texts {
			if ka := c.AppendKey(nil, a); bytes.IndexByte(ka, 0) >= 0 {
				t.Errorf("%s %q: key % x", spec, a, ka)
			}
			for _, b := range texts {
				if got, want := c.Compare(a, b), bytes.Compare(c.AppendKey(nil, a), c.AppendKey(nil, b)); cmp.Compare(got, 0) != want {
					t.Errorf("%s: %q, %q: %d, keys %d", spec, a, b, got, want)
				}
			}
		}
	}
}

// TestParse has mongod's answers to collation documents.
func TestParse(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{`{"locale":"en","strength":2}`, `{ locale: "en", caseLevel: false, caseFirst: "off", strength: 2, numericOrdering: false, alternate: "non-ignorable", maxVariable: "punct", normalization: false, backwards: false, version: "57.1" }`},
		{`{"locale":"fr_CA"}`, `{ locale: "fr_CA", caseLevel: false, caseFirst: "off", strength: 3, numericOrdering: false, alternate: "non-ignorable", maxVariable: "punct", normalization: false, backwards: true, version: "57.1" }`},
		{`{"locale":"da"}`, `{ locale: "da", caseLevel: false, caseFirst: "upper", strength: 3, numericOrdering: false, alternate: "non-ignorable", maxVariable: "punct", normalization: false, backwards: false, version: "57.1" }`},
		{`{"locale":"simple","strength":1}`, ""},
		{`{"locale":"xx"}`, `Field 'locale' is invalid in: { locale: "xx" }`},
		{`{"locale":"en_GB"}`, `Field 'locale' is invalid in: { locale: "en_GB" }. Did you mean 'en'?`},
		{`{"locale":"en-US"}`, `Field 'locale' is invalid in: { locale: "en-US" }. Did you mean 'en_US'?`},
		{`{"locale":""}`, `Field 'locale' cannot be the empty string in: { locale: "" }`},
		{`{"locale":"en","version":"58"}`, `Requested collation version 58 but the only available collator version was 57.1. Requested collation spec: { locale: "en", version: "58" }`},
		{`{"locale":"en","strength":1,"backwards":true}`, `'backwards' is invalid with 'strength' of 1 in: { locale: "en", strength: 1, backwards: true }`},
		{`{"locale":"fr_CA","strength":1}`, `'backwards' is invalid with 'strength' of 1 in: { locale: "fr_CA", strength: 1 }`},
		{`{"locale":"en","strength":2,"caseFirst":"upper"}`, `'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2 in: { locale: "en", strength: 2, caseFirst: "upper" }`},
	} {
		d, err := document.FromJSON(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if col, err := Parse(d); err != nil {
			got = err.Error()
		} else if col != nil {
			got = col.Document().Shell()
		}
		if got != c.want {
			t.Errorf("%s: %s\nmongod: %s", c.spec, got, c.want)
		}
	}
}

// TestManyMarks shows that a text of nothing but marks takes time in proportion to its length.
func TestManyMarks(t *testing.T) {
	c := parse(t, `{"locale":"en"}`)
	for _, mark := range []string{"\u0301", "\u0f71", "\u0653", "\u0308\u0301"} {
		c.AppendKey(nil, "a"+strings.Repeat(mark, 200000))
	}
}

// TestWindows shows that a text longer than what is looked at together has the key of the whole: those of its parts, level by level.
func TestWindows(t *testing.T) {
	c := parse(t, `{"locale":"en","strength":1,"numericOrdering":true}`)
	for n := range 600 {
		got, want := c.AppendKey(nil, "á"+strings.Repeat("b", n)+"e\u0301L·"), c.AppendKey(nil, "a"+strings.Repeat("b", n)+"el")
		if !bytes.Equal(got, want) {
			t.Fatalf("%d: % x, want % x", n, got, want)
		}
		got, want = c.AppendKey(nil, strings.Repeat("0", n)+"7é"), c.AppendKey(nil, "7e")
		if !bytes.Equal(got, want) {
			t.Fatalf("%d zeros: % x, want % x", n, got, want)
		}
	}
}

// FuzzKey feeds any bytes to every kind of collation.
func FuzzKey(f *testing.F) {
	f.Add("a", "A")
	f.Add("e\u0301\u0323 12", "\xff\xfe1234567890123")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, spec := range []string{`{"locale":"en","strength":5,"numericOrdering":true}`, `{"locale":"en","caseLevel":true,"caseFirst":"upper","strength":4,"alternate":"shifted"}`,
			`{"locale":"sv","backwards":true,"normalization":true}`} {
			c := parse(t, spec)
			if got, want := c.Compare(a, b), bytes.Compare(c.AppendKey(nil, a), c.AppendKey(nil, b)); got != want || got != -c.Compare(b, a) {
				t.Fatalf("%s: %q, %q: %d, keys %d", spec, a, b, got, want)
			}
			if k := c.AppendKey(nil, a); bytes.IndexByte(k, 0) >= 0 {
				t.Fatalf("%s: %q: % x", spec, a, k)
			}
		}
	})
}

func BenchmarkKey(b *testing.B) {
	for _, text := range []string{"Morton Smith", "Mørton Smith, Ålesund"} {
		b.Run(text, func(b *testing.B) {
			c := parse(b, `{"locale":"en","strength":2}`)
			var space [128]byte
			b.ReportAllocs()
			for b.Loop() {
				c.AppendKey(space[:0], text)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	c := parse(b, `{"locale":"en","strength":2}`)
	for b.Loop() {
		c.Compare("Morton Smith", "morton smithe")
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readCatalog(tablesData); err != nil {
			b.Fatal(err)
		}
	}
}
