package main

import (
	"fmt"
	"path"
)

// failure is a step that did not answer as recorded.
type failure struct {
	place
	run object
	why string
}

// score counts the steps of a topic.
type score struct {
	topic          string
	passed, total  int
	pending, other int // of those that did not pass: not there yet, on purpose
}

// report gathers what the run of a corpus found.
type report struct {
	ledger   *ledger
	scores   []score
	failures []failure // neither pending nor on purpose
	arrived  []place   // pending, and pass
	needless []place   // said to differ on purpose, and pass
	failing  []place   // what a new pending.json would say
}

func runCorpus(s settings) error {
	topics, err := loadCorpus(s.cases())
	if err != nil {
		return err
	}
	l, err := readLedger(s.differences(), s.pending())
	if err != nil {
		return err
	}
	r := &report{ledger: l}
	err = withServer(s.server, func(address string) error {
		cases := newRunner(address)
		for i := range topics {
			if wanted, _ := path.Match(s.topic, topics[i].name); s.topic == "" || wanted {
				r.topic(cases, &topics[i], s.messages)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.print(s.list)
	if s.rewrite {
		return r.rewrite(s)
	}
	return r.verdict(s)
}

func (r *report) topic(cases *runner, t *topic, messages bool) {
	sc := score{topic: t.name}
	for i := range t.cases {
		c := &t.cases[i]
		for n, o := range cases.run(c) {
			why := o.problem
			if why == "" {
				why = difference(c.steps[n].expect, o.reply, &c.steps[n], messages)
			}
			r.count(&sc, failure{place{t.name, c.name, n}, c.steps[n].run, why})
		}
	}
	r.scores = append(r.scores, sc)
}

func (r *report) count(sc *score, f failure) {
	sc.total++
	_, onPurpose := r.ledger.differences[f.place]
	pending := r.ledger.pending[f.place]
	switch {
	case f.why == "":
		sc.passed++
		if pending {
			r.arrived = append(r.arrived, f.place)
		}
		if onPurpose {
			r.needless = append(r.needless, f.place)
		}
	case onPurpose:
		sc.other++
	default:
		r.failing = append(r.failing, f.place)
		if pending {
			sc.pending++
		} else {
			r.failures = append(r.failures, f)
		}
	}
}

func (r *report) print(list int) {
	for i, f := range r.failures {
		if i == list {
			fmt.Printf("... and %d more\n", len(r.failures)-list)
			break
		}
		fmt.Printf("FAIL %s\n  run  %s\n  %s\n", f.place, brief(f.run), f.why)
	}
	var sum score
	for _, sc := range r.scores {
		sc.line()
		sum.passed, sum.total, sum.pending, sum.other = sum.passed+sc.passed, sum.total+sc.total, sum.pending+sc.pending, sum.other+sc.other
	}
	fmt.Printf("%d of %d steps passed, %d are pending, %d differ on purpose, %d failed\n", sum.passed, sum.total, sum.pending, sum.other, len(r.failures))
}

func (sc *score) line() {
	fmt.Printf("%-40s %5d/%d", sc.topic, sc.passed, sc.total)
	if sc.pending > 0 {
		fmt.Printf("  %d pending", sc.pending)
	}
	if sc.other > 0 {
		fmt.Printf("  %d on purpose", sc.other)
	}
	fmt.Println()
}

func (r *report) rewrite(s settings) error {
	if s.topic != "" || s.messages {
		return fmt.Errorf("-rewrite wants the whole corpus, and no -errmsg")
	}
	if err := writePending(s.pending(), r.failing); err != nil {
		return err
	}
	return table(s)
}

// verdict fails the run for what the data files do not know, and for what they know too well: pending.json only shrinks.
func (r *report) verdict(s settings) error {
	switch {
	case s.messages:
		return nil
	case len(r.failures) > 0:
		return fmt.Errorf("%d steps fail that are in neither differences.json nor pending.json", len(r.failures))
	case len(r.arrived) > 0:
		return fmt.Errorf("%d pending steps pass now, such as %s; `make conformance-rewrite` takes them out of pending.json", len(r.arrived), r.arrived[0])
	case len(r.needless) > 0:
		return fmt.Errorf("%d steps pass that differences.json says differ, such as %s; take them out", len(r.needless), r.needless[0])
	}
	return nil
}
