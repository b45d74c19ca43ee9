package expr

import "github.com/mortondb/morton/internal/document"

func init() {
	comparison := func(holds func(c int) bool) operator {
		return operator{min: 2, max: 2, eval: two(func(_ *Evaluator, o *call, a, b document.Value) (document.Value, error) {
			return boolean(holds(document.CompareWith(o.collator, a, b))), nil
		})}
	}
	register(map[string]operator{
		"$eq":  comparison(func(c int) bool { return c == 0 }),
		"$ne":  comparison(func(c int) bool { return c != 0 }),
		"$gt":  comparison(func(c int) bool { return c > 0 }),
		"$gte": comparison(func(c int) bool { return c >= 0 }),
		"$lt":  comparison(func(c int) bool { return c < 0 }),
		"$lte": comparison(func(c int) bool { return c <= 0 }),
		"$cmp": {min: 2, max: 2, eval: two(func(x *Evaluator, o *call, a, b document.Value) (document.Value, error) {
			return x.int32(int32(document.CompareWith(o.collator, a, b))), nil
		})},
		"$and": {max: -1, eval: until(false)},
		"$or":  {max: -1, eval: until(true)},
		"$not": {min: 1, max: 1, eval: one(func(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
			return boolean(!v.Truthy()), nil
		})},
	})
}

// until evaluates arguments until one is as true as stop, which is then the result.
func until(stop bool) func(*Evaluator, *call) (document.Value, error) {
	return func(x *Evaluator, o *call) (document.Value, error) {
		for _, n := range o.args {
			v, err := n.eval(x)
			if err != nil {
				return v, err
			}
			if v.Truthy() == stop {
				return boolean(stop), nil
			}
		}
		return boolean(!stop), nil
	}
}
