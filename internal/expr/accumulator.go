package expr

import (
	"math"
	"slices"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Accumulator is what a field of $group is calculated with. It is immutable.
type Accumulator struct {
	name  string
	input *Expression
	n     *Expression // of the accumulators of several; evaluated for the group's _id
	make  func(a *Accumulator, n int64) State
	opts  Options
	sort  Sorter // of $top, $bottom and those of several
}

// State is the state of an accumulator for one group. What it is given it copies, if it keeps it.
type State interface {
	add(v document.Value, doc document.Doc) error
	// Value returns the result so far.
	Value() document.Value
	// Size returns about how many bytes the state holds.
	Size() int
}

// Sorter orders documents.
type Sorter interface {
	// Keys returns what of a document decides on its place; it is kept.
	Keys(doc document.Doc) []document.Value
	Compare(a, b []document.Value) int
}

// accumulatorKind is a row of the table of accumulators.
type accumulatorKind struct {
	make  func(a *Accumulator, n int64) State
	parse func(a *Accumulator, v document.Value, sorter func(document.Doc) (Sorter, error)) error // nil: the input alone
}

var accumulators map[string]accumulatorKind

func init() {
	accumulators = map[string]accumulatorKind{
		"$sum":          {make: func(*Accumulator, int64) State { return &sumState{} }},
		"$avg":          {make: func(*Accumulator, int64) State { return &avgState{} }},
		"$min":          {make: func(a *Accumulator, _ int64) State { return &extreme{collator: a.opts.Collator, sign: -1} }},
		"$max":          {make: func(a *Accumulator, _ int64) State { return &extreme{collator: a.opts.Collator, sign: 1} }},
		"$first":        {make: func(*Accumulator, int64) State { return &firstState{} }},
		"$last":         {make: func(*Accumulator, int64) State { return &lastState{} }},
		"$push":         {make: func(*Accumulator, int64) State { return &pushState{} }},
		"$addToSet":     {make: func(a *Accumulator, _ int64) State { return &setState{collator: a.opts.Collator} }},
		"$stdDevPop":    {make: func(*Accumulator, int64) State { return &deviation{} }},
		"$stdDevSamp":   {make: func(*Accumulator, int64) State { return &deviation{sample: true} }},
		"$mergeObjects": {make: func(*Accumulator, int64) State { return &mergeState{} }},
		"$count":        {make: func(*Accumulator, int64) State { return &sumState{} }, parse: parseCount},
		"$firstN":       {make: func(_ *Accumulator, n int64) State { return &severalState{n: n} }, parse: parseSeveral},
		"$lastN":        {make: func(_ *Accumulator, n int64) State { return &severalState{n: n, last: true} }, parse: parseSeveral},
		"$minN":         {make: func(a *Accumulator, n int64) State { return &extremes{n: n, collator: a.opts.Collator, sign: 1} }, parse: parseSeveral},
		"$maxN":         {make: func(a *Accumulator, n int64) State { return &extremes{n: n, collator: a.opts.Collator, sign: -1} }, parse: parseSeveral},
		"$top":          {make: func(a *Accumulator, _ int64) State { return &topState{a: a, n: 1, single: true} }, parse: parseTop},
		"$bottom":       {make: func(a *Accumulator, _ int64) State { return &topState{a: a, n: 1, single: true, bottom: true} }, parse: parseTop},
		"$topN":         {make: func(a *Accumulator, n int64) State { return &topState{a: a, n: n} }, parse: parseTop},
		"$bottomN":      {make: func(a *Accumulator, n int64) State { return &topState{a: a, n: n, bottom: true} }, parse: parseTop},
	}
	accumulators["$accumulator"] = accumulatorKind{parse: func(*Accumulator, document.Value, func(document.Doc) (Sorter, error)) error {
		return mongoerr.New(mongoerr.NotImplemented, "$accumulator is not supported yet")
	}}
}

// KnownAccumulator reports whether there is an accumulator of that name.
func KnownAccumulator(name string) bool {
	return accumulators[name].make != nil || accumulators[name].parse != nil
}

// CompileAccumulator compiles an accumulator's argument. sorter compiles the sort of those that have one.
func CompileAccumulator(name string, v document.Value, opts Options, sorter func(document.Doc) (Sorter, error)) (*Accumulator, error) {
	kind := accumulators[name]
	a := &Accumulator{name: name, make: kind.make, opts: opts}
	if kind.parse != nil {
		return a, kind.parse(a, v, sorter)
	}
	if v.Type == document.TypeArray {
		return nil, fail(40237, "The %s accumulator is a unary operator", name)
	}
	var err error
	a.input, err = Compile(v, opts)
	return a, err
}

func parseCount(a *Accumulator, v document.Value, _ func(document.Doc) (Sorter, error)) error {
	if v.Type != document.TypeDocument || !v.Doc().IsEmpty() {
		return mongoerr.New(mongoerr.TypeMismatch, "$count takes no arguments, i.e. $count:{}")
	}
	a.input = &Expression{root: constant{document.Int32(1)}}
	return nil
}

func parseSeveral(a *Accumulator, v document.Value, _ func(document.Doc) (Sorter, error)) error {
	in, n, err := severalArguments(a.name, v)
	if err != nil {
		return err
	}
	if a.input, err = Compile(in, a.opts); err != nil {
		return err
	}
	a.n, err = Compile(n, a.opts)
	return err
}

// severalArguments reads {input:, n:}.
func severalArguments(name string, v document.Value) (in, n document.Value, err error) {
	objectCode := codeNumber(5787801)
	if name == "$minN" || name == "$maxN" {
		objectCode = 5787900
	}
	if v.Type != document.TypeDocument {
		return in, n, fail(objectCode, "specification must be an object; found %s: %s", name, v)
	}
	for it := v.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "input":
			in = it.Value()
		case "n":
			n = it.Value()
		default:
			return in, n, fail(5787901, "Unknown argument for 'n' operator: %s", it.Key())
		}
	}
	switch {
	case n.IsMissing():
		err = fail(5787906, "Missing value for 'n'")
	case in.IsMissing():
		err = fail(5787907, "Missing value for 'input'")
	}
	return in, n, err
}

