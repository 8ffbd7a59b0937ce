package twins

// dryer is a tumble dryer with electric heating: 1.2 to 2.3 kWh a load.
var dryer = dryProgramme.kind("Tumble dryer")

var dryProgramme = newProgramme(programme{
	name: "dryer", trait: traitDry, loads: purposeDry, energies: purposeDryEnergy,
	hours: newProfile(
		[24]float64{0.1, 0.05, 0, 0, 0, 0.05, 0.3, 0.6, 0.9, 1.2, 1.4, 1.5, 1.4, 1.3, 1.2, 1.1, 1.1, 1.1, 1.2, 1.2, 1.0, 0.8, 0.5, 0.2},
		[24]float64{0.1, 0.05, 0, 0, 0, 0, 0.2, 0.5, 1.0, 1.6, 2.0, 2.1, 1.9, 1.7, 1.5, 1.4, 1.3, 1.2, 1.2, 1.1, 0.9, 0.7, 0.4, 0.2}),
	perDay: 0.05, person: 0.13, deviation: 0.8,
	phases: []programmePhase{
		{power: 2300 * Watt, time: 30 * 60},
		{power: 200 * Watt, time: 10 * 60},
	},
	more: 1100 * WattHour,
})
