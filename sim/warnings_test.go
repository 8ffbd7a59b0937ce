package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// No shipped scenario has a doubt, whatever days it is run for, nor the template.
func TestShippedScenariosHaveNoDoubts(t *testing.T) {
	dir := t.TempDir()
	for name, content := range scenario.Template() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{filepath.Join(dir, "my-street.yaml")}
	for _, l := range scenario.List() {
		names = append(names, l.Name)
	}
	for _, name := range names {
		set := []string{}
		if name == "city" {
			set = []string{"households=400"} // its data are the same for any number of homes
		}
		s, err := scenario.Load(name, scenario.Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		if w := mustBuild(t, s); len(w.Warnings) > 0 {
			t.Errorf("%s: %v", name, w.Warnings)
		}
	}
}

// addedTo returns the base scenario with more text after its first line.
func addedTo(t testing.TB, more string) string {
	return edited(t, "step_s: 3600\n", "step_s: 3600\n"+more)
}

// Each doubt about a scenario is found, with the line and the path of its entry.
func TestScenarioDoubts(t *testing.T) {
	const pv = "pv: {rated_w: 5000, tilt_deg: 30, azimuth_deg: 180}"
	home := func(has string) string {
		return edited(t, "load: {recording: homes, column: one}", "load: {recording: homes, column: one}\n    "+has)
	}
	event := func(at string) string { return edited(t, `at: "14:00"`, "at: "+at) }
	const farm = "wind_farms:\n  - {id: mill, community: supply, turbine: sd6, hub_height_m: 15}\n"
	park := func(id string) string {
		return "solar_parks:\n  - {id: " + id + ", community: supply, rated_w: 9000, tilt_deg: 30, azimuth_deg: 180}\n"
	}
	for _, row := range []struct{ name, source, want string }{
		{"the base", baseScenario(t), ""},
		// No weather.
		{"panels", home(pv), "no_weather:12 households.h1.pv"},
		{"a heat pump", home("heat_pump: {}"), "no_weather:12 households.h1.heat_pump"},
		{"both", home(pv + "\n    heat_pump: {}"), "no_weather:12 households.h1.pv no_weather:13 households.h1.heat_pump"},
		{"a park", addedTo(t, park("park")), "no_weather:4 solar_parks.park"},
		{"a wind farm", addedTo(t, farm), "no_weather:4 wind_farms.mill"},
		{"a wind farm that is meant to stand still", addedTo(t, "accept: [wind_farms.mill]\n"+farm), ""},
		{"another than the one that is meant to", addedTo(t, "accept: [wind_farms.mil]\n"+farm), "no_weather:5 wind_farms.mill"},
		{"a wind turbine", home("wind_turbine: {turbine: sd6, hub_height_m: 15}"), "no_weather:12 households.h1.wind_turbine"},
		{"two roofs", strings.Replace(home(pv), "pv: {recording: homes, column: sun}", pv, 1), "no_weather:12 households.h1.pv"},
		{"a park that follows a recording", addedTo(t, "solar_parks: [{id: park, community: supply, recording: homes, column: sun}]\n"), ""},
		// Events.
		{"within a step", event(`"14:17"`), "event_in_step:32 events"},
		{"a second after the hour", event(`"14:00:01"`), "event_in_step:32 events"},
		{"with a date", event("2018-01-08T09:30"), "event_in_step:32 events"},
		{"a minute before the first step's end", event(`"00:59"`), "event_in_step:32 events"},
		{"before the last hour", event(`"22:30"`), "event_in_step:32 events"},
		{"within the last hour", event(`"23:30"`), "event_after_end:32 events"},
		{"at the end", event("2018-01-09T00:00"), "event_after_end:32 events"},
		{"the next day", event("2018-01-09T12:00"), "event_after_end:32 events"},
		{"another year", event("2019-01-08T12:00"), "event_after_end:32 events"},
		{"a step after the last", event("24"), "event_after_end:32 events"},
		{"the last step", event("23"), ""},
		{"the last hour", event(`"23:00"`), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := mustBuild(t, mustLoad(t, row.source, scenario.Options{}))
			var got []string
			for _, d := range w.Warnings {
				got = append(got, fmt.Sprintf("%s:%d %s", d.Kind, d.Line, d.Column))
				if d.File != "x.yaml" || d.Text == "" {
					t.Errorf("%+v", d)
				}
			}
			if all := strings.Join(got, " "); all != row.want {
				t.Errorf("got %q, wanted %q: %v", all, row.want, w.Warnings)
			}
		})
	}
}

