package expr

import (
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func fromJSON(t testing.TB, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// evaluate returns the result of an expression, or the code and message of its error.
func evaluate(t testing.TB, expression string, doc document.Doc) (document.Value, error) {
	t.Helper()
	e, err := Compile(fromJSON(t, `{"e":`+expression+`}`).First().Value, Options{Now: 1_600_000_000_000})
	if err != nil {
		return document.Value{}, err
	}
	var x Evaluator
	x.Begin(doc)
	return e.Eval(&x)
}

const testDoc = `{"_id": 1, "i": 7, "d": 2.5, "s": "abc", "a": [3, 1, 2], "o": {"x": {"y": 5}}, "docs": [{"v": 1}, {"v": 2}, {}], "n": null,
	"t": {"$date": "2020-02-29T12:34:56.789Z"}, "big": {"$numberLong": "9223372036854775807"}}`

func TestExpressions(t *testing.T) {
	doc := fromJSON(t, testDoc)
	for _, c := range []struct{ expression, want string }{
		{`"$o.x.y"`, `5`},
		{`"$docs.v"`, `[1,2]`},
		{`"$nope.at.all"`, `(missing)`},
		{`["$i", "$nope"]`, `[7,null]`},
		{`{"a": "$nope", "b": {"c": "$i"}}`, `{"b":{"c":7}}`},
		{`{"$add": ["$i", "$d"]}`, `9.5`},
		{`{"$add": ["$big", 1]}`, `9.223372036854776E+18`},
		{`{"$subtract": ["$t", {"$date": "2020-02-29T00:00:00Z"}]}`, `45296789`},
		{`{"$cond": [{"$gt": ["$i", 5]}, "yes", {"$divide": [1, "$n"]}]}`, `"yes"`},
		{`{"$let": {"vars": {"a": {"$let": {"vars": {"z": 1}, "in": {"$add": ["$$z", "$i"]}}}, "b": {"$let": {"vars": {"z": 2}, "in": {"$add": ["$$z", "$i"]}}}}, "in": ["$$a", "$$b"]}}`, `[8,9]`},
		{`{"$map": {"input": "$a", "as": "x", "in": {"$map": {"input": "$a", "as": "y", "in": {"$multiply": ["$$x", "$$y"]}}}}}`, `[[9,3,6],[3,1,2],[6,2,4]]`},
		{`{"$reduce": {"input": "$a", "initialValue": "", "in": {"$concat": ["$$value", {"$toString": "$$this"}]}}}`, `"312"`},
		{`{"$sortArray": {"input": "$docs", "sortBy": {"v": -1}}}`, `[{"v":2},{"v":1},{}]`},
		{`{"$dateTrunc": {"date": "$t", "unit": "month"}}`, `{"$date":"2020-02-01T00:00:00Z"}`},
		{`{"$dateAdd": {"startDate": "$t", "unit": "year", "amount": 1}}`, `{"$date":"2021-02-28T12:34:56.789Z"}`},
		{`{"$regexFindAll": {"input": "$s", "regex": "[ab]"}}`, `[{"match":"a","idx":0,"captures":[]},{"match":"b","idx":1,"captures":[]}]`},
		{`"$$NOW"`, `{"$date":"2020-09-13T12:26:40Z"}`},
		{`{"$setUnion": ["$a", [2, 9]]}`, `[1,2,3,9]`},
	} {
		v, err := evaluate(t, c.expression, doc)
		if err != nil || v.String() != c.want {
			t.Errorf("%s: %v %v, want %s", c.expression, v, err, c.want)
		}
	}
}

// TestConstantPartsFailAtOnce: a mistake that depends on no document is found when the expression is compiled, even where it would not be evaluated.
func TestConstantPartsFailAtOnce(t *testing.T) {
	for _, c := range []struct {
		expression string
		code       mongoerr.Code
	}{
		{`{"$cond": ["$i", 1, {"$divide": [1, 0]}]}`, mongoerr.BadValue},
		{`{"$foo": 1}`, mongoerr.InvalidPipelineOperator},
		{`{"$add": ["$i", "x"]}`, 0},
		{`{"$subtract": [1]}`, 16020},
		{`"$"`, 16872},
		{`"$$nope"`, 17276},
		{`{"a.b": 1}`, 16412},
	} {
		_, err := Compile(fromJSON(t, `{"e":`+c.expression+`}`).First().Value, Options{})
		if c.code == 0 && err == nil {
			continue
		}
		if mongoerr.From(err) == nil || mongoerr.From(err).Code != c.code {
			t.Errorf("%s: %v, want code %d", c.expression, err, c.code)
		}
	}
}

// TestDeepExpressionsAreRefused: nesting is bounded, so that no expression exhausts the stack.
func TestDeepExpressionsAreRefused(t *testing.T) {
	deep := document.Int32(1)
	for range 10_000 {
		var b document.Builder
		b.AppendValue("$abs", deep)
		deep = b.Finish().AsValue()
	}
	if _, err := Compile(deep, Options{}); err == nil {
		t.Error("an expression of 10,000 levels was accepted")
	}
}

// FuzzExpression: whatever compiles evaluates to valid BSON or an error.
func FuzzExpression(f *testing.F) {
	for name := range operators {
		f.Add(`{"e":{"`+name+`":["$i","$a"]}}`, testDoc)
		f.Add(`{"e":{"`+name+`":{"input":"$a","as":"x","in":"$$x","date":"$t","unit":"day"}}}`, testDoc)
	}
	f.Fuzz(func(t *testing.T, expression, doc string) {
		if len(expression) > 2000 || strings.Contains(expression, "$range") { // long results are slow to check
			return
		}
		e, err := document.FromJSON(expression)
		if err != nil {
			return
		}
		d, err := document.FromJSON(doc)
		if err != nil || document.Validate(e, document.MaxDepth) != nil || document.Validate(d, document.MaxDepth) != nil {
			return
		}
		compiled, err := Compile(e.First().Value, Options{Random: func() float64 { return 0.5 }})
		if err != nil {
			return
		}
		var x Evaluator
		for range 2 { // the second time in used memory
			x.Begin(d)
			v, err := compiled.Eval(&x)
			if err != nil || v.IsMissing() {
				continue
			}
			var b document.Builder
			b.AppendValue("v", v)
			if err := document.Validate(b.Finish(), 10*document.MaxDepth); err != nil {
				t.Fatalf("%s makes %v", expression, err)
			}
		}
	})
}
