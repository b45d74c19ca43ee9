package engine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/text"
	"github.com/mortondb/morton/internal/timeseries"
)

// Catalog is every collection at one moment. It is immutable: a change makes another one.
type Catalog struct {
	collections map[string]*Collection // by namespace
	numbers     map[uint32]*Collection
	views       map[string]*ViewDef // by namespace; nil if there are none
	next        uint32              // the next number for a collection or an index; numbers are never used twice
}

// Collection is a collection's entry in the catalog. Immutable; a change makes another one.
type Collection struct {
	NS        string
	Number    uint32
	UUID      [16]byte
	Options   document.Doc         // of create, as given; never nil
	Collation *collation.Collation // of operations that do not say another; nil: the simple one
	Indexes   []*Index             // the one on _id first
	Capped    *Capped              // nil: of any size
	Validator *Validator           // nil: any document may be in it
	Clustered bool                 // natural order is that of _id

	Timeseries *timeseries.Options // not nil: the documents are buckets of a time-series collection

	stats *counters
	plans []plan.Index // what the planner sees: the indexes that are built
}

// Index is an index of a collection. Immutable.
type Index struct {
	Name        string
	Spec        document.Doc         // {v, key, name, unique, ...} as listIndexes shows it
	Multikey    uint32               // bit i: field i met an array in some document
	Arrays      []string             // of a wildcard index: the paths at which some document has an array, sorted; none if Multikey says that they may be anywhere
	Noted       bool                 // its entries carry notes (see keys), so that it can answer queries alone
	Ready       bool                 // false while it is being built: maintained by writes, not yet read
	Collation   *collation.Collation // nil: the simple one
	Hidden      bool                 // maintained by writes, but the planner does not see it
	Partial     *query.Filter        // of documents that have entries; nil: all
	Distinct    bool                 // prepareUnique: what is written must be as in a unique index, what was there before need not
	Expires     bool                 // documents are deleted ExpireAfter after the date in the field
	ExpireAfter time.Duration
	keys.Index
}

func newCatalog() *Catalog {
	return &Catalog{collections: map[string]*Collection{}, numbers: map[uint32]*Collection{}, next: 1}
}

// Collection returns the collection of a namespace, or nil.
func (c *Catalog) Collection(ns string) *Collection { return c.collections[ns] }

// ByUUID returns the collection with this UUID in a database, or nil.
func (c *Catalog) ByUUID(db string, uuid [16]byte) *Collection {
	for _, coll := range c.collections {
		if coll.UUID == uuid && Database(coll.NS) == db {
			return coll
		}
	}
	return nil
}

// Collections returns a database's collections, by name.
func (c *Catalog) Collections(db string) []*Collection {
	var list []*Collection
	for ns, coll := range c.collections {
		if Database(ns) == db {
			list = append(list, coll)
		}
	}
	slices.SortFunc(list, func(a, b *Collection) int { return strings.Compare(a.NS, b.NS) })
	return list
}

