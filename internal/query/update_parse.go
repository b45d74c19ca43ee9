package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// updateOperators has the operators; parse makes one from its operand.
var updateOperators = map[string]struct {
	parse      func(path string, operand document.Value) (operator, error)
	collated   func(c document.Collator, operand document.Value) (operator, error) // in place of parse, for those that need the order of strings at once
	absent     absentRule
	insertOnly bool
}{
	"$set":         {parse: parseSet},
	"$setOnInsert": {parse: parseSet, insertOnly: true},
	"$unset":       {parse: parseUnset, absent: absentIgnored},
	"$inc":         {parse: parseInc},
	"$mul":         {parse: parseMul},
	"$min":         {parse: parseMin},
	"$max":         {parse: parseMax},
	"$bit":         {parse: parseBit},
	"$currentDate": {parse: parseCurrentDate},
	"$push":        {parse: parsePush},
	"$addToSet":    {collated: parseAddToSet},
	"$pull":        {collated: parsePull, absent: absentMustFit},
	"$pullAll":     {collated: parsePullAll, absent: absentMustFit},
	"$pop":         {parse: parsePop, absent: absentMustFit},
	"$rename":      {}, // two paths: see addRename
}

// updateCompiler builds the tree of an update.
type updateCompiler struct {
	u       *Update
	filters arrayFilters
}

func compileOperators(update document.Doc, opts UpdateOptions) (*Update, error) {
	filters, err := compileArrayFilters(opts.ArrayFilters, opts.Collator)
	if err != nil {
		return nil, err
	}
	c := &updateCompiler{u: &Update{root: &updateNode{}, filter: opts.Filter, collator: opts.Collator}, filters: filters}
	for it := update.Iter(); it.Next(); {
		if err := c.operator(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	if err := filters.checkUsed(update, c.u.root); err != nil {
		return nil, err
	}
	c.u.root.finish()
	c.u.touchesID = c.u.root.child("_id") != nil
	return c.u, nil
}

// operator compiles one operator with its fields: $set, {a: 1, b: 2}.
func (c *updateCompiler) operator(name string, fields document.Value) error {
	row, known := updateOperators[name]
	switch {
	case name == "$v":
		return mongoerr.New(mongoerr.FailedToParse, "The $v update field is only recognized internally")
	case !known:
		return mongoerr.New(mongoerr.FailedToParse, "Unknown modifier: %s. Expected a valid update modifier or pipeline-style update specified as an array", name)
	case fields.Type != document.TypeDocument:
		return mongoerr.New(mongoerr.FailedToParse, "Modifiers operate on fields but we found type %v instead. For example: {$mod: {<field>: ...}} not {%s}",
			fields.Type, elementText(name, fields))
	}
	for it := fields.Doc().Iter(); it.Next(); {
		path, operand := it.Key(), it.Value()
		if name == "$rename" {
			if err := c.addRename(path, operand); err != nil {
				return err
			}
			continue
		}
		if err := checkUpdatePath(path); err != nil {
			return err
		}
		op, err := c.parse(name, path, operand)
		if err != nil {
			return err
		}
		c.noteDepth(path, operand)
		if err := c.u.root.add(path, &updateLeaf{op, row.absent, row.insertOnly}, c.filters); err != nil {
			return err
		}
	}
	return nil
}

func (c *updateCompiler) parse(name, path string, operand document.Value) (operator, error) {
	row := updateOperators[name]
	if row.collated != nil {
		return row.collated(c.u.collator, operand)
	}
	return row.parse(path, operand)
}

// noteDepth marks the update whose result may be too deep, so that other results need not be looked at.
func (c *updateCompiler) noteDepth(path string, operand document.Value) {
	depth := strings.Count(path, ".") + 2
	if operand.Doc() != nil {
		depth += operand.Doc().Depth()
	}
	c.u.deep = c.u.deep || depth > document.MaxStoredDepth
}

// maxUpdateParts is how many parts the path of an update may have. No document is nested that deep.
const maxUpdateParts = 1000

// checkUpdatePath checks a path of an update as mongod's fieldchecker does.
func checkUpdatePath(path string) error {
	if path == "" {
		return mongoerr.New(mongoerr.EmptyFieldName, "An empty update path is not valid.")
	}
	if strings.Count(path, ".") >= maxUpdateParts {
		return mongoerr.New(mongoerr.Overflow, "Document exceeds maximum nesting depth of %d", document.MaxStoredDepth)
	}
	positional := 0
	for part := range strings.SplitSeq(path, ".") {
		switch part {
		case "":
			return mongoerr.New(mongoerr.EmptyFieldName, "The update path '%s' contains an empty field name, which is not allowed.", path)
		case "$":
			positional++
		}
	}
	switch {
	case positional > 1:
		return badValue("Too many positional (i.e. '$') elements found in path '%s'", path)
	case positional == 1 && (path == "$" || strings.HasPrefix(path, "$.")):
		return badValue("Cannot have positional (i.e. '$') element in the first position in path '%s'", path)
	}
	return nil
}
