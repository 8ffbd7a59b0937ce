package importer

import (
	"fmt"
	"strings"
	"testing"
)

// What a column is by its name: the register of what was drawn, that of what was fed in, what panels
// gave, or what a home consumed, in the languages of the forms.
func TestRolesOfNames(t *testing.T) {
	for _, row := range []struct{ language, role, names string }{
		{"English", "fed in", "export_kwh|Export|Grid Export (kWh)|gridExport|Exported to Grid (Wh)|EXPORT (kWh)|Export T1 kWh|feed-in|Feed in (W)|fed_in|Returned energy Wh (1)|return_to_grid|grid_return|Electricity returned|delivered by client|Reverse energy|Solar export|PV to grid|Energy sold"},
		{"German", "fed in", "Einspeisung|Netzeinspeisung|Energie ins Netz eingespeist|Einspeisung [kWh]|Wirkarbeit Lieferung (kWh)|Rücklieferung kWh|Rückspeisung|PV-Überschuss|Einspeisung PV"},
		{"codes", "fed in", "1-0:2.8.0|2.8.0|1-0:2.8.1*255|2.8.2 kWh|1-1:2.29.0|A- (kWh)|1-0:2.7.0"},
		{"Dutch", "fed in", "Injectie Dag|Injectie Nacht|Teruglevering|Teruggeleverd hoog|teruglever kWh"},
		{"French", "fed in", "Injection|Énergie injectée (Wh)|Surplus|Excédent|injection_kwh"},
		{"Spanish", "fed in", "Energía exportada|Excedentes|Energía vertida (kWh)"},
		{"Italian", "fed in", "Energia immessa|Immissione kWh"},
		{"English", "drawn", "import_kwh|Import T2 kWh|Grid Import (kWh)|Imported from Grid (Wh)|From grid|grid_consumption|Energy delivered|Purchased energy"},
		{"German", "drawn", "Bezug|Netzbezug|Wirkarbeit Bezug|Energie vom Netz bezogen|Restnetzbezug (kWh)"},
		{"codes", "drawn", "1-0:1.8.0|1.8.0|1-0:1.8.1*255|1-1:1.29.0|A+ (kWh)|1-0:1.7.0"},
		{"Dutch", "drawn", "Afname Dag|Afname Nacht|Levering hoog"},
		{"French", "drawn", "Soutirage|Énergie soutirée|Prélèvement"},
		{"Italian", "drawn", "Energia prelevata|Prelievo kWh"},
		{"English", "generated", "Solar|solar_production|PV|pv kW|System Production (W)|Energy Produced (Wh)|Generated (Wh)|Generation|Solar yield|Pac(W)|pv_power"},
		{"German", "generated", "Erzeugung|Gesamt Erzeugung|PV-Erzeugung|Solarproduktion [W]|Ertrag|Tagesertrag|Photovoltaik"},
		{"Dutch", "generated", "Opwek|Zonnepanelen opbrengst|Productie|Opwekking"},
		{"French", "generated", "Production|Production photovoltaïque"},
		{"Spanish", "generated", "Producción|Energía producida|Generación"},
		{"Italian", "generated", "Produzione|Energia prodotta"},
		{"English", "net", "Grid (kW)|grid_w|Grid Power W|Net consumption kWh|net_power"}, {"German", "net", "Netz (W)|Netzleistung|Saldo kWh"},
		{"any", "load", "Home 1|kWh|Verbrauch|Hausverbrauch [W]|consumption|Consumed|Energy Consumed (Wh)|Verbruik|Consommation|Consumo|Valeur|Wärmepumpe|feeder-1|Feeder 2|Usage|Hauptzähler|House 12 (Süd)|W|load_w|pvc|reception"},
	} {
		for name := range strings.SplitSeq(row.names, "|") {
			if got := roleOf(name, []string{"time", name}); string(got) != row.role {
				t.Errorf("%s: %q is %q, wanted %q", row.language, name, got, row.role)
			}
		}
	}
	for _, row := range []struct{ name, beside, role string }{
		{"Energy received", "Energy delivered", "fed in"}, {"Received", "Delivered", "fed in"}, {"Lieferung", "Bezug", "fed in"},
		{"Abgabe kWh", "Bezug kWh", "fed in"}, {"energyOut", "energy", "fed in"},
		{"total_act_ret_energy", "total_act_energy", "fed in"}, {"AS_KWh", "AE_kWh", "fed in"}, {"Pgrid out(W)", "Pgrid in(W)", "fed in"}, {"Gas kWh", "AE kWh", "load"},
		{"Energy received", "time", "load"}, {"Lieferung", "time", "load"},
	} {
		if got := roleOf(row.name, []string{row.beside, row.name}); string(got) != row.role {
			t.Errorf("%q beside %q is %q, wanted %q", row.name, row.beside, got, row.role)
		}
	}
}

