package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smatrix-grid/smatrix/twins"
	"pgregory.net/rapid"
)

func TestSet(t *testing.T) {
	for _, row := range []struct {
		name string
		sets []string
		want string // PATH=VALUE pairs after the change
	}{
		{"a number", []string{"producers.coal.rated_w=6000"}, "producers.coal.rated_w=6000"},
		{"a number in another form", []string{"producers.coal.rated_w=6.0e3"}, "producers.coal.rated_w=6000"},
		{"a share", []string{"batteries.b1.reserve_soc=0.3"}, "batteries.b1.reserve_soc=0.3"},
		{"false", []string{"producers.coal.available=false"}, "producers.coal.available=false"},
		{"a word of a list", []string{"households.h1.phase=A"}, "households.h1.phase=A"},
		{"null", []string{"communities.street.limit_w=5", "communities.street.limit_w=null"}, "communities.street.limit_w=null"},
		{"no value is null", []string{"ties.tie.cost_eur_per_mwh=5", "ties.tie.cost_eur_per_mwh="}, "ties.tie.cost_eur_per_mwh=null"},
		{"at the top", []string{"hosting=plain"}, "hosting=plain"},
		{"a text with = in it", []string{"description=a=b"}, `description="a=b"`},
		{"a text in quotes", []string{"name='7'"}, `name="7"`},
		{"a key with a default", []string{"households.h1.load.scale=0.5"}, "households.h1.load.scale=0.5"},
		{"a key that the entry lacks", []string{"batteries.b1.owner=h1"}, "batteries.b1.owner=h1"},
		{"a factor", []string{"producers.coal.rated_w*=1.3"}, "producers.coal.rated_w=6500"},
		{"an exact factor", []string{"batteries.b1.charge_efficiency*=0.3"}, "batteries.b1.charge_efficiency=0.28518"},
		{"one after the other", []string{"producers.coal.rated_w=10", "producers.coal.rated_w*=3", "producers.coal.rated_w*=0.5"}, "producers.coal.rated_w=15"},
		{"all of a list", []string{"households.*.load.scale=2"}, "households.h1.load.scale=2 households.h2.load.scale=2"},
		{"all that fit", []string{"households.*1.load.scale=2"}, "households.h1.load.scale=2 households.h2.load.scale=1"},
		{"all that have it", []string{"households.*.pv.scale*=1.5"}, "households.h2.pv.scale=1.5"},
		{"another id", []string{"producers.coal.id=oil", "producers.oil.rated_w=5"}, "producers.oil.rated_w=5"},
		{"of a recording", []string{"recordings.homes.time.stamps=start", "recordings.homes.gaps=hold"}, "recordings.homes.gaps=hold"},
	} {
		t.Run(row.name, func(t *testing.T) {
			source := baseScenario(t)
			source = source[:strings.Index(source, "events:")]
			s := mustLoad(t, source, Options{Set: row.sets})
			for _, want := range strings.Fields(row.want) {
				path, value, _ := strings.Cut(want, "=")
				target := s.document.mustTarget(path)
				got := strings.Trim(shown(target.object.get(target.key)), `"`)
				if got != strings.Trim(value, `"`) {
					t.Errorf("%s is %s, want %s", path, got, value)
				}
			}
			if s.document.root.get("households").items[0].get("pv") != nil {
				t.Error("h1 has panels after the change")
			}
		})
	}
}

