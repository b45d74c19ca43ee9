package specification

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// field returns a field of a document.
func field(d bson.D, key string) (any, bool) {
	for _, e := range d {
		if e.Key == key {
			return e.Value, true
		}
	}
	return nil, false
}

func documentAt(d bson.D, key string) bson.D {
	v, _ := field(d, key)
	sub, _ := v.(bson.D)
	return sub
}

func textAt(d bson.D, key string) string {
	v, _ := field(d, key)
	s, _ := v.(string)
	return s
}

func arrayAt(d bson.D, key string) bson.A {
	v, _ := field(d, key)
	a, _ := v.(bson.A)
	return a
}

func flagAt(d bson.D, key string) bool {
	v, _ := field(d, key)
	b, _ := v.(bool)
	return b
}

// match reports how actual differs from what a test expects (Unified Test Format, "Evaluating Matches"). Documents may have more fields than
// are expected only at the root.
func (r *run) match(actual, expected any, root bool) error {
	if raw, ok := actual.(bson.Raw); ok {
		var d bson.D
		if err := bson.Unmarshal(raw, &d); err != nil {
			return err
		}
		actual = d
	}
	want, ok := expected.(bson.D)
	if ok && len(want) == 1 && strings.HasPrefix(want[0].Key, "$$") {
		return r.matchOperator(actual, true, want[0])
	}
	switch want := expected.(type) {
	case bson.D:
		got, ok := actual.(bson.D)
		if !ok {
			return fmt.Errorf("expected a document, got %T %v", actual, actual)
		}
		return r.matchDocument(got, want, root)
	case bson.A:
		got, ok := actual.(bson.A)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("expected %d elements, got %v", len(want), actual)
		}
		for i := range want {
			if err := r.match(got[i], want[i], root && isDocument(want[i])); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	}
	if !equal(actual, expected) {
		return fmt.Errorf("expected %v (%T), got %v (%T)", expected, expected, actual, actual)
	}
	return nil
}

func isDocument(v any) bool { _, ok := v.(bson.D); return ok }

func (r *run) matchDocument(got, want bson.D, root bool) error {
	for _, e := range want {
		v, has := field(got, e.Key)
		if op, ok := e.Value.(bson.D); ok && len(op) == 1 && strings.HasPrefix(op[0].Key, "$$") {
			if err := r.matchOperator(v, has, op[0]); err != nil {
				return fmt.Errorf("%s: %w", e.Key, err)
			}
			continue
		}
		if !has {
			return fmt.Errorf("%s is missing in %v", e.Key, got)
		}
		if err := r.match(v, e.Value, false); err != nil {
			return fmt.Errorf("%s: %w", e.Key, err)
		}
	}
	if root {
		return nil
	}
	for _, e := range got {
		if _, has := field(want, e.Key); !has {
			return fmt.Errorf("%s is not expected: %v", e.Key, e.Value)
		}
	}
	return nil
}

func (r *run) matchOperator(actual any, has bool, op bson.E) error {
	switch op.Key {
	case "$$exists":
		if op.Value.(bool) != has {
			return fmt.Errorf("exists: %v", has)
		}
		return nil
	case "$$unsetOrMatches":
		if !has || actual == nil {
			return nil
		}
		return r.match(actual, op.Value, true)
	}
	if !has {
		return fmt.Errorf("missing")
	}
	switch op.Key {
	case "$$type":
		return matchType(actual, op.Value)
	case "$$matchesEntity":
		return r.match(actual, r.entities[op.Value.(string)], false)
	case "$$matchesHexBytes":
		b, err := hex.DecodeString(op.Value.(string))
		if got, ok := actual.([]byte); err != nil || !ok || !bytes.Equal(got, b) {
			return fmt.Errorf("expected bytes %v, got %v", op.Value, actual)
		}
		return nil
	case "$$sessionLsid":
		id := r.lsids[op.Value.(string)]
		return r.match(actual, id, false)
	case "$$lte":
		a, ok := number(actual)
		b, _ := number(op.Value)
		if !ok || a > b {
			return fmt.Errorf("%v is more than %v", actual, op.Value)
		}
		return nil
	case "$$matchAsRoot":
		return r.match(actual, op.Value, true)
	case "$$matchAsDocument":
		var d bson.D
		if err := bson.UnmarshalExtJSON([]byte(fmt.Sprint(actual)), false, &d); err != nil {
			return err
		}
		return r.match(d, op.Value, false)
	}
	return fmt.Errorf("the operator %s is not known", op.Key)
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	return reflect.DeepEqual(a, b)
}

func matchType(actual, names any) error {
	var wanted []string
	switch n := names.(type) {
	case string:
		wanted = []string{n}
	case bson.A:
		for _, v := range n {
			wanted = append(wanted, v.(string))
		}
	}
	got := typeName(actual)
	if slices.Contains(wanted, got) || slices.Contains(wanted, "number") && (got == "int" || got == "long" || got == "double") {
		return nil
	}
	return fmt.Errorf("expected a value of type %v, got %s", wanted, got)
}

func typeName(v any) string {
	switch v.(type) {
	case int32, int:
		return "int"
	case int64:
		return "long"
	case float64:
		return "double"
	case string:
		return "string"
	case bson.D:
		return "object"
	case bson.A:
		return "array"
	case bool:
		return "bool"
	case bson.ObjectID:
		return "objectId"
	case bson.Binary:
		return "binData"
	case bson.DateTime:
		return "date"
	case bson.Timestamp:
		return "timestamp"
	case nil:
		return "null"
	case bson.Decimal128:
		return "decimal"
	}
	return fmt.Sprintf("%T", v)
}
