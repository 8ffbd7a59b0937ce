package inputs

// Inputs are all external data of a run, read for the steps of one Calendar.
type Inputs struct {
	Recordings []*Recording
	Weather    *Weather // nil if there is none
	Market     *Market  // nil if there is none
	Sessions   []*Sessions
}
