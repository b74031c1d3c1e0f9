package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// sam runs the real SAM CLI against the local endpoint.
type sam struct {
	program string
	stack   *Stack
	// goEnvironment keeps Go's caches where they are although HOME moves.
	goEnvironment []string
}

// parameters are those of the template's that a local stack sets: this
// machine's processor, and that the functions act.
func (s *Stack) parameters() map[string]string {
	parameters := map[string]string{
		"Architecture": architecture(),
		"Mode":         "enforce",
	}
	maps.Copy(parameters, s.options.Parameters)
	return parameters
}

func (s *sam) prepare(ctx context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("go is not installed; install Go 1.26 or newer (https://go.dev/dl/)")
	}
	var err error
	if s.goEnvironment, err = ShippedBuild(s.stack.options.Checkout); err != nil {
		return err
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		value, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("asking go for %s: %w", name, err)
		}
		s.goEnvironment = append(s.goEnvironment, name+"="+strings.TrimSpace(string(value)))
	}
	return nil
}

// makefileBuild are the variables under which the Makefile's target build runs
// sam build.
var makefileBuild = regexp.MustCompile(`(?m)^\t@?CGO_ENABLED=(\d) GOFLAGS="([^"]+)" sam build( .*)?$`)

// ShippedBuild gives the variables that make what is run here what make build
// ships.
func ShippedBuild(checkout string) ([]string, error) {
	makefile, err := os.ReadFile(filepath.Join(checkout, "Makefile"))
	if err != nil {
		return nil, fmt.Errorf("reading how the functions are built: %w", err)
	}
	match := makefileBuild.FindSubmatch(makefile)
	if match == nil {
		return nil, errors.New("the Makefile's target build does not say with which CGO_ENABLED and GOFLAGS the functions are built")
	}
	return []string{"CGO_ENABLED=" + string(match[1]), "GOFLAGS=" + string(match[2])}, nil
}

func (s *sam) buildFolder() string { return s.stack.folder.file("build") }

func (s *sam) build(ctx context.Context) error {
	// One stack after the other, as samconfig.toml has one function after the
	// other: what the first has compiled, the next finds in Go's cache.
	release, err := toolchain.Lock(ctx, filepath.Join(s.stack.options.Checkout, ".local", "sam-build.lock"))
	if err != nil {
		return fmt.Errorf("waiting until another stack is built: %w", err)
	}
	defer release()
	kept, err := s.builtBefore(ctx)
	if err != nil {
		return err
	}
	if kept != "" {
		if taken, err := take(kept, s.buildFolder()); taken || err != nil {
			return err
		}
	}
	arguments := []string{"build", "--template-file", s.stack.options.Template, "--build-dir", s.buildFolder()}
	// The architecture decides what Go builds for.
	err = s.run(ctx, "sam build", append(arguments, s.overrides()...)...)
	if err == nil {
		err = archiveFunctions(s.buildFolder())
	}
	if err == nil && kept != "" {
		return keep(s.buildFolder(), kept)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	// sam hides the compiler's output and reports the second thing
	// that it tried (aws_lambda_builders, workflows/go_modules/builder.py).
	compile := exec.CommandContext(ctx, "go", "build", "-o", os.DevNull, "./functions/...")
	compile.Dir = filepath.Dir(s.stack.options.Template)
	if output, compileErr := compile.CombinedOutput(); compileErr != nil {
		return fmt.Errorf("%w\ngo build ./functions/... says:\n%s", err, toolchain.LastLines(string(output), 25))
	}
	return err
}

// hurry shortens, in what sam built, the waits that the template has for people
// and their tools: a role's until it is complete, and that for findings that
// make one message. Everything else is deployed as it ships.
func (s *sam) hurry() error {
	path := filepath.Join(s.buildFolder(), "template.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading what sam built: %w", err)
	}
	var template yaml.Node
	if err := yaml.Unmarshal(content, &template); err != nil {
		return fmt.Errorf("reading what sam built: %w", err)
	}
	waits := map[string]string{
		"AttachPoliciesQueue.Properties.DelaySeconds":                                      "1",
		"NotifyFunction.Properties.Events.Queue.Properties.MaximumBatchingWindowInSeconds": "1",
	}
	maps.Copy(waits, s.stack.options.Waits)
	for path, wait := range waits {
		value := valueAt(&template, append([]string{"Resources"}, strings.Split(path, ".")...))
		switch {
		case value == nil && s.stack.options.Waits[path] != "":
			return fmt.Errorf("the template has no wait %s", path)
		case value != nil && value.Kind == yaml.ScalarNode && value.Tag == "!!int":
			value.Value = wait
		case value != nil:
			*value = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: wait}
		}
	}
	deployArchives(&template, s.buildFolder())
	content, err = asJSON(&template)
	if err != nil {
		return fmt.Errorf("writing what is deployed: %w", err)
	}
	// A new file in its place: this one may be the build of other stacks, too.
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return fmt.Errorf("writing what is deployed: %w", err)
	}
	return os.Rename(path+".new", path)
}

