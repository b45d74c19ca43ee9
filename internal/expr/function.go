package expr

import (
	"context"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/script"
)

func init() { operators["$function"] = &operator{parse: parseFunction} }

// functionNode is $function: a function in JavaScript.
type functionNode struct {
	function *script.Function
	args     node
}

func parseFunction(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(4660800, "$function requires an object as an argument, found: %s", v.Type)
	}
	n := &functionNode{}
	var body, lang document.Value
	var err error
	for it := v.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "body":
			body = it.Value()
		case "args":
			n.args, err = c.operand(it.Value())
		case "lang":
			lang = it.Value()
		default:
			return nil, fail(4660801, "$function found an unknown argument: %s", it.Key())
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case body.IsMissing():
		return nil, fail(4660802, "The body function must be specified.")
	case body.Type != document.TypeString && body.Type != document.TypeCode:
		return nil, fail(4660803, "The body function must evaluate to type string or code")
	case n.args == nil:
		return nil, fail(4660804, "The args field must be specified.")
	case lang.IsMissing():
		return nil, fail(4660805, "The lang field must be specified.")
	case !strings.EqualFold(lang.Str(), "js"):
		return nil, fail(4660806, "Currently the only supported language specifier is 'js'.")
	}
	n.function, err = script.Compile(body.Str())
	return n, err
}

func (n *functionNode) eval(x *Evaluator) (document.Value, error) {
	args, err := n.args.eval(x)
	switch {
	case err != nil:
		return args, err
	case args.Type != document.TypeArray:
		return missing, fail(4660810, "The args field must be of type array")
	}
	ctx := x.Context
	if ctx == nil {
		ctx = context.Background()
	}
	return n.function.Call(ctx, document.Empty, elements(args)...)
}
