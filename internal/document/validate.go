package document

import (
	"encoding/binary"
	"fmt"
)

// Validate checks that b is exactly one well-formed BSON document: every length fits, every string ends with a zero,
// booleans are 0 or 1, types are known, and nothing is nested deeper than maxDepth documents. It does not check that strings
// are UTF-8, as mongod does not. The error wraps [ErrCorrupt], or is [*TooDeepError].
func Validate(b []byte, maxDepth int) error {
	if len(b) < 5 {
		return fmt.Errorf("%w: %d bytes are too few for a document", ErrCorrupt, len(b))
	}
	if n := int32(binary.LittleEndian.Uint32(b)); int(n) != len(b) {
		return fmt.Errorf("%w: the document's length says %d, there are %d bytes", ErrCorrupt, n, len(b))
	}
	return validate(b, maxDepth, maxDepth)
}

// TooDeepError says that a document is nested deeper than MongoDB allows.
type TooDeepError struct{ Max int }

func (e *TooDeepError) Error() string {
	return fmt.Sprintf("BSON nested deeper than %d levels", e.Max)
}

func validate(d Doc, left, maxDepth int) error {
	if left == 0 {
		return &TooDeepError{Max: maxDepth}
	}
	if d[len(d)-1] != 0 {
		return fmt.Errorf("%w: document does not end with a zero", ErrCorrupt)
	}
	it := d.Iter()
	for it.Next() {
		if err := validateValue(it.val, left, maxDepth); err != nil {
			return err
		}
		if len(it.rest) == 0 {
			return fmt.Errorf("%w: document does not end with a zero", ErrCorrupt)
		}
		if len(it.rest) > 1 && it.rest[0] == 0 {
			return fmt.Errorf("%w: zero before the end of a document", ErrCorrupt)
		}
	}
	if it.err == nil && len(d) > 5 && d[4] == 0 {
		return fmt.Errorf("%w: zero before the end of a document", ErrCorrupt)
	}
	return it.err
}

func validateValue(v Value, left, maxDepth int) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }
	switch v.Type {
	case TypeString, TypeCode, TypeSymbol:
		if v.Data[len(v.Data)-1] != 0 {
			return bad("string without its zero")
		}
	case TypeBool:
		if v.Data[0] > 1 {
			return bad("boolean that is neither 0 nor 1")
		}
	case TypeDBPointer:
		if v.Data[len(v.Data)-13] != 0 {
			return bad("string without its zero")
		}
	case TypeBinary:
		if v.Data[4] == 2 {
			if inner := length(v.Data[5:]); inner != len(v.Data)-9 {
				return bad("old binary whose inner length is wrong")
			}
		}
	case TypeDocument, TypeArray:
		return validate(Doc(v.Data), left-1, maxDepth)
	case TypeCodeWithScope:
		if len(v.Data) < 14 {
			return bad("code with scope too short")
		}
		n := length(v.Data[4:])
		if n < 1 || 8+n+5 > len(v.Data) || v.Data[8+n-1] != 0 {
			return bad("code with scope whose code does not fit")
		}
		scope := v.Data[8+n:]
		if length(scope) != len(scope) {
			return bad("code with scope whose scope does not fit")
		}
		return validate(Doc(scope), left-1, maxDepth)
	}
	return nil
}
