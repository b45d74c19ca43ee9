package main

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What of a reply is compared: the fields without those that differ from run to run.
var (
	dropped      = []string{"$clusterTime", "operationTime", "electionId", "opTime", "lsid", "$configTime", "$topologyTime"}
	errorFields  = []string{"ok", "code", "codeName", "errorLabels", "keyPattern", "keyValue", "errInfo", "errmsg"}
	killedFields = []string{"cursorsKilled", "cursorsNotFound", "cursorsAlive", "cursorsUnknown"}
)

const generated = "generated"

func (e *environment) normalise(reply object, s *step) object {
	if !isOK(reply) {
		return e.clean(errorOf(reply)).(object)
	}
	if cursor := reply.sub("cursor"); cursor != nil {
		if tag, n := cursor.sub("id").only(); tag == "$numberLong" && n != "0" {
			reply = reply.with("cursor", cursor.with("id", "open"))
		}
	}
	reply = e.clean(pickFields(reply, func(key string) bool { return !slices.Contains(dropped, key) })).(object)
	for i, f := range reply {
		if list, ok := f.value.([]any); ok && slices.Contains(killedFields, f.key) {
			reply[i].value = e.namedCursors(list)
		}
	}
	if s.only == nil {
		return reply
	}
	return pickPaths(reply, s.only)
}

// errorOf picks the fields of an error, in one order.
func errorOf(reply object) object {
	picked := object{}
	for _, key := range errorFields {
		if v, ok := reply.get(key); ok {
			picked = append(picked, field{key, v})
		}
	}
	return picked
}

func isOK(reply object) bool {
	v, _ := reply.get("ok")
	if v == true {
		return true
	}
	o, _ := v.(object)
	_, n := o.only()
	s, _ := n.(string)
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && f == 1
}

func pickFields(o object, wanted func(string) bool) object {
	picked := object{}
	for _, f := range o {
		if wanted(f.key) {
			picked = append(picked, f)
		}
	}
	return picked
}

// namedCursors puts a word in the place of the ids of cursors that the case has opened.
func (e *environment) namedCursors(ids []any) []any {
	named := make([]any, len(ids))
	for i, id := range ids {
		named[i] = id
		for _, v := range e.vars {
			if text(v) == text(id) {
				named[i] = "cursor"
			}
		}
	}
	return named
}

// pickPaths picks what a step compares only: values, with ":type" their types, with ":exists" that they are there.
func pickPaths(reply object, paths []string) object {
	picked := object{}
	for _, path := range paths {
		where, how, _ := strings.Cut(path, ":")
		v, ok := at(reply, strings.Split(where, "."))
		if !ok {
			continue
		}
		switch how {
		case "type":
			v = typeName(v)
		case "exists":
			v = true
		}
		picked = append(picked, field{path, v})
	}
	return picked
}

func at(v any, path []string) (any, bool) {
	for _, part := range path {
		switch in := v.(type) {
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		case object:
			var ok bool
			if v, ok = in.get(part); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return v, true
}

var typeNames = map[string]string{"$numberInt": "int", "$numberLong": "long", "$numberDouble": "double", "$numberDecimal": "decimal", "$oid": "objectId",
	"$date": "date", "$timestamp": "timestamp", "$binary": "binData", "$regularExpression": "regex"}

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case string:
		return "string"
	case []any:
		return "array"
	case object:
		key, _ := v.only()
		if name, ok := typeNames[key]; ok {
			return name
		}
		return "object"
	}
	return "number"
}

// What in messages differs from run to run, and what stands in its place.
var (
	uuidText      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	objectIDText  = regexp.MustCompile(`ObjectId\('([0-9a-f]{24})'\)`)
	timestampText = regexp.MustCompile(`Timestamp\(\d+, \d+\)`)
	cursorText    = regexp.MustCompile(`(?i)(cursor(?: id)?:? )-?\d+`)
	identText     = regexp.MustCompile(`\b(index|collection)-\d+-+\d+`)
	digestText    = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)
)

const recently = 24 * time.Hour

// clean puts words in the place of names, identifiers and times of this run.
func (e *environment) clean(v any) any {
	switch v := v.(type) {
	case string:
		return e.cleanText(v)
	case []any:
		cleaned := make([]any, len(v))
		for i, x := range v {
			cleaned[i] = e.clean(x)
		}
		return cleaned
	case object:
		if varies(v) {
			return e.cleanVarying(v)
		}
		cleaned := make(object, len(v))
		for i, f := range v {
			cleaned[i] = field{e.cleanText(f.key), e.clean(f.value)}
		}
		return cleaned
	}
	return v
}

func (e *environment) cleanText(s string) string {
	s = strings.ReplaceAll(s, e.db, "DB")
	s = strings.ReplaceAll(s, e.host, "HOST")
	if len(s) <= 20 {
		return s
	}
	s = identText.ReplaceAllString(s, "$1-<ident>")
	s = cursorText.ReplaceAllString(s, "$1<id>")
	s = digestText.ReplaceAllString(s, "<digest>")
	s = uuidText.ReplaceAllString(s, "<uuid>")
	s = timestampText.ReplaceAllString(s, "Timestamp(now)")
	return objectIDText.ReplaceAllStringFunc(s, func(m string) string {
		if e.known[text(tagged("$oid", objectIDText.FindStringSubmatch(m)[1]))] {
			return m
		}
		return "ObjectId('generated')"
	})
}

func (e *environment) cleanVarying(o object) any {
	if e.known[text(o)] {
		return o
	}
	switch key, x := o.only(); key {
	case "$oid":
		return tagged("$oid", generated)
	case "$binary":
		if subtype, _ := x.(object).get("subType"); subtype == "04" {
			return tagged("$binary", object{{"base64", generated}, {"subType", "04"}})
		}
	case "$date":
		ms, _ := x.(object).get("$numberLong")
		if n, err := strconv.ParseFloat(ms.(string), 64); err == nil && isRecent(n/1000) {
			return tagged("$date", "now")
		}
	case "$timestamp":
		t, _ := x.(object).get("t")
		if n, err := t.(json.Number).Float64(); err == nil && isRecent(n) {
			return tagged("$timestamp", "now")
		}
	}
	return o
}

func isRecent(seconds float64) bool {
	return math.Abs(seconds-float64(time.Now().Unix())) < recently.Seconds()
}
