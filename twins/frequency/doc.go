// Package frequency computes what happens in the seconds inside a step: the
// frequency of an island or of a whole synchronous area after the balance was
// disturbed, and the power of the units and reserves that hold it.
//
// # The model
//
// One bus, one frequency. With Δf the deviation from nominal and M the inertia,
//
//	M·dΔf/dt = −disturbance + governors + aFRR + mFRR + P(f) + relief + shed,   M = 2·E_k/f₀
//
// which is the swing equation to first order in Δf, as in Anderson and Mirheydar
// 1990 (IEEE Trans. Power Systems 5(3), 720–729). Kinetic energy then is linear in
// the deviation, M·Δf; the true one, E_k·(f/f₀)², differs by the share Δf/2f₀, 1 %
// at 49 Hz. All else follows the published rules of Continental Europe; each
// number has its source beside it.
//
// What acts when: inertia and the load's own relief at once; grid-forming
// batteries within 0.2 s; governors and FCR within seconds, FCR in full after
// 30 s; aFRR within 5 min; mFRR within 12.5 min; below 49.0 Hz load is shed in
// stages; above 50.2 Hz inverters reduce power; below 47.5 and above 51.5 Hz
// plants disconnect, which is a blackout.
//
// Area.Run integrates this with Runge and Kutta's method of order four in steps of
// at most 100 ms and stops when nothing moves any more. Area.Closed is for the
// ordinary step, in which nothing trips. Energies are summed with the same weights
// as the frequency, so that they add up to rounding.
//
// # Signs and units
//
// float64 in W, J, s, Hz, for this is physics: a caller rounds each energy once
// where it becomes a twins.Energy. Here + is what raises the frequency: power
// delivered beyond its schedule, load not served. Only the disturbance has the
// other sign: + is generation lost or load gained. All arithmetic gives the same
// bits on every processor. Nothing is allocated once a State has seen its area.
//
// # What is not here
//
// Voltage, reactive power, angles between machines, oscillations between areas,
// and the choice of customers when a stage sheds: the operator makes it. Behind
// an AC tie the neighbour holds the frequency, and this package is not used.
package frequency