// Which columns are no power or energy of one meter, by their names.
func TestNamesThatAreNoMeter(t *testing.T) {
	for _, row := range []struct{ of, names string }{
		{aPrice, "price|unitPrice|Strompreis ct|Cost|cost_eur|Coût|Preis|Estimated cost"},
		{aShare, "soc|battery_soc_percent|Autarkie|Efficiency (kWh/kW)|Share %"},
		{aReading, "Vpv1(V)|Voltage|Spannung L1|Frequency|Netz Hz"},
		{anExtreme, "L1 max W|Min V|Max V|Peak Power (W)"},
		{ofABattery, "Stored in batteries (Wh)|Battery Charge (kWh)|Akku Ladung|Speicher kWh|Discharged from battery"},
		{ownUse, "Self Consumption (W)|Self-consumption|Eigenverbrauch|Eigendeckung (kWh)|Autoconsommation|selfConsumption"},
		{reactive, "1-1:3.29.0 [kvarh]|Blindarbeit|Reactive energy|1-0:3.8.0|kvarh|Global_reactive_power"},
		{aSum, "Total kWh|Summe|EacToday(kWh)|Gesamt Verbrauch"},
		{"gas", "Gas kWh"},
		{aWeather, "GHI|dni|Temp|Temperature (°C)|Global radiation (W/m²)|Solar irradiance W/m2|wind_speed_10m (km/h)|Wind (m/s)|Luftdruck (hPa)|Rain (mm)|Globalstrahlung|shortwave_radiation (W/m²)|kWh/m²"},
		{"", "Home 1|Peak kWh|Off peak kWh|Bezug|Einspeisung|House V2|Power (W)|Leistung|Wind (kW)|Wind turbine W|Heat pump kWh/h"},
	} {
		for name := range strings.SplitSeq(row.names, "|") {
			if got := notPower(name); got != row.of && !(row.of == aReading && got == anExtreme) && !(row.of == anExtreme && got == aReading) && !(row.of == aShare && got == ofABattery) {
				t.Errorf("%q is %q, wanted %q", name, got, row.of)
			}
		}
	}
}

// Columns belong to one home if their names are the same but for the words of roles, tariffs and units.
func TestHomesOfNames(t *testing.T) {
	for _, row := range []struct{ home, names string }{
		{"", "Import T1 kWh|Export T2 kWh|Bezug|Einspeisung|1-0:1.8.0|1-0:2.8.1*255 [kWh]|Wirkarbeit Bezug [kWh]|Verbrauch (kWh)|Restnetzbezug (kWh)|Energy Produced (Wh)|grid_return|Electricity delivered (tariff 1)"},
		{"house 1", "House 1 import kWh|House 1 export kWh|house 1 pv"},
		{"house 2", "House 2 import kWh|House 2 - Export (kWh)"},
		{"müller", "Müller Bezug kWh|Müller Einspeisung kWh|Müller Verbrauch"},
		{"b", "Home B import|home b export"},
	} {
		for name := range strings.SplitSeq(row.names, "|") {
			if got := homeOf(name); got != row.home {
				t.Errorf("%q is of %q, wanted %q", name, got, row.home)
			}
		}
	}
	for i, name := range []string{"Import T1 kWh", "Day kWh", "1-0:1.8.1", "Afname Nacht", "Tarif 2"} {
		if tariffOf(name) == "" {
			t.Errorf("%d: %q has no tariff", i, name)
		}
	}
	for _, name := range []string{"1-0:1.8.0", "Import kWh", fmt.Sprint("Home", 1)} {
		if got := tariffOf(name); got != "" {
			t.Errorf("%q has the tariff %q", name, got)
		}
	}
}

// Which columns are what a battery took and gave, by their names and those beside them.
func TestBatteriesOfNames(t *testing.T) {
	for _, row := range []struct{ name, beside, role string }{
		{"Battery charge kWh", "", "charged"}, {"Battery discharge kWh", "", "discharge"}, {"Discharge kWh", "", "discharge"}, {"Charge kWh", "Discharge kWh", "charged"},
		{"Akku Ladung", "", "charged"}, {"Entladung kWh", "", "discharge"}, {"Ladung kWh", "Entladung kWh", "charged"}, {"Beladung kWh", "Entladung kWh", "charged"},
		{"Charge kWh", "", ""}, {"Wallbox charge kWh", "Discharge kWh", ""}, {"Charging station", "", ""}, {"Battery W", "", ""}, {"Battery state of charge", "", ""}, {"Akku Ladezustand (%)", "", ""}, {"Battery charge level kWh", "", ""}, {"Battery charge current (A)", "", ""}, {"Battery charge cost EUR", "", ""}, {"Load kWh", "Discharge kWh", ""},
	} {
		if got := batteryRole(row.name, []string{row.name, row.beside}); string(got) != row.role {
			t.Errorf("%q beside %q is %q, wanted %q", row.name, row.beside, got, row.role)
		}
	}
}

// The units of names: those that are read, and those that are stated and are not.
func TestUnitsOfNames(t *testing.T) {
	for _, row := range []struct{ name, unit, other string }{
		{"Load (kW)", "kW", ""}, {"kwh", "kWh", ""}, {"pv_w", "W", ""}, {"P/kW", "kW", ""}, {"Energy [Wh]", "Wh", ""}, {"kWh/15min", "kWh", ""}, {"KWH/hh", "kWh", ""}, {"mean kWh/h", "kW", ""},
		{"W/m²", "", "W/m²"}, {"yield kWh/kWp", "", "kWh/kWp"}, {"Energy (MWh)", "", "MWh"}, {"MW", "", "MW"}, {"load_mw", "", "mw"}, {"E [GJ]", "", "GJ"}, {"Current (A)", "", "A"}, {"USAGE therms", "", "therms"},
		{"House A", "", ""}, {"House 12 (Süd)", "", ""}, {"Load", "", ""}, {"Import/Export", "", ""},
	} {
		if unit, other := unitOf(row.name), otherUnit(row.name); unit != row.unit || other != row.other && row.unit == "" {
			t.Errorf("%q: %q, not read: %q; wanted %q, %q", row.name, unit, other, row.unit, row.other)
		}
	}
}
