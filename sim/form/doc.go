// Package form writes and reads the numbers and texts that stored forms are made of:
// varints, texts, and lists of values with a common divisor. The form of a view begins with
// a version byte. Each form is drawn in the comment of the type that it stores.
// Deliberately absent: checksums, compression and keys, which are the store's.
package form
