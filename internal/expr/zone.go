package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine that has none

	"github.com/mortondb/morton/internal/document"
)

var utc = time.UTC

// zone returns the time zone of a name such as Europe/Berlin, or of an offset such as +01:00.
func (x *Evaluator) zone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" || name == "GMT" || name == "Z" {
		return utc, nil
	}
	if l := x.zones[name]; l != nil {
		return l, nil
	}
	l, ok := offsetZone(name)
	if !ok {
		var err error
		if l, err = time.LoadLocation(name); err != nil || name == "Local" {
			return nil, fail(40485, "unrecognized time zone identifier: \"%s\"", name)
		}
	}
	if x.zones == nil || len(x.zones) > 100 {
		x.zones = map[string]*time.Location{}
	}
	x.zones[strings.Clone(name)] = l
	return l, nil
}

// offsetZone reads +hh, +hhmm and +hh:mm.
func offsetZone(name string) (*time.Location, bool) {
	if len(name) < 3 || name[0] != '+' && name[0] != '-' {
		return nil, false
	}
	digits := name[1:]
	if len(digits) == 5 && digits[2] == ':' {
		digits = digits[:2] + digits[3:]
	}
	if len(digits) != 2 && len(digits) != 4 || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	hours, _ := strconv.Atoi(digits[:2])
	minutes := 0
	if len(digits) == 4 {
		minutes, _ = strconv.Atoi(digits[2:])
	}
	seconds := hours*3600 + minutes*60
	if name[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// inZone returns the moment at which a clock of the zone shows what t shows in UTC. Of two, when clocks are put back, it is the
// later one; when they are put forward over it, it is counted from the time before, as mongod does.
func inZone(t time.Time, zone *time.Location) int64 {
	wall := t.UnixMilli()
	best, found := int64(0), false
	for _, near := range []time.Time{t.Add(-24 * time.Hour), t.Add(24 * time.Hour)} {
		_, offset := near.In(zone).Zone()
		at := wall - int64(offset)*1000
		_, really := time.UnixMilli(at).In(zone).Zone()
		switch hit := really == offset; {
		case hit && !found:
			best, found = at, true
		case hit == found:
			best = max(best, at)
		}
	}
	return best
}

// zoneOf evaluates the timezone argument of an operator. null reports that the result is null for it.
func (x *Evaluator) zoneOf(op string, n node) (l *time.Location, null bool, err error) {
	v, given, err := optional(x, n)
	switch {
	case err != nil:
		return nil, false, err
	case !given:
		return utc, false, nil
	case v.IsNullish():
		return nil, true, nil
	case v.Type != document.TypeString:
		return nil, false, fail(40517, "%stimezone must evaluate to a string, found %s", "", v.Type)
	}
	l, err = x.zone(v.Str())
	return l, false, err
}

// moment returns the time of a date, timestamp or objectId.
func moment(v document.Value) (ms int64, err error) {
	switch v.Type {
	case document.TypeDate:
		return v.Int64(), nil
	case document.TypeTimestamp:
		return int64(v.Timestamp()>>32) * 1000, nil
	case document.TypeObjectID:
		return objectIDMillis(v), nil
	}
	return 0, fail(16006, "can't convert from BSON type %s to Date", v.Type)
}

// formatISO prints a date as mongod does.
func formatISO(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func timestampText(ts uint64) string { return fmt.Sprintf("Timestamp(%d, %d)", ts>>32, uint32(ts)) }

// checkYear refuses dates whose year has not four digits.
func checkYear(ms int64) error {
	if y := time.UnixMilli(ms).UTC().Year(); y < 0 || y > 9999 {
		return fail(18537, "$dateToString is only defined on year 0-9999, tried to use year %d", y)
	}
	return nil
}
