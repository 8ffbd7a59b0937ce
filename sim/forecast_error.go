package sim

import (
	"encoding/binary"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// ForecastJudged is the notable event, told of the grid once for each quarter hour
// (or step, where that is longer), of the net load (load less roofs, wind and sun)
// that came and that was expected: by the latest forecast, which is an hour old at
// most, and by the day's first one.
var ForecastJudged = twins.DeclareEvent(twins.EventType{Name: "forecast.judged", Notable: true,
	Fields: []string{"actual_mw", "hour_ahead_mw", "day_ahead_mw", "load_mw"}})

// forecastErrors remembers what was expected, to be held against what comes.
type forecastErrors struct{ latest, first issuedForecast }

// issuedForecast is the net load that a forecast has said of the slots of a day
// around the clock.
type issuedForecast struct {
	tick twins.Tick
	day  int32 // local; of one that was never issued, before every day
	net  [slotsOfDay]twins.Power
}

const noDay = -1 << 30

// NetForecast is what a forecast said of the net load (load less roofs, wind and sun)
// of the coming day.
type NetForecast struct {
	Issued twins.Tick    // in this step, and looks from its start on
	Net    []twins.Power // means of quarter hours
}

// Forecast is the net load as it was forecast last; false if nobody forecasts, or in a
// record that is replayed, which has no controller.
func (r *StepRecord) Forecast() (f NetForecast, ok bool) {
	if r.States == nil {
		return f, false
	}
	o, ok := r.States.controller.(interface{ Forecast() operator.Forecast })
	if !ok {
		return f, false
	}
	by, ok := o.Forecast().(interface{ issued() *issuedForecast })
	if !ok || by.issued().day == noDay {
		return f, false
	}
	latest := by.issued()
	at := r.Time.Add(-time.Duration(int64(r.Tick-latest.tick)*int64(r.Step)) * time.Second)
	slot := (at.Hour()*3600 + at.Minute()*60 + at.Second()) / slotLength
	f = NetForecast{latest.tick, make([]twins.Power, slotsOfDay)}
	for k := range f.Net {
		f.Net[k] = latest.net[(slot+k)%slotsOfDay]
	}
	return f, true
}

func (f *Forecast) issued() *issuedForecast { return &f.err.latest }

// begin and end stand around a forecast that is issued in the step of env.
func (f *forecastErrors) begin(env *twins.Env) {
	f.latest = issuedForecast{tick: env.Tick, day: env.Day}
}

func (f *forecastErrors) end(env *twins.Env) {
	if f.first.day != env.Day || f.first.tick == env.Tick {
		f.first = f.latest
	}
}

// judge tells of the slot that ends in this step; the first if there are several. A
// day of which nothing was foretold yet is not judged.
func (f *forecastErrors) judge(env *twins.Env, past *history, told []twins.Notice) []twins.Notice {
	slot := int(env.SecondOfDay) / slotLength
	ends := twins.Seconds(env.SecondOfDay)%slotLength+env.Step >= slotLength
	if !ends || f.first.day != env.Day || f.latest.tick == env.Tick && env.Step >= slotLength {
		return told
	}
	s := &past.open(env.Day).slots[slot]
	if s.time == 0 {
		return told
	}
	mean := func(e twins.Energy) twins.Power { p, _ := e.Over(s.time); return p }
	e := twins.Event{Type: ForecastJudged, V: [7]int64{int64(mean(s.load - s.roofs - s.units)), int64(f.latest.net[slot]), int64(f.first.net[slot]), int64(mean(s.load))}}
	return append(told, twins.Notice{Member: twins.GridPath, Event: e})
}

func (f *forecastErrors) appendBinary(b []byte) []byte {
	for _, d := range [...]*issuedForecast{&f.latest, &f.first} {
		b = binary.LittleEndian.AppendUint64(b, uint64(d.tick))
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(d.day)))
		for _, p := range d.net {
			b = binary.LittleEndian.AppendUint64(b, uint64(p))
		}
	}
	return b
}

func (f *forecastErrors) unmarshalBinary(b []byte) ([]byte, error) {
	const size = 8 * (2 + slotsOfDay)
	if len(b) < 2*size {
		return b, errForecast
	}
	for _, d := range [...]*issuedForecast{&f.latest, &f.first} {
		word := func(k int) int64 { return int64(binary.LittleEndian.Uint64(b[8*k:])) }
		d.tick, d.day = twins.Tick(word(0)), int32(word(1))
		for k := range d.net {
			d.net[k] = twins.Power(word(2 + k))
		}
		b = b[size:]
	}
	return b, nil
}
