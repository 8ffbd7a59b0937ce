package scenario

import (
	"sync"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
)

// dataCache has the recordings and weather that were read for a calendar, for a scenario from
// which several worlds are built. The worlds share them and must not change them.
type dataCache struct {
	mu         sync.Mutex
	recordings map[dataKey]*inputs.Recording
	weather    map[dataKey]*inputs.Weather
}

// dataKey is an entry of the scenario, and the calendar for which its data was read.
type dataKey struct {
	entry int // index of the recording; -1 for the weather
	start int64
	step  twins.Seconds
	steps twins.Tick
}

// KeepData caches the contents of data files from the next sim.Build on, so that later ones
// do not read the files again. The cache keeps temporary files: a year of half hours of 57
// homes is 8 MB, and the operator's outlook and rehearsal read other days as well.
func (s *Scenario) KeepData() {
	s.document.cache = &dataCache{recordings: map[dataKey]*inputs.Recording{}, weather: map[dataKey]*inputs.Weather{}}
}

func keyOfData(entry int, cal *inputs.Calendar) dataKey {
	return dataKey{entry: entry, start: cal.Start.Unix(), step: cal.Step, steps: cal.Steps}
}

// recording reads a recording, or returns it from the cache.
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

// weather reads the weather, or returns a clone from the cache. Each world needs a clone of
// its own, because looking up the weather changes it.
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
