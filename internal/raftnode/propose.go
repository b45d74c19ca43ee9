package raftnode

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/oplog"
)

// gatherDelay is how long groups that nobody waits for are gathered, so that many of them share an entry and an fsync.
const gatherDelay = time.Millisecond

// urgentBytes is how much gathers before somebody who is going to wait for more than that, such as a large insert in
// many groups, is helped on its way.
const urgentBytes = 64 << 10

// group is what one Append brought.
type group struct {
	data []byte
	last oplog.Timestamp
}

// pending are the groups that were appended and are not yet in raft's log.
type pending struct {
	mu     sync.Mutex
	term   uint64 // appends are taken, for this term of leadership; else 0
	groups []group
	spare  []group // the slice taken before, to be filled next
	bytes  int64

	some    atomic.Bool // groups is not empty
	writing atomic.Bool // the log writer is at work and will flush when it is done
}

// open lets appends in.
func (p *pending) open(term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term = term
	p.dropLocked()
}

// close drops what has not been proposed and everything that still comes.
func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term = 0
	p.dropLocked()
}

func (p *pending) dropLocked() {
	clear(p.groups)
	p.groups, p.bytes = p.groups[:0], 0
	p.some.Store(false)
}

func (p *pending) size() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// add takes a group, and returns how many bytes have gathered; 0 if it was dropped.
func (p *pending) add(data []byte, last oplog.Timestamp) (bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term == 0 {
		return 0
	}
	p.groups = append(p.groups, group{data, last})
	p.bytes += int64(len(data))
	p.some.Store(true)
	return p.bytes
}

// take returns all groups and the term they belong to. They are valid until the next call.
func (p *pending) take() ([]group, uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups := p.groups
	clear(p.spare)
	p.groups, p.spare, p.bytes = p.spare[:0], groups, 0
	p.some.Store(false)
	return groups, p.term
}

// Append hands over a group of operations whose last timestamp is last. It never blocks for IO. It is called in the order
// of timestamps, only between BecomePrimary and StepDown; a group that comes when leadership is already lost is dropped, and
// whoever waits for it gets ErrNotPrimary. The node keeps data.
//
// An urgent group is proposed by whoever waits for it first, outside the caller's lock (and from the clock, should nobody
// come); but while the log writer is at work it waits for that to be done, for up to a millisecond: many groups then share an
// entry and an fsync. The others are gathered for up to a millisecond, unless none was proposed in the last one.
func (n *Node) Append(data []byte, last oplog.Timestamp, urgent bool) {
	bytes := n.pending.add(data, last)
	if bytes == 0 {
		return
	}
	if !urgent || bytes >= urgentBytes {
		n.wakeGatherer()
	}
}

func (n *Node) wakeGatherer() {
	select {
	case n.gather <- struct{}{}:
	default:
	}
}

// gatherLoop proposes groups that nobody waits for.
func (n *Node) gatherLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var flushed time.Time
	for {
		select {
		case <-n.gather:
		case <-n.done:
			return
		}
		wait := gatherDelay - time.Since(flushed)
		if n.pending.writing.Load() {
			wait = gatherDelay
		}
		if wait > 0 && n.pending.size() < maxEntryBytes {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-n.done:
				return
			}
		}
		flushed = time.Now()
		n.flush()
	}
}

// flush proposes the pending groups. Many may call it at a time: those who wait for the one at work find their groups proposed. It may return while
// somebody else, who has taken the groups, is about to propose them.
func (n *Node) flush() {
	if n.pending.some.Load() {
		n.flushAll()
	}
}

// flushAll is flush for those who count on it that everything appended before is in raft's log, or lost with the leadership, when it returns.
func (n *Node) flushAll() {
	n.proposing.Lock()
	defer n.proposing.Unlock()
	groups, term := n.pending.take()
	if len(groups) == 0 {
		return
	}
	entries, list := pack(groups)
	invariant.Yield()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped != nil || n.leading != term || term == 0 {
		return // lost with the leadership, and so are those who wait
	}
	n.proposeLocked(entries, list)
}

