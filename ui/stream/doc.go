// Package stream is the viewer's stream: the messages of stream.proto, made by
// protoc-gen-go, and a View that applies frames as a viewer does. The protocol in
// prose stands in package ui.
package stream
