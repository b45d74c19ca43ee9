// Package collation is comparison of strings as people read them: a collation's document, its comparator and sort keys.
//
// The order is ICU 57.1's, which is what mongod 6.0 compares with; sort keys are the same bytes. The weights are recorded from a mongod, because no
// library in Go has them: golang.org/x/text/collate, with the weights of CLDR 23, orders everyday European text alike, but not with
// shifting (of 4,000 random pairs nearly all), case levels, numeric ordering, Japanese (2 %) or Chinese (26 %), and its keys are not those
// that MongoDB's users see in errors about duplicate keys.
//
// Of 2,000 random texts of each locale's letters, none has another key than in mongod in any locale by itself; of the kinds of order that are asked for with
// @collation=, eleven have one to four, and ko@collation=search differs for the letters of old Korean (TestAgainstMongod). What else is known to differ:
//
//   - contractions that the recorder did not ask for: such as whole syllables of Burmese and Khmer, or sequences of emoji;
//   - a few ligatures of whole phrases in Arabic (U+FDFA and others), and U+01E0 in Northern Sami;
//   - characters that are younger than Unicode 8, which ICU 57.1 does not know, where they decompose or are digits;
//   - bytes that are no UTF-8 count as U+FFFD one by one.
package collation
