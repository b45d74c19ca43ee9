package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// place names a step of the corpus.
type place struct {
	Topic string `json:"topic"`
	Case  string `json:"case"`
	Step  int    `json:"step"`
}

func (p place) String() string { return fmt.Sprintf("%s: %s [step %d]", p.Topic, p.Case, p.Step) }

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.Topic, b.Topic), strings.Compare(a.Case, b.Case), cmp.Compare(a.Step, b.Step))
}

// onPurpose is an item of differences.json: steps of a case that differ for one reason.
type onPurpose struct {
	Topic  string `json:"topic"`
	Case   string `json:"case"`
	Steps  []int  `json:"steps"`
	Reason string `json:"reason"`
}

// ledger is what is known not to pass: what differs on purpose, and what is not there yet.
type ledger struct {
	differences map[place]string
	pending     map[place]bool
}

func readLedger(differences, pending string) (*ledger, error) {
	l := &ledger{differences: map[place]string{}, pending: map[place]bool{}}
	var wanted []onPurpose
	if err := readJSON(differences, &wanted); err != nil {
		return nil, err
	}
	for _, d := range wanted {
		if strings.TrimSpace(d.Reason) == "" || len(d.Steps) == 0 {
			return nil, fmt.Errorf("%s: %s: %s needs steps and a reason", differences, d.Topic, d.Case)
		}
		for _, s := range d.Steps {
			l.differences[place{d.Topic, d.Case, s}] = d.Reason
		}
	}
	var places []place
	if err := readJSON(pending, &places); err != nil {
		return nil, err
	}
	for _, p := range places {
		l.pending[p] = true
	}
	return l, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writePending writes one step on a line, in order, so that two branches that take away lines seldom meet.
func writePending(path string, places []place) error {
	slices.SortFunc(places, comparePlaces)
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, p := range places {
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		b.Write(line)
		if i < len(places)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return os.WriteFile(path, b.Bytes(), 0o644)
}
