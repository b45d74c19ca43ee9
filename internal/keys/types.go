package keys

import (
	"math"
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// The value of an index entry is the record id, followed by notes on what the key does not tell of the values, one byte for each field
// of the index; none at all if the key tells everything. With them, a query that needs nothing but indexed fields is answered from the
// index.

// Notes on a value in a key.
const (
	noteNothing byte = 0    // it is what DecodeValue says; a number is an int32
	noteDouble  byte = 1    // a double (BSON's type byte)
	noteInt64   byte = 0x12 // an int64
	noteMissing byte = 0xfe // there is no such field
	noteLost    byte = 0xff // only the document tells
)

// noteOn returns the note on the value of field i, which the entry's key has.
func (p *Pattern) noteOn(v document.Value) byte {
	switch v.Type {
	case document.TypeInt64:
		return noteInt64
	case document.TypeDouble:
		if f := v.Double(); f == 0 && math.Signbit(f) {
			return noteLost
		}
		return noteDouble
	case document.TypeMissing:
		return noteMissing
	case document.TypeString:
		if p.Collator == nil {
			return noteNothing
		}
		return noteLost
	case document.TypeInt32, document.TypeObjectID, document.TypeDate, document.TypeBool, document.TypeNull, document.TypeUndefined,
		document.TypeTimestamp, document.TypeBinary, document.TypeRegex, document.TypeMinKey, document.TypeMaxKey:
		return noteNothing
	}
	return noteLost
}

// EntryValue appends the value of entry i, which belongs to a record.
func (e *Entries) EntryValue(dst []byte, i int, rid uint64) []byte {
	return append(AppendRecordID(dst, rid), e.NotesAt(i)...)
}

// NotesAt returns the notes on the values of entry i; empty for none.
func (e *Entries) NotesAt(i int) []byte {
	start := 0
	if i > 0 {
		start = e.noteEnds[i-1]
	}
	return e.notes[start:e.noteEnds[i]]
}

// endNotes ends the notes of an entry, which stand from start on. If none says anything, there are none.
func (e *Entries) endNotes(start int) {
	if !slices.ContainsFunc(e.notes[start:], func(n byte) bool { return n != noteNothing }) {
		e.notes = e.notes[:start]
	}
}

// Reader takes the entries of an index apart.
type Reader struct {
	fields []Field
	notes  []byte
	rest   []byte
	at     int
}

// Read starts with an entry: its key behind the index's prefix, and its value.
func (r *Reader) Read(p *Pattern, key, value []byte) {
	r.fields, r.rest, r.at, r.notes = p.Fields, key, 0, nil
	if len(value) > 8 {
		r.notes = value[8:]
	}
}

// Next returns the next field's value, missing if the document has no such field. known is false if only the document tells what
// it is: then v is only equal to it, at best.
func (r *Reader) Next() (v document.Value, known bool, err error) {
	note := noteNothing
	if r.at < len(r.notes) {
		note = r.notes[r.at]
	}
	v, r.rest, err = DecodeValue(r.rest)
	dotted := r.fields[r.at].dotted
	r.at++
	switch {
	case err != nil || note == noteLost:
		return v, false, err
	case note == noteMissing:
		return document.Value{}, !dotted, nil // or what is on the way may be there
	case note == noteDouble && v.Type != document.TypeDouble:
		f, _ := v.AsFloat64()
		v = document.Double(f)
	case note == noteInt64 && v.Type != document.TypeInt64:
		n, _ := v.AsInt64()
		v = document.Int64(n)
	}
	return v, true, nil
}

// Raw returns the bytes of the next field's value.
func (r *Reader) Raw() ([]byte, error) {
	before := r.rest
	_, rest, err := DecodeValue(before)
	r.rest = rest
	r.at++
	return before[:len(before)-len(rest)], err
}
