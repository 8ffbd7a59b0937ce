package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Names of files, scenarios, members and keys come from outside: they may hold control characters, which
// act on a terminal, characters that turn the direction of a line, and line breaks, which
// would make one message look like two.

// printable replaces such characters in a text, but for line breaks and tabs.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// printableLine replaces them in a text of one line, such as a name or a message.
func printableLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escapeJSON escapes them in JSON, where they can be in strings only.
func escapeJSON(b []byte) []byte {
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r == '\n' || !unprintable(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return []byte(out.String())
}
