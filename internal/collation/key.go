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

// buffer is bytes that are held in place while they are few: a slice of an array beside it would move that to the heap.
type buffer struct {
	few  [48]byte
	n    int
	many []byte // nil while there are few
}

func (b *buffer) add(c byte) {
	switch {
	case b.many != nil:
		b.many = append(b.many, c)
	case b.n < len(b.few):
		b.few[b.n] = c
		b.n++
	default:
		b.many = append(append(make([]byte, 0, 4*len(b.few)), b.few[:]...), c)
	}
}

func (b *buffer) bytes() []byte {
	if b.many != nil {
		return b.many
	}
	return b.few[:b.n]
}

// addWeight adds a weight without its low bytes that are zero.
func (b *buffer) addWeight(w uint16) {
	b.add(byte(w >> 8))
	if w&0xff != 0 {
		b.add(byte(w))
	}
}

func (b *buffer) addWeight32(w uint32) {
	b.add(byte(w >> 24))
	for w <<= 8; w != 0; w <<= 8 {
		b.add(byte(w >> 24))
	}
}

// level is one level after the first, and how many common weights are still to be written.
type level struct {
	buffer
	run    *run
	common int
}

// flush writes the common weights, which a lesser or greater weight follows; the end of the level is less than all.
func (l *level) flush(less bool) {
	if l.common == 0 {
		return
	}
	r, n := l.run, l.common-1
	for ; n >= r.max; n -= r.max {
		l.add(byte(r.middle))
	}
	if less {
		l.add(byte(r.low + n))
	} else {
		l.add(byte(r.high - n))
	}
	l.common = 0
}

// writer makes the key of one string, element by element: no more than the key itself is held.
type writer struct {
	c         *Collation
	primaries buffer
	previous  uint32 // the last primary weight, if it is compressible; after reordering

	secondaries, cases, tertiaries, quaternaries level

	backwards []uint16 // all secondary weights, if they are to be reversed
	mask      uint16   // what counts of tertiary weights
	shifted   bool     // the last element that was no accent was shifted away
	kana      bool     // some element differs on the fourth level
}

func (w *writer) init(c *Collation) {
	w.c, w.mask = c, tertiaryBits
	w.secondaries.run, w.cases.run, w.tertiaries.run, w.quaternaries.run = &secondaryRun, &caseRun, &tertiaryRun, &quaternaryRun
	if c.upperFirst {
		w.cases.run = &caseUpperRun
	}
	switch {
	case c.caseInTertiary() && c.upperFirst:
		w.tertiaries.run, w.mask = &upperFirstRun, tertiaryBits|caseBits
	case c.caseInTertiary():
		w.tertiaries.run, w.mask = &lowerFirstRun, tertiaryBits|caseBits
	}
}

func (w *writer) addAll(list []element) {
	for _, e := range list {
		w.add(e)
	}
}

func (w *writer) add(e element) {
	c := w.c
	if e == (element{}) || c.variableTop != 0 && w.shift(e) {
		return
	}
	if e.primary != 0 {
		w.addPrimary(e.primary)
	}
	if c.strength >= 2 && e.secondary != 0 {
		w.addSecondary(e.secondary)
	}
	if c.caseLevel {
		w.addCase(e)
	}
	if c.strength >= 3 {
		w.addTertiary(e)
	}
	if c.strength >= 4 {
		w.addQuaternary(e.tertiary & quaternaryBits)
	}
}

// shift takes variable elements (spaces and punctuation), and accents on them, out of the first levels and makes the fourth of their primary weights.
func (w *writer) shift(e element) bool {
	switch {
	case e.primary == 0:
		return w.shifted
	case e.primary > w.c.variableTop:
		w.shifted = false
		return false
	}
	w.shifted = true
	if w.c.strength >= 4 {
		q := &w.quaternaries
		q.flush(true)
		p := w.c.table.reordered(e.primary)
		if p>>24 >= uint32(quaternaryRun.low-1) {
			q.add(byte(quaternaryRun.low - 1))
		}
		q.addWeight32(p)
	}
	return true
}

