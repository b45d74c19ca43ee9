package expr

import (
	"math"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$dateAdd":      {parse: parseDateAdd},
		"$dateSubtract": {parse: parseDateAdd},
		"$dateDiff":     {parse: parseDateDiff},
		"$dateTrunc":    {parse: parseDateTrunc},
	})
}

// unit is a unit of time.
type unit int

const (
	unitYear unit = iota
	unitQuarter
	unitMonth
	unitWeek
	unitDay
	unitHour
	unitMinute
	unitSecond
	unitMillisecond
)

var units = map[string]unit{"year": unitYear, "quarter": unitQuarter, "month": unitMonth, "week": unitWeek, "day": unitDay, "hour": unitHour, "minute": unitMinute,
	"second": unitSecond, "millisecond": unitMillisecond}

// millis is how long a unit is; 0 for those whose length depends on the calendar.
var unitMillis = [...]int64{unitHour: 3_600_000, unitMinute: 60_000, unitSecond: 1000, unitMillisecond: 1}

// months is how many months a unit has; 0 for those that have none.
var unitMonths = [...]int64{unitYear: 12, unitQuarter: 3, unitMonth: 1, unitMillisecond: 0}

// dateAdd is $dateAdd and $dateSubtract.
type dateAdd struct {
	name                          string
	start, unit, amount, timezone node
}

func parseDateAdd(c *compiler, name string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(5166400, "%s expects an object as its argument", name)
	}
	n := &dateAdd{name: name}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"startDate": &n.start, "unit": &n.unit, "amount": &n.amount, "timezone": &n.timezone}[key]
	}, func(key string) error {
		return fail(5166401, "Unrecognized argument to %s: %s. Expected arguments are startDate, unit, amount, and optionally timezone.", name, key)
	})
	switch {
	case err != nil:
		return nil, err
	case n.start == nil || n.unit == nil || n.amount == nil:
		return nil, fail(5166402, "%s requires startDate, unit, and amount to be present", name)
	}
	return c.folded(n, n.start, n.unit, n.amount, n.timezone)
}

func (n *dateAdd) eval(x *Evaluator) (document.Value, error) {
	start, err := n.start.eval(x)
	if err != nil {
		return start, err
	}
	unitValue, err := n.unit.eval(x)
	if err != nil {
		return unitValue, err
	}
	amountValue, err := n.amount.eval(x)
	if err != nil {
		return amountValue, err
	}
	if nullish(start, unitValue, amountValue) {
		return document.Null, nil
	}
	zone, null, err := x.zoneOf(n.name, n.timezone)
	switch {
	case err != nil:
		return missing, err
	case null:
		return document.Null, nil
	}
	ms, err := moment(start)
	if err != nil {
		return missing, fail(5166403, "%s requires startDate to be convertible to a date", n.name)
	}
	if unitValue.Type != document.TypeString {
		return missing, fail(5166404, "%s expects string defining the time unit", n.name)
	}
	u, ok := units[unitValue.Str()]
	if !ok {
		return missing, unknownUnit(unitValue.Str())
	}
	amount, exact := amountValue.AsInt64()
	if !amountValue.IsNumber() || !exact {
		return missing, fail(5166405, "%s expects integer amount of time units", n.name)
	}
	if n.name == "$dateSubtract" {
		if amount == math.MinInt64 {
			return missing, fail(6045000, "invalid dateSubtract 'amount' parameter value: %d %s", amount, unitValue.Str())
		}
		amount = -amount
	}
	result, ok := addUnits(ms, u, amount, zone)
	if !ok {
		return missing, fail(5976500, "invalid dateAdd 'amount' parameter value: %d %s", amount, unitValue.Str())
	}
	return x.date(result), nil
}

func unknownUnit(name string) error {
	return mongoerr.New(mongoerr.FailedToParse, "unknown time unit value: %s", name)
}

// maxYears bounds what is added to a date, so that calendars need not be calculated for years that no date has.
const maxYears = 300_000_000

// addUnits adds to a moment: lengths of time to the moment itself, days and more to the date in the zone. A day that a month does not have
// becomes its last one.
func addUnits(ms int64, u unit, amount int64, zone *time.Location) (int64, bool) {
	if per := unitMillis[u]; per != 0 {
		delta, ok := multiplied(amount, per)
		sum := ms + delta
		return sum, ok && (sum > ms) == (delta > 0)
	}
	if amount > maxYears*366 || amount < -maxYears*366 {
		return 0, false
	}
	t := time.UnixMilli(ms).In(zone)
	switch u {
	case unitWeek:
		t = addDays(t, amount*7, zone)
	case unitDay:
		t = addDays(t, amount, zone)
	default:
		months := amount * unitMonths[u]
		if months > maxYears*12 || months < -maxYears*12 {
			return 0, false
		}
		first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		t = time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	}
	if y := t.Year(); y > maxYears/2 || y < -maxYears/2 {
		return 0, false
	}
	return t.UnixMilli(), true
}

