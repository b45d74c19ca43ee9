package expr

import (
	"math"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
)

func init() {
	for name, part := range map[string]func(t time.Time) int{
		"$year":         time.Time.Year,
		"$month":        func(t time.Time) int { return int(t.Month()) },
		"$dayOfMonth":   time.Time.Day,
		"$hour":         time.Time.Hour,
		"$minute":       time.Time.Minute,
		"$second":       time.Time.Second,
		"$millisecond":  func(t time.Time) int { return t.Nanosecond() / 1e6 },
		"$dayOfYear":    time.Time.YearDay,
		"$dayOfWeek":    func(t time.Time) int { return int(t.Weekday()) + 1 },
		"$isoDayOfWeek": isoDay,
		"$week":         func(t time.Time) int { return (t.YearDay() + 6 - int(t.Weekday())) / 7 },
		"$isoWeek":      func(t time.Time) int { _, w := t.ISOWeek(); return w },
		"$isoWeekYear":  func(t time.Time) int { y, _ := t.ISOWeek(); return y },
	} {
		operators[name] = &operator{parse: parseDatePart(part, name == "$isoWeekYear")}
	}
	register(map[string]operator{
		"$dateToParts":   {parse: parseDateToParts},
		"$dateFromParts": {parse: parseDateFromParts},
	})
}

// isoDay is 1 for Monday to 7 for Sunday.
func isoDay(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// datePart is $year and its relatives.
type datePart struct {
	name           string
	date, timezone node
	part           func(time.Time) int
	long           bool
}

func parseDatePart(part func(time.Time) int, long bool) func(*compiler, string, document.Value) (node, error) {
	return func(c *compiler, name string, v document.Value) (node, error) {
		n := &datePart{name: name, part: part, long: long}
		switch {
		case v.Type == document.TypeDocument && !strings.HasPrefix(v.Doc().First().Key, "$"):
			err := c.named(v.Doc(), func(key string) *node {
				return map[string]*node{"date": &n.date, "timezone": &n.timezone}[key]
			}, func(key string) error { return fail(40535, "unrecognized option to %s: \"%s\"", name, key) })
			switch {
			case err != nil:
				return nil, err
			case n.date == nil:
				return nil, fail(40539, "missing 'date' argument to %s, provided: %s: %s", name, name, v)
			}
		default:
			args, err := c.arguments(v)
			if err != nil {
				return nil, err
			}
			if len(args) != 1 {
				return nil, fail(40536, "%s accepts exactly one argument if given an array, but was given %d", name, len(args))
			}
			n.date = args[0]
		}
		return c.folded(n, n.date, n.timezone)
	}
}

func (n *datePart) eval(x *Evaluator) (document.Value, error) {
	v, err := n.date.eval(x)
	if err != nil {
		return v, err
	}
	if v.IsNullish() {
		return document.Null, nil
	}
	ms, err := moment(v)
	if err != nil {
		return missing, err
	}
	zone := utc
	if z, given, err := optional(x, n.timezone); err != nil {
		return z, err
	} else if given {
		switch {
		case z.IsNullish():
			return document.Null, nil
		case z.Type != document.TypeString:
			return missing, fail(40533, "%s requires a string for the timezone argument, but was given a %s (%s)", n.name, z.Type, z)
		}
		if zone, err = x.zone(z.Str()); err != nil {
			return missing, err
		}
	}
	result := n.part(time.UnixMilli(ms).In(zone))
	if n.long {
		return x.int64(int64(result)), nil
	}
	return x.int32(int32(result)), nil
}

// dateToParts is $dateToParts.
type dateToParts struct{ date, timezone, iso node }

func parseDateToParts(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(40524, "$dateToParts only supports an object as its argument")
	}
	n := &dateToParts{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"date": &n.date, "timezone": &n.timezone, "iso8601": &n.iso}[key]
	}, func(key string) error { return fail(40520, "Unrecognized argument to $dateToParts: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.date == nil:
		return nil, fail(40522, "Missing 'date' parameter to $dateToParts")
	}
	return c.folded(n, n.date, n.timezone, n.iso)
}

