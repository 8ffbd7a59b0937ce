package persistence

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
	"github.com/smatrix-grid/smatrix/sim/regular"
)

// A backup is a tar file, compressed with gzip or zstd, of the files of a run's folder.
// A fork's parent is below past/, the parent's own parent below past/past/. The last
// file is sums.json: the SHA-256 of each other file by name.
const sumsFile = "sums.json"

// backupSums is sums.json.
type backupSums struct {
	Format int               `json:"format"` // 1
	SHA256 map[string]string `json:"sha256"`
}

const backupFormat = 1

// Bounds of an archive to be restored, which may come from anybody and must not take all
// memory or all of the disk. No backup of a run comes near them: most of a run's folder is
// compressed already, and tables in CSV shrink to a hundredth.
const (
	mostMembers   = 100_000   // files
	mostExpansion = 1000      // bytes unpacked per byte of the archive, besides freeExpansion
	freeExpansion = 1 << 30   // bytes unpacked of any archive
	mostWindow    = 128 << 20 // bytes of memory for looking back in zstd, as its own program
)

// Backup packs a run, with the runs it is a fork of, into a new file and returns the
// number of files packed. Open must be able to open the run, and no process may have it
// open. Errors: *sim.UsageError if the file exists or its name has another ending.
func Backup(dir, file string) (n int, err error) {
	if !strings.HasSuffix(file, ".tar.gz") && !strings.HasSuffix(file, ".tar.zst") {
		return 0, &problem.Usage{What: fmt.Sprintf("backup %q: wanted a name that ends in .tar.gz or .tar.zst", file)}
	}
	if _, err := os.Lstat(file); err == nil {
		return 0, &problem.Usage{What: fmt.Sprintf("backup %q is there already; wanted another name", file)}
	}
	s, err := Open(dir, Read) // locks the run and its parents while they are packed
	if err != nil {
		return 0, err
	}
	f, err := CreateFile(file)
	if err != nil {
		return 0, errors.Join(unusableBackup(dir, file, "made", err), s.Close())
	}
	n, err = pack(f, s, strings.HasSuffix(file, ".gz"))
	if err = errors.Join(err, s.Close()); err != nil { // what fails is found before the backup has its name
		f.Discard()
		return 0, err
	}
	if err := f.Keep(); err != nil {
		return 0, err
	}
	return n, nil
}

// unusableBackup is unusableFor of a backup of the run in a folder.
func unusableBackup(dir, file, what string, err error) error {
	if system := systemErrorOfOutput(dir, err); system != nil {
		return system
	}
	return &problem.Usage{What: fmt.Sprintf("backup %q cannot be %s: %v", file, what, reason(err))}
}

func pack(to io.Writer, s *Store, gz bool) (int, error) {
	var packer io.WriteCloser
	if gz {
		packer = gzip.NewWriter(to)
	} else {
		w, err := zstd.NewWriter(to)
		if err != nil {
			return 0, err
		}
		packer = w
	}
	t := tar.NewWriter(packer)
	sums := map[string]string{}
	err := packRuns(t, s, sums)
	if err == nil {
		err = packSums(t, sums)
	}
	return len(sums), errors.Join(err, t.Close(), packer.Close())
}

// packSums packs sums.json.
func packSums(t *tar.Writer, sums map[string]string) error {
	b, err := json.MarshalIndent(backupSums{backupFormat, sums}, "", "  ")
	if err != nil {
		return err
	}
	return packBytes(t, sumsFile, b)
}