func addDays(t time.Time, days int64, zone *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+int(days), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}

var weekdays = map[string]time.Weekday{"sunday": 0, "sun": 0, "monday": 1, "mon": 1, "tuesday": 2, "tue": 2, "wednesday": 3, "wed": 3, "thursday": 4, "thu": 4,
	"friday": 5, "fri": 5, "saturday": 6, "sat": 6}

// dateDiff is $dateDiff.
type dateDiff struct{ start, end, unit, timezone, week node }

func parseDateDiff(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(5166301, "$dateDiff only supports an object as its argument")
	}
	n := &dateDiff{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"startDate": &n.start, "endDate": &n.end, "unit": &n.unit, "timezone": &n.timezone, "startOfWeek": &n.week}[key]
	}, func(key string) error { return fail(5166302, "Unrecognized argument to $dateDiff: %s", key) })
	switch {
	case err != nil:
		return nil, err
	case n.start == nil:
		return nil, fail(5166303, "Missing 'startDate' parameter to $dateDiff")
	case n.end == nil:
		return nil, fail(5166304, "Missing 'endDate' parameter to $dateDiff")
	case n.unit == nil:
		return nil, fail(5166305, "Missing 'unit' parameter to $dateDiff")
	}
	return c.folded(n, n.start, n.end, n.unit, n.timezone, n.week)
}

func (n *dateDiff) eval(x *Evaluator) (document.Value, error) {
	start, err := n.start.eval(x)
	if err != nil {
		return start, err
	}
	end, err := n.end.eval(x)
	if err != nil {
		return end, err
	}
	s, null, err := x.span("$dateDiff", n.unit, n.timezone, n.week)
	switch {
	case err != nil:
		return missing, err
	case null || nullish(start, end):
		return document.Null, nil
	}
	from, err := dateOperand("$dateDiff", "startDate", start, 5166307)
	if err != nil {
		return missing, err
	}
	to, err := dateOperand("$dateDiff", "endDate", end, 5166307)
	if err != nil {
		return missing, err
	}
	d, ok := s.between(from, to)
	if !ok {
		return missing, mongoerr.New(mongoerr.DurationOverflow, "$dateDiff overflowed")
	}
	return x.int64(d), nil
}

func dateOperand(op, name string, v document.Value, code codeNumber) (int64, error) {
	ms, err := moment(v)
	if err != nil {
		return 0, fail(code, "%s requires '%s' to be a date, but got %s", op, name, v.Type)
	}
	return ms, nil
}

// timeSpan is a unit in a zone, with weeks that begin on some day.
type timeSpan struct {
	unit unit
	zone *time.Location
	week time.Weekday
}

// span evaluates what $dateDiff and $dateTrunc have in common.
func (x *Evaluator) span(op string, unitNode, zoneNode, weekNode node) (s timeSpan, null bool, err error) {
	u, err := unitNode.eval(x)
	if err != nil {
		return s, false, err
	}
	week, weekGiven, err := optional(x, weekNode)
	if err != nil {
		return s, false, err
	}
	zone, given, err := optional(x, zoneNode)
	switch {
	case err != nil:
		return s, false, err
	case u.IsNullish() || given && zone.IsNullish():
		return s, true, nil
	case u.Type != document.TypeString:
		return s, false, fail(5439013, "%s requires 'unit' to be a string, but got %s", op, u.Type)
	}
	var ok bool
	if s.unit, ok = units[u.Str()]; !ok {
		return s, false, fail(5439014, "%s parameter 'unit' value cannot be recognized as a time unit: %s", op, u.Str())
	}
	s.zone = utc
	if given {
		if zone.Type != document.TypeString {
			return s, false, fail(40517, "%s parameter 'timezone' value parsing failed :: caused by :: timezone must evaluate to a string, found %s", op, zone.Type)
		}
		if s.zone, err = x.zone(zone.Str()); err != nil {
			return s, false, mongoerr.From(err).WithContext("%s parameter 'timezone' value parsing failed", op)
		}
	}
	if weekGiven && s.unit == unitWeek {
		switch {
		case week.IsNullish():
			return s, true, nil
		case week.Type != document.TypeString:
			return s, false, fail(5439015, "%s requires 'startOfWeek' to be a string, but got %s", op, week.Type)
		}
		if s.week, ok = weekdays[strings.ToLower(week.Str())]; !ok {
			return s, false, fail(5439016, "%s parameter 'startOfWeek' value cannot be recognized as a day of a week: %s", op, week.Str())
		}
	}
	return s, false, nil
}

