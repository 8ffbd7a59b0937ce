package views

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Residuals compares the power that meters recorded with the power that their twins
// computed: residual = computed − recorded, of the mean power of each step. A household's
// meter includes its batteries and vehicles.
type Residuals struct {
	Band Band

	meters []*meter
	step   twins.Seconds
}

// Band is the range that residuals should stay in: ± Watts, or ± Share of the greatest
// power that the meter recorded, whichever is more. A meter is flagged if a greater share
// of steps than Allowed is outside.
type Band struct {
	Watts   twins.Power
	Share   twins.Ratio
	Allowed twins.Ratio
}

// meter is a recorded meter with its twin.
type meter struct {
	path     string
	column   string
	recorded []twins.Power
	at       []slotOf // the twin, and the batteries and vehicles behind its meter
	band     twins.Power

	sum     twins.Total // of residuals
	squares float64     // W²
	steps   int64
	outside int64
	worst   twins.Power // by magnitude
	worstAt time.Time
	first   time.Time // of the first step outside
}

type slotOf struct{ cell, block, member int }

// Meter adds a meter with the power that it recorded in each step of the run. It is an error if the
// world has no member of that path.
func (v *Residuals) Meter(w *sim.World, path, column string, recorded []twins.Power) error {
	m := &meter{path: path, column: column, recorded: recorded}
	for i, c := range w.Cells {
		for k, b := range c.Blocks {
			for n, p := range b.Paths {
				if p == path || b.Kind.Ownable && strings.HasPrefix(p, path+"/") {
					m.at = append(m.at, slotOf{i, k, n})
				}
			}
		}
	}
	if len(m.at) == 0 {
		return fmt.Errorf("no member %s", path)
	}
	most := twins.Power(0)
	for _, p := range recorded {
		most = max(most, p, -p)
	}
	m.band = max(v.Band.Watts, most.Times(v.Band.Share))
	v.meters = append(v.meters, m)
	return nil
}

// Commit implements sim.Sink.
func (v *Residuals) Commit(r *sim.StepRecord) error {
	v.step = r.Step
	for _, m := range v.meters {
		computed := twins.Power(0)
		for _, at := range m.at {
			b := &r.Cells[at.cell].Blocks[at.block]
			computed += twins.Power(b.Value(b.ColumnNamed(twins.ColumnPower.Name), at.member))
		}
		m.add(r, computed-m.recorded[r.Tick])
	}
	return nil
}

func (m *meter) add(r *sim.StepRecord, residual twins.Power) {
	m.steps++
	m.sum = m.sum.Plus(residual.For(r.Step))
	m.squares += float64(residual.Watts() * residual.Watts())
	size := max(residual, -residual)
	if size > max(m.worst, -m.worst) {
		m.worst, m.worstAt = residual, r.Time
	}
	if size > m.band {
		if m.outside++; m.outside == 1 {
			m.first = r.Time
		}
	}
}

// Residual is the result of one meter. BiasW is the mean of the residuals, RMSEW the root of
// their mean square, both in W.
type Residual struct {
	Member       string     `json:"member"`
	Column       string     `json:"column"`
	Steps        int64      `json:"steps"`
	BiasW        float64    `json:"bias_w"`
	RMSEW        float64    `json:"rmse_w"`
	WorstW       float64    `json:"worst_w"`
	WorstAt      *time.Time `json:"worst_at"` // null: every residual is 0
	BandW        float64    `json:"band_w"`
	OutsideShare float64    `json:"outside_share"` // of steps
	OutsideFrom  *time.Time `json:"outside_from"`  // null: every residual is inside the band
	Flagged      bool       `json:"flagged"`
}

// All lists the meters by path.
func (v *Residuals) All() []Residual {
	all := []Residual{}
	for _, m := range v.meters {
		r := Residual{Member: m.path, Column: m.column, Steps: m.steps, WorstW: m.worst.Watts(), BandW: m.band.Watts()}
		if m.steps > 0 {
			n := float64(m.steps)
			r.BiasW = m.sum.WattHours() * 3600 / (n * float64(v.step))
			r.RMSEW = math.Sqrt(m.squares / n)
			r.OutsideShare = float64(m.outside) / n
		}
		if m.worst != 0 {
			r.WorstAt = &m.worstAt
		}
		if m.outside > 0 {
			r.OutsideFrom = &m.first
		}
		r.Flagged = r.OutsideShare > v.Band.Allowed.Float()
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Residual) int { return strings.Compare(a.Member, b.Member) })
	return all
}
