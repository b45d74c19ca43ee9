package morton

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// codec encodes and decodes the program's values with the official bson package. Values whose encoding cannot be changed by a registry,
// as the program gave none, and that are common, are encoded here: they are most of what filters and updates consist of.
type codec struct{ registry *bson.Registry }

// appendDocument appends v, which encodes as a document; nil is an empty one.
func (c codec) appendDocument(b *document.Builder, key string, v any) error {
	switch v := v.(type) {
	case nil:
		b.AppendDoc(key, document.Empty)
		return nil
	case bson.Raw:
		if err := checkDocument(v); err != nil {
			return err
		}
		b.AppendDoc(key, document.Doc(v))
		return nil
	case bson.D:
		if c.registry == nil {
			b.OpenDoc(key)
			err := c.appendFields(b, v)
			b.Close()
			return err
		}
	}
	d, err := c.marshal(v)
	if err != nil {
		return err
	}
	b.AppendDoc(key, d)
	return nil
}

func (c codec) appendFields(b *document.Builder, d bson.D) error {
	for i := range d {
		if strings.IndexByte(d[i].Key, 0) >= 0 {
			return fmt.Errorf("morton: the key %q has a zero byte, which ends keys in BSON: what is behind it would be read as something else", d[i].Key)
		}
		if err := c.appendValue(b, d[i].Key, d[i].Value); err != nil {
			return err
		}
	}
	return nil
}

// appendValue appends any value under the key.
func (c codec) appendValue(b *document.Builder, key string, v any) error {
	if c.registry == nil {
		switch v := v.(type) {
		case string:
			b.AppendString(key, v)
			return nil
		case int:
			if int64(int32(v)) == int64(v) {
				b.AppendInt32(key, int32(v))
			} else {
				b.AppendInt64(key, int64(v))
			}
			return nil
		case int32:
			b.AppendInt32(key, v)
			return nil
		case int64:
			b.AppendInt64(key, v)
			return nil
		case float64:
			b.AppendDouble(key, v)
			return nil
		case bool:
			b.AppendBool(key, v)
			return nil
		case bson.ObjectID:
			b.AppendObjectID(key, v)
			return nil
		case time.Time:
			b.AppendDate(key, v.UnixMilli())
			return nil
		case nil:
			b.AppendNull(key)
			return nil
		case bson.D:
			b.OpenDoc(key)
			err := c.appendFields(b, v)
			b.Close()
			return err
		case bson.A:
			b.OpenArray(key)
			defer b.Close()
			for i := range v {
				if err := c.appendValue(b, document.Index(i), v[i]); err != nil {
					return err
				}
			}
			return nil
		case bson.RawValue:
			value := document.Value{Type: document.Type(v.Type), Data: v.Value}
			if err := checkValue(value); err != nil {
				return err
			}
			b.AppendValue(key, value)
			return nil
		}
	}
	value, err := c.marshalValue(v)
	if err != nil {
		return err
	}
	b.AppendValue(key, value)
	return nil
}

// array returns the pipeline that v is. A nil slice is an empty one, as everywhere in Go.
func (c codec) array(v any) (document.Value, error) {
	value, err := c.marshalValue(v)
	if err != nil {
		return value, err
	}
	if value.Type == document.TypeNull {
		return document.Value{Type: document.TypeArray, Data: document.Empty}, nil
	}
	if value.Type != document.TypeArray {
		return value, fmt.Errorf("morton: a pipeline is an array of stages, such as []bson.D, not a %T", v)
	}
	return value, nil
}

// marshal returns the document that v encodes as.
func (c codec) marshal(v any) (document.Doc, error) {
	switch v := v.(type) {
	case nil:
		return document.Empty, nil
	case bson.Raw:
		return document.Doc(v), checkDocument(v)
	case bson.D:
		if v == nil {
			return document.Empty, nil
		}
	}
	d, err := c.encode(v)
	if err != nil {
		if value, other := c.marshalValue(v); other == nil && value.Type != document.TypeDocument {
			return nil, fmt.Errorf("morton: a %T is no document: use bson.D, bson.M, bson.Raw or a struct", v)
		}
		return nil, fmt.Errorf("morton: encode a %T: %w", v, err)
	}
	return document.Doc(d), nil
}

// inOrder refuses a map of several fields where their order matters: its order is another one each time.
func inOrder(what string, v any) error {
	if m := reflect.ValueOf(v); m.Kind() == reflect.Map && m.Len() > 1 {
		return fmt.Errorf("morton: the order of %s matters, and a %T has none: use bson.D", what, v)
	}
	return nil
}

func (c codec) encode(v any) ([]byte, error) {
	if c.registry == nil {
		return bson.Marshal(v)
	}
	var buf bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&buf))
	e.SetRegistry(c.registry)
	err := e.Encode(v)
	return buf.Bytes(), err
}

func (c codec) marshalValue(v any) (document.Value, error) {
	if c.registry != nil {
		d, err := c.encode(bson.D{{Key: "v", Value: v}})
		if err != nil {
			return document.Value{}, fmt.Errorf("morton: encode a %T: %w", v, err)
		}
		return document.Doc(d).First().Value, nil
	}
	t, data, err := bson.MarshalValue(v)
	if err != nil {
		return document.Value{}, fmt.Errorf("morton: encode a %T: %w", v, err)
	}
	return document.Value{Type: document.Type(t), Data: data}, nil
}

// checkDocument refuses bytes that are no document, which would spoil the message around them.
func checkDocument(d bson.Raw) error {
	if err := document.Validate(d, document.MaxDepth); err != nil {
		return fmt.Errorf("morton: bson.Raw: %w", err)
	}
	return nil
}

// checkValue refuses bytes that are no value of their type, and what is of no type, as bson.RawValue is when it was looked up in vain.
func checkValue(v document.Value) error {
	if v.IsMissing() {
		return errors.New("morton: bson.RawValue: it has no type: is it of a field that there is not?")
	}
	b := document.NewBuilder(nil)
	b.AppendValue("value", v)
	if err := document.Validate(b.Finish(), document.MaxDepth); err != nil {
		return fmt.Errorf("morton: bson.RawValue: %w", err)
	}
	return nil
}

// decode decodes d, whose bytes belong to somebody else, into v, a pointer.
func (c codec) decode(d document.Doc, v any) error {
	if raw, ok := v.(*bson.Raw); ok {
		*raw = bytes.Clone(d)
		return nil
	}
	var err error
	if c.registry == nil {
		err = bson.Unmarshal(d, v)
	} else {
		decoder := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(d)))
		decoder.SetRegistry(c.registry)
		err = decoder.Decode(v)
	}
	if err != nil {
		return fmt.Errorf("morton: decode a %s: %w", reflect.TypeOf(v).Elem(), err)
	}
	return nil
}

// decodeValue decodes a single value to what the bson package makes of it.
func (c codec) decodeValue(v document.Value) (any, error) {
	if v.IsMissing() {
		return nil, errors.New("morton: the answer has no value")
	}
	b := document.NewBuilder(nil)
	b.AppendValue("v", v)
	var d bson.D
	if err := c.decode(b.Finish(), &d); err != nil {
		return nil, err
	}
	return d[0].Value, nil
}
