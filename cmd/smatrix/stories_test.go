package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestStories plays what people do with a grid, each story by HTTP against its own server
// process: `make stories` prints it step by step.
func TestStories(t *testing.T) {
	if testing.Short() {
		t.Skip("whole days of several grids")
	}
	for _, story := range []struct {
		name, about string
		serve       []string
		play        func(*teller)
	}{
		{"S1", "Pierre and Marie see what their home uses, device by device, and over time", []string{"town"}, usePerDevice},
		{"S2", "Nikola sees that production is consumption, in each step, and can add it up himself", []string{"town"}, balanceProved},
		{"S8", "Albert puts panels on a roof while the system runs, and takes them off again", []string{"town"}, panelsOnARoof},
		{"S15", "Thomas shows what a battery brings a home with panels", []string{"hamlet"}, batteryAtHome},
		{"S15 in mid-run", "Thomas puts a battery into a home while the system runs, and takes it out again", []string{"town", "--days", "1", "--set", "start=2018-03-12"}, batteryPutIn},
		{"S16", "Charles looks after ten thousand homes", []string{"city"}, tenThousandHomes},
		{"S19", "Nikola has too little capacity, and no home goes without", []string{"scarcity"}, scarcityShifted},
		{"S19 without controls", "the same without flexibility: all homes are cut in turn, and alike", []string{"scarcity", "--set", "controls=none"}, scarcityShared},
	} {
		t.Run(story.name, func(t *testing.T) {
			s := tell(t, story.serve...)
			s.say("%s: %s.", story.name, story.about)
			story.play(s)
		})
	}
}

// teller sends requests to a server and prints requests and answers.
type teller struct {
	*testing.T
	url string
}

