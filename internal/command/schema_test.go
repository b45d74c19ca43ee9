package command

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

type sampleArgs struct {
	flag, safe, loose, found bool
	text, word               string
	doc, foundDoc            document.Doc
	long, number, positive   int64
	any, hint, list          document.Value
	docs                     []document.Doc
	names                    []string
	ids                      []int64
	inner                    sampleInner
	inners                   []sampleInner
	id                       [16]byte
}

type sampleInner struct {
	n    int64
	flag bool
}

var sampleInnerFields = newSchema("",
	safeLong("n", func(a *sampleInner) *int64 { return &a.n }).require(),
	boolean("flag", func(a *sampleInner) *bool { return &a.flag }),
).defaults(func(a *sampleInner) { a.flag = true })

var sampleFields = newSchema("sample",
	boolean("flag", func(a *sampleArgs) *bool { return &a.flag }),
	safeBool("safe", func(a *sampleArgs) *bool { return &a.safe }),
	truthy("loose", func(a *sampleArgs) *bool { return &a.loose }),
	findBool("found", func(a *sampleArgs) *bool { return &a.found }),
	text("text", func(a *sampleArgs) *string { return &a.text }),
	enum("word", func(a *sampleArgs) *string { return &a.word }, "one", "two"),
	object("doc", func(a *sampleArgs) *document.Doc { return &a.doc }),
	findObject("foundDoc", func(a *sampleArgs) *document.Doc { return &a.foundDoc }),
	long("long", func(a *sampleArgs) *int64 { return &a.long }),
	safeLong("number", func(a *sampleArgs) *int64 { return &a.number }),
	notNegative("positive", func(a *sampleArgs) *int64 { return &a.positive }),
	anything("any", func(a *sampleArgs) *document.Value { return &a.any }),
	hint("hint", func(a *sampleArgs) *document.Value { return &a.hint }),
	array("list", func(a *sampleArgs) *document.Value { return &a.list }),
	documents("docs", func(a *sampleArgs) *[]document.Doc { return &a.docs }).require(),
	texts("names", func(a *sampleArgs) *[]string { return &a.names }),
	longs("ids", func(a *sampleArgs) *[]int64 { return &a.ids }),
	structure("inner", sampleInnerFields, func(a *sampleArgs) *sampleInner { return &a.inner }),
	structures("inners", sampleInnerFields, func(a *sampleArgs) *[]sampleInner { return &a.inners }),
	uuid("id", func(a *sampleArgs) *[16]byte { return &a.id }),
	ignored[sampleArgs]("ignored"),
)

