package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/twins"
)

// Row is what one case has shown. Times of steps are those of Stepper.Step alone: the
// inputs of a step, its hash, its audit and the report are on neither side. Processor time
// is user and system time of all threads of the process, so a step's has the collector's
// share in it. Each figure of steps is the median over rounds.
type Row struct {
	Households int64  `json:"households"`
	Members    int64  `json:"members"` // twins of communities: households, batteries, vehicles, plants, ties
	Steps      int64  `json:"steps"`   // of 15 minutes, in one pass
	Hosting    string `json:"hosting"`
	Threads    int    `json:"threads"` // GOMAXPROCS and shards; the flat loop has one goroutine
	Journal    string `json:"journal"` // on | off

	// HouseholdStepsPerS is on the clock, NsCPU in processor time: the actors' steps, and the
	// journal with its read models where it is on.
	HouseholdStepsPerS float64 `json:"household_steps_per_s"`
	NsCPU              float64 `json:"ns_cpu_per_household_step"`
	// FlatNsCPU is the flat loop's steps, without a journal.
	FlatNsCPU float64 `json:"flat_ns_cpu_per_household_step"`
	// ActorOverFlat is the actors' processor time over the flat loop's, round by round,
	// without journal; its quartiles show how noisy the machine was. null: too few households
	// for the system's clock.
	ActorOverFlat   *float64 `json:"actor_over_flat"`
	MessagesHandled int64    `json:"messages_handled"` // in one pass

	// BytesPerHousehold is the heap after a collection once the actors have started, less the
	// heap before the scenario was read.
	BytesPerHousehold float64 `json:"bytes_per_household"`
	// PeakRSSBytes is the greatest resident memory until the actors have warmed up, before
	// the flat loop's world is built; without Linux that of the process so far.
	PeakRSSBytes int64 `json:"peak_rss_bytes"`
	// StartS is on the clock, from the name of the scenario until the actors await their
	// first step.
	StartS     float64 `json:"start_s"`
	Digest     string  `json:"digest"`
	DigestFlat string  `json:"digest_flat"`

	Residual      int64       `json:"balance_residual_mj"` // 0, or there would be no row
	Seed          uint64      `json:"seed"`
	StepS         int64       `json:"step_s"`
	Passes        int         `json:"passes"` // times the run was made, from its start
	Rounds        int         `json:"rounds"` // in turns, each of some steps
	Quartiles     *[2]float64 `json:"actor_over_flat_quartiles"`
	NsWall        float64     `json:"ns_wall_per_household_step"`      // of the actors, without journal
	FlatNsWall    float64     `json:"flat_ns_wall_per_household_step"` // of the flat loop
	HashNsCPU     float64     `json:"hash_ns_cpu_per_household_step"`
	JournalNsCPU  *float64    `json:"journal_ns_cpu_per_household_step"`  // Badger's threads included; null: off
	JournalNsWall *float64    `json:"journal_ns_wall_per_household_step"` // null: off
	PeakRSSBoth   int64       `json:"peak_rss_bytes_with_flat"`           // until the end, with the flat loop's world
	Start         Start       `json:"start"`
	Memory        Memory      `json:"memory"`
	LoadBefore    *float64    `json:"load_average_before"` // over a minute; null: the system does not tell
	LoadAfter     *float64    `json:"load_average_after"`  // this case itself has one process running
	Machine       Machine     `json:"machine"`
	Commit        string      `json:"commit"` // "" if the program was not built in a checkout
	Time          time.Time   `json:"time"`   // when the case began
}

// Start is the time until the first step by its parts, in seconds: reading the scenario
// with its data and drawing the homes; building twins and rehearsing the day before;
// starting actors.
type Start struct {
	ScenarioS float64 `json:"scenario_s"`
	TwinsS    float64 `json:"twins_s"`
	ActorsS   float64 `json:"actors_s"`
	CPUS      float64 `json:"cpu_s"` // of all three
}

// Memory is the heap by its parts, in bytes per household.
type Memory struct {
	Scenario float64 `json:"scenario"` // entries of the scenario, kept for --set, events and the API
	Twins    float64 `json:"twins"`    // rows, slots, paths, records, and what the grid has for all
	Actors   float64 `json:"actors"`   // mailboxes, addresses, contexts
	Stepped  float64 `json:"stepped"`  // all of them after the last step, with buffers that have grown
	// Computed is Twins as it follows from the layout: the widths of rows and slots times
	// their number, kind by kind. Share is Computed over Twins.
	Computed float64               `json:"computed"`
	Share    float64               `json:"computed_share"`
	Kinds    map[string]KindMemory `json:"kinds"` // of Computed, by name of the kind
}

// KindMemory is what the twins of a kind take.
type KindMemory struct {
	Members      int64   `json:"members"`
	PerMember    float64 `json:"bytes_per_member"`
	PerHousehold float64 `json:"bytes_per_household"`
}

