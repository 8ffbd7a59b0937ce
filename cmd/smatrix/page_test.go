package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shapeOf returns the structure of a page, a line for each element or row of a table: without the
// figures and the lines of the scale, which change whenever a twin does, but with all names, titles,
// times, and the number of points of each curve.
// foreign is all that a browser would have to load from elsewhere.
func shapeOf(t *testing.T, page string) (shape string, foreign []string) {
	t.Helper()
	var lines, open []string
	add := func(text string) { // to the line of the element
		if len(lines) > 0 {
			lines[len(lines)-1] += " " + text
		}
	}
	d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return repeats(lines), foreign
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if slices.Contains([]string{"script", "link", "img", "iframe", "object", "embed", "audio", "video", "image", "use", "base", "form"}, e.Name.Local) {
				foreign = append(foreign, e.Name.Local)
			}
			switch text := e.Name.Local + attributes(e.Attr, &foreign); {
			case slices.Contains(open, "tr"):
				add("| " + text)
			case e.Name.Local != "line" && e.Name.Local != "text":
				lines = append(lines, strings.Repeat(" ", len(open))+text)
			}
			open = append(open, e.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			text := strings.TrimSpace(string(e))
			switch in := append([]string{""}, open...)[len(open)]; {
			case in == "style":
				foreign = append(foreign, regexp.MustCompile(`(?i)@import|url\([^)]*\)|@font-face`).FindAllString(text, -1)...)
			case text == "", in == "td", in == "text" && !strings.Contains(text, ":"):
			default:
				add(regexp.MustCompile(`[0-9a-f]{16,}`).ReplaceAllString(text, "…"))
			}
		}
	}
}

// attributes returns the attributes that identify an element; for a curve, its number of points.
func attributes(all []xml.Attr, foreign *[]string) (text string) {
	for _, a := range all {
		switch name := a.Name.Local; {
		case slices.Contains([]string{"id", "class", "role", "aria-labelledby", "aria-hidden", "scope", "lang", "http-equiv", "content", "fill", "stroke"}, name):
			text += fmt.Sprintf(" %s=%q", name, a.Value)
		case name == "d":
			text += fmt.Sprintf(" points=%d", strings.Count(a.Value, "H"))
		case slices.Contains([]string{"src", "srcset", "href", "data", "action", "poster", "background", "style"}, name), strings.HasPrefix(name, "on"):
			*foreign = append(*foreign, name+"="+a.Value)
		}
		if found := regexp.MustCompile(`(?i)(https?:)?//|url\(|javascript:`).FindString(a.Value); found != "" {
			*foreign = append(*foreign, a.Name.Local+"="+a.Value)
		}
	}
	return text
}

// repeats replaces equal adjacent lines by one with their number.
func repeats(lines []string) string {
	var b strings.Builder
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		if b.WriteString(lines[i]); n > 1 {
			fmt.Fprintf(&b, " × %d", n)
		}
		b.WriteByte('\n')
		i += n
	}
	return b.String()
}

// The page of the hamlet has the shape in testdata and is self-contained; the same run gives the same
// page.
func TestPageOfTheHamlet(t *testing.T) {
	root := t.TempDir()
	var pages []string
	for _, name := range []string{"a", "b"} {
		wants(t, "run", "hamlet", "--out", filepath.Join(root, name), "--quiet")
		wants(t, "report", filepath.Join(root, name), "--out", filepath.Join(root, name+".html"))
		b, err := os.ReadFile(filepath.Join(root, name+".html"))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, string(b))
	}
	if pages[0] != pages[1] {
		t.Error("the same run gives two pages")
	}
	got, foreign := shapeOf(t, pages[0])
	if len(foreign) > 0 {
		t.Errorf("the page wants %q from elsewhere", foreign)
	}
	file := filepath.Join("testdata", "hamlet-page.txt")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%v, got:\n%s\ngo test ./cmd/smatrix -rewrite accepts it", err, got)
	}
}

// Every kind of reference to another file is found, wherever it is in the page.
func TestForeignPartsAreFound(t *testing.T) {
	for _, part := range []string{
		`<img src="x.png">`, `<script>1</script>`, `<link rel="stylesheet" href="x.css">`, `<p style="color: red">x</p>`, `<a href="https://example.org">x</a>`,
		`<svg><use href="x.svg#a"/></svg>`, `<svg><rect fill="url(//x/y)"/></svg>`, `<style>@import "x.css";</style>`, `<style>p { background: url(x.png) }</style>`,
		`<p onclick="f()">x</p>`, `<iframe src="x"></iframe>`, `<meta http-equiv="refresh" content="0; //example.org">`,
	} {
		if _, foreign := shapeOf(t, "<!DOCTYPE html><html><body>"+part+"</body></html>"); len(foreign) == 0 {
			t.Errorf("%s was not found", part)
		}
	}
}