// Databases returns the names of the databases that have a collection, sorted.
func (c *Catalog) Databases() []string {
	seen := map[string]bool{}
	for ns := range c.collections {
		seen[Database(ns)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Empty reports whether there is no collection.
func (c *Catalog) Empty() bool { return len(c.collections) == 0 }

// with returns a catalog in which coll stands for its number, whatever its name was.
func (c *Catalog) with(coll *Collection) *Catalog {
	n := c.clone()
	if old := n.numbers[coll.Number]; old != nil && n.collections[old.NS] == old {
		delete(n.collections, old.NS)
	}
	n.collections[coll.NS] = coll
	n.numbers[coll.Number] = coll
	return n
}

// without returns a catalog that lacks the collection with this number.
func (c *Catalog) without(number uint32) *Catalog {
	old := c.numbers[number]
	if old == nil {
		return c
	}
	n := c.clone()
	delete(n.numbers, number)
	if n.collections[old.NS] == old {
		delete(n.collections, old.NS)
	}
	return n
}

func (c *Catalog) clone() *Catalog {
	return &Catalog{collections: maps.Clone(c.collections), numbers: maps.Clone(c.numbers), views: c.views, next: c.next}
}

// Database returns the part of a namespace before the first dot.
func Database(ns string) string {
	db, _, _ := strings.Cut(ns, ".")
	return db
}

// Name returns the collection's name without its database.
func (c *Collection) Name() string {
	_, name, _ := strings.Cut(c.NS, ".")
	return name
}

// Index returns the index of a name, or nil.
func (c *Collection) Index(name string) *Index {
	for _, ix := range c.Indexes {
		if ix.Name == name {
			return ix
		}
	}
	return nil
}

// Count returns the number of documents and their bytes, as the newest view has them.
func (c *Collection) Count() (documents, bytes int64) {
	return c.stats.documents.Load(), c.stats.bytes.Load()
}

func (c *Collection) withIndexes(indexes []*Index) *Collection {
	n := *c
	n.Indexes = indexes
	n.plans = planIndexes(indexes)
	return &n
}

func (c *Collection) replaceIndex(ix *Index) *Collection {
	list := slices.Clone(c.Indexes)
	for i, old := range list {
		if old.Number == ix.Number {
			list[i] = ix
		}
	}
	return c.withIndexes(list)
}

func planIndexes(indexes []*Index) []plan.Index {
	var list []plan.Index
	for _, ix := range indexes {
		if !ix.Ready || ix.Hidden {
			continue
		}
		list = append(list, ix.planned())
	}
	return list
}

// planned returns what the planner sees of an index.
func (ix *Index) planned() plan.Index {
	p := plan.Index{Name: ix.Name, Partial: ix.Partial, Covers: ix.tellsValues(), Unique: ix.Unique, Sparse: ix.Sparse, Multikey: ix.Multikey, Collator: ix.Collator}
	if ix.Wildcard != nil {
		p.Wildcard, p.Covers = &plan.Wildcard{Paths: ix.Wildcard, Arrays: ix.Arrays, AnyArrays: ix.Multikey != 0}, ix.Noted
		p.Key = []plan.KeyField{{Path: ix.Spec.Lookup("key").Doc().First().Key}}
		return p
	}
	p.Cells, _ = ix.Plugin.(plan.Cells)
	for _, f := range ix.Fields {
		p.Key = append(p.Key, plan.KeyField{Path: f.Path, Descending: f.Descending, Kind: f.Kind})
	}
	return p
}

// tellsValues reports whether entries tell the values of the fields, as documents have them: there is no array whose element they could be, and
// no two paths share a part, so that one document has them all.
func (ix *Index) tellsValues() bool {
	if !ix.Noted || ix.Multikey != 0 || !ix.Ordered() {
		return false
	}
	for i, f := range ix.Fields {
		part, _, _ := strings.Cut(f.Path, ".")
		for _, g := range ix.Fields[:i] {
			if other, _, _ := strings.Cut(g.Path, "."); other == part {
				return false
			}
		}
	}
	return true
}

// newPattern compiles the key of an index, by the index's kind.
func newPattern(spec document.Doc) (*keys.Pattern, error) {
	key := spec.Lookup("key").Doc()
	if keys.IsWildcard(key) {
		return keys.CompileWildcard(key, spec.Lookup("wildcardProjection").Doc())
	}
	switch kind := keys.KindOf(key); kind {
	case geo.KindSphere, geo.KindFlat:
		return newGeoPattern(key, kind, spec)
	case text.Kind:
		return newTextPattern(key, spec)
	default: // "", "hashed", and those that there are not
		return keys.CompilePattern(key)
	}
}

// newIndex compiles an index from its specification.
func newIndex(number uint32, spec document.Doc, multikey uint32, ready bool) (*Index, error) {
	pattern, err := newPattern(spec)
	if err != nil {
		return nil, err
	}
	order, err := collation.Parse(spec.Lookup("collation").Doc())
	if err != nil {
		return nil, err
	}
	pattern.Collator = order.Collator()
	name := strings.Clone(spec.Lookup("name").Str())
	var partial *query.Filter
	if d := spec.Lookup("partialFilterExpression").Doc(); d != nil {
		if partial, err = query.CompileFilter(d, query.FilterOptions{Collator: pattern.Collator}); err != nil {
			return nil, err
		}
	}
	seconds, expires := spec.Lookup("expireAfterSeconds").ToInt64()
	return &Index{
		Name: name, Spec: spec, Multikey: multikey, Ready: ready, Collation: order,
		Hidden: spec.Lookup("hidden").Truthy(), Partial: partial, Distinct: spec.Lookup("prepareUnique").Truthy(),
		Expires:     expires && pattern.Ordered(), // mongod passes over others than ordered ones
		ExpireAfter: time.Duration(seconds) * time.Second,
		Index: keys.Index{
			Number: number, Pattern: *pattern,
			Unique: spec.Lookup("unique").Truthy() || name == idIndexName,
			Sparse: spec.Lookup("sparse").Truthy(),
		},
	}, nil
}

const idIndexName = "_id_"

// Encoded forms. A collection's entry is {ns, uuid, options, indexes: [{number, spec, multikey, arrays, ready}]} under its number;
// the next number is four bytes under its own key.

var nextKey = keys.AppendCatalog(nil, keys.CatalogCounter, "next")

func collectionKey(number uint32) []byte {
	return keys.AppendCatalog(nil, keys.CatalogCollection, fmt.Sprintf("%010d", number))
}

func (c *Collection) encode() document.Doc {
	var b document.Builder
	b.AppendString("ns", c.NS)
	b.AppendBinary("uuid", 4, c.UUID[:])
	b.AppendDoc("options", c.Options)
	b.OpenArray("indexes")
	for i, ix := range c.Indexes {
		b.OpenDoc(document.Index(i))
		b.AppendInt64("number", int64(ix.Number))
		b.AppendDoc("spec", ix.Spec)
		b.AppendInt64("multikey", int64(ix.Multikey))
		if len(ix.Arrays) > 0 {
			b.OpenArray("arrays")
			for i, path := range ix.Arrays {
				b.AppendString(document.Index(i), path)
			}
			b.Close()
		}
		b.AppendBool("ready", ix.Ready)
		b.AppendBool("notes", ix.Noted)
		b.Close()
	}
	b.Close()
	return b.Finish()
}

func (e *Engine) decodeCollection(number uint32, d document.Doc) (*Collection, error) {
	d = d.Clone()
	c := &Collection{NS: d.Lookup("ns").Str(), Number: number, stats: e.counters(number)}
	_, uuid := d.Lookup("uuid").Binary()
	copy(c.UUID[:], uuid)
	if err := c.setOptions(d.Lookup("options").Doc()); err != nil {
		return nil, fmt.Errorf("engine: catalog entry of %s: %w", c.NS, err)
	}
	for it := d.Lookup("indexes").Doc().Iter(); it.Next(); {
		ix := it.Value().Doc()
		compiled, err := newIndex(uint32(ix.Lookup("number").Int64()), ix.Lookup("spec").Doc(), uint32(ix.Lookup("multikey").Int64()), ix.Lookup("ready").Bool())
		if err != nil {
			return nil, fmt.Errorf("engine: catalog entry of %s: %w", c.NS, err)
		}
		compiled.Noted = ix.Lookup("notes").Bool()
		for it := ix.Lookup("arrays").Doc().Iter(); it.Next(); {
			compiled.Arrays = append(compiled.Arrays, it.Value().Str())
		}
		c.Indexes = append(c.Indexes, compiled)
	}
	c.plans = planIndexes(c.Indexes)
	return c, nil
}

// setOptions takes over the options of create and what they mean.
func (c *Collection) setOptions(options document.Doc) (err error) {
	if c.Collation, err = collation.Parse(options.Lookup("collation").Doc()); err != nil {
		return err
	}
	if c.Validator, err = parseValidator(options, c.Collation.Collator()); err != nil {
		return err
	}
	c.Options, c.Capped, c.Clustered = options, parseCapped(options), !options.Lookup("clusteredIndex").IsMissing()
	c.Timeseries = timeseries.Parse(options.Lookup("timeseries").Doc())
	return nil
}

// applyCatalog returns the catalog after a mutation of the catalog's key space.
func (e *Engine) applyCatalog(c *Catalog, key, value []byte, removed bool) (*Catalog, error) {
	kind, name, _ := keys.ParseCatalog(key)
	switch kind {
	case keys.CatalogCounter:
		if len(value) != 4 {
			return nil, fmt.Errorf("engine: the catalog's next number has %d bytes", len(value))
		}
		n := c.clone()
		n.next = binary.BigEndian.Uint32(value)
		return n, nil
	case keys.CatalogView:
		if removed {
			return c.withoutView(name), nil
		}
		d, err := parseViewDef(name, document.Doc(value).Clone())
		if err != nil {
			return nil, err
		}
		return c.withView(d), nil
	case keys.CatalogCollection:
		number, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("engine: catalog entry %q: %w", name, err)
		}
		if removed {
			e.forgetCounters(uint32(number))
			return c.without(uint32(number)), nil
		}
		coll, err := e.decodeCollection(uint32(number), document.Doc(value))
		if err != nil {
			return nil, err
		}
		return c.with(coll), nil
	}
	return c, nil
}
