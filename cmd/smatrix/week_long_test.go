//go:build long && linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A week of the town is served at full speed and kept, while viewers come and go for ten minutes, half of
// them without a word of farewell. Goroutines, descriptors and memory are flat from the end of the week on.
func TestServedWeek(t *testing.T) {
	const viewers, minutes = 20, 10
	bin := filepath.Join(t.TempDir(), "smatrix")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(bin, "serve", "town", "--days", "7", "--speed", "max", "--out", filepath.Join(t.TempDir(), "week"), "--addr", "127.0.0.1:0")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(strings.TrimSpace(line), " at ")
	url = strings.TrimSuffix(url, "/")

	over := make(chan struct{})
	var all sync.WaitGroup
	var visits [viewers]int
	for i := range viewers {
		all.Go(func() {
			for r := rand.New(rand.NewPCG(uint64(i), 1)); ; visits[i]++ {
				select {
				case <-over:
					return
				default:
				}
				if err := visit(url, r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var samples []map[string]float64 // the least of each minute
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for range minutes {
		least := map[string]float64{}
		for range 60 {
			<-second.C
			for name, value := range metricsOf(t, url, "go_goroutines", "process_open_fds", "go_memstats_heap_alloc_bytes") {
				if old, ok := least[name]; !ok || value < old {
					least[name] = value
				}
			}
		}
		samples = append(samples, least)
	}
	close(over)
	all.Wait()
	steps := metricsOf(t, url, "smatrix_steps_total")["smatrix_steps_total"]
	total := 0
	for _, n := range visits {
		total += n
	}
	t.Logf("%d visits, %.0f steps; by minute %v", total, steps, samples)
	if steps != 7*96 || total < viewers*minutes {
		t.Errorf("%.0f steps and %d visits, wanted the week of 672 and some of each viewer a minute", steps, total)
	}
	first, last := samples[1], samples[minutes-1] // the week ends in the first minute
	for name, most := range map[string]float64{"go_goroutines": 1.25, "process_open_fds": 1.25, "go_memstats_heap_alloc_bytes": 1.1} {
		if last[name] > most*first[name] {
			t.Errorf("%s: %.0f in the second minute, %.0f in the last", name, first[name], last[name])
		}
	}
}

// visit watches the run for up to a second, and leaves with or without a farewell.
func visit(url string, r *rand.Rand) error {
	conn, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/api/v1/stream?format=json", nil)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	defer conn.Close()
	scope := [...]string{"grid", "communities", "alerts", "tile/0"}[r.IntN(4)]
	if err := conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"subscribe":{"id":1,"scopes":[%q]}}`, scope)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Duration(100+r.IntN(900)) * time.Millisecond)); err != nil {
		return err
	}
	for frames := 0; ; frames++ {
		if _, _, err := conn.ReadMessage(); err != nil {
			if _, closed := err.(*websocket.CloseError); closed {
				return err
			}
			break // the time of the visit is over
		}
	}
	if r.IntN(2) == 0 {
		return conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	}
	return nil
}

// metricsOf reads figures of a server's /metrics.
func metricsOf(t *testing.T, url string, names ...string) map[string]float64 {
	t.Helper()
	answer, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, name := range names {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
		value := math.NaN()
		if found != nil {
			value, err = strconv.ParseFloat(string(found[1]), 64)
		}
		if err != nil || math.IsNaN(value) {
			t.Fatalf("/metrics has no %s: %v", name, err)
		}
		values[name] = value
	}
	return values
}
