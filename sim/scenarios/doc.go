// Package scenarios embeds the scenarios that are shipped with the program, and their
// recorded data.
//
// # What is absent
//
// No code that reads the files: package scenario reads the scenarios, package inputs the
// data. The READMEs beside the data name its sources and licences.
package scenarios
