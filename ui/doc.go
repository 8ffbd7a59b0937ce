// Package ui is the viewer's server: one HTTP server with a REST API (API.md), one
// WebSocket stream (stream.proto) and the embedded web app.
//
// It imports twins and sim. What it needs of other packages it declares as small
// interfaces: Past (the records since a run's first step, and its kept views) and Keeper
// (makes commands and acknowledgements durable). Deliberately absent: a database, a second
// model of the grid, figures of its own; it shows records.
//
// # The stream
//
// Package viewers has the server's side of the stream: viewers, frames and their encoding.
// source.go here is the run as viewers see it.
//
// GET /api/v1/stream?run=live is a WebSocket. Messages are binary, each a
// ServerMessage or a ClientMessage of stream.proto; with ?format=json they are text,
// in protobuf's JSON mapping (bytes columns are then plain arrays of numbers, see
// below; at most 2,000 twins).
//
//	server                                 viewer
//	Hello                            ─▶
//	                                 ◀─   Subscribe{id 1, scopes [grid, communities, alerts]}
//	Subscribed{id 1, frames […]}     ─▶
//	Frame{grid, base −1} (full)      ─▶
//	Frame{communities/0, base −1}    ─▶
//	Alerts{full}                     ─▶
//	Frame{grid, base t} (delta) …    ─▶   per step
//	Heartbeat                        ─▶   each second
//	                                 ◀─   Look{id 2, tick 40}
//	Looking{id 2, tick 40}           ─▶
//	Frame{…, tick 40, base −1}       ─▶   full frames of that step, for this viewer only
//	                                 ◀─   Look{id 3, live}
//	Looking{id 3, live}              ─▶   full frames again, then deltas
//
// Hello has the run, its calendar (step t begins at start_unix_s + t·step_s) and the
// version of the catalogue: names, units and decimal places of columns (GET
// /api/v1/catalogue), communities and their positions (GET /api/v1/tree), members of
// tiles (GET /api/v1/tiles/{n}). Answers cached under the same version stay valid.
//
// Subscribe replaces the subscription before; an empty list ends it. Scopes:
//
//	grid            one row, columns as the catalogue's flow_columns: the whole grid
//	sources         one row per source (catalogue's sources): a kind, or kind/technology
//	communities     one row per community in path order, in frames communities/0, /1, …
//	                of at most 1,024 rows each: row i of communities/k is community 1024·k+i
//	community/{id}  the tiles that hold the community's twins
//	tile/{n}        at most 1,024 twins; a block per kind, its columns as the kind's
//	twin/{path}     one twin: block 0 has the kind's columns, block 1 one row per part
//	                with one column, power_w; in a past step whose parts are not known, block 1
//	                is left out and the frame's not_computed says why
//	alerts          rows of alerts instead of frames
//
// The world is cut into tiles by communities in path order: a tile takes whole
// communities while they fit into 1,024 twins, and a larger community has tiles of its
// own. A tile's frame is encoded once per step and shared by all viewers. A subscription
// to more than 20,000 twins gets communities instead of their tiles, and Subscribed says
// so in aggregated and notice.
//
// # Frames
//
// A frame with base −1 is the full state of its scope in step tick. Any other is a
// delta: it has the rows and columns that differ from the scope's frame of step base,
// which is always the one that this viewer got last for that scope. A viewer that
// missed steps, because a later frame replaced one not yet sent, gets a full frame
// next. So a viewer applies a frame if base is −1 or the tick of the frame that it has;
// any other base is an error of the server.
//
// Column.values are signed integers, two's complement, little-endian, Column.width
// bytes each: the least of 1, 2, 4 and 8 that holds all of them; width 0 means that all
// are zero. The least integer of a width (−128 in one byte, −32768 in two, and so on) means
// that the row has no value: the column has no meaning for it, or the record of an earlier
// program lacks it. It is never 0 instead. All others are the stored integers: value ÷ 10^places of the catalogue's column
// is in the unit of its name (power_w has places 3, so its values are milliwatts). If
// Column.index is not empty, it lists the rows of the values as little-endian uint16. A
// value replaces the one before; it is not added. So a decoder is
//
//	for k in 0 … (len(index)/2 or rows): row = index ? index[k] : k; table[column][row] = width ? read(values, k·width, width) : 0
//
// In JSON values and index are arrays of numbers, null where a row has no value, and width is
// left out. That is protocol 2; in protocol 1 such values were 0.
//
// The sign of a power is the same everywhere: + draws from the grid, − injects.
//
// # Latest wins
//
// For each viewer and scope at most one step waits to be sent; a newer one replaces
// it, and Heartbeat.conflated counts it. No other queue is without bound. The
// simulation never waits for a viewer. Subscribe.max_hz limits the frames per second.
// The kernel's send buffer is a queue as well, and is kept short.
//
// More than 1,024 communities take turns, chunk by chunk, so that their frames stay within
// 400 kB a second: each of 5,000 communities (a million homes) is updated every 0.7 s at
// 10 steps a second. The chunks of a view may thus be of different steps.
//
// # Heartbeat
//
// A Heartbeat comes each second: state of the run, its clock, the speed requested and
// reached, the viewer's own clock, counts. In a replay the clock says REPLAY and whether it
// is playing; it moves over the steps of the run in either direction, for all viewers, while
// Look moves one viewer's own clock. A viewer shows STALE after 3 s without a heartbeat. An
// alert's row is sent when it changes.
//
// # Close codes
//
// The server pings every 5 s. Close frames carry the reason in words.
//
//	1001 the server is shutting down
//	1003 a text message on a binary stream, or the other way round
//	1007 a message that cannot be decoded
//	1008 too many messages in a second
//	1009 a message of more than 32 KiB
//	4000 no pong within 5 s of a ping
//	4001 a write did not end within 10 s: the viewer does not read
//	4002 the run is gone
//
// Too many viewers, or too many from one address, are 429 before the upgrade.
//
// A request that is understood but cannot be met (an unknown scope, a step that is not
// held) is answered by Refused with the reason, and the connection stays open.
//
// # REST
//
// Each resource of the API is a file, api_clock.go to api_units.go: its routes, their parameters
// and answers, and the role (access.go) that a caller of each route needs. The server does not
// start with a route that has no role. With a token, a program carries it and a browser has a session
// (login.go, sessions.go). Connections, requests and wrong tokens are bounded by client
// (connections.go, client.go).
//
// API.md has every route with examples; /openapi.json is generated from the Go types; /docs
// renders it and loads nothing from another origin. Errors are application/problem+json. The
// page's TypeScript types are generated from /openapi.json by package apitypes (make api-types);
// one test fails if they differ from the document, another if an answer does.
package ui
