package main

import (
	"errors"
	"fmt"
	"strings"
)

// record replays files of cases on a server and writes its replies into them. A case without a reply to each step spoils its file,
// which is then left as it was. What was recorded before and compares equal stays, so that a diff shows what is new.
func record(s settings) error {
	if len(s.files) == 0 {
		return errors.New("record wants files of cases")
	}
	if !strings.HasPrefix(s.server, "mongodb://") {
		return errors.New("record wants -server mongodb://HOST:PORT, the primary of a set of mongod's")
	}
	return withServer(s.server, func(address string) error {
		cases := newRunner(address)
		for _, path := range s.files {
			t, err := loadTopic(path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			steps, err := recordTopic(cases, &t)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := t.write(); err != nil {
				return err
			}
			fmt.Printf("%s: %d cases, %d steps\n", t.name, len(t.cases), steps)
		}
		return nil
	})
}

func recordTopic(cases *runner, t *topic) (steps int, err error) {
	for i := range t.cases {
		c := &t.cases[i]
		for n, o := range cases.run(c) {
			if o.problem != "" {
				return steps, fmt.Errorf("%s: step %d: %s", c.name, n, o.problem)
			}
			steps++
			if s := &c.steps[n]; s.expect == nil || difference(s.expect, o.reply, s, true) != "" {
				s.object = s.with("expect", o.reply)
			}
		}
	}
	return steps, nil
}
