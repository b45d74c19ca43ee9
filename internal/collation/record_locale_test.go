package collation

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// recordLocale returns base with what is different in a locale.
func (o *oracle) recordLocale(name string, base *table, sent []texts) *table {
	rec := &recorder{t: o.t, table: base.tailored(), base: base, primaries: map[uint32]bool{}, wide: map[byte]bool{}, origin: map[byte]byte{}, alternate: map[byte]byte{}, narrow: o.narrow, narrowSecondary: o.narrowSecondary, usedInRoot: o.usedInRoot}
	if !slices.ContainsFunc([]string{"zh", "ja", "ko"}, func(l string) bool { return strings.HasPrefix(name, l) }) {
		sent = sent[:1]
	}
	want := make([][][]byte, len(sent))
	for i, x := range sent {
		want[i] = o.keys(x, fullCollation(name))
	}
	rec.learnReordering(sent, want)
	for i, x := range sent {
		rec.learnPrimaries(x.list, want[i])
	}
	var changed []rune
	for i, x := range sent {
		for pass := range 2 { // those by themselves first, then those that decompose
			for j, s := range x.list {
				if text := appendDecomposed(nil, s); (len(text) > 1) == (pass == 1) && rec.learn(s, want[i][j]) {
					changed = append(append(changed, []rune(s)...), text...)
				}
			}
		}
	}
	rec.table.finish()
	pairs := rootPairs() // a locale may do without some
	for i, k := range o.keysOf(pairs, fullCollation(name)) {
		rec.learn(pairs[i], k)
	}
	rec.learnContractions(o, name, changed)
	rec.table.finish()
	rec.verify(name, sent, want)
	return rec.table
}

// learnReordering finds which first bytes of primary weights are moved.
func (rec *recorder) learnReordering(sent []texts, keys [][][]byte) {
	moved := map[uint32]byte{} // by the weight, its first byte in the locale
	for n, x := range sent {
		for i, k := range keys[n] {
			was, is := levels(full(rec.base).AppendKey(nil, x.list[i]))[0], levels(k)[0]
			if len(is) == len(was) && len(is) >= 1 && len(is) <= 4 && bytes.Equal(is[1:], was[1:]) && len(rec.readTertiaries(levels(k)[3])) == 1 {
				moved[weight(was)] = is[0]
			}
		}
	}
	order := &reordering{}
	for i := range order.leads {
		order.leads[i] = byte(i)
	}
	changes, last := false, uint32(0)
	weights := slices.Sorted(maps.Keys(moved))
	like := func(i, j int) bool { // the weights at two places are moved by the same distance
		return j >= 0 && j < len(weights) && moved[weights[i]]-byte(weights[i]>>24) == moved[weights[j]]-byte(weights[j]>>24)
	}
	for i, p := range weights {
		to := moved[p]
		if !like(i, i-1) && !like(i, i+1) {
			continue // a letter by itself
		}
		switch {
		case p>>24 != last>>24:
			order.leads[p>>24] = to
		case to != order.lead(last):
			order.splits = append(order.splits, split{p, to})
		}
		last = p
		rec.origin[to] = byte(p >> 24)
		changes = changes || to != byte(p>>24)
	}
	if changes {
		rec.table.reorder = order
		rec.placeOthers(keys)
	}
}

// placeOthers finds first bytes that the root does not use to stand for those of the locale that nothing of the root is moved to, or only a part.
func (rec *recorder) placeOthers(keys [][][]byte) {
	var seen [256]bool
	for _, list := range keys {
		for _, k := range list {
			seen[k[0]] = k[0] != levelSeparator || seen[k[0]]
		}
	}
	order := rec.table.reorder
	free := byte(0xfa)
	for lead := range seen {
		was, known := rec.origin[byte(lead)]
		isSplit := known && slices.ContainsFunc(order.splits, func(s split) bool { return byte(s.from>>24) == was })
		if !seen[lead] || known && !isSplit {
			continue
		}
		for rec.usedInRoot[free] {
			free--
		}
		order.leads[free] = byte(lead)
		rec.alternate[byte(lead)] = free
		free--
	}
}

func (o *reordering) lead(p uint32) byte { return byte((&table{reorder: o}).reordered(p) >> 24) }

// learnContractions asks for sequences of the locale's letters, and of those that turn out to be contractions with one more.
func (rec *recorder) learnContractions(o *oracle, name string, changed []rune) {
	letters := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'-·\u2019")
	scripts := map[string]*unicode.RangeTable{}
	for _, r := range changed {
		for n, s := range unicode.Scripts {
			if n != "Han" && n != "Common" && n != "Latin" && n != "Inherited" && unicode.Is(s, r) {
				scripts[n] = s
			}
		}
		if len(letters) < 160 && unicode.In(r, unicode.Latin, unicode.Mn) && !slices.Contains(letters, r) {
			letters = append(letters, r)
		}
	}
	groups := [][]rune{letters}
	for n, s := range scripts {
		if len(scripts) > 3 && n != "Hiragana" && n != "Katakana" {
			continue // an order that changes everything: of search
		}
		var list []rune
		for r := range runesOf(s) {
			if r < 0x10000 && norm.NFD.String(string(r)) == string(r) && r < 0x3300 {
				list = append(list, r)
			}
		}
		if n == "Hiragana" || n == "Katakana" {
			list = append(list, 'ー', 'ゝ', 'ゞ', 'ヽ', 'ヾ', 0x3099, 0x309a)
		}
		if len(list) < 300 {
			groups = append(groups, list)
		}
	}
	for _, letters := range groups {
		rec.learnGroup(o, name, letters)
	}
}

func (rec *recorder) learnGroup(o *oracle, name string, letters []rune) {
	var list []string
	for _, a := range letters {
		for _, b := range letters {
			list = append(list, string([]rune{a, b}))
		}
	}
	for round := 0; round < 3 && len(list) > 0; round++ {
		keys := o.keysOf(list, fullCollation(name))
		var found []int
		for i, s := range list {
			if !bytes.Equal(full(rec.table).AppendKey(nil, s), keys[i]) {
				found = append(found, i)
			}
		}
		if len(found) > 1000 && len(found) > len(list)/10 {
			rec.t.Logf("%s: %d sequences of %d are contractions: these are no letters, such as %+q", name, len(found), len(list), list[found[0]])
			return
		}
		for _, i := range found {
			rec.learn(list[i], keys[i])
		}
		rec.table.finish()
		before := list
		list = nil
		for _, i := range found[:min(len(found), 600)] {
			for _, l := range letters {
				list = append(list, before[i]+string(l), string(l)+before[i])
			}
		}
	}
}
