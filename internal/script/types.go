package script

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// types converts between BSON and JavaScript. What JavaScript has no type for is an object of a class of MongoDB's shell, which remembers the value.
type types struct {
	vm      *goja.Runtime
	classes map[string]*goja.Object // prototypes
	stopped atomic.Bool             // the script is being interrupted
}

// valueField is where an object of such a class keeps its BSON value.
const valueField = "__bson"

// define sets the global functions that scripts may use.
func (t *types) define(vm *goja.Runtime) {
	t.vm, t.classes = vm, map[string]*goja.Object{}
	t.class("NumberLong", func(call goja.FunctionCall) document.Value {
		if n, err := strconv.ParseInt(call.Argument(0).String(), 10, 64); err == nil {
			return document.Int64(n)
		}
		return document.Int64(call.Argument(0).ToInteger())
	})
	t.class("NumberDecimal", func(call goja.FunctionCall) document.Value {
		v, ok := document.ParseDecimal128(call.Argument(0).String())
		if !ok {
			panic(t.vm.NewTypeError("Input is not a valid Decimal128 value."))
		}
		return v
	})
	t.class("ObjectId", func(call goja.FunctionCall) document.Value {
		var id document.ObjectID
		if len(call.Arguments) == 0 {
			return document.OID(document.NewObjectID())
		}
		if err := id.UnmarshalText([]byte(call.Argument(0).String())); err != nil {
			panic(t.vm.NewTypeError("invalid object id: not hex"))
		}
		return document.OID(id)
	})
	t.class("Timestamp", func(call goja.FunctionCall) document.Value {
		return document.Timestamp(uint64(call.Argument(0).ToInteger())<<32 | uint64(uint32(call.Argument(1).ToInteger())))
	})
	t.class("BinData", func(call goja.FunctionCall) document.Value {
		data, err := base64.StdEncoding.DecodeString(call.Argument(1).String())
		if err != nil {
			panic(t.vm.NewTypeError("BinData could not decode base64 parameter"))
		}
		return document.Binary(byte(call.Argument(0).ToInteger()), data)
	})
	t.class("MinKey", func(goja.FunctionCall) document.Value { return document.Value{Type: document.TypeMinKey} })
	t.class("MaxKey", func(goja.FunctionCall) document.Value { return document.Value{Type: document.TypeMaxKey} })
	_ = vm.Set("NumberInt", func(call goja.FunctionCall) goja.Value { return vm.ToValue(int32(call.Argument(0).ToInteger())) })
	_ = vm.Set("ISODate", func(call goja.FunctionCall) goja.Value {
		at := time.Now()
		if len(call.Arguments) > 0 {
			var err error
			if at, err = time.Parse(time.RFC3339Nano, call.Argument(0).String()); err != nil {
				if at, err = time.Parse("2006-01-02", call.Argument(0).String()); err != nil {
					panic(vm.NewTypeError("invalid ISO date: " + call.Argument(0).String()))
				}
			}
		}
		return t.date(at.UnixMilli())
	})
	_ = vm.Set("sleep", func(call goja.FunctionCall) goja.Value {
		until := time.Now().Add(time.Duration(call.Argument(0).ToInteger()) * time.Millisecond)
		for time.Now().Before(until) && !t.stopped.Load() { // in steps, so that an interruption is noticed soon
			time.Sleep(min(time.Until(until), watchEvery))
		}
		return goja.Undefined()
	})
	_ = vm.Set("print", func(goja.FunctionCall) goja.Value { return goja.Undefined() })
}

// class defines a class whose objects hold a BSON value.
func (t *types) class(name string, make func(call goja.FunctionCall) document.Value) {
	proto := t.vm.NewObject()
	t.classes[name] = proto
	method := func(name string, f func(v document.Value) goja.Value) {
		_ = proto.Set(name, func(call goja.FunctionCall) goja.Value {
			v, _ := heldBy(call.This)
			return f(v)
		})
	}
	method("toString", func(v document.Value) goja.Value { return t.vm.ToValue(text(v)) })
	method("toJSON", func(v document.Value) goja.Value { return t.vm.ToValue(text(v)) })
	method("valueOf", func(v document.Value) goja.Value {
		if f, ok := v.AsFloat64(); ok {
			return t.vm.ToValue(f)
		}
		return t.vm.ToValue(text(v))
	})
	method("toNumber", func(v document.Value) goja.Value {
		f, _ := v.AsFloat64()
		return t.vm.ToValue(f)
	})
	method("getTimestamp", func(v document.Value) goja.Value { return t.date(v.ObjectID().Timestamp().UnixMilli()) })
	_ = proto.Set("equals", func(call goja.FunctionCall) goja.Value {
		a, _ := heldBy(call.This)
		b, ok := heldBy(call.Argument(0))
		return t.vm.ToValue(ok && document.Equal(a, b))
	})
	_ = t.vm.Set(name, func(call goja.FunctionCall) goja.Value { return t.held(name, make(call)) })
}

func text(v document.Value) string {
	switch v.Type {
	case document.TypeInt64:
		return "NumberLong(" + strconv.FormatInt(v.Int64(), 10) + ")"
	case document.TypeDecimal128:
		return "NumberDecimal(\"" + v.Decimal128().String() + "\")"
	}
	return v.Shell()
}

