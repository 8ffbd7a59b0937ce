package importer

import (
	"regexp"
	"strings"
)

// What a column is by its name, in English, German, Dutch, French, Spanish and Italian. The
// first of these that fits counts: a code of OBIS, what is no power or energy of a meter, what was
// fed in, what was drawn from the grid, what panels gave, the net of the grid. Any other column
// is a load, if it has a unit or its name has a word of power or energy.

// role is what a column is in a scenario.
type role string

const (
	load      role = "load"      // what a home consumes
	drawn     role = "drawn"     // the register of what a home has drawn from the grid
	fedIn     role = "fed in"    // the register of what a home has fed into the grid
	generated role = "generated" // what panels give: those of a home if the file has one
	net       role = "net"       // what a home draws from the grid less what it feeds in
	charged   role = "charged"   // what a battery took
	discharge role = "discharge" // what a battery gave
	park      role = "park"      // panels without a home
)

// obis matches the codes of registers: 1-0:1.8.0, 2.8.1, 1-1:2.29.0. The first group is the
// quantity: 1 active energy drawn, 2 active energy fed in, 3 and more reactive and apparent.
var obis = regexp.MustCompile(`(?:^|[^0-9.])([0-9])\.(?:[789]|29)\.[0-9]`)

// The parts of names by which a column is taken for what was fed in, for what was drawn and for what
// panels gave. Marks between words are blanks here.
var (
	namesFedIn = []string{"export", "einspeis", "eingespeis", "rückspeis", "rueckspeis", "rücklieferung", "ruecklieferung", "netzabgabe", "wirkarbeit lieferung",
		"feed in", "feedin", "togrid", "fed in", "feeding in", "to grid", "to the grid", "into grid", "into the grid", "return", "delivered by", "reverse",
		"inject", "injekt", "teruglever", "teruggelever", "réinjec", "excédent", "surplus", "überschuss", "ueberschuss", "excedent", "vertid", "immess", "immission"}
	namesDrawn = []string{"import", "bezug", "bezogen", "drawn", "from grid", "from the grid", "fromgrid", "touser", "grid consumption", "delivered", "purchased", "forward",
		"afname", "afgenomen", "levering", "soutir", "prélev", "prélèv", "prelev", "prelie"}
	namesGenerated = []string{"solar", "photovolt", "erzeug", "ertrag", "produktion", "production", "produced", "produceer", "productie", "produzione", "prodott", "producción", "produccion", "producid",
		"generation", "generated", "generación", "generacion", "generada", "yield", "opwek", "opbrengst"}
)

// pairs are words that mean fed in only beside a column of the first.
var pairs = []struct{ beside, fedIn string }{{"delivered", "received"}, {"bezug", "lieferung"}, {"bezug", "abgabe"}, {"energy", "energy out"}, {"power", "power out"},
	{"grid in", "grid out"}, {"energy", "ret energy"}, {" ae kwh", " as kwh"}}

// roleOf returns what a column is by its name, among the names of all columns.
func roleOf(name string, all []string) role {
	plain := plainName(name)
	if m := obis.FindStringSubmatch(name); m != nil {
		return map[string]role{"1": drawn, "2": fedIn}[m[1]]
	}
	switch {
	case hasPart(plain, namesFedIn), hasWord(name, "a-", "-a", "sold", "verkauft"):
		return fedIn
	case isPaired(plain, all):
		return fedIn
	case hasPart(plain, namesDrawn), hasWord(name, "a+", "+a"):
		return drawn
	case hasPart(plain, namesGenerated), hasWord(plain, "pv", "ppv", "epv", "pac", "eac"):
		return generated
	case hasWord(plain, "grid", "pgrid", "netz", "netzleistung", "net", "netto", "saldo", "réseau"):
		return net
	}
	return load
}

