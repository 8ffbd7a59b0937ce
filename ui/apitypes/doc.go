// Package apitypes writes the TypeScript of the viewer's API from the server's OpenAPI
// document: an interface for each schema, and tables of what each route takes and
// answers. It reads the document as any client would, as JSON, and knows nothing of the
// server. What TypeScript cannot say is left out (bounds, patterns, formats); a keyword
// that it does not know is an error, because leaving it out could make a type untrue.
//
// Absent on purpose: a client. The page has one function that asks, lib/api.ts.
package apitypes
