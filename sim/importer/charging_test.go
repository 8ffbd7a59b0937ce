package importer_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// Rows with two times and pauses between them are charging sessions, whatever wallbox they are of; rows with two
// times that follow on each other are intervals.
func TestChargingSessionsOfAnyWallbox(t *testing.T) {
	days := func(head, row string) string {
		text := head + "\n"
		for d := range 6 {
			text += strings.NewReplacer("DD", fmt.Sprintf("%02d", d+1), "EE", fmt.Sprintf("%02d", d+2), "X", fmt.Sprint(5+d)).Replace(row) + "\n"
		}
		return text
	}
	const kWh = 5 + 6 + 7 + 8 + 9 + 10
	for _, row := range []struct {
		name, text string
		want       []string // in the scenario
		kWh        float64  // of recorded columns; 0: the file has sessions
	}{
		{"two times and an energy", days("Start,End,Energy (kWh)", "2024-04-DD 18:00,2024-04-EE 05:00,X"), []string{"columns: {arrive: \"Start\", leave: \"End\", energy: \"Energy (kWh)\"}, guest: guest", "user: \"guest\""}, 0},
		{"with a user and a line of totals", days("Nr;Beginn;Ende;Geladen (kWh);Nutzer", "DD;DD.04.2024 18:07:00;EE.04.2024 05:27:00;X,0;Anna") + "Summe;;;45,0;\n", []string{"user: \"Nutzer\"", "undated: leave_out", "user: \"Anna\""}, 0},
		{"within a day, with seconds", days("Plugged in,Unplugged,Wh,Price", "2024-04-DDT18:03:05,2024-04-DDT20:03:07,X000,1.2"), []string{"unit: Wh", "guest: guest"}, 0},
		{"intervals", days("from,to,kWh", "2024-04-DD 00:00,2024-04-EE 00:00,X"), []string{"recordings:"}, kWh},
		{"days up to their last minute", days("from,to,kWh", "2024-04-DD 00:00,2024-04-DD 23:59,X"), []string{"recordings:"}, kWh},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "m.csv", row.text)
			plan, w := made(t, dir, "Europe/Berlin", "m.csv")
			for _, words := range row.want {
				if !strings.Contains(string(plan.Scenario), words) {
					t.Errorf("wanted %q in\n%s", words, plan.Scenario)
				}
			}
			sum := 0.0
			for _, wh := range recorded(w) {
				sum += wh / 1000
			}
			if math.Abs(sum-row.kWh) > 0.001 || strings.Contains(string(plan.Scenario), "vehicles:") != (row.kWh == 0) {
				t.Errorf("%g kWh recorded, wanted %g in\n%s", sum, row.kWh, plan.Scenario)
			}
		})
	}
}
