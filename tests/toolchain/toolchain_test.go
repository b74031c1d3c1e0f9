package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnEnvironmentIsTakenOnlyWhole(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sam")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if installed(folder, "1") {
		t.Error("nothing was taken for an environment")
	}
	write("bin/python", "")
	if installed(folder, "1") {
		t.Error("half an installation was taken")
	}
	write(stamp, "1")
	if !installed(folder, "1") {
		t.Error("a whole installation was not taken")
	}
	if installed(folder, "2") {
		t.Error("an installation of older versions was taken")
	}
	if err := os.Remove(filepath.Join(folder, "bin", "python")); err != nil {
		t.Fatal(err)
	}
	if installed(folder, "1") {
		t.Error("an environment without its Python was taken")
	}
}

func TestAPythonThatIsTooOldIsNamed(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	if _, err := findPython(t.Context()); err == nil || !strings.Contains(err.Error(), "python3 is not installed") {
		t.Errorf("without Python: %v", err)
	}
	old := filepath.Join(folder, "python3")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho 3.8\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := findPython(t.Context()); err == nil || !strings.Contains(err.Error(), old+" 3.8") {
		t.Errorf("with an old Python: %v", err)
	}
	recent := filepath.Join(folder, "python3.12")
	if err := os.WriteFile(recent, []byte("#!/bin/sh\necho 3.12\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if path, err := findPython(t.Context()); err != nil || path != recent {
		t.Errorf("with both: %s, %v", path, err)
	}
}

func TestLastLines(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""}, {"a\n", "a"}, {"a\nb\nc\n\n", "b\nc"},
	} {
		if got := LastLines(test.text, 2); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
