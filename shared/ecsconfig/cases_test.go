package ecsconfig_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// verdict is what the agent's own code made of a case.
type verdict struct {
	Verdict        string            `json:"verdict"` // ok, warnings, api_risk, fatal
	Environment    map[string]string `json:"environment"`
	Refused        []string          `json:"refused_by_the_service"`
	Cluster        string            `json:"effective_cluster"`
	Registries     []string          `json:"auth_registries"`
	Disagreements  []string          `json:"systemd_sees_other_values_for"`
	SystemdIgnores bool              `json:"systemd_ignores_whole_file"`
}

// harmful are the files of which no reader complains, and which end in the
// wrong cluster or without credentials all the same.
var harmful = map[string]bool{
	"auth_auths_wrapper_docker": true, "auth_base64_empty_user": true, "auth_host_upper": true,
	"auth_hubkey_2": true, "auth_hubkey_5": true, "auth_hubkey_8": true,
	"auth_swapped_dockercfg_shape_in_docker": true,
}

// fine are the files about which there is nothing to say.
var fine = []string{"auth_hubkey_1", "auth_hubkey_7", "leading_trailing_spaces", "valid_only_comments"}

func readCases(t testing.TB) map[string]verdict {
	t.Helper()
	paths, err := filepath.Glob("testdata/cases/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	cases := map[string]verdict{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v verdict
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".json")] = v
	}
	return cases
}

func readCase(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata/cases", name+".config"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// abbreviated is how the cases write a long value: its beginning and its length.
var abbreviated = regexp.MustCompile(`(?s)^(.*)\.\.\.\[([0-9]+) bytes\]$`)

func sameValue(got, want string) bool {
	if match := abbreviated.FindStringSubmatch(want); match != nil {
		length, _ := strconv.Atoi(match[2])
		return strings.HasPrefix(got, match[1]) && len(got) == length
	}
	return got == want
}

// rawText undoes how the cases write a text that is not UTF-8.
func rawText(t *testing.T, text string) string {
	t.Helper()
	quoted, ok := strings.CutPrefix(text, "(non-UTF-8) ")
	if !ok {
		return text
	}
	raw, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return raw
}

func TestCases(t *testing.T) {
	for name, want := range readCases(t) {
		t.Run(name, func(t *testing.T) {
			content := readCase(t, name)
			checkEnvironment(t, content, want)
			findings := judged(name, string(content))
			for _, f := range findings {
				t.Logf("%s %s %d:%d %s: %s [%s]", f.Severity, f.Code, f.Line, f.Column, f.Variable, f.Message, f.Fix)
			}
			checkVerdict(t, findings, want, harmful[name])
			if slices.Contains(fine, name) && len(findings) > 0 {
				t.Error("the file is fine, and there are findings")
			}
			if harmful[name] && !slices.ContainsFunc(findings, isError) {
				t.Error("the file does harm, and there is no error")
			}
		})
	}
}

func isError(f finding.Finding) bool { return f.Severity == finding.Error }

func checkEnvironment(t *testing.T, content []byte, want verdict) {
	t.Helper()
	file := ecsconfig.Parse(content)
	environment := file.Environment()
	if len(environment) != len(want.Environment) {
		t.Errorf("%d variables, want %d", len(environment), len(want.Environment))
	}
	for name, value := range want.Environment {
		name, value = rawText(t, name), rawText(t, value)
		if got, ok := environment[name]; !ok || !sameValue(got.Reveal(), value) {
			t.Errorf("%q is %q (%v), want %q", name, got.Reveal(), ok, value)
		}
	}
	if cluster, _, _ := file.Cluster(); cluster != want.Cluster {
		t.Errorf("cluster %q, want %q", cluster, want.Cluster)
	}
	systemd, err := file.Systemd()
	if (err != nil) != want.SystemdIgnores {
		t.Errorf("systemd: %v, but ignoring the whole file should be %v", err, want.SystemdIgnores)
	}
	var differ, wantDiffer []string
	for _, name := range want.Disagreements {
		wantDiffer = append(wantDiffer, rawText(t, name))
	}
	for name, value := range environment {
		if other, ok := systemd[name]; !ok || !other.Equal(value) {
			differ = append(differ, name)
		}
	}
	for name := range systemd {
		if _, ok := environment[name]; !ok {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	slices.Sort(wantDiffer)
	if !slices.Equal(differ, wantDiffer) {
		t.Errorf("systemd sees others for %q, want %q", differ, wantDiffer)
	}
	var registries []string
	for _, r := range file.Registries().Registries {
		registries = append(registries, r.Name)
	}
	slices.Sort(registries)
	wrapped := slices.Equal(want.Registries, []string{"auths"}) // which serves no image
	if !wrapped && !slices.Equal(registries, want.Registries) {
		t.Errorf("registries %q, want %q", registries, want.Registries)
	}
}

// checkVerdict holds the findings against the verdict of the agent's own code.
func checkVerdict(t *testing.T, findings []finding.Finding, want verdict, harmful bool) {
	t.Helper()
	result := finding.Result{Subject: "x", Status: finding.Noncompliant, Findings: findings}
	if err := findingtest.Check(result); err != nil {
		t.Error(err)
	}
	failed := slices.ContainsFunc(findings, isError)
	switch want.Verdict {
	case "fatal":
		if !failed {
			t.Error("the agent does not start, and there is no error")
		}
	case "warnings":
		if len(findings) == 0 {
			t.Error("the agent warns, and there is no finding")
		}
	case "api_risk":
		for _, reason := range want.Refused {
			variable := refusedVariable(reason)
			if !slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Variable == variable }) {
				t.Errorf("ECS refuses %s, and no finding names it", variable)
			}
		}
	case "ok":
		if failed && !harmful {
			t.Error("no reader complains, and there is an error")
		}
	default:
		t.Fatalf("verdict %q is unknown", want.Verdict)
	}
}

// refusedVariable gives the variable that a reason of the service's is about.
func refusedVariable(reason string) string {
	switch {
	case strings.HasPrefix(reason, "cluster "):
		return "ECS_CLUSTER"
	case strings.HasPrefix(reason, "attribute "):
		return "ECS_INSTANCE_ATTRIBUTES"
	case strings.HasPrefix(reason, "ReservedPortsUDP"):
		return "ECS_RESERVED_PORTS_UDP"
	case strings.HasPrefix(reason, "ReservedPorts"):
		return "ECS_RESERVED_PORTS"
	}
	return "ECS_CONTAINER_INSTANCE_TAGS"
}
