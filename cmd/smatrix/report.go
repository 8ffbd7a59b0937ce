package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smatrix-grid/smatrix/sim/inputs"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/sim/views"
	"github.com/smatrix-grid/smatrix/twins"
)

// reportWidth is the greatest width of the report, in columns of a terminal.
const reportWidth = 80

// reportText returns the report for people, of the steps from from on.
func reportText(r *views.Report, s *views.Summary, source *scenario.Scenario, from twins.Tick, colour bool) string {
	cal := source.Calendar
	if from > 0 {
		cal = inputs.NewCalendar(cal.Time(from), cal.Step, cal.Steps-from)
	}
	t := &text{calendar: cal, from: from, colour: colour, part: r.Steps < int64(source.Calendar.Steps)}
	t.title(r)
	t.row("members", membersText(r.Members))
	if prepared := membersText(r.Prepared); prepared != "" {
		t.row("prepared", prepared+" that could be put in")
	}
	t.energies(r)
	t.ratios(r)
	t.carbon(r)
	t.state(r)
	if r.Steps > 0 {
		t.WriteString("\n" + plot(s, cal, colour))
	}
	t.last(r)
	return t.String()
}

// text builds a report.
type text struct {
	strings.Builder
	calendar *inputs.Calendar // begins with step from
	from     twins.Tick
	colour   bool
	part     bool // the steps are not all of the scenario
}

// SGR codes of terminals.
const (
	bold  = "1"
	alarm = "1;31"
)

func (t *text) in(code, s string) string {
	if !t.colour {
		return s
	}
	return "\033[" + code + "m" + s + "\033[0m"
}

// row writes a label and its value, which is broken at commas if it is long.
func (t *text) row(label, value string) { t.labelled(bold, label, value) }

// warn is row in the colour of a warning.
func (t *text) warn(label, value string) { t.labelled(alarm, label, value) }

const labelWidth = 18

func (t *text) labelled(code, label, value string) {
	pad := strings.Repeat(" ", max(1, labelWidth-len(label)))
	t.WriteString(t.in(code, label) + pad)
	indent := strings.Repeat(" ", labelWidth)
	t.WriteString(strings.Join(broken(value, reportWidth-labelWidth), "\n"+indent) + "\n")
}

// broken breaks a list at its commas into lines of a width at most, if it can.
func broken(list string, width int) []string {
	lines := []string{""}
	for _, part := range strings.SplitAfter(list, ", ") {
		last := len(lines) - 1
		if n := len([]rune(lines[last])); n > 0 && n+len([]rune(strings.TrimSpace(part))) > width {
			lines[last] = strings.TrimSpace(lines[last])
			lines = append(lines, part)
			continue
		}
		lines[last] += part
	}
	return lines
}

func (t *text) title(r *views.Report) {
	t.row(printableLine(r.Scenario), t.period(twins.Tick(r.Steps)))
	t.row("", fmt.Sprintf("%s of %s, seed %d, %s hosting", counted(r.Steps, "step", "steps"), span(r.StepS), r.Seed, r.Hosting))
	if r.Interrupted {
		t.warn("", (&interruptedError{r.Steps, int64(t.calendar.Steps)}).Error())
	}
	if r.Run != nil {
		t.row("", "kept in "+printableLine(*r.Run))
	}
}

// period returns the start and the end, without repeating the date.
func (t *text) period(steps twins.Tick) string {
	from, to := t.calendar.Time(0), t.calendar.Time(steps)
	layout := "Mon 2 Jan " + t.clock()
	switch {
	case from.Year() != to.Year():
		layout = "Mon 2 Jan 2006 " + t.clock()
	case from.YearDay() == to.YearDay():
		layout = t.clock()
	}
	return fmt.Sprintf("%s to %s, %s", from.Format("Mon 2 Jan 2006 "+t.clock()), to.Format(layout), from.Location())
}

// clock returns the layout of a time of day, with seconds if steps need them.
func (t *text) clock() string {
	if t.calendar.Step%60 != 0 {
		return "15:04:05"
	}
	return "15:04"
}

// when returns a step's local time, with its day if the run has several.
func (t *text) when(step int64) string {
	layout := t.clock()
	if t.calendar.Days() > 1 {
		layout = "Mon 2 Jan " + layout
	}
	return t.calendar.Time(twins.Tick(step) - t.from).Format(layout)
}