// batteryRole returns whether a column is what a battery took or gave, "" if its name does not say
// it. A name without a battery is that of one beside its opposite: Charge kWh, Discharge kWh.
func batteryRole(name string, all []string) role {
	plain := plainName(name)
	if strings.Contains(name, "%") || otherUnit(name) != "" && unitOf(name) == "" || hasPart(plain, namesState) {
		return ""
	}
	for _, word := range strings.Fields(plain) {
		if of := notMetered[word]; of != "" && of != ofABattery {
			return ""
		}
	}
	if hasPart(plain, namesDischarge) {
		return discharge
	}
	if !hasPart(plain, namesCharge) {
		return ""
	}
	for _, word := range strings.Fields(plain) {
		if notMetered[word] == ofABattery {
			return charged
		}
	}
	for _, other := range all {
		for i, d := range namesDischarge {
			if o := plainName(other); strings.Contains(o, d) && strings.Replace(o, d, namesCharge[i], 1) == plain {
				return charged
			}
		}
	}
	return ""
}

// namesState are parts of names of how full a battery is.
var namesState = []string{"state", "level", "zustand", "füllstand", "soc", "status", "cycle", "zyklen"}

// The parts of names of what a battery took and gave, by language: English, German, German, French, Dutch,
// Spanish, Italian. What it took is within what it gave.
var (
	namesDischarge = []string{"discharg", "entlad", "entlad", "décharge", "ontlad", "descarga", "scarica"}
	namesCharge    = []string{"charg", "lad", "belad", "charge", "laad", "carga", "carica"}
)

// isPaired reports whether a name has the second word of a pair, and another column the first.
func isPaired(plain string, all []string) bool {
	for _, p := range pairs {
		if !strings.Contains(" "+plain, p.fedIn) {
			continue
		}
		for _, other := range all {
			if o := " " + plainName(other); strings.Contains(o, p.beside) && !strings.Contains(o, p.fedIn) {
				return true
			}
		}
	}
	return false
}

// plainName returns a name in small letters, with a blank for each mark between words, and
// between words of which the second begins with a capital, as in gridExport.
func plainName(name string) string {
	b := &strings.Builder{}
	small := 0 // letters before this one, so that kWh is one word
	for _, r := range name {
		if strings.ContainsRune(" _-()[]{}/,.:", r) {
			r = ' '
		}
		if r >= 'A' && r <= 'Z' && small > 1 {
			b.WriteByte(' ')
		}
		if small++; r < 'a' || r > 'z' {
			small = 0
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(strings.ToLower(b.String())), " ")
}

func hasPart(plain string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(plain, part) {
			return true
		}
	}
	return false
}

// hasWord reports whether a name has one of the words, between blanks and brackets.
func hasWord(name string, words ...string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune(" ()[]/,;", r) }) {
		for _, word := range words {
			if w == word {
				return true
			}
		}
	}
	return false
}

// What a column is that other columns say already: it is left out if there are some of its role.
const (
	aSum    = "a sum of others"
	aDirect = "what panels give before the inverter"
)

// What a column is that is neither a power nor an energy of a meter.
const (
	aPrice     = "a price"
	aWeather   = "weather"
	aShare     = "a share"
	aReading   = "a voltage, a current or a frequency"
	anExtreme  = "a highest or lowest value"
	ofABattery = "what a battery charges or discharges"
	ownUse     = "what a home used of its own"
	reactive   = "reactive or apparent"
)

