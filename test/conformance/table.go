package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The table of what works stands in the project's page between these lines. It follows from the data files alone: the run
// of the corpus is what keeps those true.
const (
	tableBegin = "<!-- what works: written by `make conformance-table` -->\n"
	tableEnd   = "<!-- end of what works -->\n"
)

// area is a row: the topics that begin with one word.
type area struct {
	name           string
	passed, total  int
	whole, missing []string // topics that pass whole, and the others with their figures
	onPurpose      int
}

func table(s settings) error {
	topics, err := loadCorpus(s.cases())
	if err != nil {
		return err
	}
	l, err := readLedger(s.differences(), s.pending())
	if err != nil {
		return err
	}
	page, err := os.ReadFile(s.readme)
	if err != nil {
		return err
	}
	updated, err := withTable(string(page), tableText(topics, l))
	if err != nil || updated == string(page) {
		return err
	}
	if s.check {
		return fmt.Errorf("%s does not say what the corpus says; `make conformance-table` mends it", s.readme)
	}
	return os.WriteFile(s.readme, []byte(updated), 0o644)
}

func withTable(page, text string) (string, error) {
	head, rest, ok := strings.Cut(page, tableBegin)
	_, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return "", errors.New("the page has no place for the table")
	}
	return head + tableBegin + text + tableEnd + tail, nil
}

func tableText(topics []topic, l *ledger) string {
	var b strings.Builder
	b.WriteString("| | passed | of | in whole | in part |\n| --- | ---: | ---: | --- | --- |\n")
	var sum area
	for _, a := range areas(topics, l) {
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s |\n", a.name, a.passed, a.total, strings.Join(a.whole, ", "), strings.Join(a.missing, ", "))
		sum.passed, sum.total, sum.onPurpose = sum.passed+a.passed, sum.total+a.total, sum.onPurpose+a.onPurpose
	}
	fmt.Fprintf(&b, "| **all** | **%d** | **%d** | | %d differ on purpose |\n", sum.passed, sum.total, sum.onPurpose)
	return b.String()
}

func areas(topics []topic, l *ledger) (list []*area) {
	byName := map[string]*area{}
	for i := range topics {
		name, rest, divided := strings.Cut(topics[i].name, "/")
		if byName[name] == nil {
			byName[name] = &area{name: name}
			list = append(list, byName[name])
		}
		if !divided {
			rest = "all"
		}
		byName[name].add(rest, &topics[i], l)
	}
	return list
}

func (a *area) add(name string, t *topic, l *ledger) {
	passed, total := 0, 0
	for _, c := range t.cases {
		for n := range c.steps {
			p := place{t.name, c.name, n}
			_, differs := l.differences[p]
			total++
			switch {
			case differs:
				a.onPurpose++
			case !l.pending[p]:
				passed++
			}
		}
	}
	a.passed, a.total = a.passed+passed, a.total+total
	if passed == total {
		a.whole = append(a.whole, name)
	} else {
		a.missing = append(a.missing, fmt.Sprintf("%s %d/%d", name, passed, total))
	}
}
