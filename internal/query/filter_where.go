package query

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/script"
)

// $where: a condition in JavaScript.

type where struct{ function *script.Function }

func (m *where) matchDoc(doc document.Doc, run *matching) bool {
	ctx := run.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	v, err := m.function.Call(ctx, doc)
	if err != nil {
		run.fail(err)
		return false
	}
	return v.Truthy()
}

func parseWhere(c *filterCompiler, operand document.Value) (*Node, error) {
	if c.inElemMatch > 0 {
		return nil, badValue("$where can only be applied to the top-level document")
	}
	code := operand.Str()
	switch operand.Type {
	case document.TypeString, document.TypeCode:
	case document.TypeCodeWithScope:
		return nil, badValue("$where no longer supports deprecated BSON type CodeWScope")
	default:
		return nil, badValue("$where got bad type")
	}
	f, err := script.Compile(code)
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpWhere, Value: operand, doc: &where{f}, mayFail: true}, nil
}