// membersText counts members by kind, consumers first.
func membersText(members map[string]int) string {
	kinds := twins.Kinds()
	slices.SortStableFunc(kinds, func(a, b *twins.Kind) int { return cmp.Compare(a.Role, b.Role) })
	var counts []string
	for _, k := range kinds {
		if n := members[k.Name]; n > 0 {
			counts = append(counts, counted(int64(n), words(k.Name), words(k.Plural)))
		}
	}
	return strings.Join(counts, ", ")
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func (t *text) energies(r *views.Report) {
	e := &r.Energy
	t.row("consumed", energy(e.Consumed))
	if e.Driven != 0 {
		t.row("driven", energy(e.Driven)+" by vehicles, out of their batteries")
	}
	t.row("produced", energy(e.Produced)+producedBy(r))
	t.row("imported", energy(e.Imported))
	for _, line := range []struct {
		label string
		wh    float64
	}{
		{"exported", e.Exported}, {"charged", e.Charged}, {"discharged", e.Discharged},
	} {
		if line.wh != 0 {
			t.row(line.label, energy(line.wh))
		}
	}
	t.stored(e)
	if e.Lost != 0 {
		t.row("lost in cables", energy(e.Lost))
	}
	if e.Relief != 0 || e.Kinetic != 0 {
		t.row("by frequency", fmt.Sprintf("%s of load relieved, %s gained by rotating masses", signed(e.Relief), signed(e.Kinetic)))
	}
	if e.Curtailed != 0 {
		t.row("curtailed", energy(e.Curtailed))
	}
	t.shifted(e)
	t.service(r)
	if r.Steps > 0 {
		t.row("peak", fmt.Sprintf("%s of consumption + charging at %s, step %d", power(r.PeakW), t.when(r.PeakStep), r.PeakStep))
	}
	if r.LimitBreachSteps > 0 {
		t.warn("above a limit", breachText(r))
	}
}

// stored writes by how much batteries and vehicles held more at the end than at the start.
func (t *text) stored(e *views.EnergyReport) {
	if e.StoredBatteries != 0 || e.StoredVehicles != 0 {
		t.row("stored at the end", fmt.Sprintf("%s in batteries, %s in vehicles, against the start", signed(e.StoredBatteries), signed(e.StoredVehicles)))
	}
}

// shifted writes what has become of load that was moved to later.
func (t *text) shifted(e *views.EnergyReport) {
	if e.Shifted == 0 && (e.CaughtUp == nil || *e.CaughtUp == 0) {
		return
	}
	of := "what has become of it is not known"
	if e.CaughtUp != nil {
		of = fmt.Sprintf("%s of it caught up, %s still to be drawn", energy(*e.CaughtUp), energy(*e.StillShifted))
		if *e.GivenUp != 0 {
			of += fmt.Sprintf(", %s not wanted any more", energy(*e.GivenUp))
		}
	}
	t.row("shifted", energy(e.Shifted)+" to later by agreement, "+of)
}

// signed formats a change of energy with its sign.
func signed(wh float64) string {
	if wh > 0 {
		return "+" + energy(wh)
	}
	return energy(wh)
}

// breachText says how often communities were above their limits.
func breachText(r *views.Report) string {
	return fmt.Sprintf("%s: %s, %s", counted(r.LimitBreachSteps, "community-step", "community-steps"),
		counted(r.Breached.Communities, "community", "communities"), counted(r.Breached.Steps, "step", "steps"))
}

// service writes the unserved energy, then the interruptions of an average customer, then
// how evenly the cuts of essential load were spread over the customers cut.
func (t *text) service(r *views.Report) {
	if r.Energy.Unserved != 0 {
		t.warn("unserved", fmt.Sprintf("%s, of it essential %s", energy(r.Energy.Unserved), energy(r.Energy.UnservedEssential)))
	}
	if w := r.Energy.Waiting; w != nil && *w != 0 {
		t.warn("waiting", energy(*w)+" missing for deadlines after the end")
	}
	if c := &r.Comfort; c.RoomsKh != nil && (*c.RoomsKh != 0 || *c.TanksKh != 0) {
		t.warn("too cold", fmt.Sprintf("rooms %.1f K·h, hot water %.1f K·h below their bands", *c.RoomsKh, *c.TanksKh))
	}
	t.rows(serviceRows(r))
}

// reportRow is a row of the report that the text and the page share. bad is to be shown as a warning.
type reportRow struct {
	label, value string
	bad          bool
}

func (t *text) rows(all []reportRow) {
	for _, row := range all {
		if row.bad {
			t.warn(row.label, row.value)
		} else {
			t.row(row.label, row.value)
		}
	}
}

// serviceRows are the interruptions of an average customer, and how evenly the cuts of essential load were spread
// over the customers cut.
func serviceRows(r *views.Report) (rows []reportRow) {
	if s := &r.Reliability; s.SAIFI != 0 {
		value := fmt.Sprintf("SAIFI %s, SAIDI %s min per customer", threeDigits(s.SAIFI), threeDigits(s.SAIDIMin))
		if s.CAIDIMin != nil {
			value += fmt.Sprintf(", CAIDI %s min per interruption", threeDigits(*s.CAIDIMin))
		}
		rows = append(rows, reportRow{"interruptions", value, true})
	}
	if f := r.Fairness; f != nil {
		rows = append(rows, reportRow{"served short", fmt.Sprintf("%s, Jain's index %.3f, greatest ÷ mean %.2f",
			counted(f.ServedShort, "customer", "customers"), f.Jain, f.MaxOverMean), false})
	}
	return rows
}

// operationRows are the range of the frequency where the grid was an island, and the errors
// of the forecasts.
func operationRows(r *views.Report) (rows []reportRow) {
	add := func(bad bool, label, value string) { rows = append(rows, reportRow{label, value, bad}) }
	if f := r.Frequency; f != nil && f.IslandSteps > 0 {
		s := fmt.Sprintf("%.3f to %.3f Hz as an island", *f.Min, *f.Max)
		if f.IslandSteps < r.Steps {
			s += fmt.Sprintf(" (%s)", counted(f.IslandSteps, "step", "steps"))
		}
		add(false, "frequency", s)
	} else if f != nil && f.HeldSteps > 0 && r.Members[twins.Producer.Name] > 0 {
		s := "held by the neighbour over the tie"
		if f.HeldSteps < r.Steps {
			s += fmt.Sprintf(" (%s), unknown in the others", counted(f.HeldSteps, "step", "steps"))
		}
		add(false, "frequency", s)
	}
	if f := r.Frequency; f != nil && f.UFLSStages > 0 {
		add(true, "relays shed", counted(f.UFLSStages, "stage", "stages"))
	}
	if f := r.Frequency; f != nil && f.BlackSteps > 0 {
		add(true, "blackout", counted(f.BlackSteps, "step", "steps"))
	}
	if f := r.Forecast; f != nil {
		add(false, "forecast", fmt.Sprintf("off by %.1f %% of the load an hour ahead, %.1f %% a day ahead (rms)", 100*f.HourAhead, 100*f.DayAhead))
	}
	return rows
}

// producedBy writes the production by source.
func producedBy(r *views.Report) string {
	var parts []string
	for _, k := range twins.Kinds() {
		if wh := r.ProducedBy[k.Name]; wh != 0 {
			from := words(k.Plural)
			if k.Role == twins.RoleLoad {
				from = "roofs"
			}
			parts = append(parts, from+" "+energy(wh))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", of it " + strings.Join(parts, ", ")
}

// carbon writes the emission of what was imported, where the neighbour's mix is known.
func (t *text) carbon(r *views.Report) {
	if r.CO2G != nil {
		t.row("CO2 of import", quantity(*r.CO2G, "g"))
	}
}

func (t *text) ratios(r *views.Report) {
	e := &r.Energy
	sufficiency, own := percent(r.SelfSufficiency, e.Consumed, "nothing was consumed"), percent(r.SelfConsumption, e.Produced, "nothing was produced")
	if r.SelfSufficiency != nil {
		sufficiency += fmt.Sprintf(": %s of own production, of %s consumed and driven", energy(e.OwnUsed), energy(e.Consumed+e.Driven))
	}
	if r.SelfConsumption != nil {
		own += fmt.Sprintf(": %s used, %s exported, %s lost in storage", energy(e.OwnUsed), energy(e.OwnExported), energy(e.OwnLost))
	}
	t.row("self-sufficiency", sufficiency)
	t.row("self-consumption", own)
	switch shares := sharesText(r); {
	case shares == nil:
	case originUnknown(r):
		t.row("renewable", "unknown, as is the origin of all consumption")
	default:
		text := fmt.Sprintf("%s, not renewable %s, unknown %s", shares[0], shares[1], shares[2])
		if e.HeldBeforeUsed != 0 {
			text += fmt.Sprintf(", of it %s held by storage before the run", energy(e.HeldBeforeUsed))
		}
		t.row("renewable", text)
	}
}

// originUnknown reports whether nothing is known of where consumption came from: its renewable share is
// unknown then, and not 0.
func originUnknown(r *views.Report) bool { return r.UnknownShare != nil && *r.UnknownShare > 0.9995 }

// sharesText returns the three shares of consumption by source with their energies; the shares add up to
// 100 %. nil: nothing was consumed.
func sharesText(r *views.Report) (texts []string) {
	if r.RenewableShare == nil {
		return nil
	}
	e := &r.Energy
	wh := []float64{e.RenewableUsed, e.NonRenewableUsed, e.UnknownUsed}
	for i, share := range views.SumToHundred(*r.RenewableShare, *r.NonRenewableShare, *r.UnknownShare) {
		texts = append(texts, fmt.Sprintf("%.1f %% (%s)", share, energy(wh[i])))
	}
	return texts
}

// ratiosHelp has the definitions of the ratios, in lines for a terminal.
func ratiosHelp() string {
	var lines []string
	for _, k := range views.RatioKinds {
		lines = append(lines, wrapped(fmt.Sprintf("%s: %s. In energy_wh of JSON: %s.", k.Label, k.Definition, k.Formula()), helpWidth))
	}
	return strings.Join(lines, "\n")
}

// helpWidth is the greatest width of a line of help that is not written by hand.
const helpWidth = 84

// wrapped breaks a text at blanks into lines of a width at most.
func wrapped(text string, width int) string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= width:
			*last += " " + word
		default:
			lines = append(lines, "  "+word)
		}
	}
	return strings.Join(lines, "\n")
}

