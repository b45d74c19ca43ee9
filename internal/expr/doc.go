// Package expr is MongoDB's aggregation expressions: compiled once, evaluated on raw BSON.
//
// [Compile] turns the BSON of an expression into a tree of nodes. What depends on no document is evaluated then and there, so that
// its errors come even if no document is ever looked at, as with mongod. [Expression.Eval] evaluates the tree for one document, with an
// [Evaluator] that holds the document, the values of variables, and the memory of results.
//
// # Operators
//
// An operator is a row of a table: how many arguments it takes and a function of their values. Those whose arguments have names,
// or are not all evaluated, parse themselves. A file holds a family: arithmetic.go, string.go, date_parts.go, ...
//
// # Memory
//
// A value that comes out of an expression aliases the document, the expression, or the evaluator's memory. It is valid until the next
// [Evaluator.Begin].
package expr
