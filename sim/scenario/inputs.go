package scenario

import (
	"errors"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// Inputs reads the inputs of a run over a calendar: recordings, weather, market and sessions.
// Each error in them is a *problem.At.
func (s *Scenario) Inputs(cal *inputs.Calendar) (in inputs.Inputs, err error) {
	in, err = s.Recorded(cal)
	err = errors.Join(err, s.document.readMarket(cal, &in), s.document.readSessions(cal, &in))
	in.Warnings = s.document.warnings(&in)
	return in, err
}

// Recorded is Inputs without market and sessions.
func (s *Scenario) Recorded(cal *inputs.Calendar) (in inputs.Inputs, err error) {
	d := s.document
	moves, homes := d.moves(), d.homes()
	var found []error
	for i := range d.entries("recordings") {
		entry := &d.entries("recordings")[i]
		spec := recordingSpec(entry)
		spec.Moves, spec.Homes = moves[spec.ID], homes[spec.ID]
		r, err := d.recording(i, spec, cal)
		if err != nil {
			found = append(found, d.dataProblem("recordings."+entry.textOf("id"), entry, err))
			continue
		}
		in.Recordings = append(in.Recordings, r)
	}
	if entry := d.root.get("weather"); entry != nil {
		weather, err := d.weather(weatherSpec(entry), cal)
		if err != nil {
			found = append(found, d.weatherProblem(entry, err))
		}
		in.Weather = weather
	}
	return in, problem.Join(found)
}

func (d *document) readMarket(cal *inputs.Calendar, in *inputs.Inputs) (err error) {
	entry := d.root.get("market")
	if entry == nil {
		return nil
	}
	if in.Market, err = inputs.ReadMarket(d.data, marketSpec(entry), cal); err != nil {
		return d.dataProblem("market", entry, err)
	}
	return nil
}

func (d *document) readSessions(cal *inputs.Calendar, in *inputs.Inputs) error {
	var found []error
	for i := range d.entries("sessions") {
		entry := &d.entries("sessions")[i]
		s, err := inputs.ReadSessions(d.data, sessionsSpec(entry), cal)
		if err != nil {
			found = append(found, d.dataProblem(entryName("sessions", 0, entry), entry, err))
			continue
		}
		in.Sessions = append(in.Sessions, s)
	}
	return problem.Join(found)
}