// notMetered are words in names of such columns, in English, German, French and Dutch.
var notMetered = map[string]string{
	"price": aPrice, "preis": aPrice, "prix": aPrice, "prijs": aPrice, "eur": aPrice, "€": aPrice, "ct": aPrice, "cent": aPrice, "usd": aPrice, "$": aPrice, "gbp": aPrice, "£": aPrice,
	"cost": aPrice, "costs": aPrice, "kosten": aPrice, "coût": aPrice, "cout": aPrice, "coste": aPrice, "costo": aPrice, "tariff": aPrice, "charges": aPrice, "tax": aPrice, "vat": aPrice, "mwst": aPrice,
	"percent": aShare, "prozent": aShare, "%": aShare, "soc": aShare, "autarkie": aShare, "efficiency": aShare,
	"spot": aPrice, "marketprice": aPrice, "balance": aPrice,
	"temperature": aWeather, "temperatur": aWeather, "température": aWeather, "temp": aWeather, "°c": aWeather, "°f": aWeather, "humidity": aWeather, "luftfeuchte": aWeather, "dew": aWeather,
	"ghi": aWeather, "dni": aWeather, "dhi": aWeather, "poa": aWeather, "gti": aWeather, "uv": aWeather, "lux": aWeather, "wind": aWeather, "windspeed": aWeather, "gust": aWeather, "gusts": aWeather,
	"hpa": aWeather, "mbar": aWeather, "pressure": aWeather, "luftdruck": aWeather, "mm": aWeather, "rain": aWeather, "regen": aWeather, "niederschlag": aWeather, "precipitation": aWeather, "rainfall": aWeather, "snow": aWeather, "snowfall": aWeather, "schnee": aWeather, "pluie": aWeather, "neerslag": aWeather,
	"shortwave": aWeather, "cloud": aWeather, "cloudcover": aWeather, "clouds": aWeather, "sunshine": aWeather, "sonnenschein": aWeather, "lufttemperatur": aWeather, "außentemperatur": aWeather, "aussentemperatur": aWeather,
	"total": aSum, "sum": aSum, "summe": aSum, "gesamt": aSum, "somme": aSum, "totaal": aSum,
	"today": aSum, "heute": aSum, "lifetime": aSum, "cumulative": aSum, "ppv": aDirect, "epv": aDirect, "dc": aDirect,
	"v": aReading, "voltage": aReading, "spannung": aReading, "amps": aReading, "hz": aReading, "frequency": aReading, "frequenz": aReading,
	"min": anExtreme, "max": anExtreme, "minimum": anExtreme, "maximum": anExtreme, "peak": anExtreme,
	"co2": "an emission", "gco2eq": "an emission", "kg": "an emission",
	"var": reactive, "kvar": reactive, "kvarh": reactive, "varh": reactive, "va": reactive, "kva": reactive, "vah": reactive, "kvah": reactive, "mva": reactive, "mvah": reactive, "mvar": reactive, "mvarh": reactive, "blindarbeit": reactive, "blindleistung": reactive, "reactive": reactive, "apparent": reactive,
	"battery": ofABattery, "batteries": ofABattery, "batterie": ofABattery, "batterij": ofABattery, "akku": ofABattery, "powerwall": ofABattery, "speicher": ofABattery, "batería": ofABattery, "batteria": ofABattery,
	"gas": "gas", "m3": "gas or water", "m³": "gas or water", "water": "water", "wasser": "water",
}

// namesOwnUse are parts of names of what panels gave and the home used itself: a share of both.
var namesOwnUse = []string{"self consum", "selfconsum", "self use", "eigenverbrauch", "eigendeckung", "autoconsom", "autoconsum", "autocons", "zelfverbruik", "self sufficiency"}

// notPower returns what a column is by its name, if that is neither a power nor an energy of one meter;
// "" otherwise.
func notPower(name string) string {
	if m := obis.FindStringSubmatch(name); m != nil && m[1] > "2" {
		return reactive
	}
	plain := plainName(name)
	switch {
	case hasPart(plain, namesOwnUse):
		return ownUse
	case perArea.MatchString(name), hasPart(plain, namesWeather):
		return aWeather
	}
	for _, word := range strings.Fields(plain) {
		if of := notMetered[word]; of != "" && !(of == aWeather && unitOf(name) != "") && !(of == anExtreme && word == "peak" && !strings.Contains(plain, "power")) {
			return of
		}
	}
	return ""
}

// perArea matches units of irradiance: W/m², kWh/m2, W m-2.
var perArea = regexp.MustCompile(`(?i)(?:w|wh|j)\s*(?:/|per|\s)\s*(?:m²|m2|m\^2|qm|sqm|m-2|m⁻²)`)

// namesWeather are parts of names of irradiance.
var namesWeather = []string{"radiation", "irradia", "strahlung", "rayonnement", "radiación", "radiacion", "radiazione", "windgeschw", "wind speed"}

