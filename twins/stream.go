package twins

// Random numbers are stateless: a draw is a pure function of the seed, the
// twin's path, the purpose and a step (or a day). So the order of drawing, the
// sharding and a new house do not change another twin's numbers.

// PathKey hashes a twin's path (FNV-1a, 64 bit).
func PathKey(path string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * 1099511628211
	}
	return h
}

// Purpose separates the streams of one twin. The numbers are part of every
// recorded run: none is ever reused.
type Purpose uint64

// Draw returns 64 uniform random bits.
func Draw(seed, key uint64, purpose Purpose, n int64) uint64 {
	return newStream(seed, key, purpose).draw(n)
}

// stream is one twin's random numbers for one purpose: Draw with all but its last
// argument hashed beforehand, for callers that draw in every step.
type stream uint64

func newStream(seed, key uint64, purpose Purpose) stream {
	h := mix(seed ^ 0x9e3779b97f4a7c15)
	h = mix(h ^ key)
	return stream(mix(h ^ uint64(purpose)))
}

// draw returns the bits that Draw does for n.
func (s stream) draw(n int64) uint64 { return mix(uint64(s) ^ uint64(n)) }

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014), after adding
// its golden gamma.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Between maps 64 random bits to lo … hi, both included.
func Between(bits uint64, lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + int64(bits%uint64(hi-lo+1))
}
