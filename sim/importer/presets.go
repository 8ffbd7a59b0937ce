package importer

import (
	"math"
	"strconv"
	"strings"
)

// kind is the part of a scenario that a file is for.
type kind string

const (
	recordings kind = "recordings"
	sessions   kind = "sessions"
	weather    kind = "weather"
	market     kind = "market"
)

// form is how a file is written: a preset, or what was guessed.
type form struct {
	name   string // evcc
	title  string // evcc charging sessions
	kind   kind
	header []string // fields that the header line has; a * at the end fits any rest

	time    string   // column of the stamps
	clock   string   // column of the time of day, if it is not in time
	span    string   // text between both ends in one field; the first one counts
	dates   []string // forms of dates as in scenarios, tried in order before all others; "" is ISO
	zone    string   // of stamps without an offset; "" if the form does not state it
	stamps  string   // start | middle | end
	unit    string   // W | kW | Wh | kWh; "" if each column names its own
	units   string   // column that names the unit of each row, "" if there is none
	columns []column // in a long table its meters; none: each is a home
	meter   string   // in a long table, the column that names the meter
	value   string   // and that of its values
	byName  bool     // in a long table: the meters are the registers of one home, and their names say what they count
	comma   bool     // numbers have a decimal comma
	missing []string // words for a missing value, besides an empty field
	fedIn   []string // words of the lines before the header that say that the file is of what a home fed in

	user, arrive, leave, energy string // of sessions

	typical bool // months of different years, which are laid on one
	place   func(before []string) (place, error)
	convert func(lines []string, s *source) ([]byte, error) // into a CSV that scenarios read
	assumed string                                          // what the form does not state and was assumed
}

// column is a column that is taken from a file.
type column struct {
	from string // name in the file; with a * at the end all that fit, which are added up
	to   string // our name
	role role
	home string // the home whose meter it is a register of, "" if its name says it
	unit string // that a row of units says, "" if there is none
}

// typicalYear is the year on which months of different years are laid if no other file has
// one: it begins on a Monday and has no 29 February.
const typicalYear = 2018

