package script

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func call(t *testing.T, ctx context.Context, code, this string) (document.Value, error) {
	t.Helper()
	d, err := document.FromJSON(this)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Compile(code)
	if err != nil {
		return document.Value{}, err
	}
	return f.Call(ctx, d)
}

func TestFunctions(t *testing.T) {
	const doc = `{"a": 1, "l": {"$numberLong": "9007199254740993"}, "o": {"x": [1, 2, {"y": "z"}]}, "id": {"$oid": "65f000000000000000000001"}, "t": {"$date": "2024-01-02T03:04:05Z"}}`
	for _, c := range []struct{ code, want string }{
		{"this.a == 1", "true"},
		{"obj.a + 1", "2"},
		{"function() { return this.o.x[2].y }", `"z"`},
		{"var s = 0; for (var i = 0; i < 10; i++) s += i; return s", "45"},
		{"return {l: this.l, id: this.id, t: this.t, big: this.l > 5}", `{"l":9007199254740993,"id":{"$oid":"65f000000000000000000001"},"t":{"$date":"2024-01-02T03:04:05Z"},"big":true}`},
		{"ObjectId('65f000000000000000000001').equals(this.id)", "true"},
		{"return [undefined, null, 'x']", `[null,null,"x"]`},
		{"undefined", "(missing)"},
	} {
		v, err := call(t, t.Context(), c.code, doc)
		if err != nil {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		var b document.Builder
		b.AppendValue("v", v)
		if got := b.Finish().Lookup("v"); got.String() != c.want && !(got.Type == document.TypeDouble && got.String() == c.want+".0") {
			t.Errorf("%s: %v, want %s", c.code, got, c.want)
		}
	}
}

// TestScriptsAreBounded: neither time, nor memory, nor the stack can be used up.
func TestScriptsAreBounded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := call(t, ctx, "while (true) {}", `{}`); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless loop: %v", err)
	}
	for code, want := range map[string]mongoerr.Code{
		"function f() { return f() + 1 }":  mongoerr.JSInterpreterFailure,
		"var s = 'x'; while (true) s += s": mongoerr.JSInterpreterFailure,
		"throw 1":                          mongoerr.UnknownError,
		"this.x.y":                         mongoerr.JSInterpreterFailure,
		"this.a =":                         mongoerr.JSInterpreterFailure,
		"require('fs')":                    mongoerr.JSInterpreterFailure,
		"process.exit(1)":                  mongoerr.JSInterpreterFailure,
		"Go.os.Exit(1)":                    mongoerr.JSInterpreterFailure,
		"db.c.drop()":                      mongoerr.JSInterpreterFailure,
		"this.__bson.v.Data":               mongoerr.JSInterpreterFailure,
	} {
		_, err := call(t, t.Context(), code, `{}`)
		if e := mongoerr.From(err); e == nil || e.Code != want {
			t.Errorf("%s: %v, want code %d", code, err, want)
		}
	}
}
