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

// progress prints how far a run or a bench is: as a bar on a terminal, else in lines. For
// one that is shorter than the first interval it prints nothing.
type progress struct {
	w        io.Writer
	calendar *inputs.Calendar // nil: of a bench
	every    time.Duration
	bar      *progressbar.ProgressBar // nil for lines
	start    time.Time
	shown    time.Time
}

// newProgress returns the progress of a run.
func newProgress(w io.Writer, calendar *inputs.Calendar) *progress {
	p := newProgressOf(w)
	p.calendar = calendar
	return p
}

// newProgressOf returns progress for advance.
func newProgressOf(w io.Writer) *progress {
	p := &progress{w: w, every: linesEvery, start: time.Now()}
	p.shown = p.start
	if isTerminal(w) {
		p.every = barEvery
		p.bar = progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(30),
			progressbar.OptionSetPredictTime(false), // our text has it
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionShowDescriptionAtLineEnd())
	}
	return p
}

// update is called after each step of a run.
func (p *progress) update(done twins.Tick) {
	if now, due := p.due(); due {
		p.show(now, int64(done), int64(p.calendar.Steps), progressText(p.calendar, done, now.Sub(p.start)))
	}
}

// advance is called when a part of other work is done, with what is being done.
func (p *progress) advance(done, total int64, doing string) {
	if now, due := p.due(); due {
		p.show(now, done, total, doing)
	}
}

// due reports whether it is time to show something. It looks at the clock and no more, since
// it is called after each step.
func (p *progress) due() (now time.Time, due bool) {
	now = time.Now()
	return now, now.Sub(p.shown) >= p.every
}

func (p *progress) show(now time.Time, done, total int64, text string) {
	p.shown = now
	if p.bar == nil {
		fmt.Fprintf(p.w, "%3d %%  %s\n", 100*done/total, text)
		return
	}
	p.bar.ChangeMax64(total)
	_ = p.bar.Set64(done) // progress that cannot be written is no reason to stop
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
