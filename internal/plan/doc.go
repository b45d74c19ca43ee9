// Package plan is which index, which bounds, what remains: a filter, a sort and the indexes that there are in, a value
// that says how to find the documents out.
//
// A [Plan] changes what a query costs, never what it answers; the property test of this package holds it to that.
package plan
