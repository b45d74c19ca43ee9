package collation

import "unicode"

// numericOrdering: a run of digits becomes elements whose primary weights order numbers by their value, in ICU's form.

// maxDigits is how many digits make one number; a longer run is several.
const maxDigits = 254

// digitOf returns the value of a decimal digit of any script.
func digitOf(r rune) (byte, bool) {
	if r < 0x80 {
		return byte(r - '0'), r >= '0' && r <= '9'
	}
	for _, g := range unicode.Nd.R16 {
		if r >= rune(g.Lo) && r <= rune(g.Hi) {
			return byte((r - rune(g.Lo)) % 10), true
		}
	}
	for _, g := range unicode.Nd.R32 {
		if r >= rune(g.Lo) && r <= rune(g.Hi) {
			return byte((r - rune(g.Lo)) % 10), true
		}
	}
	return 0, false
}

// number is a run of digits that is being read. Zeros at its beginning do not count.
type number struct {
	digits [maxDigits]byte
	n      int
	zero   bool // there are zeros and nothing else yet
}

func (n *number) add(w *writer, digit byte) {
	switch {
	case n.n == 0 && digit == 0:
		n.zero = true
		return
	case n.n == maxDigits:
		n.end(w)
		n.add(w, digit)
		return
	}
	n.digits[n.n] = digit
	n.n++
}

// end adds the number, if there is one.
func (n *number) end(w *writer) {
	switch {
	case n.n > 0:
		w.addNumber(n.digits[:n.n])
	case n.zero:
		w.add(numberElement(w.c.table.numeric | 2<<16))
	}
	n.n, n.zero = 0, false
}

func (w *writer) addNumber(digits []byte) {
	if len(digits) <= 7 {
		value := uint32(0)
		for _, d := range digits {
			value = value*10 + uint32(d)
		}
		if p, ok := smallNumber(value); ok {
			w.add(numberElement(w.c.table.numeric | p))
			return
		}
	}
	w.addLargeNumber(digits)
}

func numberElement(p uint32) element { return element{p, commonWeight, commonWeight} }

// smallNumber returns the lower three bytes of the weight of a number up to 1042489: 74 numbers take one byte more than the lead byte, 40*254 two, 16*254*254 three.
func smallNumber(v uint32) (uint32, bool) {
	if v < 74 {
		return (2 + v) << 16, true
	}
	if v -= 74; v < 40*254 {
		return (76+v/254)<<16 | (2+v%254)<<8, true
	}
	if v -= 40 * 254; v < 16*254*254 {
		return (116+v/254/254)<<16 | (2+v/254%254)<<8 | (2 + v%254), true
	}
	return 0, false
}

// addLargeNumber encodes the number of pairs of digits, then the pairs without zeros at the end.
func (w *writer) addLargeNumber(digits []byte) {
	lead := w.c.table.numeric
	p := lead | uint32(128+(len(digits)+1)/2)<<16
	for n := len(digits); digits[n-1] == 0 && digits[n-2] == 0; n = len(digits) {
		digits = digits[:n-2]
	}
	pair := uint32(digits[0])
	pos := 1
	if len(digits)%2 == 0 {
		pair, pos = pair*10+uint32(digits[1]), 2
	}
	shift := 8
	for ; pos < len(digits); pos += 2 {
		if shift == 0 {
			w.add(numberElement(p | (11 + 2*pair)))
			p, shift = lead, 16
		} else {
			p |= (11 + 2*pair) << shift
			shift -= 8
		}
		pair = uint32(digits[pos])*10 + uint32(digits[pos+1])
	}
	w.add(numberElement(p | (10+2*pair)<<shift))
}