func tell(t *testing.T, args ...string) *teller {
	t.Helper()
	cmd := exec.Command("smatrix", append([]string{"serve", "--paused", "--speed", "max", "--addr", "127.0.0.1:0"}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("smatrix serve: %v: %s", err, said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("smatrix serve has ended: %s", said.String())
	}
	_, address, _ := strings.Cut(strings.TrimSpace(line), " at ")
	s := &teller{t, strings.TrimSuffix(address, "/")}
	s.say("\n$ smatrix serve --paused --speed max %s\n%s", strings.Join(args, " "), strings.TrimSpace(line))
	return s
}

func (s *teller) say(format string, args ...any) { fmt.Fprintf(s.Output(), format+"\n", args...) }

// check ends the story if a condition does not hold.
func (s *teller) check(ok bool, format string, args ...any) {
	s.Helper()
	if !ok {
		s.Fatalf("NOT SO: "+format, args...)
	}
	s.say("  ✓ "+format, args...)
}

// ask sends a request and reads the answer into v.
func (s *teller) ask(method, path, body string, v any) {
	s.Helper()
	s.say("  → %s %s %s", method, path, body)
	r, err := http.NewRequest(method, s.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	s.say("  ← %d %s", answer.StatusCode, shortened(b))
	if answer.StatusCode >= 300 {
		s.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, b)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(b, v); err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
}

func shortened(b []byte) string {
	const most = 160
	if s := strings.TrimSpace(string(b)); len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.TrimSpace(string(b))
}

func (s *teller) steps(n int) {
	s.Helper()
	s.ask("POST", "/clock/step", fmt.Sprintf(`{"steps":%d}`, n), nil)
}

// series is columns over time, by name.
func (s *teller) series(path string) map[string][]float64 {
	s.Helper()
	var answer struct {
		Series []struct {
			Name string
			V    []float64
		}
	}
	s.ask("GET", path, "", &answer)
	found := map[string][]float64{}
	for _, c := range answer.Series {
		found[c.Name] = c.V
	}
	return found
}

type twinJSON struct {
	Path, Owner string
	Values      map[string]float64
	Reading     map[string]float64
	Parts       []struct {
		Name   string
		PowerW float64 `json:"power_w"`
	}
	Settings []struct {
		Name  string
		Value *float64
	}
}

func (s *teller) twins(query string) (total int, found []twinJSON) {
	s.Helper()
	var answer struct {
		Total int
		Twins []twinJSON
	}
	s.ask("GET", "/twins?"+query, "", &answer)
	return answer.Total, answer.Twins
}

func (s *teller) twin(path string) (t twinJSON) {
	s.Helper()
	s.ask("GET", "/twin?path="+path, "", &t)
	return t
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// milli returns a figure of the API as an integer in thousandths.
func milli(v float64) int64 { return int64(math.Round(v * 1000)) }

func usePerDevice(s *teller) {
	s.steps(96)
	_, homes := s.twins("kind=household&limit=30")
	home := s.twin(homes[10].Path)
	s.check(len(home.Parts) > 3, "%s has %d devices", home.Path, len(home.Parts))
	query := "/readings?path=" + home.Path + "&column=power_w"
	for _, p := range home.Parts {
		query += "&column=part:" + p.Name
	}
	day := s.series(query)
	for t, w := range day["power_w"] {
		devices := int64(0)
		for _, p := range home.Parts {
			devices += milli(day["part:"+p.Name][t])
		}
		if devices != milli(w) {
			s.Fatalf("step %d: the devices draw %d mW, the home %v W", t, devices, w)
		}
	}
	s.check(len(day["power_w"]) == 96, "in each of 96 quarter hours the devices add up to what the home draws, to the milliwatt")
	most := slices.MaxFunc(home.Parts, func(a, b struct {
		Name   string
		PowerW float64 `json:"power_w"`
	}) int {
		return int(math.Copysign(1, sum(day["part:"+a.Name])-sum(day["part:"+b.Name])))
	})
	used := day["part:"+most.Name]
	at := slices.Index(used, slices.Max(used))
	s.check(sum(used) > 0, "the %s uses most: %.2f of %.2f kWh, and most at %02d:%02d", most.Name, sum(used)/4000, sum(day["power_w"])/4000, at/4, at%4*15)
}

func balanceProved(s *teller) {
	s.steps(96)
	var state struct {
		Tick      int
		ResidualW *float64 `json:"residual_w"`
		Least     float64  `json:"frequency_min_hz"`
		Most      float64  `json:"frequency_max_hz"`
	}
	s.ask("GET", "/state", "", &state)
	s.check(state.ResidualW != nil && *state.ResidualW == 0, "the audit's residual is 0 mW")
	s.check(state.Least > 49.8 && state.Most < 50.2 && state.Least <= state.Most, "the frequency of the latest step is %.3f to %.3f Hz", state.Least, state.Most)
	in := []string{"generation_w", "discharge_w", "import_w", "relief_w"}
	out := []string{"load_w", "charge_w", "export_w", "network_loss_w", "kinetic_w"}
	flows := s.series("/flows?column=residual_w&column=unserved_w&column=" + strings.Join(append(slices.Clone(in), out...), "&column="))
	worst := int64(0)
	for t := range flows["load_w"] {
		off := -milli(flows["residual_w"][t])
		for _, name := range in {
			off += milli(flows[name][t])
		}
		for _, name := range out {
			off -= milli(flows[name][t])
		}
		worst = max(worst, off, -off)
	}
	s.check(worst == 0 && len(flows["load_w"]) == 96, "in each of %d steps what is fed in is what is taken out, to the milliwatt: worst %d", len(flows["load_w"]), worst)
	s.check(sum(flows["load_w"]) > 0 && sum(flows["unserved_w"]) == 0, "%.0f kWh were consumed, 0 unserved", sum(flows["load_w"])/4000)
}

func panelsOnARoof(s *teller) {
	s.steps(40)
	_, homes := s.twins("limit=1&q=" + url.QueryEscape("kind:household generation_w>300 household-0041"))
	s.check(len(homes) == 1, "at 10:00 the sun shines on %s", homes[0].Path)
	path := homes[0].Path
	s.ask("POST", "/forks", `{"at":40,"name":"roof as it was","set":[]}`, nil)
	s.ask("POST", "/commands", `{"target":"`+path+`","setting":"pv.rated_w","value":10000}`, nil)
	s.steps(8)
	is := s.series("/readings?from=40&column=part:pv&path=" + path)["part:pv"]
	s.waitFor("fork-1")
	was := s.series("/readings?run=fork-1&from=40&to=48&column=part:pv&path=" + path)["part:pv"]
	ratio := sum(is) / sum(was)
	s.check(math.Abs(ratio-2) < 0.02, "with 10 instead of 5 kW the roof yields %.3f times as much: %.2f instead of %.2f kWh in two hours", ratio, -sum(is)/4000, -sum(was)/4000)
	s.ask("POST", "/commands", `{"target":"`+path+`","setting":"pv.scale","value":0}`, nil)
	s.steps(1)
	for _, p := range s.twin(path).Parts {
		if p.Name == "pv" {
			s.check(p.PowerW == 0, "after its removal it yields %v W", p.PowerW)
		}
	}
}

// waitFor steps a fork to its end, which waits for it.
func (s *teller) waitFor(run string) {
	s.Helper()
	r, err := http.Post(s.url+"/api/v1/clock/step?run="+run, "application/json", strings.NewReader(`{"steps":100000}`))
	if err != nil {
		s.Fatal(err)
	}
	r.Body.Close()
	var info struct{ State string }
	s.ask("GET", "/runs/"+run, "", &info)
	s.check(info.State == "ended", "%s is at its end", run)
}

func batteryAtHome(s *teller) {
	const home, battery = "grid/north/home-1", "grid/north/home-1/battery"
	s.steps(1)
	s.ask("POST", "/forks", `{"at":1,"name":"no battery","set":["batteries.battery.available=false"]}`, nil)
	s.steps(23)
	s.waitFor("fork-1")
	power := s.series("/readings?from=1&column=power_w&column=soc&path=" + battery)
	pv := s.series("/readings?from=1&column=part:pv&column=part:load&path=" + home)
	charged, discharged, fromSun := 0.0, 0.0, 0.0
	for t, w := range power["power_w"] {
		charged += max(0, w) / 1000
		discharged += max(0, -w) / 1000
		if surplus := -pv["part:pv"][t] - pv["part:load"][t]; w > 0 {
			fromSun += min(w, max(0, surplus)) / 1000
		}
	}
	s.check(charged > 1 && fromSun > charged/2 && discharged > 1, "it took in %.2f kWh, %.2f of them surplus sun, and gave back %.2f", charged, fromSun, discharged)
	with, without := s.series("/readings?from=1&column=power_w&path="+home), s.series("/readings?run=fork-1&from=1&column=power_w&path="+home)
	bought := func(net, storage []float64) (kWh float64) {
		for t := range net {
			p := net[t]
			if storage != nil {
				p += storage[t]
			}
			kWh += max(0, p) / 1000
		}
		return kWh
	}
	a, b := bought(with["power_w"], power["power_w"]), bought(without["power_w"], nil)
	s.check(a < b, "the home buys %.2f kWh, without it %.2f", a, b)
	var compared struct {
		Totals []struct {
			Name string
			A, B float64
		}
	}
	s.ask("GET", "/compare?a=live&b=fork-1", "", &compared)
	s.check(slices.ContainsFunc(compared.Totals, func(c struct {
		Name string
		A, B float64
	}) bool {
		return c.Name == "discharge_wh" && c.A > c.B
	}), "and the comparison of both futures says so")
}

func batteryPutIn(s *teller) {
	const home, battery = "grid/community-04/household-0185", "grid/community-04/household-0185/battery-0185"
	s.steps(48)
	before, _ := s.twins("kind=battery")
	s.ask("POST", "/forks", `{"at":48,"name":"no battery","set":[]}`, nil)
	s.ask("POST", "/commands", `{"target":"`+battery+`","setting":"available","value":true}`, nil)
	s.steps(46)
	after, _ := s.twins("kind=battery")
	s.check(before == 51 && after == 52, "%d batteries are there, %d were", after, before)
	power := s.series("/readings?from=48&column=power_w&column=soc&path=" + battery)
	s.check(power["soc"][0] < 0.1 && slices.Max(power["soc"]) > 0.5, "it began empty, %.1f %% after a quarter of an hour, and came to %.0f %%", 100*power["soc"][0], 100*slices.Max(power["soc"]))
	with := s.series("/readings?from=48&to=94&column=power_w&path=" + home)["power_w"]
	for t := range with {
		with[t] += power["power_w"][t]
	}
	s.waitFor("fork-1")
	without := s.series("/readings?run=fork-1&from=48&to=94&column=power_w&path=" + home)["power_w"]
	parts := func(net []float64) (evening, sold float64) {
		for t, w := range net {
			if sold += max(0, -w) / 4000; t >= 20 { // 17:00
				evening += max(0, w) / 4000
			}
		}
		return evening, sold
	}
	evening, sold := parts(with)
	eveningBare, soldBare := parts(without)
	s.check(sold < soldBare-2 && evening < eveningBare/2, "from noon on the home sells %.2f instead of %.2f kWh, and in the evening it buys %.2f instead of %.2f", sold, soldBare, evening, eveningBare)
	held := s.twin(battery).Reading["stored_j"]
	s.ask("POST", "/commands", `{"target":"`+battery+`","setting":"available","value":false}`, nil)
	s.steps(2)
	out := s.twin(battery).Reading
	s.check(held > 0 && out["stored_j"] == held && out["power_w"] == 0, "taken out it rests, and the %.2f kWh that it held stay in it", held/3.6e6)
}

func tenThousandHomes(s *teller) {
	var scenario struct{ Members map[string]int }
	s.ask("GET", "/scenario", "", &scenario)
	s.steps(4)
	homes, _ := s.twins("kind=household&limit=1")
	s.check(homes == 10000 && scenario.Members["household"] == homes, "%d homes are there", homes)
	var tree struct {
		Communities []struct{ Members map[string]int }
	}
	s.ask("GET", "/tree", "", &tree)
	in := 0
	for _, c := range tree.Communities {
		in += c.Members["household"]
	}
	s.check(in == homes, "each in one of %d communities", len(tree.Communities))
	var state struct {
		ResidualW float64 `json:"residual_w"`
		Tick      int64
	}
	s.ask("GET", "/state", "", &state)
	s.check(state.ResidualW == 0 && state.Tick == 4, "after %d steps the books close to the milliwatt", state.Tick)
}

const tripped = 74 // 18:30, when the plant of the scenario is lost

func scarcityShifted(s *teller) {
	s.steps(96)
	f := s.series("/flows?column=generation_w&column=load_w&column=shifted_w&column=unserved_w&column=discharge_w&column=frequency_min_hz")
	s.check(sum(f["shifted_w"][:tripped]) == 0, "until 18:30 no home is asked for anything")
	s.check(slices.Max(f["generation_w"][tripped+1:]) <= 255_000 && slices.Max(f["generation_w"][:tripped]) > 300_000, "then a plant is lost: 255 kW are left, of %.0f kW that were used", slices.Max(f["generation_w"][:tripped])/1000)
	s.check(f["frequency_min_hz"][tripped] > 49 && f["frequency_min_hz"][tripped] < 49.8, "the frequency falls to %.2f Hz and no relay sheds", f["frequency_min_hz"][tripped])
	s.check(f["shifted_w"][tripped] > 0 && f["discharge_w"][tripped] > 0, "vehicles, heat and what may wait give way: %.0f kWh by midnight, up to %.0f kW; batteries give %.0f kWh", sum(f["shifted_w"])/4000, slices.Max(f["shifted_w"])/1000, sum(f["discharge_w"][tripped:])/4000)
	s.check(sum(f["unserved_w"]) == 0, "and no home goes without")
	var told struct {
		Decisions []struct{ Path, Reason string }
	}
	s.ask("GET", "/decisions?limit=1000&reason=scarcity", "", &told)
	s.check(len(told.Decisions) == 1000, "the decisions name who gave way and why, %s among them", told.Decisions[0].Path)
}

func scarcityShared(s *teller) {
	s.steps(96)
	f := s.series("/flows?column=unserved_w&column=unserved_essential_w&column=load_w")
	s.check(sum(f["unserved_w"][:tripped]) == 0 && sum(f["unserved_w"]) > 0, "from 18:30 on %.0f kWh are not served, %.0f of them essential", sum(f["unserved_w"])/4000, sum(f["unserved_essential_w"])/4000)
	cut := make([]int64, 96)
	share := map[string]float64{}
	for cursor := ""; ; {
		var page struct {
			Next   string
			Events []struct {
				Tick   int
				Path   string
				Fields map[string]float64
			}
		}
		s.ask("GET", "/events?type=supply.cut&limit=1000&cursor="+cursor, "", &page)
		for _, e := range page.Events {
			cut[e.Tick] += milli(e.Fields["cut_w"])
			if need := e.Fields["need_j"]; need > 0 {
				share[e.Path] = max(share[e.Path], e.Fields["borne_j"]/need)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for t := range cut {
		if cut[t] != milli(f["unserved_essential_w"][t]) {
			s.Fatalf("step %d: events have cuts of %d mW, %v W essential load is not served", t, cut[t], f["unserved_essential_w"][t])
		}
	}
	s.check(len(share) >= 290, "%d homes were cut in turn; what was cut of each adds up to what the grid did not serve, in each step to the milliwatt", len(share))
	var shares []float64
	for _, v := range share {
		shares = append(shares, v)
	}
	slices.Sort(shares)
	tenth, most := shares[len(shares)/10], shares[len(shares)-1]
	s.check(most < 0.4 && tenth > 0.05, "of what they needed that day nine in ten have borne more than %.0f %%, none more than %.0f %%", 100*tenth, 100*most)
}
