package inputs

import "github.com/smatrix-grid/smatrix/sim/problem"

// Inputs are all external data of a run, read for the steps of one Calendar.
type Inputs struct {
	Recordings []*Recording
	Weather    *Weather // nil if there is none
	Market     *Market  // nil if there is none
	Sessions   []*Sessions
	// Warnings are doubts about the scenario and its data, as problem.Listed lists them.
	Warnings []problem.Warning
}
