package command

import (
	"math/rand/v2"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// expressions returns what expressions of the command mean, with the variables of its let.
func (o *operation) expressions(let document.Doc) (expr.Options, error) {
	opts := expr.Options{Now: time.Now().UnixMilli(), Cluster: uint64(o.d.engine.LastTime().TS), Random: rand.Float64}
	if len(let) <= 5 {
		return opts, nil
	}
	return opts.WithLet(let)
}