// The words of tariffs and of phases, by which the registers of one meter differ.
var tariffs = []string{"super off peak", "mid peak", "on peak", "onpeak", "off peak", "shoulder", "l1", "l2", "l3", "phase 1", "phase 2", "phase 3", "phase a", "phase b", "phase c", "t1", "t2", "ht", "nt", "hp", "hc", "hph", "hch", "hpb", "hcb", "day", "night", "dag", "nacht", "tag", "peak", "offpeak", "low", "high", "normal", "laag", "hoog", "tarif 1", "tarif 2", "tariff 1", "tariff 2", "rate 1", "rate 2", "pleines", "creuses"}

// tariffOf returns the tariff that a name has, "" if it has none.
func tariffOf(name string) string {
	plain := " " + plainName(name) + " "
	for _, t := range tariffs {
		if strings.Contains(plain, " "+t+" ") {
			return t
		}
	}
	if m := obisTariff.FindStringSubmatch(name); m != nil && m[1] != "0" {
		return m[1]
	}
	return ""
}

var obisTariff = regexp.MustCompile(`(?:^|[^0-9.])[12]\.[89]\.([0-9])`)

// fillers are words that name neither a home nor a role.
var fillers = []string{"pac", "eac", "ppv", "epv", "pload", "kwh", "wh", "kw", "w", "energy", "energie", "power", "leistung", "active", "aktiv", "wirkarbeit", "wirkleistung", "electricity", "strom", "grid", "netz", "net", "meter", "zähler", "consumption", "consumed", "verbrauch", "usage", "used", "load", "last", "consommation", "consommé", "verbruik", "consumo", "home", "house", "haus", "hausverbrauch", "kwh/hh",
	"electric", "from", "to", "the", "into", "ins", "vom", "in", "by", "client", "of", "register", "tarif", "tariff", "rate", "heures", "back", "value", "wert", "pgrid", "netzleistung", "netto", "saldo", "réseau", "out", "act", "ret", "ae", "as", "total", "gesamt", "totaal", "summe", "sum"}

// homeOf returns the rest of a column's name without the words of its role, its tariff and its unit: what
// tells the columns of one home from those of another. "" if nothing is left.
func homeOf(name string) string {
	plain := " " + plainName(obisCode.ReplaceAllString(name, " ")) + " "
	for _, t := range tariffs {
		plain = strings.ReplaceAll(plain, " "+t+" ", " ")
	}
	var rest []string
	words := strings.Fields(plain)
	for i, word := range words {
		numbered := i > 0 && len(word) > 0 && word[0] >= '0' && word[0] <= '9' // House 1: a number behind its name is kept
		if numbered && len(rest) == 0 && isPlace(words[i-1]) {
			rest = append(rest, words[i-1], word)
			continue
		}
		if hasPart(word, namesFedIn) || hasPart(word, namesDrawn) || hasPart(word, namesGenerated) || isIn(word, fillers) || word == "pv" || word == "fed" || word == "feed" || word == "received" || word == "lieferung" || word == "abgabe" {
			continue
		}
		rest = append(rest, word)
	}
	return strings.Join(rest, " ")
}

// homeOfBattery returns what homeOf does for a column of a battery.
func homeOfBattery(name string) string {
	var rest []string
	for _, word := range strings.Fields(homeOf(name)) {
		if !hasPart(word, namesCharge) && !hasPart(word, namesDischarge) && notMetered[word] != ofABattery {
			rest = append(rest, word)
		}
	}
	return strings.Join(rest, " ")
}

// isPlace reports whether a word names a home, before its number.
func isPlace(word string) bool {
	return isIn(word, []string{"home", "house", "haus", "meter", "zähler", "flat", "wohnung", "maison", "huis", "casa"})
}

var obisCode = regexp.MustCompile(`(?i)\b-?a[+-]|\+a\b|[0-9]-[0-9]+:|[0-9]\.(?:[789]|29)\.[0-9](?:\*255)?`)

func isIn(word string, words []string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}
