package agentstart_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/readingtest"
	"github.com/ecs-guardrails/ecs-guardrails/tests/agentfacts"
	"github.com/ecs-guardrails/ecs-guardrails/tests/agentstart"
)

var (
	readers = flag.String("readers", os.Getenv("ECS_AGENT_READERS"), "program with the real agent's readers, which cmd/agentfacts builds")
	seed    = flag.Uint64("seed", 1, "where the random files start; 0 takes the clock")
)

// The twelfths of -random that each loop of random files gets: a third goes to
// what becomes of ecs.config, a sixth to .env, and half to the start-up, which
// takes seconds for each file.
const (
	shareOfReader          = 1 // of four
	shareOfEnvironmentFile = 2
	shareOfStartUp         = 6
)

// randomly calls a test with one source of random numbers after the other, each
// with its own seed, for a share of -random or, without it, as often as said. It
// prints the seeds, how often that was and how many times the two sides differed.
func randomly(t *testing.T, share, times int, run func(t *testing.T, random *rand.Rand) (ran, differs bool)) {
	t.Helper()
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	deadline := time.Now().Add(*fuzz * time.Duration(share) / 12)
	runs, differences := 0, 0
	next := first
	for ; *fuzz > 0 && time.Now().Before(deadline) || *fuzz == 0 && next < first+uint64(times); next++ {
		ran, differs := run(t, rand.New(rand.NewPCG(next, 17)))
		if ran {
			runs++
		}
		if differs {
			t.Errorf("that was -seed %d", next)
			if differences++; differences >= 20 {
				next++
				break
			}
		}
	}
	t.Logf("seeds %d to %d: %d runs, %d differences", first, next-1, runs, differences)
	if runs == 0 {
		t.Error("nothing ran")
	}
}

// realReaders starts the real agent's readers.
func realReaders(t *testing.T) *agentstart.Reader {
	t.Helper()
	program := *readers
	if source := os.Getenv("ECS_AGENT_SOURCE"); program == "" && source != "" {
		program = filepath.Join(t.TempDir(), "readers")
		found, err := agentfacts.FromPath(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := found.BuildReaders(program); err != nil {
			t.Fatal(err)
		}
	}
	if program == "" {
		t.Skip("the agent's readers are not in this repository: make agent-start FUZZ=1m builds them and runs this, as does ECS_AGENT_SOURCE, the directory of a checkout")
	}
	return serve(t, exec.Command(program))
}

// ourReaders starts the readers of a package.
func ourReaders(t *testing.T, name string) *agentstart.Reader {
	t.Helper()
	program := filepath.Join(t.TempDir(), name+".test")
	build := exec.Command("go", "test", "-c", "-o", program, "./shared/"+name)
	build.Dir = "../.."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, output)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), readingtest.Serving+"=yes")
	return serve(t, cmd)
}

