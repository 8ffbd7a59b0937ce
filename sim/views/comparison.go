package views

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Accounts folds the figures that a comparison of two runs needs: per community and per
// household the energy drawn, its cost at the market's price, and the energy not served.
// It needs no power of devices, so records from a journal are enough.
type Accounts struct {
	Summary *Summary
	// cost is import less export over the grid's outer ties times the price of each step,
	// in mJ·µ€/MWh.
	cost   wideSum
	priced bool
	cells  []cellAccount
	homes  map[string]*homeAccount
	owners [][]deviceOf // of each cell: devices behind meters
}

// wideSum is a sum of products that do not fit into 64 bits. It is a float, for display and files:
// its relative error is below 10⁻¹².
type wideSum float64

func (s *wideSum) add(e twins.Energy, factor int64) { *s += wideSum(float64(e) * float64(factor)) }

func (s wideSum) euros() float64 { return float64(s) / float64(twins.MegawattHour) / 1e6 }
func (s wideSum) grams() float64 { return float64(s) / float64(twins.KilowattHour) / 1e3 }

type cellAccount struct {
	path     string
	load     twins.Total
	made     twins.Total
	drawn    twins.Total
	fed      twins.Total
	unserved twins.Total
	waiting  twins.Energy // after the last step
	peak     twins.Power  // load + charging

	peakDrawn, peakFed twins.Power
}

type homeAccount struct {
	drawn, fed, unserved twins.Total
	waiting              twins.Energy // after the last step
	cost                 wideSum
	net                  twins.Power // of the step
}

type deviceOf struct {
	block, member int
	home          *homeAccount
}

// NewAccounts makes the accounts of a world before its first step.
func NewAccounts(w *sim.World) *Accounts {
	a := &Accounts{Summary: NewSummary(w), homes: map[string]*homeAccount{}, priced: w.Market != nil}
	for _, c := range w.Cells {
		a.cells = append(a.cells, cellAccount{path: c.Path})
		for _, b := range c.Blocks {
			if b.Kind == twins.Household {
				for _, path := range b.Paths {
					a.homes[path] = &homeAccount{}
				}
			}
		}
		var devices []deviceOf
		for i, b := range c.Blocks {
			for m, path := range b.Paths {
				if home := a.homes[path[:strings.LastIndexByte(path, '/')]]; home != nil || b.Kind == twins.Household {
					if b.Kind == twins.Household {
						home = a.homes[path]
					}
					devices = append(devices, deviceOf{i, m, home})
				}
			}
		}
		a.owners = append(a.owners, devices)
	}
	return a
}

// Commit implements sim.Sink.
func (a *Accounts) Commit(r *sim.StepRecord) error {
	a.cost.add((r.Flows.Import - r.Flows.Export).For(r.Step), int64(r.Price))
	for i, c := range r.Cells {
		f, to := &c.Flows, &a.cells[i]
		net := c.Net()
		drawn, fed := max(net, 0)+f.Import, max(-net, 0)+f.Export
		for _, v := range []struct {
			total *twins.Total
			power twins.Power
		}{{&to.load, f.Load}, {&to.made, f.Generation}, {&to.drawn, drawn}, {&to.fed, fed}, {&to.unserved, f.Unserved}} {
			*v.total = v.total.Plus(v.power.For(r.Step))
		}
		to.waiting = f.Waits
		to.peak = max(to.peak, f.Load+f.Charge)
		to.peakDrawn, to.peakFed = max(to.peakDrawn, drawn), max(to.peakFed, fed)
		for _, d := range a.owners[i] {
			d.home.waiting = 0
		}
		for _, d := range a.owners[i] {
			b := &c.Blocks[d.block]
			d.home.waiting += twins.Energy(b.Value(b.ColumnNamed(twins.ColumnWaits.Name), d.member))
			d.home.net += twins.Power(b.Value(b.ColumnNamed(twins.ColumnPower.Name), d.member))
			d.home.unserved = d.home.unserved.Plus(twins.Power(b.Value(b.ColumnNamed(twins.ColumnUnserved.Name), d.member)).For(r.Step))
		}
		for _, d := range a.owners[i] {
			if h := d.home; h.net != 0 {
				e := h.net.For(r.Step)
				h.drawn, h.fed, h.net = h.drawn.Plus(max(e, 0)), h.fed.Plus(max(-e, 0)), 0
				h.cost.add(e, int64(r.Price))
			}
		}
	}
	return a.Summary.Commit(r)
}

