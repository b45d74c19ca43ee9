package mongolog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// maxValue is the size in bytes above which an attribute is cut (mongod's maxLogSizeKB).
const maxValue = 10 << 10

// format is how lines look.
type format struct{ utc bool }

const (
	localTime = "2006-01-02T15:04:05.000-07:00"
	utcTime   = "2006-01-02T15:04:05.000Z"
)

func (f format) appendTime(dst []byte, t time.Time) []byte {
	if f.utc {
		return t.UTC().AppendFormat(dst, utcTime)
	}
	return t.Local().AppendFormat(dst, localTime)
}

// appendLine appends a line. Severity, component and id are padded as mongod does, so that messages stand below each other.
func (f format) appendLine(dst []byte, t time.Time, level slog.Level, h header, msg string, attrs []slog.Attr) []byte {
	dst = append(dst, `{"t":{"$date":"`...)
	dst = f.appendTime(dst, t)
	dst = append(dst, `"},`...)
	dst = appendPadded(dst, `"s":"`+severity(level)+`",`, 10)
	if h.component == "" {
		h.component = "-"
	}
	dst = appendPadded(dst, `"c":"`+h.component+`",`, 16)
	dst = appendPadded(dst, `"id":`+strconv.FormatInt(h.id, 10)+`,`, 14)
	if h.context == "" {
		h.context = "-"
	}
	dst = append(dst, `"ctx":`...)
	dst = appendJSON(dst, h.context)
	dst = append(dst, `,"msg":`...)
	dst = appendJSON(dst, msg)
	dst = f.appendAttrs(dst, attrs)
	if len(h.tags) > 0 {
		dst = append(dst, `,"tags":`...)
		dst = appendJSON(dst, h.tags)
	}
	return append(dst, '}', '\n')
}

func severity(level slog.Level) string {
	switch {
	case level >= LevelFatal:
		return "F"
	case level >= slog.LevelError:
		return "E"
	case level >= slog.LevelWarn:
		return "W"
	case level >= slog.LevelInfo:
		return "I"
	}
	return "D" + strconv.Itoa(debugLevel(level))
}

func appendPadded(dst []byte, s string, width int) []byte {
	dst = append(dst, s...)
	for n := len(s); n < width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}

// appendAttrs appends the attributes and, if values had to be cut, how long they were.
func (f format) appendAttrs(dst []byte, attrs []slog.Attr) []byte {
	attrs = merge(attrs)
	if len(attrs) == 0 {
		return dst
	}
	dst = append(dst, `,"attr":`...)
	var cut []byte
	dst = f.appendObject(dst, attrs, &cut)
	if cut != nil {
		dst = append(append(append(dst, `,"truncated":{`...), cut...), '}')
	}
	return dst
}

// merge resolves values, lifts nameless groups, joins groups of one name and drops what is empty.
func merge(attrs []slog.Attr) []slog.Attr {
	var out []slog.Attr
	at := map[string]int{}
	var add func(attrs []slog.Attr)
	add = func(attrs []slog.Attr) {
		for _, a := range attrs {
			a.Value = a.Value.Resolve()
			group := a.Value.Kind() == slog.KindGroup
			switch i, seen := at[a.Key]; {
			case a.Equal(slog.Attr{}) || group && len(a.Value.Group()) == 0:
			case group && a.Key == "":
				add(a.Value.Group())
			case group && seen && out[i].Value.Kind() == slog.KindGroup:
				joined := append(append([]slog.Attr{}, out[i].Value.Group()...), a.Value.Group()...)
				out[i].Value = slog.GroupValue(joined...)
			case seen:
				out[i] = a
			default:
				at[a.Key] = len(out)
				out = append(out, a)
			}
		}
	}
	add(attrs)
	return out
}

func (f format) appendObject(dst []byte, attrs []slog.Attr, cut *[]byte) []byte {
	dst = append(dst, '{')
	for i, a := range attrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if a.Value.Kind() == slog.KindDuration { // MongoDB's names say the unit
			a.Key += "Millis"
		}
		dst = appendJSON(dst, a.Key)
		dst = append(dst, ':')
		if a.Value.Kind() == slog.KindGroup {
			dst = f.appendObject(dst, merge(a.Value.Group()), cut)
			continue
		}
		start := len(dst)
		dst = f.appendValue(dst, a.Value)
		if size := len(dst) - start; size > maxValue {
			short := string(dst[start : start+maxValue])
			dst = appendJSON(dst[:start], short)
			if *cut != nil {
				*cut = append(*cut, ',')
			}
			*cut = append(appendJSON(*cut, a.Key), fmt.Sprintf(`:{"type":"string","size":%d}`, size)...)
		}
	}
	return append(dst, '}')
}

func (f format) appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendJSON(dst, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(dst, v.Duration().Milliseconds(), 10)
	case slog.KindTime:
		return append(f.appendTime(append(dst, `{"$date":"`...), v.Time()), `"}`...)
	}
	switch v := v.Any().(type) {
	case document.Doc:
		if text := v.String(); json.Valid([]byte(text)) {
			return append(dst, text...)
		}
		return appendJSON(dst, v.String())
	case json.Marshaler:
		return appendJSON(dst, v)
	case error:
		return appendJSON(dst, v.Error())
	case fmt.Stringer:
		return appendJSON(dst, v.String())
	default:
		return appendJSON(dst, v)
	}
}

// appendJSON appends v as JSON, without HTML's escapes. What has no JSON form (a NaN, a channel) is printed as text.
func appendJSON(dst []byte, v any) []byte {
	w := &buffer{dst}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return appendJSON(dst, fmt.Sprint(v))
	}
	return w.b[:len(w.b)-1] // without Encode's newline
}

type buffer struct{ b []byte }

func (w *buffer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
