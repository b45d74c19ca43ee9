package mongoerr

import (
	"strconv"

	"github.com/mortondb/morton/internal/document"
)

// The three places of an error in a reply, in the field order of mongod 6.0.5.

// AppendTo appends the fields of a failed command: errorLabels, ok 0, errmsg, code, codeName, and the further fields.
// (mongod puts topologyVersion between the first two; who has one appends it before or uses the two halves
// AppendLabels and AppendStatus.)
func (e *Error) AppendTo(b *document.Builder) {
	e.AppendLabels(b)
	e.AppendStatus(b)
}

// AppendLabels appends errorLabels, if there are any.
func (e *Error) AppendLabels(b *document.Builder) {
	if len(e.Labels) == 0 {
		return
	}
	b.OpenArray("errorLabels")
	for i, l := range e.Labels {
		b.AppendString(strconv.Itoa(i), l)
	}
	b.Close()
}

// AppendStatus appends ok 0, errmsg, code, codeName, and the further fields. A few of mongod's oldest errors have no code.
func (e *Error) AppendStatus(b *document.Builder) {
	b.AppendDouble("ok", 0)
	b.AppendString("errmsg", e.Message)
	if e.Code != NoCode {
		b.AppendInt32("code", int32(e.Code))
		b.AppendString("codeName", e.Code.Name())
	}
	e.appendExtra(b)
}

// AppendWriteError appends the fields of an element of writeErrors: index, code, errmsg, and the further fields.
func (e *Error) AppendWriteError(b *document.Builder, index int) {
	b.AppendInt32("index", int32(index))
	b.AppendInt32("code", int32(e.Code))
	b.AppendString("errmsg", e.Message)
	e.appendExtra(b)
}

// AppendWriteConcernError appends the fields of writeConcernError: code, codeName, errmsg, and the further fields.
func (e *Error) AppendWriteConcernError(b *document.Builder) {
	b.AppendInt32("code", int32(e.Code))
	b.AppendString("codeName", e.Code.Name())
	b.AppendString("errmsg", e.Message)
	e.appendExtra(b)
}

func (e *Error) appendExtra(b *document.Builder) {
	for it := e.Extra.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
}
