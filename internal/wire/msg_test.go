package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/document"
)

// TestMsgRefusals holds what mongod 6.0.5 answers to malformed OP_MSGs (observed): a code, or nothing and the end of the
// connection (fatal).
func TestMsgRefusals(t *testing.T) {
	ping := doc(`{"ping": 1, "$db": "admin"}`)
	insert := doc(`{"insert": "c", "$db": "test"}`)
	one := doc(`{"a": 1}`)
	flags := func(f uint32) []byte { return le32(f) }
	none := flags(0)
	tests := []struct {
		name    string
		message []byte
		fatal   bool
		code    int32
		text    string // part of the message
	}{
		{"no flags", raw(OpMsg), true, 17, "too short"},
		{"unknown required bit 2", raw(OpMsg, flags(1<<2), body(ping)), true, 17, "required flag bits 0x4"},
		{"unknown required bit 15", raw(OpMsg, flags(1<<15), body(ping)), true, 17, "0x8000"},
		{"wrong checksum", raw(OpMsg, flags(1), body(ping), le32(0x04030201)), true, 17, "checksum does not match"},
		{"no room for a checksum", raw(OpMsg, flags(1)), true, 17, "too short for its checksum"},
		{"flags only", raw(OpMsg, none), false, 40587, "OP_MSG messages must have a body"},
		{"no body", raw(OpMsg, none, sequence("a", 0, one)), false, 40587, "must have a body"},
		{"two bodies", raw(OpMsg, none, body(ping), body(ping)), false, 40430, "Multiple body sections in message"},
		{"garbage behind the body", raw(OpMsg, none, body(ping), []byte{0, 0, 0}), false, 40430, "Multiple body"},
		{"security token", raw(OpMsg, none, []byte{2}, ping), false, 13, "Unsupported Security Token provided"},
		{"section kind 3", raw(OpMsg, none, []byte{3}, ping), false, 40432, "Unknown section kind 3"},
		{"same sequence twice", raw(OpMsg, none, body(insert), sequence("documents", 0, one), sequence("documents", 0, one)),
			false, 40431, "Duplicate document sequence: documents"},
		{"field in body and sequence", raw(OpMsg, none, body(doc(`{"insert":"c","documents":[]}`)), sequence("documents", 0, one)),
			false, 40433, "Duplicate field between body and document sequence documents"},
		{"sequence beyond the message", raw(OpMsg, none, body(insert), sequence("documents", 1000, one)),
			false, 15, "Invalid advance (996) past end of buffer[22] at offset: 0"},
		{"sequence of 3 bytes", raw(OpMsg, none, body(insert), sequence("documents", 3, one)),
			false, 15, "Invalid advance (4294967295) past end of buffer[22] at offset: 0"},
		{"sequence ends inside a document", raw(OpMsg, none, body(insert), sequence("documents", 16, one)),
			false, 22, "at least 5 bytes"},
		{"sequence size cut", raw(OpMsg, none, body(insert), []byte{1, 9, 0}), false, 15, "Invalid advance"},
		{"sequence name without end", raw(OpMsg, none, body(insert), []byte{1, 6, 0, 0, 0, 'a', 'b'}), false, 15, "name"},
		{"sequence with bad document", raw(OpMsg, none, body(insert), sequence("documents", 0, badType)), false, 22, ""},
		{"17 sequences", raw(OpMsg, none, body(insert), manySequences(17)), false, 15, "more than 16"},
		{"body with bad type", raw(OpMsg, none, body(badType)), false, 22, ""},
		{"body length 4", raw(OpMsg, none, []byte{0, 4, 0, 0, 0}, ping[4:]), false, 22, "at least 5 bytes"},
		{"body length too long", raw(OpMsg, none, []byte{0, 128, 0, 0, 0}, ping[4:]), false, 22, "Incorrect BSON length"},
		{"body length negative", raw(OpMsg, none, []byte{0, 255, 255, 255, 255}, ping[4:]), false, 22, "at least 5 bytes"},
		{"201 levels below", raw(OpMsg, none, body(nested(201))), false, 15, "BSONObj exceeds maximum nested object depth in element with field name"},
		{"10000 levels below", raw(OpMsg, none, body(nested(10000))), false, 15, "BSONObj exceeds maximum nested object depth in element with field name"},
		{"document of 16 MB + 16 KB + 1", raw(OpMsg, none, body(insert), sequence("documents", 0, docOfSize(document.MaxInternalSize+1))),
			false, 10334, "BSONObj size: 16793601 (0x1004001) is invalid. Size must be between 0 and 16793600(16MB) First element: _id: 1"},
		{"100001 documents", raw(OpMsg, none, body(insert), sequence("documents", 0, manyDocs(DocsMax+1)...)),
			false, 16, "Write batch sizes must be between 1 and 100000. Got 100001 operations."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Msg
			checkError(t, m.Parse(tt.message), tt.fatal, tt.code, tt.text)
		})
	}
}

// TestMsgAcceptance holds what is unusual and right.
func TestMsgAcceptance(t *testing.T) {
	insert := doc(`{"insert": "c", "$db": "test"}`)
	docs := []document.Doc{doc(`{"a": 1}`), doc(`{"a": 2}`)}
	tests := []struct {
		name    string
		message []byte
		want    Msg
	}{
		{"unknown optional flag bit", raw(OpMsg, le32(1<<17), body(insert)), Msg{Flags: 1 << 17, Body: insert}},
		{"sequence before the body", raw(OpMsg, le32(0), sequence("documents", 0, docs...), body(insert)),
			Msg{Body: insert, Sequences: []Sequence{{"documents", docs}}}},
		{"empty sequence", raw(OpMsg, le32(0), body(insert), sequence("documents", 0)),
			Msg{Body: insert, Sequences: []Sequence{{"documents", nil}}}},
		{"200 levels below", raw(OpMsg, le32(0), body(nested(200))), Msg{Body: nested(200)}},
		{"document of 16 MB + 16 KB", raw(OpMsg, le32(0), body(docOfSize(document.MaxInternalSize))),
			Msg{Body: docOfSize(document.MaxInternalSize)}},
	}
	var got Msg // one for all: reuse must not let anything through from the one before
	for _, tt := range tests {
		if err := got.Parse(tt.message); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got, equalDocs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
