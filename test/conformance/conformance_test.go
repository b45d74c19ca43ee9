package main

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

var here = settings{dir: ".", readme: "../../README.md", check: true}

// TestThePageSaysWhatTheCorpusSays shows that the table of what works has not drifted from the data files.
func TestThePageSaysWhatTheCorpusSays(t *testing.T) {
	if err := table(here); err != nil {
		t.Error(err)
	}
}

// TestLedgersNameSteps shows that what is pending or differs on purpose are steps of the corpus, and none is both.
func TestLedgersNameSteps(t *testing.T) {
	topics, err := loadCorpus(here.cases())
	if err != nil {
		t.Fatal(err)
	}
	l, err := readLedger(here.differences(), here.pending())
	if err != nil {
		t.Fatal(err)
	}
	steps := map[place]bool{}
	for _, topic := range topics {
		for _, c := range topic.cases {
			for n, s := range c.steps {
				p := place{topic.name, c.name, n}
				if steps[p] || s.expect == nil {
					t.Errorf("%s is there twice, or has no recorded reply", p)
				}
				steps[p] = true
			}
		}
	}
	for p := range l.pending {
		if _, both := l.differences[p]; both || !steps[p] {
			t.Errorf("pending.json: %s is no step of the corpus, or in differences.json as well", p)
		}
	}
	for p := range l.differences {
		if !steps[p] {
			t.Errorf("differences.json: %s is no step of the corpus", p)
		}
	}
	if n := len(l.differences); n*100 > len(steps) {
		t.Errorf("%d of %d steps differ on purpose: one in a hundred may", n, len(steps))
	}
}

// TestValuesSurvive shows that Extended JSON goes to BSON and back unchanged, for every type there is.
func TestValuesSurvive(t *testing.T) {
	for _, s := range []string{
		`{"a":{"$numberInt":"-1"},"b":{"$numberLong":"9007199254740993"},"c":{"$numberDouble":"1.0"},"d":{"$numberDouble":"-0.0"}}`,
		`{"a":{"$numberDouble":"NaN"},"b":{"$numberDouble":"-Infinity"},"c":{"$numberDouble":"1e+16"},"d":{"$numberDouble":"1e-05"}}`,
		`{"a":{"$numberDouble":"Infinity"},"b":{"$numberDecimal":"1.50E+3"},"c":null,"d":[true,false,[],{}]}`,
		`{"a":{"$oid":"000000000000000000000001"},"b":{"$date":{"$numberLong":"-1"}},"c":{"$binary":{"base64":"AQI=","subType":"02"}}}`,
		`{"a":{"$regularExpression":{"pattern":"x","options":"i"}},"b":{"$timestamp":{"t":1,"i":4294967295}},"c":{"$minKey":1},"d":{"$maxKey":1}}`,
		`{"a":{"$undefined":true},"b":{"$symbol":"s"},"c":{"$code":"f"},"d":{"$code":"f","$scope":{"x":{"$numberInt":"1"}}}}`,
		`{"a":{"$dbPointer":{"$ref":"x.y","$id":{"$oid":"000000000000000000000001"}}},"b":{"$gt":"\u00e9\ud83d\ude00\u007f\n"},"a":{"$set":{"$x":null}}}`,
	} {
		v, err := parseJSON([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(bsoncore.Document(encode(v.(object))))
		if err != nil || text(back) != s {
			t.Errorf("%s comes back as %s, %v", s, text(back), err)
		}
	}
}

// TestComparing shows which differences between replies count.
func TestComparing(t *testing.T) {
	reply := func(s string) object {
		v, err := parseJSON([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return v.(object)
	}
	sorted := step{object: object{{"sort", "batch"}}}
	for _, c := range []struct {
		a, b  string
		step  step
		equal bool
	}{
		{`{"n":{"$numberInt":"1"},"ok":1}`, `{"ok":1,"n":{"$numberInt":"1"}}`, step{}, true},
		{`{"n":{"$numberInt":"1"}}`, `{"n":{"$numberLong":"1"}}`, step{}, false},
		{`{"code":1,"errmsg":"a"}`, `{"code":1,"errmsg":"b"}`, step{}, true},
		{`{"v":{"a":1,"b":2}}`, `{"v":{"b":2,"a":1}}`, step{}, false},
		{`{"cursor":{"firstBatch":[1,2]}}`, `{"cursor":{"firstBatch":[2,1]}}`, step{}, false},
		{`{"cursor":{"firstBatch":[1,2]}}`, `{"cursor":{"firstBatch":[2,1]}}`, sorted, true},
		{`{"writeErrors":[{"code":1,"errmsg":"a"}]}`, `{"writeErrors":[{"code":1}]}`, step{}, true},
		{`{"x":1}`, `{"x":1,"y":2}`, step{}, false},
	} {
		if why := difference(reply(c.a), reply(c.b), &c.step, false); (why == "") != c.equal {
			t.Errorf("%s and %s: %q", c.a, c.b, why)
		}
	}
}

// TestPlaceholders shows what stands for what is known only when a case runs.
func TestPlaceholders(t *testing.T) {
	v, err := parseJSON([]byte(`{"a":"%DB%.c","%DB%":{"%var%":"cursor0"},"b":{"%repeat%":["xy",3]},"c":{"%repeat%":[1,2]},"d":{"%nest%":["k",2,7]},"e":{"%var%":"cursor9"}}`))
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvironment("db7", "host", &testCase{})
	e.remember("0", object{{"cursor", object{{"id", tagged("$numberLong", "5")}}}})
	want := `{"a":"db7.c","db7":{"$numberLong":"5"},"b":"xyxyxy","c":[1,1],"d":{"k":{"k":7}},"e":{"$numberLong":"0"}}`
	if got := text(e.fill(v)); got != want {
		t.Errorf("filled is %s", got)
	}
}

// TestCleaning shows that what differs from run to run is the same word in each.
func TestCleaning(t *testing.T) {
	known := object{{"a", tagged("$oid", strings.Repeat("0", 24))}}
	e := newEnvironment("db7", "host:1", &testCase{setup: known})
	reply := object{{"ok", tagged("$numberDouble", "1.0")}, {"operationTime", "x"}, {"ns", "db7.c"}, {"a", known[0].value},
		{"b", tagged("$oid", strings.Repeat("1", 24))}, {"cursor", object{{"id", tagged("$numberLong", "77")}}}}
	want := `{"ok":{"$numberDouble":"1.0"},"ns":"DB.c","a":{"$oid":"000000000000000000000000"},"b":{"$oid":"generated"},"cursor":{"id":"open"}}`
	if got := text(e.normalise(reply, &step{})); got != want {
		t.Errorf("normalised is %s", got)
	}
	only := step{only: []string{"ns", "cursor.id:type", "b:exists", "gone"}}
	if got := text(e.normalise(reply, &only)); got != `{"ns":"DB.c","cursor.id:type":"string","b:exists":true}` {
		t.Errorf("picked is %s", got)
	}
}
