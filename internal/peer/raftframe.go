package peer

import (
	"encoding/binary"
	"math"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/invariant"
)

const flagReject = 1

// writeRaft adds a frame with a raft message. The entries' data is not copied if it is large.
func (w *frameWriter) writeRaft(m *raftpb.Message) {
	w.open(frameRaft)
	flags := byte(0)
	if m.Reject {
		flags |= flagReject
	}
	b := append(w.buf, byte(m.Type), flags)
	for _, v := range [...]uint64{m.Term, m.LogTerm, m.Index, m.Commit, m.RejectHint, uint64(len(m.Context)), uint64(len(m.Entries))} {
		b = binary.AppendUvarint(b, v)
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		invariant.Check(e.Index == m.Index+1+uint64(i), "entry %d of a message behind %d has index %d", i, m.Index, e.Index)
		b = binary.AppendUvarint(b, e.Term)
		b = append(b, byte(e.Type))
		b = binary.AppendUvarint(b, uint64(len(e.Data)))
	}
	w.buf = append(b, m.Context...)
	for i := range m.Entries {
		w.ref(m.Entries[i].Data)
	}
	w.close()
}

// parseRaft decodes a raft message from one member to another. Its entries alias b.
func parseRaft(b []byte, from, to uint64) (raftpb.Message, error) {
	d := decoder{rest: b}
	m := raftpb.Message{From: from, To: to}
	m.Type = raftpb.MessageType(d.byte())
	flags := d.byte()
	if flags&^flagReject != 0 {
		d.fail("flags %x", flags)
	}
	m.Reject = flags&flagReject != 0
	m.Term, m.LogTerm, m.Index, m.Commit, m.RejectHint = d.uvarint(), d.uvarint(), d.uvarint(), d.uvarint(), d.uvarint()
	context, count := d.uvarint(), d.uvarint()
	if count > uint64(len(d.rest))/3 || m.Index > math.MaxUint64-1-count { // an entry has three bytes at least
		d.fail("%d entries behind %d", count, m.Index)
		return m, d.err
	}
	sizes := make([]uint64, count)
	if count > 0 {
		m.Entries = make([]raftpb.Entry, count)
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		e.Index = m.Index + 1 + uint64(i)
		e.Term = d.uvarint()
		e.Type = raftpb.EntryType(d.byte())
		sizes[i] = d.uvarint()
	}
	if context > 0 {
		m.Context = d.bytes(context)
	}
	for i := range m.Entries {
		if sizes[i] > 0 {
			m.Entries[i].Data = d.bytes(sizes[i])
		}
	}
	return m, d.end()
}
