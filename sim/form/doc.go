// Package form writes and reads the parts of stored forms: varints, texts, and lists of
// values with a common divisor. The form of a view begins with a version byte. The layout of
// each form is drawn in the comment of the type that it stores.
//
// # What is absent
//
// Checksums, compression and keys: those are in package persistence.
package form
