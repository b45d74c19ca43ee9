package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$dateToString":   {parse: parseDateToString},
		"$dateFromString": {parse: parseDateFromString},
	})
}

// dateToString is $dateToString.
type dateToString struct{ date, format, timezone, onNull node }

func parseDateToString(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(18629, "$dateToString only supports an object as its argument")
	}
	n := &dateToString{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"date": &n.date, "format": &n.format, "timezone": &n.timezone, "onNull": &n.onNull}[key]
	}, func(key string) error { return fail(18534, "Unrecognized argument to $dateToString: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.date == nil:
		return nil, fail(18628, "Missing 'date' parameter to $dateToString")
	}
	if k, ok := n.format.(constant); ok && k.value.Type == document.TypeString {
		if err := checkFormat(k.value.Str(), false); err != nil {
			return nil, c.failed(err)
		}
	}
	return c.folded(n, n.date, n.format, n.timezone, n.onNull)
}

func (n *dateToString) eval(x *Evaluator) (document.Value, error) {
	v, err := n.date.eval(x)
	if err != nil {
		return v, err
	}
	format := ""
	if f, given, err := optional(x, n.format); err != nil {
		return f, err
	} else if given {
		switch {
		case f.IsNullish():
			return document.Null, nil
		case f.Type != document.TypeString:
			return missing, fail(18533, "$dateToString requires that 'format' be a string, found: %s with value %s", f.Type, f)
		}
		format = f.Str()
		if err := checkFormat(format, false); err != nil {
			return missing, err
		}
	}
	zone, null, err := x.zoneOf("$dateToString", n.timezone)
	switch {
	case err != nil:
		return missing, err
	case v.IsNullish() && n.onNull != nil:
		return n.onNull.eval(x)
	case v.IsNullish(), null:
		return document.Null, nil
	}
	ms, err := moment(v)
	if err != nil {
		return missing, err
	}
	t := time.UnixMilli(ms).In(zone)
	if y := t.Year(); y < 0 || y > 9999 {
		return missing, fail(18537, "$dateToString is only defined on year 0-9999, tried to use year %d", y)
	}
	if n.format == nil {
		format = "%Y-%m-%dT%H:%M:%S.%LZ" // whatever the zone, as with mongod
	}
	return x.string(formatDate(t, format)), nil
}

// formatLetters are the letters that may follow % when dates are printed, and when they are read.
const (
	formatLetters = "%YmdHMSLjwuUVGzZ"
	parseLetters  = "%YmdHMSLuVGzZ"
)

func checkFormat(format string, reading bool) error {
	letters := formatLetters
	if reading {
		letters = parseLetters
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; i == len(format) {
			return fail(18535, "Unmatched '%%' at end of format string")
		}
		if strings.IndexByte(letters, format[i]) < 0 {
			return fail(18536, "Invalid format character '%%%c' in format string", format[i])
		}
	}
	return nil
}

func formatDate(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		appendDatePart(&b, t, format[i])
	}
	return b.String()
}

