package twintest

import (
	"os/exec"
	"strings"
	"testing"
)

// DirectImports is Imports for the imports of the package itself, tests left
// out.
func DirectImports(t *testing.T, forbidden map[string]string) {
	t.Helper()
	check(t, forbidden, "-f", `{{join .Imports "\n"}}`)
}

// Imports checks the imports of the package under test: none of its
// dependencies, direct or not, may begin with an import path of the table,
// package → why not.
func Imports(t *testing.T, forbidden map[string]string) {
	t.Helper()
	check(t, forbidden, "-deps")
}

func check(t *testing.T, forbidden map[string]string, args ...string) {
	t.Helper()
	out, err := exec.Command("go", append(append([]string{"list"}, args...), ".")...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	own, err := exec.Command("go", "list", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == strings.TrimSpace(string(own)) {
			continue
		}
		for path, why := range forbidden {
			if dep == path || strings.HasPrefix(dep, path+"/") {
				t.Errorf("imports %s: %s", dep, why)
			}
		}
	}
}
