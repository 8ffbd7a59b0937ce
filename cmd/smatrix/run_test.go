package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/smatrix-grid/smatrix/persistence"
	"github.com/smatrix-grid/smatrix/sim/views"
)

// smatrix runs the program in this process.
func smatrix(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = run(args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// table reads a CSV with a header.
func table(t *testing.T, r io.Reader) (head map[string]int, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head = map[string]int{}
	for i, name := range all[0] {
		head[name] = i
	}
	return head, all[1:]
}

func number(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return r
}

// Each home of the street draws over the day exactly what its column of the recording
// has, and the grid's rows are the sums of the members'.
func TestStreetDrawsWhatWasRecorded(t *testing.T) {
	recorded := recordedSums(t)
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := smatrix(t, "run", "street", "--out", dir, "--csv", "--quiet"); code != 0 {
		t.Fatal(stderr)
	}
	f, err := os.Open(filepath.Join(dir, "readings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head, rows := table(t, f)
	if want := 1440 * 56; len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	exact := regexp.MustCompile(`^-?[0-9]+\.[0-9]{3}$`)
	sums, bySteps := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, row := range rows {
		power := row[head["power_w"]]
		if !exact.MatchString(power) {
			t.Fatalf("%q is not W with three decimals", power)
		}
		step, home := row[head["step"]], strings.TrimPrefix(row[head["member"]], "grid/street/household-")
		if row[head["kind"]] != "household" {
			if want := number(t, power); want.Add(want, bySteps[step]).Sign() != 0 {
				t.Fatalf("step %s: homes and tie differ by %s W", step, want.RatString())
			}
			continue
		}
		add(sums, home, number(t, power))
		add(bySteps, step, number(t, power))
	}
	if len(recorded) != 55 || len(sums) != 55 {
		t.Fatalf("%d columns, %d homes, want 55", len(recorded), len(sums))
	}
	for column, kW := range recorded {
		if want := new(big.Rat).Mul(kW, big.NewRat(1000, 1)); sums[column] == nil || sums[column].Cmp(want) != 0 {
			t.Errorf("home %s: %v W-steps, recorded %s", column, sums[column], want.FloatString(3))
		}
	}
}

func add(sums map[string]*big.Rat, key string, x *big.Rat) {
	if sums[key] == nil {
		sums[key] = new(big.Rat)
	}
	sums[key].Add(sums[key], x)
}

// recordedSums returns the sums of the columns of the street's recording, by number.
func recordedSums(t *testing.T) map[string]*big.Rat {
	t.Helper()
	f, err := os.Open(filepath.FromSlash("../../sim/scenarios/street/load_profiles_1min.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	head, rows := table(t, unpacked)
	sums := map[string]*big.Rat{}
	for name, i := range head {
		column, ok := strings.CutPrefix(name, "Shape_")
		if !ok {
			continue
		}
		sums[column] = new(big.Rat)
		for _, row := range rows {
			sums[column].Add(sums[column], number(t, row[i]))
		}
	}
	return sums
}

// masked replaces figures that depend on the machine.
var masked = regexp.MustCompile(`[0-9,]+ household steps/s  [0-9,]+ messages  [0-9.]+m?s`)

// The report for people equals the one in testdata; -rewrite accepts another.
func TestReportOfHamlet(t *testing.T) {
	code, got, stderr := smatrix(t, "run", "hamlet")
	if code != 0 {
		t.Fatal(stderr)
	}
	got = masked.ReplaceAllString(got, "N household steps/s  N messages  N s")
	golden := filepath.Join("testdata", "hamlet.txt")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s\ngo test ./cmd/smatrix -rewrite accepts it", got, want)
	}
}

// endless is a scenario that can be run for a hundred years.
const endless = `
communities: [{id: road}]
batteries: [{id: battery, community: road, rated_wh: 1000, rated_w: 100}]
ties: [{id: tie, community: road, import_w: 1000, export_w: 0}]
days: 36600
`

// An interrupt ends a run after a whole step: it reports the steps made, and its folder is
// whole.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be sent an interrupt")
	}
	for name, signal := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "endless.yaml"), []byte(endless), 0o666); err != nil {
				t.Fatal(err)
			}
			c := exec.Command(chatty, "run", "endless.yaml", "--out", "run", "--csv")
			c.Dir = root
			stdout, stderr := interrupted(t, c, signal)
			if c.ProcessState.ExitCode() != 130 {
				t.Fatalf("exit code %d, want 130", c.ProcessState.ExitCode())
			}
			dir := filepath.Join(root, "run")
			var run persistence.Run
			var report views.Report
			readJSON(t, filepath.Join(dir, "run.json"), &run)
			readJSON(t, filepath.Join(dir, "report.json"), &report)
			if run.State != persistence.Interrupted || !report.Interrupted || report.Steps == 0 || report.BalanceResidualMJ != 0 {
				t.Errorf("run is %s, report after %d steps: interrupted %t, residual %d mJ",
					run.State, report.Steps, report.Interrupted, report.BalanceResidualMJ)
			}
			want := (&interruptedError{report.Steps, 52_704_000}).Error()
			if !strings.Contains(stdout, want) || !strings.HasSuffix(stderr, "smatrix: "+want+"\n") {
				t.Errorf("want %q in\n%s\nand at the end of\n%s", want, stdout, stderr)
			}
			for file, perStep := range map[string]int64{"grid.csv": 1, "readings.csv": 2} {
				if rows := countRows(t, filepath.Join(dir, file)); rows != report.Steps*perStep {
					t.Errorf("%s has %d rows after %d steps", file, rows, report.Steps)
				}
			}
		})
	}
}

// interrupted runs c, sends it a signal at its first line of progress, and returns its
// output.
func interrupted(t *testing.T, c *exec.Cmd, signal os.Signal) (stdout, last string) {
	t.Helper()
	var out strings.Builder
	c.Stdout = &out
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for first := true; lines.Scan(); first = false {
		if first {
			if err := c.Process.Signal(signal); err != nil {
				t.Error(err)
			}
		}
		last = lines.Text() + "\n"
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) {
		t.Fatalf("got %v, want an exit code", err)
	}
	return out.String(), last
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func countRows(t *testing.T, file string) int64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, rows := table(t, f)
	return int64(len(rows))
}

// fullDisk is a writer that fails.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A failed write to stdout is a failure of every command.
func TestStdoutThatFails(t *testing.T) {
	for _, args := range []string{
		"run hamlet", "run hamlet --json", "scenario list", "scenario show hamlet", "scenario show hamlet --resolved",
		"scenario schema", "scenario validate hamlet", "version", "version --json",
	} {
		var stderr strings.Builder
		code := run(strings.Fields(args), strings.NewReader(""), fullDisk{}, &stderr)
		if code != exitFailed || !strings.HasPrefix(stderr.String(), "smatrix: ") {
			t.Errorf("%s: exit code %d, %q, want 1 and why", args, code, &stderr)
		}
	}
}
