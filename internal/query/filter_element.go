package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $exists, $type: conditions on there being a value, and of which type.

type exists struct{}

func (exists) matchValue(v document.Value, _ *matching) bool { return !v.IsMissing() }

func parseExists(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	n := &Node{Op: OpExists, Path: path, Value: document.Bool(true), pred: exists{}, spread: true}
	if operand.Truthy() {
		return n, nil
	}
	return not(path, n), nil
}

// ofType holds the types asked for as bits of their type bytes.
type ofType [4]uint64

func (p *ofType) add(t document.Type) { p[t>>6] |= 1 << (t & 63) }

func (p *ofType) matchValue(v document.Value, _ *matching) bool {
	return !v.IsMissing() && p[v.Type>>6]&(1<<(v.Type&63)) != 0
}

func parseType(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	p := &ofType{}
	if operand.Type != document.TypeArray {
		if err := p.addOperand(operand); err != nil {
			return nil, err
		}
	} else {
		if operand.Doc().IsEmpty() {
			return nil, mongoerr.New(mongoerr.FailedToParse, "%s must match at least one type", path)
		}
		for it := operand.Doc().Iter(); it.Next(); {
			if err := p.addOperand(it.Value()); err != nil {
				return nil, err
			}
		}
	}
	return &Node{Op: OpType, Path: path, Value: operand, pred: p, spread: true}, nil
}

var numberTypes = []document.Type{document.TypeInt32, document.TypeInt64, document.TypeDouble, document.TypeDecimal128}

// typeAliases has every type by its name.
var typeAliases = func() map[string]document.Type {
	aliases := map[string]document.Type{}
	for code := range 256 {
		if t := document.Type(code); knownType(t) {
			aliases[t.String()] = t
		}
	}
	return aliases
}()

func knownType(t document.Type) bool {
	return t >= document.TypeDouble && t <= document.TypeDecimal128 || t == document.TypeMinKey || t == document.TypeMaxKey
}

func (p *ofType) addOperand(v document.Value) error {
	switch {
	case v.Type == document.TypeString:
		return p.addAlias(v.Str())
	case v.IsNumber():
		return p.addCode(v)
	}
	return mongoerr.New(mongoerr.TypeMismatch, "type must be represented as a number or a string")
}

func (p *ofType) addAlias(alias string) error {
	switch alias {
	case "number":
		for _, t := range numberTypes {
			p.add(t)
		}
		return nil
	case "missing":
		return badValue("'missing' is not a legal type name. To query for non-existence of a field, use {$exists:false}.")
	}
	t, ok := typeAliases[alias]
	if !ok {
		return badValue("Unknown type name alias: %s", alias)
	}
	p.add(t)
	return nil
}

func (p *ofType) addCode(v document.Value) error {
	code, exact := v.AsInt64()
	switch {
	case exact && code == 0:
		return badValue("Invalid numerical type code: 0. Instead use {$exists:false}.")
	case exact && code == -1: // MinKey, whose byte is 255
		p.add(document.TypeMinKey)
		return nil
	case !exact || code < 0 || code > 127 || !knownType(document.Type(code)):
		return badValue("Invalid numerical type code: %s", valueText(v))
	}
	p.add(document.Type(code))
	return nil
}