// Difference has a figure of two runs, A and B, and More = B − A. All are null if the figure
// cannot be compared.
type Difference struct {
	A    *float64 `json:"a"`
	B    *float64 `json:"b"`
	More *float64 `json:"more"`
}

func differ(a, b float64) Difference {
	d := b - a
	return Difference{&a, &b, &d}
}

func differIf(ok bool, a, b float64) Difference {
	if !ok {
		return Difference{}
	}
	return differ(a, b)
}

func differOr(a, b *float64) Difference {
	if a == nil || b == nil {
		return Difference{A: a, B: b}
	}
	return differ(*a, *b)
}

// Comparison has the differences between two runs: the object that `compare --json` prints.
type Comparison struct {
	A RunOf `json:"a"`
	B RunOf `json:"b"`
	// From and To enclose the time that both runs have, which is what is compared.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// NotCompared lists what cannot be compared and why. It is empty if all can be.
	NotCompared []string `json:"not_compared"`
	// Notes lists reasons for differences other than the changes of a fork: other scenarios or
	// seeds, other models of the program, commands that a fork lacks.
	Notes []string `json:"notes"`
	// Energy has the energies of EnergyReport.
	Energy map[string]Difference `json:"energy_wh"`
	// PeakW is the highest consumption + charging of a step, wherever its power came from;
	// PeakImportW and PeakExportW are the highest import and export over the outer ties.
	PeakW       Difference `json:"peak_w"`
	PeakImportW Difference `json:"peak_import_w"`
	PeakExportW Difference `json:"peak_export_w"`
	// CostEUR is import less export over the outer ties at the price of each step, null
	// without a market. CO2G is that of Report.
	CostEUR Difference `json:"cost_eur"`
	CO2G    Difference `json:"co2_g"`
	// The ratios of RatioKinds, from 0 to 1. More is a difference of ratios: 0.01 is one percentage point.
	SelfSufficiency    Difference            `json:"self_sufficiency"`
	SelfConsumption    Difference            `json:"self_consumption"`
	RenewableShare     Difference            `json:"renewable_share"`
	NonRenewableShare  Difference            `json:"non_renewable_share"`
	LimitBreachSteps   Difference            `json:"limit_breach_steps"` // community-steps, as in Report
	UnknownShare       Difference            `json:"renewable_share_unknown"`
	UnservedWh         Difference            `json:"unserved_wh"`
	WaitingWh          Difference            `json:"waiting_wh"` // after the last step, for deadlines to come
	Communities        []CommunityDifference `json:"communities"`
	Households         HouseholdDifferences  `json:"households"`
	ChangedHouseholds  int                   `json:"changed_households"`
	ComparedHouseholds int                   `json:"compared_households"`
}

// RunOf names a run.
type RunOf struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	Steps    int64  `json:"steps"`
	StepS    int64  `json:"step_s"`
	Digest   string `json:"digest"`
	Models   []int  `json:"models"` // of the program, which made the compared steps
	// LaterCommands is what a fork has done with its parent's commands for its own steps; empty if the
	// run is no fork.
	LaterCommands sim.Later `json:"later_commands,omitempty"`

	Start time.Time `json:"start"` // of its first step
	First int64     `json:"-"`     // first step that can be shown
}

// end returns the end of the run's last step.
func (r *RunOf) end() time.Time { return r.Start.Add(time.Duration(r.Steps*r.StepS) * time.Second) }

