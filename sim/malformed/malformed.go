package malformed

import (
	"math/rand/v2"
	"slices"
)

// Words are texts that readers of numbers, paths, JSON and YAML stumble over.
var Words = []string{"-1", "99999999999999999999", "1e309", "NaN", "null", "true", "\x00", "\xff\xfe", "é", "{", "}", "[", "]", `"`, "%", "%00", "%zz", "../", "//", "?", "&", "=", "*",
	"0.0000000001", "\r\n", " ", ";", "'", "$", "☃", "\\u0000", ",", ":", "-", "9223372036854775807", "-9223372036854775808"}

// Of returns one of some well-formed inputs with up to four changes: bytes changed, doubled or removed, words
// inserted, the rest cut off. It is at most most bytes long.
func Of(r *rand.Rand, from [][]byte, words []string, most int) []byte {
	b := slices.Clone(from[r.IntN(len(from))])
	for range 1 + r.IntN(4) {
		at := r.IntN(len(b) + 1)
		switch r.IntN(6) {
		case 0:
			b = slices.Insert(b, at, []byte(words[r.IntN(len(words))])...)
		case 1:
			b = b[:at]
		case 2:
			b = slices.Insert(b, at, slices.Clone(b[:r.IntN(len(b)+1)])...)
		case 3:
			b = slices.Delete(b, at, min(len(b), at+r.IntN(8)))
		default:
			if at < len(b) {
				b[at] = byte(r.Uint32())
			}
		}
	}
	return b[:min(len(b), most)]
}
