// Dist builds the programs that people run without Lambda for the systems that
// they use, an archive for each, with checksums and a bill of materials.
//
//	dist [-out DIRECTORY] [-only OS/ARCHITECTURE]
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// programs are the functions that judge files or an account from a shell. sweep
// is there for its command scan.
var programs = []string{"diagnose-failure", "patch-task-definition", "sweep", "validate-config"}

// documents go with them.
var documents = []string{"LICENSE", "README.md", "CHANGELOG.md"}

// platform is a system and the kind of machine that it runs on, as Go names them.
type platform struct{ system, architecture string }

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	checkout, err := stack.Checkout()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	out := flags.String("out", filepath.Join(checkout, "dist"), "`directory` of the archives")
	only := flags.String("only", "", "one `system/architecture`, as in linux/arm64 (default all)")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	wanted := platforms
	if *only != "" {
		system, architecture, _ := strings.Cut(*only, "/")
		if wanted = []platform{{system, architecture}}; !slices.Contains(platforms, wanted[0]) {
			return fmt.Errorf("%q is none of %v", *only, platforms)
		}
	}
	version, moment, err := release(ctx, checkout)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	var made []string
	for _, platform := range wanted {
		archive, err := pack(ctx, checkout, *out, version, moment, platform)
		if err != nil {
			return fmt.Errorf("packing for %s/%s: %w", platform.system, platform.architecture, err)
		}
		made = append(made, archive)
		fmt.Fprintln(os.Stderr, archive)
	}
	bill := "ecs-guardrails-" + version + ".cdx.json"
	if err := materials(ctx, checkout, filepath.Join(*out, bill)); err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	return checksums(*out, append(made, bill))
}

// release gives the version, which is the tag of the commit, or its name where
// it has none, and the commit's time, which archives carry so that the same
// commit makes the same archives.
func release(ctx context.Context, checkout string) (string, time.Time, error) {
	described, err := git(ctx, checkout, "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return "", time.Time{}, err
	}
	written, err := git(ctx, checkout, "log", "-1", "--format=%cI")
	if err != nil {
		return "", time.Time{}, err
	}
	moment, err := time.Parse(time.RFC3339, written)
	return strings.TrimPrefix(described, "v"), moment, err
}

func git(ctx context.Context, checkout string, arguments ...string) (string, error) {
	output, err := exec.CommandContext(ctx, "git", append([]string{"-C", checkout}, arguments...)...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", arguments[0], err)
	}
	return strings.TrimSpace(string(output)), nil
}

// pack builds the programs and puts them into one archive, a zip file for
// Windows, and returns the archive's name.
func pack(ctx context.Context, checkout, out, version string, moment time.Time, platform platform) (string, error) {
	folder, err := os.MkdirTemp("", "ecs-guardrails-dist")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	name := fmt.Sprintf("ecs-guardrails-%s-%s-%s", version, platform.system, platform.architecture)
	files := map[string]string{}
	for _, document := range documents {
		files[name+"/"+document] = filepath.Join(checkout, document)
	}
	arguments := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", folder + string(filepath.Separator)}
	for _, program := range programs {
		arguments = append(arguments, "./functions/"+program)
		file := program
		if platform.system == "windows" {
			file += ".exe"
		}
		files[name+"/"+file] = filepath.Join(folder, file)
	}
	build := exec.CommandContext(ctx, "go", arguments...)
	build.Dir, build.Stderr = checkout, os.Stderr
	build.Env = append(os.Environ(), "GOOS="+platform.system, "GOARCH="+platform.architecture, "CGO_ENABLED=0", "GOFLAGS=")
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	archive, write := name+".tar.gz", tarball
	if platform.system == "windows" {
		archive, write = name+".zip", zipped
	}
	file, err := os.Create(filepath.Join(out, archive))
	if err != nil {
		return "", err
	}
	return archive, errors.Join(write(file, files, moment), file.Close())
}

// member reads one file of an archive. Programs are the files without an
// extension, and those of Windows.
func member(files map[string]string, name string) ([]byte, os.FileMode, error) {
	content, err := os.ReadFile(files[name])
	mode := os.FileMode(0o644)
	if slices.Contains(programs, strings.TrimSuffix(filepath.Base(name), ".exe")) {
		mode = 0o755
	}
	return content, mode, err
}

func names(files map[string]string) []string {
	var sorted []string
	for name := range files {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

func tarball(writer io.Writer, files map[string]string, moment time.Time) error {
	compressed := gzip.NewWriter(writer)
	archive := tar.NewWriter(compressed)
	for _, name := range names(files) {
		content, mode, err := member(files, name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: int64(mode), Size: int64(len(content)), ModTime: moment.UTC(), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func zipped(writer io.Writer, files map[string]string, moment time.Time) error {
	archive := zip.NewWriter(writer)
	for _, name := range names(files) {
		content, mode, err := member(files, name)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: moment.UTC()}
		header.SetMode(mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// materials lists the modules that the programs are built from, in CycloneDX's
// format.
func materials(ctx context.Context, checkout, file string) error {
	command := exec.CommandContext(ctx, "go", "tool", "-modfile=tests/dist/go.mod", "cyclonedx-gomod", "mod", "-json", "-licenses", "-type", "application", "-output", file, ".")
	command.Dir, command.Stderr = checkout, os.Stderr
	// The tool runs the go command itself, for which tests/dist/go.mod is not.
	command.Env = append(os.Environ(), "GOFLAGS=")
	return command.Run()
}

// checksums writes what sha256sum -c checks.
func checksums(out string, files []string) error {
	slices.Sort(files)
	var text strings.Builder
	for _, name := range files {
		file, err := os.Open(filepath.Join(out, name))
		if err != nil {
			return err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", hash.Sum(nil), name)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(text.String()), 0o644)
}
