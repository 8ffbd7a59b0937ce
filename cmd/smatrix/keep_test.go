package main

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/smatrix-grid/smatrix/sim/views"
)

// wants runs smatrix, which must exit with 0.
func wants(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := smatrix(t, args...)
	if code != 0 {
		t.Fatalf("smatrix %s: exit code %d, %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// A Parquet file has the rows of the CSV, to the milliwatt.
func TestParquetIsTheCSV(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "run", "town", "--steps", "20", "--out", at("run"), "--csv", "--quiet")
	wants(t, "export", at("run"), "--format", "parquet", "--out", at("tables"))
	for _, name := range []string{"readings", "grid"} {
		f, err := os.Open(at("run/" + name + ".csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		rows := parquetRows(t, at("tables/"+name+".parquet"))
		if len(rows) != len(want)-1 || len(rows) == 0 {
			t.Fatalf("%s: %d rows, wanted %d", name, len(rows), len(want)-1)
		}
		for i, row := range rows {
			for k, column := range want[0] {
				if got := textOf(t, column, row[column], want[i+1][k]); got != want[i+1][k] {
					t.Fatalf("%s row %d: %s is %q, wanted %q", name, i, column, got, want[i+1][k])
				}
			}
		}
	}
}

func parquetRows(t *testing.T, name string) (rows []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	columns := file.Schema().Columns()
	for _, group := range file.RowGroups() {
		r := group.Rows()
		buf := make([]parquet.Row, 64)
		for {
			n, err := r.ReadRows(buf)
			for _, row := range buf[:n] {
				m := map[string]any{}
				for _, v := range row {
					name := columns[v.Column()][0]
					switch {
					case v.IsNull():
					case v.Kind() == parquet.Double:
						m[name] = v.Double()
					case v.Kind() == parquet.Int64:
						m[name] = v.Int64()
					default:
						m[name] = string(v.ByteArray())
					}
				}
				rows = append(rows, m)
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// textOf formats a value as the CSV does, with as many decimals.
func textOf(t *testing.T, column string, v any, like string) string {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		if column != "time" {
			return strconv.FormatInt(v, 10)
		}
		at, err := time.Parse(time.RFC3339, like)
		if err != nil {
			t.Fatal(err)
		}
		return time.UnixMilli(v).In(at.Location()).Format(time.RFC3339)
	case float64:
		_, decimals, _ := strings.Cut(like, ".")
		return strconv.FormatFloat(v, 'f', len(decimals), 64)
	}
	return fmt.Sprint(v)
}

// A net meter is below 0 while the roof feeds in, and so is the home's twin: residual 0.
func TestResidualsOfANetMeter(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	parts, net := "time,home,pv\n", "time,m\n"
	for h := range 24 {
		pv, meter := 0, 1000
		if h >= 8 && h < 16 {
			pv, meter = 4, -3000
		}
		parts += fmt.Sprintf("2018-01-08T%02d:00,1,%d\n", h, pv)
		net += fmt.Sprintf("2018-01-08T%02d:00,%d\n", h, meter)
	}
	for name, text := range map[string]string{"m.csv": parts, "net.csv": net, "s.yaml": `start: 2018-01-08
step_s: 3600
recordings: [{id: homes, file: m.csv, unit: kW}]
communities: [{id: street}, {id: supply}]
households: [{id: h1, community: street, load: {recording: homes, column: home}, pv: {recording: homes, column: pv}}]
ties: [{id: tie, community: supply, import_w: 1000000, export_w: 1000000}]
`} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	german := strings.NewReplacer(",1000", ";1.000,0", ",-3000", ";-3.000,0", "time,m", "Zeit;m").Replace(net)
	if err := os.WriteFile(at("german.csv"), []byte(german), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, "run", at("s.yaml"), "--out", at("run"), "--quiet")
	for _, flags := range [][]string{{"--recording", at("net.csv")}, {"--recording", at("german.csv"), "--time", "Zeit", "--format", "{decimal: comma, thousands: point}"}} {
		var all []views.Residual
		if err := json.Unmarshal([]byte(wants(t, append([]string{"residuals", at("run"), "--column", "h1=m", "--unit", "W", "--json"}, flags...)...)), &all); err != nil {
			t.Fatal(err)
		}
		if len(all) != 1 || all[0].Steps != 24 || all[0].BiasW != 0 || all[0].RMSEW != 0 || all[0].WorstW != 0 || all[0].BandW != 150 {
			t.Errorf("%v: %+v, wanted residuals of 0 and a band of 5 %% of 3000 W", flags, all)
		}
	}
}

// Counters are compared as energies of intervals are, alone and as the two registers of a meter; a
// register that is not subtracted, and a counter that is read as energies, are flagged.
func TestResidualsOfRegisters(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	parts, counts, wide, long := "time,home,pv\n", "time,in h1,out h1,in h2\n", "time,in h1,out h1\n", "time,meter,kWh\n"
	in, out := 100.0, 50.0
	for h := range 25 {
		pv, drawn, fed := 0, 1, 0
		if h >= 8 && h < 16 {
			pv, drawn, fed = 4, 0, 3
		}
		stamp := fmt.Sprintf("2018-01-%02dT%02d:00", 8+h/24, h%24)
		counts += fmt.Sprintf("%s,%g,%g,%d\n", stamp, in, out, 7000+h)
		in, out = in+float64(drawn), out+float64(fed)
		if h < 24 {
			parts += fmt.Sprintf("%s,1,%d\n", stamp, pv)
			wide += fmt.Sprintf("%s,%d,%d\n", stamp, drawn, fed)
			long += fmt.Sprintf("%s,in h1,%d\n%s,out h1,%d\n", stamp, drawn, stamp, fed)
		}
	}
	rows := strings.SplitAfter(strings.TrimPrefix(counts, "time,in h1,out h1,in h2\n"), "\n")
	slices.Reverse(rows)
	for name, text := range map[string]string{"m.csv": parts, "counts.csv": counts, "wide.csv": wide, "long.csv": long,
		"newest.csv": "time,in h1,out h1,in h2\n" + strings.Join(rows, ""), "s.yaml": `start: 2018-01-08
step_s: 3600
recordings: [{id: homes, file: m.csv, unit: kW}]
communities: [{id: street}, {id: supply}]
households:
  - {id: h1, community: street, load: {recording: homes, column: home}, pv: {recording: homes, column: pv}}
  - {id: h2, community: street, load: {recording: homes, column: home}}
ties: [{id: tie, community: supply, import_w: 1000000, export_w: 1000000}]
`} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "run", at("s.yaml"), "--out", at("run"), "--quiet")
	for _, row := range []struct {
		name, file, format, column, fedIn string
		shown                             []string
		bias                              float64 // W
	}{
		{"one counter", "counts.csv", "{reading: counter}", "h2=in h2", "", []string{"in h2"}, 0},
		{"two counters", "counts.csv", "{reading: counter}", "h1=in h1", "h1=out h1", []string{"in h1 - out h1"}, 0},
		{"several meters", "counts.csv", "{reading: counter}", "h*=in h*", "h1=out h1", []string{"in h1 - out h1", "in h2"}, 0},
		{"the newest reading first", "newest.csv", "{reading: counter, newest_first: true}", "h1=in h1", "h*=out h*", []string{"in h1 - out h1"}, 0},
		{"two registers", "wide.csv", "", "h1=in h1", "h1=out h1", []string{"in h1 - out h1"}, 0},
		{"two registers in rows", "long.csv", "{meter: meter}", "h1=in h1", "h1=out h1", []string{"in h1 - out h1"}, 0},
		{"one of two registers", "wide.csv", "", "h1=in h1", "", []string{"in h1"}, -1000},
	} {
		t.Run(row.name, func(t *testing.T) {
			args := []string{"residuals", at("run"), "--recording", at(row.file), "--column", row.column, "--unit", "kWh", "--json"}
			if row.fedIn != "" {
				args = append(args, "--fed-in", row.fedIn)
			}
			if row.format != "" {
				args = append(args, "--format", row.format)
			}
			var all []views.Residual
			if err := json.Unmarshal([]byte(wants(t, args...)), &all); err != nil {
				t.Fatal(err)
			}
			var shown []string
			for _, r := range all {
				if shown = append(shown, r.Column); r.Steps != 24 || r.BiasW != row.bias || r.Flagged != (row.bias != 0) {
					t.Errorf("%+v, wanted a bias of %g W", r, row.bias)
				}
			}
			if !slices.Equal(shown, row.shown) {
				t.Errorf("columns %q, wanted %q", shown, row.shown)
			}
		})
	}
	for _, wrong := range [][]string{{"--column", "h1=in h1", "--fed-in", "h2=out h1"}, {"--column", "h1=in h1", "--fed-in", "h1=in h1"},
		{"--column", "h1=in h1", "--column", "h1=in h1"}, {"--column", "h1=in h1", "--fed-in", "h1"}} {
		if got, _, _ := smatrix(t, append([]string{"residuals", at("run"), "--recording", at("wide.csv"), "--unit", "kWh"}, wrong...)...); got != 2 {
			t.Errorf("%v: exit code %d, wanted 2", wrong, got)
		}
	}
}

// Each home of the street draws what its meter has recorded: residual 0. A column moved by
// an hour and a scaled one are flagged, and no other.
func TestResidualsOfTheStreet(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "run", "street", "--out", at("run"), "--quiet")
	head, rows := recordedStreet(t)
	flat := []string{"--column", "household-*=Shape_*", "--unit", "kW", "--stamps", "end", "--json"}
	of := func(name string) map[string]views.Residual {
		f, err := os.Create(at(name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := csv.NewWriter(f)
		if err := errors.Join(w.Write(head), w.WriteAll(rows)); err != nil {
			t.Fatal(err)
		}
		var all []views.Residual
		if err := json.Unmarshal([]byte(wants(t, append([]string{"residuals", at("run"), "--recording", at(name)}, flat...)...)), &all); err != nil {
			t.Fatal(err)
		}
		found := map[string]views.Residual{}
		for _, r := range all {
			found[r.Member] = r
		}
		return found
	}
	found := of("whole.csv")
	if len(found) != 55 {
		t.Fatalf("%d meters", len(found))
	}
	for path, r := range found {
		if r.Steps != 1440 || r.BiasW != 0 || r.RMSEW != 0 || r.WorstW != 0 || r.OutsideShare != 0 || r.Flagged || r.BandW <= 0 {
			t.Errorf("%s: %+v, wanted residuals of 0", path, r)
		}
	}
	column := func(name string) int {
		for i, h := range head {
			if h == name {
				return i
			}
		}
		t.Fatal("no column " + name)
		return 0
	}
	moved, scaled := column("Shape_7"), column("Shape_9")
	was := make([]string, len(rows))
	mean := 0.0
	for i := range rows {
		was[i] = rows[i][moved]
		kW, err := strconv.ParseFloat(rows[i][scaled], 64)
		if err != nil {
			t.Fatal(err)
		}
		mean += kW * 1000 / float64(len(rows))
		rows[i][scaled] = strconv.FormatFloat(kW*1.2, 'f', 6, 64)
	}
	for i := range rows {
		rows[i][moved] = was[(i+60)%len(was)]
	}
	for path, r := range of("changed.csv") {
		changed := strings.HasSuffix(path, "household-7") || strings.HasSuffix(path, "household-9")
		if r.Flagged != changed || changed == (r.RMSEW == 0) {
			t.Errorf("%s: %+v", path, r)
		}
		if strings.HasSuffix(path, "household-9") && math.Abs(r.BiasW+0.2*mean) > 0.001 {
			t.Errorf("%s scaled by 1.2: bias %g W, wanted %g", path, r.BiasW, -0.2*mean)
		}
		if strings.HasSuffix(path, "household-7") && math.Abs(r.BiasW) > 1e-6 {
			t.Errorf("%s moved round the day: bias %g W, wanted 0", path, r.BiasW)
		}
	}
}

func recordedStreet(t *testing.T) (head []string, rows [][]string) {
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
	all, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

// A flipped byte anywhere in a backup is found, and nothing is restored.
func TestDamagedBackupIsRefused(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "run", "hamlet", "--out", at("run"), "--quiet")
	for _, kind := range []string{".tar.gz", ".tar.zst"} {
		wants(t, "backup", at("run"), at("whole"+kind))
		b, err := os.ReadFile(at("whole" + kind))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			damaged := append([]byte(nil), b...)
			place := (i*2654435761 + 40) % len(b)
			if i%4 == 0 { // cut instead
				damaged = damaged[:place]
			} else {
				damaged[place] ^= 1 << (i % 8)
			}
			name := at("damaged" + kind)
			if err := os.WriteFile(name, damaged, 0o666); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := smatrix(t, "restore", name, at("restored"))
			_, err := os.Stat(at("restored"))
			if code == 0 && err == nil { // a bit without effect, such as the time in gzip's header
				wants(t, "replay", at("restored"), "--verify")
				if err := os.RemoveAll(at("restored")); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if code != exitInvalid || err == nil || !strings.Contains(stderr, "backup is damaged or none") {
				t.Errorf("%s, byte %d: exit code %d, %q; left: %t", kind, place, code, stderr, err == nil)
			}
		}
	}
}

// The page is well formed and self-contained, escapes names, and has each plot's title, description
// and table.
func TestPage(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "scenario", "init", at("mine"))
	source, err := os.ReadFile(at("mine/my-street.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(source), "name: my-street", `name: "<script>alert(1)</script>&\"x\""`, 1)
	if err := os.WriteFile(at("mine/my-street.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	wants(t, "run", at("mine/my-street.yaml"), "--out", at("mine-run"), "--quiet")
	wants(t, "run", "scarcity", "--out", at("scarcity-run"), "--quiet")
	for run, least := range map[string]int{"mine-run": 5, "scarcity-run": 10} {
		wants(t, "report", at(run), "--out", at(run+".html"))
		b, err := os.ReadFile(at(run + ".html"))
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		if found := regexp.MustCompile(`(?i)<script|<link|<img|https?://|url\(|javascript:|ZgotmplZ|NaN|Inf`).FindString(page); found != "" {
			t.Errorf("%s: the page has %q", run, found)
		}
		count := map[string]int{}
		d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", run, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				count[e.Name.Local]++
			}
		}
		if plots := strings.Count(page, `role="img"`); plots < least || count["desc"] != plots || count["details"] != plots || count["table"] != plots+1 {
			t.Errorf("%s: %d plots, %v", run, plots, count)
		}
	}
}

// Costs and CO2 are what a spreadsheet computes from grid.csv, and a household's figures follow from its
// usage and its rows; a fork with more sun costs less.
func TestComparedByHand(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	wants(t, "run", "town", "--out", at("a"), "--csv", "--quiet")
	wants(t, "fork", at("a"), "--at", "08:00", "--set", "households.*.pv.rated_w*=1.3", "--out", at("b"), "--quiet")
	var c views.Comparison
	if err := json.Unmarshal([]byte(wants(t, "compare", at("a"), at("b"), "--json")), &c); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(at("a/grid.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head, rows := table(t, f)
	cost, carbon := 0.0, 0.0
	for _, row := range rows {
		v := func(name string) float64 {
			x, err := strconv.ParseFloat(row[head[name]], 64)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		kWh := (v("imported_w") - v("exported_w")) * 0.25 / 1000
		cost += kWh * v("price_eur_per_kwh")
		carbon += v("imported_w") * 0.25 / 1000 * v("co2_g_per_kwh")
	}
	if cost == 0 || math.Abs(*c.CostEUR.A-cost) > 1e-9*math.Abs(cost) || math.Abs(*c.CO2G.A-carbon) > 1e-9*carbon {
		t.Errorf("cost %g €, carbon %g g; by hand %g and %g", *c.CostEUR.A, *c.CO2G.A, cost, carbon)
	}
	if *c.CostEUR.More >= 0 || *c.CO2G.More >= 0 || c.ChangedHouseholds == 0 || c.ComparedHouseholds != 300 {
		t.Errorf("30 %% more panels: cost %+g €, carbon %+g g, %d of %d households changed", *c.CostEUR.More, *c.CO2G.More, c.ChangedHouseholds, c.ComparedHouseholds)
	}
	for _, h := range c.Households.Gained {
		var u usedJSON
		if err := json.Unmarshal([]byte(wants(t, "usage", at("b"), "--household", h.Household, "--json")), &u); err != nil {
			t.Fatal(err)
		}
		if math.Abs(u.Energy["drawn"]/1000-*h.DrawnKWh.B) > 1e-9 {
			t.Errorf("%s has drawn %g kWh by comparison, %g by usage", h.Household, *h.DrawnKWh.B, u.Energy["drawn"]/1000)
		}
	}
}
