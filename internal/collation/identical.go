package collation

import "golang.org/x/text/unicode/norm"

// The fifth level: the code points of the decomposed string, each as the difference to the one before (BOCSU, Unicode Technical Note 6,
// in the form that keeps the order of code points).

const (
	slopeMin    = 3
	slopeMax    = 0xff
	slopeMiddle = 0x81
	slopeTail   = slopeMax - slopeMin + 1 // values of a byte that is not the first

	reach1 = 80                                                    // what one byte can say, up and down
	reach2 = 42*slopeTail + 41                                     // two
	reach3 = 3*slopeTail*slopeTail + 2*slopeTail + (slopeTail - 1) // three
	up2    = slopeMiddle + reach1 + 1                              // the first lead byte of two, upwards
	up3    = up2 + 42
	down2  = slopeMiddle - reach1
	down3  = down2 - 42
)

func appendIdentical(dst []byte, s string) []byte {
	previous := rune(0)
	for _, r := range norm.NFD.String(s) {
		if previous < 0x4e00 || previous >= 0xa000 {
			previous = previous&^0x7f + reach1
		} else {
			previous = 0x9fff - reach2
		}
		if r == 0xfffe {
			dst, previous = append(dst, 2), 0
			continue
		}
		dst = appendDifference(dst, int(r-previous))
		previous = r
	}
	return dst
}

func appendDifference(dst []byte, d int) []byte {
	switch {
	case d >= -reach1 && d <= reach1:
		return append(dst, byte(slopeMiddle+d))
	case d > 0 && d <= reach2:
		return append(dst, byte(up2+d/slopeTail), tail(d))
	case d > 0 && d <= reach3:
		return append(dst, byte(up3+d/slopeTail/slopeTail), tail(d/slopeTail), tail(d))
	case d > 0:
		return append(dst, slopeMax, tail(d/slopeTail/slopeTail), tail(d/slopeTail), tail(d))
	case d >= -reach2-1:
		return append(dst, byte(down2+floor(d)), tail(d))
	case d >= -reach3-1:
		return append(dst, byte(down3+floor(floor(d))), tail(floor(d)), tail(d))
	}
	return append(dst, slopeMin, tail(floor(floor(d))), tail(floor(d)), tail(d))
}

// tail returns the byte for what is left of d after dividing it by the number of tail values, rounding down.
func tail(d int) byte { return byte(slopeMin + d - floor(d)*slopeTail) }

// floor divides, rounding down.
func floor(d int) int {
	if d >= 0 {
		return d / slopeTail
	}
	return -((-d + slopeTail - 1) / slopeTail)
}
