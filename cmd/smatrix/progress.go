package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/twins"
)

// How often progress is shown.
const barEvery = 100 * time.Millisecond

var linesEvery = 5 * time.Second // a test sets 0 to see all lines

// progress prints how far a run is: as a bar on a terminal, else in lines. For a run
// that is shorter than the first interval it prints nothing.
type progress struct {
	w        io.Writer
	calendar *inputs.Calendar
	every    time.Duration
	bar      *progressbar.ProgressBar // nil for lines
	start    time.Time
	shown    time.Time
}

func newProgress(w io.Writer, calendar *inputs.Calendar) *progress {
	p := &progress{w: w, calendar: calendar, every: linesEvery, start: time.Now()}
	p.shown = p.start
	if isTerminal(w) {
		p.every = barEvery
		p.bar = progressbar.NewOptions64(int64(calendar.Steps),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(30),
			progressbar.OptionSetPredictTime(false), // our text has it
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionShowDescriptionAtLineEnd())
	}
	return p
}

// update is called after each step, so it looks at the clock first.
func (p *progress) update(done twins.Tick) {
	now := time.Now()
	if now.Sub(p.shown) < p.every {
		return
	}
	p.shown = now
	text := progressText(p.calendar, done, now.Sub(p.start))
	if p.bar == nil {
		fmt.Fprintf(p.w, "%3d %%  %s\n", 100*done/p.calendar.Steps, text)
		return
	}
	_ = p.bar.Set64(int64(done)) // progress that cannot be written is no reason to stop
	p.bar.Describe(text)
}

// end removes the bar before the report is printed.
func (p *progress) end() {
	if p.bar != nil && p.shown != p.start {
		_ = p.bar.Clear()
	}
}

// progressText returns the simulated time, the simulated seconds per second, and the time
// left at this speed.
func progressText(c *inputs.Calendar, done twins.Tick, wall time.Duration) string {
	speed := float64(done) * float64(c.Step) / wall.Seconds()
	left := wall.Seconds() * float64(c.Steps-done) / float64(done)
	return fmt.Sprintf("%s  %s×  %s left", c.Time(done).Format("Mon 2 Jan 2006 15:04"), grouped(int64(speed)), span(max(1, int64(left))))
}
