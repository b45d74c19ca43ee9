package engine

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// Validator is the rule that a collection's documents are held to when they are written.
type Validator struct {
	rule     document.Doc
	options  query.FilterOptions
	filter   *query.Filter
	moderate bool // documents that broke the rule before may go on breaking it
	warn     bool // breaking it is allowed
}

// parseValidator compiles the rule in a collection's options; nil if there is none to keep.
func parseValidator(options document.Doc, order document.Collator) (*Validator, error) {
	rule := options.Lookup("validator").Doc()
	level := options.Lookup("validationLevel").Str()
	if rule.IsEmpty() || level == "off" {
		return nil, nil
	}
	v := &Validator{rule: rule, options: query.FilterOptions{Collator: order}}
	v.moderate, v.warn = level == "moderate", options.Lookup("validationAction").Str() == "warn"
	var err error
	v.filter, err = query.CompileFilter(rule, v.options)
	return v, err
}

// admit refuses a document that must not be in the collection.
func (c *Collection) admit(doc document.Doc, bypass bool) error {
	v := c.Validator
	if v == nil || v.warn || bypass {
		return nil
	}
	return v.check(doc)
}

// admitChange refuses what an update makes of a document.
func (c *Collection) admitChange(before, after document.Doc, bypass bool) error {
	v := c.Validator
	if v == nil || v.warn || bypass {
		return nil
	}
	if v.moderate {
		if kept, err := v.filter.Match(before); err != nil || !kept {
			return err
		}
	}
	return v.check(after)
}

// check refuses a document that breaks the rule. The error tells which one, and why.
func (v *Validator) check(doc document.Doc) error {
	kept, err := v.filter.Match(doc)
	if err != nil || kept {
		return err
	}
	var extra document.Builder
	extra.OpenDoc("errInfo")
	extra.AppendValue("failingDocumentId", doc.Lookup("_id"))
	extra.AppendDoc("details", query.Mismatch(v.rule, doc, v.options))
	extra.Close()
	return mongoerr.New(mongoerr.DocumentValidationFailure, "Document failed validation").WithExtra(extra.Finish())
}
