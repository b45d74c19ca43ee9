package document

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Validate checks that b is exactly one well-formed BSON document: every length fits, every string ends with a zero, booleans are 0 or 1, types are known,
// and no more than maxDepth documents stand inside each other, the outermost counted. It is as lenient as mongod: strings need not be UTF-8, an array's keys
// need not be numbers, nor need binary data hold what its subtype says.
//
// The error reads like mongod's. It is a [*TooDeepError], or wraps [ErrCorrupt].
func Validate(b []byte, maxDepth int) error {
	p := validateOuter(b, maxDepth)
	if p == nil {
		return nil
	}
	text := fmt.Sprintf("%s in element with field name '%s' in object with %s", p.what, p.fieldName(), p.id(Doc(b)))
	if p.tooDeep {
		return &TooDeepError{Max: maxDepth, message: text}
	}
	return &invalidError{text}
}

// TooDeepError says that a document is nested deeper than allowed.
type TooDeepError struct {
	Max     int // what was allowed
	message string
}

func (e *TooDeepError) Error() string { return e.message }

// invalidError is an error with mongod's text that is an ErrCorrupt.
type invalidError struct{ message string }

func (e *invalidError) Error() string { return e.message }
func (e *invalidError) Unwrap() error { return ErrCorrupt }

// problem is what is wrong with a document, and where.
type problem struct {
	what    string
	tooDeep bool
	path    [][]byte // field names, innermost first; none if it is the outermost document itself
	after   int      // how many bytes of the outermost document come after the element
}

// What mongod says is wrong.
const (
	tooShort      = "BSON data has to be at least 5 bytes"
	wrongLength   = "Incorrect BSON length"
	notTerminated = "BSON object not terminated with EOO"
	tooDeep       = "BSONObj exceeds maximum nested object depth"
	nestedShort   = "Nested BSON object has to be at least 5 bytes"
	nestedLength  = "incorrect BSON length"
	pastTheEnd    = "BSON size is larger than buffer size"
	stringEnd     = "Not null terminated string"
	badBool       = "BSON bool is neither false nor true"
)

func validateOuter(b []byte, maxDepth int) *problem {
	switch {
	case len(b) < 5:
		return &problem{what: tooShort}
	case int(int32(binary.LittleEndian.Uint32(b))) != len(b):
		return &problem{what: wrongLength}
	case b[len(b)-1] != 0:
		return &problem{what: notTerminated}
	}
	return validateFields(b, maxDepth)
}

// validateFields checks the fields of a document whose length and last byte are right.
func validateFields(d Doc, depth int) *problem {
	if depth <= 0 {
		return &problem{what: tooDeep, tooDeep: true}
	}
	var key []byte
	for rest := d[4 : len(d)-1]; len(rest) > 0; {
		t := Type(rest[0])
		if t == 0 { // the document ends before its length says so
			return &problem{what: nestedLength, path: [][]byte{key}, after: len(rest)}
		}
		end := bytes.IndexByte(rest[1:], 0)
		if end < 0 {
			return &problem{what: pastTheEnd, path: [][]byte{rest[1:]}, after: len(rest)}
		}
		key = rest[1 : 1+end]
		body := rest[end+2:]
		n := valueLen(t, body)
		if n < 0 || n > len(body) {
			return &problem{what: whyNoValue(t, body), path: [][]byte{key}, after: len(rest)}
		}
		if p := validateValue(t, body[:n], depth); p != nil {
			p.path = append(p.path, key)
			p.after = len(rest)
			return p
		}
		rest = body[n:]
	}
	return nil
}

// whyNoValue says why there is no value of type t at the start of b.
func whyNoValue(t Type, b []byte) string {
	if !t.known() {
		return fmt.Sprintf("Unrecognized BSON type %d", byte(t))
	}
	n := -1
	if len(b) >= 4 {
		n = int(int32(binary.LittleEndian.Uint32(b)))
	}
	switch t {
	case TypeString, TypeCode, TypeSymbol, TypeDBPointer:
		if n == 0 {
			return stringEnd
		}
	case TypeDocument, TypeArray, TypeCodeWithScope:
		if n >= 0 && n < 5 {
			return nestedShort
		}
	}
	return pastTheEnd
}

// validateValue checks a value whose length fits its type.
func validateValue(t Type, b []byte, depth int) *problem {
	switch t {
	case TypeString, TypeCode, TypeSymbol:
		if b[len(b)-1] != 0 {
			return &problem{what: stringEnd}
		}
	case TypeDBPointer:
		if b[len(b)-13] != 0 {
			return &problem{what: stringEnd}
		}
	case TypeBool:
		if b[0] > 1 {
			return &problem{what: badBool}
		}
	case TypeDocument, TypeArray:
		if b[len(b)-1] != 0 {
			return &problem{what: nestedLength}
		}
		return validateFields(b, depth-1)
	case TypeCodeWithScope:
		return validateCodeWithScope(b, depth)
	}
	return nil
}

func validateCodeWithScope(b []byte, depth int) *problem {
	if len(b) < 14 {
		return &problem{what: nestedShort}
	}
	code := length(b[4:])
	switch {
	case code < 1 || 8+code+5 > len(b):
		return &problem{what: pastTheEnd}
	case b[8+code-1] != 0:
		return &problem{what: stringEnd}
	}
	scope := b[8+code:]
	if length(scope) != len(scope) || scope[len(scope)-1] != 0 {
		return &problem{what: nestedLength}
	}
	p := validateFields(scope, depth-2) // for mongod the scope is a field without a name in a document of its own
	if p != nil {
		p.path = append(p.path, nil)
	}
	return p
}

// fieldNameMax bounds field name and _id in an error, in bytes. mongod has no bound.
const fieldNameMax = 4096

func (p *problem) fieldName() string {
	if len(p.path) == 0 {
		return "?"
	}
	slices.Reverse(p.path)
	name := bytes.Join(p.path, []byte{'.'})
	return string(name[:min(len(name), fieldNameMax)])
}

// id names the document by its _id, if that comes before the element and is no document.
func (p *problem) id(d Doc) string {
	if len(p.path) == 0 {
		return "unknown _id"
	}
	for it := (Iter{rest: d[4 : len(d)-1-p.after]}); it.Next(); {
		if it.Key() != "_id" || it.val.Type == TypeDocument || it.val.Type == TypeArray {
			continue
		}
		text := it.val.Shell()
		return "_id: " + text[:min(len(text), fieldNameMax)]
	}
	return "unknown _id"
}
