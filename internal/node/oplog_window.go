package node

import (
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/oplog"
)

// oplogWindow is how much of the log is kept: so many bytes, and all of the last so long a time.
type oplogWindow struct {
	bytes, retention atomic.Int64
}

func (n *Node) openWindow(id *identity) {
	n.window.bytes.Store(n.opts.OplogBytes)
	if id.OplogBytes > 0 {
		n.window.bytes.Store(id.OplogBytes)
	}
	n.window.retention.Store(int64(n.opts.OplogRetention))
}

// OplogBytes returns how much of the log is kept.
func (n *Node) OplogBytes() int64 { return n.window.bytes.Load() }

// ResizeOplog changes how much of the log is kept. As in mongod the size outlasts a restart, the time does not.
func (n *Node) ResizeOplog(bytes int64, retention time.Duration) error {
	if bytes > 0 {
		if err := n.changeIdentity(func(id *identity) { id.OplogBytes = bytes }); err != nil {
			return err
		}
		n.window.bytes.Store(bytes)
	}
	if retention >= 0 {
		n.window.retention.Store(int64(retention))
	}
	n.log.Info("the log is kept in another size", "c", "REPL", "id", 6015340, "bytes", n.window.bytes.Load(), "retention", time.Duration(n.window.retention.Load()))
	return nil
}

// behindOplog returns the last entry that need not be kept; 0 if there is none.
func (n *Node) behindOplog() uint64 {
	kept, retention := int64(0), time.Duration(n.window.retention.Load())
	segments := n.file.Segments()
	for i := len(segments) - 1; i >= 0; i-- {
		if last := segments[i].LastIndex; kept >= n.window.bytes.Load() && (retention == 0 || n.olderThan(last, retention)) {
			return last
		}
		kept += segments[i].Bytes
	}
	return 0
}

// olderThan reports whether an entry of the log is known to be older than d.
func (n *Node) olderThan(index uint64, d time.Duration) bool {
	list, err := n.file.Entries(index, index+1, 0)
	if err != nil || len(list) != 1 || list[0].Type != groupsEntry {
		return false
	}
	_, last, err := oplog.Span(list[0].Data)
	return err == nil && last != 0 && time.Since(last.Time()) > d
}
