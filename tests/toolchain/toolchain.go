// Package toolchain installs the Python programs that the local stack and the
// checks need, each with pinned versions and hashes in a virtual environment of
// its own under .local/.
package toolchain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Environment is one virtual environment and the lock file that fills it.
// They are separate because their pins exclude each other: MiniStack and the
// SAM CLI want different releases of botocore, checkov a third. The benchmarks'
// yardsticks are installed for them alone.
type Environment string

const (
	// Emulator holds MiniStack.
	Emulator Environment = "emulator"
	// SAM holds sam and cfn-lint.
	SAM Environment = "sam"
	// Checkov holds checkov.
	Checkov Environment = "checkov"
	// Boto3 holds what a Python function needs, for the benchmarks.
	Boto3 Environment = "boto3"
	// Custodian holds Cloud Custodian, for the benchmarks.
	Custodian Environment = "custodian"
	// Moto holds moto, the second emulator.
	Moto Environment = "moto"
	// AWS holds the AWS CLI, with which the documents' commands are tried.
	AWS Environment = "aws"
)

// stamp names the file that is written last, so that an installation cut off
// half-way is never taken for a whole one.
const stamp = ".installed"

// Install makes the environment in the checkout if it is missing, incomplete
// or of another lock file, and returns the folder of its programs. Two calls
// at once, in one process or several, are safe: the second waits.
func Install(ctx context.Context, checkout string, environment Environment, progress io.Writer) (string, error) {
	lockFile := filepath.Join(checkout, "tests", "requirements", string(environment)+".txt")
	locked, err := os.ReadFile(lockFile)
	if err != nil {
		return "", fmt.Errorf("reading the pinned versions of %s: %w", environment, err)
	}
	folder := filepath.Join(checkout, ".local", string(environment))
	programs := filepath.Join(folder, "bin")
	sum := sha256.Sum256(locked)
	// Programs in the environment name it by its absolute path, so one that was
	// moved with its checkout is another.
	want := hex.EncodeToString(sum[:]) + " " + folder
	if installed(folder, want) {
		return programs, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", fmt.Errorf("making the tools' folder: %w", err)
	}
	release, err := Lock(ctx, folder+".lock")
	if err != nil {
		return "", fmt.Errorf("waiting for another installation of %s: %w", environment, err)
	}
	defer release()
	if installed(folder, want) {
		return programs, nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("removing an older %s: %w", environment, err)
	}
	python, err := findPython(ctx)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "installing the %s tools (first use, or new versions; about half a minute) …\n", environment)
	if err := run(ctx, checkout, python, "-m", "venv", folder); err != nil {
		return "", fmt.Errorf("making a Python virtual environment for %s (on Debian and Ubuntu it needs the package python3-venv): %w", environment, err)
	}
	// The lock file names every package, indirect ones too, so pip has nothing
	// to resolve. Of what it would compile, most is never imported; Python compiles
	// the rest when it is.
	if err := run(ctx, checkout, filepath.Join(programs, "python"), "-m", "pip", "install", "--quiet",
		"--disable-pip-version-check", "--no-compile", "--no-input", "--no-deps", "--require-hashes", "--requirement", lockFile); err != nil {
		return "", fmt.Errorf("installing the %s tools with pip (is the package index reachable?): %w", environment, err)
	}
	if err := os.WriteFile(filepath.Join(folder, stamp), []byte(want), 0o644); err != nil {
		return "", fmt.Errorf("noting that %s is installed: %w", environment, err)
	}
	return programs, nil
}

func installed(folder, want string) bool {
	have, err := os.ReadFile(filepath.Join(folder, stamp))
	if err != nil || string(have) != want {
		return false
	}
	// An environment dies with the Python that it links to.
	_, err = os.Stat(filepath.Join(folder, "bin", "python"))
	return err == nil
}

// findPython prefers the machine's own python3 and looks for a versioned name
// where that one is too old for the pins.
func findPython(ctx context.Context) (string, error) {
	var tried []string
	for _, name := range []string{"python3", "python3.13", "python3.12", "python3.11", "python3.10"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		version, err := exec.CommandContext(ctx, path, "-c", "import sys; print('%d.%d' % sys.version_info[:2]); sys.exit(sys.version_info < (3, 10))").Output()
		if err == nil {
			return path, nil
		}
		tried = append(tried, strings.TrimSpace(path+" "+strings.TrimSpace(string(version))))
	}
	if len(tried) > 0 {
		return "", fmt.Errorf("python 3.10 or newer is needed, found only %s", strings.Join(tried, ", "))
	}
	return "", errors.New("python3 is not installed; install Python 3.10 or newer with its venv module")
}

// run keeps the output for the error: a good installation says nothing.
func run(ctx context.Context, folder, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=", "PIP_REQUIRE_VIRTUALENV=", "PYTHONHOME=", "PYTHONPATH=")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w\n%s", err, LastLines(output.String(), 15))
	}
	return nil
}

// LastLines returns at most count lines from the end of text: what a person
// wants to see of a long log when its program failed.
func LastLines(text string, count int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