// presets are the known forms. Each comment names a public sample or description of the
// form; none of the test files has values of a real meter.
var presets = []form{
	// Home Assistant, "Download data" of the energy dashboard: _dumpCSV in
	// home-assistant/frontend, src/panels/energy/ha-panel-energy.ts. A row for each
	// statistic, a column for each hour, UTC. Rows without an entity are computed.
	{name: "home_assistant", title: "Home Assistant energy export", kind: recordings, header: []string{"entity_id", "type", "unit"},
		dates: []string{""}, unit: "kWh", convert: convertHomeAssistant},
	// evcc, sessions as CSV: core/session/session.go and util/csv/writer.go of evcc-io/evcc.
	// English captions; local times of the server.
	{name: "evcc", title: "evcc charging sessions", kind: sessions, header: []string{"Created", "Finished", "Vehicle", "Charged Energy (kWh)"},
		dates: []string{""}, unit: "kWh",
		user: "Vehicle", arrive: "Created", leave: "Finished", energy: "Charged Energy (kWh)"},
	// SMARD (Bundesnetzagentur), day-ahead prices: header and a value with its thousands mark
	// as in the tests of a reader of "Datum von;Datum bis;Deutschland/Luxemburg [€/MWh]
	// Originalauflösungen" and README of SMARD downloaders on GitHub.
	{name: "smard", title: "SMARD market data", kind: market, header: []string{"Datum von", "Datum bis", "Deutschland/Luxemburg [€/MWh]*"},
		time: "Datum von", dates: []string{"dd.mm.yyyy"}, zone: "Europe/Berlin", comma: true, missing: []string{"-"},
		columns: []column{{from: "Deutschland/Luxemburg [€/MWh]*", to: "price"}}},
	// ENTSO-E Transparency Platform, day-ahead prices as CSV: "MTU (CET/CEST)","Area",
	// "Day-ahead Price (EUR/MWh)" with stamps 01/01/2026 00:00:00 - 01/01/2026 00:15:00, and
	// [EUR/MWh] with 01.01.2023 00:00 - 01.01.2023 01:00 before 2025.
	{name: "entsoe", title: "ENTSO-E day-ahead prices", kind: market, header: []string{"MTU (CET/CEST)", "Day-ahead Price *"},
		time: "MTU (CET/CEST)", span: " - ", dates: []string{"dd/mm/yyyy", "dd.mm.yyyy"}, zone: "Europe/Brussels",
		missing: []string{"-", "n/e", "N/A"}, columns: []column{{from: "Day-ahead Price *", to: "price"}}},
	// PVGIS 5, typical year: pvlib's iotools/pvgis.py describes the lines before the header
	// time(UTC),T2m,RH,G(h),Gb(n),Gd(h),IR(h),WS10m,WD10m,SP; SP is in Pa.
	{name: "pvgis_tmy", title: "PVGIS typical year", kind: weather, header: []string{"time(UTC)", "T2m", "G(h)", "Gb(n)", "Gd(h)"},
		time: "time(UTC)", dates: []string{"yyyymmdd"}, zone: "UTC", stamps: "middle", typical: true, place: pvgisPlace,
		columns: []column{{from: "G(h)", to: "ghi_w_per_m2"}, {from: "Gb(n)", to: "dni_w_per_m2"}, {from: "Gd(h)", to: "dhi_w_per_m2"},
			{from: "T2m", to: "temperature_c"}, {from: "WS10m", to: "wind_m_per_s"}, {from: "SP", to: "pressure_pa"}}},
	// PVGIS 5, hourly series: pvlib's iotools/pvgis.py; time,G(i),H_sun,T2m,WS10m,Int with
	// 20200101:0011, values of a moment in UTC.
	{name: "pvgis", title: "PVGIS hourly series", kind: weather, header: []string{"time", "G(i)", "H_sun", "T2m", "WS10m"},
		time: "time", dates: []string{"yyyymmdd"}, zone: "UTC", stamps: "middle", place: pvgisPlace,
		columns: []column{{from: "G(i)", to: "ghi_w_per_m2"}, {from: "T2m", to: "temperature_c"}, {from: "WS10m", to: "wind_m_per_s"}}},
	// TMY3 (NREL/TP-581-43156): station, name, state, hours east of UTC, latitude, longitude,
	// elevation; then Date (MM/DD/YYYY),Time (HH:MM), … A stamp is the end of its hour, 24:00
	// the end of the day; local standard time.
	{name: "tmy3", title: "TMY3 typical year", kind: weather, header: []string{"Date (MM/DD/YYYY)", "Time (HH:MM)", "GHI (W/m^2)", "Dry-bulb (C)"},
		time: "Date (MM/DD/YYYY)", clock: "Time (HH:MM)", dates: []string{"mm/dd/yyyy"}, stamps: "end", typical: true, place: tmy3Place,
		columns: []column{{from: "GHI (W/m^2)", to: "ghi_w_per_m2"}, {from: "DNI (W/m^2)", to: "dni_w_per_m2"}, {from: "DHI (W/m^2)", to: "dhi_w_per_m2"},
			{from: "Dry-bulb (C)", to: "temperature_c"}, {from: "Wspd (m/s)", to: "wind_m_per_s"}, {from: "Pressure (mbar)", to: "pressure_hpa"}}},
	// Enedis, "courbe de charge" of the customer's account: lines about the meter, then
	// Horodate;Valeur, mean power in W, stamps with an offset at the end of the step, as
	// importers that were tried on real exports describe it. What a home fed in is a file of its
	// own, whose "Grandeur metier" is Production or Injection.
	{name: "enedis", title: "Enedis load curve", kind: recordings, header: []string{"Horodate", "Valeur"},
		time: "Horodate", dates: []string{"", "dd/mm/yyyy"}, zone: "Europe/Paris", stamps: "end", unit: "W",
		fedIn: []string{"injection", "production"}, columns: []column{{from: "Valeur", to: "home", role: load}}},
	// Fluvius, "Verbruikshistoriek", quarter hours: Van (datum);Van (tijdstip);…;Register;
	// Volume;Eenheid, in the sample files of patrickvorgers/Home-Assistant-Import-Energy-Data.
	// Registers of day and night are added up; Injectie is what was fed in.
	{name: "fluvius", title: "Fluvius consumption history", kind: recordings, header: []string{"Van (datum)", "Van (tijdstip)", "Register", "Volume"},
		time: "Van (datum)", clock: "Van (tijdstip)", dates: []string{"dd-mm-yyyy", "dd/mm/yyyy"}, zone: "Europe/Brussels", unit: "kWh", units: "Eenheid", comma: true,
		meter: "Register", value: "Volume", columns: []column{{from: "Afname*", to: "home", role: drawn, home: "home"}, {from: "Injectie*", to: "fed-in", role: fedIn, home: "home"}}},
	// Green Button, CSV of utilities such as PG&E and ComEd: lines about the customer, then
	// TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES or USAGE (kWh). A home that feeds in
	// has rows of a second TYPE, or values below 0.
	{name: "green_button", title: "Green Button usage", kind: recordings, header: []string{"TYPE", "DATE", "START TIME", "USAGE*"},
		time: "DATE", clock: "START TIME", dates: []string{"", "m/d/yyyy"}, unit: "kWh", units: "UNITS",
		meter: "TYPE", value: "USAGE*", byName: true},
	// Low Carbon London (UK Power Networks): LCLid,stdorToU,DateTime,KWH/hh (per half hour)
	// with 2012-10-12 00:30:00.0000000, kWh of the half hour; a missing value is Null.
	{name: "low_carbon_london", title: "Low Carbon London", kind: recordings, header: []string{"LCLid", "DateTime", "KWH/hh (per half hour)"},
		time: "DateTime", dates: []string{"", "dd/mm/yyyy"}, zone: "UTC", unit: "kWh", meter: "LCLid", value: "KWH/hh (per half hour)",
		missing: []string{"Null"}, assumed: "stamps are UTC and name the start of the half hour: the data set does not state it"},
	// UCI, "Individual household electric power consumption" (dataset 235): Date;Time;
	// Global_active_power;…, 16/12/2006;17:24:00, kW, a missing value is ?. All minutes of the
	// 47 months are there, so its clock has no saving time.
	{name: "uci", title: "UCI household power consumption", kind: recordings, header: []string{"Date", "Time", "Global_active_power"},
		time: "Date", clock: "Time", dates: []string{"d/m/yyyy"}, zone: "Etc/GMT-1", unit: "kW", missing: []string{"?"},
		columns: []column{{from: "Global_active_power", to: "home", role: load}}},
	// SMA Sunny Explorer, daily yields of a month: sep=;, "Version CSV1|Tool SE|…", lines about
	// the inverter, then dd.MM.yyyy;kWh;kWh for total and day yield.
	{name: "sma_daily", title: "SMA daily yields", kind: recordings, header: []string{"dd.MM.yyyy", "kWh", "kWh"},
		time: "dd.MM.yyyy", dates: []string{"dd.mm.yyyy"}, unit: "kWh", comma: true,
		columns: []column{{from: "kWh (2)", to: "yield", role: generated}}},
	// Fronius Solar.web, daily values: Datum und Uhrzeit,Gesamt Erzeugung,Gesamt Verbrauch,…,
	// then a line of units [dd.MM.yyyy],[Wh],…, as in the comments of readers on GitHub.
	{name: "fronius_daily", title: "Fronius daily values", kind: recordings, header: []string{"Datum und Uhrzeit", "Gesamt Erzeugung", "Gesamt Verbrauch"},
		time: "Datum und Uhrzeit", dates: []string{"dd.mm.yyyy"}, unit: "Wh",
		columns: []column{{from: "Gesamt Verbrauch", to: "home", role: load, home: "home"}, {from: "Gesamt Erzeugung", to: "home-roof", role: generated, home: "home"}}},
}