// packRuns packs a run, and its parents below past/.
func packRuns(t *tar.Writer, s *Store, sums map[string]string) error {
	for below := ""; s != nil; s, below = s.parent, path.Join(below, pastDir) {
		err := filepath.WalkDir(s.dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(s.dir, name)
			switch {
			case err != nil:
				return err
			case e.IsDir() && (rel == pastDir || strings.HasPrefix(rel, asidePrefix) || strings.HasPrefix(rel, newPrefix)):
				return fs.SkipDir
			case e.IsDir(), e.Name() == "LOCK", rel == addressFile, strings.HasSuffix(rel, tempSuffix):
				return nil
			case !e.Type().IsRegular():
				return &StoreError{Dir: s.dir, What: fmt.Sprintf("has %s, which is not a regular file, wanted a folder as smatrix wrote it", rel)}
			}
			return packFile(t, name, path.Join(below, filepath.ToSlash(rel)), sums)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func packFile(t *tar.Writer, file, name string, sums map[string]string) error {
	f, err := regular.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(t, h), f)
	sums[name] = sim.Hash(h.Sum(nil)).String()
	Checkpoint()
	return err
}

func packBytes(t *tar.Writer, name string, b []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b))}); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

// RestoreBackup unpacks a backup into a new or empty folder and returns the number of
// files. If any file differs from what was packed, everything unpacked is removed. If the process
// is killed, the folder is no run, and can be restored into again. A disk without room is a *FullError or a
// *SystemError, not one of the backup.
func RestoreBackup(file, dir string) (n int, err error) {
	if dir == "" {
		return 0, unusable(dir, "has no name")
	}
	removeAbandonedFolders(dir)
	if err := checkEmpty(dir); err != nil {
		return 0, err
	}
	f, err := regular.Open(file)
	if err != nil {
		return 0, unusableBackup(dir, file, "read", err)
	}
	defer f.Close()
	made, err := makeFolders(dir)
	if err == nil {
		n, err = restore(f, file, dir)
	}
	if err != nil {
		removeFolders(made)
		return 0, err
	}
	syncFolder(dir)
	return n, nil
}

// restore unpacks into a folder inside that of the run. When all is there it is moved up, run.json last.
func restore(f *os.File, file, dir string) (n int, err error) {
	u := &unpacking{file: file, free: freeSpace, sums: map[string]string{}}
	err = inNewFolder(dir, runFile, func(work string) error {
		u.dir = work
		if err := u.unpack(f); err != nil {
			return err
		}
		if err := openRestored(file, work, dir); err != nil {
			return err
		}
		for name := range u.sums {
			syncFolder(filepath.Join(work, filepath.Dir(filepath.FromSlash(name))))
		}
		return nil
	})
	return len(u.sums), err
}

// openRestored opens the restored run, which compares its journal with its ledger.
func openRestored(file, work, dir string) error {
	s, err := Open(work, Read)
	if system := systemError(dir, err); system != nil {
		return system
	}
	if err != nil {
		return badBackup(file, "what is in it cannot be opened: %s", strings.ReplaceAll(err.Error(), work, dir))
	}
	return s.Close()
}

func badBackup(file, format string, args ...any) error {
	return &problem.At{File: file, What: fmt.Sprintf("backup is damaged or none: "+format, args...)}
}

// unpacking is the restoring of an archive.
type unpacking struct {
	file, dir string
	free      func(dir string) (int64, error) // bytes that may still be written
	sums      map[string]string               // of the files written so far, by name
	unpacked  int64                           // bytes of all of them, as their heads say
	most      int64                           // of unpacked
}

func (u *unpacking) bad(format string, args ...any) error { return badBackup(u.file, format, args...) }

// unpack writes the files and compares their sums.
func (u *unpacking) unpack(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	u.most = freeExpansion + mostExpansion*min(info.Size(), (math.MaxInt64-freeExpansion)/mostExpansion)
	var unpacker io.Reader
	if strings.HasSuffix(u.file, ".gz") {
		unpacker, err = gzip.NewReader(f)
	} else {
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f, zstd.WithDecoderMaxWindow(mostWindow)); err == nil {
			defer d.Close()
			unpacker = d
		}
	}
	if err != nil {
		return u.bad("%v", err)
	}
	t := tar.NewReader(unpacker)
	for {
		h, err := t.Next()
		if err != nil { // io.EOF included: sums.json must come first
			return u.bad("it ends without its sums: %v", err)
		}
		if err := u.check(h); err != nil {
			return err
		}
		if h.Name == sumsFile {
			if err := u.compareSums(t); err != nil {
				return err
			}
			// The compression's own checksum is at the end.
			if n, err := io.Copy(io.Discard, io.LimitReader(unpacker, mostTrailer+1)); err != nil {
				return u.bad("%v", err)
			} else if n > mostTrailer {
				return u.bad("it goes on after its sums")
			}
			return nil
		}
		if err := u.write(h, t); err != nil {
			return err
		}
		Checkpoint()
	}
}

