package keys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func fromJSON(t testing.TB, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func index(t testing.TB, key string) *Index {
	t.Helper()
	p, err := CompilePattern(fromJSON(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return &Index{Number: 7, Pattern: *p}
}

// entriesCase is what mongod 6.0.5 did with one document in one index: the number of keys (from validate), that of a
// sparse index, which fields it holds for multikey (from explain), and the first and the last key (returnKey).
type entriesCase struct {
	line          int
	index, doc    string
	result        string
	keys, sparse  int
	multikey      uint32
	first, last   string
	hasFirst, err bool
}

// readEntries reads testdata/entries.txt.
func readEntries(t *testing.T) []entriesCase {
	text, err := os.ReadFile("testdata/entries.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []entriesCase
	var key string
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case line == "":
		case strings.HasPrefix(line, "index "):
			key = line[len("index "):]
		case !strings.HasPrefix(line, "  "):
			list = append(list, entriesCase{line: i + 1, index: key, doc: line})
		default:
			list[len(list)-1].add(t, strings.TrimSpace(line))
		}
	}
	return list
}

func (c *entriesCase) add(t *testing.T, line string) {
	switch {
	case strings.HasPrefix(line, "{") && !c.hasFirst:
		c.first, c.last, c.hasFirst = line, line, true
	case strings.HasPrefix(line, "{"):
		c.last = line
	case strings.HasPrefix(line, "error "):
		c.result, c.err = line, true
	default:
		for part := range strings.SplitSeq(line, ", ") {
			switch {
			case strings.HasSuffix(part, " keys"):
				fmt.Sscan(part, &c.keys)
				c.sparse = c.keys
			case strings.HasSuffix(part, " sparse"):
				fmt.Sscan(part, &c.sparse)
			case strings.HasPrefix(part, "multikey "):
				for name := range strings.FieldsSeq(part[len("multikey "):]) {
					for i, f := range index(t, c.index).Fields {
						if f.Path == name {
							c.multikey |= 1 << i
						}
					}
				}
			default:
				t.Fatalf("line %d: %q", c.line, part)
			}
		}
	}
}

// TestEntriesAsMongod makes the entries of the documents in testdata/entries.txt and compares them with those of mongod.
func TestEntriesAsMongod(t *testing.T) {
	var e Entries
	for _, c := range readEntries(t) {
		name := fmt.Sprintf("entries.txt:%d: %s in %s", c.line, c.doc, c.index)
		ix := index(t, c.index)
		doc := fromJSON(t, c.doc)
		e.Reset()
		err := ix.AppendEntries(&e, doc, 1)
		if c.err {
			var ke *Error
			if !errors.As(err, &ke) || fmt.Sprintf("error %d %s", ke.Code, ke.Message) != c.result {
				t.Errorf("%s: error %v, want %s", name, err, c.result)
			}
			if e.Len() != 0 {
				t.Errorf("%s: %d entries beside an error", name, e.Len())
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkEntries(t, name, c, ix, &e)
		ix.Sparse = true
		e.Reset()
		if err := ix.AppendEntries(&e, doc, 1); err != nil || e.Len() != c.sparse {
			t.Errorf("%s: sparse: %d entries, error %v, want %d", name, e.Len(), err, c.sparse)
		}
	}
}

func checkEntries(t *testing.T, name string, c entriesCase, ix *Index, e *Entries) {
	if e.Len() != c.keys || e.Multikey != c.multikey {
		t.Errorf("%s: %d entries, multikey %b; want %d, %b", name, e.Len(), e.Multikey, c.keys, c.multikey)
		return
	}
	for i, want := range map[int]string{0: c.first, e.Len() - 1: c.last} {
		key := AppendIndexPrefix(nil, 7)
		n := 0
		for it := fromJSON(t, want).Iter(); it.Next(); n++ {
			key = ix.AppendValue(key, n, it.Value())
		}
		key = AppendRecordID(key, 1)
		if !bytes.Equal(e.At(i), key) {
			t.Errorf("%s: entry %d is\n%x, want\n%x", name, i, e.At(i), key)
		}
	}
}

func TestUniqueEntriesHaveNoRecordID(t *testing.T) {
	ix := index(t, `{"a": 1, "b": -1}`)
	ix.Unique = true
	var e Entries
	if err := ix.AppendEntries(&e, fromJSON(t, `{"b": "x", "a": 5}`), 99); err != nil {
		t.Fatal(err)
	}
	want := append(AppendIndexPrefix(nil, 7), 0x2e, 5<<1, 0xff-0x40, 0xff-'x', 0xff)
	if e.Len() != 1 || !bytes.Equal(e.At(0), want) {
		t.Errorf("%d entries, first %x, want %x", e.Len(), e.At(0), want)
	}
}

// TestEntriesFollowEachOther shows that entries of several indexes share one buffer, and that an error takes back only its own.
func TestEntriesFollowEachOther(t *testing.T) {
	doc := fromJSON(t, `{"a": [3, 1, 3], "b": [1], "c": 5}`)
	var e Entries
	for _, key := range []string{`{"c": 1}`, `{"a": 1}`, `{"a": 1, "b": 1}`, `{"b": -1}`} {
		err := index(t, key).AppendEntries(&e, doc, 1)
		if (err != nil) != (key == `{"a": 1, "b": 1}`) {
			t.Errorf("%s: error %v", key, err)
		}
	}
	var got []string
	for i := range e.Len() {
		got = append(got, fmt.Sprintf("%x", e.At(i)[IndexPrefixLen:len(e.At(i))-8]))
	}
	if s := strings.Join(got, " "); s != "2e0a 2e02 2e06 d1fd" {
		t.Errorf("entries %s", s)
	}
}

func TestCompilePattern(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"f%d":1`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for _, c := range []struct {
		key  string
		code int32
		want string // the pattern, or the words of mongod 6.0.5 after "... :: caused by :: "
	}{
		{`{"a":1}`, 0, `{"a": 1}`},
		{`{"a":-1,"b.c":1}`, 0, `{"a": -1, "b.c": 1}`},
		{`{"a":0.5,"b":-0.5}`, 0, `{"a": 1, "b": -1}`},
		{`{"a":{"$numberDecimal":"-1"}}`, 0, `{"a": -1}`},
		{`{"a":{"$numberDouble":"Infinity"}}`, 0, `{"a": 1}`},
		{`{"a.$id":1,"a.$ref":1,"a.$db":1,"a$b":1}`, 0, `{"a.$id": 1, "a.$ref": 1, "a.$db": 1, "a$b": 1}`},
		{`{}`, 67, "Index keys cannot be empty."},
		{`{"a":0}`, 67, "Values in the index key pattern cannot be 0."},
		{`{"a":{"$numberDouble":"-0.0"}}`, 67, "Values in the index key pattern cannot be 0."},
		{`{"a":{"$numberDouble":"NaN"}}`, 67, "Values in the index key pattern cannot be NaN."},
		{`{"a":true}`, 67, "Values in v:2 index key pattern cannot be of type bool. Only numbers > 0, numbers < 0, and strings are allowed."},
		{`{"a":null}`, 67, "Values in v:2 index key pattern cannot be of type null. Only numbers > 0, numbers < 0, and strings are allowed."},
		{`{"a":{"$minKey":1}}`, 67, "Values in v:2 index key pattern cannot be of type minKey. Only numbers > 0, numbers < 0, and strings are allowed."},
		{`{"a":"foo"}`, 67, "Unknown index plugin 'foo'"},
		{`{"a":""}`, 67, "Values in the index key pattern cannot be empty strings"},
		{`{"b":0,"a":"foo"}`, 67, "Unknown index plugin 'foo'"},
		{`{"":1}`, 67, "Index keys cannot be an empty field."},
		{`{"":0}`, 67, "Values in the index key pattern cannot be 0."},
		{`{"a.":1}`, 67, "Index keys cannot contain an empty field."},
		{`{"a..b":1}`, 67, "Index keys cannot contain an empty field."},
		{`{"$a":1}`, 67, "Index key contains an illegal field name: field name starts with '$'."},
		{`{"$id":1}`, 67, "Index key contains an illegal field name: field name starts with '$'."},
		{`{"$id.a":1}`, 67, "Index key contains an illegal field name: field name starts with '$'."},
		{`{"a.$b":1}`, 67, "Index key contains an illegal field name: field name starts with '$'."},
		{`{"a":1,"a":-1}`, 2, "The field 'a' appears multiple times in the index key pattern { a: 1, a: -1 }"},
		{many(32), 0, ""},
		{many(33), 13103, "too many compound keys"},
	} {
		p, err := CompilePattern(fromJSON(t, c.key))
		var ke *Error
		switch {
		case c.code != 0 && (!errors.As(err, &ke) || ke.Code != c.code || ke.Message != c.want):
			t.Errorf("%s: %v, want %d %s", c.key, err, c.code, c.want)
		case c.code == 0 && err != nil:
			t.Errorf("%s: %v", c.key, err)
		case c.code == 0 && c.want != "" && p.String() != c.want:
			t.Errorf("%s: %s, want %s", c.key, p, c.want)
		}
	}
}
