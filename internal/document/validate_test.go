package document

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// raw builds a document of these fields, which need not be right.
func raw(fields ...[]byte) []byte {
	d := append([]byte{0, 0, 0, 0}, bytes.Join(fields, nil)...)
	d = append(d, 0)
	binary.LittleEndian.PutUint32(d, uint32(len(d)))
	return d
}

// field is one field: type, name, and the value's bytes in hexadecimal.
func field(t Type, name, value string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(value, " ", ""))
	if err != nil {
		panic(err)
	}
	return nested(t, name, b)
}

func nested(t Type, name string, value []byte) []byte {
	return append(append(append([]byte{byte(t)}, name...), 0), value...)
}

func nestedHex(d []byte) string { return hex.EncodeToString(d) }

// TestValidateValues has one field of each kind of mistake, and what is none. Which of them a mongod 6.0.5 takes, and the words in which it refuses the others, were
// observed as the field "comment" of a ping.
func TestValidateValues(t *testing.T) {
	empty := nestedHex(raw())
	for _, c := range []struct {
		name string
		t    Type
		hex  string
		want string // beginning of the error; "" if valid
	}{
		{"string", TypeString, "02000000 61 00", ""},
		{"empty string", TypeString, "01000000 00", ""},
		{"string not UTF-8", TypeString, "02000000 ff 00", ""},
		{"string with zero", TypeString, "03000000 00 61 00", ""},
		{"string without zero", TypeString, "02000000 61 62", "Not null terminated string"},
		{"string of length 0", TypeString, "00000000", "Not null terminated string"},
		{"string of length -1", TypeString, "ffffffff", "BSON size is larger than buffer size"},
		{"string too long", TypeString, "ff000000 61 00", "BSON size is larger than buffer size"},
		{"string one too long", TypeString, "03000000 61 00", "BSON size is larger than buffer size"},
		{"string cut in its length", TypeString, "0200", "BSON size is larger than buffer size"},
		{"symbol", TypeSymbol, "02000000 61 00", ""},
		{"symbol without zero", TypeSymbol, "02000000 61 62", "Not null terminated string"},
		{"code", TypeCode, "02000000 61 00", ""},
		{"code without zero", TypeCode, "02000000 61 62", "Not null terminated string"},

		{"double", TypeDouble, "000000000000f03f", ""},
		{"double cut", TypeDouble, "0000f03f", "BSON size is larger than buffer size"},
		{"int32", TypeInt32, "01000000", ""},
		{"int32 cut", TypeInt32, "010000", "BSON size is larger than buffer size"},
		{"int64 cut", TypeInt64, "01000000 000000", "BSON size is larger than buffer size"},
		{"date", TypeDate, "ffffffffffffffff", ""},
		{"timestamp", TypeTimestamp, "ffffffffffffffff", ""},
		{"objectId", TypeObjectID, "ffffffffffffffffffffffff", ""},
		{"objectId cut", TypeObjectID, "ffffffffffffffffffffff", "BSON size is larger than buffer size"},
		{"decimal", TypeDecimal128, strings.Repeat("00", 16), ""},
		{"decimal cut", TypeDecimal128, strings.Repeat("00", 15), "BSON size is larger than buffer size"},
		{"true", TypeBool, "01", ""},
		{"false", TypeBool, "00", ""},
		{"boolean 2", TypeBool, "02", "BSON bool is neither false nor true"},
		{"boolean 255", TypeBool, "ff", "BSON bool is neither false nor true"},
		{"boolean cut", TypeBool, "", "BSON size is larger than buffer size"},
		{"null", TypeNull, "", ""},
		{"undefined", TypeUndefined, "", ""},
		{"minKey", TypeMinKey, "", ""},
		{"maxKey", TypeMaxKey, "", ""},

		{"binary", TypeBinary, "01000000 00 61", ""},
		{"binary of any subtype", TypeBinary, "01000000 77 61", ""},
		{"binary of length -1", TypeBinary, "ffffffff 00", "BSON size is larger than buffer size"},
		{"binary too long", TypeBinary, "02000000 00 61", "BSON size is larger than buffer size"},
		{"old binary", TypeBinary, "05000000 02 01000000 61", ""},
		{"old binary of another inner length", TypeBinary, "05000000 02 02000000 61", ""},
		{"old binary without inner length", TypeBinary, "02000000 02 0000", ""},
		{"UUID of two bytes", TypeBinary, "02000000 04 0000", ""},

		{"regular expression", TypeRegex, "6100 6900", ""},
		{"regular expression without options", TypeRegex, "6100", "BSON size is larger than buffer size"},
		{"regular expression without end", TypeRegex, "6161", "BSON size is larger than buffer size"},
		{"dbPointer", TypeDBPointer, "02000000 61 00 000000000000000000000000", ""},
		{"dbPointer without zero", TypeDBPointer, "02000000 61 62 000000000000000000000000", "Not null terminated string"},
		{"dbPointer of length 0", TypeDBPointer, "00000000 000000000000000000000000", "Not null terminated string"},
		{"dbPointer cut", TypeDBPointer, "02000000 61 00 0000000000000000000000", "BSON size is larger than buffer size"},

		{"code with scope", TypeCodeWithScope, "0f000000 02000000 61 00" + empty, ""},
		{"least code with scope", TypeCodeWithScope, "0e000000 01000000 00" + empty, ""},
		{"code with scope of 13 bytes", TypeCodeWithScope, "0d000000 00000000" + empty, "Nested BSON object has to be at least 5 bytes"},
		{"code with scope, code without zero", TypeCodeWithScope, "0f000000 02000000 61 62" + empty, "Not null terminated string"},
		{"code with scope, code too long", TypeCodeWithScope, "0f000000 03000000 61 00" + empty, "BSON size is larger than buffer size"},
		{"code with scope, scope too short", TypeCodeWithScope, "10000000 02000000 61 00" + empty + "00", "incorrect BSON length"},
		{"code with scope, bad scope", TypeCodeWithScope, "11000000 02000000 61 00" + "07000000 0a 00 01", "incorrect BSON length"},

		{"document", TypeDocument, empty, ""},
		{"document of 4 bytes", TypeDocument, "04000000", "Nested BSON object has to be at least 5 bytes"},
		{"document of 0 bytes", TypeDocument, "00000000 00", "Nested BSON object has to be at least 5 bytes"},
		{"document without zero", TypeDocument, "05000000 01", "incorrect BSON length"},
		{"document too long", TypeDocument, "0700000000", "BSON size is larger than buffer size"},
		{"document with more behind its end", TypeDocument, "07000000 000000", "incorrect BSON length"},
		{"document with a field behind its end", TypeDocument, "0a000000 0a6100 00 00 00", "incorrect BSON length"},
		{"document with a field without end", TypeDocument, "08000000 0a6161 00", "BSON size is larger than buffer size"},
		{"array", TypeArray, nestedHex(raw(field(TypeNull, "0", ""))), ""},
		{"array with other keys", TypeArray, nestedHex(raw(field(TypeNull, "x", ""))), ""},
		{"array of 4 bytes", TypeArray, "04000000", "Nested BSON object has to be at least 5 bytes"},

		{"type 0x14", 0x14, "", "Unrecognized BSON type 20"},
		{"type 0x80", 0x80, "", "Unrecognized BSON type 128"},
		{"type 0xfe", 0xfe, "", "Unrecognized BSON type 254"},
	} {
		d := raw(field(TypeInt32, "ping", "01000000"), field(c.t, "comment", c.hex))
		err := Validate(d, MaxDepth)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want+" in element with field name 'comment") || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestValidateErrorsReadAsMongods has whole messages of a mongod 6.0.5.
func TestValidateErrorsReadAsMongods(t *testing.T) {
	bad := field(TypeBool, "z", "02")
	one := field(TypeInt32, "k", "01000000")
	whole := raw(one)
	for _, c := range []struct {
		name string
		doc  []byte
		want string
	}{
		{"nested", raw(one, nested(TypeDocument, "a", raw(one, nested(TypeDocument, "b", raw(bad))))),
			"BSON bool is neither false nor true in element with field name 'a.b.z' in object with unknown _id"},
		{"in an array", raw(nested(TypeDocument, "a", raw(nested(TypeArray, "b", raw(nested(TypeDocument, "0", raw(bad))))))),
			"BSON bool is neither false nor true in element with field name 'a.b.0.z' in object with unknown _id"},
		{"behind a document", raw(nested(TypeDocument, "a", raw(one)), bad),
			"BSON bool is neither false nor true in element with field name 'z' in object with unknown _id"},
		{"in a scope", raw(nested(TypeCodeWithScope, "c", append([]byte{0x13, 0, 0, 0, 2, 0, 0, 0, 'a', 0}, raw(field(TypeBool, "q", "05"))...))),
			"BSON bool is neither false nor true in element with field name 'c..q' in object with unknown _id"},
		{"_id before", raw(field(TypeInt32, "_id", "07000000"), bad),
			"BSON bool is neither false nor true in element with field name 'z' in object with _id: 7"},
		{"_id a string", raw(field(TypeString, "_id", "02000000 61 00"), bad),
			"BSON bool is neither false nor true in element with field name 'z' in object with _id: \"a\""},
		{"_id an objectId", raw(field(TypeObjectID, "_id", "000102030405060708090a0b"), bad),
			"BSON bool is neither false nor true in element with field name 'z' in object with _id: ObjectId('000102030405060708090a0b')"},
		{"_id a document", raw(nested(TypeDocument, "_id", raw(one)), bad),
			"BSON bool is neither false nor true in element with field name 'z' in object with unknown _id"},
		{"_id after", raw(bad, field(TypeInt32, "_id", "07000000")),
			"BSON bool is neither false nor true in element with field name 'z' in object with unknown _id"},
		{"_id nested", raw(nested(TypeDocument, "a", raw(field(TypeInt32, "_id", "07000000"), bad))),
			"BSON bool is neither false nor true in element with field name 'a.z' in object with unknown _id"},
		{"_id bad", raw(field(TypeBool, "_id", "02")),
			"BSON bool is neither false nor true in element with field name '_id' in object with unknown _id"},
		{"name without end", raw([]byte{byte(TypeInt32), 'n', 'n', 'n'}),
			"BSON size is larger than buffer size in element with field name 'nnn' in object with unknown _id"},
		{"zero too early", raw(one, []byte{0}, one),
			"incorrect BSON length in element with field name 'k' in object with unknown _id"},
		{"nothing", nil, "BSON data has to be at least 5 bytes in element with field name '?' in object with unknown _id"},
		{"length too large", append([]byte{byte(len(whole) + 1)}, whole[1:]...),
			"Incorrect BSON length in element with field name '?' in object with unknown _id"},
		{"length negative", []byte{0xff, 0xff, 0xff, 0xff, 0}, "Incorrect BSON length in element with field name '?' in object with unknown _id"},
		{"no zero", append(bytes.Clone(whole[:len(whole)-1]), 7),
			"BSON object not terminated with EOO in element with field name '?' in object with unknown _id"},
	} {
		if err := Validate(c.doc, MaxDepth); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n%v, want\n%s", c.name, err, c.want)
		}
	}
}