func appendDatePart(b *strings.Builder, t time.Time, letter byte) {
	isoYear, isoWeek := t.ISOWeek()
	_, offset := t.Zone()
	switch letter {
	case '%':
		b.WriteByte('%')
	case 'Y':
		fmt.Fprintf(b, "%04d", t.Year())
	case 'm':
		fmt.Fprintf(b, "%02d", t.Month())
	case 'd':
		fmt.Fprintf(b, "%02d", t.Day())
	case 'H':
		fmt.Fprintf(b, "%02d", t.Hour())
	case 'M':
		fmt.Fprintf(b, "%02d", t.Minute())
	case 'S':
		fmt.Fprintf(b, "%02d", t.Second())
	case 'L':
		fmt.Fprintf(b, "%03d", t.Nanosecond()/1e6)
	case 'j':
		fmt.Fprintf(b, "%03d", t.YearDay())
	case 'w':
		fmt.Fprintf(b, "%d", int(t.Weekday())+1)
	case 'u':
		fmt.Fprintf(b, "%d", isoDay(t))
	case 'U':
		fmt.Fprintf(b, "%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'V':
		fmt.Fprintf(b, "%02d", isoWeek)
	case 'G':
		fmt.Fprintf(b, "%04d", isoYear)
	case 'z':
		sign := '+'
		if offset < 0 {
			sign, offset = '-', -offset
		}
		fmt.Fprintf(b, "%c%02d%02d", sign, offset/3600, offset/60%60)
	case 'Z':
		fmt.Fprintf(b, "%d", offset/60)
	}
}

// dateFromString is $dateFromString.
type dateFromString struct{ text, format, timezone, onError, onNull node }

func parseDateFromString(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(40540, "$dateFromString only supports an object as an argument, found: %s", v.Type)
	}
	n := &dateFromString{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"dateString": &n.text, "format": &n.format, "timezone": &n.timezone, "onError": &n.onError, "onNull": &n.onNull}[key]
	}, func(key string) error { return fail(40541, "Unrecognized argument to $dateFromString: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.text == nil:
		return nil, fail(40542, "Missing 'dateString' parameter to $dateFromString")
	}
	return c.folded(n, n.text, n.format, n.timezone, n.onError, n.onNull)
}

func (n *dateFromString) eval(x *Evaluator) (document.Value, error) {
	v, err := n.text.eval(x)
	if err != nil {
		return v, err
	}
	format, hasFormat := "", false
	if f, given, err := optional(x, n.format); err != nil {
		return f, err
	} else if given {
		switch {
		case f.IsNullish():
			return document.Null, nil
		case f.Type != document.TypeString:
			return missing, fail(40684, "$dateFromString requires that 'format' be a string, found: %s with value %s", f.Type, f)
		}
		if err := checkFormat(f.Str(), true); err != nil {
			return missing, err
		}
		format, hasFormat = f.Str(), true
	}
	zone, null, err := x.zoneOf("$dateFromString", n.timezone)
	switch {
	case err != nil:
		return missing, err
	case v.IsNullish() && n.onNull != nil:
		return n.onNull.eval(x)
	case v.IsNullish(), null:
		return document.Null, nil
	}
	ms, err := int64(0), error(nil)
	switch {
	case v.Type != document.TypeString:
		err = fail(mongoerr.ConversionFailure, "$dateFromString requires that 'dateString' be a string, found: %s with value %s", v.Type, v)
	case hasFormat:
		ms, err = parseDateAs(x, v.Str(), format, zone, n.timezone != nil)
	default:
		ms, err = parseDateIn(x, v.Str(), zone, n.timezone != nil)
	}
	if err != nil {
		if n.onError != nil && mongoerr.From(err).Code == mongoerr.ConversionFailure {
			return n.onError.eval(x)
		}
		return missing, err
	}
	return x.date(ms), nil
}

func unparsableDate(s, why string) error {
	return fail(mongoerr.ConversionFailure, "Error parsing date string '%s'; %s", s, why)
}

// parseDate reads a date in one of the usual forms.
func parseDate(s string, zone *time.Location) (int64, error) {
	return parseDateIn(&Evaluator{}, s, zone, false)
}

// dateLayouts and timeLayouts are the forms in which dates are read when no format is given. mongod's library knows many more.
var (
	dateLayouts = []string{"2006-01-02", "2006-1-2", "2006/01/02", "2006/1/2", "1/2/2006", "01/02/2006", "20060102", "January 2, 2006", "January 2 2006", "January 2th, 2006", "January 2st, 2006", "January 2nd, 2006", "January 2rd, 2006", "Jan 2, 2006",
		"Jan 2 2006", "2 January 2006", "2 Jan 2006", "02-Jan-2006", "02-01-2006", "2.1.2006", "02.01.2006", "Monday, January 2, 2006", "Mon, 02 Jan 2006", "Mon Jan 2 2006", "2006-01", "2006002"}
	timeLayouts = []string{"", "T15:04:05.999999999", "T15:04:05", "T15:04", "T15", " 15:04:05.999999999", " 15:04:05", " 15:04", " 3:04:05 PM", " 3:04 PM", " 3:04PM", " 3PM",
		"T150405", " 15", ", 15:04:05", ", 15:04"}
)

