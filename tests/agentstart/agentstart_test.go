package agentstart_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/agentstart"

	"golang.org/x/sync/errgroup"
)

var (
	measure = flag.Bool("measure", false, "start the real agent with every case and write testdata/endings.txt")
	agent   = flag.String("agent", os.Getenv("ECS_AGENT_BINARY"), "binary of the real agent")
	only    = flag.String("only", "", "names of the variables to measure, separated by commas")
	fuzz    = flag.Duration("random", 0, "try random files for that long in all: on the readers of ecs.config and of .env, and on the start-up")
	beside  = flag.Int("beside", 8, "agents that are started side by side")
	limit   = flag.Int("limit", 1<<30, "start-ups that one variable gets at most in this run; the rest stays for the next run")
)

// harmful are the codes of errors that no start-up shows: the agent registers,
// and a secret is exposed, or tasks fail later.
var harmful = map[string]string{
	"aws-keys-static":        "a secret is exposed",
	"secret-misplaced":       "a secret is exposed",
	"docker-log-option":      "Docker refuses the agent's container, which is not played here",
	"jitter-negative":        "the agent panics when it removes a stopped task",
	"pull-timeout-too-short": "no pull ends in time",
}

// predicted says what the judge expects of a case.
func predicted(c agentstart.Case) (fails bool, codes []string) { return predictedFile(c.File()) }

func predictedFile(file string) (fails bool, codes []string) {
	for _, f := range ecsconfig.Parse([]byte(file)).Judge() {
		// Without credentials the agent registers, and pulls fail.
		isPull := strings.HasPrefix(f.Code, "auth-") || strings.HasPrefix(f.Variable, "ECS_ENGINE_AUTH_")
		if f.Severity == finding.Error && harmful[f.Code] == "" && !isPull && f.Code != "cluster-empty" {
			fails = true
			codes = append(codes, f.Code)
		}
	}
	return fails, codes
}

// letter writes an ending in one byte.
func letter(e agentstart.Ending) byte {
	switch {
	case e.Kind == "registered" && e.Refused != "":
		return 'x'
	case e.Kind == "registered":
		return 'r'
	case e.Kind == "exit" && e.Code == 1:
		return '1'
	case e.Kind == "exit" && e.Code == 5:
		return '5'
	case e.Kind == "exit" && e.Code == 2:
		return '2'
	case e.Kind == "stuck":
		return 's'
	}
	return '?'
}

const recorded = "testdata/endings.txt"

// TestPredictions holds the judge's severities against how the real agent's
// start-up ended with each case, as it was measured.
func TestPredictions(t *testing.T) {
	endings := readEndings(t)
	cases, measured := map[string]int{}, 0
	for _, c := range agentstart.Grid() {
		cases[c.Name]++
		if ending, ok := endings[c]; ok {
			measured++
			compare(t, c, ending)
		}
	}
	for name, n := range cases {
		if n < 200 {
			t.Errorf("%s has %d cases", name, n)
		}
	}
	if share := 100 * measured / len(agentstart.Grid()); share < 95 {
		t.Errorf("only %d %% of the cases were measured: run make agent-start", share)
	}
	t.Logf("%d of %d cases of %d variables were measured", measured, len(agentstart.Grid()), len(cases))
}

