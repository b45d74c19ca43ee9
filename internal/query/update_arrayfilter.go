package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// arrayFilters are the filters of `$[name]`, by name. A filter's paths all start with the name, which stands for the element.
type arrayFilters map[string]*Filter

// match reports whether an element is meant by `$[name]`.
func (f arrayFilters) match(name string, v document.Value) (bool, error) {
	if name == "" {
		return true, nil
	}
	at := 0
	wrapped := appendElement(make([]byte, 4, len(v.Data)+len(name)+7), name, v)
	return f[name].Match(endDoc(wrapped, at))
}

// check refuses a `$[identifier]` that stands first in a path or has no filter.
func (f arrayFilters) check(path, prefix, identifier string) error {
	if prefix == "" {
		return badValue("Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '%s'", path)
	}
	if identifier != "" && f[identifier] == nil {
		return badValue("No array filter found for identifier '%s' in path '%s'", identifier, path)
	}
	return nil
}

// arrayFilterIdentifier returns the name in `$[name]`, which may be empty.
func arrayFilterIdentifier(part string) (name string, ok bool) {
	if !strings.HasPrefix(part, "$[") || !strings.HasSuffix(part, "]") {
		return "", false
	}
	return part[2 : len(part)-1], true
}

func compileArrayFilters(list []document.Doc, c document.Collator) (arrayFilters, error) {
	filters := arrayFilters{}
	for _, doc := range list {
		filter, err := CompileFilter(doc, FilterOptions{Collator: c})
		if err != nil {
			return nil, mongoerr.From(err).WithContext("Error parsing array filter")
		}
		name, err := filterPlaceholder(filter)
		if err != nil {
			return nil, mongoerr.From(err).WithContext("Error parsing array filter")
		}
		if name == "" {
			return nil, mongoerr.New(mongoerr.FailedToParse, "Cannot use an expression without a top-level field name in arrayFilters")
		}
		if filters[name] != nil {
			return nil, mongoerr.New(mongoerr.FailedToParse, "Found multiple array filters with the same top-level field name %s", name)
		}
		filters[name] = filter
	}
	return filters, nil
}

// filterPlaceholder returns the one top-level field name that a filter uses, "" if it uses none.
func filterPlaceholder(f *Filter) (string, error) {
	name := ""
	var visit func(n *Node) error
	visit = func(n *Node) error {
		if n.Path != "" {
			first, _, _ := strings.Cut(n.Path, ".")
			if name != "" && name != first {
				return mongoerr.New(mongoerr.FailedToParse, "Expected a single top-level field name, found '%s' and '%s'", name, first)
			}
			name = first
			return nil
		}
		for _, c := range n.Children {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(f.root); err != nil {
		return "", err
	}
	if name != "" && !isPlaceholder(name) {
		return "", badValue("The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '%s'", name)
	}
	return name, nil
}

func isPlaceholder(name string) bool {
	for i, c := range []byte(name) {
		lower, other := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !lower && (i == 0 || !other) {
			return false
		}
	}
	return true
}

// checkUsed refuses filters that no path refers to.
func (f arrayFilters) checkUsed(update document.Doc, root *updateNode) error {
	used := map[string]bool{}
	root.eachElement(func(name string) { used[name] = true })
	for name := range f {
		if !used[name] {
			return mongoerr.New(mongoerr.FailedToParse, "The array filter for identifier '%s' was not used in the update %s", name, docText(update))
		}
	}
	return nil
}

// eachElement calls visit with the names of all `$[name]` below n.
func (n *updateNode) eachElement(visit func(name string)) {
	for _, e := range n.elements {
		visit(e.name)
		e.eachElement(visit)
	}
	for _, c := range n.children {
		c.eachElement(visit)
	}
	if n.positional != nil {
		n.positional.eachElement(visit)
	}
}
