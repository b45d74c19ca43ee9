package collation

// Sort keys: the weights of a string's elements, level by level, in the form that ICU gives them, so that keys that mongod shows (in the
// error about a duplicate key) are the same here. Runs of the common weight are compressed, and so are primary weights that begin alike.

// element is one collation element: weights of the first three levels. The third has the case in its upper two bits and, in bits 6 and
// 7, what kana differ in on the fourth.
type element struct {
	primary   uint32
	secondary uint16
	tertiary  uint16
}

const (
	levelSeparator = 0x01
	commonWeight   = 0x0500
	commonByte     = 0x05

	caseBits       = 0xc000
	quaternaryBits = 0x00c0
	tertiaryBits   = 0x3f3f

	compressionLow  = 0x03 // ends a run of primary weights that begin alike, if what follows is less
	compressionHigh = 0xff // if it is greater
)

// run is how a level compresses runs of its common weight: their number goes up from low if a lesser weight follows and down from high
// otherwise; max at a time are written as middle.
type run struct{ low, middle, high, max int }

var (
	secondaryRun  = run{0x05, 0x25, 0x45, 0x21}
	tertiaryRun   = run{0x05, 0x65, 0xc5, 0x61}
	lowerFirstRun = run{0x05, 0x25, 0x45, 0x21} // the third level with the case in it
	upperFirstRun = run{0x85, 0xa5, 0xc5, 0x21}
	caseRun       = run{1, 7, 13, 7} // nibbles
	caseUpperRun  = run{3, 3, 15, 13}
	quaternaryRun = run{0x1c, 0x8c, 0xfc, 0x71}
)

// append appends n common weights, which a lesser or greater weight follows.
func (r *run) append(dst []byte, n int, less bool) []byte {
	if n == 0 {
		return dst
	}
	for n--; n >= r.max; n -= r.max {
		dst = append(dst, byte(r.middle))
	}
	if less {
		return append(dst, byte(r.low+n))
	}
	return append(dst, byte(r.high-n))
}

// appendKey appends the sort key of a string whose elements are given. It overwrites the elements.
func (c *Collation) appendKey(dst []byte, list []element) []byte {
	var quaternary []byte
	if c.variableTop != 0 {
		quaternary, list = c.shift(list)
	}
	dst = c.appendPrimaries(dst, list)
	if c.strength >= 2 {
		dst = append(dst, levelSeparator)
		if c.backwards {
			dst = appendSecondariesBackwards(dst, list)
		} else {
			dst = appendSecondaries(dst, list)
		}
	}
	if c.caseLevel {
		dst = c.appendCases(append(dst, levelSeparator), list)
	}
	if c.strength >= 3 {
		dst = c.appendTertiaries(append(dst, levelSeparator), list)
	}
	if c.strength >= 4 {
		dst = append(dst, levelSeparator)
		if c.variableTop != 0 {
			return append(dst, quaternary...)
		}
		dst = appendQuaternaries(dst, list)
	}
	return dst
}

// appendWeight appends a weight without its low bytes that are zero.
func appendWeight(dst []byte, w uint16) []byte {
	if w&0xff == 0 {
		return append(dst, byte(w>>8))
	}
	return append(dst, byte(w>>8), byte(w))
}

func appendWeight32(dst []byte, w uint32) []byte {
	dst = append(dst, byte(w>>24))
	for w <<= 8; w != 0; w <<= 8 {
		dst = append(dst, byte(w>>24))
	}
	return dst
}

func (c *Collation) appendPrimaries(dst []byte, list []element) []byte {
	previous := uint32(0) // compressible, and after reordering
	for _, e := range list {
		p := e.primary
		if p == 0 {
			continue
		}
		compressible := c.table.compressible[p>>24]
		p = c.table.reordered(p)
		if !compressible || p>>24 != previous>>24 {
			if previous != 0 {
				if p < previous {
					dst = append(dst, compressionLow)
				} else {
					dst = append(dst, compressionHigh)
				}
			}
			dst = append(dst, byte(p>>24))
			previous = 0
			if compressible {
				previous = p
			}
		}
		for p <<= 8; p != 0; p <<= 8 {
			dst = append(dst, byte(p>>24))
		}
	}
	return dst
}

func appendSecondaries(dst []byte, list []element) []byte {
	common := 0
	for _, e := range list {
		switch {
		case e.secondary == 0:
		case e.secondary == commonWeight:
			common++
		default:
			dst = secondaryRun.append(dst, common, e.secondary < commonWeight)
			dst, common = appendWeight(dst, e.secondary), 0
		}
	}
	return secondaryRun.append(dst, common, true)
}

