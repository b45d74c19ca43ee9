package expr

import (
	"github.com/mortondb/morton/internal/document"
)

// Meta is what is known of a document besides what it holds: what $meta returns.
type Meta struct {
	TextScore float64
	HasText   bool // there is a TextScore

	Distance float64        // of what was found from near to far
	Place    document.Value // what of the document is that far; missing: it was not found so

	Record   int64          // its record; 0: it is not known
	IndexKey document.Value // the key of the index that led to it, as a document; missing: none did
}

// Value returns what a name of $meta stands for; missing if it is not known.
func (m *Meta) Value(name string) document.Value {
	switch {
	case m == nil:
	case name == TextScore && m.HasText:
		return document.Double(m.TextScore)
	case name == NearDistance && !m.Place.IsMissing():
		return document.Double(m.Distance)
	case name == NearPlace:
		return m.Place
	case name == RecordID && m.Record != 0:
		return document.Int64(m.Record)
	case name == IndexKey:
		return m.IndexKey
	}
	return missing
}

// Clone returns a copy that shares nothing with m.
func (m *Meta) Clone() *Meta {
	if m == nil {
		return nil
	}
	c := *m
	c.Place, c.IndexKey = m.Place.Clone(), m.IndexKey.Clone()
	return &c
}

// TextScore is the name of the score of a text search.
const TextScore = "textScore"

// The names of what a search from near to far knows.
const (
	NearDistance = "geoNearDistance"
	NearPlace    = "geoNearPoint"
)

// The names of what is known of how a document was found.
const (
	RecordID = "recordId"
	IndexKey = "indexKey"
	SortKey  = "sortKey"
)

var metaNames = map[string]bool{TextScore: true, "randVal": true, "searchScore": true, "searchHighlights": true, NearDistance: true, NearPlace: true,
	RecordID: true, IndexKey: true, SortKey: true, "searchScoreDetails": true}

// meta is $meta.
type meta struct{ name string }

func parseMeta(c *compiler, _ string, v document.Value) (node, error) {
	switch {
	case v.Type != document.TypeString:
		return nil, fail(17307, "$meta only supports string arguments")
	case !metaNames[v.Str()]:
		return nil, fail(17308, "Unsupported argument to $meta: %s", v.Str())
	}
	if c.opts.Meta != nil {
		if err := c.opts.Meta(v.Str()); err != nil {
			return nil, err
		}
	}
	c.reads = true
	return meta{v.Str()}, nil
}

func (n meta) eval(x *Evaluator) (document.Value, error) {
	if x.Meta == nil {
		return missing, nil
	}
	return x.Meta(n.name), nil
}
