package scenario

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// formatCase is a file as people have it. It is read for homes h1, h2 and so on, one for each
// column that the recording has in the end.
type formatCase struct {
	name      string
	source    string // where such files come from
	start     string // of the run, in zone
	zone      string
	step      int
	steps     int // 0: days of local time
	days      int
	recording string // keys besides id and file
	header    string
	rows      []string
	want      string // "column: Wh" of each column of the run, or the error
}

// everyHour returns a row for each of n hours from a first one on.
func everyHour(first, layout, zone string, n int, values func(k int) string) (rows []string) {
	at, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	from, err := time.ParseInLocation("2006-01-02 15:04", first, at)
	if err != nil {
		panic(err)
	}
	for k := range n {
		rows = append(rows, from.Add(time.Duration(k)*time.Hour).Format(layout)+values(k))
	}
	return rows
}

func always(text string) func(int) string { return func(int) string { return text } }

var formatCases = []formatCase{
	{name: "the interval changes", source: "JaccoR/hass-entso-e pull request 206", days: 2,
		recording: "unit: kWh, gaps: hold, format: {intervals: as_they_come}", header: "time,home",
		rows: append(everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), quarters("2018-01-09", "0.25")...),
		want: "home: 48000"},
	{name: "the interval changes and nothing is said", source: "the same", days: 2, recording: "unit: kWh, gaps: hold", header: "time,home",
		rows: append(everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), quarters("2018-01-09", "0.25")...),
		want: "m.csv:26: the interval changes from 1 h to 15 min in this line, wanted one interval, or format: {intervals: as_they_come}"},
	{name: "a row that catches up", source: "home-assistant/frontend issue 28177",
		recording: "unit: kWh, format: {intervals: as_they_come}", header: "time,home", rows: catchUp(), want: "home: 24000"},
	{name: "a row that holds the energy of the gap before it", source: "the same", recording: "unit: kWh, gaps: in_next_row", header: "time,home", rows: catchUp(), want: "home: 24000"},
	{name: "a gap that is too long", source: "the same", recording: "unit: kWh, gaps: {fill: linear, longest: 3h}", header: "time,home", rows: catchUp(),
		want: `m.csv:8: column "home": no value for 6 h from 2018-01-08 06:00 on, wanted gaps of at most 3 h, as gaps.longest says`},
	{name: "a gap that is just short enough", source: "the same", recording: "unit: kWh, gaps: {fill: hold, longest: 6h}", header: "time,home", rows: catchUp(), want: "home: 30000"},
	{name: "a counter", source: "evcc-io/evcc pull request 30592", steps: 23, recording: "unit: kWh, format: {reading: counter}", header: "time,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return fmt.Sprintf(",%.3f", 12345.678+0.25*float64(k)) }),
		want: "home: 5750"},
	{name: "a counter without its last reading", source: "the same", recording: "unit: kWh, format: {reading: counter}", header: "time,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return fmt.Sprintf(",%.3f", 12345.678+0.25*float64(k)) }),
		want: "s.yaml:6: recordings.homes: m.csv: covers 2018-01-08 00:00 to 2018-01-08 23:00, wanted 2018-01-08 00:00 to 2018-01-09 00:00, which is the run (times in Europe/Berlin): readings of a counter enclose one interval less than there are readings; add that of 2018-01-09 00:00, let the run end at 2018-01-08 23:00, or fill the last interval with gaps: hold or same_time_last_week"},
	{name: "a counter whose last interval is held", source: "the same", recording: "unit: kWh, gaps: hold, format: {reading: counter}", header: "time,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return fmt.Sprintf(",%.3f", 12345.678+0.25*float64(k)) }),
		want: "home: 6000"},
	{name: "thousands", source: "SMARD", recording: "unit: W, format: {thousands: point, decimal: comma}", header: "time;home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return []string{";1.242", ";987"}[k%2] }),
		want: "home: 26748"},
	{name: "a day without midnight", source: "weewx/weewx issue 356", start: "2018-11-04", zone: "America/Sao_Paulo", recording: "unit: kW", header: "time,home",
		rows: everyHour("2018-11-04 03:00", "2006-01-02T15:04Z", "UTC", 23, always(",1")), want: "home: 23000"},
	{name: "a day without midnight in Chile", source: "the same", start: "2024-09-08", zone: "America/Santiago", recording: "unit: kW", header: "time,home",
		rows: everyHour("2024-09-08 01:00", "2006-01-02T15:04", "America/Santiago", 23, always(",1")), want: "home: 23000"},
	{name: "a day without midnight in Lebanon", source: "the same", start: "2018-03-25", zone: "Asia/Beirut", recording: "unit: kW", header: "time,home",
		rows: everyHour("2018-03-25 01:00", "2006-01-02T15:04", "Asia/Beirut", 23, always(",1")), want: "home: 23000"},
	{name: "a day without midnight in Egypt", source: "the same", start: "2023-04-28", zone: "Africa/Cairo", recording: "unit: kW", header: "time,home",
		rows: everyHour("2023-04-28 01:00", "2006-01-02T15:04", "Africa/Cairo", 23, always(",1")), want: "home: 23000"},
	{name: "a day without midnight on the Azores", source: "the same", start: "2018-03-25", zone: "Atlantic/Azores", recording: "unit: kW", header: "time,home",
		rows: everyHour("2018-03-25 01:00", "2006-01-02T15:04", "Atlantic/Azores", 23, always(",1")), want: "home: 23000"},
	{name: "a day without midnight in Cuba", source: "the same", start: "2018-03-11", zone: "America/Havana", recording: "unit: kW", header: "time,home",
		rows: everyHour("2018-03-11 01:00", "2006-01-02T15:04", "America/Havana", 23, always(",1")), want: "home: 23000"},
	{name: "an inverter in W", source: "the same as of kW", recording: "unit: W, format: {clip_below: 5}", header: "time,pv",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return []string{",-5", ",1000"}[k%2] }), want: "pv: 12000"},
	{name: "an inverter with a decimal comma", source: "the same", recording: "unit: kWh, format: {clip_below: 0.0004, decimal: comma}", header: "time;pv",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return []string{";-0,0004", ";1"}[k%2] }), want: "pv: 12000"},
	{name: "an inverter that draws more", source: "the same", recording: "unit: kW, format: {clip_below: 0.002}", header: "time,pv",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",-0.003")), want: `m.csv:2: column "pv": "-0.003" is negative, wanted kW of 0 or more`},
	{name: "an inverter on a net meter", source: "the same", recording: "unit: kW, format: {clip_below: 0.01, negative: export}", header: "time,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string { return []string{",-0.003", ",1", ",-2"}[k%3] }), want: "home: 8000, home-export: 16000"},
	{name: "comments before the header", source: "InfluxDB: annotated CSV", recording: `unit: kW, format: {comment: "#"}`, header: "#group,false\n#datatype,double\ntime,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), want: "home: 24000"},
	{name: "comments between rows", source: "the same", recording: `unit: kW, format: {comment: "%"}`, header: "time,home",
		rows: append([]string{"% a, b, c", "%"}, everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1"))...), want: "home: 24000"},
	{name: "comments with separators", source: "the same", recording: `unit: kW, format: {comment: ";"}`, header: "time,home", rows: nil,
		want: `s.yaml:6: recordings.homes: m.csv: format.comment ";", wanted one character such as #`},
	{name: "a comment that is not said", source: "the same", recording: "unit: kW", header: "time,home", rows: append([]string{"# a"}, everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1"))...),
		want: "m.csv:2: 1 field, wanted 2 as in the header"},
	{name: "a comment that is left out as a row without a time", source: "the same", recording: "unit: kW, format: {undated: leave_out}", header: "time,home",
		rows: append([]string{"# a"}, everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1"))...), want: "home: 24000"},
	{name: "what pandas writes with semicolons", source: "rl-institut/oemof-B3 issue 92", recording: "unit: kW", header: ";home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(";1")), want: "home: 24000"},
	{name: "what pandas writes after a mark of the encoding", source: "the same", recording: "unit: kW", header: "\ufeff,home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), want: "home: 24000"},
	{name: "what pandas writes, with an index of numbers", source: "the same", recording: "unit: kW, columns: {home: home}", header: ",time,home",
		rows: everyHour("2018-01-08 00:00", "0,2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), want: "home: 24000"},
	{name: "an inverter that draws at night", source: "macxq/foxess-ha issue 82", recording: "unit: kW, format: {clip_below: 0.01}", header: "time,home,pv",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string {
			if k < 8 || k >= 16 {
				return ",0.3,-0.003"
			}
			return ",0.3,1"
		}), want: "home: 7200, pv: 8000"},
	{name: "a decimal comma and German dates", source: "E3DC: jarvis-schlappa/pv-forecast docs/DATA.md",
		recording: `unit: W, time: {column: Zeitstempel}, columns: {home: "Hausverbrauch [W]"}, format: {decimal: comma, date: dd.mm.yyyy}`,
		header:    "\ufeff\"Zeitstempel\";\"Solarproduktion [W]\";\"Hausverbrauch [W]\"",
		rows:      everyHour("2018-01-08 00:00", "02.01.2006 15:04:05", "Europe/Berlin", 24, always(";0;300,5")), want: "home: 7212"},
	{name: "a preamble and a total", source: "Enedis: bokub/ha-linky issue 30",
		recording: `unit: W, time: {column: Horodate}, format: {header: 3, totals: [""]}`, header: "Identifiant PRM;Type de donnees;Unite\nXXX;Courbe de charge;W\nHorodate;Valeur",
		rows: append(everyHour("2018-01-08 00:00", time.RFC3339, "Europe/Berlin", 24, always(";264")), ";"), want: "Valeur: 6336"},
	{name: "a preamble, found", source: "the same",
		recording: `unit: W, time: {column: Horodate}, format: {header: find, totals: [""]}`, header: "Identifiant PRM;Type de donnees;Unite\nXXX;Courbe de charge;W\nHorodate;Valeur",
		rows: append(everyHour("2018-01-08 00:00", time.RFC3339, "Europe/Berlin", 24, always(";264")), ";"), want: "Valeur: 6336"},
	{name: "a total that is not named", source: "the same", recording: `unit: W, time: {column: Horodate}, format: {header: 3}`, header: "a\nb\nHorodate;Valeur",
		rows: append(everyHour("2018-01-08 00:00", time.RFC3339, "Europe/Berlin", 24, always(";264")), ";"),
		want: `m.csv:28: time "" cannot be read, wanted one like 2024-01-31 16:45, 2024-01-31T16:45:00+01:00 or 16:45`},
	{name: "what pandas writes", source: "rl-institut/oemof-B3 issue 92", recording: "unit: kW, time: {column: ''}", header: ",home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), want: "home: 24000"},
	{name: "what pandas writes, by default", source: "the same", recording: "unit: kW", header: ",home",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, always(",1")), want: "home: 24000"},
	{name: "a long table", source: "UK Power Networks, Low Carbon London", step: 1800,
		recording: `unit: kWh, time: {column: DateTime}, gaps: hold, format: {meter: LCLid, value: "KWH/hh (per half hour) ", missing: [Null]}`,
		header:    "LCLid,DateTime,KWH/hh (per half hour) ", rows: append(lowCarbon("MAC1", 20), lowCarbon("MAC2", -1)...), want: "MAC1: 4800, MAC2: 4800"},
	{name: "registers of day and night", source: "Fluvius", recording: `unit: kWh, columns: {home: [Dag, Nacht], out: Injectie}, format: {meter: Register, value: Volume, decimal: comma, quotes: loose, units: Eenheid}`,
		header: "time;EAN;Register;Volume;Eenheid", rows: dayAndNight(), want: "out: 12000, home: 24000"},
	{name: "registers of what was drawn and fed in", source: "the same", recording: `unit: kWh, columns: {home: {add: [Dag, Nacht], subtract: [Injectie]}}, format: {meter: Register, value: Volume, decimal: comma, quotes: loose, negative: export}`,
		header: "time;EAN;Register;Volume;Eenheid", rows: dayAndNight(), want: "home: 12000, home-export: 0"},
	{name: "counters of two tariffs", source: "HomeWizard P1", recording: "unit: kWh, gaps: hold, columns: {home: {add: [in 1, in 2], subtract: [out]}}, format: {reading: counter, negative: export}", header: "time,in 1,in 2,out",
		rows: everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 24, func(k int) string {
			return fmt.Sprintf(",%d,%.1f,%d", 100+min(k, 8), 7+0.5*float64(max(0, k-16)), 40+2*max(0, min(k, 16)-8))
		}), want: "home: 12000, home-export: 16000"},
	{name: "registers that are only subtracted", source: "the same", recording: "unit: kWh, columns: {home: {subtract: [out]}}", header: "time,in,out", rows: []string{"2018-01-08 00:00,1,2"},
		want: "s.yaml:6: recordings.homes.columns.home: add is missing, wanted names in the file whose values are added up, such as the registers of what was drawn"},
	{name: "days of 23 and 24 hours", source: "SMA: patrickvorgers/Home-Assistant-Import-Energy-Data issue 131", start: "2018-03-24", days: 3,
		recording: "unit: kWh", header: "time,home", rows: []string{"2018-03-24 00:00,24", "2018-03-25 00:00,23", "2018-03-26 00:00,24", "2018-03-27 00:00,24"}, want: "home: 71000"},
	{name: "days without a time", source: "the same", start: "2018-03-24", days: 3,
		recording: "unit: kWh", header: "time,home", rows: []string{"2018-03-24,24", "2018-03-25,23", "2018-03-26,24", "2018-03-27,24"}, want: "home: 71000"},
}

func quarters(day, value string) (rows []string) {
	for q := range 96 {
		rows = append(rows, fmt.Sprintf("%sT%02d:%02d,%s", day, q/4, q%4*15, value))
	}
	return rows
}

func catchUp() []string {
	rows := everyHour("2018-01-08 00:00", "2006-01-02T15:04", "Europe/Berlin", 6, always(",1"))
	return append(append(rows, "2018-01-08T12:00,7"), everyHour("2018-01-08 13:00", "2006-01-02T15:04", "Europe/Berlin", 11, always(",1"))...)
}

// dayAndNight has a row of the register that counts at each hour, and one of what is fed in.
func dayAndNight() (rows []string) {
	for h := range 24 {
		register := "Nacht"
		if h >= 7 && h < 22 {
			register = "Dag"
		}
		for _, r := range []string{register + ";1,000", "Injectie;0,500"} {
			rows = append(rows, fmt.Sprintf(`2018-01-08 %02d:00;="0815";%s;kWh`, h, r))
		}
	}
	return rows
}

func lowCarbon(meter string, null int) (rows []string) {
	for h := range 48 {
		value := " 0.1 "
		if h == null {
			value = "Null"
		}
		rows = append(rows, fmt.Sprintf("%s,2018-01-08 %02d:%02d:00.0000000,%s", meter, h/2, h%2*30, value))
	}
	return rows
}

// TestFilesAsPeopleHaveThem reads files of meters and programs, and compares the energy of each
// column with that of the file.
func TestFilesAsPeopleHaveThem(t *testing.T) {
	for _, tt := range formatCases {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.read(t); got != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.source, got, tt.want)
			}
		})
	}
}

func (c *formatCase) read(t *testing.T) string {
	t.Helper()
	source := fmt.Sprintf(`
start: %s
zone: %s
step_s: %d
days: %d
recordings: [{id: homes, file: m.csv, %s}]
communities: [{id: c}]
producers: [{id: p, community: c, rated_w: 1000, cost_eur_per_mwh: 1}]
`, cmp.Or(c.start, "2018-01-08"), cmp.Or(c.zone, "Europe/Berlin"), cmp.Or(c.step, 3600), cmp.Or(c.days, 1), c.recording)
	files := fstest.MapFS{"m.csv": {Data: []byte(c.header + "\n" + strings.Join(c.rows, "\n") + "\n")}}
	var o Options
	if c.steps > 0 {
		o.Steps = &c.steps
	}
	s, err := Read([]byte(source), "s.yaml", files, o)
	if err != nil {
		return err.Error()
	}
	in, err := s.Inputs(s.Calendar)
	if err != nil {
		return err.Error()
	}
	var sums []string
	r := in.Recordings[0]
	for i, column := range r.Columns {
		sums = append(sums, fmt.Sprintf("%s: %.0f", column, float64(sumOf(powersOf(t, r, i, 0)))*float64(s.Calendar.Step)/3.6e6))
	}
	return strings.Join(sums, ", ")
}

func sumOf(powers []twins.Power) (sum twins.Power) {
	for _, p := range powers {
		sum += p
	}
	return sum
}

// A stay in the hour that clocks show twice lasts as long as it did, and a time that they skip is
// refused as in a recording.
func TestSessionsWhenClocksChange(t *testing.T) {
	for _, tt := range []struct{ name, start, rows, want string }{
		{"from the first to the second half past two", "2018-10-27", "a,2018-10-28 02:30,2018-10-28 02:15,4", "106-109"},
		{"within the first", "2018-10-27", "a,2018-10-28 02:15,2018-10-28 02:45,4", "105-107"},
		{"over both", "2018-10-27", "a,2018-10-28 01:00,2018-10-28 03:00,4", "100-112"},
		{"one after the other", "2018-10-27", "a,2018-10-28 02:00,2018-10-28 02:50,4\na,2018-10-28 02:15,2018-10-28 02:45,1", "104-107 109-111"},
		{"with offsets", "2018-10-27", "a,2018-10-28T02:30:00+01:00,2018-10-28T02:45:00+01:00,1", "110-111"},
		{"a departure that was not", "2018-03-24", "a,2018-03-24 22:00,2018-03-25 02:30,4",
			`x.csv:2: time "2018-03-25 02:30" does not exist in Europe/Berlin, where clocks skip it, wanted an offset (+01:00) or the zone of the file, such as Etc/GMT-1 if it has no saving time`},
		{"an arrival that was not", "2018-03-24", "a,2018-03-25 02:00,2018-03-25 04:00,4",
			`x.csv:2: time "2018-03-25 02:00" does not exist in Europe/Berlin, where clocks skip it, wanted an offset (+01:00) or the zone of the file, such as Etc/GMT-1 if it has no saving time`},
		{"a departure before its arrival", "2018-10-27", "a,2018-10-28 03:30,2018-10-28 02:15,4",
			"x.csv:2: leaves at 2018-10-28 02:15 and arrives at 2018-10-28 03:30, wanted a departure after its arrival"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := "start: " + tt.start + "\nstep_s: 900\ndays: 2\nsessions: [{id: s, file: x.csv, unit: kWh}]\ncommunities: [{id: c}]\n" +
				`vehicles: [{id: "car-*", community: c, rated_a: 16, sessions: {list: s, user: "*"}}]` + "\n"
			s, err := Read([]byte(source), "s.yaml", fstest.MapFS{"x.csv": {Data: []byte("user,arrive,leave,energy\n" + tt.rows + "\n")}}, Options{})
			got := fmt.Sprint(err)
			if err == nil {
				in, err := s.Inputs(s.Calendar)
				if err != nil {
					t.Fatal(err)
				}
				of, err := in.Sessions[0].Of("a", 0)
				if err != nil {
					t.Fatal(err)
				}
				var stays []string
				for _, one := range of {
					stays = append(stays, fmt.Sprintf("%d-%d", one.From, one.Until))
				}
				got = strings.Join(stays, " ")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The names of columns become ids by one rule, and those that fit stay as they are.
func TestNamesBecomeIDs(t *testing.T) {
	const rows = "2018-01-08 00:00,1,1,1\n2018-01-08 12:00,1,1,1\n"
	for _, tt := range []struct{ name, columns, column, id, want string }{
		{"capitals and blanks", "Haus 1,Haus 2 (Süd),Café-Straße 7", "*", "*", "haus-1 haus-2-sued cafe-strasse-7"},
		{"within a pattern", "Meter A 1,Meter A 2,Meter b", "Meter *", "home-*", "home-a-1 home-a-2 home-b"},
		{"what fits", "a_1,b--2,3-", "*", "h*", "ha_1 hb--2 h3-"},
		{"twice the same", "A 1,a-1,b", "*", "*", "s.yaml:7: households.a-1: named twice, wanted another id: first in line 7"},
		{"nothing is left", "(?),b,c", "*", "*", `s.yaml:7: households.*: its * is "(?)", which leaves nothing for an id, wanted a letter or a digit in it`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := fmt.Sprintf("start: 2018-01-08\nstep_s: 3600\nrecordings:\n  - {id: r, file: m.csv, unit: kW}\ncommunities: [{id: c}]\nhouseholds:\n  - {id: %q, community: c, load: {recording: r, column: %q}}\n", tt.id, tt.column)
			s, err := Read([]byte(source), "s.yaml", fstest.MapFS{"m.csv": {Data: []byte("time," + tt.columns + "\n" + rows)}}, Options{})
			got := fmt.Sprint(err)
			if err == nil {
				var ids []string
				for _, c := range s.Communities() {
					_, members := c.Specs()
					for _, m := range members {
						ids = append(ids, strings.TrimPrefix(m.Path, "grid/c/"))
					}
				}
				got = strings.Join(ids, " ")
			}
			if got != tt.want && !strings.HasPrefix(got, tt.want+"\n") {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Each kind of file takes the format, and says which of its keys it does not take.
func TestFormatKeys(t *testing.T) {
	const head = "start: 2018-01-08\nstep_s: 3600\ncommunities: [{id: c}]\nproducers: [{id: p, community: c, rated_w: 1000, cost_eur_per_mwh: 1}]\n"
	files := fstest.MapFS{"m.csv": {Data: []byte("time,a\n2018-01-08,1\n2018-01-09,2\n")}, "x.csv": {Data: []byte("user,arrive,leave,energy\n")}}
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", "recordings: [{id: r, file: m.csv, unit: kW, format: {comma: true}}]", `s.yaml:5: unknown key "comma" in recordings.r.format, did you mean "comment"? wanted one of: clip_below, clock, comment, date, decimal, encoding, header, intervals, leave_out, meter, missing, negative, newest_first, quotes, reading, separator, span, thousands, totals, undated, … (23 in all)`},
		{"an unknown word", "recordings: [{id: r, file: m.csv, unit: kW, format: {decimal: ','}}]", `s.yaml:5: recordings.r.format.decimal: "," is unknown, wanted one of: point, comma`},
		{"an unknown date", "recordings: [{id: r, file: m.csv, unit: kW, format: {date: german}}]",
			`s.yaml:5: recordings.r.format.date: "german" does not fit, wanted form of dates, or seconds or milliseconds since 1970; a time of day may follow as 9:05, 09:05:00 or 9:05 PM, such as dd.mm.yyyy or mm/dd/yyyy or dd-mmm-yyyy or unix_s`},
		{"an unknown header", "recordings: [{id: r, file: m.csv, unit: kW, format: {header: last}}]", `s.yaml:5: recordings.r.format.header: "last" does not fit, wanted the number of its line, find or none`},
		{"an unknown way to fill", "recordings: [{id: r, file: m.csv, unit: kW, gaps: zero}]", `s.yaml:5: recordings.r.gaps: "zero" is unknown, wanted one of: refuse, hold, linear, same_time_last_week, in_next_row`},
		{"a gap without a way to fill", "recordings: [{id: r, file: m.csv, unit: kW, gaps: {longest: 3h}}]", `s.yaml:5: recordings.r.gaps: fill is missing, wanted how a gap is filled; in_next_row: the row after it has the energy of the gap as well, which is spread evenly over both`},
		{"a length without a unit", "recordings: [{id: r, file: m.csv, unit: kW, gaps: {fill: hold, longest: '3'}}]", `s.yaml:5: recordings.r.gaps.longest: "3" does not fit, wanted a length such as 45min, 3h or 2d`},
		{"a counter of sessions", "sessions: [{id: s, file: x.csv, unit: kWh, format: {reading: counter}}]", "s.yaml:5: sessions.s: x.csv: format.reading is not for sessions"},
		{"a net market", "market: {file: m.csv, columns: {price_eur_per_mwh: a}, format: {negative: export}}", "s.yaml:5: market: m.csv: format.negative is not for a market"},
		{"weather that is left out", "weather: {file: m.csv, latitude_deg: 50, longitude_deg: 10, columns: {ghi_w_per_m2: a, temperature_c: a}, format: {leave_out: 0.1}}",
			"s.yaml:5: weather: m.csv: format.leave_out is not for weather"},
		{"all of them", `recordings: [{id: r, file: m.csv, unit: kWh, gaps: {fill: hold, longest: 2 d}, format: {encoding: utf-8, separator: comma, header: 1, comment: "#", totals: [Sum], missing: [null, -999, x],
  decimal: point, thousands: space, date: yyyy-mm-dd, newest_first: false, intervals: regular, reading: interval, negative: refuse, clip_below: 0, leave_out: 1}}]`, "<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read([]byte(head+tt.text+"\n"), "s.yaml", files, Options{})
			if got := fmt.Sprint(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The comments of the template show every key of a format, with a value that it can have.
func TestTemplateShowsTheFormat(t *testing.T) {
	_, rest, _ := strings.Cut(string(Template()["my-street.yaml"]), "# format:")
	_, rest, _ = strings.Cut(rest, "\n")
	block, _, _ := strings.Cut(rest, "\n\n")
	shown := map[string]bool{}
	for line := range strings.Lines(block) {
		text, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "#"), " #")
		key, _, _ := strings.Cut(strings.TrimSpace(text), ":")
		shown[key] = true
		d := &document{file: "x.yaml", schema: scenarioSchema()}
		root, err := readYAML("x.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		format := subschema{d.schema.root.get("$defs").get("format"), "#/$defs/format"}
		for _, wrong := range d.validate(valueAt{"format", &root, format}) {
			t.Errorf("%s: %v", strings.TrimSpace(line), wrong)
		}
		if err := formatOf(&root).Check(); err != nil && key != "value" {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	for _, key := range scenarioSchema().root.get("$defs").get("format").get("properties").keys {
		if !shown[key] {
			t.Errorf("no comment shows format.%s", key)
		}
	}
}
