package importer

import (
	"regexp"
	"slices"
	"strings"
)

// The units that names have. A unit that is stated and that scenarios do not read is never taken for
// another one.

// units are those that scenarios read.
var units = []string{"kWh", "Wh", "kW", "W"}

// perTime are words behind a / for the time of a row: kWh/15min is an energy.
var perTime = []string{"hh", "qh", "15min", "30min", "60min", "15 min", "30 min", "interval", "intervall", "d", "day", "tag"}

// nameWords divides a name into the words that can be units: kWh/m² is one word.
func nameWords(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" _-()[],:;", r) })
}

// unitOf returns the unit that a name has, "" if it has none that scenarios read. kWh/h is a power,
// and a name may be before the unit: P/kW.
func unitOf(name string) string {
	words := nameWords(name)
	for _, unit := range units {
		for _, word := range words {
			before, after, divided := strings.Cut(word, "/")
			switch {
			case !divided && strings.EqualFold(word, unit):
				return unit
			case divided && strings.EqualFold(before, unit) && slices.Contains(perTime, strings.ToLower(after)):
				return unit
			case divided && strings.EqualFold(word, unit+"h/h"):
				return unit
			case divided && strings.EqualFold(after, unit) && !isUnit(before):
				return unit
			}
		}
	}
	return ""
}

// isUnit reports whether a word is a unit that scenarios read.
func isUnit(word string) bool {
	return slices.ContainsFunc(units, func(unit string) bool { return strings.EqualFold(word, unit) })
}

// otherUnits are units that names state and scenarios do not read, and how many kW or kWh of those that
// are power or energy make one, as text.
var otherUnits = map[string]string{
	"MW": "1000 kW", "GW": "1000000 kW", "TW": "", "mW": "0.000001 kW", "MWh": "1000 kWh", "GWh": "1000000 kWh", "TWh": "", "mWh": "0.000001 kWh",
	"J": "", "kJ": "0.000278 kWh", "MJ": "0.277778 kWh", "GJ": "277.778 kWh", "TJ": "", "Ws": "", "BTU": "", "kBtu": "0.293071 kWh", "MMBtu": "293.071 kWh", "therm": "29.3071 kWh", "therms": "29.3071 kWh", "kcal": "0.001163 kWh",
	"Ah": "", "mAh": "", "mA": "", "kA": "", "kV": "", "mV": "", "ppm": "", "km": "", "kg": "", "lx": "", "bpm": "", "MB": "", "GB": "", "l": "", "m": "", "A": "", "K": "", "C": "", "F": "", "s": "", "min": "", "h": "", "kWp": "", "Wp": "",
}

// inBrackets matches what a name has in brackets, where a single letter is a unit.
var inBrackets = regexp.MustCompile(`[(\[]\s*([^()\[\]]*?)\s*[)\]]`)

// otherUnit returns the unit that a name states and that scenarios do not read, "" if there is none.
func otherUnit(name string) string {
	for _, word := range nameWords(name) {
		before, _, divided := strings.Cut(word, "/")
		if isKnown := unitOf(word) != ""; divided && !isKnown && (isUnit(before) || slices.Contains([]string{"MWh", "GWh", "MW", "GW", "MJ"}, before)) {
			return word
		}
		if len(word) > 1 && !slices.Contains([]string{"min", "km"}, word) {
			if unit := isOther(word); unit != "" {
				return unit
			}
		}
	}
	for _, m := range inBrackets.FindAllStringSubmatch(name, -1) {
		if _, ok := otherUnits[m[1]]; ok {
			return m[1]
		}
	}
	return ""
}

// isOther returns the unit that a word is, in any letters, "" if it is none: mwh is not told from MWh.
func isOther(word string) string {
	if _, ok := otherUnits[word]; ok {
		return word
	}
	for unit := range otherUnits {
		if len(unit) > 1 && strings.EqualFold(unit, word) {
			return word
		}
	}
	return ""
}

// conversion says what one of a unit is in kW or kWh, "" if that is not known.
func conversion(unit string) string {
	if is := otherUnits[unit]; is != "" {
		return " (1 " + unit + " = " + is + ")"
	}
	return ""
}

// inUnit begins what a column is that has a unit which scenarios do not read.
const inUnit = "in "

// Parts and words of names of power and energy, or of a meter, in the languages of the forms.
var (
	partsOfPower = []string{"energ", "énerg", "power", "leistung", "puissance", "potenc", "potenz", "vermogen", "strom", "stroom", "elektr", "electr", "électr", "elettr",
		"verbrauch", "consum", "consom", "verbruik", "lastgang", "wirkarbeit", "zähler", "smart meter", "einspeis", "eingespeis", "netzbezug", "feed in", "togrid", "to grid", "from grid", "fed in",
		"teruglever", "injecti", "injekt", "afname", "soutir", "solar", "photovolt", "erzeug", "wärmepumpe", "waermepumpe", "heat pump", "heatpump", "wallbox", "production", "produced", "opwek", "demand"}
	wordsOfPower = []string{"load", "loads", "usage", "grid", "netz", "net", "pv", "import", "imported", "export", "exported", "bezug", "lieferung", "generation", "generated", "pload", "ppv", "pac", "eac", "epv", "charger",
		"home", "house", "household", "haus", "haushalt", "flat", "wohnung", "maison", "casa", "huis", "meter", "feeder", "a+", "a-"}
)

// isOfPower reports whether a name says that a column is of power or energy: by a unit, a code of
// OBIS, or a word.
func isOfPower(name string) bool {
	if unitOf(name) != "" || obis.MatchString(name) || hasWord(name, "a+", "a-", "+a", "-a") {
		return true
	}
	plain := plainName(name)
	return hasPart(plain, partsOfPower) || slices.ContainsFunc(strings.Fields(plain), func(word string) bool { return isIn(strings.TrimRight(word, "0123456789"), wordsOfPower) })
}

// saysLoad reports whether a name says that a column is what a home consumed.
func saysLoad(name string) bool {
	return hasPart(plainName(name), []string{"verbrauch", "consum", "consom", "verbruik", "load", "usage", "used", "demand"})
}
