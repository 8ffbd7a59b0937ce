// Package malformed makes malformed inputs for the tests of every entrance: requests, messages, scenarios,
// files of data, snapshots and records. Each entrance has a native fuzz target too (make fuzz); here the
// inputs follow from a seed, so that a failure is found again.
//
// # What is absent
//
// What an entrance makes of an input: that is in the test of the entrance.
package malformed
