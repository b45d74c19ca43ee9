// Package options is mongod's flags and configuration files: text in, one tree of options out.
//
// Two tables say what there is. A [setting] is an option at its place in the configuration tree (net.port), with what
// Morton makes of it: it is honoured; or it changes nothing that a client could notice, which a startup warning says; or
// it is refused, with advice. Nothing is accepted and ignored where it concerns safety. A [flag] is a name on the command
// line, of today's mongod or of any since 2010, for a setting.
//
// Command lines, YAML files and the `key = value` files of early releases end in the same settings; the command line wins. Errors
// are in mongod's words.
package options
