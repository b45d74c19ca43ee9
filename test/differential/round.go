package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/test/process"
)

const (
	database       = "differential"
	collection     = "c"
	documents      = 30
	commandsARound = 60
	notImplemented = 238
)

// pair is the two servers: ours and theirs.
type pair struct {
	conns                         [2]process.Conn
	known                         []explanation
	indexed                       string // the indexes of now, as text
	commands, missing, passedOver int
	byIndex                       int // differences that an index makes, of theirs
}

// explanation is a known difference: of commands whose text has a word, with indexes whose text has another, ours and theirs having these
// codes (0: no error).
type explanation struct {
	Has     string `json:"has"`
	Indexes string `json:"indexes"`
	Ours    int    `json:"ours"`
	Theirs  int    `json:"theirs"`
	Counts  bool   `json:"counts"` // only numbers of changed documents differ
	Order   bool   `json:"order"`  // only the order of documents differs
	Reason  string `json:"reason"`
}

func readExplained(path string) (list []explanation, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	return list, err
}

// difference is two answers to a command that are not equal, and what they were asked about.
type difference struct {
	documents []bson.Raw
	indexes   bson.A
	command   bson.D
	answers   [2]answer
}

func (d *difference) String() string {
	var b strings.Builder
	for _, doc := range d.documents {
		fmt.Fprintf(&b, "  document %s\n", doc)
	}
	for _, ix := range d.indexes {
		fmt.Fprintf(&b, "  index    %s\n", show(ix))
	}
	fmt.Fprintf(&b, "  command  %s\n  ours     %s\n  theirs   %s", show(d.command), d.answers[0].shown(), d.answers[1].shown())
	return b.String()
}

func show(v any) string {
	text, err := bson.MarshalExtJSON(v, false, false)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// round is one collection's life.
type round struct {
	*pair
	g       generator
	indexes bson.A
}

// run fills a collection and asks until the answers differ or it is enough.
func (r *round) run() (*difference, error) {
	var docs []bson.Raw
	for i := range documents {
		raw, err := bson.Marshal(r.g.document(int32(i)))
		if err != nil {
			return nil, err
		}
		docs = append(docs, raw)
	}
	for range r.g.IntN(4) {
		r.indexes = append(r.indexes, r.g.index())
	}
	if equal, err := r.set(docs, r.indexes); err != nil || !equal {
		return nil, err // an index that cannot be on these documents
	}
	for range commandsARound {
		command := r.g.command()
		before, err := r.contents()
		if err != nil {
			return nil, err
		}
		d, again, err := r.ask(command)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", show(command), err)
		}
		if d != nil {
			d.documents, d.indexes = before, r.indexes
			if isMulti(command) && d.answers[0].code != 0 && d.answers[1].code != 0 {
				if d, err = r.ofOneDocument(d); err != nil || d == nil {
					return nil, err
				}
			}
			if theirs, err := r.theirIndexesAnswer(d); err != nil || theirs {
				r.byIndex++
				return nil, err
			}
			return d, nil
		}
		if !again {
			return nil, nil
		}
	}
	return nil, nil
}

// set makes the collection anew on both sides; false: they do not take it alike.
func (p *pair) set(docs []bson.Raw, indexes bson.A) (equal bool, err error) {
	var ok [2]bool
	p.indexed = show(bson.D{e("indexes", indexes)})
	for i := range p.conns {
		c := &p.conns[i]
		if _, err := c.Run(database, bson.D{e("drop", collection)}); err != nil {
			return false, err
		}
		if _, err := c.Run(database, bson.D{e("create", collection)}); err != nil {
			return false, err
		}
		ok[i] = true
		if len(docs) > 0 {
			reply, err := c.Run(database, bson.D{e("insert", collection), e("documents", docs)})
			if err != nil {
				return false, err
			}
			ok[i] = process.Succeeded(reply) && reply.Lookup("writeErrors").IsZero()
		}
		if len(indexes) > 0 {
			reply, err := c.Run(database, bson.D{e("createIndexes", collection), e("indexes", indexes)})
			if err != nil {
				return false, err
			}
			ok[i] = ok[i] && process.Succeeded(reply)
		}
	}
	return ok[0] && ok[1], nil
}

