package collation

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/text/unicode/norm"
)

// The tables are recorded: a mongod is asked for the sort keys of single code points, of sequences that may be contractions, and of everything
// in each locale; the elements are read off them. Afterwards the keys that this package makes are compared with those, byte by byte.
//
//	go test ./internal/collation -run TestRecord -mongod mongodb://127.0.0.1:27017/?directConnection=true

var onlyLocales = flag.String("locales", "", "record only the locales whose names match this")
var mongod = flag.String("mongod", "", "record the tables from this mongod")

// oracle asks a mongod for sort keys.
type oracle struct {
	t  *testing.T
	db *mongo.Database
	n  int

	narrow, narrowSecondary, usedInRoot map[byte]bool // see recorder
}

func newOracle(t *testing.T) *oracle {
	client, err := mongo.Connect(options.Client().ApplyURI(*mongod))
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{t: t, db: client.Database(fmt.Sprintf("collation%d", time.Now().UnixNano()))}
}

// texts is strings that were sent to the mongod.
type texts struct {
	coll *mongo.Collection
	list []string
}

func (o *oracle) send(list []string) texts {
	o.n++
	coll := o.db.Collection(fmt.Sprintf("texts%d", o.n))
	for from := 0; from < len(list); from += 20000 {
		var docs []any
		for i, s := range list[from:min(from+20000, len(list))] {
			docs = append(docs, bson.D{{Key: "_id", Value: from + i}, {Key: "s", Value: s}})
		}
		if _, err := coll.InsertMany(context.Background(), docs); err != nil {
			o.t.Fatal(err)
		}
	}
	return texts{coll, list}
}

// keys returns the sort keys of texts.
func (o *oracle) keys(x texts, collation bson.D) [][]byte {
	out, err := o.tryKeys(x, collation)
	if err != nil {
		o.t.Fatal(collation, err)
	}
	return out
}

func (o *oracle) tryKeys(x texts, collation bson.D) ([][]byte, error) {
	ctx := context.Background()
	pipeline := bson.A{bson.D{{Key: "$sort", Value: bson.D{{Key: "s", Value: 1}}}}, bson.D{{Key: "$project", Value: bson.D{{Key: "k", Value: bson.D{{Key: "$meta", Value: "sortKey"}}}}}}}
	cur, err := o.db.RunCommandCursor(ctx, bson.D{{Key: "aggregate", Value: x.coll.Name()}, {Key: "pipeline", Value: pipeline}, {Key: "collation", Value: collation},
		{Key: "allowDiskUse", Value: true}, {Key: "cursor", Value: bson.D{{Key: "batchSize", Value: 1 << 30}}}})
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(x.list))
	for cur.Next(ctx) {
		v := cur.Current.Lookup("k", "0")
		out[cur.Current.Lookup("_id").AsInt64()] = bytes.Clone(v.Value[4 : len(v.Value)-1])
	}
	return out, cur.Err()
}

func (o *oracle) keysOf(list []string, collation bson.D) [][]byte {
	x := o.send(list)
	defer func() { _ = x.coll.Drop(context.Background()) }()
	return o.keys(x, collation)
}

// fullCollation shows all that elements hold.
func fullCollation(locale string, more ...bson.E) bson.D {
	return append(bson.D{{Key: "locale", Value: locale}, {Key: "strength", Value: 4}, {Key: "caseLevel", Value: true}, {Key: "caseFirst", Value: "off"},
		{Key: "alternate", Value: "non-ignorable"}, {Key: "normalization", Value: false}, {Key: "backwards", Value: false}}, more...)
}

func full(t *table) *Collation { return &Collation{table: t, strength: 4, caseLevel: true} }

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

// codePoints returns what is asked for: all that are assigned and not made of others by rule.
func codePoints() (list []rune) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r >= hangulFirst && r <= hangulLast || unicode.Is(unicode.Cs, r) || unicode.Is(unicode.Co, r) {
			continue
		}
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C) || r >= 0xfff0 && r <= 0xffff {
			list = append(list, r)
		}
	}
	return list
}

