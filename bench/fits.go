package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/smatrix-grid/smatrix/actors"
	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
)

// roughBytes is more than a household takes on both sides together, garbage included. A city
// that fits at this rate needs no closer look.
const roughBytes = 32 << 10

// Two small cities whose difference shows what one household more takes.
const (
	probeFew  = 400
	probeMany = 2400
)

// usable is the part of the free memory that a bench may take: other processes go on.
const usable = 0.9

// Fits checks that every city fits into the memory that is free, before the first one is
// tried. It returns a *problem.Usage with what is needed, what is free and what would fit.
// Where the system does not tell what is free, everything fits.
func (o Options) Fits(ctx context.Context) error {
	free, known := system.free()
	if !known {
		return nil
	}
	err := o.fitsInto(ctx, float64(free), bytesOfBothSides)
	if ctx.Err() != nil {
		return &InterruptedError{0, len(o.Cases())}
	}
	return err
}

// fitsInto is Fits with the free bytes, and with what measures the bytes of a household.
func (o Options) fitsInto(ctx context.Context, free float64, measure func(context.Context, Options) (float64, error)) error {
	largest := slices.Max(o.filled().Households)
	if float64(largest)*roughBytes <= usable*free {
		return nil
	}
	each, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if float64(largest)*each <= usable*free {
		return nil
	}
	return &problem.Usage{What: fmt.Sprintf("--households %d: the actors and the flat loop need about %s of memory, %s a household, and %s are free; about %s households would fit",
		largest, bytesText(float64(largest)*each), bytesText(each), bytesText(free), grouped(roundDown(usable*free/each)))}
}

// resident is what the system counts over what the heap grows to: stacks, and memory that
// the allocator holds. 100,000 homes had 1.17 GB where their heap grows to 1.0.
const resident = 1.15

// bytesOfBothSides is the resident memory that one household more takes, on both sides
// together: the heap, the garbage that Go lets grow beside it before it is collected, and
// resident.
func bytesOfBothSides(ctx context.Context, o Options) (float64, error) {
	if err := o.loadOnce(); err != nil {
		return 0, err
	}
	few, err := o.heapOf(ctx, probeFew)
	if err != nil {
		return 0, err
	}
	many, err := o.heapOf(ctx, probeMany)
	if err != nil {
		return 0, err
	}
	garbage := debug.SetGCPercent(100)
	debug.SetGCPercent(garbage)
	return float64(many-few) / (probeMany - probeFew) * (1 + float64(max(0, garbage))/100) * resident, nil
}

// heapOf is the heap that both sides of a small city take.
func (o Options) heapOf(ctx context.Context, homes int) (int64, error) {
	before := settledHeap()
	source, err := o.load(Case{Households: homes, Steps: 1, Hosting: o.filled().Hostings[0]})
	if err != nil {
		return 0, err
	}
	var worlds [2]*sim.World
	for i := range worlds {
		if worlds[i], err = sim.Build(source); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	system, err := actors.Start(worlds[0], actors.Options{Hosting: o.filled().Hostings[0], Shards: 1})
	if err != nil {
		return 0, err
	}
	defer system.Close()
	flat := sim.NewFlat(worlds[1], nil, false)
	taken := heap() - before
	runtime.KeepAlive(flat)
	runtime.KeepAlive(source)
	return taken, nil
}

// roundDown rounds to two digits, so that an estimate does not look exact.
func roundDown(v float64) int64 {
	if v < 100 {
		return int64(max(0, v))
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return int64(math.Floor(v/unit) * unit)
}
