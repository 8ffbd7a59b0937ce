package ui

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/twins"
)

// pacer is the clock of a run: live.Driver makes steps, player shows steps made before.
type pacer interface {
	Run(context.Context) error
	Clock() live.Clock
	Pause() error
	Play() error
	SetSpeed(float64) error
	Seek(twins.Tick) error
	Step(context.Context, int) (live.Clock, error)
	Add(...twins.Command) ([]twins.Command, error)
	AddAt(...twins.Command) ([]twins.Command, error)
}

// errReplay is returned for any change to a replay.
var errReplay = errors.New("this is a replay of a run that is over: nothing can be changed in it; fork it at a step to see another future")

// player shows the steps of a history one after the other at a speed, beginning at any step. All
// viewers of the replay share its clock.
type player struct {
	history History
	first   twins.Tick // that can be shown
	steps   twins.Tick
	length  twins.Seconds
	show    func(*Step)
	wake    chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	playing bool
	at      twins.Tick // number of steps shown: step at − 1 is the latest
	speed   float64    // 0: no limit
	due     time.Time
	reached float64
	shown   time.Time
}

func newPlayer(h History, length twins.Seconds, o live.Options, show func(*Step)) *player {
	first, steps := h.Bounds()
	return &player{history: h, steps: steps, length: length, show: show, wake: make(chan struct{}, 1), changed: make(chan struct{}),
		playing: !o.Paused, speed: o.Speed, first: first, at: min(first+1, steps), due: time.Now()}
}

// Run shows steps until ctx is done. A step that cannot be read is skipped: viewers get no frames
// of it.
func (p *player) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := twins.Tick(-1)
	for {
		p.mu.Lock()
		at, wait := p.at, idleReplay
		if p.playing {
			wait = max(0, time.Until(p.due))
		}
		p.mu.Unlock()
		if at > 0 && at != last {
			if s, err := p.history.Step(at-1, false); err == nil {
				p.show(s)
			}
			last = at
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
			p.advance(time.Now())
		}
	}
}

// idleReplay is how long a paused player sleeps unless it is woken.
const idleReplay = time.Hour

// advance shows the next step if it is due.
func (p *player) advance(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.playing || now.Before(p.due) {
		return
	}
	if p.at < p.steps {
		p.at++
	}
	p.playing = p.at < p.steps
	if p.reached = 0; p.playing && !p.shown.IsZero() {
		p.reached = float64(p.length) / now.Sub(p.shown).Seconds()
	}
	p.shown = now
	if p.speed > 0 {
		p.due = p.due.Add(time.Duration(float64(p.length) / p.speed * float64(time.Second)))
	}
	if p.due.Before(now) {
		p.due = now
	}
	p.notify()
}

// notify wakes Run and the callers that wait for a change. The caller holds mu.
func (p *player) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// change applies a change of the player's state and wakes Run.
func (p *player) change(to func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to()
	p.due, p.shown, p.reached = time.Now(), time.Time{}, 0
	p.notify()
}

// Clock implements pacer.
func (p *player) Clock() live.Clock {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := live.Clock{State: live.Paused, Tick: p.at, Speed: p.speed, Reached: p.reached}
	if p.playing {
		c.State = live.Playing
	}
	return c
}

// Pause implements pacer.
func (p *player) Pause() error { p.change(func() { p.playing = false }); return nil }

// Play implements pacer. At the end it starts again at the first step that can be shown.
func (p *player) Play() error {
	p.change(func() {
		if p.at >= p.steps {
			p.at = min(p.first+1, p.steps)
		}
		p.playing = true
	})
	return nil
}

// SetSpeed implements pacer.
func (p *player) SetSpeed(speed float64) error {
	if err := live.CheckSpeed(speed); err != nil {
		return err
	}
	p.change(func() { p.speed = speed })
	return nil
}

// Seek implements pacer, in either direction.
func (p *player) Seek(t twins.Tick) error {
	if 0 <= t && t < p.first {
		return fmt.Errorf("step %d is not kept any more: the records begin with step %d", t, p.first)
	}
	if t < 0 || t > p.steps {
		return fmt.Errorf("step %d is beyond the end: %d steps are kept", t, p.steps)
	}
	p.change(func() { p.at, p.playing = t, false })
	return nil
}

// Step implements pacer.
func (p *player) Step(_ context.Context, n int) (live.Clock, error) {
	p.change(func() { p.at, p.playing = min(p.steps, p.at+twins.Tick(n)), false })
	return p.Clock(), nil
}

// untilEvent seeks the next step with an event that is worth pausing for.
func (p *player) untilEvent(ctx context.Context) error {
	t := p.Clock().Tick
	for ; t < p.steps && ctx.Err() == nil; t++ {
		s, err := p.history.Step(t, false)
		if err == nil && worthPausing(s.Events) {
			t++
			break
		}
	}
	return p.Seek(t)
}

// Add implements pacer.
func (p *player) Add(...twins.Command) ([]twins.Command, error) { return nil, errReplay }

// AddAt implements pacer.
func (p *player) AddAt(...twins.Command) ([]twins.Command, error) { return nil, errReplay }
