// Package scenarios is the scenarios that are shipped with the program, and their recorded
// data.
//
// # What is absent
//
// No Go but what embeds the files: package scenario reads the scenarios, package inputs the
// data. Where the data comes from and its licences are in the READMEs beside it.
package scenarios