func parseDateIn(x *Evaluator, s string, zone *time.Location, zoneGiven bool) (int64, error) {
	text := strings.TrimSpace(s)
	if text == "" {
		return 0, unparsableDate(s, "0: Empty string")
	}
	if n, ok := strings.CutPrefix(text, "@"); ok {
		if seconds, err := strconv.ParseInt(n, 10, 64); err == nil {
			return seconds * 1000, nil
		}
	}
	body, offset, named, err := cutZone(x, text)
	if err != nil {
		return 0, unparsableDate(s, err.Error())
	}
	if named != nil {
		if zoneGiven {
			return 0, fail(mongoerr.ConversionFailure, "you cannot pass in a date/time string with %s together with a timezone argument", offset)
		}
		zone = named
	}
	for _, d := range dateLayouts {
		for _, t := range timeLayouts {
			if at, err := time.ParseInLocation(d+t, body, zone); err == nil {
				return at.UnixMilli(), nil
			}
		}
	}
	return 0, unparsableDate(s, "0: Unexpected character '"+text[:1]+"'")
}

// cutZone takes the time zone off the end of a date: Z, an offset, or an abbreviation.
func cutZone(x *Evaluator, s string) (body, what string, zone *time.Location, err error) {
	if strings.HasSuffix(s, "Z") || strings.HasSuffix(s, "z") {
		return strings.TrimSpace(s[:len(s)-1]), "time zone information ('Z')", utc, nil
	}
	for _, name := range []string{"UTC", "GMT"} {
		if rest, ok := strings.CutSuffix(s, name); ok {
			return strings.TrimSpace(rest), "time zone information", utc, nil
		}
	}
	for i := len(s) - 1; i > 0 && len(s)-i <= 6; i-- {
		if s[i] != '+' && s[i] != '-' {
			continue
		}
		digits := strings.Replace(s[i+1:], ":", "", 1)
		if !strings.Contains(s[:i], ":") && !strings.Contains(s[:i], "T") || strings.Trim(digits, "0123456789") != "" || len(digits) == 0 || len(digits) > 4 {
			continue
		}
		if len(digits) == 1 || len(digits) == 3 {
			digits = "0" + digits
		}
		if z, ok := offsetZone(s[i:i+1] + digits); ok {
			return strings.TrimSpace(s[:i]), "a GMT offset", z, nil
		}
	}
	if i := strings.LastIndexByte(s, ' '); i > 0 && strings.Contains(s[i+1:], "/") && letter(s[i+1]) {
		return "", "", nil, fmt.Errorf("0: passing a time zone identifier as part of the string is not allowed '%c'", s[i+1])
	}
	return s, "", nil, nil
}

// dateReader reads a date by a format.
type dateReader struct {
	rest                                                string
	year, month, day, hour, minute, second, milli       int
	dayOfYear, isoYear, isoWeek, isoDay                 int
	zone                                                *time.Location
	hasYear, hasMonth, hasDay, hasDayOfYear, iso, zoned bool
}

func parseDateAs(x *Evaluator, s, format string, zone *time.Location, zoneGiven bool) (int64, error) {
	r := dateReader{rest: s, month: 1, day: 1, isoWeek: 1, isoDay: 1, zone: zone}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if r.rest == "" || r.rest[0] != format[i] {
				return 0, unparsableDate(s, fmt.Sprintf("%d: Format literal not found", len(s)-len(r.rest)))
			}
			r.rest = r.rest[1:]
			continue
		}
		i++
		if !r.part(x, format[i]) {
			return 0, unparsableDate(s, fmt.Sprintf("%d: unexpected data for %%%c", len(s)-len(r.rest), format[i]))
		}
	}
	switch {
	case r.rest != "":
		return 0, unparsableDate(s, fmt.Sprintf("%d: Trailing data", len(s)-len(r.rest)))
	case r.zoned && zoneGiven:
		return 0, fail(mongoerr.ConversionFailure, "you cannot pass in a date/time string with GMT offset together with a timezone argument")
	case r.iso && (r.hasYear || r.hasMonth || r.hasDay || r.hasDayOfYear):
		return 0, unparsableDate(s, "0: Mixing of ISO dates with natural dates is not allowed")
	case !r.iso && !r.hasYear || !r.iso && !r.hasDayOfYear && (!r.hasMonth || !r.hasDay) && r.partial():
		return 0, fail(mongoerr.ConversionFailure, "an incomplete date/time string has been found, with elements missing: \"%s\"", s)
	}
	return r.time().UnixMilli(), nil
}

