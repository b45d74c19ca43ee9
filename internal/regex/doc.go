// Package regex is MongoDB's regular expressions: PCRE's syntax, matched by Go's engine or by one that backtracks.
//
// A pattern is parsed here, whole, with PCRE 8's rules and error messages ([SyntaxError]). The tree that comes of it is printed in
// the syntax of the engine that will match it: Go's regexp, whose time is linear, for all that it can express with the same
// result; for look-around, back references, atomic groups and the like the backtracking engine of dlclark/regexp2, with a limit
// on its time. Neither engine's own ideas about escapes, flags, classes, case or Unicode are relied on: the tree has them resolved.
//
// As in MongoDB, patterns and texts are UTF-8, \d, \w, \s and \b know ASCII only, and case is ignored for all of Unicode.
package regex
