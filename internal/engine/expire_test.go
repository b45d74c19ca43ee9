package engine

import (
	"context"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// TestDocumentsExpire has a pass of the deleter over an index of each kind that may say when documents expire.
func TestDocumentsExpire(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	date := func(ms int64) string { return document.Date(ms).String() }
	for _, options := range []string{"", `, "hidden": true`, `, "partialFilterExpression": {"old": true}`} {
		for _, direction := range []string{"1", "-1"} {
			m := newPrimary(t)
			m.index("test.c", `{"v": 2, "key": {"at": `+direction+`}, "name": "ttl", "expireAfterSeconds": 100`+options+`}`)
			m.insert("test.c",
				`{"_id": 1, "old": true, "at": `+date(0)+`}`,
				`{"_id": 2, "old": true, "at": `+date(900_000)+`}`,
				`{"_id": 3, "old": true, "at": `+date(900_001)+`}`,
				`{"_id": 4, "old": true, "at": [`+date(999_999)+`, `+date(5)+`]}`,
				`{"_id": 5, "old": true, "at": 5}`,
				`{"_id": 6, "old": true}`,
				`{"_id": 7, "old": true, "at": null}`,
				`{"_id": 8, "old": false, "at": `+date(999_999)+`}`)
			n, err := m.DeleteExpired(context.Background(), now)
			if err != nil || n != 3 {
				t.Fatal(options, n, err)
			}
			same(t, options, find(t, m.Local(), FindSpec{NS: "test.c", Projection: doc(t, `{"_id": 1}`)}),
				[]string{`{"_id":3}`, `{"_id":5}`, `{"_id":6}`, `{"_id":7}`, `{"_id":8}`})
			if n, err := m.DeleteExpired(context.Background(), now); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			m.close()
		}
	}
}
