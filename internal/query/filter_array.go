package query

import (
	"math"

	"github.com/mortondb/morton/internal/document"
)

// $size, $all, $elemMatch: conditions on arrays.

type size int

func (n size) matchValue(v document.Value, _ *matching) bool {
	return v.Type == document.TypeArray && v.Doc().Len() == int(n)
}

func parseSize(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	n, err := sizeOperand(operand)
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpSize, Path: path, Value: operand, pred: size(n)}, nil
}

func sizeOperand(v document.Value) (int32, error) {
	text := elementText("$size", v)
	if !v.IsNumber() {
		return 0, badValue("Failed to parse $size. Expected a number in: %s", text)
	}
	n, exact := v.AsInt64()
	switch {
	case isNaN(v):
		return 0, badValue("Failed to parse $size. Expected an integer, but found NaN in: %s", text)
	case !exact && v.Type == document.TypeDecimal128:
		return 0, badValue("Failed to parse $size. Cannot represent as a 64-bit integer: %s", text)
	case !exact:
		return 0, badValue("Failed to parse $size. Expected an integer: %s", text)
	case n > math.MaxInt32 || n < math.MinInt32:
		return 0, badValue("Failed to parse $size. Cannot represent %s in an int", text)
	case n < 0:
		return 0, badValue("Failed to parse $size. Expected a non-negative number in: %s", text)
	}
	return int32(n), nil
}

// parseAll makes an $and of equalities, or of $elemMatch.
func parseAll(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	if operand.Type != document.TypeArray {
		return nil, badValue("$all needs an array")
	}
	if operand.Doc().IsEmpty() {
		return newNothing(path), nil
	}
	var list []*Node
	elemMatch := operand.Doc().First().Doc().First().Key == "$elemMatch"
	for it := operand.Doc().Iter(); it.Next(); {
		n, err := c.allElement(path, it.Value(), elemMatch)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return and(list), nil
}

func (c *filterCompiler) allElement(path string, v document.Value, elemMatch bool) (*Node, error) {
	if !elemMatch {
		if isOperatorDoc(v) {
			return nil, badValue("no $ expressions in $all")
		}
		return parseValue(c, path, v)
	}
	e := v.Doc().First()
	if v.Type != document.TypeDocument || e.Key != "$elemMatch" || v.Doc().Len() != 1 {
		return nil, badValue("$all/$elemMatch has to be consistent")
	}
	return parseElemMatch(c, path, e.Value)
}

// elemMatchDocument matches an array of which one element, a document or array, matches a filter.
type elemMatchDocument struct{ filter docMatcher }

func (p *elemMatchDocument) matchValue(v document.Value, run *matching) bool {
	if v.Type != document.TypeArray {
		return false
	}
	for it := v.Doc().Iter(); it.Next(); {
		if d := it.Value().Doc(); d != nil && p.matchElement(d, run) {
			setPosition(run, &it)
			return true
		}
	}
	return false
}

func (p *elemMatchDocument) matchElement(d document.Doc, run *matching) bool {
	noted := run.mute()
	matched := p.filter.matchDoc(d, run)
	run.unmute(noted)
	return matched
}

// elemMatchValue matches an array of which one element meets all conditions.
type elemMatchValue []predicate

func (list elemMatchValue) matchValue(v document.Value, run *matching) bool {
	if v.Type != document.TypeArray {
		return false
	}
	for it := v.Doc().Iter(); it.Next(); {
		if list.matchElement(it.Value(), run) {
			setPosition(run, &it)
			return true
		}
	}
	return false
}

func (list elemMatchValue) matchElement(v document.Value, run *matching) bool {
	noted := run.mute()
	defer run.unmute(noted)
	for _, p := range list {
		if !p.matchValue(v, run) {
			return false
		}
	}
	return true
}

func parseElemMatch(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	if operand.Type != document.TypeDocument {
		return nil, badValue("$elemMatch needs an Object")
	}
	c.inElemMatch++
	defer func() { c.inElemMatch-- }()
	n := &Node{Op: OpElemMatch, Path: path, Value: operand}
	if isElemMatchOnValues(operand) {
		list, err := c.operators("", operand.Doc())
		if err != nil {
			return nil, err
		}
		n.Children = and(list).Children
		var preds elemMatchValue
		for _, child := range n.Children {
			preds = append(preds, child.value())
		}
		n.pred = preds
		return n, nil
	}
	filter, err := c.document(operand.Doc())
	if err != nil {
		return nil, err
	}
	filter = and([]*Node{filter})
	n.Children = []*Node{filter}
	n.pred = &elemMatchDocument{filter.compile()}
	return n, nil
}

// isElemMatchOnValues tells {$gt: 1} from {a: 1} and {$or: [...]}.
func isElemMatchOnValues(operand document.Value) bool {
	return isOperatorDoc(operand) && documentOperators[operand.Doc().First().Key] == nil
}
