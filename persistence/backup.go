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
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := os.OpenFile(file+tempSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, &problem.Usage{What: fmt.Sprintf("backup %q cannot be made: %v", file, reason(err))}
	}
	n, err = pack(f, s, strings.HasSuffix(file, ".gz"))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return n, err
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
			case e.IsDir() && (rel == pastDir || strings.HasPrefix(rel, asidePrefix)):
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
	f, err := os.Open(file)
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
// files. If any file differs from what was packed, everything unpacked is removed.
func RestoreBackup(file, dir string) (n int, err error) {
	if dir == "" {
		return 0, unusable(dir, "has no name")
	}
	if err := checkEmpty(dir); err != nil {
		return 0, err
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, &problem.Usage{What: fmt.Sprintf("backup %q cannot be read: %v", file, reason(err))}
	}
	defer f.Close()
	made, err := makeFolders(dir)
	if err != nil {
		removeFolders(made)
		return 0, err
	}
	found, err := unpack(f, file, dir)
	if err == nil {
		err = openRestored(file, dir)
	}
	if err != nil {
		for _, name := range found {
			top, _, _ := strings.Cut(name, "/")
			_ = os.RemoveAll(filepath.Join(dir, top)) // it was empty before
		}
		removeFolders(made)
		return 0, err
	}
	syncFolder(dir)
	return len(found), nil
}

// openRestored opens the restored run, which compares its journal with its ledger.
func openRestored(file, dir string) error {
	s, err := Open(dir, Read)
	if err != nil {
		return badBackup(file, "what is in it cannot be opened: %v", err)
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