// round is the same steps of both sides.
type round struct {
	flat, actors   usage
	householdSteps float64
}

// measured is what the passes of a case have shown.
type measured struct {
	rounds  []round
	hash    usage
	journal usage
	total   float64 // household-steps of all passes, those of warming up included

	// Of the first pass:
	start        [3]usage // scenario, twins, actors
	heaps        heaps
	layout       layout
	peak         int64 // before the flat loop's world is built
	peakBoth     int64
	members      int64
	messages     int64
	digests      [2]sim.Hash // actors, flat loop
	stepS        twins.Seconds
	seed         uint64
	loads        [2]*float64
	began        time.Time
	measuredOnce bool
}

// heaps are sizes of the heap after a collection, each less the heap before the case.
type heaps struct {
	started  int64 // scenario, twins and actors
	twins    int64 // another set of twins
	stepped  int64 // as started, after the last step
	scenario int64
}

func (m *measured) row(o Options, c Case) *Row {
	of := func(value func(round) float64) []float64 {
		all := make([]float64, len(m.rounds))
		for i, r := range m.rounds {
			all[i] = value(r)
		}
		return all
	}
	cpu := median(of(func(r round) float64 { return per(r.actors.cpu, r.householdSteps) }))
	wall := median(of(func(r round) float64 { return per(r.actors.wall, r.householdSteps) }))
	homes := float64(c.Households)
	r := &Row{
		Households: int64(c.Households), Members: m.members, Steps: int64(c.Steps), Hosting: string(c.Hosting), Threads: c.Threads, Journal: onOff(c.Journal),
		NsCPU: cpu, NsWall: wall,
		FlatNsCPU:         median(of(func(r round) float64 { return per(r.flat.cpu, r.householdSteps) })),
		FlatNsWall:        median(of(func(r round) float64 { return per(r.flat.wall, r.householdSteps) })),
		MessagesHandled:   m.messages,
		BytesPerHousehold: float64(m.heaps.started) / homes,
		PeakRSSBytes:      m.peak,
		Digest:            m.digests[0].String(), DigestFlat: m.digests[1].String(),
		Seed: m.seed, StepS: int64(m.stepS), Passes: c.passes(), Rounds: len(m.rounds),
		HashNsCPU:   per(m.hash.cpu, m.total),
		PeakRSSBoth: m.peakBoth,
		Memory: Memory{
			Scenario: float64(m.heaps.scenario) / homes,
			Twins:    float64(m.heaps.twins) / homes,
			Actors:   float64(m.heaps.started-m.heaps.twins-m.heaps.scenario) / homes,
			Stepped:  float64(m.heaps.stepped) / homes,
			Computed: float64(m.layout.bytes()) / homes,
			Share:    float64(m.layout.bytes()) / float64(max(1, m.heaps.twins)),
			Kinds:    m.layout.kinds(homes),
		},
		LoadBefore: m.loads[0], LoadAfter: m.loads[1],
		Machine: thisMachine(), Commit: o.Commit, Time: m.began,
	}
	for i, part := range []*float64{&r.Start.ScenarioS, &r.Start.TwinsS, &r.Start.ActorsS} {
		*part = m.start[i].wall.Seconds()
		r.StartS += *part
		r.Start.CPUS += m.start[i].cpu.Seconds()
	}
	if ratios := m.ratios(); len(ratios) > 0 {
		r.ActorOverFlat = new(median(ratios))
		r.Quartiles = &[2]float64{quantile(ratios, 0.25), quantile(ratios, 0.75)}
	}
	if c.Journal {
		r.JournalNsCPU, r.JournalNsWall = new(per(m.journal.cpu, m.total)), new(per(m.journal.wall, m.total))
		r.NsCPU += *r.JournalNsCPU
		wall += *r.JournalNsWall
	}
	r.HouseholdStepsPerS = 1e9 / max(wall, math.SmallestNonzeroFloat32)
	return r
}

// ratios returns the actors' processor time over the flat loop's, of each round that the
// system's clock can tell from nothing.
func (m *measured) ratios() (all []float64) {
	for _, r := range m.rounds {
		if r.flat.cpu > 0 {
			all = append(all, float64(r.actors.cpu)/float64(r.flat.cpu))
		}
	}
	return all
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value below which the share q of the values lies, 0 ≤ q ≤ 1,
// interpolated between neighbours; 0 without values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(int64(n)) + " " + noun + "s"
}

// grouped writes n with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesText writes a number of bytes in GB, MB or kB.
func bytesText(b float64) string {
	units := []struct {
		of   float64
		name string
	}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}}
	for _, u := range units {
		if b >= u.of {
			return fmt.Sprintf("%.3g %s", b/u.of, u.name)
		}
	}
	return fmt.Sprintf("%.3g kB", b/1e3)
}
