// Package problem is how sim says what is wrong: At a line of a file, or in how a run was
// asked for (Usage), with what was wanted instead and the word that was probably meant.
//
// # What is absent
//
// No texts of its own but those about words: whoever finds something wrong words it.
// No exit codes: those are cmd's.
package problem