// partial reports whether a date lacks a part that has no default.
func (r *dateReader) partial() bool { return !r.hasYear || !r.hasMonth || !r.hasDay }

func (r *dateReader) time() time.Time {
	switch {
	case r.iso:
		fourth := time.Date(r.isoYear, 1, 4, 0, 0, 0, 0, time.UTC)
		d := fourth.AddDate(0, 0, 1-isoDay(fourth)+(r.isoWeek-1)*7+r.isoDay-1)
		r.year, r.month, r.day = d.Year(), int(d.Month()), d.Day()
	case r.hasDayOfYear:
		r.month, r.day = 1, r.dayOfYear
	}
	return time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.milli*1e6, r.zone)
}

func (r *dateReader) part(x *Evaluator, letter byte) bool {
	switch letter {
	case '%':
		ok := strings.HasPrefix(r.rest, "%")
		r.rest = strings.TrimPrefix(r.rest, "%")
		return ok
	case 'Y':
		r.hasYear = true
		return r.number(&r.year, 4, 4, 0, 9999)
	case 'm':
		r.hasMonth = true
		return r.number(&r.month, 1, 2, 1, 12)
	case 'd':
		r.hasDay = true
		return r.number(&r.day, 1, 2, 1, 31)
	case 'H':
		return r.number(&r.hour, 1, 2, 0, 24)
	case 'M':
		return r.number(&r.minute, 1, 2, 0, 59)
	case 'S':
		return r.number(&r.second, 1, 2, 0, 60)
	case 'L':
		before := len(r.rest)
		ok := r.number(&r.milli, 1, 3, 0, 999)
		for range 3 - (before - len(r.rest)) {
			r.milli *= 10
		}
		return ok
	case 'j':
		r.hasDayOfYear = true
		return r.number(&r.dayOfYear, 1, 3, 1, 366)
	case 'G':
		r.iso = true
		return r.number(&r.isoYear, 4, 4, 0, 9999)
	case 'V':
		r.iso = true
		return r.number(&r.isoWeek, 1, 2, 1, 53)
	case 'u':
		r.iso = true
		return r.number(&r.isoDay, 1, 1, 1, 7)
	case 'z', 'Z':
		return r.readZone(x, letter)
	}
	return false
}

// number reads a number of some digits.
func (r *dateReader) number(into *int, least, most, low, high int) bool {
	n := 0
	for n < most && n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	if n < least {
		return false
	}
	*into, _ = strconv.Atoi(r.rest[:n])
	r.rest = r.rest[n:]
	return low <= *into && *into <= high
}

func (r *dateReader) readZone(x *Evaluator, letter byte) bool {
	r.zoned = true
	n := 0
	for n < len(r.rest) && strings.IndexByte("+-:0123456789", r.rest[n]) >= 0 {
		n++
	}
	text := r.rest[:n]
	if n == 0 {
		for n < len(r.rest) && (nameByte(r.rest[n]) || r.rest[n] == '/') {
			n++
		}
		z, err := x.zone(r.rest[:n])
		if n == 0 || err != nil {
			return false
		}
		r.rest, r.zone = r.rest[n:], z
		return true
	}
	r.rest = r.rest[n:]
	if letter == 'Z' {
		minutes, err := strconv.Atoi(text)
		r.zone = time.FixedZone("", minutes*60)
		return err == nil
	}
	z, ok := offsetZone(text)
	r.zone = z
	return ok
}
