package node

import (
	"fmt"

	"github.com/mortondb/morton/internal/engine"
)

// replayStandalone applies the log of a standalone whose directory is started as a member of a set that is not initiated yet: until then there is
// no log that would do it. All of it is committed, since nobody else had a vote.
func (n *Node) replayStandalone() error {
	next, last := max(n.engine.Applied().Index+1, n.file.FirstIndex()), n.file.LastIndex()
	for next <= last {
		list, err := n.file.Entries(next, last+1, replayBytes)
		if err != nil {
			return fmt.Errorf("node: replay the standalone's log: %w", err)
		}
		for _, e := range list {
			entry := engine.Entry{Index: e.Index, Term: e.Term}
			if e.Type == groupsEntry {
				entry.Data = e.Data
			}
			if err := n.engine.Apply([]engine.Entry{entry}); err != nil {
				return err
			}
		}
		next = list[len(list)-1].Index + 1
	}
	return n.store.Flush()
}

// replayBytes is how much of the log is in memory at a time.
const replayBytes = 8 << 20

// firstTerm is the term that a set begins with: one later than those that the data has seen, if it was a standalone's.
func (n *Node) firstTerm() uint64 { return n.engine.Applied().Term + 1 }
