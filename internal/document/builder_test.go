package document

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestBuilderWritesWhatTheOfficialLibraryDoes builds random documents with a Builder and with the official library; the bytes must be the same.
func TestBuilderWritesWhatTheOfficialLibraryDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	for n := range 500 {
		prefix := make([]byte, rng.IntN(20)) // what stands in the buffer before the document
		for i := range prefix {
			prefix[i] = byte(i)
		}
		b := NewBuilder(bytes.Clone(prefix))
		want := randomFields(rng, &b, 0)
		size := b.Size()
		whole := b.FinishBuffer()
		got := whole[len(prefix):]
		wantBytes, err := bson.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, wantBytes) || !bytes.HasPrefix(whole, prefix) {
			t.Fatalf("document %d of %v:\n%x, want\n%x", n, want, got, wantBytes)
		}
		if size+1 != len(got) {
			t.Errorf("Size was %d before the end of %d bytes", size, len(got))
		}
		if err := Validate(got, MaxDepth); err != nil {
			t.Error(err)
		}
	}
}

// randomFields appends random fields to b, in every way that it has, and returns them for the official library.
func randomFields(rng *rand.Rand, b *Builder, depth int) bson.D {
	fields := bson.D{}
	for range rng.IntN(8) {
		key := fmt.Sprint("k", rng.IntN(1000))
		if rng.IntN(10) == 0 {
			key = ""
		}
		fields = append(fields, bson.E{Key: key, Value: appendRandom(rng, b, key, depth)})
	}
	return fields
}

func appendRandom(rng *rand.Rand, b *Builder, key string, depth int) any {
	text := string(bytes.Repeat([]byte("é"), rng.IntN(20)))
	n := int64(rng.Uint64()) >> rng.IntN(64)
	kind := rng.IntN(17)
	if depth > 4 && kind < 4 {
		kind += 4
	}
	switch kind {
	case 0:
		b.OpenDoc(key)
		defer b.Close()
		return randomFields(rng, b, depth+1)
	case 1:
		b.OpenArray(key)
		defer b.Close()
		list := bson.A{}
		for i := range rng.IntN(12) {
			list = append(list, appendRandom(rng, b, Index(i), depth+1))
		}
		return list
	case 2:
		var inner Builder
		d := randomFields(rng, &inner, depth+1)
		b.AppendDoc(key, inner.Finish())
		return d
	case 3:
		var a ArrayBuilder
		list := bson.A{}
		for range rng.IntN(1100) {
			v := rng.Int32()
			a.Append(Int32(v))
			list = append(list, v)
		}
		if a.Count() != len(list) {
			panic("wrong count")
		}
		b.AppendValue(key, a.FinishValue())
		return list
	case 4:
		b.AppendInt32(key, int32(n))
		return int32(n)
	case 5:
		b.AppendInt64(key, n)
		return n
	case 6:
		b.AppendDouble(key, float64(n)/3)
		return float64(n) / 3
	case 7:
		b.AppendBool(key, n&1 == 0)
		return n&1 == 0
	case 8:
		b.AppendString(key, text)
		return text
	case 9:
		b.AppendNull(key)
		return nil
	case 10:
		id := bson.NewObjectIDFromTimestamp(time.Unix(n>>20, 0))
		b.AppendObjectID(key, id)
		return id
	case 11:
		b.AppendDate(key, n)
		return bson.DateTime(n)
	case 12:
		b.AppendTimestamp(key, uint64(n))
		return bson.Timestamp{T: uint32(uint64(n) >> 32), I: uint32(n)}
	case 13:
		b.AppendBinary(key, 5, []byte(text))
		return bson.Binary{Subtype: 5, Data: []byte(text)}
	case 14:
		b.AppendValue(key, Value{Type: TypeMaxKey})
		return bson.MaxKey{}
	case 15:
		b.AppendArray(key, Empty)
		return bson.A{}
	default: // the values of Go types
		list := []struct {
			v    Value
			want any
		}{
			{Int64(n), n}, {Int32(int32(n)), int32(n)}, {Double(1.5), 1.5}, {Bool(true), true}, {Bool(false), false}, {String(text), text}, {Date(n), bson.DateTime(n)},
			{Timestamp(uint64(n)), bson.Timestamp{T: uint32(uint64(n) >> 32), I: uint32(n)}}, {Binary(0, []byte(text)), bson.Binary{Data: []byte(text)}},
			{OID(bson.ObjectID{1, 2}), bson.ObjectID{1, 2}}, {Null, nil},
		}
		c := list[rng.IntN(len(list))]
		b.AppendValue(key, c.v)
		return c.want
	}
}

func TestBuilderOfNothing(t *testing.T) {
	var b Builder
	if got := b.Finish(); !bytes.Equal(got, Empty) {
		t.Errorf("got %x", got)
	}
	var again Builder
	again.Reset(nil)
	again.AppendValue("missing", Value{})
	if got := again.Finish(); !bytes.Equal(got, Empty) {
		t.Errorf("with a missing value: %x", got)
	}
}

func TestFinishWithOpenDocumentPanics(t *testing.T) {
	var b Builder
	b.OpenDoc("a")
	defer func() {
		if recover() == nil {
			t.Error("it did not")
		}
	}()
	b.Finish()
}

// TestBuilderIsReused: Reset begins a new document; deep nesting does not disturb it.
func TestBuilderIsReused(t *testing.T) {
	var b Builder
	for depth := range 40 {
		b.Reset(nil)
		for range depth {
			b.OpenDoc("a")
		}
		for range depth {
			b.Close()
		}
		d := b.Finish()
		if err := Validate(d, 100); err != nil {
			t.Fatalf("depth %d: %v", depth, err)
		}
		got := 0
		for v := d.AsValue(); !v.IsMissing(); v = v.Doc().Lookup("a") {
			got++
		}
		if got != depth+1 {
			t.Errorf("depth %d, found %d", depth, got)
		}
	}
}