// pack makes entries of groups: up to maxEntryBytes in each. A group that is alone in its entry is not copied.
func pack(groups []group) ([]raftpb.Entry, []oplog.Timestamp) {
	var entries []raftpb.Entry
	var list []oplog.Timestamp
	for len(groups) > 0 {
		k, size := 1, len(groups[0].data)
		for k < len(groups) && size+len(groups[k].data) <= maxEntryBytes {
			size += len(groups[k].data)
			k++
		}
		data := groups[0].data
		if k > 1 {
			data = make([]byte, 0, size)
			for _, g := range groups[:k] {
				data = append(data, g.data...)
			}
		}
		entries = append(entries, raftpb.Entry{Data: data})
		list = append(list, groups[k-1].last)
		groups = groups[k:]
	}
	return entries, list
}

// proposeLocked gives entries to raft, which sends them to the other members and to the log writer at the same time.
//
// Raft refuses a proposal of a leader only while that hands over, and then StepDown has
// been called before. Should it happen nevertheless the entries must not be skipped, for those
// that follow would be applied without them: leadership is given up, and everybody who waits learns it.
func (n *Node) proposeLocked(entries []raftpb.Entry, list []oplog.Timestamp) {
	err := n.raw.Step(raftpb.Message{Type: raftpb.MsgProp, From: n.opts.ID, Entries: entries})
	if err != nil {
		n.log.Warn("the log refused a proposal; stepping down", "error", err)
		n.abdicateLocked()
		return
	}
	// Raft has filled in the indexes.
	n.marked = markedEntries{first: entries[0].Index, last: entries[len(entries)-1].Index}
	for i := range entries {
		n.marked.list = append(n.marked.list, mark{entries[i].Index, list[i]})
		n.unapplied += int64(len(entries[i].Data))
	}
	n.readyLocked()
}

// WaitDurable waits until the log on this node's disk has everything up to op.TS.
//
// This and the other waits are for what the caller saw in the state of this node while that was primary: op.Term is the term it was
// primary of then, which is the term of an operation that it wrote. If it no longer is, they fail with
// [ErrNotPrimary], also when it is primary again: the log may then pass op.TS without the operation, since another primary may have used the
// same timestamp.
func (n *Node) WaitDurable(ctx context.Context, op oplog.OpTime) error {
	return n.wait(ctx, levelDurable, op, 0)
}

// WaitCommitted waits until a majority has everything up to op.TS on disk.
func (n *Node) WaitCommitted(ctx context.Context, op oplog.OpTime) error {
	return n.wait(ctx, levelCommitted, op, 0)
}

// WaitReplicated waits until count members that hold data, this one included, have everything up to op.TS on disk.
func (n *Node) WaitReplicated(ctx context.Context, op oplog.OpTime, count int) error {
	return n.wait(ctx, levelReplicated, op, count)
}

// WaitSpread waits until members as d demands, this one included, have everything up to op.TS on disk. name stands for the demand, also
// for other waits. It fails with [ErrMembersChanged] if these are not of the given generation (any more), which [Node.Generation] had told before the
// demand was made.
func (n *Node) WaitSpread(ctx context.Context, op oplog.OpTime, name string, d Demand, generation uint64) error {
	n.hurry()
	return n.water.waitSpread(ctx, op.TS, name, d, op.Term, generation)
}

// Generation counts the changes of the members.
func (n *Node) Generation() uint64 {
	n.water.mu.Lock()
	defer n.water.mu.Unlock()
	return n.water.generation
}

func (n *Node) wait(ctx context.Context, l level, op oplog.OpTime, count int) error {
	n.hurry()
	return n.water.wait(ctx, l, op.TS, count, op.Term)
}

// hurry sees to it that what was appended is proposed: somebody waits for it.
func (n *Node) hurry() {
	if !n.pending.writing.Load() {
		n.flush()
	} else if n.pending.some.Load() {
		n.wakeGatherer() // the log writer will flush when it is done, unless the disk is slow
	}
}
