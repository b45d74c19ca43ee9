package keys

// Bounds for scans. A scan is over keys k with lo <= k < hi.

// AppendMin appends a byte that stands before every value, ascending or descending.
func AppendMin(dst []byte) []byte { return append(dst, 0x00) }

// AppendMax appends a byte that stands after every value, ascending or descending.
func AppendMax(dst []byte) []byte { return append(dst, 0xff) }

// bracket is the tags of the values that compare with each other: lo <= tag < hi.
type bracket struct{ lo, hi byte }

// brackets is by [document.Type.Order].
var brackets = map[int]bracket{
	-1:  {tagMinKey, tagMinKey + 1},
	0:   {tagUndefined, tagUndefined + 1},
	5:   {tagNull, tagNull + 1},
	10:  {tagNumber, tagNumberAfter},
	15:  {tagString, tagString + 1},
	20:  {tagDocument, tagDocument + 1},
	25:  {tagArray, tagArray + 1},
	30:  {tagBinary, tagBinary + 1},
	35:  {tagObjectID, tagObjectID + 1},
	40:  {tagFalse, tagTrue + 1},
	45:  {tagDate, tagDate + 1},
	47:  {tagTimestamp, tagTimestamp + 1},
	50:  {tagRegex, tagRegex + 1},
	55:  {tagDBPointer, tagDBPointer + 1},
	60:  {tagCode, tagCode + 1},
	65:  {tagCodeScope, tagCodeScope + 1},
	127: {tagMaxKey, tagMaxKey + 1},
}

// AppendTypeRange appends to lo and hi the bounds of all values of one type bracket, given by its
// [document.Type.Order]: lo <= key < hi. The bracket of numbers includes NaN, which is the first of it.
func AppendTypeRange(lo, hi []byte, order int) ([]byte, []byte) {
	b := brackets[order]
	return append(lo, b.lo), append(hi, b.hi)
}

// AppendTypeRangeDescending is [AppendTypeRange] for a descending field.
func AppendTypeRangeDescending(lo, hi []byte, order int) ([]byte, []byte) {
	b := brackets[order]
	return append(lo, ^(b.hi - 1)), append(hi, ^b.lo+1)
}

// Successor returns the first key after all keys that start with prefix; nil if there is none (prefix is all ff).
// It allocates; [AppendSuccessor] does not.
func Successor(prefix []byte) []byte { return AppendSuccessor(nil, prefix) }

// AppendSuccessor appends the first key after all keys that start with prefix to dst. It appends nothing if there is none.
// dst may be prefix[:0].
func AppendSuccessor(dst, prefix []byte) []byte {
	n := len(prefix)
	for n > 0 && prefix[n-1] == 0xff {
		n--
	}
	if n == 0 {
		return dst
	}
	dst = append(dst, prefix[:n]...)
	dst[len(dst)-1]++
	return dst
}
