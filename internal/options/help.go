package options

import (
	"fmt"
	"slices"
	"strings"
)

// Help returns the text of --help. program is how the server was called.
func Help(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `Usage: %[1]s [options]

Runs one member: of a replica set with --replSet, alone without. Takes mongod's
options and configuration files.

Examples:
  %[1]s --dbpath /data/db
  %[1]s --dbpath a --port 27017 --replSet foo/localhost:27018,localhost:27019 --rest
  %[1]s --config /etc/mongod.conf
  %[1]s --dbpath a --fork --logpath a.log --pidfilepath a.pid
  %[1]s --dbpath a --shutdown
`, program)
	for _, group := range []string{general, logging, storageOpts, replication} {
		fmt.Fprintf(&b, "\n%s:\n", group)
		for i := range flags {
			if flags[i].group == group {
				flags[i].appendHelp(&b)
			}
		}
	}
	b.WriteString("\nmongod's other options are accepted where they ask for nothing that is missing here,\nwith a warning in the log, and refused otherwise.\n")
	return b.String()
}

// helpColumn is where descriptions begin, helpWidth where they end.
const (
	helpColumn = 34
	helpWidth  = 90
)

func (f *flag) appendHelp(b *strings.Builder) {
	head := "  "
	if f.short != "" {
		head += "-" + f.short + ", "
	}
	head += "--" + f.name
	if f.arg != "" {
		head += " " + f.arg
	}
	if len(head) >= helpColumn-1 {
		fmt.Fprintln(b, head)
		head = ""
	}
	for _, text := range wrap(f.help, helpWidth-helpColumn) {
		fmt.Fprintf(b, "%-*s%s\n", helpColumn, head, text)
		head = ""
	}
}

func wrap(text string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return slices.Clip(lines)
}
