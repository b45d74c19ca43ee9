package collation

import (
	"bytes"
	"context"
	"flag"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/text/unicode/norm"
)

// The tables are recorded: a mongod is asked for the sort keys of single code points, of sequences that may be contractions, and of everything
// in each locale; the elements are read off them. Afterwards the keys that this package makes are compared with those, byte by byte.
//
//	go test ./internal/collation -run TestRecord -mongod mongodb://127.0.0.1:27017/?directConnection=true

var onlyLocales = flag.String("locales", "", "record only the locales whose names match this")
var mongod = flag.String("mongod", "", "record the tables from this mongod")

// recorder learns one table.
type recorder struct {
	t         *testing.T
	table     *table
	base      *table
	primaries map[uint32]bool // those known, unreordered
	origin    map[byte]byte   // which first bytes of primary weights the locale has moved where
	alternate map[byte]byte   // first bytes that stand for others of the locale
	narrow    map[byte]bool   // tertiary weights of one byte, as they stand in keys

	narrowSecondary map[byte]bool // secondary weights of one byte
	usedInRoot      map[byte]bool // first bytes of the root's primary weights
	wide            map[byte]bool // first bytes of secondary weights that have two
}

// learn gives a text the elements of a key if this package makes another key of it.
func (rec *recorder) learn(s string, key []byte) bool {
	if bytes.Equal(full(rec.table).AppendKey(nil, s), key) {
		return false
	}
	list, err := rec.read(key)
	if err != nil {
		rec.t.Logf("%+q % x: %v", s, key, err)
		return false
	}
	if len(list) == 0 {
		list = []element{{}}
	}
	if text := appendDecomposed(nil, s); len(text) == 1 {
		rec.table.set(text[0], list, rec.base)
	} else {
		rec.table.contract(text, list)
	}
	return true
}

// learnPrimaries notes the weights of code points that have a single element.
func (rec *recorder) learnPrimaries(list []string, keys [][]byte) {
	for i, s := range list {
		l := levels(keys[i])
		if len(rec.readTertiaries(l[3])) != 1 {
			continue
		}
		if len(l[0]) > 0 && norm.NFD.String(s) == s {
			rec.primaries[rec.original(weight(l[0]))] = true
		}
		if len(l[1]) == 2 {
			rec.wide[l[1][0]] = true
		}
	}
}