// mostTrailer bounds what follows the last file: two empty blocks, and the filling of a
// block of any usual size.
const mostTrailer = 1 << 20 // bytes

// check refuses a member that no backup has, before anything of it is written.
func (u *unpacking) check(h *tar.Header) error {
	_, again := u.sums[h.Name]
	switch {
	case h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) || path.Clean(h.Name) != h.Name || again:
		return u.bad("it has %q, which no run has", h.Name)
	case sparse(h):
		return u.bad("%s: it is a file with holes, %d bytes unpacked, wanted files as smatrix backup packs them", h.Name, h.Size)
	case h.Name == sumsFile && h.Size > u.longestSums():
		return u.bad("%s: %d bytes, wanted at most %d for %d files", h.Name, h.Size, u.longestSums(), len(u.sums))
	case len(u.sums) >= mostMembers:
		return u.bad("it has more than %d files", mostMembers)
	case h.Size > u.most-u.unpacked:
		return u.bad("%s: %d bytes, and %d before it, wanted at most %d in all: %d times the archive and %d MB", h.Name, h.Size, u.unpacked, u.most, mostExpansion, freeExpansion>>20)
	}
	free, err := u.free(u.dir)
	if err == nil && h.Size > free-reserve {
		err = &FullError{Dir: filepath.Dir(u.dir), Free: free, Want: reserve, Then: "restore again",
			Needs: fmt.Sprintf("backup %q: %s needs %s", u.file, h.Name, sizeText(h.Size))}
	}
	return err
}

// sparse reports whether a member is a file with holes, of which an archive of a few bytes
// can have any number of terabytes. The old form of GNU tar has a type of its own.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// longestSums returns the greatest length of sums.json for the files that were written: a
// name takes up to six bytes a character in JSON.
func (u *unpacking) longestSums() int64 {
	most := int64(256)
	for name := range u.sums {
		most += int64(6*len(name)) + 128
	}
	return most
}

// write writes a file of the archive.
func (u *unpacking) write(h *tar.Header, from io.Reader) (err error) {
	u.unpacked += h.Size
	u.sums[h.Name] = "" // so that it is removed if it is not whole
	if u.sums[h.Name], err = unpackFile(from, filepath.Join(u.dir, filepath.FromSlash(h.Name))); err == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return u.bad("%s: %v", h.Name, err)
}

func unpackFile(from io.Reader, name string) (sum string, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return "", err
	}
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(to, h), from)
	if err == nil {
		err = to.Sync()
	}
	return sim.Hash(h.Sum(nil)).String(), errors.Join(err, to.Close())
}

// compareSums compares the sums of the unpacked files with sums.json.
func (u *unpacking) compareSums(from io.Reader) error {
	var want backupSums
	if err := json.NewDecoder(from).Decode(&want); err != nil {
		return u.bad("its sums: %v", err)
	}
	if want.Format > backupFormat {
		return &problem.At{File: u.file, What: fmt.Sprintf("backup is of format %d; this program knows formats up to %d, wanted a newer program", want.Format, backupFormat)}
	}
	for _, name := range slices.Sorted(maps.Keys(want.SHA256)) {
		if u.sums[name] != want.SHA256[name] {
			return u.bad("%s is not what was packed: SHA-256 %.12s…, wanted %.12s…", name, u.sums[name], want.SHA256[name])
		}
	}
	for name := range u.sums {
		if want.SHA256[name] == "" {
			return u.bad("%s has no sum", name)
		}
	}
	return nil
}
