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
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/problem"
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
	removeAbandonedBackups(file)
	temp := filepath.Join(filepath.Dir(file), tempName(backupPrefix(file)))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, errors.Join(unusableBackup(dir, file, "made", err), s.Close())
	}
	lock, err := lockFolder(temp)
	if err == nil {
		defer lock.Close()
		n, err = pack(f, s, strings.HasSuffix(file, ".gz"))
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close(), s.Close()) // what fails is found before the backup has its name
	if err == nil {
		err = renameNew(temp, file)
	}
	if err != nil {
		os.Remove(temp)
		return 0, err
	}
	syncFolder(filepath.Dir(file))
	return n, nil
}

// unusableBackup is unusableFor of a backup of the run in a folder.
func unusableBackup(dir, file, what string, err error) error {
	if system := systemErrorOfOutput(dir, err); system != nil {
		return system
	}
	return &problem.Usage{What: fmt.Sprintf("backup %q cannot be %s: %v", file, what, reason(err))}
}

// backupPrefix begins the names under which a backup is written.
func backupPrefix(file string) string { return "." + filepath.Base(file) + "." }

// removeAbandonedBackups deletes what killed processes have left of a backup.
func removeAbandonedBackups(file string) {
	paths, locks := abandonedIn(filepath.Dir(file), backupPrefix(file))
	for i, path := range paths {
		_ = os.Remove(path) // it does no harm
		_ = locks[i].Close()
	}
}

// renameNew renames a file to a name that must be new: another process may have made it since.
func renameNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		_ = os.Remove(from) // a second name of the same file
		return nil
	}
	if _, exists := os.Lstat(to); exists == nil {
		return &problem.Usage{What: fmt.Sprintf("%q is there already; wanted another name", to)}
	}
	return os.Rename(from, to) // not every disk has links
}

// checkpoint is called where a backup or a restored run has grown by a file.
var checkpoint = func() {} // tests kill the process there

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
	sums := backupSums{backupFormat, map[string]string{}}
	err := packRuns(t, s, sums.SHA256)
	if err == nil {
		var b []byte
		if b, err = json.MarshalIndent(sums, "", "  "); err == nil {
			err = packBytes(t, sumsFile, b)
		}
	}
	return len(sums.SHA256), errors.Join(err, t.Close(), packer.Close())
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
			case e.IsDir() && (rel == pastDir || strings.HasPrefix(rel, asidePrefix) || strings.HasPrefix(rel, restorePrefix)):
				return fs.SkipDir
			case e.IsDir(), !e.Type().IsRegular(), e.Name() == "LOCK", rel == addressFile, strings.HasSuffix(rel, tempSuffix):
				return nil
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
	f, err := openRegular(file)
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
	checkpoint()
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
// is killed, the folder is no run, and can be restored into again.
func RestoreBackup(file, dir string) (n int, err error) {
	if dir == "" {
		return 0, unusable(dir, "has no name")
	}
	removeAbandonedRestores(dir)
	if err := checkEmpty(dir); err != nil {
		return 0, err
	}
	f, err := openRegular(file)
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

// restorePrefix begins the names of the folder in which a run is unpacked, inside that of the run.
// When it is complete, its content is moved into the run's, run.json last.
const (
	restorePrefix = ".restore."
	movedFile     = ".moved" // the names that are moved, a line each
)

func restore(f io.Reader, file, dir string) (n int, err error) {
	work := filepath.Join(dir, tempName(restorePrefix))
	if err := os.Mkdir(work, 0o777); err != nil {
		return 0, systemErrorOr(dir, err)
	}
	defer os.RemoveAll(work) // without run.json it is no run; with it, the run is complete
	lock, err := lockFolder(work)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	found, err := unpack(f, file, work)
	if err == nil {
		err = openRestored(file, work, dir)
	}
	if err == nil {
		err = moveUp(work, dir)
	}
	return len(found), err
}

// moveUp moves all that is in a folder into the one around it, run.json last. After an error nothing
// is there.
func moveUp(work, dir string) error {
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != runFile {
			names = append(names, e.Name())
		}
	}
	names = append(names, runFile)
	list := RunDir{dir: work}
	if err := list.writeText(movedFile, []byte(strings.Join(names, "\n"))); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			removeMoved(work, dir)
			return err
		}
		checkpoint()
	}
	return nil
}

// removeMoved deletes what moveUp has moved: before, the folder was empty.
func removeMoved(work, dir string) {
	text, err := readRegular(filepath.Join(work, movedFile))
	if err != nil {
		return
	}
	for name := range strings.SplitSeq(string(text), "\n") {
		if name == filepath.Base(name) && filepath.IsLocal(name) {
			_ = os.RemoveAll(filepath.Join(dir, name))
		}
	}
}

// removeAbandonedRestores deletes what killed processes have left of a restored run. One that has
// its run.json is complete.
func removeAbandonedRestores(dir string) {
	if _, err := os.Lstat(filepath.Join(dir, runFile)); err == nil {
		return
	}
	paths, locks := abandonedIn(dir, restorePrefix)
	for i, work := range paths {
		removeMoved(work, dir)
		_ = os.RemoveAll(work) // if it stays, the folder is not empty, which is reported
		_ = locks[i].Close()
	}
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

// unpack writes the files and compares their sums. It returns the names of those written.
func unpack(f io.Reader, file, dir string) (found []string, err error) {
	var unpacker io.Reader
	if strings.HasSuffix(file, ".gz") {
		unpacker, err = gzip.NewReader(f)
	} else {
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f); err == nil {
			defer d.Close()
			unpacker = d
		}
	}
	if err != nil {
		return nil, badBackup(file, "%v", err)
	}
	is := map[string]string{}
	t := tar.NewReader(unpacker)
	for {
		h, err := t.Next()
		if err != nil { // io.EOF included: sums.json must come first
			return found, badBackup(file, "it ends without its sums: %v", err)
		}
		if h.Name == sumsFile {
			if err := compareSums(t, file, is); err != nil {
				return found, err
			}
			_, err := io.Copy(io.Discard, unpacker) // the compression's own checksum is at the end
			if err != nil {
				err = badBackup(file, "%v", err)
			}
			return found, err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) || path.Clean(h.Name) != h.Name || is[h.Name] != "" {
			return found, badBackup(file, "it has %q, which no run has", h.Name)
		}
		found = append(found, h.Name)
		if is[h.Name], err = unpackFile(t, filepath.Join(dir, filepath.FromSlash(h.Name))); err != nil {
			var path *fs.PathError
			if errors.As(err, &path) {
				return found, err
			}
			return found, badBackup(file, "%s: %v", h.Name, err)
		}
		checkpoint()
	}
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
func compareSums(from io.Reader, file string, is map[string]string) error {
	var want backupSums
	if err := json.NewDecoder(from).Decode(&want); err != nil {
		return badBackup(file, "its sums: %v", err)
	}
	if want.Format > backupFormat {
		return &problem.At{File: file, What: fmt.Sprintf("backup is of format %d; this program knows formats up to %d, wanted a newer program", want.Format, backupFormat)}
	}
	for _, name := range slices.Sorted(maps.Keys(want.SHA256)) {
		if is[name] != want.SHA256[name] {
			return badBackup(file, "%s is not what was packed: SHA-256 %.12s…, wanted %.12s…", name, is[name], want.SHA256[name])
		}
	}
	for name := range is {
		if want.SHA256[name] == "" {
			return badBackup(file, "%s has no sum", name)
		}
	}
	return nil
}
