package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $rename: a field goes from one path to another, neither of which leads through an array.

// rename stands at the path where the field goes to; an unset stands where it comes from.
type rename struct{ from string }

func (op *rename) apply(a *applier, _ document.Value) (document.Value, effect, error) {
	v, err := a.renameSource(op.from)
	if err != nil || v.IsMissing() {
		return v, unchanged, err
	}
	if array := a.arrayAbove(a.pathText()); array != "" {
		return v, unchanged, badValue("The destination field cannot be an array element, '%s' in doc with %s has an array field called '%s'", a.pathText(), a.idText(), array)
	}
	return v, stored, nil
}

// renameSource returns the value at the source; missing if it is not there.
func (a *applier) renameSource(from string) (document.Value, error) {
	v, name := a.doc.AsValue(), ""
	for part := range strings.SplitSeq(from, ".") {
		if v.Type != document.TypeDocument && (v.Type != document.TypeArray || !isIndex(part)) {
			return document.Value{}, mongoerr.New(mongoerr.PathNotViable, "cannot use the part (%s of %s) to traverse the element (%s)", name, from, bracedText(name, v))
		}
		if v = v.Doc().Lookup(part); v.IsMissing() {
			return v, nil
		}
		name = part
	}
	if array := a.arrayAbove(from); array != "" {
		return v, badValue("The source field cannot be an array element, '%s' in doc with %s has an array field called '%s'", from, a.idText(), array)
	}
	return v, nil
}

// arrayAbove returns the name of the innermost array that path leads through.
func (a *applier) arrayAbove(path string) (name string) {
	v := a.doc.AsValue()
	parts := strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		if v = v.Doc().Lookup(part); v.Type == document.TypeArray {
			name = part
		}
	}
	return name
}

// renamed removes the source. All errors are those of rename.
type renamed struct{}

func (renamed) apply(a *applier, old document.Value) (document.Value, effect, error) {
	return old, removed, nil
}

func (c *updateCompiler) addRename(from string, to document.Value) error {
	if err := checkUpdatePath(from); err != nil {
		return err
	}
	if err := c.u.root.add(from, &updateLeaf{op: renamed{}, absent: absentIgnored}, c.filters); err != nil {
		return err
	}
	if to.Type != document.TypeString {
		return badValue("The 'to' field for $rename must be a string: %s", elementText(from, to))
	}
	target := to.Str()
	if err := checkUpdatePath(target); err != nil {
		return err
	}
	switch {
	case from == target:
		return badValue("The source and target field for $rename must differ: %s", elementText(from, to))
	case strings.HasPrefix(from, target+"."), strings.HasPrefix(target, from+"."):
		return badValue("The source and target field for $rename must not be on the same path: %s", elementText(from, to))
	case isDynamic(from):
		return badValue("The source field for $rename may not be dynamic: %s", from)
	case isDynamic(target):
		return badValue("The destination field for $rename may not be dynamic: %s", target)
	}
	c.u.deep = true // the source's depth is not known
	return c.u.root.add(target, &updateLeaf{op: &rename{from}}, c.filters)
}

// isDynamic reports whether a path has `$`, `$[]` or `$[name]`.
func isDynamic(path string) bool {
	for part := range strings.SplitSeq(path, ".") {
		if _, elements := arrayFilterIdentifier(part); elements || part == "$" {
			return true
		}
	}
	return false
}
