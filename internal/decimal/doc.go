// Package decimal is arithmetic on decimal128: exact on unbounded integers, then rounded once to 34 digits, half to even, as IEEE 754-2008 demands.
//
// Functions that have no exact result (exponentials, logarithms, trigonometry) are calculated with more digits than the 34 that are kept.
package decimal
