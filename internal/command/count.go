package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type countArgs struct {
	query, collation document.Doc
	limit, skip      int64
	hint             document.Value
}

var countFields = newSchema("count",
	object("query", func(a *countArgs) *document.Doc { return &a.query }),
	field[countArgs]{name: "limit", nullable: true, set: func(a *countArgs, v document.Value) error {
		n, ok := v.ToInt64()
		if !ok {
			return mongoerr.New(mongoerr.BadValue, "limit value is not a valid number")
		}
		a.limit = max(n, -n) // a negative limit means the same
		return nil
	}},
	notNegative("skip", func(a *countArgs) *int64 { return &a.skip }),
	hint("hint", func(a *countArgs) *document.Value { return &a.hint }),
	collation(object("collation", func(a *countArgs) *document.Doc { return &a.collation }), func(a *countArgs) *document.Doc { return &a.collation }),
	ignored[countArgs]("fields"), // of drivers before 2012
).on(mongoerr.InvalidNamespace)

func runCount(ctx context.Context, o *operation, a *countArgs) error {
	spec := engine.FindSpec{NS: o.ns, Filter: a.query, Collation: a.collation, Hint: a.hint, Skip: a.skip, Limit: a.limit}
	var n int64
	var err error
	if o.d.engine.IsView(o.ns) {
		o.piped = true
		n, err = o.countInView(ctx, spec)
	} else {
		n, err = o.openView().Count(ctx, spec)
	}
	if err != nil {
		return err
	}
	appendCount(&o.out, "n", n)
	return nil
}

// appendCount appends a number as int32 if it is one, else as int64, like mongod's appendNumber.
func appendCount(b *document.Builder, key string, n int64) {
	if n == int64(int32(n)) {
		b.AppendInt32(key, int32(n))
		return
	}
	b.AppendInt64(key, n)
}
