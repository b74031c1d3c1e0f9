package stack

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
)

func TestAFolderHasOneOwner(t *testing.T) {
	checkout := t.TempDir()
	if pid, err := Owner(checkout, "local"); err != nil || pid != 0 {
		t.Errorf("before: %d, %v", pid, err)
	}
	folder, err := openFolder(checkout, "local")
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := Owner(checkout, "local"); err != nil || pid != os.Getpid() {
		t.Errorf("while it is open: %d, %v; want %d", pid, err, os.Getpid())
	}
	if _, err := openFolder(checkout, "local"); !errors.Is(err, ErrInUse) {
		t.Errorf("a second owner: %v", err)
	}
	if err := Remove(checkout, "local"); !errors.Is(err, ErrInUse) {
		t.Errorf("removing it from its owner: %v", err)
	}
	for name, mode := range map[string]os.FileMode{"sam-build.log": 0o644, "calls.jsonl": 0o644, "shell": 0o600} {
		if err := os.WriteFile(folder.file(name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	// As Go leaves its module cache.
	readOnly := filepath.Join(folder.file("home"), "go")
	if err := os.MkdirAll(filepath.Join(readOnly, "pkg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(readOnly, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := folder.close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder.Path)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{"calls.jsonl", "lock", "sam-build.log"}; !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
	if pid, err := Owner(checkout, "local"); err != nil || pid != 0 {
		t.Errorf("afterwards: %d, %v", pid, err)
	}
	if err := Remove(checkout, "local"); err != nil {
		t.Error(err)
	}
}

func TestOldTestStacksArePruned(t *testing.T) {
	checkout := t.TempDir()
	dead, err := openFolder(checkout, testPrefix+"1")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.close(); err != nil {
		t.Fatal(err)
	}
	live, err := openFolder(checkout, testPrefix+"2")
	if err != nil {
		t.Fatal(err)
	}
	defer live.close()
	if err := prune(checkout, testPrefix); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead one: %v", err)
	}
	if _, err := os.Stat(live.Path); err != nil {
		t.Errorf("the live one: %v", err)
	}
}

func TestLogicalID(t *testing.T) {
	for function, want := range map[string]string{
		"sweep": "SweepFunction", "patch-task-definition": "PatchTaskDefinitionFunction", "": "Function",
	} {
		if got := LogicalID(function); got != want {
			t.Errorf("%q is %s, want %s", function, got, want)
		}
	}
}

// TestFoldersThatAreClaimedAtOnce: no start deletes the folder of another one.
func TestFoldersThatAreClaimedAtOnce(t *testing.T) {
	checkout := t.TempDir()
	var starts sync.WaitGroup
	for number := range 20 {
		starts.Go(func() {
			for range 20 {
				folder, err := claimFolder(checkout, testPrefix+strconv.Itoa(number))
				if err != nil {
					t.Error(err)
					return
				}
				if err := folder.close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	starts.Wait()
}
