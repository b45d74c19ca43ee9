package expr

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Text prints a value as mongod does in messages of the aggregation framework: doubles with six digits, strings in quotes and unescaped.
func Text(v document.Value) string {
	var b strings.Builder
	appendText(&b, v)
	return b.String()
}

func appendText(b *strings.Builder, v document.Value) {
	switch v.Type {
	case document.TypeMissing:
		b.WriteString("MISSING")
	case document.TypeDouble:
		b.WriteString(doubleText(v.Double()))
	case document.TypeString, document.TypeSymbol:
		b.WriteString(`"` + v.Str() + `"`)
	case document.TypeDocument:
		b.WriteByte('{')
		for it, first := v.Doc().Iter(), true; it.Next(); first = false {
			if !first {
				b.WriteString(", ")
			}
			b.WriteString(it.Key() + ": ")
			appendText(b, it.Value())
		}
		b.WriteByte('}')
	case document.TypeArray:
		b.WriteByte('[')
		for it, first := v.Doc().Iter(), true; it.Next(); first = false {
			if !first {
				b.WriteString(", ")
			}
			appendText(b, it.Value())
		}
		b.WriteByte(']')
	case document.TypeDate:
		b.WriteString(formatISO(v.Int64()))
	case document.TypeObjectID:
		b.WriteString(hex.EncodeToString(v.Data))
	case document.TypeTimestamp:
		fmt.Fprintf(b, "Timestamp(%d, %d)", v.Timestamp()>>32, uint32(v.Timestamp()))
	default:
		b.WriteString(v.Shell())
	}
}

// doubleText prints a double as C++ streams do.
func doubleText(f float64) string {
	s := strconv.FormatFloat(f, 'g', 6, 64)
	s = strings.ToLower(strings.TrimPrefix(s, "+"))
	return s
}