// dependsOnHost are cases that end in one way here and in another one on
// another machine.
func dependsOnHost(c agentstart.Case) bool {
	value := strings.TrimSpace(c.Value)
	fails, _ := predicted(c)
	switch c.Name {
	case "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy":
		// Whether there is a proxy at an address that could be one's.
		return !fails && value != ""
	case "AWS_CONTAINER_CREDENTIALS_FULL_URI":
		return !fails && value != "" // whether something answers there
	case "ECS_DATADIR":
		return strings.HasPrefix(value, "/etc/") || strings.HasPrefix(value, "/var/") || strings.HasPrefix(value, "/log/") || strings.HasPrefix(value, "/usr/")
	case "ECS_CNI_PLUGINS_PATH", "AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "ECS_AGENT_CONFIG_FILE_PATH":
		return !fails && strings.HasPrefix(value, "/") // whether the host has the files there
	case "ECS_ENABLE_TASK_CPU_MEM_LIMIT":
		return true // wants the cgroups of a real host
	case "DOCKER_HOST":
		if strings.HasPrefix(value, "unix://") && !strings.HasPrefix(value, "unix:///") {
			return true // ecs-init's bind, over which Docker refuses the container, is not played here
		}
		return !fails && strings.Contains(value, "://") // whether Docker listens there
	case "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE":
		return strings.EqualFold(value, "ipv6") // whether the instance has IPv6
	case "GOMAXPROCS":
		return len(value) > 3 // so many processors take a busy machine longer than a start-up is waited for
	case "GOMEMLIMIT":
		return strings.HasPrefix(value, "+") // Go 1.25, with which AWS builds the agent, takes no sign; 1.26 does
	case "ECS_RESERVED_MEMORY":
		return true // more than the machine has
	case "ECS_BACKEND_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS", "AWS_EC2_METADATA_SERVICE_ENDPOINT":
		return true // whether something answers there
	}
	return false
}

// agrees says that a case ends as predicted, or can't tell here.
func agrees(c agentstart.Case, ending byte) bool {
	fails, _ := predicted(c)
	return fails == (ending != 'r') || dependsOnHost(c)
}

func compare(t *testing.T, c agentstart.Case, ending byte) {
	t.Helper()
	if !agrees(c, ending) {
		_, codes := predicted(c)
		t.Errorf("%s=%.60s: the start-up ends as %c, but the errors are %v", c.Name, c.Value, ending, codes)
	}
}

// TestMeasure starts the real agent. Without one it says how to get one: in
// that case only TestPredictions, with what was measured, runs.
func TestMeasure(t *testing.T) {
	surroundings := start(t, *beside)
	cases := agentstart.Grid()
	known := readEndings(t)
	if *only != "" {
		cases = slices.DeleteFunc(cases, func(c agentstart.Case) bool { return !slices.Contains(strings.Split(*only, ","), c.Name) })
	}
	if *measure {
		cases = slices.DeleteFunc(cases, func(c agentstart.Case) bool { return known[c] != 0 && agrees(c, known[c]) })
	} else {
		cases = sample(cases)
	}
	t.Logf("%d cases", len(cases))
	failing := func(c agentstart.Case) bool { fails, _ := predicted(c); return fails }
	done := 0
	err := agentstart.Measure(surroundings, cases, failing, *limit, func(c agentstart.Case, ending agentstart.Ending) {
		known[c] = letter(ending)
		compare(t, c, letter(ending))
		if letter(ending) == '?' {
			t.Errorf("%s=%.60s: %v\n%s", c.Name, c.Value, ending, ending.Log)
		}
		if fails, codes := predicted(c); fails != (letter(ending) != 'r') {
			fmt.Fprintf(os.Stderr, "%s=%.60s: %v, but the errors are %v\n", c.Name, c.Value, ending, codes)
		}
		if done++; *measure && done%200 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d\n", done, len(cases))
			writeEndings(t, known)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if *measure {
		writeEndings(t, known)
	}
}

// start builds what the agent runs in and starts it, each copy in namespaces of
// its own.
func start(t *testing.T, copies int) []*agentstart.Agent {
	t.Helper()
	if *agent == "" || os.Getuid() != 0 {
		t.Skip("the real agent is started in namespaces of its own, which takes root and a binary that is not in this repository: make agent-start VERSION=1.105.1 builds it and runs this; what it measured before is held by TestPredictions")
	}
	programs := t.TempDir()
	for _, name := range []string{"agentstart", "cniplugin"} {
		if output, err := exec.Command("go", "build", "-o", filepath.Join(programs, name), "../cmd/"+name).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, output)
		}
	}
	surroundings := make([]*agentstart.Agent, copies)
	for i := range surroundings {
		world, err := agentstart.Start(filepath.Join(programs, "agentstart"), *agent, filepath.Join(programs, "cniplugin"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := world.Close(); err != nil {
				t.Error(err)
			}
		})
		surroundings[i] = world
	}
	return surroundings
}

