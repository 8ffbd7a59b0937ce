package sim

import (
	"encoding/binary"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
	"github.com/smatrix-grid/smatrix/twins/operator"
)

// ForecastJudged is a notable event of the grid, once for each quarter hour (or step,
// where that is longer): its net load (load less roofs, wind and sun), and what was
// expected by the latest forecast, which is an hour old at most, and by the day's first
// one.
var ForecastJudged = twins.DeclareEvent(twins.EventType{Name: "forecast.judged", Notable: true,
	Fields: []string{"actual_w", "hour_ahead_w", "day_ahead_w", "load_w"}})

// forecastErrors keeps the latest forecast and the day's first one, to compare them with
// the actual net load.
type forecastErrors struct{ latest, first issuedForecast }

// issuedForecast is the net load that a forecast expected for the day after its issue, by
// slot of the wall clock.
type issuedForecast struct {
	tick twins.Tick
	day  int32 // local day of the issue; noDay: never issued
	net  [slotsOfDay]twins.Power
}

// noDay is before every day.
const noDay = -1 << 30

// NetForecast is the net load (load less roofs, wind and sun) that a forecast expected for
// the coming day.
type NetForecast struct {
	Issued twins.Tick    // step of the issue, from whose start on it forecasts
	Net    []twins.Power // means of quarter hours
}

// Forecast returns the latest forecast of the net load; false if there is none, such as in
// a replayed record, which has no controller.
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

// begin and end enclose the issue of a forecast in the step of env.
func (f *forecastErrors) begin(env *twins.Env) {
	f.latest = issuedForecast{tick: env.Tick, day: env.Day}
}

func (f *forecastErrors) end(env *twins.Env) {
	if f.first.day != env.Day || f.first.tick == env.Tick {
		f.first = f.latest
	}
}

// judge appends the event of the slot that ends in this step; of the first, if several
// end. A day without a forecast yet is not judged.
func (f *forecastErrors) judge(env *twins.Env, past *history, notices []twins.Notice) []twins.Notice {
	slot := int(env.SecondOfDay) / slotLength
	ends := twins.Seconds(env.SecondOfDay)%slotLength+env.Step >= slotLength
	if !ends || f.first.day != env.Day || f.latest.tick == env.Tick && env.Step >= slotLength {
		return notices
	}
	s := &past.open(env.Day).slots[slot]
	if s.time == 0 {
		return notices
	}
	mean := func(e twins.Energy) twins.Power { p, _ := e.Over(s.time); return p }
	e := twins.Event{Type: ForecastJudged, V: [7]int64{int64(mean(s.load - s.roofs - s.units)), int64(f.latest.net[slot]), int64(f.first.net[slot]), int64(mean(s.load))}}
	return append(notices, twins.Notice{Member: twins.GridPath, Event: e})
}

// appendTo appends the stored form.
func (f *forecastErrors) appendTo(b []byte) []byte {
	for _, d := range [...]*issuedForecast{&f.latest, &f.first} {
		b = binary.LittleEndian.AppendUint64(b, uint64(d.tick))
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(d.day)))
		for _, p := range d.net {
			b = binary.LittleEndian.AppendUint64(b, uint64(p))
		}
	}
	return b
}

// readFrom reads the stored form from the start of b and returns the rest.
func (f *forecastErrors) readFrom(b []byte) ([]byte, error) {
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
