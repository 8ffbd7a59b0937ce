package frequency

// RunFiner is Run with so many times shorter steps.
func RunFiner(a *Area, s *State, disturbance, seconds, times float64) Result {
	return a.ramp(s, disturbance, disturbance, seconds, times)
}
