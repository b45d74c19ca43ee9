package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// decode turns a BSON document into canonical Extended JSON. Every type survives, those that are deprecated as well.
func decode(raw bsoncore.Document) (object, error) {
	elements, err := raw.Elements()
	if err != nil {
		return nil, err
	}
	o := make(object, 0, len(elements))
	for _, e := range elements {
		v, err := decodeValue(e.Value())
		if err != nil {
			return nil, err
		}
		o = append(o, field{e.Key(), v})
	}
	return o, nil
}

func decodeArray(raw bsoncore.Document) (any, error) {
	elements, err := raw.Elements()
	a := make([]any, len(elements))
	for i := 0; i < len(a) && err == nil; i++ {
		a[i], err = decodeValue(elements[i].Value())
	}
	return a, err
}

func tagged(key string, value any) object { return object{{key, value}} }

func decodeValue(v bsoncore.Value) (any, error) {
	switch v.Type {
	case bsoncore.TypeDouble:
		return tagged("$numberDouble", doubleText(v.Double())), nil
	case bsoncore.TypeString:
		return v.StringValue(), nil
	case bsoncore.TypeEmbeddedDocument:
		return decode(v.Document())
	case bsoncore.TypeArray:
		return decodeArray(bsoncore.Document(v.Array()))
	case bsoncore.TypeBinary:
		subtype, data := v.Binary()
		return tagged("$binary", object{{"base64", base64.StdEncoding.EncodeToString(data)}, {"subType", fmt.Sprintf("%02x", subtype)}}), nil
	case bsoncore.TypeUndefined:
		return tagged("$undefined", true), nil
	case bsoncore.TypeObjectID:
		id := v.ObjectID()
		return tagged("$oid", hex.EncodeToString(id[:])), nil
	case bsoncore.TypeBoolean:
		return v.Boolean(), nil
	case bsoncore.TypeDateTime:
		return tagged("$date", tagged("$numberLong", strconv.FormatInt(v.DateTime(), 10))), nil
	case bsoncore.TypeNull:
		return nil, nil
	case bsoncore.TypeInt32:
		return tagged("$numberInt", strconv.Itoa(int(v.Int32()))), nil
	case bsoncore.TypeInt64:
		return tagged("$numberLong", strconv.FormatInt(v.Int64(), 10)), nil
	case bsoncore.TypeDecimal128:
		high, low := v.Decimal128()
		return tagged("$numberDecimal", bson.NewDecimal128(high, low).String()), nil
	case bsoncore.TypeMinKey:
		return tagged("$minKey", json.Number("1")), nil
	case bsoncore.TypeMaxKey:
		return tagged("$maxKey", json.Number("1")), nil
	}
	return decodeRareValue(v)
}

func decodeRareValue(v bsoncore.Value) (any, error) {
	switch v.Type {
	case bsoncore.TypeRegex:
		pattern, options := v.Regex()
		return tagged("$regularExpression", object{{"pattern", pattern}, {"options", options}}), nil
	case bsoncore.TypeDBPointer:
		ns, id := v.DBPointer()
		return tagged("$dbPointer", object{{"$ref", ns}, {"$id", tagged("$oid", hex.EncodeToString(id[:]))}}), nil
	case bsoncore.TypeJavaScript:
		return tagged("$code", v.JavaScript()), nil
	case bsoncore.TypeSymbol:
		return tagged("$symbol", v.Symbol()), nil
	case bsoncore.TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		s, err := decode(scope)
		return object{{"$code", code}, {"$scope", s}}, err
	case bsoncore.TypeTimestamp:
		t, i := v.Timestamp()
		return tagged("$timestamp", object{{"t", json.Number(strconv.FormatUint(uint64(t), 10))}, {"i", json.Number(strconv.FormatUint(uint64(i), 10))}}), nil
	}
	return nil, fmt.Errorf("unknown BSON type %#x", byte(v.Type))
}

// doubleText writes a double as short as it can be read back, and so that it cannot be taken for an integer.
func doubleText(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 0):
		return strings.TrimPrefix(strconv.FormatFloat(x, 'f', -1, 64), "+") + "inity"
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// encode turns canonical Extended JSON into a BSON document. Objects that only look like a value are documents.
func encode(o object) []byte {
	start, b := bsoncore.AppendDocumentStart(nil)
	for _, f := range o {
		b = appendElement(b, f.key, f.value)
	}
	b, _ = bsoncore.AppendDocumentEnd(b, start)
	return b
}