func TestBadSet(t *testing.T) {
	const producerKeys = "available, co2_direct_g_per_kwh, co2_life_cycle_g_per_kwh, cold_after_s, community, cost_eur_per_mwh, fixed_w, id, inertia_s, inflow_w, initial_fill, initially, min_down_s, min_output, min_up_s, order, ramp_per_min, rated_w, reservoir_wh, sold_share, start_up_cold_s, start_up_cost_cold_eur, start_up_cost_eur"
	for _, row := range [][2]string{
		{"novalue", `--set: "novalue", wanted PATH=VALUE or PATH*=FACTOR`},
		{"=3", `--set: "=3", wanted PATH=VALUE or PATH*=FACTOR`},
		{"*=3", `--set: "*=3", wanted PATH=VALUE or PATH*=FACTOR`},
		{"producers.cole.available=false", "--set: producers.cole.available: no such member, did you mean producers.coal?"},
		{"producers.xylophone.available=false", "--set: producers.xylophone.available: no such member, wanted one of: coal"},
		{"vehicles.*.available=false", "--set: vehicles.*.available: no such member, wanted none"},
		{"communities.stret.limit_w=3", "--set: communities.stret.limit_w: no such community, did you mean communities.street?"},
		{"recordings.homs.unit=W", "--set: recordings.homs.unit: no such recording, did you mean recordings.homes?"},
		{"producers.coal.availabel=false", `--set: producers.coal.availabel: unknown key "availabel", did you mean "available"? wanted one of: ` + strings.TrimSuffix(producerKeys, ", start_up_cold_s, start_up_cost_cold_eur, start_up_cost_eur") + ", … (28 in all)"},
		{"producer.coal.available=false", `--set: producer.coal.available: unknown key "producer", did you mean "producers"? wanted one of: ` +
			keysOf("")},
		{"producers.coal=1", "--set: producers.coal: not a single value, wanted producers.ID.KEY, with a KEY of: " + producerKeys + ", start_up_cost_warm_eur, start_up_s, start_up_warm_s, technology, warm_after_s"},
		{"households.h1.load=5", "--set: households.h1.load: not a single value, wanted one of its keys: column, move_weeks, recording, scale"},
		{"producers.coal.available.now=1", "--set: producers.coal.available.now: producers.coal.available is a single value and has no keys"},
		{"households.h1.pv.scale=5", "--set: households.h1.pv.scale: there is no households.h1.pv"},
		{"households.*1.pv.scale=5", "--set: households.*1.pv.scale: none of 1 has pv.scale"},
		{"events.first.at=3", "--set: events.first.at: events have no ids and cannot be set"},
		{"producers.coal.rated_w=0", "--set: producers.coal.rated_w: 0 is below 0.001"},
		{"producers.*.rated_w=-1", "--set: producers.coal.rated_w: -1 is below 0.001"},
		{"producers.coal.rated_w*=-1", "--set: producers.coal.rated_w: -5000 is below 0.001"},
		{"producers.coal.rated_w=.inf", "--set: producers.coal.rated_w: .inf is not a number that can be used, wanted a finite decimal one"},
		{"producers.coal.rated_w=five", `--set: producers.coal.rated_w: "five" is a text, wanted a number`},
		{"producers.coal.rated_w=", "--set: producers.coal.rated_w: empty, wanted a number"},
		{"producers.coal.rated_w=[5]", `--set: producers.coal.rated_w: "[5]" is not a single value, wanted a number, a text (in quotes if need be), true or false`},
		{"producers.coal.rated_w=*a", `--set: producers.coal.rated_w: "*a" is not a single value, wanted a number, a text (in quotes if need be), true or false`},
		{"producers.coal.rated_w*=x", `--set: producers.coal.rated_w: factor "x" is not a number`},
		{"producers.coal.available*=2", "--set: producers.coal.available: true is not a number, a factor wants one"},
		{"communities.*.limit_w*=2", "--set: communities.*.limit_w: null is not a number, a factor wants one"},
		{"producers.coal.cost_eur_per_mwh*=2", "--set: producers.coal.cost_eur_per_mwh: null is not a number, a factor wants one"},
		{"seed*=0.3", "--set: seed: 0.3 is not whole, wanted a whole number"},
		{"hosting=fast", `--set: hosting: "fast" is unknown, wanted one of: message, batched, plain`},
		{"days=0", "--set: days: 0 is below 1"},
	} {
		wantUsage(t, loadAndBuild(baseScenario(t), Options{Set: []string{row[0]}}), row[1])
	}
}

// A value that is valid by itself but not together with others is an error in the scenario,
// not of usage.
func TestSetAgainstTheRest(t *testing.T) {
	for set, want := range map[string]string{
		"batteries.b1.min_soc=0.99":    "x.yaml:17: batteries.b1: min_soc 0.99 is above max_soc 0.95",
		"batteries.b1.owner=h9":        `x.yaml:19: batteries.b1.owner: no household "h9", did you mean "h1"? wanted one of: h1, h2`,
		"batteries.b1.id=b*":           "x.yaml:17: batteries.b*: a * in its path grid/street/h2/b*, wanted none",
		"recordings.homes.file=no.csv": "x.yaml:4: recordings.homes: no.csv: no such file, wanted a CSV beside the scenario",
		"step_s=7":                     "x.yaml:2: step_s: 7 does not divide a day of 86400 s, wanted one that does, such as 60, 900 or 3600",
	} {
		if err := loadAndBuild(baseScenario(t), Options{Set: []string{set}}); err == nil || err.Error() != want {
			t.Errorf("--set %s: got  %v\nwant %s", set, err, want)
		}
	}
}