// held returns an object of a class that holds v.
func (t *types) held(class string, v document.Value) *goja.Object {
	o := t.vm.CreateObject(t.classes[class])
	_ = o.DefineDataProperty(valueField, t.vm.ToValue(holder{v.Clone()}), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	if v.Type == document.TypeObjectID {
		_ = o.Set("str", v.ObjectID().Hex())
	}
	return o
}

// holder keeps goja from looking into a value.
type holder struct{ v document.Value }

func heldBy(v goja.Value) (document.Value, bool) {
	o, ok := v.(*goja.Object)
	if !ok {
		return document.Value{}, false
	}
	field := o.Get(valueField)
	if field == nil {
		return document.Value{}, false
	}
	h, ok := field.Export().(holder)
	return h.v, ok
}

func (t *types) date(ms int64) goja.Value {
	o, err := t.vm.New(t.vm.Get("Date"), t.vm.ToValue(ms))
	if err != nil {
		return goja.NaN()
	}
	return o
}

// object returns a document as an object.
func (t *types) object(d document.Doc) *goja.Object {
	o := t.vm.NewObject()
	for it := d.Iter(); it.Next(); {
		_ = o.Set(it.Key(), t.toJS(it.Value()))
	}
	return o
}

func (t *types) toJS(v document.Value) goja.Value {
	switch v.Type {
	case document.TypeDouble:
		return t.vm.ToValue(v.Double())
	case document.TypeInt32:
		return t.vm.ToValue(v.Int32())
	case document.TypeString, document.TypeSymbol, document.TypeCode:
		return t.vm.ToValue(strings.Clone(v.Str()))
	case document.TypeBool:
		return t.vm.ToValue(v.Bool())
	case document.TypeNull:
		return goja.Null()
	case document.TypeMissing, document.TypeUndefined:
		return goja.Undefined()
	case document.TypeDocument:
		return t.object(v.Doc())
	case document.TypeArray:
		var list []any
		for it := v.Doc().Iter(); it.Next(); {
			list = append(list, t.toJS(it.Value()))
		}
		return t.vm.NewArray(list...)
	case document.TypeDate:
		return t.date(v.Int64())
	case document.TypeRegex:
		pattern, options := v.Regex()
		re, err := t.vm.New(t.vm.Get("RegExp"), t.vm.ToValue(pattern), t.vm.ToValue(strings.Map(jsFlag, options)))
		if err != nil {
			return t.vm.ToValue(pattern)
		}
		return re
	}
	return t.held(classOf(v.Type), v)
}

// jsFlag keeps the flags of regular expressions that JavaScript has.
func jsFlag(r rune) rune {
	if strings.ContainsRune("ims", r) {
		return r
	}
	return -1
}

func classOf(t document.Type) string {
	switch t {
	case document.TypeInt64:
		return "NumberLong"
	case document.TypeDecimal128:
		return "NumberDecimal"
	case document.TypeObjectID:
		return "ObjectId"
	case document.TypeTimestamp:
		return "Timestamp"
	case document.TypeMinKey:
		return "MinKey"
	case document.TypeMaxKey:
		return "MaxKey"
	}
	return "BinData"
}

// fromJS returns what a function has returned.
func (t *types) fromJS(v goja.Value) (document.Value, error) { return t.value(v, 0) }

func (t *types) value(v goja.Value, depth int) (document.Value, error) {
	if depth > document.MaxStoredDepth {
		return document.Value{}, mongoerr.New(mongoerr.Overflow, "object to be converted to BSON is nested too deeply")
	}
	switch {
	case v == nil || goja.IsUndefined(v):
		return document.Value{}, nil
	case goja.IsNull(v):
		return document.Null, nil
	}
	if held, ok := heldBy(v); ok {
		return held, nil
	}
	o, ok := v.(*goja.Object)
	if !ok {
		return primitive(v), nil
	}
	switch o.ClassName() {
	case "Date":
		return document.Date(o.ToNumber().ToInteger()), nil
	case "RegExp":
		return document.Regex(o.Get("source").String(), o.Get("flags").String()), nil
	case "Function":
		return document.Value{}, nil
	case "Boolean", "Number", "String":
		return primitive(t.vm.ToValue(o.Export())), nil
	}
	isArray := o.ClassName() == "Array"
	var b document.Builder
	for i, name := range o.Keys() {
		field, err := t.value(o.Get(name), depth+1)
		if err != nil {
			return field, err
		}
		if isArray {
			name = document.Index(i)
			if field.IsMissing() {
				field = document.Null
			}
		}
		if strings.IndexByte(name, 0) >= 0 {
			return field, mongoerr.New(mongoerr.JSInterpreterFailure, "a field's name holds a null byte")
		}
		b.AppendValue(name, field)
		if b.Size() > document.MaxSize {
			return field, mongoerr.New(mongoerr.BSONObjectTooLarge, "the result of a script is too large")
		}
	}
	result := b.Finish().AsValue()
	if isArray {
		result.Type = document.TypeArray
	}
	return result, nil
}

func primitive(v goja.Value) document.Value {
	switch x := v.Export().(type) {
	case bool:
		return document.Bool(x)
	case int64:
		return document.Double(float64(x)) // the only number that JavaScript has
	case float64:
		return document.Double(x)
	case string:
		return document.String(x)
	}
	return document.Double(math.NaN())
}