func appendElement(b []byte, key string, v any) []byte {
	switch v := v.(type) {
	case nil:
		return bsoncore.AppendNullElement(b, key)
	case bool:
		return bsoncore.AppendBooleanElement(b, key, v)
	case string:
		return bsoncore.AppendStringElement(b, key, v)
	case json.Number:
		return appendNumber(b, key, v)
	case []any:
		start, b := bsoncore.AppendArrayElementStart(b, key)
		for i, x := range v {
			b = appendElement(b, strconv.Itoa(i), x)
		}
		b, _ = bsoncore.AppendArrayEnd(b, start)
		return b
	case object:
		if tag, x := v.only(); strings.HasPrefix(tag, "$") {
			if with, ok := appendTagged(b, key, tag, x); ok {
				return with
			}
		}
		if code, ok := v.codeWithScope(); ok {
			return bsoncore.AppendCodeWithScopeElement(b, key, code, encode(v.sub("$scope")))
		}
		return bsoncore.AppendDocumentElement(b, key, encode(v))
	}
	panic(fmt.Sprintf("%T in a case", v))
}

func (o object) codeWithScope() (code string, ok bool) {
	if len(o) != 2 || o[0].key != "$code" || o[1].key != "$scope" {
		return "", false
	}
	code, ok = o[0].value.(string)
	return code, ok
}

func appendNumber(b []byte, key string, n json.Number) []byte {
	if i, err := n.Int64(); err == nil {
		if int64(int32(i)) == i {
			return bsoncore.AppendInt32Element(b, key, int32(i))
		}
		return bsoncore.AppendInt64Element(b, key, i)
	}
	f, _ := n.Float64()
	return bsoncore.AppendDoubleElement(b, key, f)
}

// appendTagged appends what {tag: x} stands for; false when that is no value but a document.
func appendTagged(b []byte, key, tag string, x any) ([]byte, bool) {
	s, isString := x.(string)
	o, isObject := x.(object)
	switch {
	case tag == "$minKey":
		return bsoncore.AppendMinKeyElement(b, key), true
	case tag == "$maxKey":
		return bsoncore.AppendMaxKeyElement(b, key), true
	case tag == "$undefined":
		return bsoncore.AppendUndefinedElement(b, key), true
	case isString:
		return appendTaggedString(b, key, tag, s)
	case isObject:
		return appendTaggedObject(b, key, tag, o)
	}
	return b, false
}

func appendTaggedString(b []byte, key, tag, s string) ([]byte, bool) {
	switch tag {
	case "$numberInt":
		n, err := strconv.ParseInt(s, 10, 32)
		return bsoncore.AppendInt32Element(b, key, int32(n)), err == nil
	case "$numberLong":
		n, err := strconv.ParseInt(s, 10, 64)
		return bsoncore.AppendInt64Element(b, key, n), err == nil
	case "$numberDouble":
		n, err := strconv.ParseFloat(s, 64)
		return bsoncore.AppendDoubleElement(b, key, n), err == nil
	case "$numberDecimal":
		d, err := bson.ParseDecimal128(s)
		high, low := d.GetBytes()
		return bsoncore.AppendDecimal128Element(b, key, high, low), err == nil
	case "$oid":
		id, err := bson.ObjectIDFromHex(s)
		return bsoncore.AppendObjectIDElement(b, key, id), err == nil
	case "$symbol":
		return bsoncore.AppendSymbolElement(b, key, s), true
	case "$code":
		return bsoncore.AppendJavaScriptElement(b, key, s), true
	}
	return b, false
}

func appendTaggedObject(b []byte, key, tag string, o object) ([]byte, bool) {
	str := func(k string) string { v, _ := o.get(k); s, _ := v.(string); return s }
	num := func(k string) uint32 {
		v, _ := o.get(k)
		n, _ := strconv.ParseUint(fmt.Sprint(v), 10, 32)
		return uint32(n)
	}
	switch tag {
	case "$date":
		ms, err := strconv.ParseInt(str("$numberLong"), 10, 64)
		return bsoncore.AppendDateTimeElement(b, key, ms), err == nil && len(o) == 1
	case "$binary":
		data, err := base64.StdEncoding.DecodeString(str("base64"))
		subtype, err2 := strconv.ParseUint(str("subType"), 16, 8)
		return bsoncore.AppendBinaryElement(b, key, byte(subtype), data), err == nil && err2 == nil
	case "$regularExpression":
		return bsoncore.AppendRegexElement(b, key, str("pattern"), str("options")), true
	case "$timestamp":
		return bsoncore.AppendTimestampElement(b, key, num("t"), num("i")), true
	case "$dbPointer":
		oid, _ := o.sub("$id").get("$oid")
		id, err := bson.ObjectIDFromHex(fmt.Sprint(oid))
		return bsoncore.AppendDBPointerElement(b, key, str("$ref"), id), err == nil
	}
	return b, false
}