func (n *dateToParts) eval(x *Evaluator) (document.Value, error) {
	v, err := n.date.eval(x)
	if err != nil {
		return v, err
	}
	zone, null, err := x.zoneOf("$dateToParts", n.timezone)
	if err != nil {
		return missing, err
	}
	iso, given, err := optional(x, n.iso)
	switch {
	case err != nil:
		return missing, err
	case null || given && iso.IsNullish():
		return document.Null, nil
	case given && iso.Type != document.TypeBool:
		return missing, fail(40521, "iso8601 must evaluate to a bool, found %s", iso.Type)
	case v.IsNullish():
		return document.Null, nil
	}
	ms, err := moment(v)
	if err != nil {
		return missing, err
	}
	t := time.UnixMilli(ms).In(zone)
	var b document.Builder
	if iso.Bool() {
		year, week := t.ISOWeek()
		b.AppendInt32("isoWeekYear", int32(year))
		b.AppendInt32("isoWeek", int32(week))
		b.AppendInt32("isoDayOfWeek", int32(isoDay(t)))
	} else {
		b.AppendInt32("year", int32(t.Year()))
		b.AppendInt32("month", int32(t.Month()))
		b.AppendInt32("day", int32(t.Day()))
	}
	b.AppendInt32("hour", int32(t.Hour()))
	b.AppendInt32("minute", int32(t.Minute()))
	b.AppendInt32("second", int32(t.Second()))
	b.AppendInt32("millisecond", int32(t.Nanosecond()/1e6))
	return b.Finish().AsValue(), nil
}

// dateFromParts is $dateFromParts.
type dateFromParts struct {
	year, month, day          node
	isoYear, isoWeek, isoDay  node
	hour, minute, second, msc node
	timezone                  node
}

func parseDateFromParts(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(40519, "$dateFromParts only supports an object as its argument")
	}
	n := &dateFromParts{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"year": &n.year, "month": &n.month, "day": &n.day, "isoWeekYear": &n.isoYear, "isoWeek": &n.isoWeek, "isoDayOfWeek": &n.isoDay,
			"hour": &n.hour, "minute": &n.minute, "second": &n.second, "millisecond": &n.msc, "timezone": &n.timezone}[key]
	}, func(key string) error { return fail(40518, "Unrecognized argument to $dateFromParts: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.year == nil && n.isoYear == nil:
		return nil, fail(40516, "$dateFromParts requires either 'year' or 'isoWeekYear' to be present")
	case n.year != nil && (n.isoYear != nil || n.isoWeek != nil || n.isoDay != nil):
		return nil, fail(40489, "$dateFromParts does not allow mixing natural dates with ISO dates")
	case n.isoYear != nil && (n.month != nil || n.day != nil):
		return nil, fail(40525, "$dateFromParts does not allow mixing ISO dates with natural dates")
	}
	return c.folded(n, n.year, n.month, n.day, n.isoYear, n.isoWeek, n.isoDay, n.hour, n.minute, n.second, n.msc, n.timezone)
}

// datePartRange bounds the parts of dates other than years, seconds and milliseconds.
const datePartRange = 1 << 15

func (n *dateFromParts) eval(x *Evaluator) (document.Value, error) {
	zone, null, err := x.zoneOf("$dateFromParts", n.timezone)
	if err != nil {
		return missing, err
	}
	read := func(part node, name string, value int64, low, high int64) int64 {
		v, given, e := optional(x, part)
		switch {
		case err != nil || !given:
			return value
		case e != nil:
			err = e
			return 0
		case v.IsNullish():
			null = true
			return value
		}
		number, exact := v.AsInt64()
		switch {
		case !v.IsNumber() || !exact:
			err = fail(40515, "'%s' must evaluate to an integer, found %s with value %s", name, v.Type, v)
		case strings.HasSuffix(strings.ToLower(name), "year") && (number < low || number > high):
			err = fail(40523, "'%s' must evaluate to an integer in the range %d to %d, found %d", name, low, high, number)
		case number < low || number > high:
			err = fail(31034, "'%s' must evaluate to a value in the range [%d, %d]; value %d is not in range", name, low, high, number)
		}
		return number
	}
	const low, high = -datePartRange, datePartRange - 1
	hour, minute := read(n.hour, "hour", 0, low, high), read(n.minute, "minute", 0, low, high)
	second := read(n.second, "second", 0, math.MinInt32, math.MaxInt32)
	ms := read(n.msc, "millisecond", 0, math.MinInt32, math.MaxInt32)
	var day time.Time
	if n.year != nil {
		year := read(n.year, "year", 1970, 1, 9999)
		month, d := read(n.month, "month", 1, low, high), read(n.day, "day", 1, low, high)
		day = time.Date(int(year), time.Month(month), int(d), 0, 0, 0, 0, time.UTC)
	} else {
		year := read(n.isoYear, "isoWeekYear", 1970, 1, 9999)
		week, d := read(n.isoWeek, "isoWeek", 1, low, high), read(n.isoDay, "isoDayOfWeek", 1, low, high)
		fourth := time.Date(int(year), 1, 4, 0, 0, 0, 0, time.UTC) // is in the first week
		day = fourth.AddDate(0, 0, 1-isoDay(fourth)+int(week-1)*7+int(d-1))
	}
	switch {
	case err != nil:
		return missing, err
	case null:
		return document.Null, nil
	}
	t := time.Date(day.Year(), day.Month(), day.Day(), int(hour), int(minute), int(second), 0, time.UTC)
	return x.date(inZone(t, zone) + ms), nil
}
