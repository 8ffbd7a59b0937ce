// Package operator is the grid's operator: the controller that ships. It commits
// plants for the coming day from a forecast, dispatches them each step by merit
// order, keeps reserve for the loss of the greatest infeed, asks communities to
// move what they have agreed to move where production does not suffice, and knows
// what the frequency of an island does in the seconds in which none of this acts
// yet.
//
//	forecast ─▶ commitment (hourly, or when a unit was lost) ─▶ who is on, who starts when
//	offers   ─▶ dispatch (each step) ─▶ setpoints, reserve, what is asked of communities
//	settled  ─▶ swing (each step of an island) ─▶ frequency, relays, what books owe to rotating masses
//
// Two strategies are made of it, operator and plain; a scenario chooses by controls.
//
// It knows communities by their rosters and answers (twins.Roster, twins.Answer) and holds
// no twin. It never sees the future: a Forecast says what it expects, by a stated method,
// and is told what came.
//
// Deliberately absent: the limits of communities and the plans of vehicles (theirs
// to keep), markets, and a network inside the grid, which is one node.
package operator