// deep returns a document of depth documents (or arrays, or scopes) inside each other.
func deep(t Type, depth int) []byte {
	d := raw()
	for range depth - 1 {
		if t == TypeCodeWithScope {
			c := append([]byte{0, 0, 0, 0, 1, 0, 0, 0, 0}, d...)
			binary.LittleEndian.PutUint32(c, uint32(len(c)))
			d = raw(nested(t, "0", c))
			continue
		}
		d = raw(nested(t, "0", d))
	}
	return d
}

func TestValidateDepth(t *testing.T) {
	for _, kind := range []Type{TypeDocument, TypeArray} {
		for _, depth := range []int{1, 2, 199, 200, 201, 202, 3000} {
			err := Validate(deep(kind, depth), 200)
			if depth <= 200 {
				if err != nil {
					t.Errorf("%v, %d deep: %v", kind, depth, err)
				}
				continue
			}
			if e := new(TooDeepError); !errors.As(err, &e) || e.Max != 200 || errors.Is(err, ErrCorrupt) {
				t.Errorf("%v, %d deep: %v", kind, depth, err)
			}
		}
	}
	want := "BSONObj exceeds maximum nested object depth in element with field name '0.0' in object with unknown _id"
	if err := Validate(deep(TypeDocument, 5), 2); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	// A scope counts twice: mongod 6.0.5, which does not count the outermost document, takes a scope of 199 levels and refuses 200.
	scope := func(depth int) []byte {
		c := append([]byte{0, 0, 0, 0, 1, 0, 0, 0, 0}, deep(TypeDocument, depth)...)
		binary.LittleEndian.PutUint32(c, uint32(len(c)))
		return raw(nested(TypeCodeWithScope, "c", c))
	}
	if err := Validate(scope(199), MaxDepth+1); err != nil {
		t.Error(err)
	}
	if err := Validate(scope(200), MaxDepth+1); !errors.As(err, new(*TooDeepError)) {
		t.Errorf("got %v", err)
	}
}

