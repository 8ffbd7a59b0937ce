package twins

// dishwasher heats for the wash and once more for the last rinse: 0.8 to 1.1 kWh a
// load.
var dishwasher = dishProgramme.kind("Dishwasher")

var dishProgramme = newProgramme(programme{
	name: "dishwasher", trait: traitDishes, loads: purposeDishes, energies: purposeDishEnergy,
	hours: newProfile(
		[24]float64{0.3, 0.1, 0, 0, 0, 0.05, 0.2, 0.5, 0.9, 1.0, 0.7, 0.5, 0.6, 1.0, 0.9, 0.5, 0.4, 0.6, 1.2, 1.7, 1.7, 1.4, 1.0, 0.6},
		[24]float64{0.3, 0.1, 0, 0, 0, 0.05, 0.1, 0.3, 0.8, 1.3, 1.2, 0.8, 0.8, 1.4, 1.4, 0.8, 0.5, 0.6, 1.1, 1.7, 1.7, 1.3, 1.0, 0.6}),
	perDay: 0.15, person: 0.17, deviation: 0.5,
	phases: []programmePhase{
		{power: 2000 * Watt, time: 10 * 60},
		{power: 80 * Watt, time: 40 * 60},
		{power: 2000 * Watt, time: 12 * 60},
		{power: 30 * Watt, time: 15 * 60},
	},
	more: 300 * WattHour,
})