func parseTop(a *Accumulator, v document.Value, sorter func(document.Doc) (Sorter, error)) error {
	several := a.name == "$topN" || a.name == "$bottomN"
	if v.Type != document.TypeDocument {
		return fail(5788001, "specification must be an object; found %s: %s", a.name, v)
	}
	var output, by, n document.Value
	for it := v.Doc().Iter(); it.Next(); {
		switch key := it.Key(); {
		case key == "output":
			output = it.Value()
		case key == "sortBy":
			by = it.Value()
		case key == "n" && several:
			n = it.Value()
		default:
			return fail(5788002, "Unknown argument to %s '%s'", a.name, key)
		}
	}
	switch {
	case several && n.IsMissing():
		return fail(5788003, "Missing value for 'n'")
	case output.IsMissing():
		return fail(5788004, "Missing value for 'output'")
	case by.IsMissing():
		return fail(5788005, "Missing value for 'sortBy'")
	case by.Type != document.TypeDocument:
		return fail(10065, "invalid parameter: expected an object (sortBy)")
	}
	var err error
	if a.sort, err = sorter(by.Doc()); err != nil {
		return err
	}
	if several {
		if a.n, err = Compile(n, a.opts); err != nil {
			return err
		}
	}
	a.input, err = Compile(output, a.opts)
	return err
}

// ReadsDocument reports whether the result depends on what the documents hold, and not only on how many they are.
func (a *Accumulator) ReadsDocument() bool { return a.input.ReadsDocument() || a.sort != nil }

// New returns the state for a group whose _id is the document that x has begun.
func (a *Accumulator) New(x *Evaluator) (State, error) {
	if a.n == nil {
		return a.make(a, 1), nil
	}
	v, err := a.n.Eval(x)
	if err != nil {
		return nil, err
	}
	n, err := countOf(v)
	if err != nil {
		return nil, err
	}
	return a.make(a, n), nil
}

// countOf reads n.
func countOf(v document.Value) (int64, error) {
	switch n, exact := v.AsInt64(); {
	case !v.IsNumber():
		text := v.Shell()
		if v.IsMissing() {
			text = "MISSING"
		}
		return 0, fail(5787902, "Value for 'n' must be of integral type, but found %s", text)
	case !exact:
		return 0, fail(5787903, "Value for 'n' must be of integral type, but found %s", v)
	case n <= 0:
		return 0, fail(5787908, "'n' must be greater than 0, found %d", n)
	default:
		return n, nil
	}
}