// TestRecord makes the tables anew.
func TestRecord(t *testing.T) {
	if *mongod == "" {
		t.Skip("no -mongod")
	}
	o := newOracle(t)
	defer func() { _ = o.db.Drop(context.Background()) }()
	all := codePoints()
	var han, others []string
	for _, r := range all {
		if unicode.Is(unicode.Han, r) {
			han = append(han, string(r))
		} else {
			others = append(others, string(r))
		}
	}
	sent := []texts{o.send(others), o.send(han)}
	root := o.recordRoot(sent)
	a := &archive{root: root}
	sample := o.send(sampleTexts())
	variants := map[string]*table{} // the tables of en@collation=search and others like it, on which those of other languages are based
	names := o.locales()
	bases, learned := make([]*table, len(names)), make([]*table, len(names))
	record := func(i int) {
		_, kind, _ := strings.Cut(names[i], "@")
		bases[i], learned[i] = root, root
		if t := variants[kind]; t != nil {
			bases[i], learned[i] = t, t
		}
		if variants[kind] == nil || !o.agrees(names[i], bases[i], sample) {
			learned[i] = o.recordLocale(names[i], bases[i], sent)
		}
		t.Logf("%s: recorded", names[i])
	}
	for kind := range strings.FieldsSeq("collation=search collation=eor collation=emoji") {
		if t := tableOf("en@" + kind); t != nil && !slices.Contains(names, "en@"+kind) {
			variants[kind] = t
			a.call(t, "en@"+kind)
		}
	}
	for i, name := range names {
		if _, kind, ok := strings.Cut(name, "@"); ok && strings.HasPrefix(name, "en@") {
			record(i)
			variants[kind] = learned[i]
		}
	}
	var workers sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				record(i)
			}
		})
	}
	for i := range names {
		if learned[i] == nil {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	if *onlyLocales != "" { // the others stay as they are
		for _, name := range slices.Sorted(maps.Keys(loadCatalog().locales)) {
			if l := loadCatalog().locales[name]; !slices.Contains(names, name) {
				a.locales = append(a.locales, archivedLocale{name: name, base: l.base, data: l.data})
			}
		}
	}
	for _, first := range []bool{true, false} { // a base comes before what is based on it
		for i, name := range names {
			if strings.HasPrefix(name, "en@") == first {
				a.add(name, bases[i], learned[i])
			}
		}
	}
	if err := a.write(tablesFile); err != nil {
		t.Fatal(err)
	}
}

func (o *oracle) recordRoot(sent []texts) *table {
	rec := &recorder{t: o.t, table: &table{contractions: map[rune][]contraction{}, compressible: &[256]bool{}}, primaries: map[uint32]bool{}, wide: map[byte]bool{}, origin: map[byte]byte{}}
	narrow, narrowSecondary, used := map[byte]bool{}, map[byte]bool{}, map[byte]bool{}
	var want [][][]byte
	for i, x := range sent {
		want = append(want, o.keys(x, fullCollation("en")))
		rec.learnPrimaries(x.list, want[i])
		for _, k := range want[i] {
			l := levels(k)
			if len(l[3]) == 1 {
				narrow[l[3][0]] = true
			}
			if len(l[1]) == 1 && len(rec.readTertiaries(l[3])) == 1 {
				narrowSecondary[l[1][0]] = true
			}
			if len(l[0]) > 0 {
				used[l[0][0]] = true
			}
		}
	}
	rec.narrow, rec.narrowSecondary = narrow, narrowSecondary
	o.narrow, o.narrowSecondary, o.usedInRoot = narrow, narrowSecondary, used
	rec.learnCompressible(o, sent[0])
	rec.learnVariable(o, sent[0])
	rec.table.numeric = uint32(o.keysOf([]string{"1"}, fullCollation("en", bson.E{Key: "numericOrdering", Value: true}))[0][0]) << 24
	for n, x := range sent {
		keys := want[n]
		for i := range keys { // those by themselves first, then those that decompose
			if len(appendDecomposed(nil, x.list[i])) == 1 {
				rec.learn(x.list[i], keys[i])
			}
		}
		for i := range keys {
			if len(appendDecomposed(nil, x.list[i])) > 1 {
				rec.learn(x.list[i], keys[i])
			}
		}
	}
	rec.table.finish()
	pairs := rootPairs()
	for i, k := range o.keysOf(pairs, fullCollation("en")) {
		rec.learn(pairs[i], k)
	}
	rec.table.finish()
	rec.verify("root", sent, want)
	return rec.table
}

// learnCompressible asks for two of each first byte in a row.
func (rec *recorder) learnCompressible(o *oracle, x texts) {
	byLead := map[byte]string{}
	keys := o.keys(x, bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: 1}})
	for i, k := range keys {
		if len(k) >= 2 && len(k) <= 4 && rec.primaries[weight(k)] {
			byLead[k[0]] = x.list[i]
		}
	}
	byLead[0xfb], byLead[0xfe] = "漢", "\u0378"
	for lead, s := range byLead {
		k := o.keysOf([]string{s, s + s}, bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: 1}})
		rec.table.compressible[lead] = len(k[1]) == 2*len(k[0])-1
	}
}

// learnVariable finds the greatest weights of spaces and of punctuation: what is shifted away.
func (rec *recorder) learnVariable(o *oracle, x texts) {
	plain := o.keys(x, bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: 1}})
	top := func(group string) (top uint32) {
		shifted := o.keys(x, bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: 1}, {Key: "alternate", Value: "shifted"}, {Key: "maxVariable", Value: group}})
		for i, k := range shifted {
			if len(k) == 0 && len(plain[i]) <= 4 && rec.primaries[weight(plain[i])] {
				top = max(top, weight(plain[i]))
			}
		}
		return top
	}
	rec.table.spaceTop, rec.table.punctTop = top("space"), top("punct")
}

// verify counts the texts of which this package makes other keys than mongod.
func (rec *recorder) verify(name string, sent []texts, want [][][]byte) {
	wrong := 0
	for n, x := range sent {
		for i, k := range want[n] {
			if got := full(rec.table).AppendKey(nil, x.list[i]); !bytes.Equal(got, k) {
				if wrong++; wrong < 6 {
					rec.t.Logf("%s: %+q: % x, mongod % x", name, x.list[i], got, k)
				}
			}
		}
	}
	if wrong > 0 {
		rec.t.Logf("%s: %d keys differ", name, wrong)
	}
}
