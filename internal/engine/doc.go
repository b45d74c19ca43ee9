// Package engine runs plans, makes entries, applies entries.
//
// It is the database of one member, between the commands above and the replicated log and the stores below. Reads run on a
// [View], one moment's immutable state. Writes, on a primary, are planned on a view without any lock, entered under a short
// one ([Engine.propose]), visible at once, and leave for the log; what the log commits comes back through [Engine.Apply],
// on every member alike. DESIGN.md answers why.
package engine
