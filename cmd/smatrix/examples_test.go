package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// exampleSetup has what must have been done before the examples of a command: commands that are run
// first, in the same folder.
var exampleSetup = map[string][]string{
	"smatrix run":               {"smatrix scenario init"},
	"smatrix replay":            {firstRun},
	"smatrix runs":              {"mkdir grids", firstRun},
	"smatrix fork":              {firstRun},
	"smatrix compare":           {firstRun, "smatrix fork runs/first --at 14:00 --set 'households.*.pv.rated_w*=1.3' --out runs/more-sun --quiet", "smatrix fork runs/first --at 18:30 --set producers.coal.available=false --out runs/loss --quiet"},
	"smatrix residuals":         {firstRun},
	"smatrix usage":             {firstRun},
	"smatrix rebuild":           {firstRun},
	"smatrix export":            {firstRun},
	"smatrix report":            {firstRun},
	"smatrix backup":            {firstRun},
	"smatrix restore":           {firstRun, "smatrix backup runs/first first.tar.zst"},
	"smatrix scenario validate": {"smatrix scenario init"},
}

const firstRun = "smatrix run town --out runs/first --quiet"

// importedFiles are files that the examples import, and the samples that they are copied from.
var importedFiles = map[string]string{"sessions.csv": "evcc.csv", "usage.csv": "home_assistant.csv"}

// Each example of each --help, and each command of the README, does what it says without an error, in
// the order in which it is written.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute long for the race detector, which finds nothing in other processes")
	}
	meters, registers := metersFile(t), registersFile()
	try := func(name string, lines []string) {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string][]byte{"meters.csv": meters, "registers.csv": registers} {
				if err := os.WriteFile(filepath.Join(dir, file), text, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			accessFiles(t, dir)
			for file, sample := range importedFiles {
				text, err := os.ReadFile("../../sim/importer/testdata/" + sample)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, file), text, 0o666)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range append(exampleSetup[name], lines...) {
				tryExample(t, dir, line)
			}
		})
	}
	found := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		var lines []string
		for line := range strings.SplitSeq(c.Example, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				line, _, _ = strings.Cut(line, "   ") // a remark follows
				lines = append(lines, line)
			}
		}
		if found += len(lines); len(lines) > 0 {
			try(c.CommandPath(), lines)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	if found < 30 {
		t.Errorf("%d examples were found", found)
	}
	try("README", readmeCommands(t))
}

// accessFiles writes the token, the certificate and its key that the examples use.
func accessFiles(t *testing.T, dir string) {
	t.Helper()
	cert, key, _ := certificate(t)
	err := errors.Join(os.Rename(cert, filepath.Join(dir, "cert.pem")), os.Rename(key, filepath.Join(dir, "key.pem")), os.WriteFile(filepath.Join(dir, "token.txt"), []byte(goodToken+"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// readmeCommands returns the lines of README.md that begin with a prompt and smatrix.
func readmeCommands(t *testing.T) (lines []string) {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.SplitSeq(string(b), "\n") {
		line, ok := strings.CutPrefix(line, "$ smatrix")
		line, _, _ = strings.Cut("smatrix"+line, "  ") // a remark follows
		if ok && !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if len(lines) < 20 {
		t.Errorf("%d commands were found", len(lines))
	}
	return lines
}

// metersFile returns a file of recorded meters for each home of the town, for a week: columns house0001
// and meter0001 of household-0001, and so on.
func metersFile(t *testing.T) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString("time")
	for i := range 600 {
		fmt.Fprintf(&b, ",%s%04d", [...]string{"house", "meter"}[i/300], i%300+1)
	}
	for i := range 7 * 96 {
		fmt.Fprintf(&b, "\n2018-01-%02d %02d:%02d%s", 8+i/96, i/4%24, 15*(i%4), strings.Repeat(",0.4", 600))
	}
	return []byte(b.String() + "\n")
}

// registersFile has readings of the counters of the town's first ten homes over its day: of what they drew, a
// tenth of a kWh each quarter of an hour, and of what they fed in, half of that.
func registersFile() []byte {
	var b strings.Builder
	b.WriteString("time")
	for i := range 10 {
		fmt.Fprintf(&b, ",in %04d,out %04d", i+1, i+1)
	}
	for k := range 97 {
		fmt.Fprintf(&b, "\n2018-01-%02d %02d:%02d", 8+k/96, k/4%24, 15*(k%4))
		for range 10 {
			fmt.Fprintf(&b, ",%.2f,%.2f", 1000+0.1*float64(k), 500+0.05*float64(k))
		}
	}
	return []byte(b.String() + "\n")
}

// shown matches the greeting of a server.
var shown = regexp.MustCompile(`at (https?://\S+)`)

// tryExample runs a line in a shell, as a person would type it, and fails unless its exit code is 0. A
// server listens at a free port, and is interrupted when it has greeted. A run that is resumed is one
// that was ended early.
func tryExample(t *testing.T, dir, line string) {
	t.Helper()
	if before, _, ok := strings.Cut(line, "run --resume "); ok {
		line = before + "run --resume early"
		endEarly(t, filepath.Join(dir, "early"), 5)
	}
	serves := strings.Contains(line, " serve") || strings.Contains(line, "--serve")
	switch {
	case serves && strings.Contains(line, ":7070"):
		line = strings.Replace(line, ":7070", ":0", 1)
	case serves:
		line += " --addr 127.0.0.1:0"
	}
	if serves {
		line = "exec " + line // the signal reaches the server, not the shell
	}
	if _, err := exec.LookPath("jq"); err != nil {
		line, _, _ = strings.Cut(line, " | jq ")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	in, printed := bufio.NewReader(out), ""
	if serves {
		if printed, err = in.ReadString('\n'); !shown.MatchString(printed) {
			t.Errorf("%s: it printed %q, wanted its address (%v)", line, printed, err)
		}
		_ = cmd.Process.Signal(os.Interrupt) // fails if it has ended
	}
	_, _ = io.Copy(io.Discard, in) // until it ends
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("$ %s\n%v: %s", line, err, errs.String())
	}
}
