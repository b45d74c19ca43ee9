package main

import (
	"fmt"
	"slices"
	"strings"
)

// difference says where a reply differs from the recorded one; "" when it does not. Messages count only when asked for.
func difference(expect, got object, s *step, messages bool) string {
	a, b := comparable(expect, s, messages), comparable(got, s, messages)
	if text(a) == text(b) {
		return ""
	}
	codeA, failedA := a.get("code")
	codeB, failedB := b.get("code")
	message, _ := got.get("errmsg")
	switch {
	case failedB && !failedA:
		return fmt.Sprintf("unexpected error %s: %v", text(codeB), message)
	case failedA && !failedB:
		return fmt.Sprintf("expected error %s, got %s", text(codeA), brief(b))
	}
	for _, f := range a {
		if v, ok := b.get(f.key); !ok {
			return "missing field " + f.key
		} else if text(v) != text(f.value) {
			return fmt.Sprintf("%s: expected %s got %s", f.key, brief(f.value), brief(v))
		}
	}
	for _, f := range b {
		if _, ok := a.get(f.key); !ok {
			return fmt.Sprintf("unexpected field %s: %s", f.key, brief(f.value))
		}
	}
	return "differs"
}

func brief(v any) string {
	s := text(v)
	if len(s) > 600 {
		s = s[:600] + "..."
	}
	return s
}

// comparable brings the parts of a reply whose order says nothing into one order: the reply's own fields, and a batch when the step says so.
func comparable(reply object, s *step, messages bool) object {
	reply = loose(reply, messages)
	for i, f := range reply {
		switch v := f.value.(type) {
		case object:
			if slices.Contains([]string{"writeConcernError", "lastErrorObject", "cursor"}, f.key) {
				reply[i].value = loose(v, messages)
			}
		case []any:
			if f.key == "writeErrors" {
				reply[i].value = looseAll(v, messages)
			}
		}
	}
	if s.sorted() {
		reply = sortBatches(reply)
	}
	return reply
}

func looseAll(list []any, messages bool) []any {
	all := slices.Clone(list)
	for i, v := range all {
		if o, ok := v.(object); ok {
			all[i] = loose(o, messages)
		}
	}
	return all
}

func loose(o object, messages bool) object {
	o = pickFields(o, func(key string) bool { return messages || key != "errmsg" && key != "errInfo" })
	slices.SortStableFunc(o, func(a, b field) int { return strings.Compare(a.key, b.key) })
	return o
}

// sortBatches sorts what a cursor or distinct returned.
func sortBatches(o object) object {
	o = slices.Clone(o)
	for i, f := range o {
		switch v := f.value.(type) {
		case object:
			if f.key == "cursor" {
				o[i].value = sortBatches(v)
			}
		case []any:
			if slices.Contains([]string{"values", "firstBatch", "nextBatch", "cursor.firstBatch", "cursor.nextBatch"}, f.key) {
				o[i].value = sortedByText(v)
			}
		}
	}
	return o
}

func sortedByText(list []any) []any {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return list
}