// Add gives the state the document that x has begun.
func (a *Accumulator) Add(x *Evaluator, s State) error {
	v, err := a.input.Eval(x)
	if err != nil {
		return err
	}
	return s.add(v, x.root)
}

// heap is a state that makes results of its own.
var heap = func() *Evaluator { return &Evaluator{} }

type sumState struct{ t total }

func (s *sumState) add(v document.Value, _ document.Doc) error {
	if v.IsNumber() {
		s.t.add(v)
	}
	return nil
}
func (s *sumState) Value() document.Value { return s.t.value(heap()) }
func (s *sumState) Size() int             { return 64 }

type avgState struct {
	t     total
	count int64
}

func (s *avgState) add(v document.Value, _ document.Doc) error {
	if v.IsNumber() {
		s.t.add(v)
		s.count++
	}
	return nil
}
func (s *avgState) Size() int { return 64 }

func (s *avgState) Value() document.Value {
	switch {
	case s.count == 0:
		return document.Null
	case s.t.widest == document.TypeDecimal128:
		return s.t.decimal.Add(s.t.plain.decimal()).Quo(decimal.OfInt(s.count)).Value()
	}
	return document.Double(s.t.plain.double() / float64(s.count))
}

// extreme is $min and $max.
type extreme struct {
	collator document.Collator
	sign     int
	v        document.Value
}

func (s *extreme) add(v document.Value, _ document.Doc) error {
	if v.IsNullish() {
		return nil
	}
	if s.v.IsMissing() || document.CompareWith(s.collator, v, s.v)*s.sign > 0 {
		s.v = v.Clone()
	}
	return nil
}
func (s *extreme) Value() document.Value { return orNull(s.v) }
func (s *extreme) Size() int             { return 64 + len(s.v.Data) }

type firstState struct {
	v     document.Value
	given bool
}

func (s *firstState) add(v document.Value, _ document.Doc) error {
	if !s.given {
		s.v, s.given = v.Clone(), true
	}
	return nil
}
func (s *firstState) Value() document.Value { return orNull(s.v) }
func (s *firstState) Size() int             { return 64 + len(s.v.Data) }

type lastState struct{ v document.Value }

func (s *lastState) add(v document.Value, _ document.Doc) error {
	s.v = document.Value{Type: v.Type, Data: append(s.v.Data[:0], v.Data...)}
	return nil
}
func (s *lastState) Value() document.Value { return orNull(s.v.Clone()) }
func (s *lastState) Size() int             { return 64 + len(s.v.Data) }

type pushState struct{ list document.ArrayBuilder }

func (s *pushState) add(v document.Value, _ document.Doc) error {
	if !v.IsMissing() {
		s.list.Append(v)
	}
	return nil
}

func (s *pushState) Value() document.Value {
	if s.list.Count() == 0 {
		return emptyArray
	}
	copied := s.list // closing it ends the array: what is pushed later needs it open
	return document.Value{Type: document.TypeArray, Data: slices.Clone(copied.Finish())}
}
func (s *pushState) Size() int { return 64 + s.list.Size() }

type setState struct {
	collator document.Collator
	set      []document.Value // ordered
	bytes    int
}

func (s *setState) add(v document.Value, _ document.Doc) error {
	if v.IsMissing() {
		return nil
	}
	i, found := slices.BinarySearchFunc(s.set, v, func(a, b document.Value) int { return document.CompareWith(s.collator, a, b) })
	if !found {
		s.set = slices.Insert(s.set, i, v.Clone())
		s.bytes += len(v.Data) + 32
	}
	return nil
}
func (s *setState) Value() document.Value { return array(s.set) }
func (s *setState) Size() int             { return 64 + s.bytes }

// deviation is the standard deviation, by Welford's method.
type deviation struct {
	sample  bool
	count   int64
	mean, m float64
}

func (s *deviation) add(v document.Value, _ document.Doc) error {
	if !v.IsNumber() {
		return nil
	}
	f, _ := v.AsFloat64()
	s.count++
	delta := f - s.mean
	s.mean += delta / float64(s.count)
	s.m += delta * (f - s.mean)
	return nil
}
func (s *deviation) Size() int { return 64 }

