// Package document is raw BSON: walk, compare, paths; the only user of the official library's BSON internals.
//
// A [Doc] is the bytes of one BSON document exactly as they travel on the wire and lie on disk. Nothing here
// unmarshals into maps: an [Iter] walks the bytes, a [Value] is a type byte and a sub-slice of them, and a
// [Builder] appends new documents to one buffer. Values therefore alias the buffer they were found in; who keeps
// one longer than the buffer's owner allows must copy it ([Value.Clone], [Doc.Clone]).
//
// Bytes from outside are checked once, by [Validate]. Everything else in the package assumes valid input but never
// panics or reads out of bounds on invalid input either: a walk over a broken document simply ends early, and
// [Iter.Err] tells.
package document
