package query

import "github.com/mortondb/morton/internal/document"

// $set, $setOnInsert, $unset, $min, $max, $currentDate: values that are there already.

type set struct{ value document.Value }

func (op *set) apply(*applier, document.Value) (document.Value, effect, error) {
	return op.value, stored, nil
}

func parseSet(_ string, operand document.Value) (operator, error) { return &set{operand}, nil }

type unset struct{}

func (unset) apply(*applier, document.Value) (document.Value, effect, error) {
	return document.Value{}, removed, nil
}

func parseUnset(string, document.Value) (operator, error) { return unset{}, nil }

// extreme is $min (sign -1) and $max (sign 1): it takes the operand if that is beyond what is there.
type extreme struct {
	value document.Value
	sign  int
}

func (op *extreme) apply(a *applier, old document.Value) (document.Value, effect, error) {
	if old.IsMissing() || document.CompareWith(a.collator, op.value, old)*op.sign > 0 {
		return op.value, stored, nil
	}
	return old, unchanged, nil
}

func parseMin(_ string, operand document.Value) (operator, error) { return &extreme{operand, -1}, nil }
func parseMax(_ string, operand document.Value) (operator, error) { return &extreme{operand, 1}, nil }

type currentDate struct{ timestamp bool }

func (op *currentDate) apply(a *applier, _ document.Value) (document.Value, effect, error) {
	if op.timestamp {
		return document.Timestamp(a.env.Timestamp), stored, nil
	}
	return document.Date(a.env.NowMS), stored, nil
}

func parseCurrentDate(_ string, operand document.Value) (operator, error) {
	switch operand.Type {
	case document.TypeBool:
		return &currentDate{}, nil
	case document.TypeDocument:
	default:
		return nil, badValue("%v is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).", operand.Type)
	}
	kind := ""
	for it := operand.Doc().Iter(); it.Next(); {
		if it.Key() != "$type" {
			return nil, badValue("Unrecognized $currentDate option: %s", it.Key())
		}
		if v := it.Value(); v.Type == document.TypeString {
			kind = v.Str()
		}
	}
	if kind != "date" && kind != "timestamp" {
		return nil, badValue("The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}")
	}
	return &currentDate{kind == "timestamp"}, nil
}
