package query

import (
	"fmt"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The projection operators on arrays: $slice, $elemMatch and the positional a.$.

// sliceRange is the operand of $slice: elements from skip on (from the end if negative), at most limit.
type sliceRange struct{ skip, limit int64 }

func (s *sliceRange) appendArray(dst []byte, array document.Doc) []byte {
	start := s.skip
	if start < 0 {
		start = max(0, int64(array.Len())+start)
	}
	at, i, count := len(dst), int64(0), 0
	dst = append(dst, 0, 0, 0, 0)
	for it := array.Iter(); it.Next(); i++ {
		if i >= start && i-start < s.limit {
			dst = appendElement(dst, document.Index(count), it.Value())
			count++
		}
	}
	return endDoc(dst, at)
}

func (ps *projectionParser) addSlice(path string, spec document.Doc, operand document.Value) error {
	s, err := parseSlice(spec, operand)
	if err != nil {
		return err
	}
	if s == nil {
		return ps.compute(path, spec.AsValue(), false)
	}
	ps.slice = true
	if err := mongoerr.From(ps.add(path, projectionField{slice: s})); err != nil {
		return invalidSlice(spec, fmt.Sprintf("Location%d: %s", err.Code, err.Message), max(1, operand.Doc().Len()))
	}
	return nil
}

// invalidSlice is for what is neither the $slice of a find projection, and why, nor the expression of that name.
func invalidSlice(spec document.Doc, why string, args int) error {
	return mongoerr.New(28667, "Invalid $slice syntax. The given syntax %s did not match the find() syntax because :: %s :: "+
		"The given syntax did not match the expression $slice syntax. :: caused by :: "+
		"Expression $slice takes at least 2 arguments, and at most 3, but %d were passed in.", docText(spec), why, args)
}

// parseSlice returns nil if the operand is that of the expression.
func parseSlice(spec document.Doc, operand document.Value) (*sliceRange, error) {
	if operand.IsNumber() {
		n, _ := operand.ToInt64()
		if n < 0 {
			return &sliceRange{skip: n, limit: -n}, nil
		}
		return &sliceRange{limit: n}, nil
	}
	if operand.Type != document.TypeArray {
		return nil, invalidSlice(spec, "Location31273: $slice only supports numbers and [skip, limit] arrays", 1)
	}
	var args []document.Value
	for it := operand.Doc().Iter(); it.Next(); {
		args = append(args, it.Value())
	}
	if len(args) < 2 || len(args) > 3 {
		return nil, invalidSlice(spec, "Location31272: $slice array argument should be of form [skip, limit]", len(args))
	}
	if len(args) == 2 && args[0].IsNumber() && args[1].IsNumber() {
		skip, _ := args[0].ToInt64()
		if limit, _ := args[1].ToInt64(); limit > 0 {
			return &sliceRange{skip, limit}, nil
		}
	}
	return nil, nil
}

func (ps *projectionParser) addElemMatch(path string, nested bool, operand document.Value) error {
	switch {
	case operand.Type != document.TypeDocument:
		return mongoerr.New(31274, "elemMatch: Invalid argument, object required, but got %v", operand.Type)
	case ps.p.positional != nil:
		return mongoerr.New(31255, "Cannot specify positional operator and $elemMatch.")
	case nested || strings.Contains(path, "."):
		return mongoerr.New(31275, "Cannot use $elemMatch projection on a nested field.")
	}
	n, err := parseElemMatch(&filterCompiler{collator: ps.collator()}, path, operand)
	if err != nil {
		return err
	}
	ps.elemMatch = true
	return ps.add(path, projectionField{elem: n.pred})
}

// appendElemMatch appends an array of the first element that matches; nothing if v is not an array with such an element.
func (p *projecting) appendElemMatch(dst []byte, f *projectionField, v document.Value) []byte {
	run := matching{noting: true}
	if v.Type != document.TypeArray || !f.elem.matchValue(v, &run) || run.err != nil {
		if p.err == nil {
			p.err = run.err
		}
		return dst
	}
	dst = appendKey(dst, document.TypeArray, f.name)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendElement(dst, "0", v.Doc().Lookup(run.position))
	return endDoc(dst, at)
}

// positional is the projection a.b.$: of the first array on the path, the element at the index where the filter matched.
type positional struct {
	path   []string
	filter *Filter
}

// apply returns doc with that array cut down to the element. The projection's inclusion comes after it.
func (p *positional) apply(doc document.Doc) (document.Doc, error) {
	array, depth := firstArray(doc, p.path)
	if array == nil {
		return doc, nil
	}
	index, _, err := p.filter.MatchPosition(doc)
	if err != nil {
		return nil, err
	}
	if index == "" {
		return nil, mongoerr.New(51246, "positional operator '.$' couldn't find a matching element in the array")
	}
	element := array.Lookup(index)
	if element.IsMissing() {
		return nil, mongoerr.New(51247, "positional operator '.$' element mismatch")
	}
	return appendReplaced(nil, doc, p.path[:depth], element), nil
}

// firstArray returns the first array on path, and how many parts of the path lead to it.
func firstArray(doc document.Doc, path []string) (array document.Doc, depth int) {
	for i, part := range path {
		v := doc.Lookup(part)
		switch v.Type {
		case document.TypeArray:
			return v.Doc(), i + 1
		case document.TypeDocument:
			doc = v.Doc()
		default:
			return nil, 0
		}
	}
	return nil, 0
}

// appendReplaced appends doc with the array at path replaced by one of a single element.
func appendReplaced(dst []byte, doc document.Doc, path []string, element document.Value) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for it := doc.Iter(); it.Next(); {
		v := it.Value()
		switch {
		case it.Key() != path[0]:
			dst = appendElement(dst, it.Key(), v)
		case len(path) > 1:
			dst = appendReplaced(appendKey(dst, v.Type, it.Key()), v.Doc(), path[1:], element)
		default:
			dst = appendKey(dst, v.Type, it.Key())
			inner := len(dst)
			dst = append(dst, 0, 0, 0, 0)
			dst = appendElement(dst, "0", element)
			dst = endDoc(dst, inner)
		}
	}
	return endDoc(dst, at)
}
