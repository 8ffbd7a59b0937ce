package twintest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// A Law is a property of every kind of twin. It is checked on one random
// member over a day of steps.
type Law struct {
	Name string
	// Holds checks the law: err is the violation that was seen.
	Holds func(k *twins.Kind, seed uint64) error
}

// Laws are the laws of all twins.
var Laws = []Law{
	{"offers are ordered", offersOrdered},
	{"offer and step change nothing", stepIsPure},
	{"readings balance at any setpoint", readingsBalance},
	{"what is asked inside the band is done", bandIsFollowed},
	{"essential load gives way to force alone", essentialIsKept},
	{"a snapshot continues like the live twin", snapshotContinues},
	{"events replayed give the live state", eventsReplay},
	{"a restored twin is as it was saved", restoreGoesBack},
	{"stored forms that are cut or of another version are refused", storedFormsChecked},
	{"settings can be set and are kept", settingsAreKept},
	{"what is prepared is not there until it is put in", preparedIsAbsent},
	{"gauges are written whole, in their words, and change nothing", gaugesAreRead},
	{"gauges follow from the stored state", gaugesFollowState},
}

// NewSlab builds one random member of a kind. It is a variable so that a
// sabotage can replace it with a faulty slab.
var NewSlab = func(k *twins.Kind, seed uint64) (*twins.Site, twins.Slab, error) {
	r := rand.New(rand.NewPCG(seed, 2))
	step := []twins.Seconds{1, 60, 900, 3600}[r.IntN(4)]
	site := NewSite(seed, step)
	s, err := k.New(site, []twins.Member{{Path: "grid/c/" + k.Name, Spec: []byte(k.Sample(Between(r)))}})
	return site, s, err
}

// live steps a twin through a day of random setpoints, in which it is put in and out
// of service where it can be, calling see after each Step and before its events are
// applied.
func live(k *twins.Kind, seed uint64, see func(l *life) error) error {
	return lived(k, seed, see, func(*life) error { return nil })
}

// lived is live, calling done after each step's events have been applied.
func lived(k *twins.Kind, seed uint64, see, done func(l *life) error) error {
	site, slab, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	l := &life{slab: slab, random: rand.New(rand.NewPCG(seed, 3))}
	if n := len(slab.Parts(0)); n > 0 {
		l.out.Parts = make([]twins.Power, n)
	}
	first := twins.Tick(l.random.Int64N(int64(86400 / site.Step)))
	for t := first; t < first+Steps; t++ {
		FillEnv(site, t, &l.env)
		l.command(k, t)
		l.flex = twins.Flex{}
		slab.Offer(0, &l.env, &l.flex)
		l.set = l.setpoint()
		l.step(&l.events, &l.out)
		if err := see(l); err != nil {
			return fmt.Errorf("step %d: %w", t-first, err)
		}
		for i := range l.events.All() {
			slab.Apply(0, &l.events.All()[i])
		}
		if err := done(l); err != nil {
			return fmt.Errorf("after step %d: %w", t-first, err)
		}
	}
	return nil
}

// life is a twin in the middle of a step.
type life struct {
	slab   twins.Slab
	random *rand.Rand
	env    twins.Env
	flex   twins.Flex
	set    twins.Setpoint
	events twins.Events
	out    twins.Reading
	// ordered are the events of the command of this step.
	ordered []twins.Event
}

// command takes the twin out of service or puts it in, in one step of eight. It has a
// random stream of its own, so that it does not shift the setpoints.
func (l *life) command(k *twins.Kind, t twins.Tick) {
	l.ordered = l.ordered[:0]
	const purpose = 97
	by := twins.Draw(l.env.Seed, 0, purpose, int64(t))
	if _, ok := k.Setting(twins.InService); !ok || by%8 != 0 {
		return
	}
	var ev twins.Events
	c := twins.Set("grid/c/x", twins.InService, int64(by>>8&1))
	if l.slab.Command(0, &l.env, &c, &ev) != nil {
		return // a sabotage
	}
	l.ordered = append(l.ordered, ev.All()...)
	for i := range l.ordered {
		l.slab.Apply(0, &l.ordered[i])
	}
}

func (l *life) step(ev *twins.Events, out *twins.Reading) {
	clear(out.Parts)
	*out = twins.Reading{Parts: out.Parts}
	ev.Reset()
	l.slab.Step(0, &l.env, &l.set, ev, out)
}

