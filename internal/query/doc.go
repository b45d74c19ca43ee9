// Package query is filters, projections, updates: compiled once, then run on raw BSON.
//
// Everything a client sends in MongoDB's query language is compiled here into a value that can be run any number of
// times, by any number of goroutines, on the bytes of documents: [CompileFilter] gives a [Filter], [CompileProjection]
// a [Projection], [CompileSort] a [Sort], [CompileUpdate] an [Update]. Compiling finds every mistake that does not
// depend on a document and answers with MongoDB's own code and message; running never panics on any document.
//
// The package is pure: no clock, no randomness. What an update needs of them comes in as [Env].
//
// # Where things are
//
// One file holds one family of operators. A filter operator is a row of the tables in filter_parse.go and a [predicate];
// an update operator is a row of the table in update_parse.go and an [operator]. What a dotted path means across arrays is in
// path.go for filters, in sort_key.go for sorts (it is what an index holds), in distinct.go for distinct, and in
// update_apply.go for updates; in MongoDB these are four different things.
package query
