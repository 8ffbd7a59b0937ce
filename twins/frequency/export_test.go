package frequency

// RunFiner is Run with steps that are shorter by the factor times.
func RunFiner(a *Area, s *State, disturbance, seconds, times float64) Result {
	return a.ramp(s, disturbance, disturbance, seconds, times)
}