// TestValidateErrorIsBounded: the message does not grow with what a client sends.
func TestValidateErrorIsBounded(t *testing.T) {
	long := strings.Repeat("n", 1<<20)
	id := nested(TypeString, "_id", appendString(nil, long))
	err := Validate(raw(id, field(TypeBool, long, "02")), MaxDepth)
	if err == nil || len(err.Error()) > 2*fieldNameMax+200 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// FuzzValidate: Validate and what walks documents never panic, and agree: a valid document is walked to its end without an error, can be copied with a
// Builder, compares equal to itself, and is one for the official library, too.
func FuzzValidate(f *testing.F) {
	for n, line := range readOrderFile(f) {
		if n%3 == 0 {
			f.Add([]byte(wrapValue(parseValue(f, line))))
		}
	}
	f.Add(deep(TypeDocument, 30))
	f.Add(deep(TypeCodeWithScope, 3))
	f.Add([]byte{5, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := Doc(b)
		exercise(d)
		err := Validate(b, 50)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.As(err, new(*TooDeepError)) {
				t.Errorf("unknown kind of error: %v", err)
			}
			return
		}
		if err := bson.Raw(b).Validate(); err != nil {
			t.Errorf("the official library does not take %x: %v", b, err)
		}
		if got := rebuild(t, d); !bytes.Equal(got, b) {
			t.Errorf("copied, %x became %x", b, got)
		}
		if CompareDocs(d, d) != 0 {
			t.Errorf("%x does not equal itself", b)
		}
	})
}