// day returns the number of a date's day.
func day(t time.Time) int64 {
	return floorDiv(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix(), 86400)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// between counts the boundaries of units between two moments.
func (s timeSpan) between(from, to int64) (int64, bool) {
	a, b := time.UnixMilli(from).In(s.zone), time.UnixMilli(to).In(s.zone)
	switch s.unit {
	case unitYear:
		return int64(b.Year() - a.Year()), true
	case unitQuarter:
		return int64(b.Year()-a.Year())*4 + int64((b.Month()-1)/3) - int64((a.Month()-1)/3), true
	case unitMonth:
		return int64(b.Year()-a.Year())*12 + int64(b.Month()-a.Month()), true
	case unitWeek:
		return s.weekNumber(b) - s.weekNumber(a), true
	case unitDay:
		return day(b) - day(a), true
	case unitMillisecond:
		return subtracted(to, from)
	}
	return floorDiv(s.local(b), unitMillis[s.unit]) - floorDiv(s.local(a), unitMillis[s.unit]), true
}

// local returns a moment in milliseconds of the zone's clock. Hours and less are counted by the clock of the zone's offset in minutes.
func (s timeSpan) local(t time.Time) int64 {
	_, offset := t.Zone()
	return t.UnixMilli() + int64(offset%3600)*1000
}

// weekNumber counts weeks from the one of 1970-01-01, a Thursday.
func (s timeSpan) weekNumber(t time.Time) int64 { return floorDiv(day(t)+4-int64(s.week), 7) }

// dateTrunc is $dateTrunc.
type dateTrunc struct{ date, unit, bin, timezone, week node }

func parseDateTrunc(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(5439007, "$dateTrunc only supports an object as its argument")
	}
	n := &dateTrunc{}
	err := c.named(v.Doc(), func(key string) *node {
		return map[string]*node{"date": &n.date, "unit": &n.unit, "binSize": &n.bin, "timezone": &n.timezone, "startOfWeek": &n.week}[key]
	}, func(key string) error {
		return fail(5439008, "Unrecognized argument to $dateTrunc: %s. Expected arguments are date, unit, and optionally, binSize, timezone, startOfWeek", key)
	})
	switch {
	case err != nil:
		return nil, err
	case n.date == nil:
		return nil, fail(5439009, "Missing 'date' parameter to $dateTrunc")
	case n.unit == nil:
		return nil, fail(5439010, "Missing 'unit' parameter to $dateTrunc")
	}
	return c.folded(n, n.date, n.unit, n.bin, n.timezone, n.week)
}

func (n *dateTrunc) eval(x *Evaluator) (document.Value, error) {
	v, err := n.date.eval(x)
	if err != nil {
		return v, err
	}
	bin, binGiven, err := optional(x, n.bin)
	if err != nil {
		return bin, err
	}
	s, null, err := x.span("$dateTrunc", n.unit, n.timezone, n.week)
	switch {
	case err != nil:
		return missing, err
	case null || v.IsNullish() || binGiven && bin.IsNullish():
		return document.Null, nil
	}
	size := int64(1)
	if binGiven {
		whole, exact := bin.AsInt64()
		switch {
		case !bin.IsNumber() || !exact:
			return missing, fail(5439017, "$dateTrunc requires 'binSize' to be a 64-bit integer, but got value '%s' of type %s", bin, bin.Type)
		case whole <= 0:
			return missing, fail(5439018, "$dateTrunc requires 'binSize' to be greater than 0, but got value %d", whole)
		}
		size = whole
	}
	ms, err := dateOperand("$dateTrunc", "date", v, 5439012)
	if err != nil {
		return missing, err
	}
	result, ok := s.truncate(ms, size)
	if !ok {
		return missing, fail(5439019, "$dateTrunc binSize is too large")
	}
	return x.date(result), nil
}

// truncate returns the beginning of the bin of size units that a moment is in. Bins are counted from 2000-01-01; of weeks, from the first that begins then or later.
func (s timeSpan) truncate(ms, size int64) (int64, bool) {
	origin := time.Date(2000, 1, 1, 0, 0, 0, 0, s.zone)
	if per := unitMillis[s.unit]; per != 0 {
		length, ok := multiplied(per, size)
		if !ok {
			return 0, false
		}
		from := origin.UnixMilli()
		return from + floorDiv(ms-from, length)*length, true
	}
	if size > maxYears*12 {
		return 0, false
	}
	t := time.UnixMilli(ms).In(s.zone)
	switch s.unit {
	case unitWeek, unitDay:
		first := day(origin)
		days := size
		if s.unit == unitWeek {
			first += (int64(s.week) - int64(origin.Weekday()) + 7) % 7
			days = size * 7
		}
		offset := first + floorDiv(day(t)-first, days)*days - day(origin)
		return time.Date(2000, 1, 1+int(offset), 0, 0, 0, 0, s.zone).UnixMilli(), true
	}
	length := unitMonths[s.unit] * size
	months := int64(t.Year()-2000)*12 + int64(t.Month()-1)
	return time.Date(2000, time.Month(1+floorDiv(months, length)*length), 1, 0, 0, 0, 0, s.zone).UnixMilli(), true
}
