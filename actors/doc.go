// Package actors gives every twin a life of its own: the grid, each community
// and each member is an actor of protoactor-go with its own address, its own
// turn and a supervisor.
//
//	grid ── $shard-0 … (tick communities, own nothing, appear in no path)
//	 ├─ community ── member, member, …
//	 └─ community ── …
//
// An address is the twin's path. Members share one mailbox, the community's (a
// cell): community and members take turns in one run loop, so states need no
// locks and a message to a member costs little more than a call. Hosting says
// whether a member gets a message of its own at each stage, the community steps
// the slab in one loop, or everything is done the library's default way; the
// digest is the same.
//
// # What fails
//
// A member that panics is restarted by its community, goes back to its state
// before the step and is asked again in the same step. If it fails again in
// that step it is quarantined: an estimate visibly replaces it from then on. A
// community, a shard or the grid that panics is resumed and receives the failed
// message a second time; every handler can be repeated. Three failures on one
// message end the run with an error. No message is lost: each that was sent is
// handled, or sent again because its handler failed, or reported.
//
// # What is absent
//
// No physics and no decisions: those are package twins'. No disk and no socket.
// Nothing of value lives only in a mailbox. No handler waits.
package actors
