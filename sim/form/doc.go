// Package form writes and reads the numbers and texts that stored forms are made of:
// varints, texts, and lists of values that have much in common. A form begins with a version
// byte where it is a view's own; what a form consists of is drawn where it is written.
// Absent: checksums, compression and keys, which are the store's.
package form