// Shared is the time that two runs have in common, as steps of each: From ≤ t < To.
type Shared struct {
	FromA, ToA, FromB, ToB twins.Tick
	From, To               time.Time
}

// SharedSpan returns the time that two runs have in common, in whole steps of both; false if there is
// none.
func SharedSpan(a, b *RunOf) (s Shared, ok bool) {
	from := max(a.Start.Unix()+a.First*a.StepS, b.Start.Unix()+b.First*b.StepS)
	to := min(a.end().Unix(), b.end().Unix())
	longer, shorter := max(a.StepS, b.StepS), min(a.StepS, b.StepS)
	whole := longer // a length that is whole steps of both
	for whole%shorter != 0 {
		whole += longer
	}
	for begin := from; (from-a.Start.Unix())%a.StepS != 0 || (from-b.Start.Unix())%b.StepS != 0; from++ {
		if from-begin > whole {
			return s, false // their steps never begin together
		}
	}
	if to = from + (to-from)/whole*whole; to <= from {
		return s, false
	}
	tick := func(at int64, r *RunOf) twins.Tick { return twins.Tick((at - r.Start.Unix()) / r.StepS) }
	zone := a.Start.Location()
	return Shared{tick(from, a), tick(to, a), tick(from, b), tick(to, b), time.Unix(from, 0).In(zone), time.Unix(to, 0).In(zone)}, true
}

// CommunityDifference has the differences of one community. Drawn, fed in and their peaks are
// measured at its border, as in usage: its connection to the grid and the outer ties that are
// in it. PeakW is its highest consumption + charging.
type CommunityDifference struct {
	Community  string     `json:"community"`
	ConsumedWh Difference `json:"consumed_wh"`
	ProducedWh Difference `json:"produced_wh"`
	DrawnWh    Difference `json:"drawn_wh"`
	FedInWh    Difference `json:"fed_in_wh"`
	PeakW      Difference `json:"peak_w"`
	PeakDrawnW Difference `json:"peak_drawn_w"`
	PeakFedInW Difference `json:"peak_fed_in_w"`
	UnservedWh Difference `json:"unserved_wh"`
	WaitingWh  Difference `json:"waiting_wh"` // after the last step
}

// HouseholdDifferences are the households that gained and lost most: by energy not served,
// then by cost and by energy drawn. Who was cut more has not gained by drawing less.
type HouseholdDifferences struct {
	Gained []HouseholdDifference `json:"gained"`
	Lost   []HouseholdDifference `json:"lost"`
}

// HouseholdDifference has the differences of one household at its meter. Its cost is energy
// drawn less fed in, at the market's price of each step.
type HouseholdDifference struct {
	Household  string     `json:"household"`
	DrawnKWh   Difference `json:"drawn_kwh"`
	CostEUR    Difference `json:"cost_eur"`
	UnservedWh Difference `json:"unserved_wh"`
	WaitingWh  Difference `json:"waiting_wh"` // after the last step
}

// mostHouseholds is the number of households that are listed as gained and as lost, each.
const mostHouseholds = 5

