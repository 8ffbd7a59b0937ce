package scenario

import (
	"sync"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
)

// dataCache has what data files say of a calendar, for a scenario that is built more than
// once. The worlds share it: nobody changes it.
type dataCache struct {
	mu         sync.Mutex
	recordings map[dataKey]*inputs.Recording
	weather    map[dataKey]*inputs.Weather
}

// dataKey is an entry of the scenario and the steps that it was laid over.
type dataKey struct {
	entry int
	start int64
	step  twins.Seconds
	steps twins.Tick
}

// KeepData has what the data files say kept from the next Build on, so that those after it
// need not read them again. It takes room: a year of half hours of 57 homes is 8 MB, and the
// operator's outlook and rehearsal read it for other days as well.
func (s *Scenario) KeepData() {
	s.document.cache = &dataCache{recordings: map[dataKey]*inputs.Recording{}, weather: map[dataKey]*inputs.Weather{}}
}

func keyOfData(entry int, cal *inputs.Calendar) dataKey {
	return dataKey{entry: entry, start: cal.Start.Unix(), step: cal.Step, steps: cal.Steps}
}

// recording reads one, or gives the one that was read before.
func (d *document) recording(entry int, spec inputs.RecordingSpec, cal *inputs.Calendar) (*inputs.Recording, error) {
	if d.cache == nil {
		return inputs.ReadRecording(d.data, spec, cal)
	}
	key := keyOfData(entry, cal)
	d.cache.mu.Lock()
	defer d.cache.mu.Unlock()
	if r := d.cache.recordings[key]; r != nil {
		return r, nil
	}
	r, err := inputs.ReadRecording(d.data, spec, cal)
	if err == nil {
		d.cache.recordings[key] = r
	}
	return r, err
}

// weather is the same for weather, which each world looks at with a place of its own in it.
func (d *document) weather(spec inputs.WeatherSpec, cal *inputs.Calendar) (*inputs.Weather, error) {
	if d.cache == nil {
		return inputs.ReadWeather(d.data, spec, cal)
	}
	key := keyOfData(-1, cal)
	d.cache.mu.Lock()
	defer d.cache.mu.Unlock()
	w, ok := d.cache.weather[key]
	if !ok {
		read, err := inputs.ReadWeather(d.data, spec, cal)
		if err != nil {
			return read, err
		}
		w = read
		d.cache.weather[key] = w
	}
	return w.Clone(), nil
}