// place is where weather was recorded.
type place struct {
	latitude, longitude, elevation string
	zone                           string  // "" if the file does not state it
	tilt, azimuth                  float64 // of the plane of its light, degrees: tilt 0 is level ground, azimuth 180 south
}

// pvgisPlace reads the lines "Latitude (decimal degrees):<tab>53.835" before the header.
func pvgisPlace(before []string) (p place, err error) {
	azimuth := 0.0
	for _, line := range before {
		name, value, _ := strings.Cut(line, ":")
		value, _, _ = strings.Cut(strings.Trim(value, " \t;,"), " ")
		value = strings.Replace(value, ",", ".", 1)
		number, _ := strconv.ParseFloat(value, 64)
		switch {
		case strings.HasPrefix(name, "Latitude"):
			p.latitude = value
		case strings.HasPrefix(name, "Longitude"):
			p.longitude = value
		case strings.HasPrefix(name, "Elevation"):
			p.elevation = value
		case strings.HasPrefix(name, "Slope"):
			p.tilt = number
		case strings.HasPrefix(name, "Azimuth"):
			azimuth = number
		}
	}
	p.azimuth = math.Mod(azimuth+180, 360) // PVGIS counts from south, west is positive
	return p, p.check()
}

// tmy3Place reads the station's line: code, name, state, zone, latitude, longitude,
// elevation.
func tmy3Place(before []string) (p place, err error) {
	if len(before) > 0 {
		if fields := splitLine(before[0], separatorOf(before[0])); len(fields) >= 7 {
			for i := range fields {
				fields[i] = strings.Replace(fields[i], ",", ".", 1)
			}
			p = place{latitude: fields[4], longitude: fields[5], elevation: fields[6]}
			if hours, err := strconv.ParseFloat(fields[3], 64); err == nil && hours == float64(int(hours)) {
				p.zone = fixedZone(int(hours))
			}
		}
	}
	return p, p.check()
}

// fixedZone is the IANA name of a zone so many hours east of UTC: the signs of Etc are
// reversed.
func fixedZone(hours int) string {
	switch {
	case hours > 0:
		return "Etc/GMT-" + strconv.Itoa(hours)
	case hours < 0:
		return "Etc/GMT+" + strconv.Itoa(-hours)
	}
	return "UTC"
}

func (p *place) check() error {
	for _, number := range []string{p.latitude, p.longitude} {
		if _, err := strconv.ParseFloat(number, 64); err != nil {
			return errNoPlace
		}
	}
	if _, err := strconv.ParseFloat(p.elevation, 64); err != nil {
		p.elevation = "0"
	}
	return nil
}

// Titles returns the titles of the known forms.
func Titles() []string {
	var all []string
	for _, p := range presets {
		all = append(all, p.title)
	}
	return all
}
