// Package viewers is the server's side of the stream: the viewers of a run, each a WebSocket, the
// frames that they share, and their encoding. A Hub takes the frames of each step (Show). A viewer
// gets those that it has subscribed to, as full state or as a delta to the frame that it has; each
// is encoded once and shared. Frames, history and the API use the same packed columns (Column,
// Block).
//
// The run is a Source: it resolves scopes to frames, makes the frames of a past step, and has the
// clock and the alerts. Package ui documents the protocol, package stream has its messages.
//
// Absent on purpose: the meaning of columns, the places of twins, access control and the limit on
// viewers. The server has them.
package viewers
