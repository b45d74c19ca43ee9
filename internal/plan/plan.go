package plan

import (
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
)

// Kind is the way to the documents.
type Kind uint8

// The ways.
const (
	CollScan  Kind = iota // every record, in natural order
	IDPoint               // the one document with this _id
	IndexScan             // the index entries within Ranges
	Union                 // what any of Branches finds, each document once
	Merge                 // the same, in the order of the sort, which each of Branches has
	GeoNear               // what has a place, from near to far
	Text                  // what a text search finds: the entries of each of its terms, in Branches
)

// String returns mongod's name of the stage that does it.
func (k Kind) String() string {
	return [...]string{"COLLSCAN", "IDHACK", "IXSCAN", "OR", "SORT_MERGE", "GEO_NEAR", "TEXT_MATCH"}[k]
}

// KeyField is one part of an index's key pattern.
type KeyField struct {
	Path       string
	Descending bool
	Kind       string // "": ordered; keys.KindHashed
}

// Index describes an index to the planner.
type Index struct {
	Name     string
	Key      []KeyField
	Unique   bool
	Sparse   bool
	Multikey uint32            // bit i: field i met an array in some document (keys.Entries.Multikey of all documents, or-ed)
	Partial  *query.Filter     // of documents that have entries; nil: all
	Collator document.Collator // of strings, in whose place entries have its keys: they cannot give strings back; nil: by bytes

	Covers bool // its entries tell the values of its fields, as the documents have them

	Cells  Cells                  // of an index of places; nil: of values
	covers map[*query.Node]bounds // what Cells say of conditions, as far as they were asked in this planning

	Wildcard *Wildcard // of an index on paths that filters say; nil: on Key's
	onPath   *onPath   // one of them

	foreign bool // it has another collation than the query
}

// Request is what is to be planned.
type Request struct {
	Filter  *query.Filter
	Sort    *query.Sort    // nil: any order will do
	Indexes []Index        // with the one on _id, named _id_
	Scores  bool           // what documents score in a text search is wanted
	Needs   []string       // the paths that are wanted of the documents; nil: everything
	Hint    document.Value // an index's name, its key pattern or {$natural: ±1}; missing: no hint

	// Within gives, for min and max, the part of an index that may be used. A hint must say which index it is. nil: there are no such bounds.
	Within func(index string) (Range, error)
}

// Range is encoded keys from Start to before End; an empty Start is the first key, a nil End is after the last. The bytes are
// the values' encodings (package keys) one after the other, descending fields inverted, without the index's prefix.
type Range struct{ Start, End []byte }

// Plan is how to find the documents of a query. It is a value: it holds no state and can be run any number of times.
type Plan struct {
	Kind    Kind
	ID      document.Value // of IDPoint
	Index   string         // of IndexScan, GeoNear and Text: the name
	Path    string         // of IndexScan, if the index is a wildcard index: which path of it is scanned
	Arrays  []string       // beginnings of Path at which there are arrays
	Ranges  []Range        // of IndexScan: ascending, disjoint; none means no document can match
	Reverse bool           // scan backwards: last range first, each from its end; for CollScan, newest record first

	ProvidesSort bool          // documents come in the order of Request.Sort; true if there is none
	Dedup        bool          // the same record may come up several times (multikey index); only its first counts
	Residual     *query.Filter // what each document must still match; nil if whatever is found matches
	KeyFilter    *query.Filter // of IndexScan and Text: what must still match of which an entry tells enough; nil if nothing
	Covered      bool          // of IndexScan: entries tell all that is needed; there is no Residual then
	Blank        bool          // documents are only counted
	Branches     []*Plan       // of Union, Merge and Text: index scans; of a Union for a text search there may be others among them
	Near         *Near         // of GeoNear
	Search       *text.Search  // of Text
	Scores       bool          // of Text: with what documents score
	Prefix       document.Doc  // of Text: what the fields before the text must be

	access *access // of IndexScan: what Ranges are made of
	rank   rank
}

// Bounds returns the bounds on each field of the index that is used, for humans.
func (p *Plan) Bounds() []FieldBounds {
	switch {
	case p.Kind == IDPoint:
		return []FieldBounds{{Path: "_id", Intervals: []string{"[" + p.ID.Shell() + ", " + p.ID.Shell() + "]"}}}
	case p.access == nil:
		return nil
	}
	return p.access.describe(p.Reverse)
}

// FieldBounds is the bounds on one field of an index, in the words of mongod's explain.
type FieldBounds struct {
	Path           string
	Intervals      []string
	Start, End     document.Value // of the only interval, if there is one
	StartIn, EndIn bool           // they belong to it
}

// String returns the plan on one line.
func (p *Plan) String() string {
	var b strings.Builder
	b.WriteString(p.Kind.String())
	switch p.Kind {
	case IDPoint:
		fmt.Fprintf(&b, " %v", p.ID)
	case GeoNear:
		fmt.Fprintf(&b, " %s (%d)", p.Index, len(p.Near.Prefixes))
	case IndexScan:
		fmt.Fprintf(&b, " %s", p.Index)
		for _, f := range p.Bounds() {
			fmt.Fprintf(&b, " %s: %s", f.Path, strings.Join(f.Intervals, " "))
		}
		fmt.Fprintf(&b, " (%d)", len(p.Ranges))
	}
	for _, branch := range p.Branches {
		b.WriteString(" [" + branch.String() + "]")
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{p.Reverse, "reverse"}, {p.ProvidesSort, "sorted"}, {p.Dedup, "dedup"}, {p.KeyFilter != nil, "keys"},
		{p.Residual != nil, "filter"}, {p.Covered, "covered"}} {
		if flag.set {
			b.WriteString(" " + flag.name)
		}
	}
	return b.String()
}
