package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Folder is where one running stack keeps all that it writes:
// .local/run/NAME of the checkout. Anyone who runs the stack holds its lock, which
// the system drops when that process ends, however it ends.
type Folder struct {
	Path string
	lock *os.File
}

// ErrInUse says that another process runs a stack of that name.
var ErrInUse = errors.New("a stack of that name is running")

const lockName = "lock"

// claimFolder deletes what earlier test runs left, and takes a stack's folder. Stacks
// that start at once do it one after the other: otherwise one deletes the folder that
// another has made and not locked yet.
func claimFolder(checkout, name string) (*Folder, error) {
	parent := filepath.Dir(folderPath(checkout, name))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of stacks: %w", err)
	}
	starting, err := os.OpenFile(filepath.Join(parent, "starting"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of starting stacks: %w", err)
	}
	defer starting.Close()
	if err := syscall.Flock(int(starting.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("waiting for other stacks that start: %w", err)
	}
	if err := prune(checkout, testPrefix); err != nil {
		return nil, err
	}
	return openFolder(checkout, name)
}

// openFolder takes the folder for this process and empties it.
func openFolder(checkout, name string) (*Folder, error) {
	path := folderPath(checkout, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("making the stack's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the stack's lock: %w", err)
	}
	folder := &Folder{Path: path, lock: lock}
	if err := takeLock(lock); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, ErrInUse)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if err := folder.empty(nil); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	for _, inner := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(path, inner), 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("making the stack's folder: %w", err), lock.Close())
		}
	}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, strconv.Itoa(os.Getpid()))); err != nil {
		return nil, errors.Join(fmt.Errorf("noting who runs the stack: %w", err), lock.Close())
	}
	return folder, nil
}

// takeLock tries for a moment: a process that only asks which one runs the stack holds the
// lock for the time of one system call.
func takeLock(lock *os.File) error {
	var err error
	for range 10 {
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func folderPath(checkout, name string) string { return filepath.Join(checkout, ".local", "run", name) }

// file is a path in the folder.
func (f *Folder) file(name string) string { return filepath.Join(f.Path, name) }

// empty removes everything but the lock and what keep names.
func (f *Folder) empty(keep func(name string) bool) error {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return fmt.Errorf("emptying the stack's folder: %w", err)
	}
	var failures []error
	for _, entry := range entries {
		if entry.Name() == lockName || keep != nil && keep(entry.Name()) {
			continue
		}
		failures = append(failures, removeAll(f.file(entry.Name())))
	}
	return errors.Join(failures...)
}

// removeAll also removes what a Go build left read-only.
func removeAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(inner string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(inner, 0o755)
		}
		return nil
	})
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	return nil
}

// close leaves the logs for anyone who wants to know what happened.
func (f *Folder) close() error {
	return errors.Join(f.empty(isLog), f.lock.Close())
}

func isLog(name string) bool {
	return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".jsonl")
}

// Owner returns the process that runs the stack of that name, or 0. The lock,
// not the number alone, says so: a process ID is reused.
func Owner(checkout, name string) (int, error) {
	lock, err := os.OpenFile(filepath.Join(folderPath(checkout, name), lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("opening the stack's lock: %w", err)
	}
	defer lock.Close()
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return 0, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, fmt.Errorf("asking who runs the stack: %w", err)
	}
	text, err := os.ReadFile(lock.Name())
	if err != nil {
		return 0, fmt.Errorf("reading who runs the stack: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s does not name a process: %w", lock.Name(), err)
	}
	return pid, nil
}

// Remove deletes the folder of a stack that does not run.
func Remove(checkout, name string) error {
	if pid, err := Owner(checkout, name); err != nil || pid != 0 {
		return errors.Join(err, ErrInUse)
	}
	return removeAll(folderPath(checkout, name))
}

// prune deletes what earlier test runs left: their logs, and everything where
// they were killed.
func prune(checkout, prefix string) error {
	left, err := filepath.Glob(folderPath(checkout, prefix+"*"))
	if err != nil {
		return fmt.Errorf("looking for old stacks: %w", err)
	}
	for _, path := range left {
		if err := Remove(checkout, filepath.Base(path)); err != nil && !errors.Is(err, ErrInUse) {
			return err
		}
	}
	return nil
}
