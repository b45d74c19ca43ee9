package options

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// line is a command line that was read: the texts of each flag that occurred.
type line struct{ given map[string]*occurrence }

// occurrence is a flag as pflag sets it. It keeps what was written; its meaning comes later.
type occurrence struct {
	flag *flag
	args []string
}

// noArgument is what pflag sets if a flag has no argument that is written with it. Nobody can type it.
const noArgument = "\x00"

func (o *occurrence) String() string { return "" }
func (o *occurrence) Type() string   { return o.flag.arg }
func (o *occurrence) Set(s string) error {
	o.args = append(o.args, s)
	return nil
}

// repeatable reports whether a flag may occur more than once.
func (f *flag) repeatable() bool { return f.path == "setParameter" || f.name == "verbose" }

// parseLine reads a command line. Its errors are in the words of mongod's own parser.
func parseLine(args []string) (*line, error) {
	l := &line{given: map[string]*occurrence{}}
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	set.Usage = func() {}
	all := make([]occurrence, len(flags))
	for i := range flags {
		f := &flags[i]
		all[i].flag = f
		set.VarPF(&all[i], f.name, f.short, f.help).NoOptDefVal = f.noOptDefVal()
	}
	if err := set.Parse(args); err != nil {
		return nil, lineError(err, args)
	}
	if set.NArg() > 0 {
		return nil, &Error{Message: "Invalid command: " + set.Arg(0), Code: 1}
	}
	for i := range all {
		o := &all[i]
		if len(o.args) == 0 {
			continue
		}
		if o.flag.isSwitch && o.args[0] != noArgument {
			return nil, errorf("Error parsing command line: option '--%s' does not take any arguments", o.flag.name)
		}
		if len(o.args) > 1 && !o.flag.repeatable() {
			return nil, errorf("Error parsing command line:  Multiple occurrences of option \"--%s\"", o.flag.name)
		}
		l.given[o.flag.name] = o
	}
	for _, c := range contradictions {
		if l.has(c.a) && l.has(c.b) {
			return nil, badValue("%s", c.message)
		}
	}
	return l, nil
}

func (f *flag) noOptDefVal() string {
	if f.isSwitch || f.means != "" {
		return noArgument
	}
	return ""
}

func lineError(err error, args []string) error {
	var unknown *pflag.NotExistError
	var noValue *pflag.ValueRequiredError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return errorf("Error parsing command line: unrecognised option '-%s'", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return errorf("Error parsing command line: unrecognised option '%s'", written(unknown.GetSpecifiedName(), args))
	case errors.As(err, &noValue):
		return errorf("Error parsing command line: the required argument for option '--%s' is missing", noValue.GetFlag().Name)
	case errors.As(err, &syntax):
		return errorf("Error parsing command line: unrecognised option '%s'", syntax.GetSpecifiedFlag())
	}
	return errorf("Error parsing command line: %v", err)
}

// written returns an unknown flag as it was written, with its argument.
func written(name string, args []string) string {
	for _, arg := range args {
		if arg == "--"+name || strings.HasPrefix(arg, "--"+name+"=") {
			return arg
		}
	}
	return "--" + name
}

func (l *line) has(name string) bool { return l.given[name] != nil }

func (l *line) value(name string) (string, bool) {
	if o := l.given[name]; o != nil {
		return o.args[0], true
	}
	return "", false
}

// override puts the settings of the command line over those of the file.
func (l *line) override(list map[string]given) error {
	for i := range flags { // in their order, so that errors do not depend on a map's
		f := &flags[i]
		o := l.given[f.name]
		if o == nil || f.path == "" {
			continue
		}
		if f.path == "setParameter" {
			for _, arg := range o.args {
				if err := addParameter(list, arg); err != nil {
					return err
				}
			}
			continue
		}
		s, err := o.setting()
		if err != nil {
			return err
		}
		delete(list, aliases[f.path])
		if err := add(list, f.path, f, s); err != nil {
			return err
		}
	}
	return nil
}

// setting returns the text of the setting that the flag stands for.
func (o *occurrence) setting() (string, error) {
	f, s := o.flag, o.args[0]
	if f.name == "verbose" {
		return countVerbose(o.args)
	}
	if s == noArgument {
		if s = f.means; s == "" {
			s = "true"
		}
	}
	if f.translate != nil {
		s = f.translate(s)
	}
	return s, nil
}

// countVerbose returns the verbosity of -v, -vvv, --verbose and --verbose=vv. Different forms do not add up, the longest counts.
func countVerbose(args []string) (string, error) {
	short, long := 0, 0
	for _, s := range args {
		if s == noArgument {
			short++
			continue
		}
		if strings.Trim(s, "v") != "" {
			return "", badValue("The \"verbose\" option string cannot contain any characters other than \"v\"")
		}
		long = max(long, len(s))
	}
	return strconv.Itoa(max(short, long)), nil
}

// verbosity translates verbose in a file of `key = value` lines.
func verbosity(s string) string {
	n, err := countVerbose([]string{s})
	if err != nil {
		return s
	}
	return n
}

// addParameter adds name=value.
func addParameter(list map[string]given, arg string) error {
	name, value, ok := strings.Cut(arg, "=")
	if !ok {
		return errorf("Illegal option assignment: %q", arg)
	}
	return add(list, "setParameter."+name, findFlag("setParameter"), value)
}

// aliases are different paths of the same thing, of which the command line's replaces the file's.
var aliases = map[string]string{
	"replication.replSet":                         "replication.replSetName",
	"storage.cacheSizeGB":                         "storage.wiredTiger.engineConfig.cacheSizeGB",
	"storage.wiredTiger.engineConfig.cacheSizeGB": "storage.cacheSizeGB",
	"net.bindIp":                                  "net.bindIpAll",
}

// add parses a value and puts it into the list. f is the flag that it was given by, nil in a file.
func add(list map[string]given, path string, f *flag, s string) error {
	setting, ok := lookup(path)
	if !ok {
		return errorf("Unrecognized option: %s", path)
	}
	g := given{setting: setting, path: path, flag: f}
	var err error
	if g.value, err = setting.kind.parse(g.label(), s); err != nil {
		return err
	}
	list[path] = g
	if path == "systemLog.path" {
		if _, ok := list["systemLog.destination"]; !ok {
			list["systemLog.destination"] = given{setting: settings["systemLog.destination"], path: "systemLog.destination", value: value{text: "file"}}
		}
	}
	return nil
}