func (s *deviation) Value() document.Value {
	n := s.count
	if s.sample {
		n--
	}
	if n <= 0 {
		return document.Null
	}
	return document.Double(math.Sqrt(s.m / float64(n)))
}

type mergeState struct {
	o     object
	bytes int
}

func (s *mergeState) add(v document.Value, _ document.Doc) error {
	switch {
	case v.IsNullish():
		return nil
	case v.Type != document.TypeDocument:
		return fail(40400, "$mergeObjects requires object inputs, but input %s is of type %s", v, v.Type)
	}
	for it := v.Clone().Doc().Iter(); it.Next(); {
		s.o.set(it.Key(), it.Value())
	}
	s.bytes += len(v.Data)
	return nil
}
func (s *mergeState) Value() document.Value { return s.o.value() }
func (s *mergeState) Size() int             { return 64 + s.bytes }

// severalState is $firstN and $lastN.
type severalState struct {
	n     int64
	last  bool
	list  []document.Value
	bytes int
}

func (s *severalState) add(v document.Value, _ document.Doc) error {
	if int64(len(s.list)) == s.n {
		if !s.last {
			return nil
		}
		s.bytes -= len(s.list[0].Data) + 32
		s.list = s.list[1:]
	}
	s.list = append(s.list, orNull(v).Clone())
	s.bytes += len(v.Data) + 32
	return nil
}
func (s *severalState) Value() document.Value { return array(s.list) }
func (s *severalState) Size() int             { return 64 + s.bytes }

// extremes is $minN and $maxN: the n smallest, by sign.
type extremes struct {
	n        int64
	collator document.Collator
	sign     int
	list     []document.Value
	bytes    int
}

func (s *extremes) add(v document.Value, _ document.Doc) error {
	if v.IsNullish() {
		return nil
	}
	compare := func(a, b document.Value) int { return document.CompareWith(s.collator, a, b) * s.sign }
	i, _ := slices.BinarySearchFunc(s.list, v, func(a, b document.Value) int {
		if compare(a, b) <= 0 {
			return -1
		}
		return 1
	})
	if int64(i) >= s.n {
		return nil
	}
	s.list = slices.Insert(s.list, i, v.Clone())
	s.bytes += len(v.Data) + 32
	if int64(len(s.list)) > s.n {
		s.bytes -= len(s.list[s.n].Data) + 32
		s.list = s.list[:s.n]
	}
	return nil
}
func (s *extremes) Value() document.Value { return array(s.list) }
func (s *extremes) Size() int             { return 64 + s.bytes }

// topState is $top, $bottom, $topN and $bottomN. Of those with equal keys the first ones stay.
type topState struct {
	a              *Accumulator
	n              int64
	single, bottom bool
	keys           [][]document.Value
	list           []document.Value
	bytes          int
}

func (s *topState) add(v document.Value, doc document.Doc) error {
	keys := s.a.sort.Keys(doc)
	i, _ := slices.BinarySearchFunc(s.keys, keys, func(a, b []document.Value) int {
		if s.a.sort.Compare(a, b) <= 0 {
			return -1
		}
		return 1
	})
	full := int64(len(s.list)) == s.n
	if full && (s.bottom && i == 0 || !s.bottom && i == len(s.list)) {
		return nil
	}
	for j, k := range keys {
		keys[j] = k.Clone()
	}
	s.keys, s.list = slices.Insert(s.keys, i, keys), slices.Insert(s.list, i, orNull(v).Clone())
	s.bytes += len(v.Data) + 64
	if full {
		drop := len(s.list) - 1
		if s.bottom {
			drop = 0
		}
		s.bytes -= len(s.list[drop].Data) + 64
		s.keys, s.list = slices.Delete(s.keys, drop, drop+1), slices.Delete(s.list, drop, drop+1)
	}
	return nil
}
func (s *topState) Size() int { return 64 + s.bytes }

func (s *topState) Value() document.Value {
	if s.single {
		if len(s.list) == 0 {
			return document.Null
		}
		return s.list[0]
	}
	return array(s.list)
}