// contents returns our documents, in the order of their _id.
func (p *pair) contents() ([]bson.Raw, error) {
	reply, err := p.conns[0].Run(database, bson.D{e("find", collection), e("sort", bson.D{e("_id", 1)}), e("batchSize", 1000)})
	if err != nil {
		return nil, err
	}
	batch, _ := reply.Lookup("cursor", "firstBatch").ArrayOK()
	values, err := batch.Values()
	docs := make([]bson.Raw, len(values))
	for i, v := range values {
		docs[i] = v.Document()
	}
	return docs, err
}

// theirIndexesAnswer says whether a difference comes from their indexes: without any both answer what we answer with them. (mongod's
// indexes of paths with numbers and its sparse ones change answers now and then; ours must not.)
func (r *round) theirIndexesAnswer(d *difference) (bool, error) {
	var texts [2]string // ours, with indexes and without
	for i, indexes := range []bson.A{d.indexes, nil} {
		if equal, err := r.set(d.documents, indexes); err != nil || !equal {
			return false, err
		}
		answers, err := r.both(d.command)
		if err != nil {
			return false, err
		}
		left, err := r.both(bson.D{e("find", collection), e("sort", bson.D{e("_id", 1)}), e("batchSize", 1000)})
		if err != nil {
			return false, err
		}
		if texts[i] = answers[0].text + left[0].text; indexes == nil && texts[i] != answers[1].text+left[1].text {
			return false, nil
		}
	}
	return texts[0] == texts[1] && len(d.indexes) > 0, nil
}

// ofOneDocument looks for a document on which alone a write of many, which failed on both sides, fails differently. If there is none, each side only came to
// another document first.
func (r *round) ofOneDocument(d *difference) (*difference, error) {
	for _, doc := range d.documents {
		one := []bson.Raw{doc}
		if equal, err := r.set(one, d.indexes); err != nil || !equal {
			return nil, err
		}
		answers, err := r.both(d.command)
		if err != nil {
			return nil, err
		}
		if answers[0].text != answers[1].text {
			return &difference{documents: one, indexes: d.indexes, command: d.command, answers: answers}, nil
		}
	}
	return nil, nil
}

// ask asks both sides and compares the answers, and for a write what is in the collections behind it. again is false when no more can be asked
// about these documents: a write of many that fails has done what the order of documents says.
func (p *pair) ask(command bson.D) (d *difference, again bool, err error) {
	p.commands++
	answers, err := p.both(command)
	if err != nil {
		return nil, false, err
	}
	switch {
	case answers[0].code == notImplemented && answers[1].code != notImplemented:
		p.missing++
		return nil, answers[1].code != 0, nil
	case p.explained(command, answers):
		p.passedOver++
		return nil, false, nil
	case answers[0].text != answers[1].text:
		return &difference{command: command, answers: answers}, false, nil
	case !isWrite(command):
		return nil, true, nil
	}
	left, err := p.both(bson.D{e("find", collection), e("sort", bson.D{e("_id", 1)}), e("batchSize", 1000)})
	switch {
	case err != nil || left[0].text == left[1].text:
		return nil, true, err
	case answers[0].code != 0 && isMulti(command):
		return nil, false, nil
	}
	return &difference{command: command, answers: left}, false, nil
}

func (p *pair) both(command bson.D) (answers [2]answer, err error) {
	for i := range p.conns {
		reply, err := p.conns[i].Run(database, command)
		if err != nil {
			return answers, fmt.Errorf("%s: %w", p.conns[i].Address, err)
		}
		answers[i] = newAnswer(command[0].Key, reply, command)
	}
	return answers, nil
}

func (p *pair) explained(command bson.D, answers [2]answer) bool {
	text := show(command)
	if answers[0].text == answers[1].text {
		return false
	}
	return slices.ContainsFunc(p.known, func(k explanation) bool {
		return strings.Contains(text, k.Has) && strings.Contains(p.indexed, k.Indexes) && k.Ours == answers[0].code && k.Theirs == answers[1].code &&
			(!k.Counts || changedNumber.ReplaceAllString(answers[0].text, "") == changedNumber.ReplaceAllString(answers[1].text, "")) &&
			(!k.Order || inAnyOrder(answers[0].text) == inAnyOrder(answers[1].text))
	})
}

func inAnyOrder(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var changedNumber = regexp.MustCompile(`nModified: [^;]*;`)

func isWrite(command bson.D) bool {
	return slices.Contains([]string{"insert", "update", "delete", "findAndModify"}, command[0].Key)
}

func isMulti(command bson.D) bool { return command[0].Key == "update" || command[0].Key == "delete" }
