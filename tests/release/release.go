// Package release makes what a release consists of: archives of the programs for
// a shell, the functions' packages for both architectures, templates that need no
// Go, checksums, a bill of materials and a statement of provenance.
package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/version"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// checksumFile is what sha256sum -c reads.
const checksumFile = "SHA256SUMS"

// programs are the functions that judge files or an account from a shell. sweep
// is there for its command scan.
var programs = []string{"diagnose-failure", "patch-task-definition", "sweep", "validate-config"}

// documents go with them; the template's metadata names two of them.
var documents = []string{"LICENSE", "README.md", "CHANGELOG.md"}

// Platform is a system and the kind of machine that it runs on, as Go names them.
type Platform struct{ System, Architecture string }

// Platforms are those that have archives of the programs.
var Platforms = []Platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

// architectures are the values of the parameter Architecture, with Go's names.
var architectures = [][2]string{{"arm64", "arm64"}, {"x86_64", "amd64"}}

// Source is the commit that a release is made of.
type Source struct {
	// Commit is 40 hexadecimal digits. Tags are those that it has.
	Commit string
	Tags   []string
	// Time is the commit's.
	Time time.Time
	// Modified says that the tree isn't as it was committed.
	Modified bool
}

// Head reads what a checkout is at.
func Head(ctx context.Context, checkout string) (Source, error) {
	var answers [4]string
	for index, arguments := range [][]string{
		{"rev-parse", "HEAD"}, {"tag", "--points-at", "HEAD"}, {"log", "-1", "--format=%cI"}, {"status", "--porcelain"},
	} {
		output, err := exec.CommandContext(ctx, "git", append([]string{"-C", checkout}, arguments...)...).Output()
		if err != nil {
			return Source{}, fmt.Errorf("git %s: %w", arguments[0], err)
		}
		answers[index] = strings.TrimSpace(string(output))
	}
	moment, err := time.Parse(time.RFC3339, answers[2])
	return Source{Commit: answers[0], Tags: strings.Fields(answers[1]), Time: moment, Modified: answers[3] != ""}, err
}

// Version is that of shared/version where the commit has its tag. Any other
// commit gets a version that comes before it, as in 1.4.0-dev.8bb707ac0ffe. A tag
// of another version is an error.
func (s Source) Version() (string, error) {
	tagged := slices.Contains(s.Tags, "v"+version.Number)
	for _, tag := range s.Tags {
		if number, isVersion := strings.CutPrefix(tag, "v"); isVersion && number != version.Number {
			return "", fmt.Errorf("the commit has the tag %s, and shared/version says %s: change one of them", tag, version.Number)
		}
	}
	switch {
	case s.Modified:
		return version.Number + "-dev." + s.Commit[:12] + ".modified", nil
	case !tagged:
		return version.Number + "-dev." + s.Commit[:12], nil
	}
	return version.Number, nil
}

// Compile builds programs, by their folders' names below functions/, into a
// folder; for Lambda, as make build does.
type Compile func(ctx context.Context, folder string, platform Platform, lambda bool, programs []string) error

// Options say what to make.
type Options struct {
	Checkout string
	// Out is the folder of what is made.
	Out    string
	Source Source
	// Platforms are those of the archives for a shell.
	Platforms []Platform
	// Complete says that the functions, templates and provenance are made, too.
	Complete bool
	// Bucket is the name of a bucket that the packages will be in; "" makes
	// templates that name files.
	Bucket string
	// Compile and Materials do what takes long: Go and Bill, or a test's.
	Compile   Compile
	Materials func(ctx context.Context, file string) error
	Run       Invocation
	Now       func() time.Time
}

// Prefix is that of a release's objects in a bucket.
func Prefix(version string) string { return "ecs-guardrails/" + version }

// Make makes it all, and gives the names of the files below Out.
func Make(ctx context.Context, options Options) ([]string, error) {
	number, err := options.Source.Version()
	if err != nil {
		return nil, err
	}
	if options.Complete && options.Source.Modified {
		return nil, errors.New("files differ from the commit that the release would name: commit or restore them")
	}
	if err := os.MkdirAll(options.Out, 0o755); err != nil {
		return nil, err
	}
	var names []string
	for _, platform := range options.Platforms {
		name, err := options.archive(ctx, number, platform)
		if err != nil {
			return nil, fmt.Errorf("packing for %s/%s: %w", platform.System, platform.Architecture, err)
		}
		names = append(names, name)
	}
	bill := "ecs-guardrails-" + number + ".cdx.json"
	if err := options.Materials(ctx, filepath.Join(options.Out, bill)); err != nil {
		return nil, fmt.Errorf("writing the bill of materials: %w", err)
	}
	names = append(names, bill)
	if options.Complete {
		more, err := options.deployable(ctx, number)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
		provenance := "ecs-guardrails-" + number + ".intoto.json"
		artefacts, err := digests(options.Out, names)
		if err == nil {
			err = options.provenance(filepath.Join(options.Out, provenance), number, artefacts)
		}
		if err != nil {
			return nil, fmt.Errorf("writing the statement of provenance: %w", err)
		}
		names = append(names, provenance)
	}
	artefacts, err := digests(options.Out, names)
	if err != nil {
		return nil, err
	}
	return append(names, checksumFile), checksums(options.Out, artefacts)
}

