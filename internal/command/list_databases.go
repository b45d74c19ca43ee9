package command

import (
	"context"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/query"
)

type listDatabasesArgs struct {
	filter               document.Doc
	nameOnly, authorized bool
}

var listDatabasesFields = newSchema("listDatabases",
	object("filter", func(a *listDatabasesArgs) *document.Doc { return &a.filter }),
	safeBool("nameOnly", func(a *listDatabasesArgs) *bool { return &a.nameOnly }),
	boolean("authorizedDatabases", func(a *listDatabasesArgs) *bool { return &a.authorized }),
)

// internalDatabases are there on every member.
var internalDatabases = []string{"admin", "config", "local"}

func runListDatabases(_ context.Context, o *operation, a *listDatabasesArgs) error {
	filter, err := query.CompileFilter(orEmpty(a.filter), query.FilterOptions{})
	if err != nil {
		return err
	}
	v := o.openView()
	defer v.Close()
	names := append(v.Catalog.Databases(), internalDatabases...)
	slices.Sort(names)
	total, n := int64(0), 0
	o.out.OpenArray("databases")
	for _, name := range slices.Compact(names) {
		d, size := describeDatabase(v, name)
		if !matches(filter, d) {
			continue
		}
		if a.nameOnly {
			d = only(d, "name")
		}
		total += size
		o.out.AppendDoc(document.Index(n), d)
		n++
	}
	o.out.Close()
	if !a.nameOnly {
		o.out.AppendInt64("totalSize", total)
		o.out.AppendInt64("totalSizeMb", total>>20)
	}
	return nil
}

func describeDatabase(v *engine.View, name string) (d document.Doc, size int64) {
	list := v.Catalog.Collections(name)
	for _, coll := range list {
		_, bytes := coll.Count()
		size += bytes
	}
	var b document.Builder
	b.AppendString("name", name)
	b.AppendInt64("sizeOnDisk", size)
	b.AppendBool("empty", len(list) == 0 && !slices.Contains(internalDatabases, name))
	return b.Finish(), size
}

// matches reports whether what a command lists meets its filter, which may be nil. An error, such as of $expr on a value of the wrong type, counts as no.
func matches(filter *query.Filter, d document.Doc) bool {
	if filter == nil {
		return true
	}
	ok, err := filter.Match(d)
	return ok && err == nil
}
