package twins_test
import ("testing";"fmt";"github.com/smatrix-grid/smatrix/twins")
func BenchmarkModelledHomes(b *testing.B) {
	for _, step := range []twins.Seconds{60, 900, 3600} {
		b.Run(fmt.Sprintf("step=%ds", step), func(b *testing.B) {
			const n = 1000
			s := newStreet(b, 1, n, step, usual)
			b.ReportAllocs()
			perDay := 86400 / int(step)
			for k := 0; b.Loop(); k++ {
				env := s.world(k/perDay%365, int32(k%perDay*int(step)))
				for i := range n {
					s.step(i, &env)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/home-step")
		})
	}
}
