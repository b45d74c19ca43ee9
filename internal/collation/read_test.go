package collation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Reading the elements off a sort key.

// levels cuts a key into its levels.
func levels(key []byte) [5][]byte {
	var out [5][]byte
	for i, part := range bytes.SplitN(key, []byte{levelSeparator}, 5) {
		out[i] = part
	}
	return out
}

// read returns the elements of a key made with fullCollation. How many bytes a weight has is not always plain: the best way to read it is one in which
// every element has a secondary weight and all primary weights are known.
func (rec *recorder) read(key []byte) (list []element, err error) {
	best := -1
	for _, narrow := range []bool{false, true} {
		for _, form := range []secondaryForm{asKnown, allWide, allNarrow} {
			l, score, e := rec.readLevels(levels(key), narrow, form)
			switch {
			case e != nil && best < 0:
				err = e
			case e == nil && score > best:
				list, best, err = l, score, nil
			}
		}
	}
	return list, err
}

// secondaryForm says which secondary weights, of those that are not the common one, are taken to have two bytes.
type secondaryForm int

const (
	asKnown secondaryForm = iota
	allWide
	allNarrow
)

// readLevels takes all tertiary weights for narrow if told to. The score is how likely the result is.
func (rec *recorder) readLevels(l [5][]byte, narrow bool, form secondaryForm) (_ []element, score int, err error) {
	tertiaries := rec.readTertiaries(l[3])
	if narrow {
		tertiaries = (&recorder{}).readTertiaries(l[3])
	}
	n := len(tertiaries)
	secondaries, err := rec.readSecondaries(l[1], n, form)
	if err != nil {
		return nil, 0, err
	}
	primaries, known, err := rec.readPrimaries(l[0], len(secondaries))
	if err != nil {
		return nil, 0, err
	}
	cases, err := readCases(l[2], len(secondaries))
	if err != nil {
		return nil, 0, err
	}
	quaternaries := readQuaternaries(l[4], n)
	out := make([]element, n)
	extra := len(secondaries) - len(primaries) // accents
	odd := 0
	for _, s := range secondaries {
		if s != commonWeight {
			odd++
		}
	}
	p := 0
	for i := range out {
		e := &out[i]
		e.tertiary = tertiaries[i] | quaternaries[i]
		if i >= len(secondaries) {
			e.tertiary |= 0x8000
			continue
		}
		e.secondary = secondaries[i]
		e.tertiary |= cases[i]
		accent := extra > 0 && (odd == extra && e.secondary != commonWeight || odd != extra && p == len(primaries))
		if !accent && p < len(primaries) {
			e.primary = primaries[p]
			p++
		}
	}
	if p < len(primaries) {
		return nil, 0, fmt.Errorf("%d of %d primaries placed", p, len(primaries))
	}
	if len(secondaries) == n {
		score += 2
	}
	if known {
		score++
	}
	return out, score, nil
}

func (rec *recorder) readTertiaries(b []byte) (out []uint16) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c > 0xc5 && i+1 < len(b) && len(rec.narrow) > 0 && !rec.narrow[c]:
			out = append(out, uint16(c-0xc0)<<8|uint16(b[i+1]))
			i++
		case c > 0xc5:
			out = append(out, uint16(c-0xc0)<<8)
		case c < commonByte:
			out = append(out, uint16(c)<<8)
		case c <= 0x65:
			out = append(out, repeated(int(c-commonByte)+1)...)
		default:
			out = append(out, repeated(int(0xc5-c)+1)...)
		}
	}
	return out
}

func repeated(n int) []uint16 { return slices.Repeat([]uint16{commonWeight}, n) }

func (rec *recorder) readSecondaries(b []byte, n int, form secondaryForm) (out []uint16, err error) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case n == 1 && len(b) == 2:
			rec.wide[c] = true
			return []uint16{uint16(c)<<8 | uint16(b[1])}, nil
		case c >= commonByte && c <= 0x25:
			out = append(out, repeated(int(c-commonByte)+1)...)
		case c > 0x25 && c <= 0x45:
			out = append(out, repeated(int(0x45-c)+1)...)
		case i+1 < len(b) && (form == allWide || form == asKnown && (rec.wide[c] || len(rec.narrowSecondary) > 0 && !rec.narrowSecondary[c])):
			out = append(out, uint16(c)<<8|uint16(b[i+1]))
			i++
		default:
			out = append(out, uint16(c)<<8)
		}
	}
	if len(out) > n {
		return nil, fmt.Errorf("secondaries % x give %d, not %d", b, len(out), n)
	}
	return out, nil
}

// readPrimaries finds a way to cut b into at most n primary weights, known ones if possible.
func (rec *recorder) readPrimaries(b []byte, n int) (list []uint32, known bool, err error) {
	for unknown := range 3 {
		if out, ok := rec.cut(b, n, 0, unknown); ok {
			return out, unknown == 0, nil
		}
	}
	return nil, false, fmt.Errorf("primaries % x cannot be cut into %d", b, n)
}

func (rec *recorder) cut(b []byte, n int, lead byte, unknown int) ([]uint32, bool) {
	if len(b) == 0 {
		return nil, true
	}
	if n == 0 {
		return nil, false
	}
	if lead != 0 {
		if b[0] == compressionLow || b[0] == compressionHigh {
			return rec.cut(b[1:], n, 0, unknown)
		}
		b = append([]byte{lead}, b...)
	}
	for size := 1; size <= min(4, len(b)); size++ {
		if n == 1 && size < min(4, len(b)) {
			continue
		}
		w := rec.original(weight(b[:size]))
		left := unknown
		if !rec.primaries[w] {
			if left == 0 {
				continue
			}
			left--
		}
		next := byte(0)
		if rec.table.compressible[w>>24] {
			next = b[0]
		}
		if rest, ok := rec.cut(b[size:], n-1, next, left); ok {
			return append([]uint32{w}, rest...), true
		}
	}
	return nil, false
}

// original undoes the locale's reordering of a weight.
func (rec *recorder) original(w uint32) uint32 {
	lead, rest := byte(w>>24), w&0xffffff
	if was, moved := rec.origin[lead]; moved {
		if p := uint32(was)<<24 | rest; rec.table.reordered(p) == w {
			return p
		}
	}
	if other, ok := rec.alternate[lead]; ok {
		return uint32(other)<<24 | rest
	}
	return w
}

func readCases(b []byte, n int) ([]uint16, error) {
	out := make([]uint16, n)
	i := 0
	for _, c := range b {
		for _, nibble := range []byte{c >> 4, c & 15} {
			switch {
			case nibble == 0:
			case nibble > 13 && i >= n:
				return nil, fmt.Errorf("cases % x are more than %d", b, n)
			case nibble > 13:
				out[i] = uint16(nibble-13) << 14
				i++
			case nibble <= 7:
				i += int(nibble)
			default:
				i += int(13-nibble) + 1
			}
		}
	}
	return out, nil
}

func readQuaternaries(b []byte, n int) []uint16 {
	out := make([]uint16, n)
	i := 0
	for _, c := range b {
		switch {
		case c > 0xfc && i < n:
			out[i] = uint16(c-0xfc) << 6
			i++
		case c <= 0x8c:
			i += int(c-0x1c) + 1
		default:
			i += int(0xfc-c) + 1
		}
	}
	return out
}

// weight returns the weight whose bytes, without the zeros at its end, are given.
func weight(b []byte) uint32 {
	var w [4]byte
	copy(w[:], b)
	return binary.BigEndian.Uint32(w[:])
}
