package expr

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// WithLet returns opts with a command's variables, whose values are expressions that look at no document; later ones may
// refer to earlier ones. The values are copies.
func (opts Options) WithLet(let document.Doc) (Options, error) {
	opts.Let = append([]Variable(nil), opts.Let...)
	for it := let.Iter(); it.Next(); {
		if err := CheckUserVariable(it.Key()); err != nil {
			return opts, err
		}
		e, err := Compile(it.Value(), opts)
		if err != nil {
			return opts, err
		}
		if e.ReadsDocument() {
			return opts, fail(4890500, "Command let Expression tried to access a field, but this is not allowed because Command let Expressions run before the query examines any documents.")
		}
		var x Evaluator
		x.Begin(document.Empty)
		v, err := e.Eval(&x)
		if err != nil {
			return opts, err
		}
		opts.Let = append(opts.Let, Variable{strings.Clone(it.Key()), v.Clone()})
	}
	return opts, nil
}

// WithConstants returns opts with variables whose values are not expressions.
func (opts Options) WithConstants(list document.Doc) (Options, error) {
	if len(list) <= 5 {
		return opts, nil
	}
	opts.Let = append([]Variable(nil), opts.Let...)
	for it := list.Iter(); it.Next(); {
		if err := CheckUserVariable(it.Key()); err != nil {
			return opts, err
		}
		opts.Let = append(opts.Let, Variable{it.Key(), it.Value()})
	}
	return opts, nil
}
