package expr

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{
		"$literal": {parse: func(_ *compiler, _ string, v document.Value) (node, error) { return constant{v}, nil }},
		"$const":   {parse: func(_ *compiler, _ string, v document.Value) (node, error) { return constant{v}, nil }},
		"$rand":    {parse: parseRand},
		"$meta":    {parse: parseMeta},
		"$type": {min: 1, max: 1, eval: one(func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
			return x.string(v.Type.String()), nil
		})},
		"$isNumber": {min: 1, max: 1, eval: one(func(_ *Evaluator, _ *call, v document.Value) (document.Value, error) {
			return boolean(v.IsNumber()), nil
		})},
		"$bsonSize":    {min: 1, max: 1, eval: one(bsonSize)},
		"$binarySize":  {min: 1, max: 1, eval: one(binarySize)},
		"$tsSecond":    {min: 1, max: 1, eval: one(timestampPart(5687301, "$tsSecond", func(ts uint64) int64 { return int64(ts >> 32) }))},
		"$tsIncrement": {min: 1, max: 1, eval: one(timestampPart(5687302, "$tsIncrement", func(ts uint64) int64 { return int64(ts & (1<<32 - 1)) }))},
	})
}

// randNode is $rand.
type randNode struct{ next func() float64 }

func parseRand(c *compiler, _ string, v document.Value) (node, error) {
	switch {
	case v.Type == document.TypeDocument && v.Doc().IsEmpty(), v.Type == document.TypeArray && v.Doc().IsEmpty():
	case v.Type == document.TypeDocument || v.Type == document.TypeArray:
		return nil, fail(3040501, "$rand does not currently accept arguments")
	default:
		return nil, fail(10065, "invalid parameter: expected an object ($rand)")
	}
	if c.opts.Random == nil {
		return nil, mongoerr.New(mongoerr.InvalidOptions, "$rand is not allowed in this context")
	}
	return randNode{c.opts.Random}, nil
}

func (n randNode) eval(x *Evaluator) (document.Value, error) { return x.double(n.next()), nil }

func bsonSize(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch {
	case v.IsNullish():
		return document.Null, nil
	case v.Type != document.TypeDocument:
		return missing, fail(31393, "$bsonSize requires a document input, found: %s", v.Type)
	}
	return x.int32(int32(len(v.Data))), nil
}

func binarySize(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeMissing, document.TypeNull, document.TypeUndefined:
		return document.Null, nil
	case document.TypeString:
		return x.int32(int32(len(v.Str()))), nil
	case document.TypeBinary:
		return x.int32(int32(len(v.Data) - 5)), nil
	}
	return missing, fail(51276, "$binarySize requires a string or BinData argument, found: %s", v.Type)
}

func timestampPart(code codeNumber, name string, part func(uint64) int64) func(*Evaluator, *call, document.Value) (document.Value, error) {
	return func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
		switch {
		case v.IsNullish():
			return document.Null, nil
		case v.Type != document.TypeTimestamp:
			return missing, fail(code, " Argument to %s must be a timestamp, but is %s", name, v.Type)
		}
		return x.int64(part(v.Timestamp())), nil
	}
}
