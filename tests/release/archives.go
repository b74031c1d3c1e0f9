package release

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is one file of an archive.
type entry struct {
	name    string
	content []byte
	mode    os.FileMode
}

// read makes an entry of a file.
func read(name, path string, mode os.FileMode) (entry, error) {
	content, err := os.ReadFile(path)
	return entry{name, content, mode}, err
}

// write writes entries, sorted by name, to a new archive: a zip file or a
// compressed tarball, as its name ends. All have the time of the commit, so that
// the same commit makes the same archive.
func write(path string, entries []entry, moment time.Time) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	pack := tarball
	if strings.HasSuffix(path, ".zip") {
		pack = zipped
	}
	return errors.Join(pack(file, entries, moment), file.Close())
}

func tarball(writer io.Writer, entries []entry, moment time.Time) error {
	compressed := gzip.NewWriter(writer)
	archive := tar.NewWriter(compressed)
	for _, of := range entries {
		header := &tar.Header{Name: of.name, Mode: int64(of.mode), Size: int64(len(of.content)), ModTime: moment.UTC(), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(of.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func zipped(writer io.Writer, entries []entry, moment time.Time) error {
	archive := zip.NewWriter(writer)
	for _, of := range entries {
		header := &zip.FileHeader{Name: of.name, Method: zip.Deflate, Modified: moment.UTC()}
		header.SetMode(of.mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(of.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// digest gives the SHA-256 digest of a file in hexadecimal digits.
func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), errors.Join(err, file.Close())
}

// artefact is a file of a release, by its name below the release's folder.
type artefact struct{ name, digest string }

// digests gives the artefacts that the names are of, sorted.
func digests(out string, names []string) ([]artefact, error) {
	slices.Sort(names)
	var all []artefact
	for _, name := range names {
		sum, err := digest(filepath.Join(out, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		all = append(all, artefact{name, sum})
	}
	return all, nil
}

// checksums writes what sha256sum -c checks.
func checksums(out string, artefacts []artefact) error {
	var text strings.Builder
	for _, of := range artefacts {
		fmt.Fprintf(&text, "%s  %s\n", of.digest, of.name)
	}
	return os.WriteFile(filepath.Join(out, checksumFile), []byte(text.String()), 0o644)
}
