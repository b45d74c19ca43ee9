package options

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readConfig reads a configuration file: YAML if it is a map, otherwise the `key = value` lines of early releases.
func readConfig(path string, readFile func(string) ([]byte, error)) (map[string]given, error) {
	text, err := readFile(path)
	if err != nil {
		var pe *os.PathError
		reason := err
		if errors.As(err, &pe) {
			reason = pe.Err
		}
		return nil, errorf("Error opening config file '%s': %s", path, capital(reason.Error()))
	}
	list := map[string]given{}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if err := add(list, "config", nil, path); err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, errorf("Error parsing YAML config file: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if root.Kind == 0 || root.Content[0].Tag == "!!null" {
		return list, nil // empty
	}
	switch top := root.Content[0]; top.Kind {
	case yaml.ScalarNode:
		return list, readLines(list, string(text))
	case yaml.MappingNode:
		return list, readMap(list, "", top, 0)
	}
	return nil, errorf("No map found at top level of YAML config")
}

// capital writes a system's error as the C library does.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// maxNesting bounds the depth of a file. The deepest setting has four parts.
const maxNesting = 16

func readMap(list map[string]given, prefix string, node *yaml.Node, depth int) error {
	if depth > maxNesting {
		return errorf("Error parsing YAML config: nested too deep at %s", prefix)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		path, value := prefix+node.Content[i].Value, node.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		switch value.Kind {
		case yaml.MappingNode:
			if err := readMap(list, path+".", value, depth+1); err != nil {
				return err
			}
			continue
		case yaml.SequenceNode:
			if _, ok := lookup(path); ok {
				return errorf("Scalar option '%s' must be a single value", path)
			}
			return errorf("Unrecognized option: %s", path)
		}
		if err := readScalar(list, path, value); err != nil {
			return err
		}
	}
	return nil
}

func readScalar(list map[string]given, path string, node *yaml.Node) error {
	s, ok := lookup(path)
	switch _, twice := list[path]; {
	case !ok || s.flagged:
		return errorf("Unrecognized option: %s", path)
	case twice && path != "systemLog.destination":
		return errorf("Error parsing YAML config: duplicate key: %s", path)
	}
	text := node.Value
	if node.Tag == "!!bool" {
		text = strings.ToLower(text)
	}
	return add(list, path, nil, text)
}

// readLines reads the form of early releases: flags by their names, # starts a comment.
func readLines(list map[string]given, text string) error {
	seen := map[string]bool{}
	for raw := range strings.Lines(text) {
		entry, _, _ := strings.Cut(raw, "#")
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" {
			return errorf("Error parsing INI config file: the options configuration file contains an invalid line '%s'", entry)
		}
		f := findFlag(name)
		if f == nil || f.path == "" || name == "config" {
			return errorf("Error parsing INI config file: unrecognised option '%s'", name)
		}
		if seen[name] && !f.repeatable() {
			return errorf("Error parsing INI config file:  Multiple occurrences of option %q", name)
		}
		seen[name] = true
		if err := readLine(list, f, value); err != nil {
			return err
		}
	}
	return nil
}

func findFlag(name string) *flag {
	for i := range flags {
		if flags[i].name == name {
			return &flags[i]
		}
	}
	return nil
}

func readLine(list map[string]given, f *flag, value string) error {
	switch {
	case f.path == "setParameter":
		return addParameter(list, value)
	case f.isSwitch:
		on, ok := iniBool(value)
		if !ok {
			return errorf("Error parsing INI config file: the argument ('%s') for option '%s' is invalid. Valid choices are 'on|off', 'yes|no', '1|0' and 'true|false'", value, f.name)
		}
		return addSwitch(list, f, on)
	case f.name == "verbose":
		if _, err := countVerbose([]string{value}); err != nil {
			return err
		}
	}
	if f.translate != nil {
		value = f.translate(value)
	}
	return add(list, f.path, f, value)
}

// addSwitch adds a switch that is on, or off. One that is off says the opposite where there is one, as in mongod, and otherwise nothing.
func addSwitch(list map[string]given, f *flag, on bool) error {
	means := f.means
	if means == "" {
		means = "true"
	}
	opposite, known := map[string]string{"true": "false", "false": "true", "enabled": "disabled", "disabled": "enabled"}[means]
	switch {
	case on:
		return add(list, f.path, f, means)
	case known:
		return add(list, f.path, f, opposite)
	}
	return nil
}

func iniBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "on", "yes", "1", "true":
		return true, true
	case "off", "no", "0", "false":
		return false, true
	}
	return false, false
}