func TestEvents(t *testing.T) {
	for _, row := range []struct{ name, event, want string }{
		{"a time of the first day", `{at: "14:00", set: producers.coal.available=false}`, "14 1 grid/supply/coal set available 0"},
		{"within a step", `{at: "14:59:59", set: producers.coal.available=true}`, "14 1 grid/supply/coal set available 1"},
		{"a date", `{at: 2018-01-09T01:00, set: producers.coal.available=true}`, "25 1 grid/supply/coal set available 1"},
		{"a step", `{at: 3, set: ties.tie.import_w=1.5}`, "3 1 grid/supply/tie set import_w 1500"},
		{"the start", `{at: "00:00", set: communities.street.limit_w=20}`, "0 1 grid/street set limit_w 20000"},
		{"a limit removed", `{at: 2, set: communities.street.limit_w=0}`, "2 1 grid/street set limit_w 0"},
		{"a factor", `{at: 1, set: "households.h1.load.scale*=1.3"}`, "1 1 grid/street/h1 multiply load.scale 1300000000"},
		{"a word of a list", `{at: 1, set: batteries.b1.mode=peak}`, "1 1 grid/street/h2/b1 set mode 2"},
		{"a price", `{at: 1, set: producers.coal.cost_eur_per_mwh=-78.5}`, "1 1 grid/supply/coal set cost_eur_per_mwh -78500000"},
		{"behind a meter", `{at: 1, set: batteries.b1.reserve_soc=0.4}`, "1 1 grid/street/h2/b1 set reserve_soc 400000000"},
		{"all that have it", `{at: 1, set: ["households.*.load.scale=0", "households.*.pv.scale*=2"]}`,
			"1 1 grid/street/h1 set load.scale 0\n1 2 grid/street/h2 set load.scale 0\n1 3 grid/street/h2 multiply pv.scale 2000000000"},
		{"in the order of the file", `{at: 9, set: producers.coal.available=true}` + "\n  - " + `{at: 2, set: producers.coal.available=false}`,
			"9 1 grid/supply/coal set available 1\n2 2 grid/supply/coal set available 0"},
		{"after the end", `{at: 2018-02-01T00:00, set: producers.coal.available=true}`, "576 1 grid/supply/coal set available 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			base := baseScenario(t)
			s := mustLoad(t, base[:strings.Index(base, "  - at:")]+"  - "+row.event+"\n", Options{})
			var got []string
			for _, c := range s.Events {
				got = append(got, fmt.Sprint(c.Step, c.Seq, " ", c.Target, " ", c.Type.Name, " ", c.Setting(), " ", c.Value()))
			}
			if strings.Join(got, "\n") != row.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), row.want)
			}
		})
	}
}

func TestCommands(t *testing.T) {
	s := mustLoad(t, baseScenario(t), Options{})
	got, err := s.Commands([]string{"producers.*.available=false", "households.*.load.scale*=1.5"}, 7)
	if err != nil {
		t.Fatal(err)
	}
	command := func(seq int64, target, name, setting string, value int64) twins.Command {
		c := twins.Set(target, setting, value).At(7, seq)
		c.Type = twins.CommandNamed(name)
		return c
	}
	want := []twins.Command{
		command(1, "grid/supply/coal", "set", "available", 0),
		command(2, "grid/street/h1", "multiply", "load.scale", 1_500_000_000),
		command(3, "grid/street/h2", "multiply", "load.scale", 1_500_000_000),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	_, err = s.Commands([]string{"households.h1.phase=A"}, 7)
	wantUsage(t, err, "--set: households.h1.phase may not change in mid-run, wanted one of: "+homeSettings())
	_, err = s.Commands([]string{"batteries.b1.reserve_soc=2"}, 7)
	wantUsage(t, err, "--set: batteries.b1.reserve_soc: 2 is above 1")
}

func TestSetNumberRoundTrip(t *testing.T) {
	base := baseScenario(t)
	rapid.Check(t, func(r *rapid.T) {
		text := fmt.Sprintf("%d.%d", rapid.IntRange(1, 1e6).Draw(r, "whole"), rapid.IntRange(0, 1e6).Draw(r, "fraction"))
		s, err := loadFrom([]byte(base), testLocation(), Options{Set: []string{"producers.coal.rated_w=" + text, "producers.coal.rated_w*=8", "producers.coal.rated_w*=0.125"}})
		if err != nil {
			r.Fatal(err)
		}
		want, _ := decimal(text)
		if got := entryOf(s.document.root.get("producers"), "coal").textOf("rated_w"); got != want {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}

// homeSettings lists the settings of a household as errors do.
func homeSettings() string {
	var names []string
	for _, s := range twins.Household.Settings {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
