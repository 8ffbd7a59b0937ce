// Package viewers is the server's side of the stream: viewers of a run, each a WebSocket, the frames
// that they share, and how they go over the wire. A Hub takes the frames of each step (Show); a
// viewer gets those that it has subscribed to, full or as what differs from the frame that it
// has, each made once for all. Packed columns (Column, Block) are those of frames, of history and
// of the API alike.
//
// The run is a Source: it says which frames scopes stand for, makes those of a step that is looked at,
// and has the clock and the alerts. The protocol in prose stands in package ui, the messages
// in package stream.
//
// Absent on purpose: what a column means, where a twin is, who may watch, and how many: the server knows.
package viewers
