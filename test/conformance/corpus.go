package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// topic is one file of the corpus.
type topic struct {
	path  string
	name  string
	cases []testCase
}

// testCase is a list of commands that run one after the other in a database of their own.
type testCase struct {
	name  string
	setup object
	steps []step
}

// step is a command and what it answered when it was recorded.
type step struct {
	object // as it stands in the file
	run    object
	expect object
	only   []string
}

// loadCorpus reads the topics of a folder, or one file.
func loadCorpus(path string) ([]topic, error) {
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, "*.json"))
	}
	topics := make([]topic, len(files))
	for i, file := range files {
		var err error
		if topics[i], err = loadTopic(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return topics, nil
}

func loadTopic(path string) (t topic, err error) {
	t.path = path
	data, err := os.ReadFile(path)
	if err != nil {
		return t, err
	}
	v, err := parseJSON(data)
	if err != nil {
		return t, err
	}
	o, _ := v.(object)
	name, _ := o.get("topic")
	t.name, _ = name.(string)
	list, _ := o.get("cases")
	cases, _ := list.([]any)
	if t.name == "" || cases == nil {
		return t, fmt.Errorf("this is no file of cases: it has no topic or no cases")
	}
	for _, c := range cases {
		loaded, err := loadCase(c)
		if err != nil {
			return t, err
		}
		t.cases = append(t.cases, loaded)
	}
	return t, nil
}

func loadCase(v any) (c testCase, err error) {
	o, _ := v.(object)
	name, _ := o.get("name")
	c.name, _ = name.(string)
	c.setup = o.sub("setup")
	list, _ := o.get("steps")
	steps, _ := list.([]any)
	for i, v := range steps {
		s, _ := v.(object)
		loaded := step{object: s, run: s.sub("run"), expect: s.sub("expect")}
		if loaded.run == nil {
			return c, fmt.Errorf("step %d of case %q has no command", i, c.name)
		}
		only, _ := s.get("only")
		paths, _ := only.([]any)
		for _, p := range paths {
			loaded.only = append(loaded.only, fmt.Sprint(p))
		}
		c.steps = append(c.steps, loaded)
	}
	return c, nil
}

// sorted says whether the step's batch is compared without regard to order.
func (s *step) sorted() bool {
	v, _ := s.get("sort")
	return v == "batch"
}

// write writes the topic back: one line for each collection of a setup and for each step.
func (t *topic) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, "{\"topic\":%s,\"cases\":[\n", text(t.name))
	for i, c := range t.cases {
		if i > 0 {
			b.WriteByte(',')
		}
		setup, steps := make([]string, len(c.setup)), make([]string, len(c.steps))
		for j, f := range c.setup {
			setup[j] = text(f.key) + ":" + text(f.value)
		}
		for j, s := range c.steps {
			steps[j] = text(s.object)
		}
		fmt.Fprintf(&b, "{\"name\":%s,\n \"setup\":{%s},\n \"steps\":[\n  %s]}\n", text(c.name), strings.Join(setup, ",\n  "), strings.Join(steps, ",\n  "))
	}
	b.WriteString("]}\n")
	return os.WriteFile(t.path, []byte(b.String()), 0o644)
}
