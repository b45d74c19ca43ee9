package oplog

import "github.com/mortondb/morton/internal/document"

// Documents calls yield with MongoDB's oplog documents of a group, in order, until it returns false: the form of
// local.oplog.rs as mongod 6.0 writes it ({op, ns, ui, o, o2, stmtId, ts, t, v, wall}, with lsid and txnNumber first for
// retryable writes). Internal operations have none.
func Documents(group []byte, term uint64, yield func(ts Timestamp, doc document.Doc) bool) error {
	r, err := NewReader(group)
	if err != nil {
		return err
	}
	h := &r.Header
	var op Op
	for ts := h.First; ; ts++ {
		more, err := r.Next(&op)
		if err != nil || !more {
			return err
		}
		if op.Kind == Internal {
			continue
		}
		if !yield(ts, entryDocument(h, &op, ts, term)) {
			return nil
		}
	}
}

func entryDocument(h *Header, op *Op, ts Timestamp, term uint64) document.Doc {
	b := document.NewBuilder(make([]byte, 0, 192+len(op.O)+len(op.O2)))
	if h.Session != nil {
		b.AppendDoc("lsid", h.Session.LSID)
		b.AppendInt64("txnNumber", h.Session.TxnNumber)
	}
	b.AppendString("op", string(rune(op.Kind)))
	b.AppendString("ns", h.Namespace)
	if h.UUID != [16]byte{} {
		b.AppendBinary("ui", 4, h.UUID[:])
	}
	o := op.O
	if o == nil {
		o = document.Empty
	}
	b.AppendDoc("o", o)
	switch {
	case op.O2 != nil:
		b.AppendDoc("o2", op.O2)
	case op.Kind == Insert:
		b.OpenDoc("o2")
		b.AppendValue("_id", o.Lookup("_id"))
		b.Close()
	}
	if op.Statement >= 0 {
		b.AppendInt32("stmtId", op.Statement)
	}
	b.AppendTimestamp("ts", uint64(ts))
	b.AppendInt64("t", int64(term))
	b.AppendInt64("v", 2)
	b.AppendDate("wall", h.Wall)
	return b.Finish()
}
