package query

import "github.com/mortondb/morton/internal/document"

// Diff returns the change from old to updated as the o field of an oplog entry of version 2, {$v: 2, diff: {...}}; nil if
// that would not be smaller than the updated document itself.
func Diff(old, updated document.Doc) document.Doc { panic("soon") }

// ApplyDiff applies what Diff returned to old.
func ApplyDiff(old, diff document.Doc) (document.Doc, error) { panic("soon") }