// exercise calls what must not panic on any bytes.
func exercise(d Doc) {
	_, _, _ = d.Len(), d.First(), d.LookupPath("a.0.b")
	for it := d.Iter(); it.Next(); {
		exerciseValue(it.Value())
	}
	_ = CompareDocs(d, d)
	_ = d.Shell()
}

func exerciseValue(v Value) {
	v.Str()
	v.Binary()
	v.Regex()
	v.CodeWithScope()
	v.AsInt64()
	v.AsFloat64()
	v.ToInt64()
	v.Truthy()
	_ = v.Doc().Len()
	_ = fmt.Sprint(v.ObjectID(), v.Timestamp(), v.Bool())
}

// rebuild copies a valid document with a Builder, field by field.
func rebuild(t *testing.T, d Doc) Doc {
	var b Builder
	var copyFields func(d Doc)
	copyFields = func(d Doc) {
		it := d.Iter()
		for it.Next() {
			switch v := it.Value(); v.Type {
			case TypeDocument:
				b.OpenDoc(it.Key())
				copyFields(v.Doc())
				b.Close()
			case TypeArray:
				b.OpenArray(it.Key())
				copyFields(v.Doc())
				b.Close()
			default:
				b.AppendValue(it.Key(), v)
			}
		}
		if it.Err() != nil {
			t.Errorf("walking %x: %v", []byte(d), it.Err())
		}
	}
	copyFields(d)
	return b.Finish()
}
