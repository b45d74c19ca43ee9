package node

import (
	"fmt"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/replset"
)

// progressEvery is how often the log tells how far an initial sync is.
const progressEvery = 10 * time.Second

// initialSync is how far the data of another member has been received. MongoDB's name for it is initial sync, also when a member has data, but
// of a time that the log does not reach back to.
type initialSync struct {
	mu     sync.Mutex
	now    *peer.SnapshotProgress // nil: none runs
	failed int                    // attempts, since the last that succeeded
	logged time.Time
}

// onProgress hears of every piece of a snapshot, sent or received.
func (n *Node) onProgress(p peer.SnapshotProgress) {
	if p.Sending {
		n.logSent(p)
		return
	}
	s := &n.syncing
	s.mu.Lock()
	began := s.now == nil
	s.now = &p
	if !p.CompletedAt.IsZero() {
		s.now = nil
		if s.failed++; p.Err == nil {
			s.failed = 0
		}
	}
	tell := began || s.now == nil || time.Since(s.logged) >= progressEvery
	if tell {
		s.logged = time.Now()
	}
	s.mu.Unlock()
	if !tell {
		return
	}
	attrs := append([]any{"c", "INITSYNC", "id", 6015330, "from", n.hostOf(p.Peer)}, amounts(p)...)
	switch {
	case p.Err != nil:
		n.log.Warn("initial sync: the data did not arrive whole; what did is kept for the next attempt", append(attrs, "error", p.Err)...)
	case !p.CompletedAt.IsZero():
		n.log.Info("initial sync: the data has arrived", attrs...)
	default:
		n.log.Info("initial sync: receiving data", attrs...)
	}
	n.bump()
}

// logSent tells how sending ended.
func (n *Node) logSent(p peer.SnapshotProgress) {
	attrs := append([]any{"c", "INITSYNC", "id", 6015331, "to", n.hostOf(p.Peer)}, amounts(p)...)
	switch {
	case p.CompletedAt.IsZero():
	case p.Err != nil:
		n.log.Warn("initial sync: the data could not be sent whole", append(attrs, "error", p.Err)...)
	default:
		n.log.Info("initial sync: the data was sent", attrs...)
	}
}

func amounts(p peer.SnapshotProgress) []any {
	return []any{"bytes", p.BytesDone, "ofBytes", p.Bytes, "bytesKept", p.BytesKept, "files", p.FilesDone, "ofFiles", p.Files,
		"durationMillis", time.Since(p.StartedAt).Milliseconds()}
}

// describe tells a view that data is being received.
func (s *initialSync) describe(v *replset.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.now
	if p == nil {
		return
	}
	v.Info = fmt.Sprintf("initial sync: %d of %d MB received", p.BytesDone>>20, p.Bytes>>20)
	elapsed := time.Since(p.StartedAt)
	var b document.Builder
	b.AppendString("method", "fileCopyBased")
	b.AppendInt32("failedInitialSyncAttempts", int32(s.failed))
	b.AppendDate("initialSyncStart", p.StartedAt.UnixMilli())
	b.AppendInt64("totalInitialSyncElapsedMillis", elapsed.Milliseconds())
	if fresh := p.BytesDone - p.BytesKept; fresh > 0 {
		rest := float64(p.Bytes-p.BytesDone) / float64(fresh) * float64(elapsed)
		b.AppendInt64("remainingInitialSyncEstimatedMillis", time.Duration(rest).Milliseconds())
	}
	b.AppendInt64("approxTotalDataSize", p.Bytes)
	b.AppendInt64("approxTotalBytesCopied", p.BytesDone)
	v.InitSync = b.Finish()
}
