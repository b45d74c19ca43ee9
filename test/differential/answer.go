package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// answer is what of a reply is compared, and what is shown.
type answer struct {
	code  int
	text  string
	reply bson.Raw
}

// madeUp are object ids that no document of ours has: a server made them.
var madeUp = regexp.MustCompile(`\{"\$oid":"[0-9a-f]{2}[0-9a-f]*[1-9a-f][0-9a-f]*"\}`)

// newAnswer takes from a reply what two servers must agree about. A failure is its code; documents are their bytes as text, sorted unless
// the command says an order.
func newAnswer(name string, reply bson.Raw, command bson.D) (a answer) {
	a = answer{reply: slices.Clone(reply)}
	defer func() { a.text = madeUp.ReplaceAllString(a.text, "made up") }()
	if code, ok := reply.Lookup("code").AsInt64OK(); ok {
		a.code = int(code)
		a.text = fmt.Sprint("code ", code)
		return a
	}
	if errs, ok := reply.Lookup("writeErrors").ArrayOK(); ok {
		values, _ := errs.Values()
		for _, v := range values {
			code, _ := v.Document().Lookup("code").AsInt64OK()
			a.code = int(code)
			a.text += fmt.Sprintf("write error %d at %v; ", code, v.Document().Lookup("index"))
		}
	}
	switch name {
	case "find":
		a.text = batch(reply.Lookup("cursor", "firstBatch"), hasField(command, "sort"))
	case "distinct":
		a.text = distinct(reply.Lookup("values"))
	default:
		for _, key := range []string{"n", "nModified", "upserted", "value", "lastErrorObject"} {
			a.text += fmt.Sprintf("%s: %s; ", key, valueText(reply.Lookup(key)))
		}
	}
	return a
}

func (a *answer) shown() string {
	s := a.reply.String()
	if at := strings.Index(s, `,"$clusterTime"`); at > 0 {
		s = s[:at]
	}
	if len(s) > 1500 {
		s = s[:1500] + "..."
	}
	return s
}

func hasField(d bson.D, key string) bool {
	return slices.ContainsFunc(d, func(e bson.E) bool { return e.Key == key })
}

func valueText(v bson.RawValue) string {
	if v.IsZero() {
		return "-"
	}
	return v.String()
}

func batch(v bson.RawValue, ordered bool) string {
	list, _ := v.ArrayOK()
	values, _ := list.Values()
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	if !ordered {
		slices.Sort(texts)
	}
	return strings.Join(texts, "\n")
}

// distinct is a set of values; which of several equal numbers stands for them is left to the order of documents.
func distinct(v bson.RawValue) string {
	list, _ := v.ArrayOK()
	values, _ := list.Values()
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
		switch v.Type {
		case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128, bson.TypeEmbeddedDocument, bson.TypeArray, bson.TypeSymbol, bson.TypeString:
			texts[i] = "value"
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}
