package command

import (
	"bytes"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// indexStatsDocuments is the stage $indexStats: how often each index was used on this member, since when.
func (o *operation) indexStatsDocuments(arg document.Value) ([]document.Doc, error) {
	if arg.Type != document.TypeDocument || !arg.Doc().IsEmpty() {
		return nil, mongoerr.New(28803, "The $indexStats stage specification must be an empty object")
	}
	v := o.openView()
	defer v.Close()
	base, _, err := v.Catalog.ResolveView(o.ns)
	coll := v.Catalog.Collection(base)
	if coll == nil || err != nil {
		return nil, err
	}
	var docs []document.Doc
	for _, ix := range coll.Indexes {
		spec, shown := ix.Spec, true
		if coll.Timeseries != nil {
			shown = ix != coll.Indexes[0]
			if shown && v.Catalog.Timeseries(o.ns) == coll {
				spec, shown = indexOnMeasurements(coll.Timeseries, ix.Spec)
			}
		}
		if shown {
			docs = append(docs, o.indexStats(ix, spec))
		}
	}
	return docs, nil
}

func (o *operation) indexStats(ix *engine.Index, spec document.Doc) document.Doc {
	use := o.d.engine.IndexUse(ix)
	var b document.Builder
	b.AppendString("name", ix.Name)
	onMeasurements := !bytes.Equal(spec, ix.Spec)
	if !onMeasurements {
		b.AppendValue("key", spec.Lookup("key"))
	}
	b.AppendString("host", o.d.hostName())
	b.OpenDoc("accesses")
	b.AppendInt64("ops", use.Ops())
	b.AppendDate("since", use.Since.UnixMilli())
	b.Close()
	if original := ix.Spec.Lookup("originalSpec").Doc(); onMeasurements && original != nil {
		spec = original
	}
	b.AppendDoc("spec", spec)
	if onMeasurements {
		b.AppendValue("key", spec.Lookup("key")) // where mongod has it then
	}
	if !ix.Ready {
		b.AppendBool("building", true)
	}
	return b.Finish()
}

// buildDocuments are the builds of indexes as currentOp shows them.
func (d *Dispatcher) buildDocuments(host string) (docs []document.Doc) {
	for _, p := range d.engine.Builds() {
		docs = append(docs, describeBuild(p, host))
	}
	return docs
}

func describeBuild(p *engine.BuildProgress, host string) document.Doc {
	db, name := engine.Database(p.NS), p.NS[len(engine.Database(p.NS))+1:]
	done, total := p.Done(), p.Total()
	percent := int64(100)
	if total > 0 {
		percent = 100 * done / total
	}
	var b document.Builder
	b.AppendString("type", "op")
	b.AppendString("host", host)
	b.AppendString("desc", "IndexBuildsCoordinator")
	b.AppendBool("active", true)
	b.AppendString("op", "command")
	b.AppendString("ns", p.NS)
	b.OpenDoc("command")
	b.AppendString("createIndexes", name)
	b.OpenArray("indexes")
	b.AppendDoc("0", p.Spec)
	b.Close()
	b.AppendString("$db", db)
	b.Close()
	b.AppendString("msg", "Index Build: scanning collection Index Build: scanning collection: "+
		document.Int64(done).Shell()+"/"+document.Int64(total).Shell()+" "+document.Int64(percent).Shell()+"%")
	b.OpenDoc("progress")
	appendCount(&b, "done", done)
	appendCount(&b, "total", total)
	b.Close()
	return b.Finish()
}