func serve(t *testing.T, cmd *exec.Cmd) *agentstart.Reader {
	t.Helper()
	reader, err := agentstart.StartReader(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return reader
}

// same says that two readings agree; t gets the difference.
func same(t *testing.T, what string, content []byte, ours, theirs agentstart.Reading) bool {
	t.Helper()
	if (ours.Refused != "") == (theirs.Refused != "") && (ours.Refused != "" || maps.Equal(ours.Variables, theirs.Variables)) {
		return true
	}
	t.Errorf("%s reads %.800q\nas %q %.200s,\nnot as %q %.200s", what, content, theirs.Variables, theirs.Refused, ours.Variables, ours.Refused)
	return false
}

// TestEnvironmentOfConfig holds what becomes of random files against the readers
// themselves: ecs-init's, systemd's and docker run's.
func TestEnvironmentOfConfig(t *testing.T) {
	grid := agentstart.Grid()
	compare := func(t *testing.T, name string, times int, theirs func(t *testing.T, content []byte) (agentstart.Reading, bool)) {
		ours := ourReaders(t, "ecsconfig")
		randomly(t, shareOfReader, times, func(t *testing.T, random *rand.Rand) (bool, bool) {
			content := agentstart.RandomFile(random, grid)
			want, ok := theirs(t, content)
			if !ok {
				return false, false
			}
			got, err := ours.Read(name, content, nil)
			if err != nil {
				t.Fatal(err)
			}
			if name == "systemd" { // environment.d leaves out what is set to nothing
				for variable, value := range got.Variables {
					if value == "" {
						delete(got.Variables, variable)
						delete(want.Variables, variable)
					}
				}
			}
			return true, !same(t, name, content, got, want)
		})
	}
	t.Run("ecs-init", func(t *testing.T) {
		real := realReaders(t)
		compare(t, "ecs-init", 500, func(t *testing.T, content []byte) (agentstart.Reading, bool) {
			reading, err := real.Read("ecs-init", content, nil)
			if err != nil {
				t.Fatal(err)
			}
			return reading, true
		})
	})
	t.Run("docker run", func(t *testing.T) {
		compare(t, "docker run", 300, func(_ *testing.T, content []byte) (agentstart.Reading, bool) {
			return agentstart.DockerRun(content), true
		})
	})
	t.Run("systemd", func(t *testing.T) {
		systemd, err := agentstart.NewSystemd(t.TempDir())
		if err != nil {
			t.Skip(err)
		}
		compare(t, "systemd", 60, func(t *testing.T, content []byte) (agentstart.Reading, bool) {
			if !systemd.CanRead(content) {
				return agentstart.Reading{}, false
			}
			reading, err := systemd.Read(content)
			if err != nil {
				t.Fatal(err)
			}
			return reading, true
		})
	})
}

// TestEnvironmentFile holds what becomes of random .env files against the agent.
func TestEnvironmentFile(t *testing.T) {
	real, ours := realReaders(t), ourReaders(t, "environmentfile")
	grid := agentstart.Grid()
	randomly(t, shareOfEnvironmentFile, 500, func(t *testing.T, random *rand.Rand) (bool, bool) {
		content := agentstart.RandomFile(random, grid)
		want, err := real.Read("environment file", content, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ours.Read("environment file", content, nil)
		if err != nil {
			t.Fatal(err)
		}
		return true, !same(t, "the agent", content, got, want)
	})
}

// TestSettings holds the effective value of every variable that the agent itself
// reads, in random files, against the configuration that the agent makes of it.
func TestSettings(t *testing.T) {
	real := realReaders(t)
	read := func(t *testing.T, environment map[string]string) agentstart.Reading {
		t.Helper()
		reading, err := real.Read("configuration", nil, environment)
		if err != nil {
			t.Fatal(err)
		}
		return reading
	}
	untouched := read(t, agentstart.ContainerEnvironment(""))
	empty := map[string]json.RawMessage{}
	for name := range untouched.Settings {
		environment := agentstart.ContainerEnvironment("")
		environment[name] = ""
		empty[name] = read(t, environment).Settings[name]
	}
	types := map[string]ecsconfig.Type{}
	for _, v := range ecsconfig.Catalogue() {
		types[v.Name] = v.Type
	}
	grid := agentstart.Grid()
	randomly(t, shareOfReader, 500, func(t *testing.T, random *rand.Rand) (bool, bool) {
		text := "ECS_CLUSTER=prod\n"
		for range 1 + random.IntN(6) {
			c := grid[random.IntN(len(grid))]
			if c.Name == "ECS_AGENT_CONFIG_FILE_PATH" {
				continue // the readers run outside the agent's container, where other files are
			}
			text += c.Name + "=" + agentstart.Broken(c.Value, random) + "\n"
		}
		got := read(t, agentstart.ContainerEnvironment(text))
		if got.Settings == nil || got.Refused != "" {
			fails, _ := predictedFile(text)
			if !fails {
				t.Errorf("the agent refuses %.600q: %s", text, got.Refused)
			}
			return true, !fails
		}
		file, differs := ecsconfig.Parse([]byte(text)), false
		for name, theirs := range got.Settings {
			if dependsOnOthers[name] {
				continue
			}
			setting := file.Setting(name)
			agrees := false
			switch {
			case name == "ECS_ENGINE_AUTH_TYPE" && setting.Replaced:
				// The agent keeps a type that its login doesn't know.
				agrees = !slices.Contains([]string{`"docker"`, `"dockercfg"`}, string(theirs))
			case setting.Source == ecsconfig.FromFile:
				agrees = isValue(types[name], setting.Value.Reveal(), theirs)
			case setting.Source == ecsconfig.FromECSInit:
				agrees = reflect.DeepEqual(untouched.Settings[name], theirs)
			default:
				agrees = reflect.DeepEqual(empty[name], theirs)
			}
			if !agrees {
				differs = true
				t.Errorf("the agent uses %s for %s, not %q (%s), of\n%.600q", theirs, name, setting.Value.Reveal(), setting.Source, text)
			}
		}
		return true, differs
	})
}

// dependsOnOthers are variables whose field other variables or the machine
// decide too.
var dependsOnOthers = map[string]bool{
	"CREDENTIALS_FETCHER_HOST_DIR": true, "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA": true, "ECS_DOMAIN_JOINED_LINUX_INSTANCE": true, "ECS_GMSA_SUPPORTED": true,
	"ZZZ_SKIP_DOMAIN_JOIN_CHECK_NOT_SUPPORTED_IN_PRODUCTION": true, "ZZZ_SKIP_DOMAIN_LESS_CHECK_NOT_SUPPORTED_IN_PRODUCTION": true,
	// ECS_DATADIR, ECS_INSTANCE_IP_COMPATIBILITY and ECS_ENABLE_PROMETHEUS_METRICS
	// change the defaults of these.
	"ECS_CHECKPOINT": true, "ECS_EXCLUDE_IPV6_PORTBINDING": true, "ECS_RESERVED_PORTS": true,
	"ECS_INSTANCE_IP_COMPATIBILITY": true, // its fields are not exported
}

// isValue says that a text is what a field of the agent's configuration holds.
func isValue(kind ecsconfig.Type, text string, field json.RawMessage) bool {
	var value any
	if err := json.Unmarshal(field, &value); err != nil {
		return false
	}
	switch value := value.(type) {
	case nil:
		return slices.Contains([]string{"null", "[]", "{}"}, strings.TrimSpace(text))
	case bool:
		parsed, err := strconv.ParseBool(strings.TrimSpace(text))
		return err == nil && parsed == value
	case float64:
		_, last, isPair := strings.Cut(text, ",")
		if isPair {
			text = strings.TrimSpace(last)
		}
		parsed, err := strconv.Atoi(strings.TrimSpace(text))
		return err == nil && strconv.Itoa(parsed) == string(field) // a float64 holds no large one
	case string:
		if kind == ecsconfig.RegistryAuth { // JSON: white space around it is nothing
			return text == strings.TrimSpace(value)
		}
		if kind == ecsconfig.Duration {
			parsed, err := time.ParseDuration(text)
			return err == nil && parsed.String() == value
		}
		// The agent keeps a range of ports as it is, and takes two numbers of it.
		return text == value || kind == ecsconfig.PortRange && strings.HasPrefix(value, text+"-")
	}
	if kind == ecsconfig.ImageList || kind == ecsconfig.CommaList {
		return reflect.DeepEqual(value, any(anyOf(strings.Split(text, ","))))
	}
	if kind == ecsconfig.StringList { // null in a list is an empty text
		var ours, theirs []string
		errOurs, errTheirs := json.Unmarshal([]byte(text), &ours), json.Unmarshal(field, &theirs)
		return errOurs == nil && errTheirs == nil && slices.Equal(ours, theirs)
	}
	var parsed any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		return false
	}
	return reflect.DeepEqual(parsed, value) || fmt.Sprint(value) == "[]" && parsed == nil
}

func anyOf(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
