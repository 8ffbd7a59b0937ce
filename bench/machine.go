package bench

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where a row was measured.
type Machine struct {
	OS          string `json:"os"`
	Arch        string `json:"arch"`
	Processor   string `json:"processor"` // "" if the system does not tell
	Cores       int    `json:"cores"`     // that this process may use
	MemoryBytes int64  `json:"memory_bytes"`
	Go          string `json:"go"`
}

func thisMachine() Machine {
	total, _ := kibOf("/proc/meminfo", "MemTotal")
	return Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Processor: valueIn("/proc/cpuinfo", "model name"),
		Cores: runtime.NumCPU(), MemoryBytes: total, Go: runtime.Version()}
}

// loadAverage is the number of processes that wanted to run, as a mean over the last
// minute; nil if the system does not tell.
func loadAverage() *float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return nil
	}
	return &v
}

// valueIn returns the first value of a key in a file of lines "key: value"; "" if there is
// none.
func valueIn(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// kibOf returns a value in kB of a file of /proc, in bytes.
func kibOf(file, key string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSuffix(valueIn(file, key), " kB"), 10, 64)
	return n * 1024, err == nil
}

// memorySources are the files that say how much memory there is. Tests have their own.
type memorySources struct{ meminfo, cgroups, self string }

var system = memorySources{"/proc/meminfo", "/sys/fs/cgroup", "/proc/self/cgroup"}

// free is the memory that this process may still take, in bytes: what the system has
// available, or less if a control group limits it. ok is false if the system does not tell.
func (m memorySources) free() (bytes int64, ok bool) {
	bytes, ok = kibOf(m.meminfo, "MemAvailable")
	if !ok {
		return 0, false
	}
	for _, g := range m.groups() {
		if left, limited := g.left(); limited {
			bytes = min(bytes, left)
		}
	}
	return max(0, bytes), true
}

// memoryGroup is a control group's limit of memory and what it uses, as two files; cache is
// the key of its file memory.stat for pages that are given up when memory is short.
type memoryGroup struct{ limit, used, stat, cache string }

// groups returns the control groups of this process and all above them, of version 2 and of
// version 1 (cgroups(7)). In a container the path is that of the host; then the group is
// at the top.
func (m memorySources) groups() (all []memoryGroup) {
	b, err := os.ReadFile(m.self)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, names := m.cgroups, [3]string{"memory.max", "memory.current", "inactive_file"}
		switch {
		case parts[1] == "":
		case strings.Contains(","+parts[1]+",", ",memory,"):
			root, names = filepath.Join(m.cgroups, "memory"), [3]string{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
		default:
			continue
		}
		for path := filepath.Clean("/" + parts[2]); ; path = filepath.Dir(path) {
			dir := filepath.Join(root, path)
			all = append(all, memoryGroup{filepath.Join(dir, names[0]), filepath.Join(dir, names[1]), filepath.Join(dir, "memory.stat"), names[2]})
			if path == "/" {
				break
			}
		}
	}
	return all
}

// left is the memory that the group may still take; limited is false without a limit.
func (g memoryGroup) left() (bytes int64, limited bool) {
	limit, ok := numberIn(g.limit)
	if !ok || limit >= math.MaxInt64/2 { // version 1 writes a number near 2^63 for none, version 2 "max"
		return 0, false
	}
	used, _ := numberIn(g.used)
	return limit - used + g.cached(), true
}

func (g memoryGroup) cached() int64 {
	b, err := os.ReadFile(g.stat)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, g.cache+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return n
		}
	}
	return 0
}

func numberIn(file string) (int64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}
