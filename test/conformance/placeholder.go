package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// environment is what a running case's placeholders stand for, and what its replies are cleaned of.
type environment struct {
	db    string
	host  string
	vars  map[string]any
	uuids map[string]string
	known map[string]bool // the identifiers and times that the case itself mentions
}

func newEnvironment(db, host string, c *testCase) *environment {
	e := &environment{db: db, host: host, vars: map[string]any{}, uuids: map[string]string{}, known: map[string]bool{}}
	e.learn(c.setup)
	for i := range c.steps {
		e.learn(c.steps[i].run)
	}
	return e
}

// learn notes every identifier, binary value, date and timestamp of a value.
func (e *environment) learn(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			e.learn(x)
		}
	case object:
		if varies(v) {
			e.known[text(v)] = true
		}
		for _, f := range v {
			e.learn(f.value)
		}
	}
}

// varies says whether a value is of a type that servers make anew in every run.
func varies(o object) bool {
	switch key, _ := o.only(); key {
	case "$oid", "$date", "$timestamp", "$binary":
		return true
	}
	return false
}

// fill replaces the placeholders of a setup or a command.
func (e *environment) fill(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "%DB%", e.db)
	case []any:
		filled := make([]any, len(v))
		for i, x := range v {
			filled[i] = e.fill(x)
		}
		return filled
	case object:
		if key, x := v.only(); strings.HasPrefix(key, "%") {
			if filled, ok := e.placeholder(key, x); ok {
				return filled
			}
		}
		filled := make(object, len(v))
		for i, f := range v {
			filled[i] = field{strings.ReplaceAll(f.key, "%DB%", e.db), e.fill(f.value)}
		}
		return filled
	}
	return v
}

func (e *environment) placeholder(key string, x any) (any, bool) {
	switch key {
	case "%var%":
		if v, ok := e.vars[x.(string)]; ok {
			return v, true
		}
		return tagged("$numberLong", "0"), true
	case "%uuid%":
		return tagged("$binary", object{{"base64", e.uuid(x.(string))}, {"subType", "04"}}), true
	case "%repeat%":
		what, n := x.([]any)[0], number(x.([]any)[1])
		if s, ok := what.(string); ok {
			return strings.Repeat(s, n), true
		}
		list, filled := make([]any, n), e.fill(what)
		for i := range list {
			list[i] = filled
		}
		return list, true
	case "%nest%":
		args := x.([]any)
		leaf := args[2]
		for range number(args[1]) {
			leaf = tagged(args[0].(string), leaf)
		}
		return leaf, true
	}
	return nil, false
}

// uuid returns a random UUID: the same one within a case for the same letter.
func (e *environment) uuid(letter string) string {
	if _, ok := e.uuids[letter]; !ok {
		var b [16]byte
		_, _ = rand.Read(b[:])
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		e.uuids[letter] = base64.StdEncoding.EncodeToString(b[:])
	}
	return e.uuids[letter]
}

func number(v any) int {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return int(i)
}

// remember keeps what later steps may refer to in a reply.
func (e *environment) remember(step string, reply object) {
	cursor := reply.sub("cursor")
	for _, from := range []struct {
		in        object
		key, name string
	}{{cursor, "id", "cursor"}, {cursor, "postBatchResumeToken", "resumeToken"}, {reply, "operationTime", "operationTime"}, {reply, "$clusterTime", "clusterTime"}} {
		if v, ok := from.in.get(from.key); ok {
			e.vars[from.name+step] = v
		}
	}
}
