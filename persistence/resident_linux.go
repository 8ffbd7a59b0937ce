package persistence

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pageOut is MADV_PAGEOUT of Linux 5.4: the pages of a range are taken out of memory. Unlike
// MADV_DONTNEED it never loses what is in them, so a range that another mapping has taken
// over in the meantime comes to no harm.
const pageOut = 21

// mostMapped is how much mapped memory a process may have before tables are taken out of
// it, in bytes: its own program is more than half of that.
const mostMapped = 40 << 20

// releaseTables takes the tables of a journal out of this process's memory at each tick,
// until done, if the process has more than mostMapped in memory. Badger maps every table,
// and each page that a compaction has written or read stays; what is needed again is read
// from the disk. It does nothing on systems that do not know how.
func releaseTables(dir string, ticks <-chan time.Time, done <-chan struct{}) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	for {
		select {
		case <-done:
			return
		case <-ticks:
		}
		if mappedMemory() > mostMapped {
			releaseMapped(dir)
		}
	}
}

// mappedMemory returns how much of its mapped files this process has in memory.
func mappedMemory() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(b))
	if err != nil || len(fields) < 3 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

func releaseMapped(dir string) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if !isTableOf(dir, lines.Text()) {
			continue
		}
		span, _, _ := strings.Cut(lines.Text(), " ") // 7f12a0000000-7f12a0200000
		from, to, _ := strings.Cut(span, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && start < end {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), pageOut) // memory that stays does no harm
		}
	}
}

// isTableOf reports whether a line of /proc/self/maps is the mapping of a table of
// the journal in a folder.
func isTableOf(dir, line string) bool {
	return strings.HasSuffix(line, ".sst") && strings.Contains(line, " "+dir+"/")
}
