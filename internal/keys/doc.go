// Package keys is byte strings ordered as queries want; the key-space map.
//
// Two stores hold everything that a member has: records and indexes. A key's first byte is its space, which says what
// the key means and which store it belongs to ([StoreOf]). Integers in keys are big endian, so that bytes.Compare
// orders them. [Format] prints any key for humans.
//
//	space  key after the space byte                       value
//	─────  ─────────────────────────────────────────────  ──────────────────────────────────────────
//	records store
//	0x01   kind u8, name                                  catalog: one entry (the engine's form)
//	0x02   collection u32, record id u64                  the document, as BSON
//	0x03   logical session id (16 or 48 bytes)            what that session last did, for retried writes
//	0x0f   name                                           meta: applied index and the like, one store's own
//	index store
//	0x11   index number u32, values, record id u64        record id u64, notes   (index that is not unique)
//	0x11   index number u32, values                       record id u64, notes   (unique index, _id)
//	0x1f   name                                           meta, one store's own
//
// Collection and index numbers are given out by the primary, never used twice, and replicated with the catalog. A
// record id grows with each insertion into its collection, so that the order of keys is natural order. Record ids stay
// below [MaxRecordID].
//
// # Values
//
// [AppendValue] encodes a BSON value so that bytes.Compare of two encodings is document.Compare of the values, and
// equal values have identical encodings: 1, NumberLong(1), 1.0 and NumberDecimal("1.00") are one key. No
// encoding is a prefix of another, so encodings can follow each other (compound keys), be inverted
// byte by byte (descending fields), and [AppendSuccessor] of an encoding bounds exactly the keys that start with that value.
//
// An encoding starts with a tag between 0x10 and 0x7f; inverted, between 0x80 and 0xef. The bytes 0x00 and 0xff
// therefore stand before and after every value, ascending or descending ([AppendMin], [AppendMax]).
//
//	tag        value                    body
//	0x10       MinKey                   -
//	0x14       undefined, missing       -
//	0x18       null                     -
//	0x20-0x37  number                   see below
//	0x40       string, symbol           text, escaped
//	0x44       object                   per field: tag of the type, name escaped, value; then 00
//	0x48       array                    values; then 00
//	0x4c       binData                  length, subtype, bytes
//	0x50       objectId                 12 bytes
//	0x54 0x55  false true               -
//	0x58       date                     8 bytes, sign bit flipped
//	0x5c       timestamp                8 bytes
//	0x60       regex                    pattern escaped, options escaped
//	0x64       dbPointer                length, bytes
//	0x68       javascript               text, escaped
//	0x6c       javascriptWithScope      text escaped, object
//	0x78       MaxKey                   -
//
// Escaped text replaces the byte 00 by 01 01 and 01 by 01 02, and ends with 00. A length is one byte below 255, else ff and a u32.
//
// # Numbers
//
// A number is one of 24 classes, its tag, and the body of its magnitude, inverted for negative numbers:
//
//	0x20 NaN · 0x21 -inf · 0x22 ≤ -2^63 · 0x23-0x2a (8 to 1 bytes) · 0x2b in (-1, 0) · 0x2c zero
//	0x2d in (0, 1) · 0x2e-0x35 (1 to 8 bytes) · 0x36 ≥ 2^63 · 0x37 +inf
//
// From 1 to below 2^63 the body is the integer part, shifted left by one, in as few bytes as hold it. The bit that became free says that a
// fraction follows: its first 52 binary digits (a double between 1 and 2^63 has no more) and 4 bits that tell whether
// that is all. Elsewhere the body is the 64 bits of the largest double not above the magnitude, shifted left by one (the
// sign is known), and the lowest bit tells whether that is all. It is not all for decimals that are not a sum of few enough powers of
// two: then the exact decimal follows, u16 exponent and digits in base 100, ended by 00. So integers take 2 to 9 bytes,
// doubles at most 16, and no two different numbers share an encoding.
package keys
