package keys

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestRecordedBytes fixes the format: these bytes are on disks.
func TestRecordedBytes(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{bson.MinKey{}, "10"},
		{document.Value{}, "14"},
		{bson.Undefined{}, "14"},
		{nil, "18"},
		{0, "2c"},
		{1, "2e02"},
		{int64(1), "2e02"},
		{1.0, "2e02"},
		{-1, "2afd"},
		{127, "2efe"},
		{128, "2f0100"},
		{-128, "29feff"},
		{1 << 20, "30200000"},
		{int64(9007199254740993), "3440000000000002"},
		{int64(9223372036854775807), "35fffffffffffffffe"},
		{int64(-9223372036854775808), "22783fffffffffffff"},
		{1.5, "2e0380000000000000"},
		{-1.5, "2afc7fffffffffffff"},
		{0.1, "2d7f73333333333334"},
		{1e300, "36fc6fc8791000eb38"},
		{dec(t, "1.00"), "2e02"},
		{dec(t, "0.5"), "2d7fc0000000000000"},
		{dec(t, "0.1"), "2d7f73333333333333" + "80000b00"},
		{dec(t, "19.99"), "2e27fd70a3d70a3d71" + "8002146400"},
		{dec(t, "-19.99"), "2ad8028f5c28f5c28e7ffdeb9bff"},
		{"", "4000"},
		{"abc", "4061626300"},
		{"a\x00\x01\x02", "4061010101020200"},
		{bson.Symbol("abc"), "4061626300"},
		{bson.D{{Key: "a", Value: 1}, {Key: "b", Value: "x"}}, "44" + "2061002e02" + "406200407800" + "00"},
		{bson.D{}, "4400"},
		{bson.A{1, bson.A{}}, "482e02480000"},
		{bson.Binary{Subtype: 4, Data: []byte{1, 2}}, "4c03040102"},
		{bson.Binary{Data: make([]byte, 254)}, "4cff000000ff" + fmt.Sprintf("%0510x", 0)},
		{bson.ObjectID{1, 2, 3}, "50010203000000000000000000"},
		{false, "54"},
		{true, "55"},
		{bson.DateTime(-1), "587fffffffffffffff"},
		{bson.Timestamp{T: 1, I: 2}, "5c0000000100000002"},
		{bson.Regex{Pattern: "^a", Options: "i"}, "605e61006900"},
		{bson.JavaScript("f"), "686600"},
		{bson.CodeWithScope{Code: "f", Scope: bson.D{}}, "6c660000"},
		{bson.MaxKey{}, "78"},
	} {
		v := value(t, c.value)
		if got := fmt.Sprintf("%x", AppendValue(nil, v)); got != c.want {
			t.Errorf("%v: %s, want %s", v, got, c.want)
		}
		down := AppendValue(nil, v)
		invert(down)
		if got := AppendDescending([]byte("x"), v); !bytes.Equal(got[1:], down) {
			t.Errorf("%v descending: %x, want %x", v, got[1:], down)
		}
	}
}

// TestDecodeGivesEqualValue decodes the samples, ascending and descending, with more behind them.
func TestDecodeGivesEqualValue(t *testing.T) {
	for _, v := range samples(t) {
		for _, encode := range []func([]byte, document.Value) []byte{AppendValue, AppendDescending} {
			key := encode(nil, v)
			got, rest, err := DecodeValue(append(bytes.Clone(key), "rest"...))
			if err != nil || string(rest) != "rest" || document.Compare(got, v) != 0 {
				t.Errorf("%v: decoded %v, rest %q, error %v", v, got, rest, err)
				continue
			}
			if again := encode(nil, got); !bytes.Equal(again, key) {
				t.Errorf("%v: encoded again\n%x, was\n%x", v, again, key)
			}
			for n := range key {
				if v, _, err := DecodeValue(key[:n]); err == nil {
					t.Errorf("%x, the start of %x, decodes as %v", key[:n], key, v)
				}
			}
		}
	}
}

// FuzzDecode decodes any bytes and prints any key: no panic, and what decodes is made of valid BSON.
func FuzzDecode(f *testing.F) {
	for _, v := range samples(f) {
		f.Add(AppendValue(nil, v))
		f.Add(AppendDescending(AppendIndexPrefix(nil, 1), v))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = Format(b)
		v, rest, err := DecodeValue(b)
		if err != nil {
			return
		}
		if len(rest) >= len(b) {
			t.Fatalf("nothing was read of %x", b)
		}
		if v.Type == document.TypeDBPointer || v.Type == document.TypeRegex { // their bodies are not checked
			return
		}
		AppendValue(nil, v)
	})
}

