package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

type killCursorsArgs struct{ ids []int64 }

var killCursorsFields = newSchema("killCursors",
	longs("cursors", func(a *killCursorsArgs) *[]int64 { return &a.ids }).require(),
).on(mongoerr.BadValue)

func runKillCursors(_ context.Context, o *operation, a *killCursorsArgs) error {
	var killed, missing []int64
	for _, id := range a.ids {
		if o.d.cursors.Kill(id) {
			killed = append(killed, id)
		} else {
			missing = append(missing, id)
		}
	}
	for _, list := range []struct {
		name string
		ids  []int64
	}{{"cursorsKilled", killed}, {"cursorsNotFound", missing}, {"cursorsAlive", nil}, {"cursorsUnknown", nil}} {
		o.out.OpenArray(list.name)
		for i, id := range list.ids {
			o.out.AppendInt64(document.Index(i), id)
		}
		o.out.Close()
	}
	return nil
}
