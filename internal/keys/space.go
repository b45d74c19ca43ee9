package keys

import "encoding/binary"

// Space is the first byte of a key: what the key means. The map is in the package documentation.
type Space byte

// The spaces.
const (
	SpaceCatalog     Space = 0x01
	SpaceRecord      Space = 0x02
	SpaceSession     Space = 0x03
	SpaceRecordsMeta Space = 0x0f
	SpaceIndex       Space = 0x11
	SpaceIndexesMeta Space = 0x1f
)

// SpaceOf returns the space of a key, 0 of an empty one.
func SpaceOf(key []byte) Space {
	if len(key) == 0 {
		return 0
	}
	return Space(key[0])
}

// Store is one of the two stores. It can index an array of two.
type Store int

// The stores.
const (
	Records Store = iota
	Indexes
)

// Stores is how many there are.
const Stores = 2

// String returns the name of the store's folder.
func (s Store) String() string {
	if s == Indexes {
		return "indexes"
	}
	return "records"
}

// StoreOf returns the store that a key belongs to.
func StoreOf(key []byte) Store {
	if len(key) > 0 && key[0] >= 0x10 {
		return Indexes
	}
	return Records
}

// MaxRecordID is above every record id. An encoded record id therefore starts with a byte that no value starts with.
const MaxRecordID = 1 << 56

// AppendRecord appends the key of a document.
func AppendRecord(dst []byte, collection uint32, rid uint64) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, byte(SpaceRecord)), collection)
	return binary.BigEndian.AppendUint64(dst, rid)
}

// ParseRecord takes the key of a document apart.
func ParseRecord(key []byte) (collection uint32, rid uint64, ok bool) {
	if len(key) != 13 || Space(key[0]) != SpaceRecord {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint64(key[5:]), true
}

// AppendRecordPrefix appends what the keys of all documents of a collection start with.
func AppendRecordPrefix(dst []byte, collection uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(SpaceRecord)), collection)
}

// RecordRange returns the bounds of all documents of a collection.
func RecordRange(collection uint32) (lo, hi []byte) {
	lo = AppendRecordPrefix(nil, collection)
	return lo, Successor(lo)
}

// AppendIndexPrefix appends what the keys of all entries of an index start with.
func AppendIndexPrefix(dst []byte, index uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(SpaceIndex)), index)
}

// IndexPrefixLen is the length of what [AppendIndexPrefix] appends.
const IndexPrefixLen = 5

// IndexRange returns the bounds of all entries of an index.
func IndexRange(index uint32) (lo, hi []byte) {
	lo = AppendIndexPrefix(nil, index)
	return lo, Successor(lo)
}

// ParseIndex takes the key of an index entry apart: the index and what follows, which is the encoded values and, unless the
// index is unique, the record id ([CutRecordID]).
func ParseIndex(key []byte) (index uint32, rest []byte, ok bool) {
	if len(key) < IndexPrefixLen || Space(key[0]) != SpaceIndex {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(key[1:]), key[IndexPrefixLen:], true
}

// CutRecordID splits the record id off the end of the key of an entry of an index that is not unique.
func CutRecordID(key []byte) (rest []byte, rid uint64, ok bool) {
	n := len(key) - 8
	if n < 0 {
		return key, 0, false
	}
	return key[:n], binary.BigEndian.Uint64(key[n:]), true
}

// AppendRecordID appends a record id: the end of the key of an entry of an index that is not unique, and the beginning of the value of every index entry.
func AppendRecordID(dst []byte, rid uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, rid)
}

// ParseRecordID reads the value of an index entry.
func ParseRecordID(value []byte) (rid uint64, ok bool) {
	if len(value) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(value), true
}

// CatalogKind says what a catalog entry describes.
type CatalogKind byte

// The kinds of catalog entries.
const (
	CatalogCollection CatalogKind = 'c' // name: the namespace
	CatalogView       CatalogKind = 'v' // name: the namespace
	CatalogCounter    CatalogKind = 'n' // name: what is counted
	CatalogConfig     CatalogKind = 'r' // name: which document about the set
)

// AppendCatalog appends the key of a catalog entry.
func AppendCatalog(dst []byte, kind CatalogKind, name string) []byte {
	return append(append(dst, byte(SpaceCatalog), byte(kind)), name...)
}

// ParseCatalog takes the key of a catalog entry apart.
func ParseCatalog(key []byte) (kind CatalogKind, name string, ok bool) {
	if len(key) < 2 || Space(key[0]) != SpaceCatalog {
		return 0, "", false
	}
	return CatalogKind(key[1]), string(key[2:]), true
}

// CatalogRange returns the bounds of all catalog entries of a kind.
func CatalogRange(kind CatalogKind) (lo, hi []byte) {
	lo = AppendCatalog(nil, kind, "")
	return lo, Successor(lo)
}

// AppendSession appends the key of what a logical session last did; id is the session's UUID, followed by its user's digest when there are users.
func AppendSession(dst, id []byte) []byte {
	return append(append(dst, byte(SpaceSession)), id...)
}

// ParseSession returns the id in the key of a session. It aliases key.
func ParseSession(key []byte) (id []byte, ok bool) {
	if len(key) < 2 || Space(key[0]) != SpaceSession {
		return nil, false
	}
	return key[1:], true
}

// SpaceRange returns the bounds of a whole space.
func SpaceRange(s Space) (lo, hi []byte) {
	return []byte{byte(s)}, []byte{byte(s) + 1}
}

// AppendMeta appends the key of one of a store's own values.
func AppendMeta(dst []byte, store Store, name string) []byte {
	space := SpaceRecordsMeta
	if store == Indexes {
		space = SpaceIndexesMeta
	}
	return append(append(dst, byte(space)), name...)
}