func TestFormat(t *testing.T) {
	v := func(json string) document.Value { return fromJSON(t, `{"v":`+json+`}`).Lookup("v") }
	entry := AppendIndexPrefix(nil, 7)
	entry = AppendValue(entry, v(`"Oslo"`))
	entry = AppendValue(entry, v(`{"x":1}`))
	entry = slices.Clip(AppendDescending(entry, v(`42`)))
	for _, c := range []struct {
		key  []byte
		want string
	}{
		{nil, "/"},
		{AppendRecord(nil, 12, 57), "/record/12/57"},
		{AppendRecordPrefix(nil, 12), "/record/0x0000000c"},
		{AppendCatalog(nil, CatalogCollection, "test.people"), "/catalog/c/test.people"},
		{AppendCatalog(nil, CatalogCollection, "test.\x00"), `/catalog/c/"test.\x00"`},
		{AppendSession(nil, []byte{1, 0xab}), "/session/01ab"},
		{AppendMeta(nil, Records, "applied"), "/meta/applied"},
		{AppendMeta(nil, Indexes, "applied"), "/meta/indexes/applied"},
		{entry, `/index/7/"Oslo"/{ x: 1 }/↓42`},
		{AppendRecordID(entry, 57), `/index/7/"Oslo"/{ x: 1 }/↓42/#57`},
		{append(entry, 0xff), `/index/7/"Oslo"/{ x: 1 }/↓42/0xff`},
		{AppendIndexPrefix(nil, 3), "/index/3"},
		{[]byte{0x77, 1}, "/0x7701"},
	} {
		if got := Format(c.key); got != c.want {
			t.Errorf("%x: %s, want %s", c.key, got, c.want)
		}
	}
}

// TestSpaces shows that the parts of physical keys come back, that ranges hold exactly their keys, and which store a key belongs to.
func TestSpaces(t *testing.T) {
	key := AppendRecord(nil, 7, 1<<40)
	if c, rid, ok := ParseRecord(key); c != 7 || rid != 1<<40 || !ok {
		t.Errorf("ParseRecord: %d %d %v", c, rid, ok)
	}
	inside := func(key, lo, hi []byte) bool { return bytes.Compare(lo, key) <= 0 && bytes.Compare(key, hi) < 0 }
	for _, c := range []uint32{6, 7, 8, 1<<32 - 1} {
		lo, hi := RecordRange(c)
		if inside(key, lo, hi) != (c == 7) {
			t.Errorf("range of collection %d: %x %x", c, lo, hi)
		}
		lo, hi = IndexRange(c)
		if inside(AppendRecordID(AppendIndexPrefix(nil, 7), 1), lo, hi) != (c == 7) {
			t.Errorf("range of index %d: %x %x", c, lo, hi)
		}
		if !inside(AppendIndexPrefix(nil, c), lo, hi) {
			t.Errorf("index %d is not in its range", c)
		}
	}
	lo, hi := CatalogRange(CatalogCollection)
	name := AppendCatalog(nil, CatalogCollection, "a.b")
	if !inside(name, lo, hi) || inside(AppendCatalog(nil, CatalogCounter, ""), lo, hi) {
		t.Error("range of collections in the catalog")
	}
	if kind, s, ok := ParseCatalog(name); kind != CatalogCollection || s != "a.b" || !ok {
		t.Errorf("ParseCatalog: %c %q %v", kind, s, ok)
	}
	if id, ok := ParseSession(AppendSession(nil, []byte("id"))); string(id) != "id" || !ok {
		t.Errorf("ParseSession: %q %v", id, ok)
	}
	for _, c := range []struct {
		key   []byte
		space Space
		store Store
	}{
		{nil, 0, Records}, {key, SpaceRecord, Records}, {name, SpaceCatalog, Records}, {AppendSession(nil, nil), SpaceSession, Records},
		{AppendMeta(nil, Records, "x"), SpaceRecordsMeta, Records}, {AppendMeta(nil, Indexes, "x"), SpaceIndexesMeta, Indexes}, {AppendIndexPrefix(nil, 1), SpaceIndex, Indexes},
	} {
		if SpaceOf(c.key) != c.space || StoreOf(c.key) != c.store {
			t.Errorf("%x: space %#x in %v", c.key, SpaceOf(c.key), StoreOf(c.key))
		}
	}
	rest, rid, ok := CutRecordID(AppendRecordID([]byte("k"), 9))
	if string(rest) != "k" || rid != 9 || !ok {
		t.Errorf("CutRecordID: %q %d %v", rest, rid, ok)
	}
	if _, _, ok := CutRecordID([]byte("short")); ok {
		t.Error("CutRecordID of 5 bytes")
	}
}