// archive packs the programs for a shell.
func (o Options) archive(ctx context.Context, number string, platform Platform) (string, error) {
	folder, err := os.MkdirTemp("", "ecs-guardrails-release")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := o.Compile(ctx, folder, platform, false, programs); err != nil {
		return "", err
	}
	name := fmt.Sprintf("ecs-guardrails-%s-%s-%s", number, platform.System, platform.Architecture)
	suffix, ending := ".tar.gz", ""
	if platform.System == "windows" {
		suffix, ending = ".zip", ".exe"
	}
	var entries []entry
	for _, document := range documents {
		of, err := read(name+"/"+document, filepath.Join(o.Checkout, document), 0o644)
		if err != nil {
			return "", err
		}
		entries = append(entries, of)
	}
	for _, program := range programs {
		of, err := read(name+"/"+program+ending, filepath.Join(folder, program+ending), 0o755)
		if err != nil {
			return "", err
		}
		entries = append(entries, of)
	}
	return name + suffix, write(filepath.Join(o.Out, name+suffix), entries, o.Source.Time)
}

// deployable makes the functions' packages, the templates that name them, and
// copies of the documents that the templates name.
func (o Options) deployable(ctx context.Context, number string) ([]string, error) {
	functions, err := functionsOf(o.Checkout)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, architecture := range architectures {
		made, err := o.packages(ctx, functions, architecture)
		if err != nil {
			return nil, fmt.Errorf("packing the functions for %s: %w", architecture[0], err)
		}
		names = append(names, made...)
	}
	for _, document := range documents[:2] {
		content, err := os.ReadFile(filepath.Join(o.Checkout, document))
		if err == nil {
			err = os.WriteFile(filepath.Join(o.Out, document), content, 0o644)
		}
		if err != nil {
			return nil, err
		}
		names = append(names, document)
	}
	shipped, err := os.ReadFile(filepath.Join(o.Checkout, "template.yaml"))
	if err != nil {
		return nil, err
	}
	templates := map[string]func() ([]byte, error){}
	if o.Bucket != "" {
		templates["template.yaml"] = func() ([]byte, error) { return inBucket(shipped, functions, o.Bucket, Prefix(number)) }
	} else {
		for _, architecture := range architectures {
			templates["template-"+architecture[0]+".yaml"] = func() ([]byte, error) { return inFolder(shipped, functions, architecture[0]) }
		}
	}
	for name, make := range templates {
		content, err := make()
		if err == nil {
			err = os.WriteFile(filepath.Join(o.Out, name), content, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", name, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// packages builds the functions for one architecture; each package is its program
// under the name that the runtime provided.al2023 starts.
func (o Options) packages(ctx context.Context, functions []string, architecture [2]string) ([]string, error) {
	built, err := os.MkdirTemp("", "ecs-guardrails-release")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(built) }()
	if err := o.Compile(ctx, built, Platform{"linux", architecture[1]}, true, functions); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(o.Out, "functions", architecture[0]), 0o755); err != nil {
		return nil, err
	}
	var names []string
	for _, function := range functions {
		program, err := read("bootstrap", filepath.Join(built, function), 0o755)
		if err != nil {
			return nil, err
		}
		name := packageOf(function, architecture[0])
		if err := write(filepath.Join(o.Out, filepath.FromSlash(name)), []entry{program}, o.Source.Time); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// packageOf names a function's package below a release's folder or prefix.
func packageOf(function, architecture string) string {
	return path.Join("functions", architecture, function+".zip")
}

func functionsOf(checkout string) ([]string, error) {
	folders, err := os.ReadDir(filepath.Join(checkout, "functions"))
	if err != nil {
		return nil, fmt.Errorf("listing the functions: %w", err)
	}
	var names []string
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	return names, nil
}

// Go gives the Compile that runs the Go command.
func Go(checkout string) Compile {
	return func(ctx context.Context, folder string, platform Platform, lambda bool, programs []string) error {
		variables := []string{"GOOS=" + platform.System, "GOARCH=" + platform.Architecture, "CGO_ENABLED=0", "GOFLAGS="}
		arguments := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", folder + string(filepath.Separator)}
		if lambda {
			shipped, err := stack.ShippedBuild(checkout)
			if err != nil {
				return err
			}
			variables = append(variables, shipped...)
			arguments = []string{"build", "-o", folder + string(filepath.Separator)}
		}
		for _, program := range programs {
			arguments = append(arguments, "./functions/"+program)
		}
		build := exec.CommandContext(ctx, "go", arguments...)
		build.Dir, build.Stderr = checkout, os.Stderr
		build.Env = append(os.Environ(), variables...)
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build: %w", err)
		}
		return nil
	}
}

// Bill gives the Materials that list the modules that the programs are built
// from, in CycloneDX's format.
func Bill(checkout string) func(ctx context.Context, file string) error {
	return func(ctx context.Context, file string) error {
		command := exec.CommandContext(ctx, "go", "tool", "-modfile=tests/dist/go.mod", "cyclonedx-gomod", "mod", "-json", "-licenses", "-type", "application", "-output", file, ".")
		command.Dir, command.Stderr = checkout, os.Stderr
		// The tool runs the go command itself, for which tests/dist/go.mod is not.
		command.Env = append(os.Environ(), "GOFLAGS=")
		return command.Run()
	}
}