// setpoint is the reference, a power inside the bands, or nonsense.
func (l *life) setpoint() twins.Setpoint {
	s := l.flex.Follow()
	s.Run = twins.Run(l.random.IntN(3) - 1)
	for t, b := range l.flex.Tier {
		switch l.random.IntN(4) {
		case 0:
			s.Tier[t] = b.Min + twins.Power(l.random.Int64N(int64(b.Max-b.Min)+1))
		case 1:
			s.Tier[t] = twins.Power(l.random.Int64N(40_000_000)) - 20_000_000
		}
	}
	return s
}

func offersOrdered(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		if !l.flex.Ordered() {
			return fmt.Errorf("offer %+v", l.flex.Tier)
		}
		return nil
	})
}

func stepIsPure(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		before := l.slab.AppendBinary(0, nil)
		var flex twins.Flex
		l.slab.Offer(0, &l.env, &flex)
		if flex != l.flex {
			return fmt.Errorf("offered %+v, then %+v", l.flex, flex)
		}
		var again twins.Events
		out := twins.Reading{Parts: slices.Clone(l.out.Parts)}
		l.step(&again, &out)
		if fmt.Sprint(out) != fmt.Sprint(l.out) || fmt.Sprint(again.All()) != fmt.Sprint(l.events.All()) {
			return fmt.Errorf("answered %+v, then %+v", l.out, out)
		}
		if after := l.slab.AppendBinary(0, nil); !bytes.Equal(before, after) {
			return fmt.Errorf("state %x became %x", before, after)
		}
		return nil
	})
}

func readingsBalance(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		if by := l.out.Imbalance(l.env.Step); by != 0 {
			return fmt.Errorf("%d mJ out of balance: %+v", by, l.out)
		}
		if l.out.SoC < 0 || l.out.SoC > twins.One {
			return fmt.Errorf("state of charge %v", l.out.SoC.Float())
		}
		return nil
	})
}

// bandIsFollowed allows for vehicles, which follow in steps of 1 A, and for
// orders to stop.
func bandIsFollowed(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		if l.set.Run != twins.Keep {
			return nil
		}
		for t, b := range l.flex.Tier {
			if p := l.set.Tier[t]; p < b.Min || p > b.Max {
				return nil
			}
		}
		asked, did := l.set.Net(), l.out.Power
		if coarse := l.set.Tier[twins.Mobility] != 0; coarse && did >= 0 && did <= asked {
			return nil
		}
		if asked != did {
			return fmt.Errorf("asked for %d mW inside the band, did %d mW", asked, did)
		}
		return nil
	})
}

// essentialIsKept is promise C4: no agreement reaches essential load. A twin offers none of it to be
// moved, and serves it whole while it is asked for its reference, whatever its other tiers are asked.
func essentialIsKept(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		offered, asked := l.flex.Tier[twins.Essential], l.set.Tier[twins.Essential]
		if offered != twins.Fixed(offered.Ref) {
			return fmt.Errorf("offers to move essential load: %+v", offered)
		}
		if short := l.out.UnservedEssential; short != 0 && asked >= offered.Ref {
			return fmt.Errorf("%d mW of essential load are not served, and none was cut: %+v", short, l.set)
		}
		return nil
	})
}

func snapshotContinues(k *twins.Kind, seed uint64) error {
	_, other, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	return live(k, seed, func(l *life) error {
		stored := l.slab.AppendBinary(0, nil)
		rest, err := other.UnmarshalBinary(0, append(stored, "rest"...))
		if err != nil || string(rest) != "rest" {
			return fmt.Errorf("read back: %q, %w", rest, err)
		}
		if got := other.AppendBinary(0, nil); !bytes.Equal(got, l.slab.AppendBinary(0, nil)) {
			return fmt.Errorf("stored %x, read back as %x", stored, got)
		}
		var flex twins.Flex
		other.Offer(0, &l.env, &flex)
		if flex != l.flex {
			return fmt.Errorf("live twin offers %+v, restored one %+v", l.flex, flex)
		}
		return nil
	})
}

func eventsReplay(k *twins.Kind, seed uint64) error {
	_, other, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	var last []twins.Event
	return live(k, seed, func(l *life) error {
		last = append(last, l.ordered...)
		for i := range last {
			other.Apply(0, &last[i])
		}
		last = append(last[:0], l.events.All()...)
		if a, b := l.slab.AppendBinary(0, nil), other.AppendBinary(0, nil); !bytes.Equal(a, b) {
			return fmt.Errorf("live %x, replayed %x", a, b)
		}
		return nil
	})
}