// readEndings gives the letter of each case that was measured.
func readEndings(t *testing.T) map[agentstart.Case]byte {
	t.Helper()
	content, err := os.ReadFile(recorded)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	letters := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n") {
		name, text, _ := strings.Cut(line, " ")
		letters[name] = text
	}
	index := map[string]int{}
	endings := map[agentstart.Case]byte{}
	for _, c := range agentstart.Grid() {
		at := index[c.Name]
		index[c.Name]++
		if at < len(letters[c.Name]) && letters[c.Name][at] != '.' {
			endings[c] = letters[c.Name][at]
		}
	}
	return endings
}

// writeEndings writes a line for each variable, with a letter for each of its
// values in the order of the grid, and a dot for what was not measured.
func writeEndings(t *testing.T, endings map[agentstart.Case]byte) {
	t.Helper()
	var text strings.Builder
	last := ""
	for _, c := range agentstart.Grid() {
		if c.Name != last {
			if last != "" {
				text.WriteByte('\n')
			}
			text.WriteString(c.Name + " ")
			last = c.Name
		}
		if ending, ok := endings[c]; ok {
			text.WriteByte(ending)
		} else {
			text.WriteByte('.')
		}
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recorded, []byte(text.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRandomFiles starts the real agent with files of several lines, with values
// of the grid as they are or broken in some way, for half of the time that -random
// gives.
func TestRandomFiles(t *testing.T) {
	if *fuzz == 0 {
		t.Skip("a fuzz of the real agent's start-up, which takes seconds for each file: make agent-start FUZZ=10m runs it")
	}
	surroundings := start(t, *beside)
	var mu sync.Mutex
	free := make(chan *agentstart.Agent, len(surroundings))
	for _, agent := range surroundings {
		free <- agent
	}
	grid := agentstart.Grid()
	failed, differences := 0, 0
	var group errgroup.Group
	randomly(t, shareOfStartUp, 0, func(t *testing.T, random *rand.Rand) (bool, bool) {
		file, throughProxy, unsure := randomStart(random, grid)
		if unsure {
			return false, false
		}
		fails, codes := predictedFile(file)
		agent := <-free
		group.Go(func() error {
			defer func() { free <- agent }()
			ending, err := agent.Run(agentstart.Job{Environment: agentstart.ContainerEnvironment(file), ProxyOnly: throughProxy})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if ending.Fails() {
				failed++
			}
			if fails != ending.Fails() {
				differences++
				t.Errorf("%v, but the errors are %v:\n%.600q", ending, codes, file)
			}
			return nil
		})
		return true, false
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of them failed to start; %d ended in another way than predicted", failed, differences)
}

// randomStart is a file for one start-up, whether the network leads through a
// proxy then, and whether its end depends on the host.
func randomStart(random *rand.Rand, grid []agentstart.Case) (file string, throughProxy, unsure bool) {
	names := map[string]bool{"ECS_CLUSTER": true}
	file = "ECS_CLUSTER=prod\n"
	for range 1 + random.IntN(4) {
		c := grid[random.IntN(len(grid))]
		c.Value = agentstart.Broken(c.Value, random)
		// A value that fails by itself says nothing about the others.
		unsure = unsure || names[c.Name] || dependsOnHost(c) || strings.HasPrefix(c.Name, "SSL_CERT") || strings.HasPrefix(c.Name, "GOM")
		names[c.Name] = true
		throughProxy = throughProxy || c.Value != "" && c.Job().ProxyOnly
		file += c.Name + "=" + c.Value + "\n"
	}
	return file, throughProxy, unsure
}

// sample takes three cases of each variable that should fail and three that
// should not.
func sample(cases []agentstart.Case) []agentstart.Case {
	type kind struct {
		name  string
		fails bool
	}
	counts := map[kind]int{}
	return slices.DeleteFunc(cases, func(c agentstart.Case) bool {
		fails, _ := predicted(c)
		counts[kind{c.Name, fails}]++
		return counts[kind{c.Name, fails}] > 3
	})
}