// percent formats a ratio, or says why there is none.
func percent(ratio *float64, of float64, without string) string {
	switch {
	case ratio != nil:
		return fmt.Sprintf("%.1f %%", 100**ratio)
	case of == 0:
		return "— (" + without + ")"
	}
	return "—"
}

// vehicleRows is how many departures of vehicles were ready; empty without vehicles.
func vehicleRows(r *views.Report) (rows []reportRow) {
	if v := r.Vehicles; r.Members[twins.Vehicle.Name] > 0 {
		s := fmt.Sprintf("%s, %s ready", counted(v.Departures, "departure", "departures"), grouped(v.Ready))
		if v.NoTrip > 0 {
			s += fmt.Sprintf(" (%s without a trip to come, which needs nothing)", grouped(v.NoTrip))
		}
		if v.Impossible > 0 {
			s += fmt.Sprintf(", %s impossible, as told at plug-in", grouped(v.Impossible))
		}
		rows = append(rows, reportRow{"vehicles", s, false})
	}
	return rows
}

// state writes the lines that show whether the run was sound.
func (t *text) state(r *views.Report) {
	t.rows(vehicleRows(r))
	t.rows(operationRows(r))
	residual := fmt.Sprintf("residual %d mJ", r.BalanceResidualMJ)
	if r.BalanceResidualMJ == 0 {
		t.row("balance", residual)
	} else {
		t.warn("balance", residual)
	}
	if n := len(r.Warnings); n > 0 {
		t.warn("doubtful", counted(int64(n), "warning", "warnings")+" about scenario and data")
	}
	if len(r.Quarantined) > 0 {
		t.warn("quarantined", printableLine(strings.Join(r.Quarantined, ", ")))
	}
	if every := r.RecordedEveryS; every != nil && *every > r.StepS {
		t.row("recorded", "every "+span(*every)+": steps of "+span(r.StepS)+" know no more than that")
	}
	if r.FilledValues > 0 {
		lack := " that the recordings lack"
		if t.part {
			lack += " for the whole of the scenario's time"
		}
		t.warn("filled values", grouped(int64(r.FilledValues))+lack)
	}
}

// shownDigest is the number of digits of the digest shown to people.
const shownDigest = 16

func (t *text) last(r *views.Report) {
	speed := grouped(int64(r.HouseholdStepsPerS)) + " household steps/s"
	if r.HouseholdStepsPerS == 0 && r.WallS > 0 {
		speed = grouped(int64(float64(r.Steps)/r.WallS)) + " steps/s"
	}
	fmt.Fprintf(t, "\ndigest %.*s  %s  %s  %s\n", shownDigest, r.Digest, speed,
		counted(r.MessagesHandled, "message", "messages"), time.Duration(r.WallS*float64(time.Second)).Round(time.Millisecond))
}

// firstLine returns the first line of a text.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