// Compare compares two runs by their accounts and reports of the time that both have.
func Compare(a, b *Accounts, ofA, ofB RunOf, of Shared, reportA, reportB *Report) *Comparison {
	c := &Comparison{A: ofA, B: ofB, From: of.From, To: of.To, NotCompared: []string{}, Notes: notesOf(&ofA, &ofB), Energy: map[string]Difference{}, Communities: []CommunityDifference{}}
	if ofA.StepS != ofB.StepS {
		c.NotCompared = append(c.NotCompared, "peaks: they are means of steps of different lengths")
	}
	for _, r := range [...]*RunOf{&ofA, &ofB} {
		const layout = "2006-01-02 15:04"
		if r.Start.Before(of.From) {
			c.NotCompared = append(c.NotCompared, fmt.Sprintf("%s to %s: only %s has it", r.Start.Format(layout), of.From.Format(layout), r.Run))
		}
		if of.To.Before(r.end()) {
			c.NotCompared = append(c.NotCompared, fmt.Sprintf("%s to %s: only %s has it", of.To.Format(layout), r.end().Format(layout), r.Run))
		}
	}
	if !a.priced || !b.priced {
		c.NotCompared = append(c.NotCompared, "cost: not both have a market")
	}
	if reportA.CO2G == nil || reportB.CO2G == nil {
		c.NotCompared = append(c.NotCompared, "CO2: not both have a mix")
	}
	if !knowWaiting(a, b) {
		c.NotCompared = append(c.NotCompared, "what waits: records of an earlier program do not say it")
	}
	samePeaks := ofA.StepS == ofB.StepS
	allB := reportB.Energy.All()
	for i, e := range reportA.Energy.All() {
		c.Energy[e.Name] = differOr(e.Wh, allB[i].Wh)
	}
	c.WaitingWh = c.Energy["waiting"]
	c.PeakW = differIf(samePeaks, reportA.PeakW, reportB.PeakW)
	c.PeakImportW = differIf(samePeaks, reportA.PeakImportW, reportB.PeakImportW)
	c.PeakExportW = differIf(samePeaks, reportA.PeakExportW, reportB.PeakExportW)
	c.CostEUR = differIf(a.priced && b.priced, a.cost.euros(), b.cost.euros())
	c.CO2G = differOr(reportA.CO2G, reportB.CO2G)
	for i, to := range c.ratios() {
		*to = differOr(reportA.ReportRatios.All()[i], reportB.ReportRatios.All()[i])
	}
	c.LimitBreachSteps = differIf(samePeaks, float64(reportA.LimitBreachSteps), float64(reportB.LimitBreachSteps))
	c.UnservedWh = c.Energy["unserved"]
	c.communities(a, b, samePeaks)
	c.households(a, b)
	return c
}

// notesOf lists reasons for differences between two runs other than the changes of a fork.
func notesOf(a, b *RunOf) (notes []string) {
	notes = []string{}
	if a.Scenario != b.Scenario {
		notes = append(notes, fmt.Sprintf("they are runs of two scenarios, %s and %s: figures of the whole grid are of each", a.Scenario, b.Scenario))
	}
	if a.Seed != b.Seed {
		notes = append(notes, fmt.Sprintf("their seeds are %d and %d", a.Seed, b.Seed))
	}
	if note := ModelsNote(a.Run, b.Run, a.Models, b.Models); note != "" {
		notes = append(notes, note)
	}
	for _, r := range [...]*RunOf{a, b} {
		if r.LaterCommands == sim.DropLater {
			notes = append(notes, r.Run+" is a fork without the commands that its parent had for later steps")
		}
	}
	return notes
}

// knowWaiting reports whether the records of two runs say what waits.
func knowWaiting(a, b *Accounts) bool { return !a.Summary.lacking && !b.Summary.lacking }

// ModelsNote says that the compared steps of two runs were made by other models of the program, which
// may be why they differ; it is empty if all were made by one.
func ModelsNote(a, b string, of, other []int) string {
	all := slices.Concat(of, other)
	slices.Sort(all)
	if len(slices.Compact(all)) < 2 {
		return ""
	}
	return fmt.Sprintf("their steps were made by different models of the program, %s by model %s, %s by model %s: differences may come from that",
		a, numbers(of), b, numbers(other))
}

func numbers(all []int) string {
	var texts []string
	for _, n := range all {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, " and ")
}

// ratios are the ratios in the order of RatioKinds.
func (c *Comparison) ratios() []*Difference {
	return []*Difference{&c.SelfSufficiency, &c.SelfConsumption, &c.RenewableShare, &c.NonRenewableShare, &c.UnknownShare}
}

// Ratios returns the differences of the ratios, in the order of RatioKinds.
func (c *Comparison) Ratios() (all []Difference) {
	for _, d := range c.ratios() {
		all = append(all, *d)
	}
	return all
}

