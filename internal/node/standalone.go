package node

import (
	"fmt"

	"github.com/mortondb/morton/internal/engine"
)

// replayLog applies all of the log where no raft will: the one of a standalone whose directory is started as a member of a set that is not initiated
// yet, all of which is committed, since nobody else had a vote; and the one of a member that is to be the whole set ([Node.forceReconfigure]).
func (n *Node) replayLog() error {
	next, last := max(n.engine.Applied().Index+1, n.file.FirstIndex()), n.file.LastIndex()
	for next <= last {
		list, err := n.file.Entries(next, last+1, replayBytes)
		if err != nil {
			return fmt.Errorf("node: replay the log: %w", err)
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

// firstTerm is the term that a log begins with: one later than those that the data directory has seen.
func (n *Node) firstTerm() uint64 { return max(n.engine.Applied().Term, n.file.State().Term) + 1 }
