// Package agentfacts takes the facts on which the catalogue of ecs.config
// variables rests from the source of the ECS agent, of ecs-init and of the AWS
// SDK that the agent is built with.
package agentfacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Source is the source of one agent version.
type Source struct {
	// Version is the agent's, as in 1.105.1.
	Version string
	// Agent, Library and Init are the directories agent, ecs-agent and ecs-init
	// of the repository.
	Agent, Library, Init string
}

const repository = "github.com/aws/amazon-ecs-agent"

// FromPath takes a checkout of the repository.
func FromPath(directory string) (Source, error) {
	version, err := os.ReadFile(filepath.Join(directory, "VERSION"))
	if err != nil {
		return Source{}, fmt.Errorf("read the agent's version: %w", err)
	}
	source := Source{Version: strings.TrimSpace(string(version))}
	for name, into := range map[string]*string{"agent": &source.Agent, "ecs-agent": &source.Library, "ecs-init": &source.Init} {
		*into = filepath.Join(directory, name)
		if _, err := os.Stat(filepath.Join(*into, "go.mod")); err != nil {
			return Source{}, fmt.Errorf("find the agent's modules: %w", err)
		}
	}
	return source, nil
}

// FromProxy downloads a version from the Go module proxy. The repository's tags
// are those of its root, so the modules below it are asked for by commit.
func FromProxy(version string) (Source, error) {
	root, err := download(repository + "@v" + version)
	if err != nil {
		return Source{}, err
	}
	if root.Origin.Hash == "" {
		return Source{}, errors.New("the module proxy doesn't tell the commit of the version: give a checkout with -source")
	}
	source := Source{Version: version}
	for name, into := range map[string]*string{"agent": &source.Agent, "ecs-agent": &source.Library, "ecs-init": &source.Init} {
		module, err := download(repository + "/" + name + "@" + root.Origin.Hash)
		if err != nil {
			return Source{}, err
		}
		*into = module.Dir
	}
	return source, nil
}

// module is what go mod download tells.
type module struct {
	Dir, Error string
	Origin     struct{ Hash string }
}

func download(query string) (module, error) {
	cmd := exec.Command("go", "mod", "download", "-json", query)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	output, err := cmd.Output()
	var m module
	if jsonErr := json.Unmarshal(output, &m); jsonErr != nil {
		return module{}, fmt.Errorf("download %s: %w", query, errors.Join(err, jsonErr))
	}
	if m.Error != "" {
		return module{}, fmt.Errorf("download %s: %s", query, m.Error)
	}
	return m, nil
}

// sdkModules are the versions of the AWS SDK's modules that the agent pins.
func (s Source) sdkModules() (map[string]string, error) {
	content, err := os.ReadFile(filepath.Join(s.Agent, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read what the agent is built with: %w", err)
	}
	versions := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^\s*(github\.com/aws/aws-sdk-go-v2\S*) (v\S+)`).FindAllStringSubmatch(string(content), -1) {
		versions[match[1]] = match[2]
	}
	if len(versions) == 0 {
		return nil, errors.New("the agent's go.mod names no module of the AWS SDK")
	}
	return versions, nil
}

// Build compiles the agent from a copy of the source, with the modules that it
// pins, into a file.
func (s Source) Build(into string) error { return s.compile(".", nil, into) }

// compile compiles a package of the agent from a copy of the source, to which
// files are added by their path in the agent's module, with the modules that the
// agent pins, into a file.
func (s Source) compile(program string, added map[string]string, into string) error {
	directory, err := os.MkdirTemp("", "agent")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	modules := map[string]string{"agent": s.Agent, "ecs-agent": s.Library}
	// A checkout has modules beside the agent that its go.mod puts in the place of
	// published ones.
	goMod, err := os.ReadFile(filepath.Join(s.Agent, "go.mod"))
	if err != nil {
		return fmt.Errorf("read what the agent is built with: %w", err)
	}
	for _, match := range regexp.MustCompile(`(?m)=> \.\./(\S+)`).FindAllStringSubmatch(string(goMod), -1) {
		beside := filepath.Join(filepath.Dir(s.Agent), match[1])
		if _, err := os.Stat(beside); err == nil && !strings.HasPrefix(match[1], "ecs-agent") {
			modules[match[1]] = beside
		}
	}
	for name, from := range modules {
		// Vendored copies are left out: the modules come from the proxy.
		if err := copyModule(from, filepath.Join(directory, name)); err != nil {
			return fmt.Errorf("copy the agent's source: %w", err)
		}
	}
	for name, content := range added {
		path := filepath.Join(directory, "agent", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	into, err = filepath.Abs(into)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", into, program)
	cmd.Dir = filepath.Join(directory, "agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod -trimpath", "GOWORK=off")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the agent: %w\n%s", err, output)
	}
	return nil
}

func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if relative == "vendor" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o644)
	})
}
