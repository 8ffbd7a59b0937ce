package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// WriteTable writes rows as a table, with the machine above and the meaning of the columns
// below it.
func WriteTable(w io.Writer, rows []*Row) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := io.WriteString(w, heading(rows)+"\n"); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "households\thosting\tthreads\tjournal\tsteps\tper s\tns CPU\tflat\t÷ flat\tquartiles\tB/home\tresident\tstart\tload\tdigest\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%.2f s\t%s\t%.8s\t\n",
			grouped(r.Households), r.Hosting, r.Threads, r.Journal, r.Steps, grouped(int64(r.HouseholdStepsPerS)), r.NsCPU, r.FlatNsCPU,
			ratioText(r.ActorOverFlat), quartilesText(r.Quartiles), grouped(int64(r.BytesPerHousehold)), bytesText(float64(r.PeakRSSBytes)),
			r.StartS, loadText(r.LoadBefore), r.Digest)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, legend)
	return err
}

// legend says what the columns are, in lines of at most 88 characters.
const legend = `
per s: household-steps per second on the clock, with the journal where it is on. ns CPU:
processor time of the actors' steps per household-step, of all threads; with the journal
where it is on. flat: the same of a plain loop over the same twins, in the same process,
in turns; no journal. ÷ flat: the ratio, without journal, median of the rounds.
B/home: heap per household once the actors have started. resident: greatest resident
memory until the actors have warmed up. start: from the name of the scenario to the first
step. load: load average of the machine before; figures count below 0.3.
`

// heading names the machine, the program and the time.
func heading(rows []*Row) string {
	m, first := rows[0].Machine, rows[0]
	parts := []string{m.OS + "/" + m.Arch, m.Processor, counted(m.Cores, "core"), bytesText(float64(m.MemoryBytes)), m.Go}
	if first.Commit != "" {
		parts = append(parts, fmt.Sprintf("commit %.12s", first.Commit)+strings.TrimPrefix(first.Commit, fmt.Sprintf("%.40s", first.Commit)))
	}
	parts = append(parts, first.Time.Format("2006-01-02 15:04 MST"))
	text, line := "", ""
	for _, p := range parts {
		switch {
		case p == "":
		case line == "":
			line = p
		case utf8.RuneCountInString(line)+utf8.RuneCountInString(p) > 86:
			text, line = text+line+",\n", p
		default:
			line += ", " + p
		}
	}
	return text + line + "\n"
}

func ratioText(r *float64) string {
	if r == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *r)
}

func quartilesText(q *[2]float64) string {
	if q == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f–%.2f", q[0], q[1])
}

func loadText(l *float64) string {
	if l == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *l)
}