func (w *writer) addPrimary(p uint32) {
	compressible := w.c.table.compressible[p>>24]
	p = w.c.table.reordered(p)
	if !compressible || p>>24 != w.previous>>24 {
		if w.previous != 0 {
			if p < w.previous {
				w.primaries.add(compressionLow)
			} else {
				w.primaries.add(compressionHigh)
			}
		}
		w.primaries.add(byte(p >> 24))
		w.previous = 0
		if compressible {
			w.previous = p
		}
	}
	for p <<= 8; p != 0; p <<= 8 {
		w.primaries.add(byte(p >> 24))
	}
}

func (w *writer) addSecondary(s uint16) {
	if w.c.backwards {
		w.backwards = append(w.backwards, s)
		return
	}
	w.secondaries.addSecondary(s)
}

func (l *level) addSecondary(s uint16) {
	if s == commonWeight {
		l.common++
		return
	}
	l.flush(s < commonWeight)
	l.addWeight(s)
}

// addCase adds to the case level, which takes half bytes. Elements that are accents do not count on strength 1, those without a
// secondary weight never do.
func (w *writer) addCase(e element) {
	if e.secondary == 0 || w.c.strength == 1 && e.primary == 0 {
		return
	}
	l, class := &w.cases, int(e.tertiary>>14)
	switch {
	case class == 0:
		l.common++
	case w.c.upperFirst:
		l.flush(true)
		l.add(byte(caseUpperRun.low - class))
	default:
		l.flush(false)
		l.add(byte(caseRun.high + class))
	}
}

func (w *writer) addTertiary(e element) {
	l, t := &w.tertiaries, e.tertiary&w.mask
	switch {
	case t == 0:
		return
	case t == commonWeight:
		l.common++
		return
	case l.run == &upperFirstRun:
		t = upperFirst(t, e.secondary == 0)
	case t < commonWeight:
	case l.run == &lowerFirstRun:
		t += 0x4000
	default:
		t += 0xc000
	}
	l.flush(t < uint16(l.run.low)<<8)
	l.addWeight(t)
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

func (w *writer) addQuaternary(bits uint16) {
	l := &w.quaternaries
	if bits == 0 {
		l.common++
		return
	}
	w.kana = true
	l.flush(false)
	l.add(0xfc + byte(bits>>6))
}

// finish appends the levels to dst.
func (w *writer) finish(dst []byte) []byte {
	c := w.c
	dst = append(dst, w.primaries.bytes()...)
	if c.strength >= 2 {
		for i := len(w.backwards) - 1; i >= 0; i-- {
			w.secondaries.addSecondary(w.backwards[i])
		}
		w.secondaries.flush(true)
		dst = append(append(dst, levelSeparator), w.secondaries.bytes()...)
	}
	if c.caseLevel {
		dst = w.appendCases(append(dst, levelSeparator))
	}
	if c.strength >= 3 {
		w.tertiaries.flush(true)
		dst = append(append(dst, levelSeparator), w.tertiaries.bytes()...)
	}
	if c.strength >= 4 {
		if c.variableTop != 0 || w.kana { // common weights alone say nothing
			w.quaternaries.flush(true)
		}
		dst = append(append(dst, levelSeparator), w.quaternaries.bytes()...)
	}
	return dst
}

func (w *writer) appendCases(dst []byte) []byte {
	if w.c.upperFirst || len(w.cases.bytes()) > 0 { // common weights alone say nothing, unless they are the greatest
		w.cases.flush(true)
	}
	nibbles := w.cases.bytes()
	for i := 0; i < len(nibbles); i += 2 {
		b := nibbles[i] << 4
		if i+1 < len(nibbles) {
			b |= nibbles[i+1]
		}
		dst = append(dst, b)
	}
	return dst
}