// valueAt follows keys into a YAML document; nil where it has none of them.
func valueAt(node *yaml.Node, path []string) *yaml.Node {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	for _, key := range path {
		var found *yaml.Node
		for index := 0; index+1 < len(node.Content); index += 2 {
			if node.Content[index].Value == key {
				found = node.Content[index+1]
			}
		}
		if found == nil {
			return nil
		}
		node = found
	}
	return node
}

func (s *sam) deploy(ctx context.Context) error {
	if err := s.hurry(); err != nil {
		return err
	}
	arguments := []string{
		"deploy", "--template-file", filepath.Join(s.buildFolder(), "template.yaml"),
		"--stack-name", s.stack.Name, "--capabilities", "CAPABILITY_IAM", "--resolve-s3",
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
	}
	return s.run(ctx, "sam deploy", append(arguments, s.overrides()...)...)
}

func (s *sam) overrides() []string {
	parameters := s.stack.parameters()
	arguments := []string{"--parameter-overrides"}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		arguments = append(arguments, "ParameterKey="+name+",ParameterValue="+parameters[name])
	}
	return arguments
}

// run writes what sam says to a log of its own and shows the end of it when
// sam fails.
func (s *sam) run(ctx context.Context, what string, arguments ...string) error {
	logPath := s.stack.folder.file(strings.ReplaceAll(what, " ", "-") + ".log")
	var output bytes.Buffer
	command := exec.CommandContext(ctx, s.program, arguments...)
	command.Dir = filepath.Dir(s.stack.options.Template)
	command.Stdout, command.Stderr = &output, &output
	command.Env = append(withoutAWS(os.Environ()), s.goEnvironment...)
	// It sleeps for five seconds before it looks at what it deploys; nothing here
	// takes as long.
	command.Env = append(command.Env, "SAM_CLI_POLL_DELAY=0.5")
	command.Env = append(command.Env, s.stack.environment()...)
	// Ends with everything that it started, as soon as the context does.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	if writeErr := os.WriteFile(logPath, output.Bytes(), 0o644); writeErr != nil {
		return fmt.Errorf("keeping the log of %s: %w", what, writeErr)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s failed (%w); the end of %s:\n%s", what, err, logPath, toolchain.LastLines(output.String(), 25))
	}
	return nil
}

// environment leads a program to the local AWS and keeps its files in the
// stack's folder.
func (s *Stack) environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + SecretKey,
		"AWS_EC2_METADATA_DISABLED=true",
		"NO_PROXY=127.0.0.1,localhost," + os.Getenv("NO_PROXY"),
		"SAM_CLI_TELEMETRY=0",
		// Seconds between two looks at the deployment; by default 5.
		"SAM_CLI_POLL_DELAY=0.5",
		"HOME=" + s.folder.file("home"),
		"TMPDIR=" + s.folder.file("tmp"),
	}
}

// withoutAWS drops what could lead a program to a real account: profiles,
// session tokens, endpoints of single services.
func withoutAWS(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_") || strings.HasPrefix(variable, "SAM_")
	})
}