// A recording of the other hemisphere is doubtful unless its calendar moves it by half a
// year, and one of the same hemisphere if it does.
func TestSeasonDoubts(t *testing.T) {
	const south, north = "2018-07-02", "2018-01-01" // Mondays
	for _, row := range []struct {
		name, zone, of, day string
		doubt               bool
	}{
		{"Sydney in Berlin", "Europe/Berlin", "Australia/Sydney", north, true},
		{"Auckland in London", "Europe/London", "Pacific/Auckland", north, true},
		{"Santiago in New York", "America/New_York", "America/Santiago", north, true},
		{"Denver in Melbourne", "Australia/Melbourne", "America/Denver", north, true},
		{"Brisbane, which has no saving time", "Europe/Paris", "Australia/Brisbane", north, true},
		{"London moved in Berlin", "Europe/Berlin", "Europe/London", south, true},
		{"Sydney moved in Berlin", "Europe/Berlin", "Australia/Sydney", south, false},
		{"London in Berlin", "Europe/Berlin", "Europe/London", north, false},
		{"UTC", "Europe/Berlin", "UTC", north, false},
		{"Singapore, which has no winter", "Europe/Berlin", "Asia/Singapore", south, false},
	} {
		source := edited(t, "file: homes.csv, unit: kW", "file: year.csv, unit: kW, time: {zone: "+row.of+"}, calendar: [{from_week: 1, record_day: "+row.day+"}]")
		source = strings.Replace(source, "step_s: 3600\n", "step_s: 3600\nzone: "+row.zone+"\n", 1)
		dir := t.TempDir()
		year := "time,one,two,sun\n"
		for i := range 24 * 14 {
			year += fmt.Sprintf("%sT%02d:00,1,%d,0\n", dayAfter(t, row.day, i/24), i%24, i%2)
		}
		if err := os.WriteFile(filepath.Join(dir, "year.csv"), []byte(year), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Origin{File: "x.yaml", Dir: dir, Text: []byte(source), Events: scenario.EventsDue}.Load()
		if err != nil {
			t.Fatal(err)
		}
		w := mustBuild(t, s)
		found := slices.ContainsFunc(w.Warnings, func(d problem.Warning) bool { return d.Kind == problem.WarnSeason })
		if found != row.doubt || len(w.Warnings) > 1 {
			t.Errorf("%s: got %v", row.name, w.Warnings)
		}
	}
}

func dayAfter(t testing.TB, day string, n int) string {
	t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return at.AddDate(0, 0, n).Format(time.DateOnly)
}

// An event within a step takes effect in the step after it, and that of a run kept by a
// program before this rule in the step that contains it, as when it was made.
func TestEventRule(t *testing.T) {
	for _, row := range []struct {
		at         string
		early, due twins.Tick
	}{{`"14:00"`, 14, 14}, {`"14:17"`, 14, 15}, {`"00:00:01"`, 0, 1}, {"2018-01-08T22:59", 22, 23}, {"7", 7, 7}} {
		for rule, want := range map[scenario.EventRule]twins.Tick{scenario.EventsEarly: row.early, scenario.EventsDue: row.due} {
			of := scenario.Origin{File: "x.yaml", Dir: "testdata/scenario", Text: []byte(edited(t, `at: "14:00"`, "at: "+row.at)), Events: rule}
			s, err := of.Load()
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Events[0].Step; got != want || s.Origin().Events != rule {
				t.Errorf("at %s by rule %q: step %d, wanted %d; origin %+v", row.at, rule, got, want, s.Origin().Events)
			}
			if at, err := s.Moment("at", strings.Trim(row.at, `"`)); err != nil || at != row.due {
				t.Errorf("--at %s: %d %v, wanted %d", row.at, at, err, row.due)
			}
		}
	}
}

// At most three warnings of a kind are listed for a file; the last says how many more.
func TestWarningsAreListedBriefly(t *testing.T) {
	var all []problem.Warning
	for i := range 7 {
		all = append(all, problem.Warning{File: "m.csv", Line: 9 - i, Column: fmt.Sprint("home-", i), Kind: problem.WarnCounter, Text: "rises"})
	}
	all = append(all, problem.Warning{File: "a.csv", Line: 4, Column: "x", Kind: problem.WarnCounter, Text: "rises"})
	var lines []string
	for _, w := range problem.Listed(append(all, all...)) {
		lines = append(lines, w.String())
	}
	want := "warning: a.csv:4: x: rises\nwarning: m.csv:3: home-6: rises\nwarning: m.csv:4: home-5: rises\nwarning: m.csv:5: home-4: rises (and 4 more of this kind)"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}
