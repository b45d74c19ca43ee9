package query

import (
	"sync"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $expr and $sampleRate: conditions on whole documents.

// exprMatcher is $expr.
type exprMatcher struct {
	e          *expr.Expression
	evaluators sync.Pool // of *expr.Evaluator
}

func (m *exprMatcher) matchDoc(doc document.Doc, run *matching) bool {
	x, _ := m.evaluators.Get().(*expr.Evaluator)
	if x == nil {
		x = &expr.Evaluator{}
	}
	defer m.evaluators.Put(x)
	x.Context = run.ctx
	x.Begin(doc)
	v, err := m.e.Eval(x)
	if err != nil {
		run.fail(err)
		return false
	}
	return v.Truthy()
}

func parseExpr(c *filterCompiler, operand document.Value) (*Node, error) {
	if c.inElemMatch > 0 {
		return nil, badValue("$expr can only be applied to the top-level document")
	}
	if c.upsert {
		return nil, mongoerr.New(mongoerr.QueryFeatureNotAllowed, "$expr is not allowed in the query predicate for an upsert")
	}
	e, err := expr.Compile(operand, c.expr)
	if err != nil {
		return nil, err
	}
	if v, ok := e.Constant(); ok {
		if v.Truthy() {
			return &Node{Op: OpAlwaysTrue}, nil
		}
		return &Node{Op: OpAlwaysFalse}, nil
	}
	return &Node{Op: OpExpr, Value: operand, doc: &exprMatcher{e: e}, mayFail: true}, nil
}

// sampleRate matches a share of all documents by chance.
type sampleRate struct {
	rate   float64
	random func() float64
}

func (m sampleRate) matchDoc(document.Doc, *matching) bool { return m.random() < m.rate }

func parseSampleRate(c *filterCompiler, operand document.Value) (*Node, error) {
	f, ok := operand.AsFloat64()
	switch {
	case !ok:
		return nil, badValue("argument to $sampleRate must be a numeric type")
	case !(f >= 0 && f <= 1):
		return nil, badValue("numeric argument to $sampleRate must be in [0, 1]")
	case c.expr.Random == nil:
		return nil, mongoerr.New(mongoerr.InvalidOptions, "$sampleRate is not allowed in this context")
	case f == 1:
		return &Node{Op: OpAlwaysTrue}, nil
	case f == 0:
		return &Node{Op: OpAlwaysFalse}, nil
	}
	return &Node{Op: OpSampleRate, Value: operand, doc: sampleRate{f, c.expr.Random}}, nil
}