// levels cuts a key into its levels.
func levels(key []byte) [5][]byte {
	var out [5][]byte
	for i, part := range bytes.SplitN(key, []byte{levelSeparator}, 5) {
		out[i] = part
	}
	return out
}

// read returns the elements of a key made with fullCollation. How many bytes a weight has is not always plain; the levels must agree on the number of elements.
func (rec *recorder) read(key []byte) (list []element, err error) {
	for _, narrow := range []bool{false, true} {
		for _, wide := range []bool{false, true} {
			if list, err = rec.readLevels(levels(key), narrow, wide); err == nil {
				return list, nil
			}
		}
	}
	return nil, err
}

// readLevels takes all tertiary weights for narrow, or all secondary ones that are not the common one for wide, if told to.
func (rec *recorder) readLevels(l [5][]byte, narrow, wide bool) ([]element, error) {
	tertiaries := rec.readTertiaries(l[3])
	if narrow {
		tertiaries = (&recorder{}).readTertiaries(l[3])
	}
	n := len(tertiaries)
	secondaries, err := rec.readSecondaries(l[1], n, wide)
	if err != nil {
		return nil, err
	}
	primaries, err := rec.readPrimaries(l[0], len(secondaries))
	if err != nil {
		return nil, err
	}
	cases := readCases(l[2], len(secondaries))
	quaternaries := readQuaternaries(l[4], n)
	out := make([]element, n)
	extra := len(secondaries) - len(primaries) // accents
	odd := 0
	for _, s := range secondaries {
		if s != commonWeight {
			odd++
		}
	}
	p := 0
	for i := range out {
		e := &out[i]
		e.tertiary = tertiaries[i] | quaternaries[i]
		if i >= len(secondaries) {
			e.tertiary |= 0x8000
			continue
		}
		e.secondary = secondaries[i]
		e.tertiary |= cases[i]
		accent := extra > 0 && (odd == extra && e.secondary != commonWeight || odd != extra && p == len(primaries))
		if !accent && p < len(primaries) {
			e.primary = primaries[p]
			p++
		}
	}
	if p < len(primaries) {
		return nil, fmt.Errorf("%d of %d primaries placed", p, len(primaries))
	}
	return out, nil
}

func (rec *recorder) readTertiaries(b []byte) (out []uint16) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c > 0xc5 && i+1 < len(b) && len(rec.narrow) > 0 && !rec.narrow[c]:
			out = append(out, uint16(c-0xc0)<<8|uint16(b[i+1]))
			i++
		case c > 0xc5:
			out = append(out, uint16(c-0xc0)<<8)
		case c < commonByte:
			out = append(out, uint16(c)<<8)
		case c <= 0x65:
			out = append(out, repeated(int(c-commonByte)+1)...)
		default:
			out = append(out, repeated(int(0xc5-c)+1)...)
		}
	}
	return out
}

func repeated(n int) []uint16 { return slices.Repeat([]uint16{commonWeight}, n) }

func (rec *recorder) readSecondaries(b []byte, n int, wide bool) (out []uint16, err error) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case n == 1 && len(b) == 2:
			rec.wide[c] = true
			return []uint16{uint16(c)<<8 | uint16(b[1])}, nil
		case c >= commonByte && c <= 0x25:
			out = append(out, repeated(int(c-commonByte)+1)...)
		case c > 0x25 && c <= 0x45:
			out = append(out, repeated(int(0x45-c)+1)...)
		case i+1 < len(b) && (wide || rec.wide[c] || len(rec.narrowSecondary) > 0 && !rec.narrowSecondary[c]):
			out = append(out, uint16(c)<<8|uint16(b[i+1]))
			i++
		default:
			out = append(out, uint16(c)<<8)
		}
	}
	if len(out) > n {
		return nil, fmt.Errorf("secondaries % x give %d, not %d", b, len(out), n)
	}
	return out, nil
}

// readPrimaries finds a way to cut b into at most n primary weights, known ones if possible.
func (rec *recorder) readPrimaries(b []byte, n int) ([]uint32, error) {
	for unknown := range 3 {
		if out, ok := rec.cut(b, n, 0, unknown); ok {
			return out, nil
		}
	}
	return nil, fmt.Errorf("primaries % x cannot be cut into %d", b, n)
}

