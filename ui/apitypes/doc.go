// Package apitypes writes the TypeScript of the viewer's API from the server's OpenAPI
// document: an interface for each schema, and tables of the query, body and answer of each
// route. It reads the document as any client would, as JSON, and does not depend on the
// server. What TypeScript cannot express is left out (bounds, patterns, formats); an unknown
// keyword is an error, because leaving it out could make a type untrue.
//
// Absent on purpose: a client. The page has one, lib/api.ts.
package apitypes
