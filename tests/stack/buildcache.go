package stack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keptBuilds is how many builds a checkout keeps: a few branches' worth.
const keptBuilds = 3

// A build takes as long as linking every function, and the stacks of one run are
// built from the same files. So what sam build made is kept under a hash of all
// that goes into it.

// builtBefore gives the folder in which the build of these files is kept,
// whether or not it is there yet, and "" for the template of a test, whose
// folder is not the checkout.
func (s *sam) builtBefore(ctx context.Context) (string, error) {
	checkout := s.stack.options.Checkout
	if filepath.Dir(s.stack.options.Template) != checkout {
		return "", nil
	}
	hash := sha256.New()
	version, err := exec.CommandContext(ctx, "go", "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its version: %w", err)
	}
	// Of the parameters, the architecture alone decides what is built. Go writes the
	// commit into a program; without git it has none to write.
	commit, _ := exec.CommandContext(ctx, "git", "-C", checkout, "rev-parse", "HEAD").Output()
	fmt.Fprintf(hash, "%s\n%s\n%s\n%s\n%s\n", version, commit, s.program, s.stack.parameters()["Architecture"], strings.Join(s.goEnvironment, "\n"))
	for _, path := range []string{s.stack.options.Template, filepath.Join(checkout, "samconfig.toml"), filepath.Join(checkout, "go.mod"), filepath.Join(checkout, "go.sum")} {
		if err := addFile(hash, checkout, path); err != nil {
			return "", err
		}
	}
	for _, folder := range []string{"functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(checkout, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return addFile(hash, checkout, path)
		})
		if err != nil {
			return "", fmt.Errorf("reading what the functions are built from: %w", err)
		}
	}
	return filepath.Join(checkout, ".local", "builds", hex.EncodeToString(hash.Sum(nil))[:32]), nil
}

func addFile(hash io.Writer, checkout, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading what the functions are built from: %w", err)
	}
	name, err := filepath.Rel(checkout, path)
	if err != nil {
		name = path
	}
	_, err = fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	return err
}

// keep puts a finished build where the next stack finds it. A build is there
// whole or not at all.
func keep(built, kept string) error {
	parent := filepath.Dir(kept)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	half, err := os.MkdirTemp(parent, "half-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(half) }()
	if err := copyTree(built, filepath.Join(half, "build")); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(half, "build"), kept); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return dropOld(parent)
}

// dropOld removes all builds but the latest, by when they were used last.
func dropOld(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	type build struct {
		path string
		used time.Time
	}
	var builds []build
	for _, entry := range entries {
		if information, err := entry.Info(); err == nil && !strings.HasPrefix(entry.Name(), "half-") {
			builds = append(builds, build{filepath.Join(parent, entry.Name()), information.ModTime()})
		}
	}
	slices.SortFunc(builds, func(a, b build) int { return cmp.Or(b.used.Compare(a.used), strings.Compare(a.path, b.path)) })
	for _, old := range builds[min(keptBuilds, len(builds)):] {
		if err := os.RemoveAll(old.path); err != nil {
			return err
		}
	}
	return nil
}

// take makes a kept build the one of a stack. It reports false where there is
// none.
func take(kept, to string) (bool, error) {
	if _, err := os.Stat(kept); err != nil {
		return false, nil
	}
	now := time.Now()
	if err := os.Chtimes(kept, now, now); err != nil {
		return false, err
	}
	if err := os.RemoveAll(to); err != nil {
		return false, err
	}
	return true, copyTree(kept, to)
}

// copyTree copies a folder; files share their content where the file system can.
// Nothing writes into a build.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if os.Link(path, target) == nil {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		information, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, information.Mode().Perm())
	})
}
