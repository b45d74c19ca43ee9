// Package text is text search as MongoDB does it: words, stop words and stems of a language, what a document's text scores, and what a search asks for.
//
// It follows mongod's text indexes of versions 2 and 3. Which characters end words, and what becomes of capitals and diacritics, was recorded from a mongod (characters.txt),
// as its stop words were (stopwords).
package text
