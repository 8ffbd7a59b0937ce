package views

import (
	"fmt"
	"maps"
	"slices"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/form"
	"github.com/smatrix-grid/smatrix/twins"
)

// ServiceKind is the row of Service.
var ServiceKind = Declare(Kind{Name: "service", Version: 1, New: func(w *sim.World) View {
	return &Service{world: w, of: map[string]*recent[bool]{}}
}})

// Service knows which members are in service: members that commands have taken out or put in, and all
// others by the scenario.
//
//	version byte, steps int, a list in order of paths: path text, a recent of 1 in service or 0
type Service struct {
	world *sim.World
	next  twins.Tick
	of    map[string]*recent[bool] // by path; only members that a command has changed
}

// Commit implements View.
func (s *Service) Commit(r *sim.StepRecord) error {
	s.next = r.Tick + 1
	for i := range r.Commands {
		c := &r.Commands[i]
		if !c.Type.OfSetting() || c.Setting() != twins.InService {
			continue
		}
		log := s.of[c.Target]
		if log == nil {
			log = new(newRecent(s.stated(c.Target)))
			s.of[c.Target] = log
		}
		log.add(r.Tick, commanded(c, func() int64 {
			if log.now() {
				return 1
			}
			return 0
		}) != 0)
	}
	return nil
}

// stated reports whether a member is in service by the scenario.
func (s *Service) stated(path string) bool {
	e, ok := s.world.Scenario.Entry(kindOf(s.world, path), path)
	if !ok {
		return true
	}
	setting, ok := e.Setting(twins.InService)
	return !ok || setting.Value != 0
}

// In reports whether a member was in service after a step; known is false if that has been dropped. A
// member whose kind cannot be taken out of service is always in service.
func (s *Service) In(path string, t twins.Tick) (in, known bool) {
	if log := s.of[path]; log != nil {
		return log.at(t)
	}
	return s.stated(path), true
}

// Until implements View.
func (s *Service) Until(at twins.Tick) View {
	o := &Service{s.world, min(at, s.next), map[string]*recent[bool]{}}
	for path, log := range s.of {
		was, known := log.until(at)
		if !known {
			return nil
		}
		if len(was.changes) > 0 || was.from != always {
			o.of[path] = &was
		}
	}
	return o
}

// AppendBinary implements View.
func (s *Service) AppendBinary(b []byte) []byte {
	w := form.Writer(append(b, ServiceKind.Version))
	w.Int(int64(s.next))
	w.Uint(uint64(len(s.of)))
	for _, path := range slices.Sorted(maps.Keys(s.of)) {
		w.Text(path)
		s.of[path].append(&w, w.Bool)
	}
	return w
}

// UnmarshalBinary implements View.
func (s *Service) UnmarshalBinary(b []byte) error {
	r := form.NewVersion(b, ServiceKind.Version)
	s.next = twins.Tick(r.Int())
	for range r.Count(4) {
		path := r.Text()
		if kindOf(s.world, path) == nil {
			r.Fail(fmt.Errorf("it has a member %q, which the scenario lacks", path))
			break
		}
		s.of[path] = new(readRecent(r, r.Bool))
	}
	return r.Done()
}
