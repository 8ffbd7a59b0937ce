package sim

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/smatrix-grid/smatrix/sim/scenario"
)

func TestSessionsInScenario(t *testing.T) {
	const name = `start: 2018-01-08
step_s: 3600
communities: [{id: c}]
sessions:
  - {id: plug, file: s.csv, unit: kWh}
ties: [{id: tie, community: c, import_w: 1e6, export_w: 1e6}]
vehicles:
  - id: car
    community: c
    sessions: {list: plug, user: anna}
`
	const file = "user,arrive,leave,energy\nanna,2018-01-08 18:00,2018-01-09 07:00,20\nben,2018-01-08 17:00,2018-01-09 07:00,60\n"
	for _, row := range []struct{ name, old, by, want string }{
		{"as it is", "", "", ""},
		{"one of each user", "id: car\n    community: c\n    sessions: {list: plug, user: anna}", "id: car-*\n    community: c\n    sessions: {list: plug, user: '*'}\n    rated_wh: 90000", ""},
		{"unknown list", "list: plug", "list: plg", `x.yaml:10: vehicles.car.sessions.list: no sessions "plg", did you mean "plug"? wanted one of: plug`},
		{"unknown user", "user: anna", "user: ana", `x.yaml:10: vehicles.car.sessions.user: sessions plug have no user "ana", did you mean "anna"? wanted one of: anna, ben`},
		{"no user fits", "id: car\n    community: c\n    sessions: {list: plug, user: anna}", "id: car-*\n    community: c\n    sessions: {list: plug, user: x*}",
			`x.yaml:10: vehicles.car-*.sessions.user: sessions plug have no user that fits "x*", wanted one of: anna, ben`},
		{"more than the battery holds", "    sessions: {list: plug, user: anna}", "    rated_wh: 50000\n    sessions: {list: plug, user: ben}",
			"x.yaml:8: vehicles.car: s.csv:3: a session of 60 kWh stores 54 kWh, more than the 50 kWh up to target_soc of rated_wh"},
		{"both", "user: anna}", "user: anna}\n    daily: {arrive: '18:00', leave: '07:00', trip_wh: 1}", "x.yaml:8: vehicles.car: both daily and sessions, wanted one of them"},
		{"neither", "\n    sessions: {list: plug, user: anna}", "", "x.yaml:8: vehicles.car: neither daily nor sessions, wanted one of them: when it is at the plug"},
		{"a file that is wrong", "id: plug, file: s.csv", "id: plug, file: bad.csv", "bad.csv:2: leaves at 2018-01-08 17:00 and arrives at 2018-01-08 18:00, wanted a departure after its arrival"},
		{"no file", "file: s.csv", "file: t.csv", "x.yaml:5: sessions.plug: t.csv: no such file, wanted a CSV beside the scenario"},
	} {
		data := fstest.MapFS{"s.csv": {Data: []byte(file)}, "bad.csv": {Data: []byte("user,arrive,leave,energy\nanna,2018-01-08 18:00,2018-01-08 17:00,20\n")}}
		s, err := scenario.Read([]byte(strings.Replace(name, row.old, row.by, 1)), "x.yaml", data, scenario.Options{})
		var w *World
		if err == nil {
			w, err = Build(s)
		}
		if row.want == "" {
			if vehicles := 1 + strings.Count(row.by, "car-*"); err != nil || w.Members["vehicle"] != vehicles {
				t.Errorf("%s: %v, wanted %d vehicles", row.name, err, vehicles)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: got  %v\nwant %s", row.name, err, row.want)
		}
	}
}