func (rec *recorder) cut(b []byte, n int, lead byte, unknown int) ([]uint32, bool) {
	if len(b) == 0 {
		return nil, true
	}
	if n == 0 {
		return nil, false
	}
	if lead != 0 {
		if b[0] == compressionLow || b[0] == compressionHigh {
			return rec.cut(b[1:], n, 0, unknown)
		}
		b = append([]byte{lead}, b...)
	}
	for size := 1; size <= min(4, len(b)); size++ {
		if n == 1 && size < min(4, len(b)) {
			continue
		}
		w := rec.original(weight(b[:size]))
		left := unknown
		if !rec.primaries[w] {
			if left == 0 {
				continue
			}
			left--
		}
		next := byte(0)
		if rec.table.compressible[w>>24] {
			next = b[0]
		}
		if rest, ok := rec.cut(b[size:], n-1, next, left); ok {
			return append([]uint32{w}, rest...), true
		}
	}
	return nil, false
}

// original undoes the locale's reordering of a weight.
func (rec *recorder) original(w uint32) uint32 {
	lead, rest := byte(w>>24), w&0xffffff
	if was, moved := rec.origin[lead]; moved {
		if p := uint32(was)<<24 | rest; rec.table.reordered(p) == w {
			return p
		}
	}
	if other, ok := rec.alternate[lead]; ok {
		return uint32(other)<<24 | rest
	}
	return w
}

func readCases(b []byte, n int) []uint16 {
	out := make([]uint16, n)
	i := 0
	for _, c := range b {
		for _, nibble := range []byte{c >> 4, c & 15} {
			switch {
			case nibble == 0:
			case nibble > 13:
				out[i] = uint16(nibble-13) << 14
				i++
			case nibble <= 7:
				i += int(nibble)
			default:
				i += int(13-nibble) + 1
			}
		}
	}
	return out
}

