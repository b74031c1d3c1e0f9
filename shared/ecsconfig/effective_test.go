package ecsconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// TestSetting says for each line what its reader works with.
func TestSetting(t *testing.T) {
	for line, want := range map[string]string{
		"":                                      "ECS_CLUSTER default agent 0",
		"ECS_CLUSTER= prod":                     "ECS_CLUSTER prod file 1",
		"ECS_ENGINE_AUTH_TYPE= dockercfg":       "ECS_ENGINE_AUTH_TYPE dockercfg file 1",
		"ECS_VOLUME_PLUGIN_CAPABILITIES=[1]":    "ECS_VOLUME_PLUGIN_CAPABILITIES [\"\"] file 1 replaced",
		"#ECS_DATADIR=":                         "ECS_DATADIR /data ecs-init 0",
		"ECS_CLUSTER=":                          "ECS_CLUSTER default agent 1",
		"ECS_CLUSTER=a\nECS_CLUSTER=b":          "ECS_CLUSTER b file 2",
		"export ECS_CLUSTER=prod":               "ECS_CLUSTER default agent 0",
		"ECS_CONTAINER_STOP_TIMEOUT=90s":        "ECS_CONTAINER_STOP_TIMEOUT 90s file 1",
		"ECS_CONTAINER_STOP_TIMEOUT=90":         "ECS_CONTAINER_STOP_TIMEOUT 30s agent 1 replaced",
		"ECS_CONTAINER_STOP_TIMEOUT=1ms":        "ECS_CONTAINER_STOP_TIMEOUT 1s file 1 replaced",
		"ECS_ENABLE_TASK_ENI=off":               "ECS_ENABLE_TASK_ENI false agent 1 replaced",
		"#ECS_ENABLE_TASK_ENI=":                 "ECS_ENABLE_TASK_ENI true ecs-init 0",
		"ECS_ENABLE_TASK_ENI=":                  "ECS_ENABLE_TASK_ENI false agent 1",
		"ECS_RESERVED_PORTS=[22,\"80\"]":        "ECS_RESERVED_PORTS [22,0] file 1 replaced",
		"ECS_RESERVED_PORTS=[22] # ssh":         "ECS_RESERVED_PORTS [22] file 1 replaced",
		"ECS_RESERVED_MEMORY= 32":               "ECS_RESERVED_MEMORY 0 agent 1 replaced",
		"ECS_AGENT_PID_NAMESPACE_HOST=\"true\"": "ECS_AGENT_PID_NAMESPACE_HOST true file 1",
		"#ECS_LOGFILE=":                         "ECS_LOGFILE /log/ecs-agent.log ecs-init 0",
		"#ECS_INSTANCE_ATTRIBUTES=":             "ECS_INSTANCE_ATTRIBUTES {} agent 0",
		"AWS_PROFILE=":                          "AWS_PROFILE  unset 1",
		"SOMETHING=1":                           "SOMETHING  unset 0",
	} {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "#"), "export "), "=")
		if name == "" {
			name = "ECS_CLUSTER"
		}
		s := ecsconfig.Parse([]byte(line + "\n")).Setting(name)
		got := fmt.Sprintf("%s %s %s %d", s.Name, s.Value.Reveal(), s.Source, s.Line)
		if s.Replaced {
			got += " replaced"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestEffectiveListsWhatWorksOnLinux(t *testing.T) {
	names := map[string]bool{}
	for _, s := range ecsconfig.Parse([]byte("ECS_CLUSTER=prod\n")).Effective() {
		names[s.Name] = true
	}
	for _, v := range ecsconfig.Catalogue() {
		if works := v.Platform != ecsconfig.WindowsOnly && v.Reader != ecsconfig.NoReader; names[v.Name] != works {
			t.Errorf("%s is listed: %v, want %v", v.Name, names[v.Name], works)
		}
	}
}

// TestCorrections writes the certain corrections into every file: each line has
// fewer or milder findings afterwards, and what was fine stays as it is.
func TestCorrections(t *testing.T) {
	corrected := 0
	for name, content := range files {
		if len(content) > 64<<10 {
			continue
		}
		file := ecsconfig.Parse([]byte(content))
		corrections := file.Corrections()
		if strings.HasPrefix(name, "fine/") && len(corrections) > 0 {
			t.Errorf("%s: corrections of a file that is fine", name)
		}
		if len(corrections) == 0 {
			continue
		}
		corrected += len(corrections)
		lines := strings.Split(content, "\n")
		for _, c := range corrections {
			lines[c.Line-1] = c.Text.Reveal()
		}
		before, after := weight(content), weight(strings.Join(lines, "\n"))
		if after >= before {
			t.Errorf("%s: the findings weigh %d before and %d after:\n%s", name, before, after, strings.Join(lines, "\n"))
		}
	}
	if corrected < 40 {
		t.Errorf("only %d corrections", corrected)
	}
}

// weight adds up the findings, an error as the heaviest.
func weight(content string) int {
	total := 0
	for _, f := range ecsconfig.Judge([]byte(content)) {
		total += map[string]int{"error": 10000, "warning": 100, "info": 1}[string(f.Severity)]
	}
	return total
}

func TestJudgePart(t *testing.T) {
	file := ecsconfig.Parse([]byte("ECS_LOGLEVEL=debug\n"))
	if whole := file.Judge(); len(whole) != 1 || whole[0].Severity != "warning" || whole[0].Code != "cluster-not-set" {
		t.Errorf("as a whole: %v", whole)
	}
	if part := file.JudgePart(); len(part) != 1 || part[0].Severity != "info" || part[0].Code != "cluster-not-set" {
		t.Errorf("as a part: %v", part)
	}
}
