package keys

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Format prints any key for humans: its space, then its parts.
//
//	/catalog/c/test.people
//	/record/12/57
//	/session/0193...
//	/index/7/"Oslo"/{ x: 1 }/↓42/#57
//
// An arrow marks a value of a descending field, a # the record id. What cannot be read is printed as hexadecimal.
func Format(key []byte) string {
	if len(key) == 0 {
		return "/"
	}
	rest := key[1:]
	switch SpaceOf(key) {
	case SpaceCatalog:
		if kind, name, ok := ParseCatalog(key); ok && unicode.IsPrint(rune(kind)) {
			return "/catalog/" + string(rune(kind)) + "/" + formatName(name)
		}
		return "/catalog/" + formatBytes(rest)
	case SpaceRecord:
		if collection, rid, ok := ParseRecord(key); ok {
			return fmt.Sprintf("/record/%d/%d", collection, rid)
		}
		return "/record/" + formatBytes(rest)
	case SpaceSession:
		return "/session/" + hex.EncodeToString(rest)
	case SpaceRecordsMeta:
		return "/meta/" + formatName(string(rest))
	case SpaceIndexesMeta:
		return "/meta/indexes/" + formatName(string(rest))
	case SpaceIndex:
		if index, rest, ok := ParseIndex(key); ok {
			return "/index/" + strconv.FormatUint(uint64(index), 10) + formatValues(rest)
		}
		return "/index/" + formatBytes(rest)
	}
	return "/" + formatBytes(key)
}

// formatValues prints encoded values and the record id that may follow them. Values never start with the byte that
// record ids start with.
func formatValues(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		s.WriteByte('/')
		if rid, ok := ParseRecordID(b); ok && b[0] == 0 {
			fmt.Fprintf(&s, "#%d", rid)
			break
		}
		v, rest, err := DecodeValue(b)
		if err != nil {
			s.WriteString(formatBytes(b))
			break
		}
		if b[0]&tagDescending != 0 {
			s.WriteString("↓")
		}
		s.WriteString(v.Shell())
		b = rest
	}
	return s.String()
}

// formatName prints a name; as a quoted string if it holds what does not print.
func formatName(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(name)
		}
	}
	return name
}

func formatBytes(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return "0x" + hex.EncodeToString(b)
}
