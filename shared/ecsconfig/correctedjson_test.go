package ecsconfig_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// TestCorrectedJSON says what a JSON value was meant as, and whether that is
// certain enough to be written by a program.
func TestCorrectedJSON(t *testing.T) {
	const certain, shown, none = "certain", "shown", ""
	for line, want := range map[string]struct{ kind, value string }{
		`ECS_INSTANCE_ATTRIBUTES={"a":1}`:                                                {certain, `{"a":"1"}`},
		`ECS_INSTANCE_ATTRIBUTES={"b":1.50,"a":false}`:                                   {certain, `{"b":"1.50","a":"false"}`},
		`ECS_INSTANCE_ATTRIBUTES={"a":"x","b":2,}`:                                       {certain, `{"a":"x","b":"2"}`},
		`ECS_INSTANCE_ATTRIBUTES={"a":"x,}","b":2,}`:                                     {none, ""},
		`ECS_CONTAINER_INSTANCE_TAGS={"a":"x:}","b":2}`:                                  {none, ""},
		`ECS_INSTANCE_ATTRIBUTES={a: x, b: y-1}`:                                         {certain, `{"a":"x","b":"y-1"}`},
		`ECS_INSTANCE_ATTRIBUTES={'a':1}`:                                                {certain, `{"a":"1"}`},
		`ECS_INSTANCE_ATTRIBUTES=a=x,b=y`:                                                {shown, `{"a":"x","b":"y"}`},
		`ECS_INSTANCE_ATTRIBUTES=a:x`:                                                    {shown, `{"a":"x"}`},
		`ECS_INSTANCE_ATTRIBUTES={"a":"x"`:                                               {shown, `{"a":"x"}`},
		`ECS_INSTANCE_ATTRIBUTES=[{"name":"a","value":"x"}]`:                             {certain, `{"a":"x"}`},
		`ECS_CONTAINER_INSTANCE_TAGS=[{"Key":"a","Value":"x"},{"Value":7,"Key":"b"}]`:    {certain, `{"a":"x","b":"7"}`},
		`ECS_CONTAINER_INSTANCE_TAGS=[{"Key":"aws:a","Value":"x"}]`:                      {none, ""},
		`ECS_CONTAINER_INSTANCE_TAGS=[{"Key":"a","Value":"x","PropagateAtLaunch":true}]`: {none, ""},
		`ECS_CONTAINER_INSTANCE_TAGS=["a","x"]`:                                          {none, ""},
		`ECS_INSTANCE_ATTRIBUTES={"a":{"b":"c"}}`:                                        {none, ""},
		`ECS_INSTANCE_ATTRIBUTES={"a":["b"]}`:                                            {none, ""},
		`ECS_INSTANCE_ATTRIBUTES={"a b":1}`:                                              {none, ""},
		`ECS_INSTANCE_ATTRIBUTES=prod`:                                                   {none, ""},
		`ECS_INSTANCE_ATTRIBUTES={"a":1} x`:                                              {none, ""},
		`ECS_AGENT_LABELS={"team":7}`:                                                    {certain, `{"team":"7"}`},
		`ECS_VOLUME_PLUGIN_CAPABILITIES=['efsAuth']`:                                     {certain, `["efsAuth"]`},
		`ECS_RESERVED_PORTS=22-24,80`:                                                    {certain, `[22,23,24,80]`},
		`ECS_RESERVED_PORTS=1-65535`:                                                     {none, ""},
		`ECS_RESERVED_PORTS={"ssh":22}`:                                                  {none, ""},
	} {
		name, _, _ := strings.Cut(line, "=")
		file := ecsconfig.Parse([]byte("ECS_CLUSTER=prod\n" + line + "\n"))
		corrected, shows := "", false
		for _, c := range file.Corrections() {
			corrected = c.Text.Reveal()
		}
		for _, found := range file.Judge() {
			shows = shows || found.Fix == "Write "+name+"="+want.value
		}
		switch want.kind {
		case certain:
			if corrected != name+"="+want.value {
				t.Errorf("%s is corrected to %q, want %q", line, corrected, want.value)
			}
			for _, found := range ecsconfig.Judge([]byte("ECS_CLUSTER=prod\n" + corrected + "\n")) {
				if found.Severity != "info" {
					t.Errorf("%s is flagged again: %v", corrected, found)
				}
			}
		case shown:
			if corrected != "" || !shows {
				t.Errorf("%s is corrected to %q; shown: %v", line, corrected, shows)
			}
		default:
			if corrected != "" {
				t.Errorf("%s is corrected to %q", line, corrected)
			}
		}
	}
}

// FuzzCorrectedJSON looks for a correction that the agent doesn't take.
func FuzzCorrectedJSON(f *testing.F) {
	for _, value := range []string{`{"a":1}`, `{a:b}`, `[{"Key":"a","Value":"b"}]`, `{"a":"b",}`, `a=b,c=d`, `{"a":"\"",}`, `{"a":"\\",}`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\n") {
			return
		}
		for _, c := range ecsconfig.Parse([]byte("ECS_INSTANCE_ATTRIBUTES=" + value + "\n")).Corrections() {
			text, ok := strings.CutPrefix(c.Text.Reveal(), "ECS_INSTANCE_ATTRIBUTES=")
			var object map[string]string
			if err := json.Unmarshal([]byte(text), &object); ok && err != nil {
				t.Fatalf("%q is corrected to %q: %v", value, text, err)
			}
		}
	})
}
