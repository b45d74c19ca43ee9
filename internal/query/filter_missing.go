package query

import "github.com/mortondb/morton/internal/document"

// MatchesMissing reports whether a condition on a path holds if there is nothing at the path; true for nodes that are no such condition.
func (n *Node) MatchesMissing() bool {
	if p := n.value(); p != nil {
		return p.matchValue(document.Value{}, nil)
	}
	return true
}
