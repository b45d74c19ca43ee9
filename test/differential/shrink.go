package main

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// shrink takes away from a difference what it does not need: indexes, documents, their fields, and parts of the command.
func (r *round) shrink(d *difference) *difference {
	for again := true; again; {
		again = false
		for i := 0; i < len(d.indexes); i++ {
			again = r.try(&d, d.documents, slices.Delete(slices.Clone(d.indexes), i, i+1), d.command) || again
		}
		for i := len(d.documents) - 1; i >= 0; i-- {
			if i < len(d.documents) {
				again = r.try(&d, slices.Delete(slices.Clone(d.documents), i, i+1), d.indexes, d.command) || again
			}
		}
		for i := 0; i < len(d.documents); i++ {
			for _, smaller := range smallerDocuments(d.documents[i]) {
				docs := slices.Clone(d.documents)
				docs[i] = smaller
				if r.try(&d, docs, d.indexes, d.command) {
					again = true
					break
				}
			}
		}
		for _, smaller := range smaller(d.command[1:]) {
			command := append(bson.D{d.command[0]}, smaller.(bson.D)...)
			if r.try(&d, d.documents, d.indexes, command) {
				again = true
				break
			}
		}
	}
	return d
}

// try puts a smaller case in d's place if the sides still differ about it.
func (r *round) try(d **difference, docs []bson.Raw, indexes bson.A, command bson.D) bool {
	if !decided(command) {
		return false
	}
	if equal, err := r.set(docs, indexes); err != nil || !equal {
		return false
	}
	found, _, err := r.ask(command)
	if err != nil || found == nil {
		return false
	}
	found.documents, found.indexes = docs, indexes
	*d = found
	return true
}

// decided says whether the answer to a command follows from the documents alone, and not from the order in which they are found.
func decided(command bson.D) bool {
	field := func(d bson.D, key string) any {
		for _, f := range d {
			if f.Key == key {
				return f.Value
			}
		}
		return nil
	}
	total := func(v any) bool {
		d, ok := v.(bson.D)
		return ok && len(d) > 0 && d[len(d)-1].Key == "_id"
	}
	sort := field(command, "sort")
	switch command[0].Key {
	case "find":
		return total(sort) || sort == nil && field(command, "limit") == nil && field(command, "skip") == nil
	case "findAndModify":
		return total(sort)
	case "update":
		list, _ := field(command, "updates").(bson.A)
		for _, v := range list {
			s, _ := v.(bson.D)
			q, _ := field(s, "q").(bson.D)
			if field(s, "multi") == nil && field(q, "_id") == nil {
				return false
			}
		}
	}
	return true
}

func smallerDocuments(raw bson.Raw) (list []bson.Raw) {
	var d bson.D
	if bson.Unmarshal(raw, &d) != nil || len(d) < 2 {
		return nil
	}
	for _, s := range smaller(d[1:]) {
		if smallerRaw, err := bson.Marshal(append(bson.D{d[0]}, s.(bson.D)...)); err == nil {
			list = append(list, smallerRaw)
		}
	}
	return list
}

// smaller returns the value with one part less, in every way there is.
func smaller(v any) (list []any) {
	switch v := v.(type) {
	case bson.D:
		for i := range v {
			list = append(list, slices.Delete(slices.Clone(v), i, i+1))
		}
		for i := range v {
			for _, s := range smaller(v[i].Value) {
				c := slices.Clone(v)
				c[i].Value = s
				list = append(list, c)
			}
		}
	case bson.A:
		for i := range v {
			list = append(list, slices.Delete(slices.Clone(v), i, i+1))
		}
		for i := range v {
			for _, s := range smaller(v[i]) {
				c := slices.Clone(v)
				c[i] = s
				list = append(list, c)
			}
		}
	}
	return list
}
