package engine

import (
	"math"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// A clustered collection has no index on _id in mongod: its documents lie in that order, and a walk over some of them is a CLUSTERED_IXSCAN or a COLLSCAN
// with the whole filter. Here it is the index on _id that is walked; explain tells what mongod would.

// walksCluster reports whether a plan goes by the _id of a clustered collection.
func walksCluster(coll *Collection, p *plan.Plan) bool {
	return coll != nil && coll.Clustered && (p.Kind == plan.IDPoint || p.Kind == plan.IndexScan && p.Index == coll.Indexes[0].Name)
}

// clusterStage is the stage of such a plan.
func (x *explanation) clusterStage(p *plan.Plan, src source) *stage {
	s := &stage{name: "COLLSCAN", filter: filterOf(x.filter)}
	lo, hi, bounded := recordBounds(x.filter)
	if bounded {
		s.name = "CLUSTERED_IXSCAN"
	}
	s.show = func(b *document.Builder) {
		showDirection(p.Reverse)(b)
		if bounded {
			b.AppendValue("minRecord", lo)
			b.AppendValue("maxRecord", hi)
		}
	}
	if t, ok := src.(*triedSource); ok {
		src = t.source
	}
	var st scanStats
	switch src := src.(type) {
	case *pointSource:
		st = src.stats
	case *indexSource:
		st = src.stats
	default:
		return s
	}
	s.run = stageRun{works: st.docs + 2, advanced: x.matched, eof: true}
	s.count = func(b *document.Builder) { appendNumber(b, "docsExamined", st.docs) }
	return s
}

// recordBounds returns between which values of _id comparisons let documents be.
func recordBounds(f *query.Filter) (lo, hi document.Value, ok bool) {
	if f == nil {
		return lo, hi, false
	}
	for _, n := range f.Root().Children {
		if n.Path != "_id" {
			continue
		}
		if n.Op == query.OpEq || n.Op == query.OpGt || n.Op == query.OpGte {
			lo = n.Value
		}
		if n.Op == query.OpEq || n.Op == query.OpLt || n.Op == query.OpLte {
			hi = n.Value
		}
	}
	switch {
	case lo.IsMissing() && hi.IsMissing():
		return lo, hi, false
	case lo.IsMissing():
		lo, _ = extremesOf(hi)
	case hi.IsMissing():
		_, hi = extremesOf(lo)
	}
	return lo, hi, true
}

// extremesOf returns the ends of the values of a type, as explain shows them.
func extremesOf(v document.Value) (lo, hi document.Value) {
	switch v.Type {
	case document.TypeInt32, document.TypeInt64, document.TypeDouble, document.TypeDecimal128:
		return document.Double(math.NaN()), document.Double(math.Inf(1))
	case document.TypeString, document.TypeSymbol:
		return document.String(""), document.Empty.AsValue()
	case document.TypeDate:
		return document.Date(math.MinInt64), document.Date(math.MaxInt64)
	case document.TypeBool:
		return document.Bool(false), document.Bool(true)
	case document.TypeObjectID:
		return document.OID(document.ObjectID{}), document.OID(document.ObjectID([]byte(strings.Repeat("\xff", 12))))
	}
	return v, v
}
