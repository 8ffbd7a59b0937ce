// Package problem has the errors that sim reports to people: At is an error at a line of a
// file, Usage one in how a run was asked for. A Warning is a doubt about something that can
// be read. Wanted adds the words that are allowed and the
// one that was probably meant.
//
// # What is absent
//
// No message texts except the lists of allowed words: the package that finds an error words
// it. No exit codes: those are in cmd.
package problem
