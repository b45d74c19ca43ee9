// Package collation is comparison of strings as people read them: a collation's document, its comparator and sort keys.
//
// The order is ICU 57.1's, which is what mongod 6.0 compares with; sort keys are the same bytes. The weights were recorded from a mongod, because no
// library in Go has them: golang.org/x/text/collate has those of CLDR 23, without case levels, case-first, shifting and
// reordering of scripts, and its keys differ from what MongoDB's users see in errors about duplicate keys. What is known to differ from ICU:
//
//   - rare contractions that the recorder did not ask for, such as whole syllables of Burmese;
//   - the order of marks that stand in no canonical order, in locales that normalize by themselves only in part;
//   - bytes that are no UTF-8 count as U+FFFD one by one.
package collation
