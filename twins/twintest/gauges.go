package twintest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/smatrix-grid/smatrix/twins"
)

// readGauges reads the gauges of a slab's twin into values that held poison before, with
// one more after them: a value that differs for another poison was not written.
func (l *life) readGauges(slab twins.Slab, n int, poison int64) ([]int64, error) {
	g, ok := slab.(twins.Gauger)
	if !ok {
		return nil, errors.New("its kind has gauges, its slab is no Gauger")
	}
	room := slices.Repeat([]int64{poison}, n+1)
	g.Gauges(0, &l.env, &l.out, room[:n])
	if room[n] != poison {
		return nil, fmt.Errorf("more than its %d gauges are written", n)
	}
	return room[:n], nil
}

// gaugesAreRead checks that gauges can be read, before the first step as
// well.
func gaugesAreRead(k *twins.Kind, seed uint64) error {
	read := func(l *life) error {
		gauges := twins.GaugesOf(k, l.slab.Parts(0))
		if len(gauges) == 0 {
			return nil
		}
		before := l.slab.AppendBinary(0, nil)
		once, err := l.readGauges(l.slab, len(gauges), math.MaxInt64)
		if err != nil {
			return err
		}
		again, err := l.readGauges(l.slab, len(gauges), math.MaxInt64-1)
		if err != nil || !slices.Equal(once, again) {
			return fmt.Errorf("read %d, then %d, %v", once, again, err)
		}
		if after := l.slab.AppendBinary(0, nil); !bytes.Equal(before, after) {
			return fmt.Errorf("reading gauges turns state %x into %x", before, after)
		}
		for i, g := range gauges {
			if v := once[i]; g.Words != nil && v != twins.GaugeUnknown && (v < 0 || v >= int64(len(g.Words))) {
				return fmt.Errorf("%s is %d, it has %d words", g.Name, v, len(g.Words))
			}
		}
		return nil
	}
	return lived(k, seed, read, read)
}

// gaugesFollowState compares a twin with a copy restored from its stored form, and with
// itself after it has gone a step ahead and back.
func gaugesFollowState(k *twins.Kind, seed uint64) error {
	_, other, err := NewSlab(k, seed)
	if err != nil {
		return err
	}
	n := len(twins.GaugesOf(k, other.Parts(0)))
	if n == 0 {
		return nil
	}
	return lived(k, seed, func(l *life) error {
		was, err := l.readGauges(l.slab, n, 0)
		if err != nil {
			return err
		}
		l.slab.Save()
		for i := range l.events.All() {
			l.slab.Apply(0, &l.events.All()[i])
		}
		l.slab.Restore(0)
		if now, err := l.readGauges(l.slab, n, 0); err != nil || !slices.Equal(now, was) {
			return fmt.Errorf("gauges %d, after Restore %d, %v", was, now, err)
		}
		return nil
	}, func(l *life) error {
		if _, err := other.UnmarshalBinary(0, l.slab.AppendBinary(0, nil)); err != nil {
			return err
		}
		live, err := l.readGauges(l.slab, n, 0)
		if err != nil {
			return err
		}
		if read, err := l.readGauges(other, n, 0); err != nil || !slices.Equal(live, read) {
			return fmt.Errorf("gauges %d, of the stored form read back %d, %v", live, read, err)
		}
		return nil
	})
}
