// Package overlay is proposed-not-committed writes over committed data.
//
// A primary answers a w:1 write before any other member has it. Until the log commits it, such a write lives here and
// nowhere else: storage holds committed state only, so that a rollback is to drop the overlay.
//
// The overlay is a list of generations. A generation is a pair of skip lists, one for each store, whose nodes are
// versions: a key, the timestamp of the write, the value or a tombstone. One writer at a time (under the engine's write
// lock) adds nodes; readers follow atomic pointers and need no lock. A [Snapshot] is the list of generations and the newest
// timestamp that it may see, so a consistent view costs one copy of a slice header.
//
// Nothing is ever removed from a generation. When all of its versions are in storage the whole of it is forgotten,
// oldest first ([Overlay.Forget]); what of it is still listed after it was stored is harmless, since both say the same.
// See DESIGN.md for why this is not a copy-on-write tree.
package overlay