// appendSecondariesBackwards is for French of Canada, in which the last accent counts first.
func appendSecondariesBackwards(dst []byte, list []element) []byte {
	var all []element
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].secondary != 0 {
			all = append(all, list[i])
		}
	}
	return appendSecondaries(dst, all)
}

// appendCases appends the case level, which takes half bytes. Elements that are accents do not count on strength 1, those without a
// secondary weight never do.
func (c *Collation) appendCases(dst []byte, list []element) []byte {
	var space [64]byte
	nibbles, common := space[:0], 0
	for _, e := range list {
		if e.secondary == 0 || c.strength == 1 && e.primary == 0 {
			continue
		}
		class := int(e.tertiary >> 14)
		switch {
		case class == 0:
			common++
		case c.upperFirst:
			nibbles = caseUpperRun.append(nibbles, common, true)
			nibbles, common = append(nibbles, byte(caseUpperRun.low-class)), 0
		default:
			nibbles = caseRun.append(nibbles, common, false)
			nibbles, common = append(nibbles, byte(caseRun.high+class)), 0
		}
	}
	switch {
	case c.upperFirst:
		nibbles = caseUpperRun.append(nibbles, common, true)
	case len(nibbles) > 0:
		nibbles = caseRun.append(nibbles, common, true)
	}
	for i := 0; i < len(nibbles); i += 2 {
		b := nibbles[i] << 4
		if i+1 < len(nibbles) {
			b |= nibbles[i+1]
		}
		dst = append(dst, b)
	}
	return dst
}

func (c *Collation) appendTertiaries(dst []byte, list []element) []byte {
	r, mask := &tertiaryRun, uint16(tertiaryBits)
	switch {
	case c.caseInTertiary() && c.upperFirst:
		r, mask = &upperFirstRun, tertiaryBits|caseBits
	case c.caseInTertiary():
		r, mask = &lowerFirstRun, tertiaryBits|caseBits
	}
	common := 0
	for _, e := range list {
		t := e.tertiary & mask
		switch {
		case t == 0:
			continue
		case t == commonWeight:
			common++
			continue
		case r == &upperFirstRun:
			t = upperFirst(t, e.secondary == 0)
		case t < commonWeight:
		case r == &lowerFirstRun:
			t += 0x4000
		default:
			t += 0xc000
		}
		dst = r.append(dst, common, t < uint16(r.low)<<8)
		dst, common = appendWeight(dst, t), 0
	}
	return r.append(dst, common, true)
}

// upperFirst moves weights so that those of capital letters come first. Elements that have the third level only keep the greatest weights.
func upperFirst(t uint16, alone bool) uint16 {
	if alone {
		return t + 0x4000
	}
	t ^= caseBits
	if t < 0xc500 {
		t -= 0x4000
	}
	return t
}

// appendQuaternaries is for non-ignorable variable elements: only kana differ.
func appendQuaternaries(dst []byte, list []element) []byte {
	common, differ := 0, false
	for _, e := range list {
		q := e.tertiary & quaternaryBits
		switch {
		case e == element{}:
		case q == 0:
			common++
		default:
			dst = quaternaryRun.append(dst, common, false)
			dst, common, differ = append(dst, 0xfc+byte(q>>6)), 0, true
		}
	}
	if differ {
		return quaternaryRun.append(dst, common, true)
	}
	return dst
}

// shift takes the variable elements (spaces and punctuation), and accents on them, out of the first levels and makes the fourth of their
// primary weights.
func (c *Collation) shift(list []element) (quaternary []byte, rest []element) {
	common, shifted := 0, false
	rest = list[:0]
	for _, e := range list {
		switch {
		case e.primary == 0 && shifted:
			continue
		case e.primary != 0 && e.primary <= c.variableTop:
			shifted = true
			if c.strength < 4 {
				continue
			}
			quaternary = quaternaryRun.append(quaternary, common, true)
			common = 0
			p := c.table.reordered(e.primary)
			if p>>24 >= uint32(quaternaryRun.low-1) {
				quaternary = append(quaternary, byte(quaternaryRun.low-1))
			}
			quaternary = appendWeight32(quaternary, p)
			continue
		}
		shifted = false
		rest = append(rest, e)
		if e == (element{}) {
			continue
		}
		if q := e.tertiary & quaternaryBits; q == 0 {
			common++
		} else {
			quaternary = append(quaternaryRun.append(quaternary, common, false), 0xfc+byte(q>>6))
			common = 0
		}
	}
	return quaternaryRun.append(quaternary, common, true), rest
}