func readQuaternaries(b []byte, n int) []uint16 {
	out := make([]uint16, n)
	i := 0
	for _, c := range b {
		switch {
		case c > 0xfc:
			out[i] = uint16(c-0xfc) << 6
			i++
		case c <= 0x8c:
			i += int(c-0x1c) + 1
		default:
			i += int(0xfc-c) + 1
		}
	}
	return out
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

func (rec *recorder) learnPrimaries(list []rune, keys [][]byte) {
	for i, r := range list {
		l := levels(keys[i])
		if n := len(rec.readTertiaries(l[3])); n == 1 && len(l[0]) > 0 && len(norm.NFD.String(string(r))) == len(string(r)) {
			rec.primaries[rec.original(weight(l[0]))] = true
		}
		if len(rec.readTertiaries(l[3])) == 1 && len(l[1]) == 2 {
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
	for _, name := range o.locales() {
		_, kind, _ := strings.Cut(name, "@")
		base := root
		if t := variants[kind]; t != nil {
			base = t
		}
		learned := base
		if kind == "" || variants[kind] == nil || !o.agrees(name, base, sample) {
			learned = o.recordLocale(name, base, sent)
		}
		if variants[kind] == nil && strings.HasPrefix(name, "en@") {
			variants[kind] = learned
		}
		a.add(name, base, learned)
		t.Logf("%s: %d bytes", name, len(a.locales[len(a.locales)-1].data))
	}
	if err := a.write(tablesFile); err != nil {
		t.Fatal(err)
	}
}

func (o *oracle) recordRoot(sent []texts) *table {
	rec := &recorder{t: o.t, table: &table{contractions: map[rune][]contraction{}, compressible: &[256]bool{}}, primaries: map[uint32]bool{}, wide: map[byte]bool{}, origin: map[byte]byte{}}
	narrow, narrowSecondary, used := map[byte]bool{}, map[byte]bool{}, map[byte]bool{}
	for _, x := range sent {
		keys := o.keys(x, fullCollation("en"))
		rec.learnPrimaries([]rune(concat(x.list)), keys)
		for _, k := range keys {
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
	rec.narrow = narrow
	rec.narrowSecondary = narrowSecondary
	o.narrow, o.narrowSecondary, o.usedInRoot = narrow, narrowSecondary, used
	rec.learnCompressible(o, sent[0])
	rec.learnVariable(o, sent[0])
	rec.table.numeric = uint32(o.keysOf([]string{"1"}, fullCollation("en", bson.E{Key: "numericOrdering", Value: true}))[0][0]) << 24
	for _, x := range sent {
		keys := o.keys(x, fullCollation("en"))
		for i := range keys { // those by themselves first, then those that decompose
			if len(appendDecomposed(nil, x.list[i])) == 1 {
				rec.learnSingle(x.list[i], keys[i])
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
	rec.learnAll(pairs, o.keysOf(pairs, fullCollation("en")))
	rec.table.finish()
	rec.verify("root", o, sent, fullCollation("en"))
	return rec.table
}

func concat(list []string) string {
	var b bytes.Buffer
	for _, s := range list {
		b.WriteString(s)
	}
	return b.String()
}

// learnSingle is learn for code points that do not decompose. Those that are like unassigned ones need no entry.
func (rec *recorder) learnSingle(s string, key []byte) { rec.learn(s, key) }

func (rec *recorder) learnAll(list []string, keys [][]byte) (learned int) {
	for i := range list {
		if rec.learn(list[i], keys[i]) {
			learned++
		}
	}
	return learned
}

// weight returns the weight whose bytes, without the zeros at its end, are given.
func weight(b []byte) uint32 {
	var w [4]byte
	copy(w[:], b)
	return binary.BigEndian.Uint32(w[:])
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

// rootPairs returns sequences that may be contractions in every locale.
func rootPairs() (list []string) {
	letters := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for _, l := range letters {
		for _, m := range "\u00b7\u0387" {
			list = append(list, string([]rune{l, m}))
		}
	}
	add := func(firsts []rune, script *unicode.RangeTable) {
		for _, f := range firsts {
			for r := range runesOf(script) {
				list = append(list, string([]rune{f, r}))
			}
		}
	}
	add([]rune("เแโใไ"), unicode.Thai)
	add([]rune("ເແໂໃໄ"), unicode.Lao)
	add([]rune("\uaab5\uaab6\uaab9\uaabb\uaabc"), unicode.Tai_Viet)
	add([]rune("\u19b5\u19b6\u19b7\u19ba"), unicode.New_Tai_Lue)
	return list
}

func runesOf(script *unicode.RangeTable) map[rune]bool {
	out := map[rune]bool{}
	for _, r := range script.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			out[c] = true
		}
	}
	return out
}

// verify counts the texts of which this package makes other keys than mongod.
func (rec *recorder) verify(name string, o *oracle, sent []texts, collation bson.D) {
	wrong := 0
	for _, x := range sent {
		for i, k := range o.keys(x, collation) {
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

// sampleTexts is what tells whether a locale has an order of its own.
func sampleTexts() (list []string) {
	for r := rune(' '); r < 0x700; r++ {
		list = append(list, string(r))
	}
	letters := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for _, a := range letters {
		for _, b := range letters {
			list = append(list, string([]rune{a, b}))
		}
	}
	return list
}

// agrees reports whether a locale has the keys of a table, as far as a sample tells.
func (o *oracle) agrees(name string, t *table, sample texts) bool {
	for i, k := range o.keys(sample, fullCollation(name)) {
		if !bytes.Equal(k, full(t).AppendKey(nil, sample.list[i])) {
			return false
		}
	}
	return true
}

// locales returns what mongod takes for a locale.
func (o *oracle) locales() (list []string) {
	try := o.send([]string{"a"})
	wanted := regexp.MustCompile(*onlyLocales)
	for _, name := range localeCandidates() {
		if !wanted.MatchString(name) {
			continue
		}
		if _, err := o.tryKeys(try, bson.D{{Key: "locale", Value: name}}); err == nil {
			list = append(list, name)
		}
	}
	return list
}
