package sim_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readsClock are the functions that read the wall clock or wait for it, by import path.
var readsClock = map[string][]string{
	"time":    {"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// The wall clock is read in sim/live alone: no run may depend on it. Imports cannot show
// this, since dates need package time as well.
func TestOnlyLiveReadsTheClock(t *testing.T) {
	inLive := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		calls, err := clockCalls(file)
		switch {
		case filepath.Dir(file) == "live":
			inLive += len(calls)
		case len(calls) > 0:
			t.Errorf("%s: the wall clock is read outside sim/live, wanted simulated time, as Env and Calendar have it", strings.Join(calls, ", "))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if inLive == 0 {
		t.Error("no call that reads the clock is found in sim/live, which has some: the check finds nothing")
	}
}

// clockCalls returns the uses of readsClock's functions in a file, as file:line: name.
func clockCalls(file string) (calls []string, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	imports := map[string]string{} // path by the name in this file
	for _, s := range f.Imports {
		from, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			return nil, err
		}
		name := path.Base(from)
		if s.Name != nil {
			name = s.Name.Name
		}
		if imports[name] = from; name == "." && readsClock[from] != nil {
			calls = append(calls, fmt.Sprintf("%s: . %q", set.Position(s.Pos()), from))
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := s.X.(*ast.Ident); ok && slices.Contains(readsClock[imports[of.Name]], s.Sel.Name) {
			calls = append(calls, fmt.Sprintf("%s: %s.%s", set.Position(s.Pos()), of.Name, s.Sel.Name))
		}
		return true
	})
	return calls, nil
}
