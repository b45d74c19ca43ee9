package expr

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// fieldPath is a path in the document or in a variable's value.
type fieldPath struct {
	text  string
	parts []string
	slot  int // of the variable; -1: the document
}

// path compiles "$a.b" or "$$name.a.b".
func (c *compiler) path(text string) (node, error) {
	if len(text) < 2 {
		return nil, fail(16872, "'$' by itself is not a valid FieldPath")
	}
	if text[1] != '$' {
		parts, err := splitPath(text[1:])
		if err != nil {
			return nil, err
		}
		slot := -1
		if b := c.lookup("CURRENT"); b != nil {
			slot = b.slot
		} else {
			c.reads = true
		}
		return &fieldPath{text[1:], parts, slot}, nil
	}
	name, rest, dotted := strings.Cut(text[2:], ".")
	if err := checkVariable(name); err != nil {
		return nil, err
	}
	var parts []string
	if dotted {
		var err error
		if parts, err = splitPath(rest); err != nil {
			return nil, err
		}
	}
	return c.variable(name, rest, parts)
}

// variable compiles a path in the value of a variable.
func (c *compiler) variable(name, text string, parts []string) (node, error) {
	if b := c.lookup(name); b != nil {
		return &fieldPath{text, parts, b.slot}, nil
	}
	for _, v := range c.opts.Let {
		if v.Name == name {
			return constant{follow(v.Value, parts)}, nil
		}
	}
	switch name {
	case "ROOT", "CURRENT":
		c.reads = true
		return &fieldPath{text, parts, -1}, nil
	case "REMOVE":
		return constant{missing}, nil
	case "NOW":
		return constant{follow(document.Date(c.opts.Now), parts)}, nil
	case "CLUSTER_TIME":
		if c.opts.Cluster == 0 {
			return nil, fail(51144, "Builtin variable '$$CLUSTER_TIME' is not available")
		}
		return constant{follow(document.Timestamp(c.opts.Cluster), parts)}, nil
	case "JS_SCOPE", "IS_MR", "SEARCH_META":
		return nil, fail(51144, "Builtin variable '$$%s' is not available", name)
	}
	return nil, fail(17276, "Use of undefined variable: %s", name)
}

func (c *compiler) lookup(name string) *binding {
	for i := len(c.scope) - 1; i >= 0; i-- {
		if c.scope[i].name == name {
			return &c.scope[i]
		}
	}
	return nil
}

func (p *fieldPath) eval(x *Evaluator) (document.Value, error) {
	if p.slot >= 0 {
		return follow(x.vars[p.slot], p.parts), nil
	}
	if len(p.parts) == 0 {
		return x.root.AsValue(), nil
	}
	return followDoc(x.root, p.parts), nil
}

// follow returns what is at a path in v: of an array on the way, what is there in each of its documents.
func follow(v document.Value, parts []string) document.Value {
	if len(parts) == 0 {
		return v
	}
	switch v.Type {
	case document.TypeDocument:
		return followDoc(v.Doc(), parts)
	case document.TypeArray:
		var list document.ArrayBuilder
		for it := v.Doc().Iter(); it.Next(); {
			if it.Value().Type != document.TypeDocument {
				continue
			}
			if found := followDoc(it.Value().Doc(), parts); !found.IsMissing() {
				list.Append(found)
			}
		}
		return list.FinishValue()
	}
	return missing
}

func followDoc(d document.Doc, parts []string) document.Value {
	return follow(d.Lookup(parts[0]), parts[1:])
}

// splitPath checks a path and returns its parts.
func splitPath(path string) ([]string, error) {
	if strings.HasSuffix(path, ".") {
		return nil, fail(40353, "FieldPath must not end with a '.'.")
	}
	parts := strings.Split(path, ".")
	if len(parts) > document.MaxDepth {
		return nil, mongoerr.New(mongoerr.Overflow, "FieldPath is too long")
	}
	for _, part := range parts {
		switch {
		case part == "":
			return nil, fail(15998, "FieldPath field names may not be empty strings.")
		case part[0] == '$':
			return nil, fail(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
		case strings.IndexByte(part, 0) >= 0:
			return nil, fail(16411, "FieldPath field names may not contain '\x00'.")
		}
	}
	return parts, nil
}

// CheckPath returns why a path, without $, cannot name a field.
func CheckPath(path string) error {
	_, err := splitPath(path)
	return err
}

func letter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' || b >= 0x80 }

func nameByte(b byte) bool { return letter(b) || '0' <= b && b <= '9' || b == '_' }

// checkVariable refuses what cannot be the name of any variable.
func checkVariable(name string) error {
	switch {
	case name == "":
		return mongoerr.New(mongoerr.FailedToParse, "empty variable names are not allowed")
	case !letter(name[0]):
		return mongoerr.New(mongoerr.FailedToParse, "'%s' starts with an invalid character for a variable name", name)
	}
	return checkNameBytes(name)
}

func checkNameBytes(name string) error {
	for i := 1; i < len(name); i++ {
		if !nameByte(name[i]) {
			return mongoerr.New(mongoerr.FailedToParse, "'%s' contains an invalid character for a variable name: '%c'", name, name[i])
		}
	}
	return nil
}

// CheckUserVariable refuses what cannot be the name of a variable that a user defines.
func CheckUserVariable(name string) error {
	switch {
	case name == "":
		return mongoerr.New(mongoerr.FailedToParse, "empty variable names are not allowed")
	case name == "CURRENT":
		return nil
	case !(letter(name[0]) && (name[0] >= 'a' || name[0] >= 0x80)):
		return mongoerr.New(mongoerr.FailedToParse, "'%s' starts with an invalid character for a user variable name", name)
	}
	return checkNameBytes(name)
}
