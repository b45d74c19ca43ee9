package wire

import (
	"bytes"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestLegacyRefusals shows which broken legacy messages end the connection and which only themselves.
func TestLegacyRefusals(t *testing.T) {
	name := []byte("test.c\x00")
	one := doc(`{"a": 1}`)
	tests := []struct {
		name    string
		message []byte
		fatal   bool
		code    int32
		text    string
	}{
		{"query: nothing", raw(OpQuery), true, 17, "ends too early"},
		{"query: name without end", raw(OpQuery, le32(0), []byte("test.c")), true, 17, "string without end"},
		{"query: no document", raw(OpQuery, le32(0), name, le32(0), le32(1)), false, 22, "at least 5 bytes"},
		{"query: bad document", raw(OpQuery, le32(0), name, le32(0), le32(1), badType), false, 22, "Client Error: bad object in message: "},
		{"query: deep", raw(OpQuery, le32(0), name, le32(0), le32(1), nested(201)), false, 15, "depth"},
		{"query: garbage behind", raw(OpQuery, le32(0), name, le32(0), le32(1), one, []byte{1}), false, 22, "Client Error"},
		{"getmore: cursor cut", raw(OpGetMore, le32(0), name, le32(0), le32(1)), true, 17, "ends too early"},
		{"insert: name without end", raw(OpInsert, le32(0), []byte("test.c")), true, 17, "string without end"},
		{"insert: second bad", raw(OpInsert, le32(0), name, one, badType), false, 22, "Client Error: bad object in message: "},
		{"insert: garbage behind", raw(OpInsert, le32(0), name, one, []byte{1, 2}), false, 22, "Client Error"},
		{"insert: too large", raw(OpInsert, le32(0), name, docOfSize(document.MaxInternalSize+1)), false, 10334, "First element: _id: 1"},
		{"insert: too many", raw(OpInsert, le32(0), name, bytes.Repeat(document.Empty, DocsMax+1)), false, 16, "Got 100001 operations."},
		{"update: no update", raw(OpUpdate, le32(0), name, le32(0), one), false, 22, ""},
		{"delete: no selector", raw(OpDelete, le32(0), name, le32(0)), false, 22, ""},
		{"killCursors: none", raw(OpKillCursors, le32(0), le32(0)), false, 16, ""},
		{"killCursors: negative", raw(OpKillCursors, le32(0), le32(0xffffffff)), false, 16, ""},
		{"killCursors: more than there are", raw(OpKillCursors, le32(0), le32(5), make([]byte, 8)), false, 16, ""},
		{"killCursors: too many", raw(OpKillCursors, le32(0), le32(30000), make([]byte, 8*30000)), false, 16, ""},
		{"killCursors: cut", raw(OpKillCursors, le32(0)), false, 15, ""},
		{"reply: wrong count", raw(OpReply, le32(0), make([]byte, 12), le32(2), one), true, 17, "says it has 2 documents, and has 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(tt.message)
			checkError(t, err, tt.fatal, tt.code, tt.text)
		})
	}
}