func restoreGoesBack(k *twins.Kind, seed uint64) error {
	return live(k, seed, func(l *life) error {
		before := l.slab.AppendBinary(0, nil)
		l.slab.Save()
		for i := range l.events.All() {
			l.slab.Apply(0, &l.events.All()[i])
		}
		l.slab.Restore(0)
		if after := l.slab.AppendBinary(0, nil); !bytes.Equal(before, after) {
			return fmt.Errorf("saved %x, restored %x", before, after)
		}
		return nil
	})
}

func storedFormsChecked(k *twins.Kind, seed uint64) error {
	_, slab, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	stored := slab.AppendBinary(0, nil)
	if stored[0] < 1 || stored[0] > k.Version { // an older form may say all there is to say
		return fmt.Errorf("begins with %d, wanted a version up to %d", stored[0], k.Version)
	}
	for n := range stored {
		if _, err := slab.UnmarshalBinary(0, stored[:n]); err == nil {
			return fmt.Errorf("cut at byte %d of %d and accepted", n, len(stored))
		}
	}
	newer := bytes.Clone(stored)
	newer[0] = k.Version + 1
	if _, err := slab.UnmarshalBinary(0, newer); err == nil {
		return fmt.Errorf("version %d accepted", newer[0])
	}
	return nil
}

func settingsAreKept(k *twins.Kind, seed uint64) error {
	site, slab, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	var env twins.Env
	FillEnv(site, 0, &env)
	for _, s := range k.Settings {
		for _, v := range []int64{s.Min, min(s.Max, s.Min+s.Scale)} {
			var ev twins.Events
			c := twins.Set("grid/c/x", s.Name, v)
			if err := slab.Command(0, &env, &c, &ev); err != nil {
				continue // this member has no such part
			}
			for i := range ev.All() {
				slab.Apply(0, &ev.All()[i])
			}
			once := slab.AppendBinary(0, nil)
			double := twins.Multiply(c.Target, s.Name, int64(twins.One))
			ev.Reset()
			if err := slab.Command(0, &env, &double, &ev); err != nil {
				return fmt.Errorf("%s × 1: %w", s.Name, err)
			}
			for i := range ev.All() {
				slab.Apply(0, &ev.All()[i])
			}
			if again := slab.AppendBinary(0, nil); !bytes.Equal(once, again) {
				return fmt.Errorf("%s × 1 changes %x to %x", s.Name, once, again)
			}
		}
		for _, v := range []int64{s.Min - 1, s.Max + 1} {
			var ev twins.Events
			c := twins.Set("grid/c/x", s.Name, v)
			if err := slab.Command(0, &env, &c, &ev); err == nil {
				return fmt.Errorf("%s accepts %d outside %d…%d", s.Name, v, s.Min, s.Max)
			}
		}
	}
	return nil
}

// preparedIsAbsent checks kinds with members that may be prepared: until such a twin
// is put in it offers nothing, does nothing, holds nothing and stays in its first
// state; from then on it is present, and holds what has been charged into it.
func preparedIsAbsent(k *twins.Kind, seed uint64) error {
	_, slab, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	places, ok := slab.(twins.Preparer)
	if ok != k.Prepares {
		return fmt.Errorf("the row has Prepares %v; its slab is a Preparer: %v", k.Prepares, ok)
	}
	if !ok || !places.Absent(0) {
		return nil
	}
	began, held := slab.AppendBinary(0, nil), twins.Energy(0)
	return live(k, seed, func(l *life) error {
		if places, _ := l.slab.(twins.Preparer); places == nil || places.Absent(0) {
			out := l.out
			if l.flex != (twins.Flex{}) || len(l.events.All()) > 0 || fmt.Sprint(out) != fmt.Sprint(twins.Reading{Parts: out.Parts}) {
				return fmt.Errorf("it is absent but offers %+v, does %+v, %d events", l.flex, out, len(l.events.All()))
			}
			if now := l.slab.AppendBinary(0, nil); len(l.ordered) == 0 && !bytes.Equal(began, now) {
				return fmt.Errorf("it is absent, began as %x and is %x", began, now)
			}
		}
		if held += l.out.Stored; l.out.Content != held {
			return fmt.Errorf("%d mJ have gone into it, it holds %d mJ", held, l.out.Content)
		}
		return nil
	})
}
