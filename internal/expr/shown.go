package expr

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Shown returns an expression as mongod's explain shows it: constants are {$const: value}, and the operands of an operator that does not name them
// are an array.
func Shown(v document.Value) document.Value {
	switch v.Type {
	case document.TypeString:
		if strings.HasPrefix(v.Str(), "$") {
			return v
		}
	case document.TypeArray:
		var list document.ArrayBuilder
		for it := v.Doc().Iter(); it.Next(); {
			list.Append(Shown(it.Value()))
		}
		return list.FinishValue()
	case document.TypeDocument:
		if first := v.Doc().First(); strings.HasPrefix(first.Key, "$") {
			return single(first.Key, shownOperand(first.Key, first.Value))
		}
		return shownFields(v.Doc()).AsValue()
	}
	return single("$const", v)
}

func single(name string, v document.Value) document.Value {
	if name == "$literal" {
		name = "$const"
	}
	var b document.Builder
	b.AppendValue(name, v)
	return b.Finish().AsValue()
}

func shownOperand(op string, v document.Value) document.Value {
	switch {
	case op == "$literal" || op == "$const" || op == "$meta":
		return v
	case v.Type == document.TypeArray:
		return Shown(v)
	case v.Type == document.TypeDocument && !strings.HasPrefix(v.Doc().First().Key, "$"):
		return shownFields(v.Doc()).AsValue()
	}
	var list document.ArrayBuilder
	list.Append(Shown(v))
	return list.FinishValue()
}

// shownFields shows the expressions of a document; "as" is a variable's name.
func shownFields(d document.Doc) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		if it.Key() == "as" {
			b.AppendValue(it.Key(), it.Value())
		} else {
			b.AppendValue(it.Key(), Shown(it.Value()))
		}
	}
	return b.Finish()
}
