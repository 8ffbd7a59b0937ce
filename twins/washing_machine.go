package twins

// washingMachine heats its water, then washes, rinses and spins: 0.6 to 1 kWh a load.
var washingMachine = washProgramme.kind("Washing machine")

var washProgramme = newProgramme(programme{
	name: "washing_machine", trait: traitWash, loads: purposeWash, energies: purposeWashEnergy,
	hours: newProfile(
		[24]float64{0.1, 0, 0, 0, 0.05, 0.2, 0.6, 1.2, 1.6, 1.8, 1.7, 1.5, 1.2, 1.0, 0.9, 0.9, 1.0, 1.1, 1.2, 1.1, 0.9, 0.6, 0.4, 0.2},
		[24]float64{0.1, 0, 0, 0, 0.05, 0.1, 0.4, 1.2, 2.2, 2.6, 2.5, 2.2, 1.7, 1.4, 1.2, 1.1, 1.1, 1.1, 1.1, 0.9, 0.7, 0.5, 0.3, 0.2}),
	perDay: 0.1, person: 0.18, deviation: 0.4,
	phases: []programmePhase{
		{power: 2000 * Watt, time: 12 * 60},
		{power: 120 * Watt, time: 60 * 60},
		{power: 400 * Watt, time: 10 * 60},
	},
	more: 400 * WattHour,
})
