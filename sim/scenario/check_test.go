package scenario

import (
	"fmt"
	"strings"
	"testing"
)

// grown is the base scenario with n more homes in communities of 200 and a battery behind
// every tenth meter. It is made by cloning entries, without reading YAML.
func grown(t testing.TB, n int) *Scenario {
	s := mustLoad(t, baseScenario(t)[:strings.Index(baseScenario(t), "events:")], Options{})
	root := &s.document.root
	grow := func(list string, n int, edit func(i int, e *tree)) {
		l := root.get(list)
		entry := l.items[0]
		for i := range n {
			e := entry.clone()
			edit(i, &e)
			l.items = append(l.items, e)
		}
	}
	id := func(prefix string, i int) tree { return tree{form: formText, text: fmt.Sprintf("%s-%d", prefix, i)} }
	grow("communities", (n+199)/200, func(i int, e *tree) { e.put("id", id("c", i)) })
	grow("households", n, func(i int, e *tree) { e.put("id", id("h", i)); e.put("community", id("c", i/200)) })
	grow("batteries", n/10, func(i int, e *tree) {
		e.put("id", id("b", i))
		e.put("community", id("c", i*10/200))
		e.put("owner", id("h", i*10))
	})
	return s
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("households=%d", n), func(b *testing.B) {
			s := grown(b, n)
			for b.Loop() {
				if err := s.document.shape(); err != nil {
					b.Fatal(err)
				}
				if err := s.document.meaning(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/household")
		})
	}
}
