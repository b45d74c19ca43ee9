package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// IncludedPaths returns the paths that a projection returns, if it does no more than naming them; nil for any other. They are what
// an index has to tell for documents not to be needed.
func IncludedPaths(spec document.Doc) (paths []string) {
	id := true
	for it := spec.Iter(); it.Next(); {
		v := it.Value()
		switch {
		case !v.IsNumber() && v.Type != document.TypeBool || strings.Contains(it.Key(), "$"):
			return nil
		case it.Key() == "_id":
			id = v.Truthy()
		case !v.Truthy():
			return nil
		default:
			paths = append(paths, it.Key())
		}
	}
	switch {
	case id:
		paths = append(paths, "_id")
	case len(paths) == 0: // {_id: 0} leaves everything else
		return nil
	}
	return paths
}

// IsExclusion reports whether a projection that compiles leaves fields out, and takes all others.
func IsExclusion(projection document.Doc) bool {
	p, err := CompileProjection(projection, nil, ProjectionOptions{Stage: true})
	return err == nil && p.exclusion
}