func (c *Comparison) communities(a, b *Accounts, samePeaks bool) {
	others := map[string]*cellAccount{}
	for i := range b.cells {
		others[b.cells[i].path] = &b.cells[i]
	}
	for i := range a.cells {
		x := &a.cells[i]
		y := others[x.path]
		if y == nil {
			c.NotCompared = append(c.NotCompared, "community "+x.path+": only in the first")
			continue
		}
		delete(others, x.path)
		of := func(x, y twins.Total) Difference { return differ(x.WattHours(), y.WattHours()) }
		c.Communities = append(c.Communities, CommunityDifference{x.path, of(x.load, y.load), of(x.made, y.made),
			of(x.drawn, y.drawn), of(x.fed, y.fed), differIf(samePeaks, x.peak.Watts(), y.peak.Watts()),
			differIf(samePeaks, x.peakDrawn.Watts(), y.peakDrawn.Watts()), differIf(samePeaks, x.peakFed.Watts(), y.peakFed.Watts()), of(x.unserved, y.unserved), differIf(knowWaiting(a, b), x.waiting.WattHours(), y.waiting.WattHours())})
	}
	for i := range b.cells {
		if path := b.cells[i].path; others[path] != nil {
			c.NotCompared = append(c.NotCompared, "community "+path+": only in the second")
		}
	}
}

func (c *Comparison) households(a, b *Accounts) {
	var all []HouseholdDifference
	onlyA, both := 0, 0
	priced := a.priced && b.priced
	for path, x := range a.homes {
		y := b.homes[path]
		if y == nil {
			onlyA++
			continue
		}
		both++
		if x.drawn == y.drawn && x.unserved == y.unserved && x.waiting == y.waiting && x.cost == y.cost && x.fed == y.fed {
			continue
		}
		all = append(all, HouseholdDifference{path, differ(x.drawn.WattHours()/1e3, y.drawn.WattHours()/1e3),
			differIf(priced, x.cost.euros(), y.cost.euros()), differ(x.unserved.WattHours(), y.unserved.WattHours()), differIf(knowWaiting(a, b), x.waiting.WattHours(), y.waiting.WattHours())})
	}
	if onlyB := len(b.homes) - both; onlyA > 0 || onlyB > 0 {
		c.NotCompared = append(c.NotCompared, counted(onlyA, "household is", "households are")+" only in the first, "+counted(onlyB, "is", "are")+" only in the second")
	}
	worse := func(h *HouseholdDifference) float64 {
		if h.CostEUR.More != nil {
			return *h.CostEUR.More
		}
		return *h.DrawnKWh.More
	}
	slices.SortFunc(all, func(x, y HouseholdDifference) int {
		return cmp.Or(cmp.Compare(*x.UnservedWh.More, *y.UnservedWh.More), cmp.Compare(worse(&x), worse(&y)),
			cmp.Compare(*x.DrawnKWh.More, *y.DrawnKWh.More), cmp.Compare(x.Household, y.Household))
	})
	c.ChangedHouseholds, c.ComparedHouseholds = len(all), both
	c.Households = HouseholdDifferences{[]HouseholdDifference{}, []HouseholdDifference{}}
	for i := range all {
		h, last := all[i], all[len(all)-1-i]
		if i < mostHouseholds && gains(&h, worse) < 0 {
			c.Households.Gained = append(c.Households.Gained, h)
		}
		if i < mostHouseholds && gains(&last, worse) > 0 {
			c.Households.Lost = append(c.Households.Lost, last)
		}
	}
}

// gains returns < 0 if the household is better off in the second run, > 0 if it is worse off.
func gains(h *HouseholdDifference, worse func(*HouseholdDifference) float64) int {
	sign := func(x float64) int {
		if math.Abs(x) < 1e-12 {
			return 0
		}
		return cmp.Compare(x, 0)
	}
	return cmp.Or(sign(*h.UnservedWh.More), sign(worse(h)), sign(*h.DrawnKWh.More))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
