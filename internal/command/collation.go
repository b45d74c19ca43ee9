package command

import "github.com/mortondb/morton/internal/document"

// collator returns what the command's strings are compared with: as it asks for, or else as its collection does; nil for bytes.
func (o *operation) collator(asked document.Doc) (document.Collator, error) {
	v := o.openView()
	defer v.Close()
	c, err := v.Catalog.Collation(o.ns, asked)
	return c.Collator(), err
}