// TestArgumentErrors shows mongod's words for arguments that do not fit; what fits has no message.
func TestArgumentErrors(t *testing.T) {
	for _, c := range []struct {
		fields  string
		code    mongoerr.Code
		message string
	}{
		{`{"docs": []}`, 0, ""},
		{`{}`, 40414, "BSON field 'sample.docs' is missing but a required field"},
		{`{"docs": null}`, 10065, "invalid parameter: expected an object (docs)"},
		{`{"docs": {}}`, 14, "BSON field 'sample.docs' is the wrong type 'object', expected type 'array'"},
		{`{"docs": [{}, 5]}`, 14, "BSON field 'sample.docs.1' is the wrong type 'int', expected type 'object'"},
		{`{"docs": [], "nope": 1}`, 40415, "BSON field 'sample.nope' is an unknown field."},
		{`{"docs": [], "flag": 1}`, 14, "BSON field 'sample.flag' is the wrong type 'int', expected type 'bool'"},
		{`{"docs": [], "flag": null}`, 0, ""},
		{`{"docs": [], "safe": 1.5}`, 0, ""},
		{`{"docs": [], "safe": "x"}`, 14, "BSON field 'sample.safe' is the wrong type 'string', expected types '[bool, long, int, decimal, double']"},
		{`{"docs": [], "loose": "x", "any": null, "ignored": {"x": 1}}`, 0, ""},
		{`{"docs": [], "found": 1}`, 14, "Field 'found' should be a boolean value, but found: int"},
		{`{"docs": [], "text": 5}`, 14, "BSON field 'sample.text' is the wrong type 'int', expected type 'string'"},
		{`{"docs": [], "word": "two"}`, 0, ""},
		{`{"docs": [], "word": "three"}`, 2, "Enumeration value 'three' for field 'sample.word' is not a valid value."},
		{`{"docs": [], "word": 3}`, 14, "BSON field 'sample.word' is the wrong type 'int', expected type 'string'"},
		{`{"docs": [], "doc": []}`, 14, "BSON field 'sample.doc' is the wrong type 'array', expected type 'object'"},
		{`{"docs": [], "foundDoc": []}`, 14, "Expected field foundDocto be of type object"},
		{`{"docs": [], "long": 5}`, 14, "BSON field 'sample.long' is the wrong type 'int', expected type 'long'"},
		{`{"docs": [], "number": "x"}`, 14, "BSON field 'sample.number' is the wrong type 'string', expected types '[long, int, decimal, double']"},
		{`{"docs": [], "positive": -1}`, 51024, "BSON field 'positive' value must be >= 0, actual value '-1'"},
		{`{"docs": [], "hint": 5}`, 9, "Hint must be a string or an object"},
		{`{"docs": [], "hint": null}`, 9, "Hint must be a string or an object"},
		{`{"docs": [], "list": {}}`, 14, "BSON field 'sample.list' is the wrong type 'object', expected type 'array'"},
		{`{"docs": [], "names": ["a", 1]}`, 14, "BSON field 'sample.names.1' is the wrong type 'int', expected type 'string'"},
		{`{"docs": [], "ids": [1]}`, 14, "BSON field 'sample.ids.0' is the wrong type 'int', expected type 'long'"},
		{`{"docs": [], "inner": 5}`, 14, "BSON field 'sample.inner' is the wrong type 'int', expected type 'object'"},
		{`{"docs": [], "inner": {}}`, 40414, "BSON field 'sample.inner.n' is missing but a required field"},
		{`{"docs": [], "inner": {"n": 1, "x": 2}}`, 40415, "BSON field 'sample.inner.x' is an unknown field."},
		{`{"docs": [], "inners": [{"n": 1}, {"n": "x"}]}`, 14, "BSON field 'sample.inners.n' is the wrong type 'string', expected types '[long, int, decimal, double']"},
		{`{"docs": [], "inners": [{"n": 1}, 2]}`, 14, "BSON field 'sample.inners.1' is the wrong type 'int', expected type 'object'"},
		{`{"docs": [], "id": {"$binary": {"base64": "AAAA", "subType": "04"}}}`, 207, "uuid must be a 16-byte binary field with UUID (4) subtype"},
		{`{"docs": [], "id": {"$binary": {"base64": "AAAA", "subType": "05"}}}`, 14, "BSON field 'sample.id' is the wrong binData type 'MD5', expected type 'UUID'"},
	} {
		d, err := document.FromJSON(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		err = sampleFields.readNamed(d, new(sampleArgs))
		if c.code == 0 && err == nil {
			continue
		}
		if mongoerr.CodeOf(err) != c.code || err.Error() != c.message {
			t.Errorf("%s:\n %d %v\nnot\n %d %s", c.fields, mongoerr.CodeOf(err), err, c.code, c.message)
		}
	}
}

// TestArgumentValues shows where arguments go: numbers of all types, defaults of inner documents, sequences in place of arrays.
func TestArgumentValues(t *testing.T) {
	d, err := document.FromJSON(`{"flag": true, "safe": 0, "loose": "x", "number": 3.9, "positive": {"$numberDecimal": "7"}, "long": {"$numberLong": "5"},
		"inner": {"n": 1}, "inners": [{"n": 2, "flag": false}, {"n": 3}], "names": [], "docs": [{"a": 1}]}`)
	if err != nil {
		t.Fatal(err)
	}
	var a sampleArgs
	if err := sampleFields.readNamed(d, &a); err != nil {
		t.Fatal(err)
	}
	if !a.flag || a.safe || !a.loose || a.number != 3 || a.positive != 7 || a.long != 5 || len(a.docs) != 1 || a.names == nil ||
		a.inner != (sampleInner{1, true}) || len(a.inners) != 2 || a.inners[0] != (sampleInner{2, false}) || a.inners[1] != (sampleInner{3, true}) {
		t.Errorf("%+v", a)
	}

	p := sampleFields.begin(&a)
	if err := p.documents(Sequence{Name: "docs", Docs: []document.Doc{document.Empty, document.Empty}}); err != nil || len(a.docs) != 2 {
		t.Error(err, len(a.docs))
	}
	if err := p.documents(Sequence{Name: "docs"}); err == nil || argumentError(err).Error() != "BSON field 'docs' is a duplicate field" {
		t.Error(err)
	}
	if err := p.documents(Sequence{Name: "text"}); err == nil {
		t.Error("a string came as a sequence")
	}
	if err := p.documents(Sequence{Name: "x"}); mongoerr.CodeOf(argumentError(err)) != 40415 {
		t.Error(err)
	}
}

// FuzzArguments shows that no document makes the parser panic.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{"docs": []}`, `{"inner": {"n": 1}, "inners": [{"n": 1}]}`, `{"names": [1], "id": {"$binary": {"base64": "AAAA", "subType": "04"}}}`} {
		d, err := document.FromJSON(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = sampleFields.readNamed(document.Doc(b), new(sampleArgs))
	})
}
