// Package operator is the grid's operator: the controller that ships. It commits
// plants for the coming day from a forecast, dispatches them each step by merit
// order, keeps reserve for the loss of the greatest infeed, asks communities to
// move what they have agreed to move when production does not suffice, and
// computes the frequency of an island in the seconds before any of this acts.
//
//	forecast ─▶ commitment (hourly, or when a unit was lost) ─▶ which plants are on, and which start when
//	offers   ─▶ dispatch (each step) ─▶ setpoints, reserve, requests to communities
//	settled  ─▶ swing (each step of an island) ─▶ frequency, relays, entries of the books for rotating masses
//
// Two strategies are made of it, operator and plain; the scenario's controls choose one.
//
// It knows communities by their rosters and answers (twins.Roster, twins.Answer) and holds
// no twin. It never sees the future: a Forecast predicts it, by a stated method, and
// learns from the outcome.
//
// Deliberately absent: the limits of communities and the plans of vehicles (they
// keep their own), markets, and a network inside the grid, which is one node.
package operator
