package morton

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// UpdateResult is what updates and replacements did.
type UpdateResult struct {
	Matched    int64
	Modified   int64
	Upserted   int64
	UpsertedID any // of the document that was inserted, if one was
}

// statement is one write of a command: what it says, and whether it may be sent again.
type statement struct {
	kind  writeKind
	index int  // among the writes of the call
	multi bool // it can hit several documents, and has no number by which the server would know it again
}

type writeKind uint8

const (
	insertKind writeKind = iota
	updateKind
	deleteKind
)

var writeNames = [...]struct{ command, sequence string }{insertKind: {"insert", "documents"}, updateKind: {"update", "updates"}, deleteKind: {"delete", "deletes"}}

// writeOptions are what all writes of a call share.
type writeOptions struct {
	unordered bool
	bypass    bool
	comment   any
	let       any
}

// Limits of messages where no server has told its own yet; those of all servers since MongoDB 3.6.
const (
	documentMax = 16 << 20
	messageMax  = 48_000_000
	batchMax    = 100_000
	messageRoom = 16 << 10 // for what is in a message beside the documents
)

// begin begins a command of writes.
func (c *Collection[T]) begin(kind writeKind, o *writeOptions) (*request, error) {
	r := c.request(writeNames[kind].command)
	r.sequence, r.docs = writeNames[kind].sequence, r.docs[:0]
	r.write, r.retry = true, retryWrite
	r.body.AppendBool("ordered", !o.unordered)
	if o.bypass && kind != deleteKind {
		r.body.AppendBool("bypassDocumentValidation", true)
	}
	err := r.comment(o.comment)
	if err == nil && kind != insertKind {
		err = r.document("let", o.let)
	}
	if err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

// writes sends statements of one kind, in as many commands as the server's limits ask for. next appends statement i to the buffer. What was
// done is added to result; done says that nothing is to follow.
func (c *Collection[T]) writes(ctx context.Context, kind writeKind, list []statement, next func(dst []byte, i int) ([]byte, error), o *writeOptions, result *BulkResult, failed *WriteError) (done bool, err error) {
	for sent := 0; sent < len(list); {
		r, err := c.begin(kind, o)
		if err != nil {
			return true, err
		}
		n, err := r.fill(list[sent:], func(dst []byte, i int) ([]byte, error) { return next(dst, sent+i) })
		if err == nil {
			err = r.sendWrites(ctx, list[sent:sent+n], result, failed)
		}
		r.free()
		if err != nil {
			result.forget(list[sent:], 0)
			return true, err
		}
		if n := len(failed.Failures); n > 0 && !o.unordered {
			result.forget(list[sent:], failed.Failures[n-1].Index)
			return true, nil
		}
		sent += n
	}
	return false, nil
}

// forget drops the ids of those of the list's documents, from one on, that were not inserted, or of which nobody knows.
func (b *BulkResult) forget(list []statement, from int) {
	for _, s := range list {
		if s.index >= from {
			delete(b.InsertedIDs, s.index)
		}
	}
}

// fill appends as many statements as one command can have, and says how many.
func (r *request) fill(list []statement, next func(dst []byte, i int) ([]byte, error)) (n int, err error) {
	maxDocument, maxMessage, maxBatch := r.client.limits()
	room := min(maxMessage-messageRoom-r.body.Size(), maxMessage)
	for n < len(list) && n < maxBatch {
		size := len(r.docs)
		if r.docs, err = next(r.docs, n); err != nil {
			return 0, err
		}
		if one := len(r.docs) - size; one > maxDocument+messageRoom || one > maxDocument && list[n].kind == insertKind {
			return 0, fmt.Errorf("morton: write %d has %d bytes; the server takes documents of %d", list[n].index, one, maxDocument)
		}
		if len(r.docs) > room && n > 0 {
			r.docs = r.docs[:size]
			break
		}
		if list[n].multi {
			r.retry = retryNever
		}
		n++
	}
	return n, nil
}

// limits returns the primary's, or the usual ones.
func (c *Client) limits() (maxDocument, maxMessage, maxBatch int) {
	for _, s := range c.topology.view.Load().Servers {
		if s.Kind.DataBearing() && s.MaxMessageSize > 0 {
			return s.MaxDocumentSize, s.MaxMessageSize, s.MaxWriteBatch
		}
	}
	return documentMax, messageMax, batchMax
}

// sendWrites sends a command of writes and adds what it did to result and failed.
func (r *request) sendWrites(ctx context.Context, list []statement, result *BulkResult, failed *WriteError) error {
	r.mute = r.concerns.unanswered(ctx)
	reply, err := r.run(ctx)
	if r.mute {
		return err
	}
	result.Acknowledged = true
	if err != nil {
		var concern *WriteError
		if !errors.As(err, &concern) || concern.Concern == nil || len(concern.Raw) == 0 {
			return err
		}
		reply = document.Doc(concern.Raw) // the writes were done
		r.answer.concern, r.answer.labels = reply.Lookup("writeConcernError"), reply.Lookup("errorLabels")
	}
	r.addWrites(reply, list, result, failed)
	return nil
}

func (r *request) addWrites(reply document.Doc, list []statement, result *BulkResult, failed *WriteError) {
	var n, modified int64
	var upserted int64
	before := len(failed.Failures)
	for it := reply.Iter(); it.Next(); {
		switch it.Key() {
		case "n":
			n, _ = it.Value().AsInt64()
		case "nModified":
			modified, _ = it.Value().AsInt64()
		case "upserted":
			for u := it.Value().Doc().Iter(); u.Next(); {
				upserted++
				d := u.Value().Doc()
				at, _ := d.Lookup("index").AsInt64()
				id, err := r.client.codec.decodeValue(d.Lookup("_id"))
				if err != nil || at < 0 || int(at) >= len(list) {
					continue
				}
				if result.UpsertedIDs == nil {
					result.UpsertedIDs = map[int]any{}
				}
				result.UpsertedIDs[list[at].index] = id
			}
		case "writeErrors":
			failed.Failures = append(failed.Failures, writeFailures(it.Value(), 0)...)
		}
	}
	for i := before; i < len(failed.Failures); i++ {
		if at := failed.Failures[i].Index; at >= 0 && at < len(list) {
			failed.Failures[i].Index = list[at].index
			delete(result.InsertedIDs, list[at].index)
		}
	}
	if len(failed.Failures) > before || r.answer.concern.Type == document.TypeDocument {
		failed.Raw = bson.Raw(reply.Clone())
		failed.Labels = append(failed.Labels, r.labels(r.desc.MaxWire, mongoerr.Code(0))...)
	}
	if r.answer.concern.Type == document.TypeDocument && failed.Concern == nil {
		failed.Concern = concernFailure(r.answer.concern)
	}
	switch r.name {
	case "insert":
		result.Inserted += n
	case "update":
		result.Matched += n - upserted
		result.Modified += modified
		result.Upserted += upserted
	case "delete":
		result.Deleted += n
	}
}

// withID returns d with an _id, made here if it has none, as its first field.
func withID(d document.Doc) (whole document.Doc, id document.Value) {
	if id = d.Lookup("_id"); id.Type != document.TypeMissing {
		return d, id
	}
	b := document.NewBuilder(make([]byte, 0, len(d)+17))
	b.AppendObjectID("_id", document.NewObjectID())
	whole = b.Finish()
	whole = append(whole[:len(whole)-1], d[4:]...)
	binary.LittleEndian.PutUint32(whole, uint32(len(whole)))
	return whole, whole.First().Value
}

// update appends an update's document of operators, or its pipeline.
func (r *request) update(key string, update any) error {
	return appendUpdate(r.client.codec, &r.body, key, update)
}

// replacement appends a whole document.
func (r *request) replacement(key string, doc any) error {
	return appendReplacement(r.client.codec, &r.body, key, doc)
}

func appendUpdate(c codec, b *document.Builder, key string, update any) error {
	v, err := c.marshalValue(update)
	if raw, ok := update.(bson.Raw); ok {
		v, err = document.Doc(raw).AsValue(), checkDocument(raw)
	}
	switch {
	case err != nil:
		return err
	case v.Type == document.TypeArray:
	case v.Type != document.TypeDocument:
		return fmt.Errorf("morton: an update is a document of operators or a pipeline, not a %T", update)
	case v.Doc().IsEmpty():
		return fmt.Errorf("morton: the update is empty")
	case !bytes.HasPrefix([]byte(v.Doc().First().Key), []byte("$")):
		return fmt.Errorf("morton: an update's first field is an operator such as $set, not %q; a whole document is for the Replace methods", v.Doc().First().Key)
	}
	b.AppendValue(key, v)
	return nil
}

func appendReplacement(c codec, b *document.Builder, key string, doc any) error {
	d, err := c.marshal(doc)
	if err != nil {
		return err
	}
	if first := d.First().Key; len(first) > 0 && first[0] == '$' {
		return fmt.Errorf("morton: a replacement is a whole document, its first field cannot be the operator %q; those are for the Update methods", first)
	}
	b.AppendDoc(key, d)
	return nil
}
